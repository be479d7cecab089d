//! What a caller held to a store, farms or tags sees.

use std::collections::BTreeSet;

use contract::list::{Condition, Selection};
use contract::record::kind_row;
use domain::access::Scope;
use domain::id::{AttemptId, FarmId, Id, JobId, PoolId, PrinterId, StoreId};
use domain::kind::Kind;
use domain::text::Tag;
use gantry_store::{Db, StoreError, Within};
use rusqlite::Connection;
use serde_json::json;

use crate::farm::{all, api_key, attempt, by, db, db_in, id, ids, job, pool, printer};

fn tags(words: &[&str]) -> Scope<Tag> {
    Scope::Only(words.iter().map(|word| word.parse().unwrap()).collect())
}

/// What a caller held to these tags sees of a kind, as the numbers that the ids were made of.
fn seen<I: Id>(db: &Db, kind: Kind, scope: &Scope<Tag>) -> Vec<u128> {
    let within = Within { tags: scope, ..all(db.home()) };
    let listed = ids(db.rows(), kind, &Selection::all(), within);
    let total = Selection { include_total: true, limit: 1, ..Selection::all() };
    let total = db.rows().list(kind_row(kind), &total, within).unwrap().total;
    assert_eq!(total, Some(listed.len() as u64));
    for id in ids(db.rows(), kind, &Selection::all(), all(db.home())) {
        let one = db.rows().visible(kind_row(kind), &id, within).unwrap();
        assert_eq!(one.is_some(), listed.contains(&id), "a single look sees what the list sees");
    }
    listed.iter().map(|id| id.parse::<I>().unwrap_or_else(|_| panic!("{id}")).uuid().as_u128()).collect()
}

#[test]
fn printers_and_pools_are_seen_by_their_own_tags() {
    let mut db = db();
    db.write::<_, StoreError>(by(), |tx| {
        tx.create(&printer(1, json!({"tags": ["a"]})))?;
        tx.create(&printer(2, json!({"tags": ["b", "a"]})))?;
        tx.create(&printer(3, json!({"tags": ["c"]})))?;
        tx.create(&printer(4, json!({})))?;
        tx.create(&pool(1, &["a"]))?;
        tx.create(&pool(2, &["c"]))
    })
    .unwrap();
    let printers = |scope| seen::<PrinterId>(&db, Kind::Printer, &scope);
    assert_eq!(printers(Scope::All), [1, 2, 3, 4]);
    assert_eq!(printers(tags(&["a"])), [1, 2]);
    assert_eq!(printers(tags(&["b", "c"])), [2, 3]);
    assert_eq!(printers(tags(&["z"])), [0; 0]);
    assert_eq!(printers(tags(&[])), [0; 0]);
    assert_eq!(seen::<PoolId>(&db, Kind::Pool, &tags(&["a", "b"])), [1]);
}

#[test]
fn jobs_are_seen_by_their_target_and_by_the_printers_that_they_ran_on() {
    let mut db = db();
    let (p1, p2, pool1): (PrinterId, PrinterId, PoolId) = (id(1), id(2), id(1));
    db.write::<_, StoreError>(by(), |tx| {
        tx.create(&printer(1, json!({"tags": ["a"]})))?;
        tx.create(&printer(2, json!({"tags": ["b"]})))?;
        tx.create(&pool(1, &["a", "c"]))?;
        tx.create(&job(1, json!({})))?;
        tx.create(&job(2, json!({"target": {"printer_id": p1}})))?;
        tx.create(&job(3, json!({"target": {"pool_id": pool1}})))?;
        tx.create(&job(4, json!({"target": {"tags": ["b", "x"]}})))?;
        tx.create(&job(5, json!({"target": {"tags": ["x"]}, "printers_tried": [p2]})))?;
        tx.create(&job(6, json!({"target": {"tags": ["nobody-has-it"]}})))
    })
    .unwrap();
    let jobs = |scope| seen::<JobId>(&db, Kind::Job, &scope);
    assert_eq!(jobs(Scope::All), [1, 2, 3, 4, 5, 6]);
    assert_eq!(jobs(tags(&["a"])), [1, 2, 3]);
    assert_eq!(jobs(tags(&["b"])), [1, 4, 5]);
    assert_eq!(jobs(tags(&["c"])), [1, 3]);
    assert_eq!(jobs(tags(&["nobody-has-it"])), [1, 6], "a tag that no printer has is a tag all the same");
    assert_eq!(jobs(tags(&["any"])), [1]);
    assert_eq!(jobs(tags(&[])), [0; 0], "an empty scope holds nothing at all");
    let tagged = Selection::all().with(Condition::Label("x".to_owned()));
    assert_eq!(ids(db.rows(), Kind::Job, &tagged, all(db.home())).len(), 2);
    let not_a_tag = Selection::all().with(Condition::Label(format!("printer:{p1}")));
    assert_eq!(ids(db.rows(), Kind::Job, &not_a_tag, all(db.home())).len(), 0);
}

