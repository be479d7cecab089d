//! Two agents with one identity: a folder that was copied. Both would drive the same printers.

use agent::Running;
use domain::farm::{Dispatch, Farm};
use domain::pairing::WhyRefused;
use gantry_tests::until_it_holds;
use serde_json::json;

use crate::pair::Pair;

fn dispatch(agent: &Running) -> Dispatch {
    let farm = agent.door.store.read(|rows| rows.get::<Farm>(agent.door.home().farm_id)).unwrap();
    farm.unwrap().record.dispatch
}

/// A claimed farm, its owner, and a copy of its folder.
async fn copied() -> (Pair, crate::pair::Caller, std::path::PathBuf) {
    let mut pair = Pair::new().await;
    let (_, owner) = pair.store("Shop").await;
    pair.claim(&pair.farm_owner().await, &owner).await;
    pair.farm = None;
    pair.gone().await;
    let image = pair.save_farm();
    (pair, owner, image)
}

#[tokio::test]
async fn a_copy_that_comes_while_the_farm_is_there_is_refused_told_of_and_starts_nothing() {
    let (mut pair, owner, image) = copied().await;
    pair.start_farm().await;
    pair.connected().await;
    let session = pair.tunnel().session_no;
    let copy = pair.start_agent(&image).await;
    until_it_holds("the copy starts nothing", async || dispatch(&copy) == Dispatch::Stop).await;
    assert_eq!(pair.tunnel().refused.unwrap().why, WhyRefused::SecondAgent);
    assert_eq!(pair.tunnel().session_no, session, "the farm's own line was not touched");
    assert_eq!(dispatch(pair.farm.as_ref().unwrap()), Dispatch::Run);
    let told = owner.get("/v1/events?type=farm.refused").await.good();
    assert_eq!(told["items"][0]["data"]["refused"]["why"], "second_agent");
    assert_eq!(told["items"].as_array().unwrap().len(), 1);
    // The farm's own row says so also after the farm changed it.
    let path = format!("/v1/farms/{}", pair.farm_id());
    let renamed = owner.ask(reqwest::Method::PATCH, &path, Some(json!({"name": "Renamed"})), &[]).await.good();
    assert_eq!(renamed["name"], "Renamed");
    pair.in_step().await;
    assert_eq!(owner.get(&path).await.good()["refused"]["why"], "second_agent");
}

#[tokio::test]
async fn of_two_that_are_never_there_together_the_second_to_come_back_is_refused() {
    let (mut pair, _, image) = copied().await;
    pair.start_farm().await;
    pair.connected().await;
    pair.farm = None;
    pair.gone().await;
    // It looks like the farm that lost what it was given last.
    let copy = pair.start_agent(&image).await;
    pair.connected_as(&copy).await;
    drop(copy);
    pair.gone().await;
    assert_eq!(pair.tunnel().refused, None);
    pair.start_farm().await;
    until_it_holds("it is refused", async || pair.tunnel().refused.is_some()).await;
    until_it_holds("it starts nothing", async || dispatch(pair.farm.as_ref().unwrap()) == Dispatch::Stop).await;
    let shown = pair.farm.as_ref().unwrap().door.farm.as_ref().unwrap().floor().claim();
    assert_eq!(shown.refused.unwrap().why, WhyRefused::SecondAgent);
}

#[tokio::test]
async fn an_agent_that_died_and_came_back_is_no_copy() {
    let (mut pair, _, _) = copied().await;
    for _ in 0..3 {
        pair.start_farm().await;
        pair.connected().await;
        pair.farm = None;
    }
    pair.start_farm().await;
    pair.connected().await;
    assert_eq!(pair.tunnel().refused, None);
    assert_eq!(dispatch(pair.farm.as_ref().unwrap()), Dispatch::Run);
}

#[tokio::test]
async fn a_person_says_which_of_two_agents_is_the_farm_and_the_other_is_refused_from_then_on() {
    let (mut pair, owner, image) = copied().await;
    pair.start_farm().await;
    pair.connected().await;
    owner.post("/v1/pools", json!({"name": "Of the other life", "tags": ["a"]})).await.good();
    pair.in_step().await;
    let mine = pair.start_agent(&image).await;
    until_it_holds("it is refused", async || dispatch(&mine) == Dispatch::Stop).await;
    // The person at the refused agent asks for a code; the one at the relay says that this one is the farm.
    let floor = mine.door.farm.as_ref().unwrap().floor();
    let shown = floor.begin_claim(pair.relay_url.clone()).await.unwrap();
    let code = shown.user_code.unwrap();
    let asked = owner.get(&format!("/v1/pairings/{code}")).await.good();
    assert_eq!(asked["replaces"], pair.farm_id());
    let yes = json!({"user_code": code, "fingerprint": asked["fingerprint"]});
    assert_eq!(owner.post("/v1/farms/claim", yes.clone()).await.code(), (409, "already_claimed"));
    let mut yes_to_that = yes;
    yes_to_that["replace"] = json!("farm_00000000000000000000000000000001");
    assert_eq!(owner.post("/v1/farms/claim", yes_to_that.clone()).await.code(), (422, "invalid_request"));
    yes_to_that["replace"] = asked["replaces"].clone();
    let before = pair.tunnel();
    owner.post("/v1/farms/claim", yes_to_that).await.good();
    pair.connected_as(&mine).await;
    until_it_holds("it made a key of its own", async || {
        let keys = pair.tunnel().keys;
        keys.public_key != before.keys.public_key && keys.old_keys.contains(&before.keys.public_key)
    })
    .await;
    let other = pair.farm.as_ref().unwrap();
    until_it_holds("the other starts nothing", async || dispatch(other) == Dispatch::Stop).await;
    assert_eq!(pair.tunnel().refused.map(|refused| refused.why), Some(WhyRefused::OldKey));
    // The copy is that of the one that was chosen, and goes on above what the other told.
    until_it_holds("the copy is its own", async || owner.ids("/v1/pools").await.is_empty()).await;
    let told = owner.get("/v1/events?type=pool.created").await.good();
    let numbers = |page: &serde_json::Value| page["items"].as_array().unwrap().iter().map(|event| event["number"].as_u64()).max();
    let last = numbers(&told).unwrap();
    until_it_holds("calls reach it", async || {
        owner.post("/v1/pools", json!({"name": "Next", "tags": ["a"]})).await.status == 201
    })
    .await;
    until_it_holds("its event is told above", async || {
        numbers(&owner.get("/v1/events?type=pool.created").await.good()).unwrap() > last
    })
    .await;
}

#[tokio::test]
async fn a_farm_that_was_set_back_further_than_its_last_session_comes_back_when_a_person_says_so() {
    let (mut pair, owner, image) = copied().await;
    for _ in 0..2 {
        pair.start_farm().await;
        pair.connected().await;
        pair.farm = None;
        pair.gone().await;
    }
    pair.restore_farm(&image);
    pair.start_farm().await;
    until_it_holds("it is refused", async || dispatch(pair.farm.as_ref().unwrap()) == Dispatch::Stop).await;
    let floor = pair.farm.as_ref().unwrap().door.farm.as_ref().unwrap().floor();
    let shown = floor.begin_claim(pair.relay_url.clone()).await.unwrap();
    let yes = json!({"user_code": shown.user_code, "fingerprint": shown.fingerprint, "replace": pair.farm_id()});
    owner.post("/v1/farms/claim", yes).await.good();
    pair.connected().await;
    pair.in_step().await;
    assert_eq!(pair.tunnel().refused, None);
    assert_eq!(owner.get(&format!("/v1/farms/{}", pair.farm_id())).await.good()["dispatch"], "stop");
}
