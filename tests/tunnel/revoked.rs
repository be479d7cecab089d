//! What was taken away while a farm was away holds there before the relay asks it for anything.

use gantry_tests::until_it_holds;
use reqwest::Method;
use serde_json::{Value, json};

use crate::pair::{Caller, Pair};

/// A key that may look at printers and pools, and its path.
async fn key(owner: &Caller, name: &str) -> (Caller, String) {
    let asked = json!({"name": name, "permissions": ["printer.view", "pool.view"]});
    let made = owner.post("/v1/api_keys", asked).await.good();
    (owner.with(made["secret"].as_str().unwrap()), format!("/v1/api_keys/{}", made["api_key"]["id"].as_str().unwrap()))
}

#[tokio::test]
async fn what_was_taken_away_while_a_farm_was_away_holds_there_before_the_next_call_from_the_relay() {
    let mut pair = Pair::new().await;
    let (_, owner) = pair.store("Shop").await;
    pair.claim(&pair.farm_owner().await, &owner).await;
    let (revoked, revoked_path) = key(&owner, "revoked").await;
    let (narrowed, narrowed_path) = key(&owner, "narrowed").await;
    let (moved, moved_path) = key(&owner, "moved").await;
    let (paused, paused_path) = key(&owner, "paused").await;
    let (kept, _) = key(&owner, "kept").await;
    for key in [&revoked, &narrowed, &moved, &paused, &kept] {
        let floor = key.at(&pair.farm_url());
        until_it_holds("the key opens the farm", async || floor.get("/v1/printers").await.status == 200).await;
    }

    pair.farm = None;
    pair.gone().await;
    owner.post(&format!("{revoked_path}/revoke"), json!({})).await.good();
    owner.post(&format!("{paused_path}/pause"), json!({})).await.good();
    let change = |body: Value| (Method::PATCH, body);
    for (path, (method, body)) in [
        (&narrowed_path, change(json!({"permissions": ["pool.view"]}))),
        (&moved_path, change(json!({"allowed_networks": ["192.0.2.0/24"]}))),
    ] {
        let revision = owner.get(path).await.good()["revision"].clone();
        owner.ask(method, path, Some(body), &[("if-match", &format!("\"{revision}\""))]).await.good();
    }

    pair.start_farm().await;
    // The first call that the relay passes on; until the line stands it is refused.
    until_it_holds("the farm did what the relay asked", async || {
        owner.ask(Method::POST, &format!("/v1/farms/{}/pause-all", pair.farm_id()), None, &[]).await.status < 300
    })
    .await;
    let floor = |key: &Caller| key.at(&pair.farm_url());
    let (revoked, moved, paused) = (floor(&revoked), floor(&moved), floor(&paused));
    for closed in [revoked, moved, paused] {
        assert_eq!(closed.get("/v1/printers").await.code(), (401, "bad_credential"));
    }
    assert_eq!(floor(&narrowed).get("/v1/printers").await.code(), (403, "permission_missing"));
    assert_eq!(floor(&kept).get("/v1/printers").await.status, 200);
}
