//! Test keys: they open test farms alone, and change nothing of a live farm or of the account, by any operation.

use std::collections::{BTreeMap, BTreeSet};

use api::registry::rows;
use contract::operation::{Home, Method, Nature};
use domain::farm::{Farm as FarmRecord, HomeIds};
use domain::id::{FarmId, Id};
use domain::role::Role;
use gantry_api as api;
use http::Method as Verb;
use serde_json::{Value, json};
use store::By;

use crate::access_matrix::{At, LAW, ROLES, Stands, closed, key, knock, lacking, lawful, names};
use crate::farm::{Farm, NOW};
use crate::relay_matrix::World;

/// The permissions that no test key has, by the law.
fn of_no_test_key() -> BTreeSet<String> {
    let (_, line) = LAW.split_once("A test key never holds").unwrap();
    names(line.split_once("\n\n").unwrap().0).into_iter().collect()
}

/// The first store gets a test farm beside its live one.
async fn with_test_farm(world: &World) -> FarmId {
    let farm = FarmId::new(NOW, [6; 10]);
    let home = world.relay.farm.door.home();
    let mut row = world.relay.farm.door.store.read(|rows| rows.feed_after(home.store_id, 0, 1)).unwrap().remove(0);
    row.id = farm.to_string();
    row.document.extend([("id".to_owned(), json!(farm)), ("live".to_owned(), json!(false))]);
    let home = HomeIds { store_id: world.relay.store, farm_id: farm };
    let write = move |tx: &mut store::Tx<'_>| tx.put_copy(home, 1, &row);
    world.relay.relay.store.write(By::new(domain::actor::Actor::farm(farm), NOW), write).await.unwrap();
    farm
}

/// Every record of a database but those of that farm, and what else belongs to accounts.
fn everything(database: &rusqlite::Connection, but: &str) -> BTreeMap<String, String> {
    let mut tables = database.prepare("SELECT name FROM sqlite_schema WHERE type = 'table' AND name LIKE 'rec_%'").unwrap();
    let tables: Vec<String> = tables.query_map([], |r| r.get(0)).unwrap().map(Result::unwrap).collect();
    let mut found = BTreeMap::new();
    for table in tables {
        let sql = format!("SELECT id, revision || ' ' || deleted || ' ' || document FROM {table} WHERE farm_id <> ?1");
        let mut rows = database.prepare(&sql).unwrap();
        let rows = rows.query_map([but], |r| Ok((r.get::<_, String>(0)?, r.get::<_, String>(1)?))).unwrap();
        found.extend(rows.map(Result::unwrap).map(|(id, row)| (format!("{table} {id}"), row)));
    }
    for table in ["credential", "tunnel", "pairing", "secret"] {
        let count: i64 = database.query_row(&format!("SELECT count(*) FROM {table}"), [], |r| r.get(0)).unwrap();
        found.insert(table.to_owned(), count.to_string());
    }
    found
}

#[tokio::test]
async fn a_test_key_of_any_role_changes_no_row_of_a_live_farm_or_of_the_account_and_sees_none_by_any_operation() {
    let world = World::new().await;
    let test_farm = with_test_farm(&world).await.to_string();
    let never = of_no_test_key();
    let relay = || rusqlite::Connection::open(world.relay.folder.path().join("relay.db")).unwrap();
    for role in ROLES {
        let (at_agent, at_relay) =
            (key(&world, At::Agent, role, Stands::TestKey).await, key(&world, At::Relay, role, Stands::TestKey).await);
        let law: BTreeSet<String> = lawful(role).difference(&never).cloned().collect();
        let before = (everything(&world.relay.farm.database(), ""), everything(&relay(), &test_farm), world.relay.passed());
        for row in closed() {
            knock(&world, At::Agent, &at_agent, &row).await.refused(403, "test_key");
            world.right_at_the_farm(&at_agent, &row).await.refused(403, "test_key");
        }
        for row in rows().into_iter().filter(|row| row.id != "stream") {
            let answer = world.right(&at_relay, &row).await;
            let shown = String::from_utf8_lossy(&answer.bytes).into_owned();
            let changes = matches!(row.nature, Nature::Refused | Nature::Mailbox);
            let lacks = lacking(&law, &row);
            if row.home != Home::Farm && changes || lacks.is_some_and(|permission| never.contains(permission)) {
                answer.refused(403, "test_key");
            } else if lacks.is_some() {
                answer.refused(403, "permission_missing");
            } else if !row.path_names.is_empty() {
                answer.refused(404, "not_found");
            } else if row.method == Method::Get {
                for (noun, id) in &world.ids {
                    let itself = format!("\"id\":\"{id}\"");
                    assert!(!shown.contains(&itself), "{role:?} {} shows the {noun}: {shown}", row.id);
                }
            } else {
                // What is new goes to the test farm, which is away here; and what is nobody's, such as a claim code, is nothing to it.
                let told = answer.code() == "farm_offline" || (400..500).contains(&answer.status);
                assert!(told || [201, 202].contains(&answer.status), "{role:?} {}: {shown}", row.id);
            }
        }
        let after = (everything(&world.relay.farm.database(), ""), everything(&relay(), &test_farm), world.relay.passed());
        assert_eq!(before, after, "{role:?}");
    }
    // It is looked for in the right place: the test farm did get something.
    let pending: i64 = relay().query_row("SELECT count(*) FROM rec_part WHERE farm_id = ?1", [&test_farm], |r| r.get(0)).unwrap();
    assert!(pending > 0);
}

