//! The same call twice is one thing; and what would happen can be asked without it happening.

use domain::job::Job;
use domain::permission::Permission;
use http::Method;
use serde_json::{Value, json};

use crate::farm::{Answer, Farm};

const KEY: (&str, &str) = ("idempotency-key", "order-17");

async fn post(farm: &Farm, key: &str, path: &str, body: Value, headers: &[(&str, &str)]) -> Answer {
    farm.call_as(key, Method::POST, path, Some(body), headers).await
}

#[tokio::test]
async fn the_same_call_twice_makes_one_thing_and_gives_the_first_answer_again() {
    let farm = Farm::new().await;
    let body = json!({"file_id": farm.file().await, "name": "a", "metadata": {"b": "1", "a": "2"}});
    let first = post(&farm, &farm.key, "/v1/jobs", body.clone(), &[KEY]).await;
    let before = farm.counts();
    farm.later(6 * 24 * 3600 * 1000);
    let again = post(&farm, &farm.key, "/v1/jobs", body, &[KEY]).await;
    assert_eq!((again.header("idempotent-replayed"), first.header("idempotent-replayed")), ("true", ""));
    assert_eq!((again.status, again.header("etag"), again.json()), (201, "\"1\"", first.expect(201)));
    assert_eq!(farm.counts(), before);
}

