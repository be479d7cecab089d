//! A print from its start to its end without a relay, and what the relay tells when it is back.

use std::collections::BTreeSet;

use domain::time::Timestamp;
use gantry_tests::counterpart::{Counterpart, Simulated};
use gantry_tests::farm::{id_of, types};
use gantry_tests::floor::Floor;
use gantry_tests::hook::Hook;
use gantry_tests::relay::{Relay, connected, disconnected};
use gantry_tests::until_it_holds;
use serde_json::{Value, json};

fn time(value: &Value) -> Timestamp {
    serde_json::from_value(value.clone()).unwrap()
}

#[tokio::test]
async fn a_relay_that_is_away_for_a_whole_print_then_tells_it_all_in_order_and_none_twice() {
    let (mut relay, hook) = (Relay::start().await, Hook::start().await);
    let shop = relay.store("Shop").await;
    let floor = Floor::<Simulated>::start().await;
    let farm = &floor.farm;
    relay.claim(farm, &shop.owner).await;
    let file = farm.upload("coin.gcode", Simulated::gcode(4)).await;
    let job = farm.queue(&file).await;
    let webhook = json!({
        "name": "W", "url": hook.url, "permissions": ["job.view", "printer.view"],
        "event_types": ["job.assigned", "job.started", "job.completed", "printer.needs_clear"],
    });
    shop.owner.post("/v1/webhooks", webhook).await;
    relay.in_step(farm, &shop.owner).await;
    let page = shop.owner.get("/v1/events?limit=200").await;
    let (before, read_to) = (page["items"].as_array().unwrap(), page["next_cursor"].as_str().unwrap());
    let known = farm.whole_log().await.len();

    relay.kill9().await;
    disconnected(farm).await;
    floor.clear().await;
    farm.job_until(&job, "completed").await;
    floor.machine_is_idle().await;
    let told = farm.whole_log().await.split_off(known);
    assert!(types(&told).iter().any(|event| event == "job.completed"));

    relay.start_again().await;
    connected(farm).await;
    relay.in_step(farm, &shop.owner).await;
    let again = shop.owner.all_from("/v1/events?limit=200", Some(read_to.to_owned())).await;
    let of_the_farm = |events: &[Value]| -> Vec<(String, Value)> {
        let floor = events.iter().filter(|event| event["actor"]["kind"] != "relay" && event["farm_id"].is_string());
        floor.map(|event| (id_of(event), event["occurred_at"].clone())).collect()
    };
    let ids: Vec<String> = before.iter().chain(&again).map(id_of).collect();
    assert_eq!(ids, shop.owner.all("/v1/events?limit=200").await.iter().map(id_of).collect::<Vec<_>>());
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len(), "{ids:?}");
    assert_eq!(of_the_farm(&again)[..told.len()], of_the_farm(&told));

    let wanted = |event: &&Value| {
        ["job.assigned", "job.started", "job.completed", "printer.needs_clear"].contains(&event["type"].as_str().unwrap())
    };
    let expected: Vec<&Value> = told.iter().filter(wanted).collect();
    until_it_holds("all is sent", async || hook.letters().len() >= expected.len()).await;
    let letters = hook.letters();
    for event in &expected {
        let came: Vec<_> = letters.iter().filter(|letter| letter.id == event["id"]).collect();
        let [letter] = came.as_slice() else { panic!("{} times {event}", came.len()) };
        assert_eq!(letter.event["occurred_at"], event["occurred_at"], "when it was, not when it was told");
        assert!(time(&letter.event["received_at"]) > time(&told.last().unwrap()["occurred_at"]), "{}", letter.event);
    }
    let of_job = letters.iter().filter(|letter| letter.event["subject"]["id"] == job);
    let of_job: Vec<&str> = of_job.map(|letter| letter.event["type"].as_str().unwrap()).collect();
    assert_eq!(of_job, ["job.assigned", "job.started", "job.completed"]);
    let deliveries = shop.owner.all("/v1/deliveries?limit=200").await;
    assert_eq!((letters.len(), deliveries.len()), (expected.len(), expected.len()), "and nothing else");
    floor.nothing_was_started_twice().await;
}
