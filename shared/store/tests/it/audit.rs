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

#[test]
fn what_was_trimmed_is_a_signed_checkpoint_and_the_rest_is_checked_from_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let mut db = db_in(&path, 1).unwrap();
    let home = db.home().farm_id.to_string();
    db.write::<_, StoreError>(by(), |tx| (1..=10).try_for_each(|n| tx.audit(&entry(n)))).unwrap();
    let sign = |message: &[u8]| format!("signed {}", String::from_utf8_lossy(message).lines().nth(2).unwrap());
    let trim = |db: &mut gantry_store::Db, seconds: i64| {
        db.write::<_, StoreError>(by(), |tx| tx.trim_audit(&home, NOW.plus_seconds(seconds), 100, &sign)).unwrap()
    };
    assert_eq!((trim(&mut db, 5), trim(&mut db, 5), trim(&mut db, 7)), (4, 0, 2));
    assert_eq!(db.rows().audit_break(&home).unwrap(), None);
    let left = db.rows().audit_checkpoints(&home).unwrap();
    let told: Vec<_> = left.iter().map(|left| (left.number, left.removed, left.signature.as_str())).collect();
    assert_eq!(told, [(4, 4, "signed 4"), (6, 2, "signed 6")]);
    drop(db);
    // A changed entry is not trimmed: nothing covers it up.
    Connection::open(&path)
        .unwrap()
        .execute_batch("UPDATE audit SET entry = replace(entry, '.edit 8', '.edit 0') WHERE n = 8")
        .unwrap();
    let mut db = db_in(&path, 2).unwrap();
    assert_eq!(trim(&mut db, 100), 1);
    assert_eq!(db.rows().audit_break(&home).unwrap(), Some(8));
}

#[test]
fn one_flipped_byte_is_found_wherever_it_is() {
    // The million takes a while: `./test full` asks for it.
    let entries: i64 = if std::env::var_os("GANTRY_FULL").is_some() { 1_000_000 } else { 2_000 };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let mut db = db_in(&path, 1).unwrap();
    let home = db.home().farm_id.to_string();
    db.write::<_, StoreError>(by(), |tx| (1..=entries).try_for_each(|n| tx.audit(&entry(n)))).unwrap();
    drop(db);
    for (n, column) in [(entries / 3, "entry"), (entries / 2, "hash"), (entries, "entry")] {
        let raw = Connection::open(&path).unwrap();
        let mut bytes: Vec<u8> =
            raw.query_row(&format!("SELECT CAST({column} AS BLOB) FROM audit WHERE n = ?1"), [n], |r| r.get(0)).unwrap();
        let whole = bytes.clone();
        let at = bytes.len() / 2;
        bytes[at] ^= 0x80;
        let kind = if column == "entry" { "TEXT" } else { "BLOB" };
        let put = |bytes: &[u8]| {
            raw.execute(&format!("UPDATE audit SET {column} = CAST(?1 AS {kind}) WHERE n = ?2"), (bytes, n)).unwrap()
        };
        put(&bytes);
        let found = db_in(&path, 2).unwrap().rows().audit_break(&home).unwrap();
        put(&whole);
        assert_eq!(found, Some(u64::try_from(n).unwrap()), "{column}");
    }
    assert_eq!(db_in(&path, 2).unwrap().rows().audit_break(&home).unwrap(), None);
}
