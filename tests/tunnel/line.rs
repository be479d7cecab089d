//! Calls, copies and live values over a line that stands.

use gantry_tests::counterpart::{Counterpart as _, Simulated};
use gantry_tests::until_it_holds;
use serde_json::json;

use crate::pair::{Caller, Pair};

#[tokio::test]
async fn what_is_written_at_the_relay_is_done_at_the_farm_and_read_at_once() {
    let pair = Pair::new().await;
    let (_, owner) = pair.store("Shop").await;
    let farm = pair.farm_owner().await;
    farm.post("/v1/pools", json!({"name": "Before", "tags": ["a"]})).await.good();
    pair.claim(&farm, &owner).await;
    let made = owner.post("/v1/pools", json!({"name": "Large", "tags": ["b"]})).await.good();
    let path = format!("/v1/pools/{}", made["id"].as_str().unwrap());
    let read = owner.get(&path).await;
    assert!(read.headers.contains_key("gantry-as-of") && !read.headers.contains_key("gantry-farm"));
    assert_eq!(read.good()["name"], "Large");
    assert_eq!(farm.get(&path).await.good()["name"], "Large");
    pair.in_step().await;
    assert_eq!(owner.ids("/v1/pools").await, farm.ids("/v1/pools").await);
    let numbers = |page: serde_json::Value| -> Vec<_> {
        page["items"].as_array().unwrap().iter().map(|event| (event["id"].clone(), event["number"].clone())).collect()
    };
    let events = "/v1/events?type=pool.created";
    assert_eq!(numbers(owner.get(events).await.good()), numbers(farm.get(events).await.good()));
}

#[tokio::test]
async fn a_key_that_is_revoked_at_the_relay_opens_nothing_at_the_farm_a_moment_later() {
    let pair = Pair::new().await;
    let (_, owner) = pair.store("Shop").await;
    pair.claim(&pair.farm_owner().await, &owner).await;
    let made = owner.post("/v1/api_keys", json!({"name": "Wall", "permissions": ["printer.view"]})).await.good();
    let wall = Caller::new(&pair.farm_url(), made["secret"].as_str().unwrap());
    until_it_holds("the key opens the farm", async || wall.get("/v1/printers").await.status == 200).await;
    let id = made["api_key"]["id"].as_str().unwrap();
    owner.ask(reqwest::Method::POST, &format!("/v1/api_keys/{id}/revoke"), None, &[]).await.good();
    until_it_holds("the key opens nothing", async || wall.get("/v1/printers").await.status == 401).await;
}

#[tokio::test]
async fn a_secret_that_was_replaced_ends_at_the_farm_on_time_also_while_the_relay_is_away() {
    let mut pair = Pair::new().await;
    let (_, owner) = pair.store("Shop").await;
    pair.claim(&pair.farm_owner().await, &owner).await;
    let made = owner.post("/v1/api_keys", json!({"name": "Wall", "permissions": ["printer.view"]})).await.good();
    let old = Caller::new(&pair.farm_url(), made["secret"].as_str().unwrap());
    until_it_holds("the key opens the farm", async || old.get("/v1/printers").await.status == 200).await;
    let path = format!("/v1/api_keys/{}/roll", made["api_key"]["id"].as_str().unwrap());
    let rolled = owner.post(&path, json!({"overlap_seconds": 4})).await.good();
    let new = old.with(rolled["secret"].as_str().unwrap());
    until_it_holds("the new secret opens the farm", async || new.get("/v1/printers").await.status == 200).await;
    pair.relay = None;
    assert_eq!(old.get("/v1/printers").await.status, 200, "both open");
    until_it_holds("the old secret opens nothing", async || old.get("/v1/printers").await.status == 401).await;
    assert_eq!(new.get("/v1/printers").await.status, 200);
}

#[tokio::test]
async fn live_values_come_to_the_relay_for_as_long_as_somebody_looks() {
    let pair = Pair::new().await;
    let (_, owner) = pair.store("Shop").await;
    let farm = pair.farm_owner().await;
    let machine = Simulated::start().await;
    let link = json!({"driver": "octoprint", "address": machine.door().url, "credential": machine.door().key});
    let measures = json!({"model": "MK4S", "nozzle_mm": 0.4, "build_volume_mm": {"x": 250.0, "y": 210.0, "z": 220.0}});
    let printer = json!({"name": "P01", "link": link, "machine": measures});
    let made = farm.post("/v1/printers", printer).await.good();
    let id = made["id"].as_str().unwrap();
    pair.claim(&farm, &owner).await;
    let tunnels = &pair.relay.as_ref().unwrap().accounts.tunnels;
    let printer_id = id.parse().unwrap();
    assert!(api::forward::Farms::telemetry(tunnels.as_ref(), printer_id).is_none(), "nobody looks, nothing comes");
    let mut stream = owner.stream("/v1/stream?telemetry=true").await;
    let shown = stream.until("live values", |message| message.kind == "telemetry" && message.data["printer_id"] == id).await;
    assert!(shown.data["telemetry"].is_object(), "{:?}", shown.data);
    drop(stream);
    until_it_holds("nothing comes any more", async || api::forward::Farms::telemetry(tunnels.as_ref(), printer_id).is_none())
        .await;
    // Asked for once, it is asked of the farm itself.
    assert!(owner.get(&format!("/v1/printers/{id}/telemetry")).await.good()["telemetry"].is_object());
}

#[tokio::test]
async fn a_farm_that_was_away_writes_down_that_a_key_was_revoked_before_it_does_what_is_asked_of_it() {
    let mut pair = Pair::new().await;
    let (made_store, owner) = pair.store("Shop").await;
    pair.claim(&pair.farm_owner().await, &owner).await;
    let made = owner.post("/v1/api_keys", json!({"name": "Wall", "permissions": ["pool.view"]})).await.good();
    let wall = Caller::new(&pair.farm_url(), made["secret"].as_str().unwrap());
    until_it_holds("the key opens the farm", async || wall.get("/v1/pools").await.status == 200).await;
    pair.farm = None;
    pair.gone().await;
    // The request is there first, and so is the line: only the order in which the farm is told decides.
    let pool = owner.post("/v1/pools", json!({"name": "Later", "tags": ["a"]})).await;
    assert_eq!(pool.status, 202);
    let id = made["api_key"]["id"].as_str().unwrap();
    owner.ask(reqwest::Method::POST, &format!("/v1/api_keys/{id}/revoke"), None, &[]).await.good();
    pair.start_farm().await;
    let path = format!("/v1/pools/{}", pool.body["id"].as_str().unwrap());
    until_it_holds("the farm has done it", async || owner.get(&path).await.good()["revision"] != 0).await;
    let store = &pair.farm.as_ref().unwrap().door.store;
    let (keys, rows) = store
        .read(|rows| {
            let keys = rows.keys_after(made_store.store, 0, 100)?;
            Ok::<_, store::StoreError>((keys, rows.feed_after(made_store.store, 0, 1000)?))
        })
        .unwrap();
    let revoked = keys.iter().find(|key| key.row.id == id).unwrap();
    assert_eq!(revoked.row.document["state"], "revoked");
    let made = rows.iter().find(|row| path.ends_with(&row.id)).unwrap();
    assert!(revoked.row.position < made.position, "{} {}", revoked.row.position, made.position);
}
