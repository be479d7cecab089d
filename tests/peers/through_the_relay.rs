//! The whole way as somebody far from the farm goes it: a sliced file to the relay, the relay to the farm, the farm to a real
//! printer's server; what happens there comes back by MQTT and by webhook. Agent and relay are processes.

use std::collections::BTreeSet;
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use gantry_tests::counterpart::{Counterpart, Door};
use gantry_tests::farm::{Farm, id_of};
use gantry_tests::relay::{Relay, Shop};
use gantry_tests::until_it_holds;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use crate::moonraker::Moonraker;
use crate::octoprint::OctoPrint;
use crate::place;
use crate::slicer::{sliced_coin, sliced_for_a_real_nozzle};
use crate::webhooks::Receiver;

/// How long a print may take: a real Klipper moves in real time.
const PRINT: Duration = Duration::from_secs(240);

/// A real mosquitto_sub on everything.
struct Listener {
    _child: Child,
    heard: Arc<Mutex<Vec<(String, Value)>>>,
}

impl Listener {
    /// One with that key. It is there when it has heard of the printer.
    async fn start(relay: &Relay, shop: &Shop, key: &str, printer: &str) -> Self {
        let (host, port) = (relay.mqtt.address.ip().to_string(), relay.mqtt.address.port().to_string());
        let mut command = Command::new(place("GANTRY_MOSQUITTO_SUB"));
        command.args(["-h", &host, "-p", &port, "-u", &shop.id, "-P", key, "-V", "mqttv5", "-q", "1", "-t", "#", "-F", "%t %p"]);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::inherit()).kill_on_drop(true).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let heard: Arc<Mutex<Vec<(String, Value)>>> = Arc::default();
        let listener = Self { _child: child, heard: Arc::clone(&heard) };
        tokio::spawn(async move {
            while let Ok(Some(line)) = lines.next_line().await {
                let (topic, payload) = line.split_once(' ').unwrap();
                heard.lock().unwrap().push((topic.to_owned(), serde_json::from_str(payload).unwrap_or_default()));
            }
        });
        let there = format!("gantry/v1/{}/printers/{printer}", shop.id);
        until_it_holds("the present is heard", async || listener.topics().contains(&there)).await;
        listener
    }

    fn topics(&self) -> BTreeSet<String> {
        self.heard.lock().unwrap().iter().map(|(topic, _)| topic.clone()).collect()
    }

    /// Whether it has heard of that printer in the middle of its print.
    fn progress(&self, topic: &str) -> bool {
        let heard = self.heard.lock().unwrap();
        let of_it = heard.iter().filter(|(heard, _)| heard == topic);
        of_it.filter_map(|(_, payload)| payload["telemetry"]["progress"].as_f64()).any(|share| share > 0.0 && share < 1.0)
    }
}

/// curl against the relay's API; its answer must be a good one.
async fn curl(relay: &Relay, key: &str, path: &str, more: &[&str]) -> Value {
    let mut command = Command::new("curl");
    command.args(["--silent", "--show-error", "--fail-with-body", "--max-time", "30", "--noproxy", "*"]);
    command.args(["-H", &format!("authorization: Bearer {key}")]).args(more).arg(format!("{}{path}", relay.url));
    let done = command.output().await.unwrap();
    assert!(done.status.success(), "{path}: {done:?}");
    serde_json::from_slice(&done.stdout).unwrap()
}

