//! The key of a farm's line: how it is replaced, and that the old one is of no use then. And how long a farm believes what it knows of the
//! store's keys.

use domain::farm::{Dispatch, Farm};
use domain::fingerprint::fingerprint;
use domain::hex::unhex;
use domain::pairing::WhyRefused;
use gantry_tests::until_it_holds;
use reqwest::Method;
use serde_json::json;

use crate::pair::{Caller, Pair};

fn words(public_key: &str) -> String {
    fingerprint(&unhex(public_key).unwrap())
}

#[tokio::test]
async fn after_a_roll_the_new_key_opens_the_line_and_a_stolen_old_one_is_refused_and_told_of() {
    let mut pair = Pair::new().await;
    let (_, owner) = pair.store("Shop").await;
    pair.claim(&pair.farm_owner().await, &owner).await;
    let (old, key_file) = (pair.tunnel().keys.public_key, pair.farm_folder().join("agent.key"));
    let stolen = std::fs::read(&key_file).unwrap();

    let farm_id = pair.farm_id();
    let rolled = owner.ask(Method::POST, &format!("/v1/farms/{farm_id}/rekey"), None, &[]).await;
    assert_eq!(rolled.status, 202);
    until_it_holds("the new key opened a session", async || pair.tunnel().keys.public_key != old).await;
    let keys = pair.tunnel().keys;
    assert_eq!((rolled.good()["fingerprint"].as_str(), keys.next_key), (Some(words(&keys.public_key).as_str()), None));
    pair.connected().await;
    // The same words at the farm.
    let shown = owner.get("/v1/claim").await.good();
    assert_eq!((shown["fingerprint"].as_str(), &shown["connected"]), (Some(words(&keys.public_key).as_str()), &json!(true)));

    // Somebody has the whole folder but for the new key: its pass would hold.
    pair.farm = None;
    pair.gone().await;
    let new = std::fs::read(&key_file).unwrap();
    std::fs::write(&key_file, &stolen).unwrap();
    pair.start_farm().await;
    until_it_holds("it is refused", async || pair.tunnel().refused.is_some()).await;
    assert_eq!(pair.tunnel().refused.unwrap().why, WhyRefused::OldKey);
    let shown = owner.get(&format!("/v1/farms/{farm_id}")).await.good();
    assert_eq!(shown["refused"]["why"], "old_key");
    let told = owner.get("/v1/events?type=farm.refused").await.good();
    assert_eq!(told["items"][0]["data"]["refused"]["why"], "old_key", "{told}");
    let thief = &pair.farm.as_ref().unwrap().door;
    let stopped = || thief.store.read(|rows| rows.get::<Farm>(thief.home().farm_id)).unwrap().unwrap().record.dispatch;
    until_it_holds("it starts nothing", async || stopped() == Dispatch::Stop).await;
    assert_eq!(owner.get("/v1/pools").await.headers["gantry-farm"].to_str().unwrap().split(';').next(), Some("offline"));

    pair.farm = None;
    std::fs::write(&key_file, &new).unwrap();
    pair.start_farm().await;
    pair.connected().await;
    let dismissed = owner.ask(Method::POST, &format!("/v1/farms/{farm_id}/dismiss-refusal"), None, &[]).await;
    assert_eq!(dismissed.status, 200);
    assert_eq!(owner.get(&format!("/v1/farms/{farm_id}")).await.good().get("refused"), None);
}

#[tokio::test]
async fn a_new_key_that_was_made_while_the_relay_was_away_survives_restarts_and_is_taken_up_later() {
    let mut pair = Pair::new().await;
    let (_, owner) = pair.store("Shop").await;
    pair.claim(&pair.farm_owner().await, &owner).await;
    let floor = owner.at(&pair.farm_url());
    until_it_holds("the key opens the farm", async || floor.get("/v1/pools").await.status == 200).await;
    let old = pair.tunnel().keys.public_key;
    pair.relay = None;
    let rekey = format!("/v1/farms/{}/rekey", pair.farm_id());
    let first = floor.ask(Method::POST, &rekey, None, &[]).await.good();
    let again = floor.ask(Method::POST, &rekey, None, &[]).await.good();
    assert_eq!(first["fingerprint"], again["fingerprint"], "one that waits is the same");
    pair.farm = None;
    pair.start_farm().await;
    pair.start_relay().await;
    until_it_holds("the new key opened a session", async || pair.tunnel().keys.public_key != old).await;
    assert_eq!(words(&pair.tunnel().keys.public_key), first["fingerprint"].as_str().unwrap());
    pair.connected().await;
    assert_eq!(owner.post("/v1/pools", json!({"name": "Next", "tags": ["a"]})).await.status, 201);
}

