//! Canaries: what comes in as a secret is never seen again, in no answer, event, entry or byte on the
//! disk.

use api::registry::rows;
use contract::operation::Method;
use gantry_api as api;
use serde_json::json;

use crate::farm::{Farm, GCODE, LAN};

const ACCESS_CODE: &str = "canary-access-code-4711";
const ANOTHER_CODE: &str = "canary-another-code-4712";
const PASSWORD: &str = "canary password 4713";

#[tokio::test]
async fn no_secret_is_ever_seen_again() {
    let farm = Farm::new().await;
    let key = [("idempotency-key", "k")];
    let post = async |path: &str, body| farm.call_as(&farm.key, http::Method::POST, path, Some(body), &key).await;
    let link = json!({"driver": "test", "address": "http://p", "credential": ACCESS_CODE});
    let printer = post("/v1/printers", json!({"name": "P", "link": link.clone()})).await;
    let id = printer.json()["id"].as_str().unwrap().to_owned();
    let changed = farm.patch(&format!("/v1/printers/{id}"), json!({"link": {"credential": ANOTHER_CODE}})).await;
    assert!(changed.json()["link"]["credential_set_at"].is_string());
    let tested = post("/v1/printers/test-connection", link).await;
    let refused = farm
        .post("/v1/printers", json!({"name": "", "link": {"driver": "test", "address": "a", "credential": ACCESS_CODE}}))
        .await;
    let unknown =
        farm.post("/v1/printers", json!({"name": "a", "link": {"driver": ACCESS_CODE, "credential": ACCESS_CODE}})).await;
    let set = post("/v1/settings/owner-password", json!({"password": PASSWORD})).await;
    assert_eq!((set.status, refused.status, unknown.status), (204, 422, 422));
    let one_time = farm.one_time().await;
    let session = farm.post("/v1/sessions", json!({"one_time_token": one_time})).await;
    let wrong = farm.post("/v1/sessions", json!({"password": format!("{PASSWORD}!")})).await;
    let cookie = session.header("set-cookie").split([';', '=']).nth(1).unwrap().to_owned();
    let (made, slicer) =
        (post("/v1/api_keys", json!({"name": "K", "role": "viewer"})).await, post("/v1/slicer_keys", json!({"name": "S"})).await);
    let secrets = [&made, &slicer].map(|made| made.json()["secret"].as_str().unwrap().to_owned());
    let canaries: Vec<&str> = [ACCESS_CODE, ANOTHER_CODE, PASSWORD, &one_time, &cookie, &farm.key]
        .into_iter()
        .chain(secrets.iter().map(String::as_str))
        .collect();
    let check = |place: &str, bytes: &[u8]| {
        for canary in &canaries {
            assert!(!bytes.windows(canary.len()).any(|window| window == canary.as_bytes()), "{place} tells {canary}");
        }
    };
    for (place, answer) in [
        ("create", &printer),
        ("edit", &changed),
        ("test", &tested),
        ("refusal", &refused),
        ("set", &set),
        ("sign in", &session),
        ("wrong password", &wrong),
    ] {
        check(place, &answer.bytes);
    }
    for row in rows().iter().filter(|row| row.method == Method::Get && row.path_names.is_empty() && row.id != "stream") {
        let mut generator = schemars::SchemaGenerator::default();
        let paged = (row.parameters)(&mut generator).iter().any(|parameter| parameter["name"] == "limit");
        check(row.id, &farm.get(&format!("{}{}", row.path, if paged { "?limit=200" } else { "" })).await.bytes);
    }
    check("printer", &farm.get(&format!("/v1/printers/{id}")).await.bytes);
    let home = farm.door.home().farm_id.to_string();
    let audit = farm.door.store.read(|rows| rows.audit_tail(&home, 1000)).unwrap();
    assert!(audit.len() >= 6, "what was done is in the audit");
    check("audit", serde_json::to_string(&audit).unwrap().as_bytes());
    farm.database().execute_batch("PRAGMA wal_checkpoint(TRUNCATE)").unwrap();
    for file in std::fs::read_dir(farm.folder.path()).unwrap().map(Result::unwrap).filter(|file| file.path().is_file()) {
        check(&file.file_name().to_string_lossy(), &std::fs::read(file.path()).unwrap());
    }
    let kept = farm.door.store.read(|rows| rows.secret(&farm.door.sealer, &id, "credential")).unwrap();
    assert_eq!(kept.as_deref(), Some(ANOTHER_CODE), "the driver still gets it");
}

#[tokio::test]
async fn the_audit_says_who_did_what_from_where_and_only_what_was_done() {
    let farm = Farm::new().await;
    farm.upload("a.gcode", GCODE).await.expect(201);
    farm.post("/v1/parts", json!({"name": "p"})).await.expect(201);
    farm.post("/v1/parts", json!({"name": ""})).await.refused(422, "invalid_request");
    let one_time = farm.one_time().await;
    let call = crate::farm::request("POST", "/v1/sessions").header("content-type", "application/json");
    farm.send(call.body(json!({"one_time_token": one_time}).to_string().into()).unwrap()).await.expect(201);
    let home = farm.door.home().farm_id.to_string();
    let audit = farm.door.store.read(|rows| rows.audit_tail(&home, 10)).unwrap();
    let told: Vec<(&str, &str)> =
        audit.iter().map(|entry| (entry.operation.as_str(), entry.from.as_deref().unwrap_or("nowhere"))).collect();
    let lan = LAN.split(':').next().unwrap();
    assert_eq!(told, [("create_session", lan), ("create_part", lan), ("upload_file", lan)]);
    assert!(farm.door.store.read(|rows| rows.audit_break(&home)).unwrap().is_none());
}

#[tokio::test]
async fn a_printers_key_is_not_sent_to_another_address_by_whoever_may_change_it() {
    let farm = Farm::new().await;
    let link = json!({"driver": "test", "address": "http://p", "credential": ACCESS_CODE});
    let printer = farm.post("/v1/printers", json!({"name": "P", "link": link})).await;
    let path = format!("/v1/printers/{}", printer.json()["id"].as_str().unwrap());
    let problem = farm.patch(&path, json!({"link": {"address": "http://mine"}})).await.refused(422, "invalid_request");
    assert_eq!(problem["errors"][0]["pointer"], "/link/credential");
    farm.patch(&path, json!({"link": {"address": "http://p"}})).await.expect(200);
    farm.patch(&path, json!({"link": {"address": "http://q", "credential": ANOTHER_CODE}})).await.expect(200);
}

#[tokio::test]
async fn a_printers_key_stays_with_the_serial_number_that_it_was_given_for() {
    let farm = Farm::new().await;
    let link = json!({"driver": "test", "address": "http://p", "credential": ACCESS_CODE});
    let printer = farm.post("/v1/printers", json!({"name": "P", "link": link})).await;
    let path = format!("/v1/printers/{}", printer.json()["id"].as_str().unwrap());
    let named = farm.patch(&path, json!({"link": {"serial": "SN-1"}})).await.expect(200);
    assert_eq!(named["link"]["serial"], "SN-1", "to say which machine it is narrows who gets the key");
    for other in [json!("SN-2"), json!(null)] {
        let link = json!({"serial": other, "board_changed": true});
        let problem = farm.patch(&path, json!({"link": link})).await.refused(422, "invalid_request");
        assert_eq!(problem["errors"][0]["pointer"], "/link/credential");
    }
    let link = json!({"serial": "SN-2", "board_changed": true, "credential": ANOTHER_CODE});
    farm.patch(&path, json!({"link": link})).await.expect(200);
}