#[tokio::test]
async fn what_names_no_farm_goes_to_the_live_one_for_a_live_key_and_to_the_test_farm_for_a_test_key() {
    let world = World::new().await;
    let test_farm = with_test_farm(&world).await;
    let test = key(&world, At::Relay, Role::Admin, Stands::TestKey).await;
    let part = || Some(json!({"name": "P"}));
    let made = world.relay.call(&world.owner, "POST", "/v1/parts", part(), &[]).await.expect(201);
    world.relay.farm.get(&format!("/v1/parts/{}", made["id"].as_str().unwrap())).await.expect(200);
    let made = world.relay.call(&test, "POST", "/v1/parts", part(), &[]).await.expect(202);
    assert_eq!(made["farm_id"], json!(test_farm));
    let named = format!("/v1/parts?farm_id={}", world.relay.farm.door.home().farm_id);
    world.relay.call(&test, "POST", &named, part(), &[]).await.refused(404, "not_found");
    // A live key may go there by name, and sees which farm is which.
    let named = format!("/v1/parts?farm_id={test_farm}");
    assert_eq!(world.relay.call(&world.owner, "POST", &named, part(), &[]).await.expect(202)["farm_id"], json!(test_farm));
    let farms = |key: String, filter: &'static str| {
        let world = &world;
        async move {
            let page = world.relay.call(&key, "GET", &format!("/v1/farms{filter}"), None, &[]).await.expect(200);
            page["items"].as_array().unwrap().iter().map(|farm| farm["live"].as_bool().unwrap()).collect::<Vec<_>>()
        }
    };
    assert_eq!(farms(world.owner.clone(), "?live=false").await, [false]);
    assert_eq!(farms(world.owner.clone(), "?live=true").await, [true]);
    assert_eq!(farms(test, "").await, [false]);
}

async fn made(farm: &Farm, more: Value) -> (String, Value) {
    let mut body = json!({"name": "K", "role": "admin", "test": true});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let made = farm.post("/v1/api_keys", body).await.expect(201);
    (made["secret"].as_str().unwrap().to_owned(), made["api_key"].clone())
}

#[tokio::test]
async fn a_test_key_says_what_it_is_and_stays_that_when_it_rolls_or_is_edited() {
    let farm = Farm::new().await;
    let (secret, key) = made(&farm, json!({})).await;
    assert!(secret.starts_with("gty_test_") && api::key_text::is_api_key(&secret), "{secret}");
    assert_eq!((&key["test"], key["hint"].as_str().unwrap()), (&json!(true), &secret[..13]));
    let path = format!("/v1/api_keys/{}", key["id"].as_str().unwrap());
    let rolled = farm.post(&format!("{path}/roll"), json!({})).await.expect(200);
    assert!(rolled["secret"].as_str().unwrap().starts_with("gty_test_"));
    farm.patch(&path, json!({"test": false})).await.refused(422, "invalid_request");
    let live = farm.post("/v1/api_keys", json!({"name": "K", "role": "viewer"})).await.expect(201);
    assert!(live["secret"].as_str().unwrap().starts_with("gty_live_"));
    assert!(live["api_key"].get("test").is_none());
}

#[tokio::test]
async fn at_a_test_farm_a_test_key_does_what_it_was_given_but_nothing_of_the_account() {
    let farm = Farm::new().await;
    let (secret, key) = made(&farm, json!({})).await;
    farm.get_as(&secret, "/v1/printers").await.refused(403, "test_key");
    let id = farm.door.home().farm_id;
    farm.write(move |tx| {
        let record = tx.get::<FarmRecord>(id)?.unwrap().record;
        tx.update(&FarmRecord { live: false, ..record })?;
        Ok(())
    })
    .await;
    // At once, with nothing else changed.
    farm.get_as(&secret, "/v1/printers").await.expect(200);
    let file = farm.file().await;
    let job = farm.call_as(&secret, Verb::POST, "/v1/jobs", Some(json!({"file_id": file})), &[]).await.expect(201);
    assert_eq!(job["created_by"]["id"], key["id"]);
    let me = farm.get_as(&secret, "/v1/me").await.expect(200);
    assert_eq!(me["grants"]["farms"], json!({"only": [id]}));
    let held: BTreeSet<String> = serde_json::from_value(me["grants"]["permissions"].clone()).unwrap();
    assert_eq!(held, lawful(Role::Admin).difference(&of_no_test_key()).cloned().collect());
    for (path, body) in [
        ("/v1/api_keys", json!({"name": "A", "role": "viewer"})),
        ("/v1/api_keys", json!({"name": "A", "role": "viewer", "test": true})),
        ("/v1/slicer_keys", json!({"name": "S"})),
        ("/v1/operators", json!({"name": "O", "role": "operator", "pin": "482913"})),
        ("/v1/me/password", json!({"password": "long enough for it"})),
        ("/v1/sessions", json!({"password": "wrong"})),
    ] {
        farm.call_as(&secret, Verb::POST, path, Some(body), &[]).await.refused(403, "test_key");
    }
    for path in ["/v1/api_keys", "/v1/audit_entries", "/v1/operators", "/v1/roles"] {
        let refused = farm.get_as(&secret, path).await.refused(403, "test_key");
        assert!(refused["permission"].is_string(), "{path}: {refused}");
    }
}
