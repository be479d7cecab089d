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
