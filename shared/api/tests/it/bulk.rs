//! The same on many things: a result per item, each as if it had been called alone.

use http::Method;
use serde_json::{Value, json};

use crate::farm::Farm;

#[tokio::test]
async fn each_item_has_its_own_result_and_one_that_fails_does_not_touch_the_others() {
    let farm = Farm::new().await;
    let mut ids = Vec::new();
    for _ in 0..3 {
        ids.push(farm.job(json!({})).await.to_string());
    }
    farm.post(&format!("/v1/jobs/{}/cancel", ids[1]), json!({})).await.expect(200);
    ids.push("nonsense".to_owned());
    let results = farm.post("/v1/jobs/actions/hold", json!({"ids": ids})).await.expect(200)["results"].clone();
    let ok: Vec<bool> = results.as_array().unwrap().iter().map(|result| result["ok"].as_bool().unwrap()).collect();
    assert_eq!(ok, [true, false, true, false]);
    assert_eq!(
        (results[1]["problem"]["code"].as_str(), results[3]["problem"]["code"].as_str()),
        (Some("illegal_state"), Some("not_found"))
    );
    assert_eq!(results[3]["id"], "nonsense");
    let states: Vec<Value> = farm.get("/v1/jobs?sort=created_at").await.expect(200)["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|job| job["state"].clone())
        .collect();
    assert_eq!(states.iter().filter(|state| *state == "held").count(), 2);
}

#[tokio::test]
async fn ids_that_are_none_too_many_twice_or_only_in_each_are_refused_as_a_whole() {
    let farm = Farm::new().await;
    let id = farm.job(json!({})).await.to_string();
    let before = farm.counts();
    for body in [
        json!({}),
        json!({"ids": []}),
        json!({"ids": vec!["x"; 201]}),
        json!({"ids": [id, id]}),
        json!({"ids": [7]}),
        json!({"ids": [id], "each": {"other": {}}}),
        json!({"ids": [id], "nonsense": 1}),
        json!([id]),
    ] {
        farm.post("/v1/jobs/actions/hold", body).await.refused(422, "invalid_request");
    }
    farm.post("/v1/jobs/actions/hold?dry_run=true", json!({"ids": [id]})).await.refused(422, "invalid_request");
    assert_eq!(farm.counts(), before);
}

#[tokio::test]
async fn a_key_of_any_length_holds_for_each_item() {
    let farm = Farm::new().await;
    let ids = [farm.job(json!({})).await.to_string(), farm.job(json!({})).await.to_string()];
    let key = "k".repeat(255);
    let call = async |ids: &[String]| {
        let headers = [("idempotency-key", key.as_str())];
        farm.call_as(&farm.key, Method::POST, "/v1/jobs/actions/hold", Some(json!({"ids": ids})), &headers).await.expect(200)
    };
    let first = call(&ids).await;
    farm.post(&format!("/v1/jobs/{}/release", ids[0]), json!({})).await.expect(200);
    let before = farm.counts();
    assert_eq!(call(&ids).await, first);
    assert_eq!(farm.counts(), before, "what was done is not done again");
    let too_long = [("idempotency-key", &*"k".repeat(256))];
    farm.call_as(&farm.key, Method::POST, "/v1/jobs/actions/hold", Some(json!({"ids": ids})), &too_long)
        .await
        .refused(422, "invalid_request");
}

#[tokio::test]
async fn beds_are_cleared_each_by_its_own_use() {
    let farm = Farm::new().await;
    let (a, b) = (farm.printer(json!({})).await, farm.printer(json!({})).await);
    let bed_use = |id: domain::id::PrinterId| json!({"bed_use": farm.record::<domain::printer::Printer>(id).bed_use});
    let each = json!({a.to_string(): bed_use(a), b.to_string(): bed_use(a)});
    let results =
        farm.post("/v1/printers/actions/clear-bed", json!({"ids": [a, b], "each": each})).await.expect(200)["results"].clone();
    assert_eq!((results[0]["ok"].as_bool(), results[1]["problem"]["code"].as_str()), (Some(true), Some("bed_use_outdated")));
}