#[tokio::test]
async fn a_farm_makes_a_new_key_by_itself_when_its_key_has_been_used_for_ninety_days() {
    let pair = Pair::new().await;
    let (_, owner) = pair.store("Shop").await;
    pair.claim(&pair.farm_owner().await, &owner).await;
    let old = pair.tunnel().keys.public_key;
    pair.clock.set_days(89);
    owner.post("/v1/pools", json!({"name": "Next", "tags": ["a"]})).await.good();
    assert_eq!(pair.farm.as_ref().unwrap().uplink.identity.made_at(), None);
    pair.clock.set_days(90);
    until_it_holds("a new key opened a session", async || pair.tunnel().keys.public_key != old).await;
    let made = pair.farm.as_ref().unwrap().uplink.identity.made_at();
    assert!(made.is_some() && pair.tunnel().keys.old_keys == [old], "{made:?}");
}

#[tokio::test]
async fn the_stores_keys_are_believed_for_thirty_days_without_the_relay_and_the_floor_goes_on() {
    let mut pair = Pair::new().await;
    let (_, owner) = pair.store("Shop").await;
    pair.claim(&pair.farm_owner().await, &owner).await;
    let floor = owner.at(&pair.farm_url());
    until_it_holds("the key opens the farm", async || floor.get("/v1/pools").await.status == 200).await;
    let link = pair.farm.as_ref().unwrap().sign_in_link().await.unwrap();
    let token = json!({"one_time_token": link.split_once("#token=").unwrap().1});
    let nobody = Caller::new(&pair.farm_url(), "");
    let signed_in = nobody.request(Method::POST, "/v1/sessions").json(&token).send().await.unwrap();
    let cookie = signed_in.headers()["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
    pair.relay = None;
    pair.clock.set_days(29);
    assert_eq!(floor.get("/v1/pools").await.status, 200);
    pair.clock.set_days(30);
    let refused = floor.get("/v1/pools").await;
    assert_eq!(refused.code(), (401, "account_copy_old"));
    assert_eq!(Caller::new(&pair.farm_url(), "gty_live_nonsense").get("/v1/pools").await.code(), (401, "bad_credential"));
    // Who belongs to the floor goes on, also after a restart; a farm that was told to be away longer than a session lives signs in anew.
    pair.clock.set_days(0);
    let of_the_floor = async |path: &str| {
        let asked = reqwest::Client::builder().no_proxy().build().unwrap().get(format!("{}{path}", pair.farm_url()));
        asked.header("cookie", &cookie).send().await.unwrap()
    };
    assert_eq!(of_the_floor("/v1/pools").await.status(), 200);
    pair.clock.set_days(30);
    let link = pair.farm.as_ref().unwrap().sign_in_link().await.unwrap();
    let token = json!({"one_time_token": link.split_once("#token=").unwrap().1});
    let signed_in = nobody.request(Method::POST, "/v1/sessions").json(&token).send().await.unwrap();
    assert_eq!(signed_in.status(), 201);
    let cookie = signed_in.headers()["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
    let asked = reqwest::Client::builder().no_proxy().build().unwrap().get(format!("{}/v1/system/doctor", pair.farm_url()));
    let doctor: serde_json::Value = asked.header("cookie", cookie).send().await.unwrap().json().await.unwrap();
    let finding = doctor["items"].as_array().unwrap().iter().find(|finding| finding["check"] == "keys of the store");
    assert_eq!(finding.unwrap_or_else(|| panic!("{doctor}"))["level"], "error");
    pair.start_relay().await;
    until_it_holds("the relay is heard", async || floor.get("/v1/pools").await.status == 200).await;
}