#[tokio::test]
async fn the_order_of_fields_and_white_space_do_not_make_another_body() {
    let farm = Farm::new().await;
    let send = async |body: &'static str| {
        let call = crate::farm::request("POST", "/v1/parts")
            .header("authorization", format!("Bearer {}", farm.key))
            .header("content-type", "application/json")
            .header(KEY.0, KEY.1);
        farm.send(call.body(body.into()).unwrap()).await
    };
    let first = send(r#"{"name":"a","note":"b"}"#).await.expect(201);
    assert_eq!(send(r#" { "note" : "b", "name" : "a" } "#).await.expect(201), first);
}

#[tokio::test]
async fn the_same_key_with_another_body_is_refused_and_changes_nothing() {
    let farm = Farm::new().await;
    post(&farm, &farm.key, "/v1/parts", json!({"name": "a"}), &[KEY]).await.expect(201);
    let before = farm.counts();
    post(&farm, &farm.key, "/v1/parts", json!({"name": "b"}), &[KEY]).await.refused(422, "idempotency_mismatch");
    assert_eq!(farm.counts(), before);
}

#[tokio::test]
async fn two_actors_two_operations_and_calls_without_a_key_are_as_many_things() {
    let farm = Farm::new().await;
    let other = farm.key_with(&[Permission::PartCreate]).await;
    let mut ids = Vec::new();
    for (key, headers) in [(&farm.key, &[KEY][..]), (&other, &[KEY]), (&farm.key, &[]), (&farm.key, &[])] {
        ids.push(post(&farm, key, "/v1/parts", json!({"name": "a"}), headers).await.expect(201)["id"].to_string());
    }
    let pool = json!({"name": "a", "tags": ["a"]});
    post(&farm, &farm.key, "/v1/pools", pool, &[KEY]).await.expect(201);
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 4);
}

#[tokio::test]
async fn a_secret_is_shown_once() {
    let farm = Farm::new().await;
    let body = json!({"name": "a", "role": "viewer"});
    post(&farm, &farm.key, "/v1/api_keys", body.clone(), &[KEY]).await.expect(201);
    let before = farm.counts();
    post(&farm, &farm.key, "/v1/api_keys", body, &[KEY]).await.refused(409, "secret_not_repeatable");
    assert_eq!(farm.counts(), before);
}

#[tokio::test]
async fn a_call_that_was_refused_does_not_use_its_key_up() {
    let farm = Farm::new().await;
    let file = farm.file().await;
    let body = json!({"file_id": file, "part_id": format!("part_{}", "0".repeat(32))});
    post(&farm, &farm.key, "/v1/jobs", body, &[KEY]).await.refused(404, "not_found");
    post(&farm, &farm.key, "/v1/jobs", json!({"file_id": file}), &[KEY]).await.expect(201);
}

#[tokio::test]
async fn what_was_made_longer_ago_than_answers_are_kept_is_not_made_again() {
    let farm = Farm::new().await;
    let made = post(&farm, &farm.key, "/v1/parts", json!({"name": "a"}), &[KEY]).await.expect(201);
    farm.later(8 * 24 * 3600 * 1000);
    let now = farm.door.now();
    farm.write(move |tx| Ok(tx.forget_outcomes(now)?)).await;
    let problem = post(&farm, &farm.key, "/v1/parts", json!({"name": "a"}), &[KEY]).await.refused(409, "already_exists");
    assert_eq!(problem["subject"], made["id"]);
}

#[tokio::test]
async fn the_same_call_at_two_doors_of_one_farm_has_one_id() {
    let (here, there) = (Farm::of(5).await, Farm::of(5).await);
    assert_eq!(here.door.home(), there.door.home());
    there.post("/v1/parts", json!({"name": "so that the two differ"})).await.expect(201);
    let mut ids = Vec::new();
    for farm in [&here, &there] {
        ids.push(post(farm, &farm.key, "/v1/parts", json!({"name": "a"}), &[KEY]).await.expect(201)["id"].to_string());
    }
    assert_eq!(ids[0], ids[1]);
    let elsewhere = Farm::of(6).await;
    let other = post(&elsewhere, &elsewhere.key, "/v1/parts", json!({"name": "a"}), &[KEY]).await.expect(201)["id"].to_string();
    assert_ne!(other, ids[0]);
}

#[tokio::test]
async fn a_dry_run_shows_the_job_and_changes_nothing_with_or_without_a_key() {
    let farm = Farm::new().await;
    let body = json!({"file_id": farm.file().await, "name": "tried"});
    let before = farm.counts();
    let shown = post(&farm, &farm.key, "/v1/jobs?dry_run=true", body.clone(), &[KEY]).await.expect(200);
    assert_eq!((shown["name"].as_str(), shown["state"].as_str()), (Some("tried"), Some("queued")));
    assert_eq!(farm.counts(), before);
    farm.get(&format!("/v1/jobs/{}", shown["id"].as_str().unwrap())).await.refused(404, "not_found");
    post(&farm, &farm.key, "/v1/jobs", body.clone(), &[KEY]).await.expect(201);
    let before = farm.counts();
    post(&farm, &farm.key, "/v1/jobs?dry_run=true", body, &[KEY]).await.expect(200);
    assert_eq!(farm.counts(), before);
}

#[tokio::test]
async fn a_dry_run_of_a_cancel_leaves_the_print_alone() {
    let farm = Farm::new().await;
    let (printer, job) = (farm.ready_printer().await, farm.job(json!({})).await);
    let attempt = farm.assign(job, printer).await;
    farm.start(attempt).await;
    let before = farm.counts();
    let shown = post(&farm, &farm.key, &format!("/v1/jobs/{job}/cancel?dry_run=true"), json!({}), &[]).await.expect(200);
    assert!(shown["cancel_requested"].is_object());
    let command =
        post(&farm, &farm.key, &format!("/v1/printers/{printer}/cancel?dry_run=true"), json!({}), &[]).await.expect(200);
    assert_eq!(command["state"], "accepted");
    assert_eq!(farm.counts(), before);
    assert!(farm.record::<Job>(job).cancel_requested.is_none());
}

#[tokio::test(start_paused = true)]
async fn an_act_that_is_repeated_tells_what_became_of_the_first() {
    let farm = Farm::new().await;
    let (printer, job) = (farm.ready_printer().await, farm.job(json!({})).await);
    let attempt = farm.assign(job, printer).await;
    farm.start(attempt).await;
    let path = format!("/v1/printers/{printer}/pause");
    let now = [KEY, ("prefer", "wait=0")];
    let asked = post(&farm, &farm.key, &path, json!({}), &now).await.expect(202);
    let before = farm.counts();
    assert_eq!(post(&farm, &farm.key, &path, json!({}), &now).await.expect(202), asked);
    assert_eq!(farm.counts(), before);
    let id = asked["id"].as_str().unwrap().parse().unwrap();
    farm.write(move |tx| {
        gantry_api::facts::command_ended(tx, id, domain::command::CommandState::Dispatched, None)?;
        gantry_api::facts::command_ended(tx, id, domain::command::CommandState::Completed, None)
    })
    .await;
    assert_eq!(post(&farm, &farm.key, &path, json!({}), &now).await.expect(200)["state"], "completed");
}