/// Prints that file on the printer of that door, all of it asked for and seen at the relay.
async fn printed_from_afar(driver: &str, door: &Door, sliced: String) {
    let (relay, farm) = tokio::join!(Relay::start(), Farm::start_with(""));
    let shop = relay.store("Shop").await;
    relay.claim(&farm, &shop.owner).await;
    let owner = &shop.owner;
    let link = json!({"driver": driver, "address": door.url, "credential": door.key});
    let printer =
        id_of(&owner.post("/v1/printers", json!({"name": "P01", "link": link, "machine": gantry_tests::farm::machine()})).await);
    owner.until(&format!("/v1/printers/{printer}"), "a printer that is heard", |seen| seen["connection"] == "online").await;

    let mut receiver = Receiver::start().await;
    let webhook = json!({"name": "W", "url": receiver.url, "event_types": ["job.completed"], "permissions": ["job.view"]});
    let webhook = owner.post("/v1/webhooks", webhook).await;
    let reader = owner.key("reader", &["job.view"]).await;
    receiver.knows(&webhook["secret"], &relay.url, &reader.key).await;
    let dashboard = owner.key("dashboard", &["job.view", "printer.view", "telemetry.view"]).await;
    let begun = owner.all("/v1/events?limit=200").await.len();
    let listener = Listener::start(&relay, &shop, &dashboard.key, &printer).await;

    let folder = tempfile::tempdir().unwrap();
    let coin = folder.path().join("coin.gcode");
    std::fs::write(&coin, sliced).unwrap();
    let file = curl(&relay, &owner.key, "/v1/files", &["-F", &format!("file=@{}", coin.display())]).await;
    let asked = json!({"file_id": file["id"], "name": "Coin"}).to_string();
    let job = curl(&relay, &owner.key, "/v1/jobs", &["-H", "content-type: application/json", "-d", &asked]).await;
    let job = id_of(&job);
    // Things that the dashboard's key may not see happen beside it.
    owner.post("/v1/parts", json!({"name": "Secret"})).await;
    owner.post("/v1/pools", json!({"name": "Secret", "tags": ["a"]})).await;
    let seen = owner.until(&format!("/v1/printers/{printer}"), "an idle printer", |seen| seen["activity"] == "idle").await;
    owner.post(&format!("/v1/printers/{printer}/clear-bed"), json!({"bed_use": seen["bed_use"], "start_next": true})).await;

    let live = format!("gantry/v1/{}/telemetry/{printer}", shop.id);
    until_it_holds("progress is seen", async || listener.progress(&live)).await;
    let ended = farm.until_within(PRINT, &format!("/v1/jobs/{job}"), "an ended print", |job| job["phase"] == "done").await;
    assert_eq!(ended["state"], "completed", "{ended}");
    let completed = receiver.next().await;
    assert_eq!((&completed["told"]["type"], &completed["told"]["subject"]["id"]), (&json!("job.completed"), &json!(job)));
    assert_eq!((&completed["shown"]["id"], &completed["shown"]["state"]), (&json!(job), &json!("completed")), "at that moment");

    let rests = |seen: &Value| seen["activity"] == "idle" || seen["activity"] == "finished";
    farm.until(&format!("/v1/printers/{printer}"), "a printer that rests", rests).await;
    relay.in_step(&farm, owner).await;
    let log = owner.all("/v1/events?limit=200").await.split_off(begun);
    let kind_of = |event: &Value| event["subject"]["kind"].as_str().unwrap().to_owned();
    let shown = ["printer", "job", "attempt", "command", "slot"];
    let (mine, others): (Vec<&Value>, Vec<&Value>) = log.iter().partition(|event| shown.contains(&kind_of(event).as_str()));
    let kinds: BTreeSet<String> = others.into_iter().map(kind_of).collect();
    assert!(["file", "part", "pool"].iter().all(|kind| kinds.contains(*kind)), "there was something to hide: {kinds:?}");
    let topic = |rest: String| format!("gantry/v1/{}/{rest}", shop.id);
    let of_event = |event: &&Value| {
        let (kind, id) = (kind_of(event), event["subject"]["id"].as_str().unwrap());
        [topic(format!("events/{}", event["type"].as_str().unwrap())), topic(format!("{kind}s/{id}"))]
    };
    let mut expected: BTreeSet<String> = mine.iter().flat_map(of_event).collect();
    expected.extend([live, topic(format!("printers/{printer}"))]);
    until_it_holds("all of it is heard", async || listener.topics().is_superset(&expected)).await;
    assert_eq!(listener.topics(), expected, "and nothing else");
    for event in ["job.created", "job.assigned", "job.started", "job.completed", "printer.needs_clear"] {
        assert!(expected.contains(&topic(format!("events/{event}"))), "{event}");
    }
}

#[tokio::test]
async fn a_sliced_file_given_to_the_relay_is_printed_by_a_real_octoprint_and_told_to_who_may_know() {
    let octoprint = OctoPrint::start();
    printed_from_afar("octoprint", &octoprint.door(), sliced_coin(6)).await;
}

#[tokio::test]
async fn a_sliced_file_given_to_the_relay_is_printed_by_a_real_klipper_and_told_to_who_may_know() {
    let moonraker = Moonraker::start();
    printed_from_afar("moonraker", &moonraker.door, sliced_for_a_real_nozzle()).await;
}
