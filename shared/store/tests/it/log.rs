//! Reading and trimming the log.

use contract::event::{Change, EventType};
use domain::job::Job;
use domain::kind::Kind;
use gantry_store::{By, Db, EventCursor, StoreError};
use serde_json::json;

use crate::farm::{NOW, by, by_at, db, id, job, pool};

fn positions(db: &Db) -> Vec<u64> {
    db.rows().events_after(0, &[], None, 100).unwrap().events.into_iter().map(|event| event.position).collect()
}

fn job_at(db: &mut Db, n: u128, seconds: i64, clock_ok: bool) {
    let by = By { clock_ok, ..by_at(NOW.plus_seconds(seconds)) };
    db.write(by, |tx| tx.create(&job(n, json!({})))).unwrap();
}

#[test]
fn events_are_read_after_a_position_by_type_by_subject_and_by_id() {
    let mut db = db();
    for n in 1..=3 {
        db.write::<_, StoreError>(by(), |tx| {
            tx.create(&job(n, json!({})))?;
            tx.create(&pool(n, &[]))
        })
        .unwrap();
    }
    let read = |position, types: &[EventType], subject: Option<&str>, limit| -> Vec<u64> {
        db.rows().events_after(position, types, subject, limit).unwrap().events.iter().map(|event| event.position).collect()
    };
    assert_eq!(read(0, &[], None, 2), [1, 2]);
    assert_eq!(read(2, &[], None, 100), [3, 4, 5, 6]);
    let pools = [EventType::Record(Kind::Pool, Change::Created), EventType::Record(Kind::Pool, Change::Deleted)];
    assert_eq!(read(2, &pools, None, 100), [4, 6]);
    let second = id::<domain::id::JobId>(2).to_string();
    assert_eq!(read(0, &[], Some(&second), 100), [3]);
    assert_eq!(read(0, &pools, Some(&second), 100), [0; 0]);
    assert_eq!(read(6, &[], None, 100), [0; 0]);
    let event = db.rows().events_after(2, &[], None, 1).unwrap().events.remove(0);
    assert_eq!(db.rows().event(&event.event.id.to_string()).unwrap(), Some(event));
    assert_eq!(db.rows().event("evt_0").unwrap(), None);
}

#[test]
fn an_event_carries_the_labels_of_its_subject_at_that_time() {
    let mut db = db();
    db.write(by(), |tx| tx.create(&pool(1, &["a", "b:c"]))).unwrap();
    db.write(by(), |tx| tx.update(&pool(1, &["d"]))).unwrap();
    db.write(by(), |tx| tx.update(&pool(1, &[]))).unwrap();
    let labels: Vec<Vec<String>> =
        db.rows().events_after(0, &[], None, 9).unwrap().events.into_iter().map(|e| e.labels).collect();
    assert_eq!(labels, [vec!["a".to_owned(), "b:c".to_owned()], vec!["d".to_owned()], vec![]]);
}

#[test]
fn trimming_by_age_takes_old_events_and_never_rows() {
    let mut db = db();
    for n in 0..5 {
        job_at(&mut db, n, 60 * n as i64, true);
    }
    let gone = db.write(by(), |tx| tx.trim_events(NOW.plus_seconds(120), 1_000)).unwrap();
    assert_eq!((gone, positions(&db), db.rows().log_trimmed_to().unwrap()), (2, vec![3, 4, 5], 2));
    assert_eq!(db.rows().all::<Job>().unwrap().len(), 5);
    assert_eq!(db.write(by(), |tx| tx.trim_events(NOW.plus_seconds(120), 1_000)).unwrap(), 0);
    assert_eq!(db.rows().log_trimmed_to().unwrap(), 2);
    job_at(&mut db, 9, 600, true);
    assert_eq!(positions(&db), [3, 4, 5, 6], "a trimmed log goes on with its numbers");
}

#[test]
fn trimming_by_size_keeps_the_newest() {
    let mut db = db();
    for n in 0..10 {
        job_at(&mut db, n, 0, true);
    }
    assert_eq!(db.write(by(), |tx| tx.trim_events(NOW.plus_seconds(-1), 4)).unwrap(), 6);
    assert_eq!((positions(&db), db.rows().log_trimmed_to().unwrap()), (vec![7, 8, 9, 10], 6));
    assert_eq!(db.write(by(), |tx| tx.trim_events(NOW.plus_seconds(-1), 0)).unwrap(), 4);
    assert_eq!((positions(&db), db.rows().log_end().unwrap().position), (vec![], 10));
}

#[test]
fn a_clock_that_stood_at_1970_does_not_trim_what_is_fresh() {
    let mut db = db();
    job_at(&mut db, 1, 0, true);
    job_at(&mut db, 2, -1_800_000_000, false);
    job_at(&mut db, 3, -1_800_000_000, true);
    job_at(&mut db, 4, 10, true);
    assert_eq!(db.write(by(), |tx| tx.trim_events(NOW.plus_seconds(-5), 1_000)).unwrap(), 0);
    assert_eq!(db.write(by(), |tx| tx.trim_events(NOW.plus_seconds(5), 1_000)).unwrap(), 3);
    assert_eq!(positions(&db), [4]);
}

#[test]
fn a_cursor_names_its_log_and_reads_back() {
    let mut db = db();
    db.write(by(), |tx| tx.create(&job(1, json!({})))).unwrap();
    let end = db.rows().log_end().unwrap();
    assert_eq!(end.to_string().parse::<EventCursor>().unwrap(), end);
    for bad in ["", "5", "abc-", "abc-x"] {
        assert!(matches!(bad.parse::<EventCursor>(), Err(StoreError::BadCursor)), "{bad}");
    }
    assert_eq!(db.rows().cursor("mqtt").unwrap(), None);
    db.write(by(), |tx| tx.put_cursor("mqtt", &end)).unwrap();
    let later = EventCursor { position: 7, ..end };
    db.write(by(), |tx| tx.put_cursor("mqtt", &later)).unwrap();
    assert_eq!(db.rows().cursor("mqtt").unwrap(), Some(later));
}

#[test]
fn a_setting_is_kept_and_replaced() {
    let mut db = db();
    assert_eq!(db.rows().setting::<u32>("window").unwrap(), None);
    for value in [1_u32, 2] {
        db.write(by(), |tx| tx.put_setting("window", &value)).unwrap();
        assert_eq!(db.rows().setting("window").unwrap(), Some(value));
    }
    assert!(matches!(db.rows().setting::<String>("window"), Err(StoreError::Document { .. })));
}
