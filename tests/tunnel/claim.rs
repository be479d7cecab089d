//! How a farm comes to belong to a store, and how it leaves.

use gantry_tests::until_it_holds;
use serde_json::json;

use crate::pair::{Caller, Pair};

#[tokio::test]
async fn a_farm_that_ran_unclaimed_is_claimed_with_its_keys_rows_events_and_audit_whole() {
    let pair = Pair::new().await;
    let farm = pair.farm_owner().await;
    let wall = farm.key(&["pool.view"]).await;
    for n in 1..=3 {
        farm.post("/v1/pools", json!({"name": format!("Pool {n}"), "tags": ["a"]})).await.good();
    }
    let (pools, events) = (farm.get("/v1/pools").await.good(), farm.get("/v1/events?limit=200").await.good());
    let (store, owner) = pair.store("Shop").await;
    pair.claim(&farm, &owner).await;
    pair.in_step().await;
    let door = &pair.farm.as_ref().unwrap().door;
    assert_eq!(door.home().store_id, store.store);
    assert_eq!(farm.get("/v1/pools").await.good(), pools, "no revision and no time changed");
    let at_the_relay = owner.get("/v1/pools").await.good();
    let ids = |page: &serde_json::Value| -> Vec<_> {
        page["items"].as_array().unwrap().iter().map(|item| (item["id"].clone(), item["revision"].clone())).collect()
    };
    assert_eq!(ids(&at_the_relay), ids(&pools));
    let told = |page: &serde_json::Value| -> Vec<_> {
        let items = page["items"].as_array().unwrap().iter();
        items
            .filter(|event| event["type"] == "pool.created")
            .map(|event| (event["id"].clone(), event["number"].clone()))
            .collect()
    };
    assert_eq!(told(&owner.get("/v1/events?limit=200").await.good()), told(&events));
    assert!(door.store.read(|rows| rows.audit_break(&door.home().farm_id.to_string())).unwrap().is_none());
    // The farm's own keys open the relay now, and still the farm; what they are is said at the relay.
    assert_eq!(wall.at(&pair.relay_url).get("/v1/pools").await.status, 200);
    assert_eq!(wall.get("/v1/pools").await.status, 200);
    let refused = farm.post("/v1/api_keys", json!({"name": "late", "permissions": ["pool.view"]})).await;
    assert_eq!(refused.code(), (409, "relay_only"));
    assert!(refused.body["detail"].as_str().unwrap().contains(&pair.relay_url));
}

#[tokio::test]
async fn after_another_store_claimed_it_nothing_of_the_first_store_is_readable() {
    let pair = Pair::new().await;
    let (_, first) = pair.store("First").await;
    pair.claim(&pair.farm_owner().await, &first).await;
    let part = first.post("/v1/parts", json!({"name": "Secret part"})).await.good();
    let order = first.post("/v1/orders", json!({"name": "1042"})).await.good();
    let sku = first.post("/v1/skus", json!({"name": "Vase", "code": "V-1"})).await.good();
    let pool = first.post("/v1/pools", json!({"name": "Rack", "tags": ["a"]})).await.good();
    let events = first.ids("/v1/events?limit=200").await;
    pair.in_step().await;
    let wall = first.key(&["part.view", "order.view"]).await.at(&pair.farm_url());
    until_it_holds("the first store's key opens the farm", async || wall.get("/v1/parts").await.status == 200).await;

    first.ask(reqwest::Method::POST, &format!("/v1/farms/{}/unpair", pair.farm_id()), None, &[]).await.good();
    until_it_holds("the farm is free", async || wall.get("/v1/parts").await.status == 401).await;
    let farm = pair.farm_owner().await;
    assert_eq!(farm.ids("/v1/pools").await, [pool["id"].as_str().unwrap()], "the floor is whole");
    let (_, second) = pair.store("Second").await;
    pair.claim(&farm, &second).await;
    pair.in_step().await;
    assert_eq!(second.ids("/v1/pools").await, [pool["id"].as_str().unwrap()]);
    let of_first: Vec<String> = [("parts", &part), ("orders", &order), ("skus", &sku)]
        .into_iter()
        .map(|(noun, thing)| format!("/v1/{noun}/{}", thing["id"].as_str().unwrap()))
        .chain(events.iter().map(|event| format!("/v1/events/{event}")))
        .collect();
    let second_at_the_farm = second.at(&pair.farm_url());
    until_it_holds("the second store's key opens the farm", async || second_at_the_farm.get("/v1/parts").await.status == 200)
        .await;
    for caller in [&second, &second_at_the_farm] {
        for path in &of_first {
            assert_eq!(caller.get(path).await.status, 404, "{path}");
        }
        for list in ["parts", "orders", "skus", "jobs", "files"] {
            assert_eq!(caller.ids(&format!("/v1/{list}")).await, Vec::<String>::new(), "{list}");
        }
    }
    // The first store keeps its history, and reaches the farm no more.
    assert_eq!(first.get(&of_first[0]).await.status, 200);
    assert_eq!(first.post("/v1/parts", json!({"name": "More"})).await.code(), (503, "farm_offline"));
    assert_eq!(first.ask(reqwest::Method::DELETE, &of_first[0], None, &[]).await.code(), (409, "farm_left"));
}

#[tokio::test]
async fn a_farm_that_unpairs_by_itself_tells_its_relay_so() {
    let pair = Pair::new().await;
    let (_, owner) = pair.store("Shop").await;
    pair.claim(&pair.farm_owner().await, &owner).await;
    let floor = owner.at(&pair.farm_url());
    until_it_holds("the key opens the farm", async || floor.get("/v1/pools").await.status == 200).await;
    let unpair = format!("/v1/farms/{}/unpair", pair.farm_id());
    floor.ask(reqwest::Method::POST, &unpair, None, &[]).await.good();
    assert_eq!(floor.get("/v1/pools").await.status, 401, "the store's keys stop at once");
    until_it_holds("the relay knows", async || owner.ids("/v1/farms").await.is_empty()).await;
    let own = pair.farm_owner().await;
    assert_eq!(own.post("/v1/pools", json!({"name": "Own", "tags": []})).await.status, 201);
}

#[tokio::test]
async fn a_code_says_nothing_to_who_may_not_claim_and_ends_when_it_is_taken_back() {
    let pair = Pair::new().await;
    let farm = pair.farm_owner().await;
    let (_, owner) = pair.store("Shop").await;
    let shown = farm.post("/v1/claim", json!({"relay_url": pair.relay_url})).await.good();
    assert_eq!(shown["state"], "waiting");
    assert!(shown["qr_svg"].as_str().unwrap().contains("<svg"));
    let code = shown["user_code"].as_str().unwrap();
    assert_eq!(code.len(), 8);
    let viewer = owner.key(&["farm.view"]).await;
    assert_eq!(viewer.get(&format!("/v1/pairings/{code}")).await.code(), (403, "permission_missing"));
    assert_eq!(owner.get("/v1/pairings/AAAAAAAA").await.code(), (404, "not_found"));
    let wrong = json!({"user_code": code, "fingerprint": "babab-babab-babab-babab"});
    assert_eq!(owner.post("/v1/farms/claim", wrong).await.code(), (422, "invalid_request"));
    farm.ask(reqwest::Method::DELETE, "/v1/claim", None, &[]).await.good();
    assert_eq!(farm.get("/v1/claim").await.good()["state"], "unclaimed");
    let unknown = Caller::new(&pair.relay_url, "");
    assert_eq!(unknown.post("/v1/pairings/poll", json!({"device_code": "guessed"})).await.code(), (400, "expired_token"));
}
