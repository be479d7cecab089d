//! What is asked of a farm whose agent is dead: some of it waits and is done once; what moves a machine is refused and never done.

use std::time::Duration;

use api::registry::rows;
use contract::operation::{BodyForm, Home, Nature};
use gantry_tests::counterpart::{Counterpart, Simulated};
use gantry_tests::farm::{Answer, id_of};
use gantry_tests::floor::Floor;
use gantry_tests::relay::{Relay, Shop, connected};
use gantry_tests::until_it_holds;
use reqwest::Method;
use serde_json::{Value, json};

use crate::bodies;

/// A floor that belongs to a store, and the store.
struct World {
    floor: Floor<Simulated>,
    relay: Relay,
    shop: Shop,
    farm: String,
}

impl World {
    async fn start() -> Self {
        let (relay, floor) = tokio::join!(Relay::start(), Floor::<Simulated>::start());
        let shop = relay.store("Shop").await;
        relay.claim(&floor.farm, &shop.owner).await;
        let farm = id_of(&floor.farm.record().await);
        Self { floor, relay, shop, farm }
    }

    /// The agent dies, and the relay knows.
    async fn farm_dies(&mut self) {
        self.floor.farm.kill9().await;
        let stop_all = format!("/v1/farms/{}/stop-all", self.farm);
        until_it_holds("the relay knows", async || {
            let asked = self.shop.owner.call(Method::POST, &stop_all, None).await;
            (asked.status, &asked.body["code"]) == (503, &json!("farm_offline"))
        })
        .await;
    }

    async fn farm_returns(&mut self) {
        self.floor.farm.start_again().await;
        connected(&self.floor.farm).await;
    }
}

fn accepted(answer: Answer) -> Value {
    assert_eq!(answer.status, 202, "{}", answer.body);
    assert_eq!((&answer.body["revision"], &answer.body["pending"]), (&json!(0), &json!(true)), "{}", answer.body);
    answer.body
}

#[tokio::test]
async fn what_may_wait_is_accepted_with_its_id_and_done_once_in_order_when_the_farm_returns() {
    let mut world = World::start().await;
    world.farm_dies().await;
    let owner = world.shop.owner.clone();
    let part = accepted(owner.post_once("/v1/parts", json!({"name": "Bracket"}), "part-17").await);
    let again = owner.post_once("/v1/parts", json!({"name": "Bracket"}), "part-17").await;
    assert_eq!((again.status, &again.body["id"]), (202, &part["id"]));
    let file = accepted(owner.upload("bracket.gcode", Simulated::gcode(2)).await);
    let job = json!({"file_id": file["id"], "part_id": part["id"]});
    let job = accepted(owner.post_once("/v1/jobs", job, "job-17").await);
    let sku = accepted(owner.call(Method::POST, "/v1/skus", Some(json!({"name": "Vase", "code": "V-1"}))).await);
    let wanted = [("parts", &part), ("files", &file), ("jobs", &job), ("skus", &sku)];
    for (noun, thing) in wanted {
        let shown = owner.get(&format!("/v1/{noun}/{}", id_of(thing))).await;
        assert_eq!((&shown["id"], &shown["revision"], &shown["pending"]), (&thing["id"], &json!(0), &json!(true)), "{noun}");
    }

    world.farm_returns().await;
    for (noun, thing) in wanted {
        let path = format!("/v1/{noun}/{}", id_of(thing));
        let done = |shown: &Value| shown["revision"].as_u64() > Some(0) && shown.get("pending").is_none();
        owner.until(&path, "a thing that was made", done).await;
        assert_eq!(world.floor.farm.get(&format!("/v1/{noun}")).await["items"].as_array().map(Vec::len), Some(1), "{noun}");
        world.floor.farm.get(&path).await;
    }
    let made = world.floor.farm.whole_log().await.into_iter().filter(|event| {
        let subject = &event["subject"]["id"];
        event["type"].as_str().unwrap().ends_with(".created") && wanted.iter().any(|(_, thing)| thing["id"] == *subject)
    });
    let made: Vec<Value> = made.map(|event| event["subject"]["id"].clone()).collect();
    assert_eq!(made, wanted.map(|(_, thing)| thing["id"].clone()), "in the order in which it was asked for");

    // The same key says the same thing at the farm's own door; and the other way round.
    let floor = owner.at(&world.floor.farm.url);
    let same = floor.post_once("/v1/parts", json!({"name": "Bracket"}), "part-17").await;
    assert_eq!((same.status, &same.body["id"]), (201, &part["id"]));
    let here = floor.post_once("/v1/parts", json!({"name": "Hook"}), "part-18").await;
    let there = owner.post_once("/v1/parts", json!({"name": "Hook"}), "part-18").await;
    assert_eq!((there.status, &there.body["id"]), (201, &here.body["id"]));
    let other = owner.post_once("/v1/parts", json!({"name": "Other"}), "part-18").await;
    assert_eq!((other.status, &other.body["code"]), (422, &json!("idempotency_mismatch")));
    world.relay.in_step(&world.floor.farm, &owner).await;
    for door in [&floor, &owner] {
        assert_eq!(door.all("/v1/parts").await.len(), 2, "{}", door.url);
    }
}

