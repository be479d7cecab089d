//! What a key created, held and cancelled together; and what presets of keys open.

use domain::job::Job;
use domain::permission::Permission;
use http::Method;
use serde_json::{Value, json};

use crate::farm::Farm;

async fn maker(farm: &Farm) -> (String, String) {
    let body = json!({"name": "shop", "permissions": ["job.create", "job.view", "file.view", "order.create", "order.view"]});
    let made = farm.post("/v1/api_keys", body).await.expect(201);
    (made["secret"].as_str().unwrap().to_owned(), format!("/v1/api_keys/{}", made["api_key"]["id"].as_str().unwrap()))
}

async fn job(farm: &Farm, key: &str, file: &str) -> String {
    let made = farm.call_as(key, Method::POST, "/v1/jobs", Some(json!({"file_id": file})), &[]).await.expect(201);
    made["id"].as_str().unwrap().to_owned()
}

fn ids(page: &Value) -> Vec<String> {
    page["items"].as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn what_a_key_created_is_listed_page_by_page_and_only_as_far_as_it_may_be_seen() {
    let farm = Farm::new().await;
    let (key, path) = maker(&farm).await;
    let file = farm.file().await;
    farm.job(json!({})).await;
    let mut made = Vec::new();
    for _ in 0..3 {
        made.push(job(&farm, &key, &file).await);
    }
    let order = farm.call_as(&key, Method::POST, "/v1/orders", Some(json!({"name": "1042"})), &[]).await.expect(201);
    made.push(order["id"].as_str().unwrap().to_owned());
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = farm.get(&format!("{path}/created?limit=2{cursor}")).await.expect(200);
        seen.extend(ids(&page));
        let Some(next) = page["next_cursor"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    seen.sort();
    made.sort();
    assert_eq!(seen, made);
    let narrow = farm.key_with(&[Permission::ApiKeyView, Permission::OrderView]).await;
    let page = farm.get_as(&narrow, &format!("{path}/created")).await.expect(200);
    assert_eq!((ids(&page), &page["items"][0]["kind"]), (vec![order["id"].as_str().unwrap().to_owned()], &json!("order")));
    for cursor in ["nonsense", "job.nonsense", "printer."] {
        farm.get(&format!("{path}/created?cursor={cursor}")).await.refused(422, "invalid_request");
    }
}

#[tokio::test]
async fn all_open_jobs_of_a_key_are_held_or_cancelled_and_nobody_elses() {
    let farm = Farm::new().await;
    let (key, path) = maker(&farm).await;
    let file = farm.file().await;
    let other = farm.job(json!({})).await;
    let mine: Vec<String> = vec![job(&farm, &key, &file).await, job(&farm, &key, &file).await];
    let state = |id: &str| json!(farm.record::<Job>(id.parse().unwrap()).state.word());
    let tried = farm.post(&format!("{path}/created/hold?dry_run=true"), json!({})).await.expect(200);
    assert_eq!((tried["results"].as_array().unwrap().len(), state(&mine[0])), (2, json!("queued")));
    for held in [2, 0] {
        let done = farm.post(&format!("{path}/created/hold"), json!({})).await.expect(200);
        assert_eq!((done["results"].as_array().unwrap().len(), &done["more"]), (held, &json!(false)));
    }
    assert!(mine.iter().all(|id| state(id) == "held"));
    farm.post(&format!("{path}/created/cancel"), json!({})).await.expect(200);
    assert!(mine.iter().all(|id| state(id) == "cancelled"));
    assert_eq!(state(&other.to_string()), "queued");
}

#[tokio::test]
async fn a_preset_gives_its_permissions_and_its_end_unless_another_is_named() {
    let farm = Farm::new().await;
    let presets = farm.get("/v1/api_key_presets").await.expect(200);
    for preset in presets["items"].as_array().unwrap() {
        let word = preset["preset"].as_str().unwrap();
        let made = farm.post("/v1/api_keys", json!({"name": word, "preset": word})).await.expect(201);
        assert_eq!(made["api_key"]["grants"]["permissions"], preset["permissions"], "{word}");
        let curl = preset["curl"].as_str().unwrap();
        assert_eq!(made["curl"].as_str().unwrap(), curl.replace("$KEY", made["secret"].as_str().unwrap()), "{word}");
    }
    let body = json!({"name": "c", "preset": "contractor", "expires_at": "2027-03-01T00:00:00Z"});
    let made = farm.post("/v1/api_keys", body).await.expect(201);
    assert_eq!(made["api_key"]["expires_at"], "2027-03-01T00:00:00.000Z");
    let narrow = farm.key_with(&[Permission::ApiKeyCreate, Permission::FarmView]).await;
    let body = Some(json!({"name": "c", "preset": "dashboard"}));
    farm.call_as(&narrow, Method::POST, "/v1/api_keys", body, &[]).await.refused(403, "grants_exceeded");
}
