//! Who holds only some printers sees, makes and moves only what belongs to those; another store's
//! things are not there at all.

use domain::access::{Grants, Scope};
use domain::id::{FarmId, Id, PrinterId};
use domain::permission::PermissionSet;
use http::Method;
use serde_json::{Value, json};

use crate::farm::Farm;

async fn two_racks(farm: &Farm) -> (PrinterId, PrinterId, String) {
    let a = farm.printer(json!({"name": "A", "tags": ["rack-a"]})).await;
    let b = farm.printer(json!({"name": "B", "tags": ["rack-b"]})).await;
    (a, b, farm.key_for_tag("rack-a").await)
}

#[tokio::test]
async fn a_key_for_one_tag_sees_its_printers_jobs_events_and_no_other() {
    let farm = Farm::new().await;
    let (a, b, key) = two_racks(&farm).await;
    let mine = farm.job(json!({"target": {"printer_id": a}})).await;
    let other = farm.job(json!({"target": {"tags": ["rack-b"]}})).await;
    let any = farm.job(json!({})).await;
    let list = async |path: &str| {
        let page = farm.get_as(&key, path).await.expect(200);
        page["items"].as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(list("/v1/printers").await, [a.to_string()]);
    assert_eq!(list("/v1/jobs").await.len(), 2);
    for hidden in [
        format!("/v1/printers/{b}"),
        format!("/v1/printers/{b}/telemetry"),
        format!("/v1/jobs/{other}"),
        format!("/v1/jobs/{other}/why"),
        format!("/v1/jobs/{other}/attempts"),
    ] {
        farm.get_as(&key, &hidden).await.refused(404, "not_found");
    }
    for seen in [mine, any] {
        assert_eq!(farm.get_as(&key, &format!("/v1/jobs/{seen}")).await.status, 200);
    }
    *farm.floor.waiting.lock().unwrap() = [mine, other, any].map(|job| (job, Default::default())).to_vec();
    let queue = farm.get_as(&key, "/v1/queue").await.expect(200);
    assert_eq!((queue["waiting"].as_u64(), queue["entries"].as_array().unwrap().len()), (Some(2), 2));
    let events = String::from_utf8(farm.get_as(&key, "/v1/events?limit=200").await.bytes).unwrap();
    assert!(events.contains(&a.to_string()) && !events.contains(&b.to_string()) && !events.contains(&other.to_string()));
    assert_eq!(farm.get_as(&key, "/v1/tags").await.expect(200)["items"], json!([{"tag": "rack-a", "printers": 1}]));
    let before = farm.counts();
    for (path, body) in [
        (format!("/v1/printers/{b}/disable"), json!({})),
        (format!("/v1/printers/{b}/clear-bed"), json!({"bed_use": "use_1"})),
        (format!("/v1/jobs/{other}/cancel"), json!({})),
        (format!("/v1/jobs/{other}/hold"), json!({})),
        ("/v1/jobs".to_owned(), json!({"file_id": farm.file().await, "target": {"printer_id": b}})),
    ] {
        farm.call_as(&key, Method::POST, &path, Some(body), &[]).await.refused(404, "not_found");
    }
    assert_eq!(farm.counts(), before);
}

#[tokio::test]
async fn what_a_key_for_one_tag_makes_stays_within_that_tag() {
    let farm = Farm::new().await;
    let (a, _, key) = two_racks(&farm).await;
    let file = farm.file().await;
    let call = async |method: Method, path: &str, body: Value| farm.call_as(&key, method, path, Some(body), &[]).await;
    let link = json!({"driver": "test", "address": "http://p"});
    let farm_path = format!("/v1/farms/{}", farm.door.home().farm_id);
    let before = farm.counts();
    for (method, path, body) in [
        (Method::POST, "/v1/printers".to_owned(), json!({"name": "n", "link": link, "tags": ["rack-b"]})),
        (Method::POST, "/v1/printers".to_owned(), json!({"name": "n", "link": link})),
        (Method::PATCH, format!("/v1/printers/{a}"), json!({"tags": ["rack-b"]})),
        (Method::POST, "/v1/pools".to_owned(), json!({"name": "n", "tags": ["rack-b"]})),
        (Method::POST, "/v1/jobs".to_owned(), json!({"file_id": file})),
        (Method::POST, "/v1/jobs".to_owned(), json!({"file_id": file, "target": {"tags": ["rack-b"]}})),
        (Method::POST, "/v1/api_keys".to_owned(), json!({"name": "n", "role": "viewer"})),
        (Method::POST, "/v1/api_keys".to_owned(), json!({"name": "n", "role": "viewer", "tags": ["rack-a", "rack-b"]})),
        (Method::POST, format!("{farm_path}/stop-all"), json!({})),
        (Method::POST, format!("{farm_path}/pause-all"), json!({})),
        (Method::POST, format!("{farm_path}/dispatch"), json!({"dispatch": "stop"})),
        (Method::PATCH, farm_path.clone(), json!({"name": "x"})),
    ] {
        call(method, &path, body).await.refused(403, "grants_exceeded");
    }
    assert_eq!(farm.counts(), before);
    call(Method::POST, "/v1/printers", json!({"name": "n", "link": link, "tags": ["rack-a", "rack-b"]})).await.expect(201);
    let job = call(Method::POST, "/v1/jobs", json!({"file_id": file, "target": {"tags": ["rack-a"]}})).await.expect(201);
    let path = format!("/v1/jobs/{}", job["id"].as_str().unwrap());
    call(Method::PATCH, &path, json!({"target": null})).await.refused(403, "grants_exceeded");
    call(Method::PATCH, &path, json!({"name": "still mine"})).await.expect(200);
    call(Method::POST, "/v1/api_keys", json!({"name": "n", "role": "viewer", "tags": ["rack-a"]})).await.expect(201);
}

#[tokio::test]
async fn a_key_for_another_farm_sees_nothing_of_this_one() {
    let farm = Farm::new().await;
    let printer = farm.printer(json!({})).await;
    let farms = Scope::Only([FarmId::new(crate::farm::NOW, [9; 10])].into());
    let key = farm.key_of(Grants { farms, ..Grants::unscoped(PermissionSet::all()) }).await;
    for path in ["/v1/me", "/v1/printers", "/v1/stream", &format!("/v1/printers/{printer}")] {
        farm.get_as(&key, path).await.refused(403, "grants_exceeded");
    }
    farm.call_as(&key, Method::POST, &format!("/v1/printers/{printer}/disable"), None, &[]).await.refused(403, "grants_exceeded");
}

#[tokio::test]
async fn another_stores_things_are_not_there_and_its_keys_open_nothing() {
    let farm = Farm::new().await;
    let printer = farm.printer(json!({"name": "theirs"})).await;
    let made = farm.post("/v1/api_keys", json!({"name": "theirs", "role": "admin"})).await.expect(201);
    let (secret, id) = (made["secret"].as_str().unwrap(), made["api_key"]["id"].as_str().unwrap());
    let other = format!("store_{}", "9".repeat(32));
    for table in ["rec_printer", "rec_api_key"] {
        let sql = format!("UPDATE {table} SET store_id = ?1 WHERE id IN (?2, ?3)");
        assert_eq!(farm.database().execute(&sql, [other.as_str(), &printer.to_string(), id]).unwrap(), 1);
    }
    let before = farm.counts();
    for path in [format!("/v1/printers/{printer}"), format!("/v1/api_keys/{id}")] {
        farm.get(&path).await.refused(404, "not_found");
        farm.call_as(&farm.key, Method::PATCH, &path, Some(json!({"name": "x"})), &[]).await.refused(404, "not_found");
    }
    farm.post(&format!("/v1/api_keys/{id}/revoke"), json!({})).await.refused(404, "not_found");
    let results = farm.post("/v1/printers/actions/disable", json!({"ids": [printer]})).await.expect(200);
    assert_eq!(results["results"][0]["problem"]["code"], "not_found");
    assert_eq!(farm.get("/v1/printers?include=total").await.expect(200)["total"], 0);
    farm.get_as(secret, "/v1/me").await.refused(401, "bad_credential");
    assert_eq!(farm.counts(), before);
}
