//! Materials, spools and slots: the ledger of a spool, where it is loaded, and what of it is shown to whom.

use domain::id::PrinterId;
use domain::permission::Permission;
use http::Method;
use serde_json::{Value, json};

use crate::farm::Farm;

async fn material(farm: &Farm) -> String {
    let body = json!({"type": "PLA", "vendor": "V", "colour_name": "Galaxy", "colour_hex": "#112233",
        "density_g_cm3": 1.24, "diameter_mm": 1.75, "price_per_kg": {"amount_minor": 2500, "currency": "EUR"}});
    farm.post("/v1/materials", body).await.expect(201)["id"].as_str().unwrap().to_owned()
}

async fn spool(farm: &Farm, material: &str) -> String {
    let body = json!({"material_id": material, "grams_initial": 1000});
    farm.post("/v1/spools", body).await.expect(201)["id"].as_str().unwrap().to_owned()
}

async fn load(farm: &Farm, spool: &str, printer: PrinterId, position: u8) -> Value {
    let body = json!({"printer_id": printer, "position": position});
    farm.post(&format!("/v1/spools/{spool}/load"), body).await.expect(200)
}

#[tokio::test]
async fn grams_change_by_the_ledger_only_and_are_its_sum() {
    let farm = Farm::new().await;
    let id = spool(&farm, &material(&farm).await).await;
    let path = format!("/v1/spools/{id}");
    assert_eq!(farm.get(&path).await.expect(200)["grams_left"], 1000.0);
    farm.patch(&path, json!({"grams_left": 5})).await.refused(422, "invalid_request");
    farm.patch(&path, json!({"grams_initial": 5})).await.refused(422, "invalid_request");
    for left in [700.5, 710.0, 0.0] {
        let body = json!({"grams_left": left, "reason": "weighed"});
        assert_eq!(farm.post(&format!("{path}/measure"), body).await.expect(200)["grams_left"], left);
    }
    farm.post(&format!("{path}/measure"), json!({"grams_left": -1, "reason": "x"})).await.refused(422, "invalid_request");
    let other = spool(&farm, &material(&farm).await).await;
    farm.post(&format!("/v1/spools/{other}/measure"), json!({"grams_left": 1, "reason": "x"})).await.expect(200);
    let ledger = farm.get(&format!("{path}/ledger?sort=created_at")).await.expect(200);
    let entries = ledger["items"].as_array().unwrap();
    let sum: f64 = entries.iter().map(|entry| entry["delta_grams"].as_f64().unwrap()).sum();
    assert_eq!((entries.len(), 1000.0 + sum), (3, 0.0));
    assert!(entries.iter().all(|entry| entry["spool_id"] == json!(id) && entry["created_by"]["kind"].is_string()));
}

#[tokio::test]
async fn a_spool_and_its_slot_name_each_other_wherever_it_is_put() {
    let farm = Farm::new().await;
    let material = material(&farm).await;
    let (a, b) = (spool(&farm, &material).await, spool(&farm, &material).await);
    let (printer, other) = (farm.printer(json!({})).await, farm.printer(json!({})).await);
    let name_each_other = async || {
        let slots = farm.get("/v1/slots").await.expect(200)["items"].as_array().unwrap().clone();
        let spools = farm.get("/v1/spools").await.expect(200)["items"].as_array().unwrap().clone();
        for spool in &spools {
            let slot = slots.iter().find(|slot| slot["spool_id"] == spool["id"]);
            let named = (spool.get("slot_id"), spool.get("printer_id"));
            assert_eq!(named, (slot.map(|slot| &slot["id"]), slot.map(|slot| &slot["printer_id"])), "{spool}");
        }
        (slots.len(), slots.iter().filter(|slot| slot.get("spool_id").is_some()).count())
    };
    let before = farm.event_words().len();
    load(&farm, &a, printer, 0).await;
    assert_eq!(farm.event_words()[before..], ["spool.updated", "slot.created", "slot.changed"]);
    let quiet = farm.event_words().len();
    load(&farm, &a, printer, 0).await;
    assert_eq!(farm.event_words().len(), quiet, "it is there already");
    assert_eq!(name_each_other().await, (1, 1));
    load(&farm, &b, printer, 0).await;
    assert_eq!(name_each_other().await, (1, 1));
    load(&farm, &a, printer, 1).await;
    load(&farm, &b, other, 0).await;
    assert_eq!(name_each_other().await, (3, 2));
    let loaded = farm.get(&format!("/v1/spools?printer_id={other}")).await.expect(200);
    assert_eq!(loaded["items"][0]["id"], json!(b));
    farm.delete(&format!("/v1/spools/{b}")).await.refused(409, "in_use");
    let before = farm.event_words().len();
    farm.post(&format!("/v1/spools/{b}/unload"), json!({})).await.expect(200);
    assert_eq!(farm.event_words()[before..], ["slot.changed", "spool.updated"]);
    farm.post(&format!("/v1/spools/{b}/unload"), json!({})).await.refused(409, "illegal_state");
    assert_eq!(name_each_other().await, (3, 1));
    farm.delete(&format!("/v1/printers/{printer}")).await.expect(204);
    assert_eq!(name_each_other().await, (1, 0));
    for spool in [&a, &b] {
        farm.delete(&format!("/v1/spools/{spool}")).await.expect(204);
    }
}

