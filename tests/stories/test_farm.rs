//! An integration is tried out with a test key on a test farm, while the real farm goes on and hears nothing of it.

use std::net::SocketAddr;
use std::process::Stdio;

use domain::time::Timestamp;
use gantry_tests::caller::Caller;
use gantry_tests::counterpart::{Counterpart, Simulated};
use gantry_tests::farm::{first_line, gantry, id_of};
use gantry_tests::floor::Floor;
use gantry_tests::hook::Hook;
use gantry_tests::mqtt::Listener;
use gantry_tests::relay::{Relay, Shop, connected};
use gantry_tests::until_it_holds;
use reqwest::Method;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::process::Command;

/// A test key of that store, which is given all that a key can be given.
async fn test_key(shop: &Shop) -> Caller {
    let made = shop.owner.post("/v1/api_keys", json!({"name": "try out", "role": "admin", "test": true})).await;
    let secret = made["secret"].as_str().unwrap();
    assert!(secret.starts_with("gty_test_"), "{made}");
    Caller { key: secret.to_owned(), ..shop.owner.clone() }
}

async fn webhook(shop: &Shop, hook: &Hook, test_events: bool) {
    let body = json!({
        "name": "W", "url": hook.url, "permissions": ["job.view"], "event_types": ["job.completed"], "test_events": test_events,
    });
    shop.owner.post("/v1/webhooks", body).await;
}

/// Sliced for the printers of a test farm.
fn gcode(seconds: u32) -> String {
    Simulated::gcode(seconds).replace("MK3S", "MK4S")
}

fn told(hook: &Hook) -> Vec<(Value, Value)> {
    hook.letters().iter().map(|letter| (letter.event["live"].clone(), letter.event["subject"]["id"].clone())).collect()
}

#[tokio::test]
async fn with_a_test_key_a_whole_order_runs_on_the_test_farm_in_a_sixtieth_of_its_time_and_the_real_farm_is_untouched() {
    let (mut relay, floor) = tokio::join!(Relay::start(), Floor::<Simulated>::start());
    let shop = relay.store("Shop").await;
    relay.claim(&floor.farm, &shop.owner).await;
    relay.kill9().await;
    relay.start_again_with(&["--test-farm"]).await;
    connected(&floor.farm).await;
    let (plain, asked) = (Hook::start().await, Hook::start().await);
    webhook(&shop, &plain, false).await;
    webhook(&shop, &asked, true).await;

    let key = test_key(&shop).await;
    let farms = key.all("/v1/farms").await;
    assert_eq!((farms.len(), &farms[0]["live"]), (1, &json!(false)), "{farms:?}");
    let (test_farm, real_farm) = (id_of(&farms[0]), id_of(&floor.farm.record().await));
    let mqtt: SocketAddr = relay.mqtt.address;
    let ear = Listener::start(mqtt, &shop.id, &key.key, "#").await.unwrap();

    // The order and the job name no farm: both come to the test farm, and the job runs there to its end.
    let order = key.post("/v1/orders", json!({"name": "1042"})).await;
    let file = key.upload("bracket.gcode", gcode(240)).await.body;
    let job = key.post("/v1/jobs", json!({"file_id": file["id"], "external_id": "1042-1"})).await;
    assert!([&order, &file, &job].iter().all(|made| made["farm_id"] == test_farm.as_str()), "{order} {file} {job}");
    let done = key.until(&format!("/v1/jobs/{}", id_of(&job)), "a completed job", |job| job["state"] == "completed").await;
    let at = |field: &str| done[field].as_str().unwrap().parse::<Timestamp>().unwrap();
    let took = at("ended_at").millis_since(at("started_at"));
    assert!((3_000..60_000).contains(&took), "four minutes took {took} ms");
    let cleared = |printers: &Value| printers["items"].as_array().unwrap().iter().all(|printer| printer["bed"] == "clear");
    key.until("/v1/printers", "beds that somebody cleared", cleared).await;
    until_it_holds("who asked is told", async || !told(&asked).is_empty()).await;
    assert_eq!(told(&asked), [(json!(false), job["id"].clone())]);

    // A live key without a farm in hand means the real one; the printers of the test farm never take its job.
    floor.clear().await;
    let file = shop.owner.upload("real.gcode", Simulated::gcode(1)).await.body;
    let real = shop.owner.post("/v1/jobs", json!({"file_id": file["id"], "target": {"printer_id": floor.printer}})).await;
    assert_eq!((&real["farm_id"], &file["farm_id"]), (&json!(real_farm), &json!(real_farm)));
    shop.owner.until(&format!("/v1/jobs/{}", id_of(&real)), "a completed job", |job| job["state"] == "completed").await;
    until_it_holds("both are told", async || told(&asked).len() == 2 && !told(&plain).is_empty()).await;
    assert_eq!(told(&plain), [(json!(true), real["id"].clone())], "who did not ask hears of the real job alone");
    let at_the_floor = floor.farm.get("/v1/jobs").await;
    assert_eq!(at_the_floor["items"].as_array().unwrap().iter().map(id_of).collect::<Vec<_>>(), [id_of(&real)]);
    assert_eq!(floor.machine.begun().await, 1);
    let mine = key.all("/v1/jobs").await;
    assert_eq!(mine.iter().map(id_of).collect::<Vec<_>>(), [id_of(&job)]);

    // To the test key nothing of the real farm is there, at no door; and it makes nothing of the account.
    for path in
        [format!("/v1/jobs/{}", id_of(&real)), format!("/v1/printers/{}", floor.printer), format!("/v1/farms/{real_farm}")]
    {
        assert_eq!(key.call(Method::GET, &path, None).await.status, 404, "{path}");
    }
    let stop = key.call(Method::POST, &format!("/v1/farms/{real_farm}/stop-all"), None).await;
    assert_eq!(stop.status, 404, "{}", stop.body);
    let lan = key.at(&floor.farm.url).call(Method::GET, "/v1/jobs", None).await;
    assert_eq!((lan.status, &lan.body["code"]), (403, &json!("test_key")));
    for (path, body) in [
        ("/v1/api_keys", json!({"name": "K", "role": "viewer"})),
        ("/v1/webhooks", json!({"name": "W", "url": asked.url, "role": "viewer"})),
    ] {
        let refused = key.call(Method::POST, path, Some(body)).await;
        assert_eq!((refused.status, &refused.body["code"]), (403, &json!("test_key")), "{path}");
    }
    let completed = |message: &gantry_tests::mqtt::Message| message.topic.ends_with("/events/job.completed");
    until_it_holds("the test key hears of its own job", async || ear.heard().iter().any(completed)).await;
    for message in ear.heard() {
        let text = format!("{} {}", message.topic, String::from_utf8_lossy(&message.payload));
        assert!(!text.contains(&real_farm) && !text.contains(&floor.printer) && !text.contains(&id_of(&real)), "{text}");
    }
}

