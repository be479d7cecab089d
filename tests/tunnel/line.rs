//! Calls, copies and live values over a line that stands.

use serde_json::json;

use crate::pair::Pair;

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
    let wall = crate::pair::Caller::new(&pair.farm_url(), made["secret"].as_str().unwrap());
    gantry_tests::until_it_holds("the key opens the farm", async || wall.get("/v1/printers").await.status == 200).await;
    let id = made["api_key"]["id"].as_str().unwrap();
    owner.post(&format!("/v1/api_keys/{id}/revoke"), json!({})).await;
    owner.ask(reqwest::Method::POST, &format!("/v1/api_keys/{id}/revoke"), None, &[]).await.good();
    gantry_tests::until_it_holds("the key opens nothing", async || wall.get("/v1/printers").await.status == 401).await;
}
