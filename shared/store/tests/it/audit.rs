//! Tampering with the audit chain shows.

use domain::actor::{Actor, ActorKind};
use gantry_store::{AuditEntry, StoreError};
use rusqlite::Connection;
use serde_json::json;

use crate::farm::{NOW, by, db, db_in};

fn entry(n: i64) -> AuditEntry {
    AuditEntry {
        at: NOW.plus_seconds(n),
        actor: Actor::new(ActorKind::User, "u"),
        from: Some("10.0.0.1".to_owned()),
        operation: format!("printer.edit {n}"),
        subject: None,
        request_id: None,
        asked: json!({"n": n}),
    }
}

/// Where the chain of ten entries breaks after somebody ran that on the file.
fn check(tampering: &str, broken_at: Option<u64>) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let mut db = db_in(&path, 1).unwrap();
    db.write::<_, StoreError>(by(), |tx| (1..=10).try_for_each(|n| tx.audit(&entry(n)))).unwrap();
    let home = db.home().farm_id.to_string();
    drop(db);
    Connection::open(&path).unwrap().execute_batch(tampering).unwrap();
    assert_eq!(db_in(&path, 2).unwrap().rows().audit_break(&home).unwrap(), broken_at, "{tampering}");
}

#[test]
fn an_untouched_chain_fits_and_reads_back_newest_first() {
    let mut db = db();
    let home = db.home().farm_id.to_string();
    assert_eq!(db.rows().audit_break(&home).unwrap(), None);
    for n in 1..=5 {
        db.write(by(), |tx| tx.audit(&entry(n))).unwrap();
    }
    assert_eq!(db.rows().audit_break(&home).unwrap(), None);
    assert_eq!(db.rows().audit_tail(&home, 2).unwrap(), [entry(5), entry(4)]);
    assert_eq!(db.rows().audit_tail("another", 2).unwrap(), []);
}

#[test]
fn a_changed_entry_is_found() {
    check("UPDATE audit SET entry = replace(entry, '.edit 7', '.edit 8') WHERE n = 7", Some(7));
    check("UPDATE audit SET entry = replace(entry, '10.0.0.1', '10.0.0.2') WHERE n = 1", Some(1));
    check("UPDATE audit SET hash = zeroblob(32) WHERE n = 4", Some(4));
    check("UPDATE audit SET entry = replace(entry, '.edit 10', '.edit 11') WHERE n = 10", Some(10));
}

#[test]
fn a_removed_entry_is_found_wherever_it_stood() {
    check("DELETE FROM audit WHERE n = 1", Some(1));
    check("DELETE FROM audit WHERE n = 5", Some(5));
    check("DELETE FROM audit WHERE n = 10", Some(10));
    check("DELETE FROM audit", Some(1));
    check("DELETE FROM audit WHERE n = 5; UPDATE audit SET n = n - 1 WHERE n > 5", Some(5));
}

#[test]
fn swapped_and_added_entries_are_found() {
    check(
        "UPDATE audit SET n = 99 WHERE n = 3; UPDATE audit SET n = 3 WHERE n = 4; UPDATE audit SET n = 4 WHERE n = 99",
        Some(3),
    );
    check("INSERT INTO audit SELECT home, 11, entry, hash FROM audit WHERE n = 10", Some(11));
    check("SELECT 1", None);
}

#[test]
fn a_chain_does_not_pass_for_another_homes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let mut db = db_in(&path, 1).unwrap();
    db.write(by(), |tx| tx.audit(&entry(1))).unwrap();
    drop(db);
    let raw = Connection::open(&path).unwrap();
    raw.execute_batch("UPDATE audit SET home = 'x'; UPDATE audit_head SET home = 'x'").unwrap();
    assert_eq!(db_in(&path, 2).unwrap().rows().audit_break("x").unwrap(), Some(1));
}
