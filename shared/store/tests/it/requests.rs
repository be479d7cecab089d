//! The memory of calls that may come again.

use gantry_store::{Db, Outcome, RequestKey, StoreError};
use serde_json::json;

use crate::farm::{NOW, by, by_at, db, events, job};

const DAY: i64 = 24 * 3600;

fn key(body: &[u8]) -> RequestKey {
    RequestKey::new("farm_1", "api_key:1", "job.create", "k", body)
}

fn answer(status: u16) -> Outcome {
    Outcome { status, reply: Some(json!({"id": "job_1"})), revision: Some(1) }
}

fn asked(db: &mut Db, key: &RequestKey, seconds: i64) -> Option<Result<Outcome, ()>> {
    db.write::<_, StoreError>(by_at(NOW.plus_seconds(seconds)), |tx| tx.outcome(key)).unwrap()
}

#[test]
fn the_same_call_finds_its_outcome_and_another_body_is_refused() {
    let mut db = db();
    assert_eq!(asked(&mut db, &key(b"{}"), 0), None);
    db.write(by(), |tx| tx.keep_outcome(&key(b"{}"), &answer(201))).unwrap();
    assert_eq!(asked(&mut db, &key(b"{}"), 0), Some(Ok(answer(201))));
    assert_eq!(asked(&mut db, &key(b"{\"a\":1}"), 0), Some(Err(())));
}

#[test]
fn a_key_is_its_actors_its_operations_and_its_homes_own() {
    let mut db = db();
    db.write(by(), |tx| tx.keep_outcome(&key(b""), &answer(201))).unwrap();
    for other in [
        RequestKey::new("farm_2", "api_key:1", "job.create", "k", b""),
        RequestKey::new("farm_1", "api_key:2", "job.create", "k", b""),
        RequestKey::new("farm_1", "api_key:1", "job.cancel", "k", b""),
        RequestKey::new("farm_1", "api_key:1", "job.create", "l", b""),
        RequestKey::new("farm_1", "api_key:1j", "ob.create", "k", b""),
    ] {
        assert_eq!(asked(&mut db, &other, 0), None);
    }
}

#[test]
fn an_outcome_is_kept_for_seven_days_and_until_it_is_forgotten() {
    let mut db = db();
    db.write(by(), |tx| tx.keep_outcome(&key(b"a"), &answer(201))).unwrap();
    assert!(asked(&mut db, &key(b"a"), 9 * DAY).is_some(), "who keeps house may keep it longer");
    db.write(by(), |tx| tx.forget_outcomes(NOW.plus_seconds(7 * DAY))).unwrap();
    assert_eq!(asked(&mut db, &key(b"a"), 7 * DAY), None);
    db.write(by_at(NOW.plus_seconds(7 * DAY)), |tx| tx.keep_outcome(&key(b"b"), &answer(200))).unwrap();
    assert_eq!(asked(&mut db, &key(b"b"), 8 * DAY), Some(Ok(answer(200))));
    db.write(by(), |tx| tx.forget_outcomes(NOW.plus_seconds(14 * DAY - 1))).unwrap();
    assert!(asked(&mut db, &key(b"b"), 8 * DAY).is_some());
    db.write(by(), |tx| tx.forget_outcomes(NOW.plus_seconds(14 * DAY))).unwrap();
    assert_eq!(asked(&mut db, &key(b"b"), 8 * DAY), None);
}

#[test]
fn an_outcome_stands_or_falls_with_its_effect() {
    let mut db = db();
    let refused = db.write(by(), |tx| {
        tx.create(&job(1, json!({})))?;
        tx.keep_outcome(&key(b""), &answer(201))?;
        Err::<(), _>(StoreError::Closed)
    });
    assert!(refused.is_err());
    assert_eq!(asked(&mut db, &key(b""), 0), None);
    assert_eq!(events(db.rows()), []);
}

#[test]
fn an_outcome_without_its_reply_stays_without() {
    let mut db = db();
    let secret = Outcome { status: 201, reply: None, revision: None };
    db.write(by(), |tx| tx.keep_outcome(&key(b""), &secret)).unwrap();
    assert_eq!(asked(&mut db, &key(b""), 0), Some(Ok(secret)));
}