#[tokio::test]
async fn what_moves_a_machine_fails_at_once_while_the_farm_is_away_and_nothing_of_it_happens_later() {
    let mut world = World::start().await;
    let job = world.floor.queue(2).await;
    let owner = world.shop.owner.clone();
    let (printer, farm) = (world.floor.printer.clone(), world.farm.clone());
    let key = owner.post("/v1/slicer_keys", json!({"name": "S"})).await;
    let material = owner.post("/v1/materials", json!({"type": "PLA"})).await;
    let spool = owner.post("/v1/spools", json!({"material_id": material["id"], "grams_initial": 1000})).await;
    world.relay.in_step(&world.floor.farm, &owner).await;
    let seen = owner.get(&format!("/v1/printers/{printer}")).await;
    let (before, told) = (world.floor.machine.counters().await, world.floor.farm.whole_log().await.len());
    world.farm_dies().await;

    let file = owner.get(&format!("/v1/jobs/{job}")).await["file_id"].clone();
    let known = vec![
        ("bed_use", seen["bed_use"].clone()),
        ("start_next", json!(true)),
        ("printer_id", json!(printer)),
        ("file_id", file.clone()),
        ("before", json!(job)),
        ("driver", json!("octoprint")),
        ("address", json!("http://127.0.0.1:9")),
        ("role", json!("viewer")),
    ];
    let ids = [
        ("printers", printer.clone()),
        ("farms", farm),
        ("jobs", job.clone()),
        ("files", file.as_str().unwrap().to_owned()),
        ("spools", id_of(&spool)),
        ("slicer_keys", id_of(&key["slicer_key"])),
    ];
    let mut refused = Vec::new();
    for row in rows() {
        if row.home != Home::Farm || row.nature != Nature::Refused || row.body == BodyForm::Bytes {
            continue;
        }
        let id = ids.iter().find(|(noun, _)| *noun == row.noun()).map(|(_, id)| id.as_str());
        // This farm has no people of its own: there is nobody to ask about.
        if id.is_none() && !row.path_names.is_empty() {
            assert!(["operators", "devices"].contains(&row.noun()), "no {} in this story", row.noun());
            continue;
        }
        let path = row.path.replace("{id}", id.unwrap_or_default());
        let body = bodies::valid(&row, &known, false).map(|mut body| {
            // The worst that can be asked for: to start what waits.
            if row.id == "clear_bed" {
                body["start_next"] = json!(true);
            }
            body
        });
        let asked = owner.call(Method::from_bytes(row.method.word().as_bytes()).unwrap(), &path, body);
        let answer = tokio::time::timeout(Duration::from_secs(5), asked).await.expect("it is said at once");
        assert_eq!((answer.status, &answer.body["code"]), (503, &json!("farm_offline")), "{}: {}", row.id, answer.body);
        refused.push(row.id);
    }
    for moves in ["clear_bed", "cancel_printer", "resume_printer", "stop_all", "release_job", "cancel_job", "retry_job"] {
        assert!(refused.contains(&moves), "{moves} is not among {refused:?}");
    }

    world.farm_returns().await;
    world.floor.machine_is_idle().await;
    // What is asked now goes behind whatever waited, and is done.
    let part = owner.post("/v1/parts", json!({"name": "Last"})).await;
    owner.until(&format!("/v1/parts/{}", id_of(&part)), "the part", |part| part["revision"] == 1).await;
    assert_eq!(world.floor.machine.counters().await, before, "the printer was not touched");
    assert_eq!(world.floor.proxy.starts(), [0_u32; 0]);
    assert_eq!(owner.all("/v1/commands").await, [Value::Null; 0]);
    assert_eq!(world.floor.farm.job(&job).await["state"], "queued");
    let after = world.floor.farm.printer(&printer).await;
    assert_eq!((&after["bed"], &after["bed_use"], &after["admin"]), (&json!("needs_clear"), &seen["bed_use"], &json!("enabled")));
    let since = world.floor.farm.whole_log().await.split_off(told);
    let changed: Vec<&str> = since.iter().map(|event| event["type"].as_str().unwrap()).collect();
    let expected = |event: &&str| ["printer.online", "printer.offline", "printer.updated", "part.created"].contains(event);
    assert!(changed.iter().all(expected), "{changed:?}");
}
