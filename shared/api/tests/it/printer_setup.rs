//! How printers come to a farm: found, cloned, imported.

use contract::ops::printer_setup::{FoundPrinter, ScanFound};
use domain::access::{Grants, Scope};
use domain::permission::{Permission, PermissionSet};
use serde_json::{Value, json};

use crate::farm::Farm;

const HEAD: &str = "name,driver,address,serial,credential,tags\n";

fn found(address: &str, serial: Option<&str>) -> FoundPrinter {
    FoundPrinter {
        driver: "test".to_owned(),
        driver_title: "Test".to_owned(),
        address: address.to_owned(),
        name: None,
        model: None,
        serial: serial.map(|serial| serial.parse().unwrap()),
        firmware: None,
        still_needed: Vec::new(),
        advice: None,
        printer_id: None,
        moved: false,
    }
}

async fn printer(farm: &Farm, name: &str, link: Value, tags: Value) -> String {
    let mut link = link;
    link["driver"] = "test".into();
    let made = farm.post("/v1/printers", json!({"name": name, "link": link, "tags": tags})).await.expect(201);
    made["id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_scan_says_which_machines_are_added_already_and_which_have_moved() {
    let farm = Farm::new().await;
    let moved = printer(&farm, "Moved", json!({"address": "http://old", "serial": "SN-1"}), json!(["left"])).await;
    let same = printer(&farm, "Same", json!({"address": "http://same/"}), json!(["right"])).await;
    printer(&farm, "Other", json!({"address": "http://new", "serial": "SN-9"}), json!([])).await;
    let items = vec![found("http://new", Some("SN-1")), found("http://same", None), found("http://nobody", Some("SN-2"))];
    *farm.floor.found.lock().unwrap() = ScanFound { items, hindrances: vec!["No search.".to_owned()] };
    let told = farm.post("/v1/printers/scan", json!({})).await.expect(200);
    let rows: Vec<(Option<&str>, bool)> =
        told["items"].as_array().unwrap().iter().map(|item| (item["printer_id"].as_str(), item["moved"] == true)).collect();
    assert_eq!(rows, [(Some(moved.as_str()), true), (Some(same.as_str()), false), (None, false)]);
    assert_eq!(told["hindrances"][0], "No search.");

    // Who may not see a printer does not learn from a scan that it is there.
    let permissions = PermissionSet::default().with(Permission::PrinterCreate).with(Permission::PrinterView);
    let mut grants = Grants::unscoped(permissions);
    grants.tags = Scope::Only(["right".parse().unwrap()].into());
    let key = farm.key_of(grants).await;
    let told = farm.call_as(&key, http::Method::POST, "/v1/printers/scan", Some(json!({})), &[]).await.expect(200);
    assert!(told["items"][0].get("printer_id").is_none());
    assert_eq!(told["items"][1]["printer_id"], same);
}

#[tokio::test]
async fn a_clone_has_the_others_settings_and_nothing_that_only_the_other_has() {
    let farm = Farm::new().await;
    let link = json!({"driver": "test", "address": "http://a", "serial": "SN-1", "credential": "secret"});
    let machine = json!({"model": "MK4", "nozzle_mm": 0.4});
    let body = json!({"name": "A", "link": link, "machine": machine, "tags": ["rack-a"], "loaded": [{"material": "PLA"}], "metadata": {"k": "v"}});
    let other = farm.post("/v1/printers", body).await.expect(201);
    let path = format!("/v1/printers/{}/clone", other["id"].as_str().unwrap());
    let made = farm.post(&path, json!({"name": "B", "address": "http://b"})).await.expect(201);
    assert_eq!((&made["machine"], &made["tags"]), (&other["machine"], &other["tags"]));
    assert_eq!(made["link"], json!({"driver": "test", "address": "http://b"}), "neither serial number nor key");
    assert_eq!((made.get("loaded"), made.get("metadata"), &made["bed"]), (None, None, &json!("needs_clear")));
    assert_ne!(made["id"], other["id"]);
    let unseen = Grants::unscoped(PermissionSet::default().with(Permission::PrinterCreate));
    let key = farm.key_of(unseen).await;
    let asked = Some(json!({"name": "C", "address": "http://c"}));
    farm.call_as(&key, http::Method::POST, &path, asked, &[]).await.refused(403, "permission_missing");
}

#[tokio::test]
async fn a_table_adds_all_its_printers_or_none_and_tells_every_mistake_with_its_line() {
    let farm = Farm::new().await;
    printer(&farm, "There", json!({"address": "http://there"}), json!([])).await;
    let count = async || farm.get("/v1/printers").await.expect(200)["items"].as_array().unwrap().len();
    let rows = format!(
        "{HEAD}P1,test,http://1,SN-1,s3cret,rack-a\nP2,nonsense,http://2,,,\nP3,test,http://there,,,\n,test,http://4,,,\n"
    );
    // What the table itself says wrongly is told first; then what the farm says against it.
    let problem = farm.post("/v1/printers/import", json!({"csv": rows})).await.refused(422, "invalid_request");
    assert_eq!(problem["errors"][0]["pointer"], "/csv/5/name");
    let rows = rows.replace("\n,test", "\nP4,test");
    let problem = farm.post("/v1/printers/import", json!({"csv": rows})).await.refused(422, "invalid_request");
    let pointers: Vec<&str> =
        problem["errors"].as_array().unwrap().iter().map(|error| error["pointer"].as_str().unwrap()).collect();
    assert_eq!(pointers, ["/csv/3/driver", "/csv/4/address"]);
    assert!(problem["detail"].as_str().unwrap().starts_with("no printer was added: line 3, driver"), "{problem}");
    assert_eq!(count().await, 1, "nothing is half done");

    let good = format!("{HEAD}P1,test,http://1,SN-1,s3cret,rack-a\nP2,test,http://2,,,\n");
    farm.post("/v1/printers/import?dry_run=true", json!({"csv": good})).await.expect(200);
    assert_eq!(count().await, 1, "a try adds none");
    let made = farm.post("/v1/printers/import", json!({"csv": good})).await;
    let text = String::from_utf8_lossy(&made.bytes).into_owned();
    assert!(!text.contains("s3cret"), "{text}");
    let made = made.expect(201);
    assert_eq!(made["items"][0]["link"]["serial"], "SN-1");
    assert!(made["items"][0]["link"]["credential_set_at"].is_string());
    let id = made["items"][0]["id"].as_str().unwrap();
    let kept = farm.door.store.read(|rows| rows.secret(&farm.door.sealer, id, "credential")).unwrap();
    assert_eq!(kept.as_deref(), Some("s3cret"));
    let home = farm.door.home().farm_id.to_string();
    let audit = farm.door.store.read(|rows| rows.audit_tail(&home, 10)).unwrap();
    assert!(!audit.iter().any(|entry| entry.asked.to_string().contains("s3cret")), "nor is it in the audit");
    assert_eq!(count().await, 3);
}

#[tokio::test]
async fn a_printer_with_a_new_board_keeps_its_id_and_history_once_somebody_says_that_it_is_the_same_machine() {
    let farm = Farm::new().await;
    let id = printer(&farm, "P", json!({"address": "http://p", "serial": "SN-1"}), json!([])).await;
    let path = format!("/v1/printers/{id}");
    let problem = farm.patch(&path, json!({"link": {"serial": "SN-2"}})).await.refused(422, "invalid_request");
    assert_eq!(
        (&problem["errors"][0]["pointer"], &problem["errors"][0]["code"]),
        (&json!("/link/serial"), &json!("unconfirmed"))
    );
    let same = farm.patch(&path, json!({"link": {"serial": "SN-1", "address": "http://q"}})).await.expect(200);
    assert_eq!(same["link"]["address"], "http://q", "the same number asks for nothing");
    let made = farm.patch(&path, json!({"link": {"serial": "SN-2", "board_changed": true}})).await.expect(200);
    assert_eq!(
        (made["id"].as_str(), &made["link"]["serial"], &made["created_at"]),
        (Some(id.as_str()), &json!("SN-2"), &same["created_at"])
    );
    let home = farm.door.home().farm_id.to_string();
    let audit = farm.door.store.read(|rows| rows.audit_tail(&home, 1)).unwrap();
    assert_eq!(
        audit[0].asked["body"]["link"]["board_changed"].as_bool().or(audit[0].asked["link"]["board_changed"].as_bool()),
        Some(true)
    );
}

#[tokio::test]
async fn a_machine_with_two_addresses_that_is_reached_by_one_has_not_moved() {
    let farm = Farm::new().await;
    printer(&farm, "P", json!({"address": "http://cable", "serial": "SN-1"}), json!([])).await;
    let items = vec![found("http://radio", Some("SN-1")), found("http://cable", Some("SN-1"))];
    *farm.floor.found.lock().unwrap() = ScanFound { items, hindrances: Vec::new() };
    let told = farm.post("/v1/printers/scan", json!({})).await.expect(200);
    for item in told["items"].as_array().unwrap() {
        assert!(item["printer_id"].is_string() && item["moved"] == false, "{item}");
    }
}