#[test]
fn a_job_is_seen_by_the_tags_that_its_printer_has_now() {
    let mut db = db();
    let target = json!({"target": {"printer_id": id::<PrinterId>(1)}});
    db.write::<_, StoreError>(by(), |tx| {
        tx.create(&printer(1, json!({"tags": ["a"]})))?;
        tx.create(&job(1, target))
    })
    .unwrap();
    db.write(by(), |tx| tx.update(&printer(1, json!({"tags": ["b"]})))).unwrap();
    assert_eq!(seen::<JobId>(&db, Kind::Job, &tags(&["a"])), [0; 0]);
    assert_eq!(seen::<JobId>(&db, Kind::Job, &tags(&["b"])), [1]);
}

#[test]
fn attempts_are_seen_by_their_printer_and_keys_by_everybody_with_the_permission() {
    let mut db = db();
    db.write::<_, StoreError>(by(), |tx| {
        tx.create(&printer(1, json!({"tags": ["a"]})))?;
        tx.create(&printer(2, json!({"tags": ["b"]})))?;
        tx.create(&attempt(1, 1))?;
        tx.create(&attempt(2, 2))?;
        tx.create(&api_key(1))
    })
    .unwrap();
    assert_eq!(seen::<AttemptId>(&db, Kind::Attempt, &tags(&["a"])), [1]);
    assert_eq!(seen::<AttemptId>(&db, Kind::Attempt, &tags(&["a", "b"])), [1, 2]);
    assert_eq!(seen::<domain::id::ApiKeyId>(&db, Kind::ApiKey, &tags(&[])), [1]);
}

#[test]
fn a_farm_scope_shows_its_farms_and_account_facts_belong_to_none() {
    let mut db = db();
    db.write::<_, StoreError>(by(), |tx| {
        tx.create(&job(1, json!({})))?;
        tx.create(&api_key(1))
    })
    .unwrap();
    let home = db.home();
    let other: FarmId = id(99);
    for (farms, jobs) in [(vec![home.farm_id], 1), (vec![other], 0), (vec![], 0), (vec![other, home.farm_id], 1)] {
        let farms = Scope::Only(farms.into_iter().collect::<BTreeSet<_>>());
        let within = Within { farms: &farms, ..all(home) };
        assert_eq!(ids(db.rows(), Kind::Job, &Selection::all(), within).len(), jobs, "{farms:?}");
        assert_eq!(ids(db.rows(), Kind::ApiKey, &Selection::all(), within).len(), 1);
    }
}

#[test]
fn another_stores_rows_are_invisible() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let mut db = db_in(&path, 1).unwrap();
    db.write::<_, StoreError>(by(), |tx| {
        tx.create(&job(1, json!({})))?;
        tx.create(&job(2, json!({})))
    })
    .unwrap();
    let other: StoreId = id(7);
    let theirs = id::<JobId>(2).to_string();
    Connection::open(&path)
        .unwrap()
        .execute("UPDATE rec_job SET store_id = ?1 WHERE id = ?2", [&other.to_string(), &theirs])
        .unwrap();
    assert_eq!(ids(db.rows(), Kind::Job, &Selection::all(), all(db.home())), [id::<JobId>(1).to_string()]);
    assert_eq!(db.rows().visible(kind_row(Kind::Job), &theirs, all(db.home())).unwrap(), None);
    let within = Within { store: other, ..all(db.home()) };
    assert_eq!(ids(db.rows(), Kind::Job, &Selection::all(), within), [theirs]);
}

#[test]
fn labels_of_every_allowed_character_are_told_apart() {
    let mut db = db();
    let odd = ["a", "a:b", "a.b", "a_b", "a-b", "-", ":", ".", "_", "any", "tag:a", "printer:prn_1", "0"];
    for (n, tag) in (1..).zip(odd) {
        db.write(by(), |tx| tx.create(&printer(n, json!({"tags": [tag]})))).unwrap();
        db.write(by(), |tx| tx.create(&job(n, json!({"target": {"tags": [tag]}})))).unwrap();
    }
    for (n, tag) in (1..).zip(odd) {
        assert_eq!(seen::<PrinterId>(&db, Kind::Printer, &tags(&[tag])), [n], "{tag}");
        assert_eq!(seen::<JobId>(&db, Kind::Job, &tags(&[tag])), [n], "{tag}");
        let tagged = Selection::all().with(Condition::Label(tag.to_owned()));
        assert_eq!(ids(db.rows(), Kind::Job, &tagged, all(db.home())), [id::<JobId>(n).to_string()], "{tag}");
    }
    for strange in ["", "A", "%", "a' OR '1'='1", "a\nb", "🙂"] {
        let tagged = Selection::all().with(Condition::Label(strange.to_owned()));
        assert_eq!(ids(db.rows(), Kind::Printer, &tagged, all(db.home())), [""; 0], "{strange}");
    }
}
