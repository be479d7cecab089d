//! What is left after a crash, a power cut or a strange file.

use std::path::{Path, PathBuf};

use domain::job::Job;
use domain::part::Pool;
use gantry_store::{Db, Sealer, StoreError};
use proptest::prelude::*;
use rusqlite::Connection;
use serde_json::json;

use crate::farm::{by, check_whole, db_in, events, job, pool};

/// The files as a power cut at this moment would leave them.
fn cut(from: &Path, to: &Path) -> PathBuf {
    std::fs::create_dir_all(to).unwrap();
    for name in ["store.db", "store.db-wal"] {
        if from.join(name).exists() {
            std::fs::copy(from.join(name), to.join(name)).unwrap();
        }
    }
    to.join("store.db")
}

#[test]
fn reopening_keeps_ids_epoch_and_numbers() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let mut db = db_in(&path, 1).unwrap();
    db.write(by(), |tx| tx.create(&job(1, json!({})))).unwrap();
    let (home, end) = (db.home(), db.rows().log_end().unwrap());
    drop(db);
    let mut db = db_in(&path, 2).unwrap();
    assert_eq!((db.home(), db.rows().log_end().unwrap()), (home, end));
    db.write(by(), |tx| tx.create(&job(2, json!({})))).unwrap();
    assert_eq!(events(db.rows()).iter().map(|event| event.number).collect::<Vec<_>>(), [1, 2]);
    check_whole(db.rows());
}

#[test]
fn two_new_databases_are_two_farms_with_two_logs() {
    let folder = tempfile::tempdir().unwrap();
    let (a, b) = (db_in(&folder.path().join("a.db"), 1).unwrap(), db_in(&folder.path().join("b.db"), 2).unwrap());
    assert_ne!(a.home().farm_id, b.home().farm_id);
    assert_ne!(a.home().store_id, b.home().store_id);
    assert_ne!(a.rows().log_end().unwrap().epoch, b.rows().log_end().unwrap().epoch);
}

#[test]
fn a_database_of_a_newer_version_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    drop(db_in(&path, 1).unwrap());
    Connection::open(&path).unwrap().pragma_update(None, "user_version", 99).unwrap();
    assert!(matches!(db_in(&path, 1), Err(StoreError::Migration(_))));
    let version: u32 = Connection::open(&path).unwrap().pragma_query_value(None, "user_version", |r| r.get(0)).unwrap();
    assert_eq!(version, 99);
}

#[test]
fn a_power_cut_in_the_middle_of_any_write_keeps_all_that_was_answered_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let live = folder.path().join("live");
    std::fs::create_dir(&live).unwrap();
    let mut db = db_in(&live.join("store.db"), 1).unwrap();
    for n in 0..30_u128 {
        let copy = folder.path().join(n.to_string());
        let path = db
            .write::<_, StoreError>(by(), |tx| {
                tx.create(&job(n, json!({})))?;
                tx.create(&pool(n, &["a"]))?;
                tx.put_secret(&Sealer::new(&[1; 32]), "o", "n", "x")?;
                Ok(cut(&live, &copy))
            })
            .unwrap();
        let mut left = db_in(&path, 2).unwrap();
        assert_eq!(left.rows().all::<Job>().unwrap().len() as u128, n);
        assert_eq!(left.rows().all::<Pool>().unwrap().len() as u128, n);
        assert_eq!(left.home(), db.home());
        check_whole(left.rows());
        left.write(by(), |tx| tx.create(&job(1_000, json!({})))).unwrap();
        check_whole(left.rows());
    }
}

#[test]
fn a_power_cut_right_after_an_answer_keeps_what_was_answered() {
    let folder = tempfile::tempdir().unwrap();
    let live = folder.path().join("live");
    std::fs::create_dir(&live).unwrap();
    let mut db = db_in(&live.join("store.db"), 1).unwrap();
    for n in 0..30_u128 {
        db.write(by(), |tx| tx.create(&job(n, json!({})))).unwrap();
        let left = db_in(&cut(&live, &folder.path().join(n.to_string())), 2).unwrap();
        assert_eq!(left.rows().all::<Job>().unwrap().len() as u128, n + 1);
        check_whole(left.rows());
    }
}

fn torn(length: usize) -> Result<(), TestCaseError> {
    let folder = tempfile::tempdir().unwrap();
    let live = folder.path().join("live");
    std::fs::create_dir(&live).unwrap();
    let mut db = db_in(&live.join("store.db"), 1).unwrap();
    for n in 0..20 {
        db.write::<_, StoreError>(by(), |tx| {
            tx.create(&job(n, json!({})))?;
            tx.create(&pool(n, &["a"]))
        })
        .unwrap();
    }
    let path = cut(&live, &folder.path().join("cut"));
    let log = path.with_extension("db-wal");
    let bytes = std::fs::read(&log).unwrap();
    std::fs::write(&log, &bytes[..length % (bytes.len() + 1)]).unwrap();
    let left: Db = match db_in(&path, 2) {
        Ok(left) => left,
        Err(error) => return Err(TestCaseError::fail(error.to_string())),
    };
    check_whole(left.rows());
    prop_assert_eq!(left.rows().all::<Job>().unwrap().len(), left.rows().all::<Pool>().unwrap().len());
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn a_torn_tail_of_the_write_ahead_log_leaves_whole_writes(length in any::<usize>()) {
        torn(length)?;
    }
}
