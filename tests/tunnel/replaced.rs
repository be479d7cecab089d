//! The machine of a farm is gone: an empty agent takes its place, with what the relay knows of the floor.

use domain::attempt::{AttemptState, Stage, UnknownReason};
use domain::bed::Bed;
use domain::command::CommandState;
use domain::farm::Dispatch;
use domain::id::{AttemptId, JobId, PrinterId};
use domain::job::{Job, JobState};
use domain::pairing::WhyRefused;
use domain::printer::{Config, Printer};
use gantry_tests::until_it_holds;
use serde_json::{Value, json};
use store::By;

use crate::pair::{Caller, Pair};

fn id<I: std::str::FromStr>(thing: &Value) -> I {
    thing["id"].as_str().and_then(|id| id.parse().ok()).unwrap_or_else(|| panic!("{thing}"))
}

/// A farm with two printers; a job is claimed for one of them, another waits. Then its machine is gone.
struct Gone {
    pair: Pair,
    owner: Caller,
    printers: [PrinterId; 2],
    jobs: [JobId; 2],
    attempt: AttemptId,
}

async fn gone() -> Gone {
    let mut pair = Pair::new().await;
    let (_, owner) = pair.store("Shop").await;
    pair.claim(&pair.farm_owner().await, &owner).await;
    let file = owner.upload("vase.gcode", "; nothing\nG28\nG1 X1 Y1 E1\n").await.good();
    let mut printers = Vec::new();
    for n in 1..=2 {
        let machine = json!({"model": "MK3", "nozzle_mm": 0.4, "build_volume_mm": {"x": 250.0, "y": 210.0, "z": 210.0}});
        let link = json!({"driver": "octoprint", "address": "http://127.0.0.1:9", "credential": "none"});
        let made = owner.post("/v1/printers", json!({"name": format!("P{n}"), "link": link, "machine": machine})).await.good();
        let clear = json!({"bed_use": made["bed_use"]});
        owner.post(&format!("/v1/printers/{}/clear-bed", made["id"].as_str().unwrap()), clear).await.good();
        printers.push(id(&made));
    }
    let mut jobs = Vec::new();
    for _ in 0..2 {
        jobs.push(id(&owner.post("/v1/jobs", json!({"file_id": file["id"]})).await.good()));
    }
    let door = std::sync::Arc::clone(&pair.farm.as_ref().unwrap().door);
    let (printer, job) = (printers[0], jobs[0]);
    let by = By::new(domain::actor::Actor::farm(door.home().farm_id), door.now());
    let assigned = door.store.write(by, move |tx| api::facts::assign(tx, job, printer)).await;
    let attempt = assigned.map_err(contract::problem::Problem::from).unwrap().unwrap();
    pair.in_step().await;
    drop(door);
    pair.farm = None;
    pair.gone().await;
    Gone { pair, owner, printers: [printers[0], printers[1]], jobs: [jobs[0], jobs[1]], attempt }
}

/// Lets an agent ask, and says yes to it in the place of the farm that is gone.
async fn say_yes(gone: &Gone, agent: &agent::Running) -> Value {
    let shown = agent.door.farm.as_ref().unwrap().floor().begin_claim(gone.pair.relay_url.clone()).await.unwrap();
    let asked = gone.owner.get(&format!("/v1/pairings/{}", shown.user_code.as_ref().unwrap())).await.good();
    assert_eq!(asked["fingerprint"], shown.fingerprint);
    let yes = json!({"user_code": asked["user_code"], "fingerprint": asked["fingerprint"], "replace": gone.pair.farm_id()});
    gone.owner.post("/v1/farms/claim", yes).await.body
}

/// Waits until the agent is the farm, and in the store's reach.
async fn became(gone: &Gone, agent: &agent::Running) {
    until_it_holds("it is the farm", async || agent.door.home().farm_id.to_string() == gone.pair.farm_id()).await;
    gone.pair.connected_as(agent).await;
}