#[tokio::test]
async fn a_material_of_which_there_is_a_spool_stays_and_a_spool_is_of_one_that_is_there() {
    let farm = Farm::new().await;
    let material = material(&farm).await;
    let id = spool(&farm, &material).await;
    let said = farm.delete(&format!("/v1/materials/{material}")).await.refused(409, "in_use");
    assert!(said["detail"].as_str().unwrap().contains(&id));
    let gone = format!("mat_{}", "0".repeat(32));
    let made = farm.post("/v1/spools", json!({"material_id": gone, "grams_initial": 1})).await.refused(422, "invalid_request");
    let edited = farm.patch(&format!("/v1/spools/{id}"), json!({"material_id": gone})).await.refused(422, "invalid_request");
    for problem in [made, edited] {
        assert_eq!(problem["errors"][0]["pointer"], "/material_id");
    }
    let nowhere = json!({"printer_id": format!("prn_{}", "0".repeat(32))});
    let nowhere = farm.post(&format!("/v1/spools/{id}/load"), nowhere).await.refused(422, "invalid_request");
    assert_eq!(nowhere["errors"][0]["pointer"], "/printer_id");
    farm.patch(&format!("/v1/spools/{id}"), json!({"external_id": "x"})).await.expect(200);
    let twice = json!({"material_id": material, "grams_initial": 1, "external_id": "x"});
    farm.post("/v1/spools", twice).await.refused(409, "already_exists");
    farm.delete(&format!("/v1/spools/{id}")).await.expect(204);
    farm.delete(&format!("/v1/materials/{material}")).await.expect(204);
}

#[tokio::test]
async fn costs_spools_and_places_are_shown_only_to_who_may_see_them() {
    let farm = Farm::new().await;
    let material = material(&farm).await;
    let id = spool(&farm, &material).await;
    load(&farm, &id, farm.printer(json!({})).await, 0).await;
    let key = farm.key_with(&[Permission::MaterialView, Permission::MaterialEdit]).await;
    let path = format!("/v1/materials/{material}");
    assert!(farm.get(&path).await.expect(200)["price_per_kg"].is_object());
    assert!(farm.get_as(&key, &path).await.expect(200).get("price_per_kg").is_none());
    farm.call_as(&key, Method::PATCH, &path, Some(json!({"vendor": null})), &[]).await.expect(200);
    assert_eq!(farm.get(&path).await.expect(200)["price_per_kg"]["amount_minor"], 2500);
    let key = farm.key_with(&[Permission::PrinterView]).await;
    let slots = farm.get_as(&key, "/v1/slots").await.expect(200)["items"].clone();
    assert!(slots[0]["printer_id"].is_string() && slots[0].get("spool_id").is_none());
    farm.get_as(&key, &format!("/v1/slots?spool_id={id}")).await.refused(403, "permission_missing");
    let key = farm.key_with(&[Permission::SpoolView]).await;
    let seen = farm.get_as(&key, &format!("/v1/spools/{id}")).await.expect(200);
    assert!(seen.get("slot_id").is_none() && seen.get("printer_id").is_none());
    farm.get_as(&key, "/v1/spools?sort=printer_id").await.refused(403, "permission_missing");
}

#[tokio::test]
async fn a_key_for_one_tag_sees_the_slots_of_its_printers_and_moves_no_spool_of_another() {
    let farm = Farm::new().await;
    let material = material(&farm).await;
    let (mine, theirs) = (spool(&farm, &material).await, spool(&farm, &material).await);
    let a = farm.printer(json!({"tags": ["rack-a"]})).await;
    let b = farm.printer(json!({"tags": ["rack-b"]})).await;
    let slot = load(&farm, &theirs, b, 0).await["slot_id"].as_str().unwrap().to_owned();
    let key = farm.key_for_tag("rack-a").await;
    let post = async |path: String, body: Value| farm.call_as(&key, Method::POST, &path, Some(body), &[]).await;
    post(format!("/v1/spools/{mine}/load"), json!({"printer_id": a})).await.expect(200);
    let slots = farm.get_as(&key, "/v1/slots").await.expect(200)["items"].clone();
    assert_eq!((slots.as_array().unwrap().len(), &slots[0]["printer_id"]), (1, &json!(a)));
    farm.get_as(&key, &format!("/v1/slots/{slot}")).await.refused(404, "not_found");
    let before = farm.counts();
    post(format!("/v1/spools/{mine}/load"), json!({"printer_id": b})).await.refused(422, "invalid_request");
    post(format!("/v1/spools/{theirs}/load"), json!({"printer_id": a})).await.refused(403, "grants_exceeded");
    post(format!("/v1/spools/{theirs}/unload"), json!({})).await.refused(403, "grants_exceeded");
    assert_eq!(farm.counts(), before);
}
