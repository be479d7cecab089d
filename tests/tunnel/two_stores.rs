//! Two stores at one relay while one of them works: the other hears nothing of it, by no way.

use std::net::SocketAddr;

use gantry_tests::counterpart::{Counterpart, Simulated, gcode};
use gantry_tests::mqtt::Listener;
use gantry_tests::stream::Events;
use gantry_tests::until_it_holds;
use serde_json::json;

use crate::pair::Pair;

#[tokio::test]
async fn while_one_store_works_the_topics_and_the_stream_of_another_are_silent() {
    let pair = Pair::new().await;
    let ((first, busy), (second, quiet)) = (pair.store("Busy").await, pair.store("Quiet").await);
    let (first, second) = (first.store.to_string(), second.store.to_string());
    pair.claim(&pair.farm_owner().await, &busy).await;
    let mqtt: SocketAddr = pair.relay.as_ref().unwrap().mqtt_address;
    for filter in [format!("gantry/v1/{first}/#"), format!("gantry/v1/{first}/farms/{}", pair.farm_id())] {
        assert!(Listener::start(mqtt, &second, &quiet.key, &filter).await.is_none(), "{filter}");
    }
    let of_busy = Listener::start(mqtt, &first, &busy.key, "#").await.unwrap();
    let of_quiet = Listener::start(mqtt, &second, &quiet.key, "#").await.unwrap();
    let (mut seen, mut unseen) =
        (Events::open(&pair.relay_url, &busy.key).await, Events::open(&pair.relay_url, &quiet.key).await);

    // Work: accounts, catalogue, files, jobs, and a printer that shows live values.
    let printer = Simulated::start().await;
    let door = printer.door();
    let link = json!({"driver": "octoprint", "address": door.url, "credential": door.key});
    let printer = busy.post("/v1/printers", json!({"name": "P", "link": link})).await.good()["id"].as_str().unwrap().to_owned();
    let part = busy.post("/v1/parts", json!({"name": "Bracket"})).await.good();
    let file = busy.upload("a.gcode", &gcode(5)).await.good();
    let job = busy.post("/v1/jobs", json!({"file_id": file["id"], "part_id": part["id"]})).await.good();
    busy.post("/v1/api_keys", json!({"name": "K", "role": "viewer"})).await.good();
    busy.post(&format!("/v1/jobs/{}/cancel", job["id"].as_str().unwrap()), json!({})).await.good();
    let live = format!("gantry/v1/{first}/telemetry/{printer}");
    until_it_holds("live values come", async || of_busy.topics().contains(&live)).await;
    seen.event("job.cancelled", job["id"].as_str().unwrap()).await;
    seen.until("live values", |message| message.kind == "telemetry").await;
    let cancelled = format!("gantry/v1/{first}/events/job.cancelled");
    until_it_holds("the job's end is a message", async || of_busy.topics().contains(&cancelled)).await;
    pair.in_step().await;

    // The first that the other hears is its own.
    let own = quiet.post("/v1/api_keys", json!({"name": "Own", "role": "viewer"})).await.good();
    let own = own["api_key"]["id"].as_str().unwrap();
    let first_word = unseen.next().await;
    assert_eq!((&first_word.data["type"], &first_word.data["subject"]["id"]), (&json!("api_key.created"), &json!(own)));
    let told = format!("gantry/v1/{second}/events/api_key.created");
    until_it_holds("its own is a message", async || of_quiet.topics().contains(&told)).await;
    for message in of_quiet.heard() {
        assert!(message.topic.starts_with(&format!("gantry/v1/{second}/")), "{}", message.topic);
        let text = String::from_utf8_lossy(&message.payload);
        assert!(!text.contains(&first) && !text.contains(&printer), "{}: {text}", message.topic);
    }
    assert!(of_busy.heard().iter().all(|message| message.topic.starts_with(&format!("gantry/v1/{first}/"))));
    assert!(of_busy.topics().len() > 12, "there was work: {:?}", of_busy.topics());
}
