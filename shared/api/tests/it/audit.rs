//! The audit as it is read: who did what, what changed, and to whom it is shown.

use domain::access::Grants;
use domain::id::{FarmId, Id, StoreId};
use domain::permission::Permission;
use gantry_api as api;
use serde_json::{Value, json};

use crate::farm::{Farm, GCODE, NOW};
use crate::forward::{World, store};

async fn part(farm: &Farm, name: &str) -> String {
    farm.post("/v1/parts", json!({"name": name})).await.expect(201)["id"].as_str().unwrap().to_owned()
}

fn operations(page: &Value) -> Vec<&str> {
    page["items"].as_array().unwrap().iter().map(|entry| entry["operation"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_change_is_told_with_the_field_before_and_after() {
    let farm = Farm::new().await;
    let id = part(&farm, "Old").await;
    farm.later(1000);
    farm.patch(&format!("/v1/parts/{id}"), json!({"name": "New"})).await.expect(200);
    farm.later(1000);
    farm.delete(&format!("/v1/parts/{id}")).await;
    let page = farm.get(&format!("/v1/audit_entries?subject={id}")).await.expect(200);
    assert_eq!(operations(&page), ["delete_part", "edit_part", "create_part"]);
    let change = |n: usize| &page["items"][n]["changes"][0];
    assert_eq!(
        change(1),
        &json!({"kind": "part", "id": id, "became": "updated", "before": {"name": "Old"}, "after": {"name": "New"}})
    );
    assert_eq!(
        (&change(0)["became"], &change(0)["before"]["name"], &change(0)["after"]),
        (&json!("deleted"), &json!("New"), &Value::Null)
    );
    assert_eq!((&change(2)["became"], &change(2)["after"]["name"]), (&json!("created"), &json!("Old")));
    assert_eq!(page["items"][1]["actor"]["kind"], "api_key");
    assert!(page["items"][1]["request_id"].is_string());
}

#[tokio::test]
async fn pages_follow_each_other_and_filters_hold() {
    let farm = Farm::new().await;
    for n in 0..7 {
        part(&farm, &format!("P{n}")).await;
        farm.later(if n % 2 == 0 { 0 } else { 1000 });
    }
    farm.upload("a.gcode", GCODE).await.expect(201);
    let (mut numbers, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = farm.get(&format!("/v1/audit_entries?operation=create_part&limit=3{cursor}")).await.expect(200);
        numbers.extend(page["items"].as_array().unwrap().iter().map(|entry| entry["number"].as_u64().unwrap()));
        let Some(next) = page["next_cursor"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    assert_eq!(numbers, [7, 6, 5, 4, 3, 2, 1]);
    let count =
        async |query: &str| farm.get(&format!("/v1/audit_entries?{query}")).await.expect(200)["items"].as_array().unwrap().len();
    let (since, until) = (NOW.plus_seconds(1), NOW.plus_seconds(2));
    assert_eq!(count(&format!("since={since}&until={until}")).await, 2);
    assert_eq!((count("actor_kind=api_key").await, count("actor_kind=user").await), (8, 0));
    assert_eq!((count("from=192.168.1.7").await, count("from=10.0.0.1").await), (8, 0));
    farm.get("/v1/audit_entries?cursor=nonsense").await.refused(422, "invalid_request");
}

#[tokio::test]
async fn who_may_not_see_a_record_or_ask_for_it_is_not_shown_it_here_either() {
    let farm = Farm::new().await;
    part(&farm, "Secret shape").await;
    let key = farm.key_with(&[Permission::AuditView]).await;
    let answer = farm.get_as(&key, "/v1/audit_entries").await;
    assert!(!String::from_utf8_lossy(&answer.bytes).contains("Secret shape"));
    let page = answer.expect(200);
    assert_eq!((operations(&page), &page["items"][0]["changes"][0]["kind"]), (vec!["create_part"], &json!("part")));
    let tagged = farm.key_for_tag("rack-a").await;
    farm.get_as(&tagged, "/v1/audit_entries").await.refused(403, "grants_exceeded");
}

#[tokio::test]
async fn a_store_sees_nothing_of_the_one_that_had_the_farm_before() {
    let farm = Farm::new().await;
    let home = farm.door.home();
    part(&farm, "Of my own").await;
    let own = farm
        .door
        .store
        .read(|rows| rows.audit_scan(&home.farm_id.to_string(), home.store_id, &Default::default(), None, 50))
        .unwrap();
    assert_eq!(own.items.len(), 1);
    let claimed = StoreId::new(NOW, [5; 10]);
    farm.write(move |tx| Ok(tx.move_to_store(claimed)?)).await;
    part_of_store(&farm, "create_part").await;
    api::claims::set_free(&farm.door, None).await.unwrap();
    let now = farm.door.home().store_id;
    part_of_store(&farm, "edit_part").await;
    let seen = |store: StoreId| {
        let scan = farm
            .door
            .store
            .read(|rows| rows.audit_scan(&home.farm_id.to_string(), store, &Default::default(), None, 50))
            .unwrap();
        scan.items.into_iter().map(|(_, entry)| entry.entry.operation).collect::<Vec<_>>()
    };
    assert_eq!(seen(now), ["edit_part", "farm.left_store"]);
    assert_eq!(seen(claimed), ["farm.left_store", "create_part", "create_part"]);
    assert_eq!(seen(StoreId::new(NOW, [6; 10])), Vec::<String>::new());
    assert!(farm.door.store.read(|rows| rows.audit_break(&home.farm_id.to_string())).unwrap().is_none());
}

async fn part_of_store(farm: &Farm, operation: &'static str) {
    farm.later(1000);
    farm.write(move |tx| {
        let (at, actor) = (tx.now(), tx.actor().clone());
        let operation = operation.to_owned();
        Ok(tx.audit(&store::AuditEntry {
            at,
            actor,
            from: None,
            operation,
            subject: None,
            request_id: None,
            asked: Value::Null,
        })?)
    })
    .await;
}

#[tokio::test]
async fn a_relay_merges_its_own_chain_with_those_of_its_farms_and_names_the_farm_that_is_away() {
    let world = World::new().await;
    let key = world.key(store(1), Grants::owner()).await;
    world.farm.later(1000);
    part(&world.farm, "At the farm").await;
    world.farm.later(1000);
    let made = world.call(&key, "POST", "/v1/api_keys", Some(json!({"name": "K", "role": "viewer"})), &[]).await;
    made.expect(201);
    world.farm.later(1000);
    part(&world.farm, "Later at the farm").await;
    let page = world.call(&key, "GET", "/v1/audit_entries?limit=2", None, &[]).await.expect(200);
    assert_eq!(operations(&page), ["create_part", "create_api_key"]);
    let next = page["next_cursor"].as_str().unwrap();
    let rest = world.call(&key, "GET", &format!("/v1/audit_entries?cursor={next}"), None, &[]).await.expect(200);
    assert_eq!(operations(&rest), ["create_part"]);
    let exported = world.call(&key, "GET", "/v1/audit_entries/export?format=jsonl", None, &[]).await;
    assert_eq!(String::from_utf8(exported.bytes).unwrap().lines().count(), 3);
    let whole = world.call(&key, "GET", "/v1/audit_entries/verification", None, &[]).await.expect(200);
    assert_eq!(whole["chains"].as_array().unwrap().iter().map(|chain| &chain["whole"]).collect::<Vec<_>>(), [true, true]);
    for (home, told) in [
        (store(1).to_string(), vec!["create_api_key"]),
        (world.farm.door.home().farm_id.to_string(), vec!["create_part", "create_part"]),
        (store(2).to_string(), vec![]),
    ] {
        let page = world.call(&key, "GET", &format!("/v1/audit_entries?home={home}"), None, &[]).await.expect(200);
        assert_eq!((operations(&page), &page["missing_farms"]), (told, &Value::Null), "{home}");
    }
    let foreign = world.key(store(2), Grants::owner()).await;
    let theirs = world.call(&foreign, "GET", "/v1/audit_entries", None, &[]).await.expect(200);
    assert_eq!(theirs, json!({"items": []}));

    world.cut(true);
    let farm: FarmId = world.farm.door.home().farm_id;
    let page = world.call(&key, "GET", "/v1/audit_entries", None, &[]).await.expect(200);
    assert_eq!((operations(&page), &page["missing_farms"]), (vec!["create_api_key"], &json!([farm])));
    let exported = world.call(&key, "GET", "/v1/audit_entries/export?format=csv", None, &[]).await;
    assert_eq!(exported.header("gantry-missing-farms"), farm.to_string());
}

#[tokio::test]
async fn a_table_is_read_back_by_another_program_and_holds_no_formula() {
    let farm = Farm::new().await;
    for name in ["=cmd|' /C calc'!A0", "a \"b\", c", "ünï"] {
        part(&farm, name).await;
    }
    let answer = farm.get("/v1/audit_entries/export?format=csv").await;
    assert_eq!(answer.header("content-type"), "text/csv; charset=utf-8");
    let file = farm.folder.path().join("audit.csv");
    std::fs::write(&file, &answer.bytes).unwrap();
    let script = "import csv,json,sys\nrows=list(csv.DictReader(open(sys.argv[1],newline='',encoding='utf-8'),strict=True))\n\
                  print(json.dumps([json.loads(r['asked'])['name'] for r in rows]))\n\
                  assert not any(v[:1] in '=+-@\\t\\r' for r in rows for v in r.values() if v)";
    let read = std::process::Command::new("python3").arg("-c").arg(script).arg(&file).output().unwrap();
    assert!(read.status.success(), "{}", String::from_utf8_lossy(&read.stderr));
    let names: Value = serde_json::from_slice(&read.stdout).unwrap();
    assert_eq!(names, json!(["ünï", "a \"b\", c", "=cmd|' /C calc'!A0"]));
    let document = farm.get("/v1/audit_entries/export").await.expect(200);
    assert_eq!(operations(&document), ["create_part"; 3]);
}

#[tokio::test]
async fn a_forged_checkpoint_and_a_changed_entry_are_told() {
    let farm = Farm::new().await;
    for name in ["a", "b", "c"] {
        part(&farm, name).await;
        farm.later(1000);
    }
    let verified = async || farm.get("/v1/audit_entries/verification").await.expect(200)["chains"][0].clone();
    farm.later(401 * 24 * 3600 * 1000);
    part(&farm, "d").await;
    api::audit::trim(&farm.door).await.unwrap();
    let trimmed = verified().await;
    assert_eq!((&trimmed["whole"], &trimmed["entries"], &trimmed["trimmed"][0]["removed"]), (&json!(true), &json!(1), &json!(3)));
    farm.database().execute("UPDATE audit_checkpoint SET removed = 2", []).unwrap();
    let forged = verified().await;
    assert_eq!((&forged["whole"], &forged["broken_at"]), (&json!(false), &json!(3)));
    assert!(forged["problem"].as_str().unwrap().contains("not signed by this door"));
    farm.database().execute("UPDATE audit SET entry = replace(entry, '\"d\"', '\"e\"')", []).unwrap();
    assert_eq!(verified().await["broken_at"], 4);
}
