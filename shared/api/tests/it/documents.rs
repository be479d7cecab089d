//! Documents and lists: revisions, merge patches, filters, cursors, and what of them is shown to whom.

use std::collections::BTreeSet;

use domain::permission::Permission;
use http::Method;
use serde_json::{Value, json};

use crate::farm::Farm;

fn but_audit(counts: Vec<(String, i64)>) -> Vec<(String, i64)> {
    counts.into_iter().filter(|(name, _)| !name.starts_with("audit")).collect()
}

fn names(page: &Value) -> Vec<String> {
    page["items"].as_array().unwrap().iter().map(|item| item["name"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_change_that_was_not_seen_is_not_overwritten() {
    let farm = Farm::new().await;
    let path = format!("/v1/jobs/{}", farm.job(json!({})).await);
    let seen = farm.get(&path).await;
    assert_eq!((seen.header("etag"), seen.header("cache-control")), ("\"1\"", "no-store"));
    let edit = async |tag: &str, name: &str| {
        farm.call_as(&farm.key, Method::PATCH, &path, Some(json!({"name": name})), &[("if-match", tag)]).await
    };
    assert_eq!(edit("\"1\"", "a").await.header("etag"), "\"2\"");
    let before = farm.counts();
    let stale = edit("\"1\"", "b").await.refused(412, "stale_revision");
    assert!(stale["detail"].as_str().unwrap().contains("revision 2"));
    farm.call_as(&farm.key, Method::POST, &format!("{path}/cancel"), None, &[("if-match", "\"1\"")])
        .await
        .refused(412, "stale_revision");
    assert_eq!(farm.counts(), before);
    assert_eq!(edit("*", "c").await.header("etag"), "\"3\"");
    assert_eq!(edit("3", "d").await.header("etag"), "\"4\"");
    assert_eq!(edit("\"4\"", "d").await.header("etag"), "\"4\"", "no change is no revision");
}

#[tokio::test]
async fn a_patch_changes_what_it_names_takes_away_what_it_nulls_and_leaves_the_rest() {
    let farm = Farm::new().await;
    let machine = json!({"model": "MK4S", "nozzle_mm": 0.4, "build_volume_mm": {"x": 250.0, "y": 210.0, "z": 220.0}});
    let id =
        farm.printer(json!({"machine": machine, "external_id": "ext", "metadata": {"a": "1", "b": "2"}, "tags": ["x"]})).await;
    let path = format!("/v1/printers/{id}");
    let patched = farm.patch(&path, json!({"machine": {"nozzle_mm": 0.6}, "metadata": {"a": null, "c": "3"}})).await.expect(200);
    assert_eq!((&patched["machine"]["model"], &patched["machine"]["nozzle_mm"]), (&json!("MK4S"), &json!(0.6)));
    assert_eq!(patched["metadata"], json!({"b": "2", "c": "3"}));
    assert_eq!((&patched["external_id"], &patched["tags"], &patched["config"]), (&json!("ext"), &json!(["x"]), &json!("ok")));
    let nulled =
        farm.patch(&path, json!({"external_id": null, "metadata": null, "machine": {"nozzle_mm": null}})).await.expect(200);
    assert!(nulled.get("external_id").is_none() && nulled.get("metadata").is_none());
    assert_eq!(nulled["config"], "incomplete");
    let moved = farm.patch(&path, json!({"link": {"address": "http://q"}})).await.expect(200);
    assert_eq!(moved["link"], json!({"driver": "test", "address": "http://q"}));
    let before = farm.counts();
    for wrong in [
        json!({"name": null}),
        json!({"tags": null}),
        json!({"machine": {"nozzle": 1}}),
        json!({"machine": {"nozzle_mm": "a"}}),
        json!({"metadata": {"a": 1}}),
        json!({"link": {"driver": "no such"}}),
        json!({"link": null}),
    ] {
        farm.patch(&path, wrong).await.refused(422, "invalid_request");
    }
    farm.patch(&path, json!({})).await.expect(200);
    assert_eq!(but_audit(farm.counts()), but_audit(before));
}

#[tokio::test]
async fn a_job_that_has_begun_keeps_what_it_was_planned_on() {
    let farm = Farm::new().await;
    let (printer, job) = (farm.ready_printer().await, farm.job(json!({})).await);
    farm.assign(job, printer).await;
    let path = format!("/v1/jobs/{job}");
    for planned in [json!({"priority": 3}), json!({"target": {"tags": ["a"]}}), json!({"needs": null})] {
        farm.patch(&path, planned).await.refused(409, "illegal_state");
    }
    assert_eq!(
        farm.patch(&path, json!({"name": "renamed", "due_at": "2027-01-01T00:00:00Z"})).await.expect(200)["name"],
        "renamed"
    );
}

#[tokio::test]
async fn lists_filter_sort_search_count_and_page_without_losing_or_doubling() {
    let farm = Farm::new().await;
    for n in 0..7 {
        farm.later(1000);
        farm.job(json!({"name": format!("job {n}"), "priority": n % 3, "metadata": {"shop": if n < 3 { "a" } else { "b" }}}))
            .await;
    }
    let list = async |query: &str| farm.get(&format!("/v1/jobs?{query}")).await.expect(200);
    assert_eq!(names(&list("limit=2").await), ["job 6", "job 5"]);
    assert_eq!(names(&list("metadata.shop=a&sort=created_at").await), ["job 0", "job 1", "job 2"]);
    assert_eq!(names(&list("priority=2").await), ["job 5", "job 2"]);
    assert_eq!(names(&list("q=OB+3").await), ["job 3"]);
    assert_eq!(names(&list("q=%25").await).len(), 0);
    let total = list("include=total&limit=1&state=queued,held").await;
    assert_eq!((total["total"].as_u64(), names(&total).len()), (Some(7), 1));
    assert!(list("limit=1").await.get("total").is_none());
    let few = list("fields=name,state&limit=1").await;
    let fields: BTreeSet<&str> = few["items"][0].as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(fields, ["id", "name", "state"].into());
    for sort in ["name", "-priority", "due_at", "-created_at"] {
        let (mut seen, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = list(&format!("limit=2&sort={sort}{cursor}")).await;
            seen.extend(names(&page));
            match page["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
        let distinct: BTreeSet<&String> = seen.iter().collect();
        assert_eq!((seen.len(), distinct.len()), (7, 7), "{sort}: {seen:?}");
    }
    let cursor = list("limit=2").await["next_cursor"].as_str().unwrap().to_owned();
    for foreign in [
        format!("/v1/jobs?sort=name&cursor={cursor}"),
        format!("/v1/printers?cursor={cursor}"),
        "/v1/jobs?cursor=nonsense".into(),
    ] {
        farm.get(&foreign).await.refused(422, "invalid_request");
    }
    let words = vec!["x"; 300].join(",");
    farm.get(&format!("/v1/jobs?state={words}")).await.refused(422, "invalid_request");
}

#[tokio::test]
async fn who_may_not_see_jobs_gets_a_printer_without_its_job_everywhere() {
    let farm = Farm::new().await;
    let (printer, job) = (farm.ready_printer().await, farm.job(json!({})).await);
    let attempt = farm.assign(job, printer).await;
    farm.start(attempt).await;
    let key =
        farm.key_with(&[Permission::PrinterView, Permission::EventView, Permission::QueueView, Permission::TelemetryView]).await;
    let whole = farm.get(&format!("/v1/printers/{printer}")).await.expect(200);
    assert_eq!((whole["job_id"].as_str(), whole["attempt_id"].as_str()), (Some(&*job.to_string()), Some(&*attempt.to_string())));
    *farm.floor.shown.lock().unwrap() = Some(domain::telemetry::Telemetry { file: Some(job.to_string()), ..Default::default() });
    for path in [
        format!("/v1/printers/{printer}"),
        "/v1/printers".into(),
        "/v1/events?limit=200".into(),
        "/v1/queue".into(),
        "/v1/commands".into(),
        format!("/v1/printers/{printer}/telemetry"),
    ] {
        let answer = farm.get_as(&key, &path).await;
        let text = String::from_utf8(answer.bytes.clone()).unwrap();
        assert_eq!(answer.status, 200, "{path}");
        assert!(!text.contains(&job.to_string()) && !text.contains(&attempt.to_string()), "{path}: {text}");
    }
}

#[tokio::test]
async fn the_log_is_read_in_pages_from_any_place_and_says_what_was_trimmed() {
    let farm = Farm::new().await;
    for n in 0..5 {
        farm.post("/v1/parts", json!({"name": format!("part {n}")})).await.expect(201);
    }
    let all = farm.event_words();
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = farm.get(&format!("/v1/events?limit=2{cursor}")).await.expect(200);
        let items = page["items"].as_array().unwrap();
        seen.extend(items.iter().map(|event| event["type"].as_str().unwrap().to_owned()));
        cursor = format!("&cursor={}", page["next_cursor"].as_str().unwrap());
        if items.is_empty() {
            break;
        }
    }
    assert_eq!(seen, all);
    farm.post("/v1/parts", json!({"name": "new"})).await.expect(201);
    let new = farm.get(&format!("/v1/events?limit=2{cursor}")).await.expect(200);
    assert_eq!((new["items"].as_array().unwrap().len(), new.get("gap")), (1, None));
    let page = farm.get("/v1/events?type=part.created&limit=3").await.expect(200);
    assert_eq!(page["items"].as_array().unwrap().len(), 3);
    let blind = farm.key_with(&[Permission::EventView]).await;
    let page = farm.get_as(&blind, "/v1/events").await.expect(200);
    assert_eq!(page["items"], json!([]));
    assert_eq!(page["next_cursor"], farm.get("/v1/events?cursor=now").await.expect(200)["next_cursor"]);
    let early = farm.get("/v1/events?limit=1").await.expect(200)["next_cursor"].as_str().unwrap().to_owned();
    farm.write(|tx| Ok(tx.trim_events(domain::time::Timestamp::from_millis(0), 2)?)).await;
    assert_eq!(farm.get(&format!("/v1/events?cursor={early}")).await.expect(200)["gap"], true);
    for cursor in ["nonsense", "other-3", "-1", &early.replace('-', "-999")] {
        farm.get(&format!("/v1/events?cursor={cursor}")).await.refused(422, "invalid_request");
    }
}

#[tokio::test]
async fn what_is_in_use_is_not_removed() {
    let farm = Farm::new().await;
    let printer = farm.printer(json!({})).await;
    let pool = farm.post("/v1/pools", json!({"name": "p", "tags": ["a"]})).await.expect(201)["id"].as_str().unwrap().to_owned();
    let file = farm.file().await;
    let for_printer = farm.job(json!({"target": {"printer_id": printer}})).await;
    let for_pool = farm.job(json!({"target": {"pool_id": pool}})).await;
    let places = [format!("/v1/printers/{printer}"), format!("/v1/pools/{pool}"), format!("/v1/files/{file}")];
    for place in &places {
        farm.delete(place).await.refused(409, "in_use");
    }
    farm.post("/v1/jobs/actions/cancel", json!({"ids": [for_printer, for_pool]})).await.expect(200);
    for place in &places {
        assert_eq!(farm.delete(place).await.status, 204, "{place}");
        farm.get(place).await.refused(404, "not_found");
        farm.delete(place).await.refused(404, "not_found");
    }
}

#[tokio::test]
async fn a_job_moves_before_another_and_to_the_end() {
    let farm = Farm::new().await;
    let mut ids = Vec::new();
    for n in 0..4 {
        ids.push(farm.job(json!({"name": format!("{n}")})).await.to_string());
    }
    let order = async || names(&farm.get("/v1/jobs?sort=rank").await.expect(200)).concat();
    assert_eq!(order().await, "0123");
    farm.post(&format!("/v1/jobs/{}/move", ids[3]), json!({"before": ids[1]})).await.expect(200);
    assert_eq!(order().await, "0312");
    farm.post(&format!("/v1/jobs/{}/move", ids[0]), json!({})).await.expect(200);
    assert_eq!(order().await, "3120");
    for _ in 0..30 {
        farm.post(&format!("/v1/jobs/{}/move", ids[0]), json!({"before": ids[2]})).await.expect(200);
        farm.post(&format!("/v1/jobs/{}/move", ids[1]), json!({"before": ids[2]})).await.expect(200);
    }
    assert_eq!(order().await, "3012");
    farm.post(&format!("/v1/jobs/{}/move", ids[1]), json!({"before": ids[1]})).await.refused(422, "invalid_request");
}
