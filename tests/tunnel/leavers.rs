//! Whoever leaves a store leaves no way in behind at its farms.

use gantry_tests::until_it_holds;
use serde_json::{Value, json};

use crate::pair::{Caller, Pair};

/// A person of the store who came by their invitation. What they make, they make at the page.
async fn person(owner: &Caller, name: &str) -> (String, String) {
    let asked = json!({"name": name, "email": format!("{name}@farm.example"), "role": "admin"});
    let invited = owner.post("/v1/users", asked).await.good();
    let token = json!({"one_time_token": invited["token"]});
    let signed_in = owner.client.post(format!("{}/v1/sessions", owner.url)).json(&token).send().await.unwrap();
    let cookie = signed_in.headers()["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
    (invited["user"]["id"].as_str().unwrap().to_owned(), cookie)
}

/// A key that may do what an admin does.
async fn key_of_somebody(owner: &Caller) -> (String, Caller) {
    let made = owner.post("/v1/api_keys", json!({"name": "script", "role": "admin"})).await.good();
    (made["api_key"]["id"].as_str().unwrap().to_owned(), owner.with(made["secret"].as_str().unwrap()))
}

async fn state(owner: &Caller, made: &Value) -> Value {
    owner.get(&format!("/v1/slicer_keys/{}", made["slicer_key"]["id"].as_str().unwrap())).await.good()["state"].clone()
}

#[tokio::test]
async fn slicer_keys_and_devices_of_a_revoked_key_and_of_a_removed_person_end_at_the_farm_also_when_it_was_away() {
    let mut pair = Pair::new().await;
    let (_, owner) = pair.store("Shop").await;
    pair.claim(&pair.farm_owner().await, &owner).await;
    let mine = owner.post("/v1/slicer_keys", json!({"name": "mine"})).await.good();
    let (id, script) = key_of_somebody(&owner).await;
    // The farm knows the key before it is asked to let it make a device.
    pair.in_step().await;
    let made = script.post("/v1/slicer_keys", json!({"name": "desk"})).await.good();
    until_it_holds("the farm knows the key", async || script.at(&pair.farm_url()).get("/v1/me").await.status == 200).await;
    let device = script.post("/v1/devices", json!({"name": "wall"})).await.good()["device"]["id"].clone();
    let device = format!("/v1/devices/{}", device.as_str().unwrap());
    owner.post(&format!("/v1/api_keys/{id}/revoke"), json!({})).await.good();
    until_it_holds("its slicer key ended", async || state(&owner, &made).await == "revoked").await;
    until_it_holds("its device is gone", async || owner.get(&device).await.status == 404).await;
    assert_eq!(state(&owner, &mine).await, "active");

    let (ben, cookie) = person(&owner, "Ben").await;
    let asked = owner.client.post(format!("{}/v1/slicer_keys", owner.url)).header("cookie", cookie).header("origin", &owner.url);
    let of_ben: Value = asked.json(&json!({"name": "Ben's laptop"})).send().await.unwrap().json().await.unwrap();
    pair.in_step().await;
    pair.farm = None;
    pair.gone().await;
    assert_eq!(owner.post(&format!("/v1/users/{ben}/remove"), json!({})).await.status, 204);
    assert_eq!(state(&owner, &of_ben).await, "active", "the farm is away");
    pair.start_farm().await;
    until_it_holds("it ended when the farm was back", async || state(&owner, &of_ben).await == "revoked").await;
    assert_eq!(state(&owner, &mine).await, "active");
    let audit = owner.get("/v1/audit_entries?operation=revoke_slicer_key").await.good();
    assert!(audit["items"].as_array().unwrap().iter().all(|entry| entry["actor"]["kind"] == "relay"), "{audit}");
}