#[tokio::test]
async fn a_relay_that_was_killed_finds_its_test_farm_again_and_what_stands_there() {
    let mut relay = Relay::start().await;
    let shop = relay.store("Shop").await;
    let options = ["--test-farm", shop.id.as_str(), "--test-printers", "1", "--test-keep-beds"];
    relay.kill9().await;
    relay.start_again_with(&options).await;
    let key = test_key(&shop).await;
    let before = key.all("/v1/farms").await;
    let file = key.upload("hook.gcode", gcode(60)).await.body;
    let job = key.post("/v1/jobs", json!({"file_id": file["id"]})).await;
    key.until(&format!("/v1/jobs/{}", id_of(&job)), "a completed job", |job| job["state"] == "completed").await;
    key.until("/v1/printers", "a bed that nobody cleared", |printers| printers["items"][0]["display"] == "needs_clear").await;
    relay.kill9().await;
    relay.start_again_with(&options).await;
    let after = key.all("/v1/farms").await;
    assert_eq!((after.len(), &after[0]["id"]), (1, &before[0]["id"]));
    key.until("/v1/printers", "the bed as it was", |printers| printers["items"][0]["bed"] == "needs_clear").await;
    assert_eq!(key.get(&format!("/v1/jobs/{}", id_of(&job))).await["state"], "completed");
}

#[tokio::test]
async fn a_test_farm_that_runs_apart_is_claimed_as_what_it_is_and_its_folder_stays_one() {
    let relay = Relay::start().await;
    let shop = relay.store("Shop").await;
    let folder = TempDir::new().unwrap();
    let start = |line: &[&str]| {
        let mut command = Command::new(gantry());
        command.args(line).arg("--json").arg("--data").arg(folder.path()).env_remove("GANTRY_DATA");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        command.spawn().unwrap()
    };
    let mut child = start(&["test-farm", &relay.url, "--port", "0", "--test-printers", "1"]);
    let first = first_line(&mut child).await.expect("it starts, and shows its code in one line of JSON");
    let asked = shop.owner.get(&format!("/v1/pairings/{}", first["user_code"].as_str().unwrap())).await;
    assert_eq!((&asked["live"], &asked["fingerprint"]), (&json!(false), &first["fingerprint"]));
    shop.owner.post("/v1/farms/claim", json!({"user_code": first["user_code"], "fingerprint": first["fingerprint"]})).await;
    let key = test_key(&shop).await;
    key.until("/v1/printers", "its printer", |printers| printers["items"][0]["connection"] == "online").await;
    let wrong = shop.owner.get("/v1/farms?live=true").await;
    assert_eq!(wrong["items"], json!([]));
    child.kill().await.unwrap();

    // Its printers are no real ones: as a real farm it does not start.
    let refused = start(&["agent", "--listen", "127.0.0.1:0"]).wait_with_output().await.unwrap();
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success() && said.contains("made as a test farm"), "{said}");
}