#[tokio::test]
async fn an_empty_agent_becomes_the_farm_and_believes_nothing_that_could_print_twice_or_on_an_occupied_bed() {
    let mut gone = gone().await;
    let told = gone.owner.get("/v1/events?limit=200").await.good();
    let last = told["items"].as_array().unwrap().iter().filter_map(|event| event["number"].as_u64()).max().unwrap();
    let folder = gone.pair.farm_folder().with_file_name("new");
    let agent = gone.pair.start_agent(&folder).await;
    let yes = say_yes(&gone, &agent).await;
    assert_eq!(yes["empty"], true, "{yes}");
    became(&gone, &agent).await;
    gone.pair.farm = Some(agent);
    gone.pair.in_step().await;

    let door = &gone.pair.farm.as_ref().unwrap().door;
    let (farm, printers) = door
        .store
        .read(|rows| {
            let farm = rows.get::<domain::farm::Farm>(door.home().farm_id)?.unwrap().record;
            let printer = |id| rows.get::<Printer>(id).map(|row| row.unwrap().record);
            Ok::<_, store::StoreError>((farm, [printer(gone.printers[0])?, printer(gone.printers[1])?]))
        })
        .unwrap();
    assert_eq!(farm.dispatch, Dispatch::Stop);
    assert!(printers.iter().all(|printer| printer.bed_token.is_none()), "nobody has seen the beds");
    assert_eq!(printers.each_ref().map(|printer| printer.bed), [Bed::Unknown, Bed::NeedsClear]);
    assert!(printers.iter().all(|printer| printer.config == Config::Incomplete && printer.link.credential_lost));
    let (attempt, jobs) = door
        .store
        .read(|rows| {
            let job = |id| rows.get::<Job>(id).map(|row| row.unwrap().record.state);
            let attempt = rows.get::<domain::attempt::Attempt>(gone.attempt)?.unwrap().record;
            Ok::<_, store::StoreError>((attempt, gone.jobs.map(|id| job(id).unwrap())))
        })
        .unwrap();
    assert_eq!(attempt.state, AttemptState::Active(Stage::Unknown(UnknownReason::StartUnproven)));
    assert!(matches!(jobs[0], JobState::Active(_, Stage::Unknown(UnknownReason::StartUnproven))), "{jobs:?}");
    assert_eq!(jobs[1], JobState::Queued, "what waits goes on waiting");

    // The file comes from the relay, which had it first.
    until_it_holds("the bytes are here", async || {
        let files = gone.owner.get("/v1/files").await.good();
        files["items"][0]["content"] == "here"
    })
    .await;
    // What is told from now on is told above what the farm told before.
    let path = format!("/v1/printers/{}", gone.printers[1]);
    let link = json!({"credential": "entered again"});
    let edited = gone.owner.ask(reqwest::Method::PATCH, &path, Some(json!({"link": link})), &[]).await.good();
    assert_eq!((edited["config"].clone(), edited["link"].get("credential_lost")), (json!("ok"), None));
    gone.pair.in_step().await;
    let told = gone.owner.get("/v1/events?limit=200&type=printer.updated").await.good();
    let numbers: Vec<u64> = told["items"].as_array().unwrap().iter().filter_map(|event| event["number"].as_u64()).collect();
    assert!(numbers.iter().any(|number| *number > last), "{numbers:?} after {last}");
    let audit = gone.owner.get("/v1/audit_entries?operation=farm.took_place").await.good();
    assert_eq!(audit["items"].as_array().unwrap().len(), 1, "{audit}");

    // If the old machine comes back after all, it is refused and starts nothing.
    let old = gone.pair.start_agent(&gone.pair.farm_folder()).await;
    until_it_holds("the old one is refused", async || {
        gone.pair.tunnel().refused.is_some_and(|refused| refused.why == WhyRefused::OldKey)
    })
    .await;
    until_it_holds("the old one starts nothing", async || {
        let farm = old.door.store.read(|rows| rows.get::<domain::farm::Farm>(old.door.home().farm_id)).unwrap().unwrap();
        farm.record.dispatch == Dispatch::Stop
    })
    .await;
}

#[tokio::test]
async fn an_agent_with_a_floor_of_its_own_takes_no_other_farms_place() {
    let gone = gone().await;
    let agent = gone.pair.start_agent(&gone.pair.farm_folder().with_file_name("other")).await;
    let own = Caller::new(&format!("http://{}", agent.address), &agent.owner_key("owner").await.unwrap());
    own.post("/v1/pools", json!({"name": "Mine", "tags": []})).await.good();
    let refused = say_yes(&gone, &agent).await;
    assert_eq!(
        (&refused["code"], &refused["errors"][0]["pointer"]),
        (&json!("invalid_request"), &json!("/replace")),
        "{refused}"
    );
    assert_ne!(agent.door.home().farm_id.to_string(), gone.pair.farm_id());
}

#[tokio::test]
async fn an_agent_that_died_before_it_had_the_floor_takes_it_when_it_runs_again() {
    let mut gone = gone().await;
    let folder = gone.pair.farm_folder().with_file_name("new");
    let agent = gone.pair.start_agent(&folder).await;
    let yes = say_yes(&gone, &agent).await;
    assert!(yes.get("code").is_none(), "{yes}");
    // It is gone between the yes and its next question.
    drop(agent);
    let agent = gone.pair.start_agent(&folder).await;
    became(&gone, &agent).await;
    gone.pair.farm = Some(agent);
    gone.pair.in_step().await;
    assert_eq!(gone.owner.ids("/v1/printers").await.len(), 2);
    let commands = gone.pair.farm.as_ref().unwrap().door.store.read(|rows| rows.all::<domain::command::Command>()).unwrap();
    assert!(commands.iter().all(|row| !matches!(row.record.state, CommandState::Accepted | CommandState::Dispatched)));
}
