//! What is asked of a farm that is away, and what happens when it comes back.

use gantry_tests::until_it_holds;
use reqwest::Method;
use serde_json::json;

use crate::pair::Pair;

#[tokio::test]
async fn calls_for_a_farm_that_is_away_are_kept_with_their_ids_and_done_once_in_order() {
    let mut pair = Pair::new().await;
    let (_, owner) = pair.store("Shop").await;
    pair.claim(&pair.farm_owner().await, &owner).await;
    pair.in_step().await;
    let farm_id = pair.farm_id();
    pair.farm = None;
    pair.gone().await;

    let key = [("idempotency-key", "once")];
    let part = owner.ask(Method::POST, "/v1/parts", Some(json!({"name": "Bracket"})), &key).await;
    assert_eq!(part.status, 202);
    let again = owner.ask(Method::POST, "/v1/parts", Some(json!({"name": "Bracket"})), &key).await;
    assert_eq!((again.status, &again.body["id"]), (202, &part.body["id"]));
    let sku = owner.post("/v1/skus", json!({"name": "Vase", "code": "V-1"})).await;
    assert_eq!(sku.status, 202);
    let shown = owner.get(&format!("/v1/parts/{}", part.body["id"].as_str().unwrap())).await;
    assert!(shown.headers["gantry-farm"].to_str().unwrap().starts_with("offline; since="));
    assert_eq!(shown.good()["pending"], true);
    for path in [format!("/v1/farms/{farm_id}/stop-all"), format!("/v1/farms/{farm_id}/pause-all")] {
        assert_eq!(owner.ask(Method::POST, &path, None, &[]).await.code(), (503, "farm_offline"));
    }

    pair.start_farm().await;
    pair.connected().await;
    let part_path = format!("/v1/parts/{}", part.body["id"].as_str().unwrap());
    until_it_holds("the farm has both", async || {
        let sku = owner.get(&format!("/v1/skus/{}", sku.body["id"].as_str().unwrap())).await.good();
        sku["revision"] != 0
    })
    .await;
    let done = owner.get(&part_path).await.good();
    assert_eq!((&done["revision"], done.get("pending")), (&json!(1), None));
    let floor = owner.at(&pair.farm_url());
    assert_eq!(floor.ids("/v1/parts").await.len(), 1);
    // The same key at the farm's own door is the same part.
    let same = floor.ask(Method::POST, "/v1/parts", Some(json!({"name": "Bracket"})), &key).await;
    assert_eq!((same.status, &same.body["id"]), (201, &part.body["id"]));
    pair.in_step().await;
    let commands = owner.get("/v1/commands").await.good();
    assert!(commands["items"].as_array().unwrap().iter().all(|command| command["state"] == "completed"), "{commands}");
}

#[tokio::test]
async fn what_happened_while_the_relay_was_away_arrives_in_order_and_none_twice() {
    let mut pair = Pair::new().await;
    let (_, owner) = pair.store("Shop").await;
    pair.claim(&pair.farm_owner().await, &owner).await;
    pair.in_step().await;
    let floor = owner.at(&pair.farm_url());
    pair.relay = None;
    for n in 0..50 {
        floor.post("/v1/pools", json!({"name": format!("Pool {n}"), "tags": ["a"]})).await.good();
    }
    pair.start_relay().await;
    pair.connected().await;
    pair.in_step().await;
    let numbers = |page: serde_json::Value| -> Vec<(u64, String, String)> {
        let items = page["items"].as_array().unwrap().iter().filter(|event| event["type"] == "pool.created");
        let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
        items.map(|event| (event["number"].as_u64().unwrap(), text(&event["id"]), text(&event["occurred_at"]))).collect()
    };
    let events = "/v1/events?limit=200&type=pool.created";
    let told = numbers(owner.get(events).await.good());
    assert_eq!(told.len(), 50);
    assert_eq!(told, numbers(floor.get(events).await.good()));
}

#[tokio::test]
async fn a_farm_that_was_set_back_to_an_older_database_starts_nothing_and_is_copied_anew() {
    let mut pair = Pair::new().await;
    let (_, owner) = pair.store("Shop").await;
    pair.claim(&pair.farm_owner().await, &owner).await;
    pair.farm = None;
    pair.gone().await;
    let image = pair.save_farm();
    pair.start_farm().await;
    pair.connected().await;
    owner.post("/v1/pools", json!({"name": "Lost", "tags": ["a"]})).await.good();
    pair.in_step().await;
    pair.farm = None;
    pair.gone().await;
    pair.restore_farm(&image);
    pair.start_farm().await;
    until_it_holds("the copy is that of the farm as it is now", async || owner.ids("/v1/pools").await.is_empty()).await;
    pair.in_step().await;
    let farm = owner.get(&format!("/v1/farms/{}", pair.farm_id())).await.good();
    assert_eq!(farm["dispatch"], "stop");
    let next = owner.post("/v1/pools", json!({"name": "Next", "tags": ["a"]})).await.good();
    pair.in_step().await;
    // It is told above what the other life of the database told: the relay takes no number twice.
    let told = owner.get("/v1/events?type=pool.created").await.good();
    let told = told["items"].as_array().unwrap();
    assert!(told.iter().any(|event| event["subject"]["id"] == next["id"]), "{told:?}");
}

#[tokio::test]
async fn a_farm_that_is_away_is_told_and_shown_to_be_away_and_back() {
    let mut pair = Pair::new().await;
    let (_, owner) = pair.store("Shop").await;
    pair.claim(&pair.farm_owner().await, &owner).await;
    let (farm, told) = (format!("/v1/farms/{}", pair.farm_id()), "/v1/events?type=farm.disconnected,farm.connected");
    let types = async || -> Vec<String> {
        let page = owner.get(told).await.good();
        page["items"].as_array().unwrap().iter().map(|event| event["type"].as_str().unwrap().to_owned()).collect()
    };
    until_it_holds("it was told to be there", async || types().await == ["farm.connected"]).await;
    let page = owner.get(told).await.good();
    assert_eq!(page["items"][0]["farm_id"], pair.farm_id());
    let elsewhere = json!({"name": "elsewhere", "role": "viewer", "farms": ["farm_019ab3e8fbd87000800000000000beef"]});
    let elsewhere = owner.with(owner.post("/v1/api_keys", elsewhere).await.good()["secret"].as_str().unwrap());
    assert_eq!(elsewhere.get(told).await.good()["items"], json!([]), "who holds other farms alone is told nothing of this one");
    pair.farm = None;
    until_it_holds("it was told to be away", async || types().await.contains(&"farm.disconnected".to_owned())).await;
    assert_eq!(owner.get(&farm).await.good()["connection"], "offline");
    pair.start_farm().await;
    until_it_holds("it was told to be back", async || types().await.len() == 3).await;
    assert_eq!(owner.get(&farm).await.good()["connection"], "online");
}
