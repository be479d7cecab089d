//! A real mosquitto_sub listens at the relay's MQTT door, with a key that may see little.

use std::process::Stdio;

use domain::permission::Permission;
use serde_json::json;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;

use crate::place;
use crate::relay_farm::{Farm, id};

/// What mosquitto_sub hears in that version until it has so many messages: topics, and whether they were
/// retained. `then` is done once it has heard the first.
async fn heard(farm: &Farm, key: &str, version: &str, count: usize, then: impl Future<Output = ()>) -> Vec<String> {
    let (host, port, store) = (farm.mqtt.ip().to_string(), farm.mqtt.port().to_string(), farm.store());
    let mut command = Command::new(place("GANTRY_MOSQUITTO_SUB"));
    command.args(["-h", &host, "-p", &port, "-u", &store, "-P", key, "-V", version, "-q", "1", "-t", "#"]);
    command.args(["-F", "%t %r", "-C", &count.to_string(), "-W", "20"]);
    let mut listener = command.stdout(Stdio::piped()).stderr(Stdio::inherit()).kill_on_drop(true).spawn().unwrap();
    let mut lines = BufReader::new(listener.stdout.take().unwrap()).lines();
    let mut heard = vec![lines.next_line().await.unwrap().expect("it heard nothing")];
    then.await;
    while let Some(line) = lines.next_line().await.unwrap() {
        heard.push(line);
    }
    assert!(listener.wait().await.unwrap().success(), "it heard too little: {heard:?}");
    heard
}

#[tokio::test]
async fn mosquitto_sub_under_a_wildcard_hears_exactly_what_its_key_may_see() {
    let farm = Farm::new(|listener, door| drop(tokio::spawn(relay::mqtt::serve(listener, door)))).await;
    let (_, parts) = farm.key_with(&[Permission::PartView]).await;
    farm.printer().await;
    for version in ["mqttv311", "mqttv5"] {
        let old = id(&farm.post("/v1/parts", json!({"name": "old"})).await);
        // The present is one message; of what follows the pool is not for this key.
        let follow = async {
            farm.post("/v1/pools", json!({"name": "p", "tags": ["a"]})).await;
            farm.delete(&format!("/v1/parts/{old}")).await;
        };
        let expected = [
            format!("{} 1", farm.topic(&format!("parts/{old}"))),
            format!("{} 0", farm.topic("events/part.deleted")),
            format!("{} 0", farm.topic(&format!("parts/{old}"))),
        ];
        assert_eq!(heard(&farm, &parts, version, 3, follow).await, expected, "{version}");
    }
}

#[tokio::test]
async fn mosquitto_sub_is_refused_with_a_wrong_key() {
    let farm = Farm::new(|listener, door| drop(tokio::spawn(relay::mqtt::serve(listener, door)))).await;
    let mut command = Command::new(place("GANTRY_MOSQUITTO_SUB"));
    let port = farm.mqtt.port().to_string();
    command.args(["-h", "127.0.0.1", "-p", &port, "-u", &farm.store(), "-P", "gty_live_wrong", "-t", "#", "-W", "20"]);
    let done = command.output().await.unwrap();
    assert_eq!(done.status.code(), Some(4), "{}", String::from_utf8_lossy(&done.stderr));
}
