//! A write is whole: row, event, number, labels.

use contract::event::Named;
use contract::record::Cell;
use domain::id::{FarmId, Id, JobId};
use domain::job::Job;
use domain::kind::Kind;
use domain::part::Pool;
use domain::printer::Printer;
use gantry_store::{Db, StoreError};
use rusqlite::Connection;
use serde_json::{Value, json};

use crate::farm::{NOW, api_key, by, by_at, check_whole, db, db_in, events, id, job, pool, printer, words};

#[test]
fn a_row_its_event_and_its_number_appear_together() {
    let mut db = db();
    db.write(by(), |tx| tx.create(&job(1, json!({})))).unwrap();
    let row = db.rows().raw(Kind::Job, &id::<JobId>(1).to_string()).unwrap().unwrap();
    let event = events(db.rows()).remove(0);
    assert_eq!((row.revision, row.number, row.farm_id), (1, 1, Some(db.home().farm_id)));
    assert_eq!((event.number, event.subject.revision, event.farm_id), (1, 1, Some(db.home().farm_id)));
    assert_eq!((event.event_type.to_string(), event.occurred_at, event.live), ("job.created".to_owned(), NOW, true));
    assert_eq!(event.data["name"], "Job 1");
    check_whole(db.rows());
}

#[test]
fn a_write_that_fails_leaves_neither_row_nor_event_nor_number() {
    let mut db = db();
    let refused = db.write(by(), |tx| {
        tx.create(&job(1, json!({})))?;
        tx.create(&pool(1, &["a"]))?;
        Err::<(), _>(StoreError::Closed)
    });
    assert!(matches!(refused, Err(StoreError::Closed)));
    assert_eq!(events(db.rows()), []);
    assert_eq!(db.rows().get::<Job>(id(1)).unwrap(), None);
    assert_eq!(db.rows().label_counts(Kind::Pool).unwrap(), []);
    db.write(by(), |tx| tx.create(&job(2, json!({})))).unwrap();
    assert_eq!(events(db.rows())[0].number, 1);
    check_whole(db.rows());
}

#[test]
fn a_write_that_panics_is_an_error_and_the_next_one_works() {
    let mut db = db();
    let panicked: Result<(), StoreError> = db.write(by(), |tx| {
        tx.create(&job(1, json!({})))?;
        panic!("a bug in an operation")
    });
    assert!(matches!(panicked, Err(StoreError::NotCommitted(_))));
    db.write(by(), |tx| tx.create(&job(2, json!({})))).unwrap();
    assert_eq!(words(db.rows()), ["job.created"]);
}

#[test]
fn a_part_that_fails_leaves_no_trace_while_the_rest_of_its_write_stands() {
    let mut db = db();
    db.write::<_, StoreError>(by(), |tx| {
        for n in 0..6 {
            let part = tx.part(|tx| {
                tx.create(&job(n, json!({})))?;
                if n % 2 == 0 { Ok(()) } else { Err(StoreError::Closed) }
            });
            assert_eq!(part.is_ok(), n % 2 == 0);
        }
        Ok(())
    })
    .unwrap();
    assert_eq!(db.rows().all::<Job>().unwrap().len(), 3);
    check_whole(db.rows());
}

#[test]
fn account_facts_have_a_number_space_of_their_own_without_a_farm() {
    let mut db = db();
    db.write::<_, StoreError>(by(), |tx| {
        tx.create(&job(1, json!({})))?;
        tx.create(&api_key(1))?;
        tx.create(&job(2, json!({})))?;
        tx.create(&api_key(2))
    })
    .unwrap();
    let numbers: Vec<(Option<FarmId>, u64)> = events(db.rows()).into_iter().map(|e| (e.farm_id, e.number)).collect();
    let farm = Some(db.home().farm_id);
    assert_eq!(numbers, [(farm, 1), (None, 1), (farm, 2), (None, 2)]);
    let key = id::<domain::id::ApiKeyId>(1).to_string();
    assert_eq!(db.rows().raw(Kind::ApiKey, &key).unwrap().unwrap().farm_id, None);
    check_whole(db.rows());
}

#[test]
fn an_update_of_an_unchanged_record_writes_nothing_and_tells_nothing() {
    let mut db = db();
    let printer = printer(1, json!({"tags": ["a", "b"], "metadata": {"k": "v"}, "machine": {}}));
    db.write(by(), |tx| tx.create(&printer)).unwrap();
    let before = db.rows().raw(Kind::Printer, &printer.id.to_string()).unwrap();
    let later = by_at(NOW.plus_seconds(5));
    assert_eq!(db.write(later, |tx| tx.update(&printer)).unwrap(), 1);
    assert_eq!(db.rows().raw(Kind::Printer, &printer.id.to_string()).unwrap(), before);
    assert_eq!(words(db.rows()), ["printer.created"]);
}

#[test]
fn a_change_counts_the_revision_and_moves_labels_pairs_and_cells() {
    let mut db = db();
    db.write(by(), |tx| tx.create(&printer(1, json!({"tags": ["a", "b"], "metadata": {"k": "v", "l": "w"}})))).unwrap();
    let changed = printer(1, json!({"name": "Neu", "tags": ["b", "c"], "metadata": {"k": "x"}}));
    assert_eq!(db.write(by(), |tx| tx.update(&changed)).unwrap(), 2);
    assert_eq!(db.rows().label_counts(Kind::Printer).unwrap(), [("b".to_owned(), 1), ("c".to_owned(), 1)]);
    let row = db.rows().get::<Printer>(id(1)).unwrap().unwrap();
    assert_eq!((row.revision, row.record), (2, changed));
    assert_eq!(db.rows().count_where(Kind::Printer, "name", "Neu").unwrap(), 1);
    assert_eq!(words(db.rows()), ["printer.created", "printer.updated"]);
    check_whole(db.rows());
}

#[test]
fn a_change_with_named_events_tells_those_and_not_updated() {
    let mut db = db();
    db.write(by(), |tx| tx.create(&job(1, json!({})))).unwrap();
    let held = job(1, json!({"state": "held", "hold_reason": "requested"}));
    db.write(by(), |tx| tx.update_as(&held, &[Named::JobHeld, Named::QueueBlocked])).unwrap();
    assert_eq!(words(db.rows()), ["job.created", "job.held", "queue.blocked"]);
    assert_eq!(db.rows().get::<Job>(id(1)).unwrap().unwrap().revision, 2);
    check_whole(db.rows());
}

#[test]
fn a_create_never_overwrites_what_is_or_was_there() {
    let mut db = db();
    db.write(by(), |tx| tx.create(&job(1, json!({})))).unwrap();
    let double = db.write(by(), |tx| tx.create(&job(1, json!({"name": "Another"}))));
    assert!(matches!(double, Err(StoreError::Exists { kind: "job", .. })));
    db.write(by(), |tx| tx.delete(&job(1, json!({})))).unwrap();
    let again = db.write(by(), |tx| tx.create(&job(1, json!({}))));
    assert!(matches!(again, Err(StoreError::Exists { .. })));
    assert_eq!(words(db.rows()), ["job.created", "job.deleted"]);
}

#[test]
fn what_is_not_there_can_be_neither_changed_nor_removed() {
    let mut db = db();
    assert!(matches!(db.write(by(), |tx| tx.update(&pool(1, &[]))), Err(StoreError::Stale { kind: "pool", .. })));
    assert!(matches!(db.write(by(), |tx| tx.delete(&pool(1, &[]))), Err(StoreError::Stale { kind: "pool", .. })));
    assert_eq!(events(db.rows()), []);
}

#[test]
fn a_deleted_row_stays_empty_with_its_labels_and_list_columns_gone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let mut db = db_in(&path, 1).unwrap();
    let printer = printer(1, json!({"tags": ["a"], "metadata": {"k": "v"}, "external_id": "shop-1"}));
    db.write::<_, StoreError>(by(), |tx| {
        tx.create(&printer)?;
        tx.delete(&printer)
    })
    .unwrap();
    assert_eq!(db.rows().get::<Printer>(id(1)).unwrap(), None);
    assert_eq!(words(db.rows()), ["printer.created", "printer.deleted"]);
    assert_eq!(events(db.rows())[1].data["name"], "Printer 1");
    check_whole(db.rows());
    drop(db);
    let raw = Connection::open(&path).unwrap();
    let row =
        raw.query_row("SELECT deleted, document, revision, number, position, name, external_id FROM rec_printer", [], |r| {
            Ok((r.get(0)?, r.get(1)?, r.get(2)?, r.get(3)?, r.get(4)?, r.get(5)?, r.get(6)?))
        });
    assert_eq!(row.unwrap(), (1, "{}".to_owned(), 2, 2, 2, None::<String>, None::<String>));
    for table in ["label", "pair"] {
        assert_eq!(raw.query_row(&format!("SELECT count(*) FROM {table}"), [], |r| r.get::<_, u64>(0)).unwrap(), 0);
    }
}

#[test]
fn every_document_reads_back_as_it_was_written() {
    let mut db = db();
    let odd = "Düse \"0.4\" 'a' \\ 打印机 🙂 %_";
    let wanted = job(1, json!({"name": odd, "metadata": {"k": "", "quote": "'; DROP TABLE rec_job; --"}, "due_at": NOW}));
    db.write(by(), |tx| tx.create(&wanted)).unwrap();
    assert_eq!(db.rows().get::<Job>(id(1)).unwrap().unwrap().record, wanted);
    let Value::Object(document) = serde_json::to_value(&wanted).unwrap() else { panic!() };
    assert_eq!(db.rows().raw(Kind::Job, &wanted.id.to_string()).unwrap().unwrap().document, document);
}

#[test]
fn the_rows_of_a_document_can_be_made_again_from_it_alone() {
    let job = job(1, json!({"target": {"tags": ["a"]}, "metadata": {"k": "v"}}));
    let Value::Object(document) = serde_json::to_value(&job).unwrap() else { panic!() };
    let again = (contract::record::kind_row(Kind::Job).index)(document).unwrap();
    assert_eq!(again, contract::record::Index::of(&job));
    assert!(again.cells.contains(&Cell::Text("waiting".to_owned())));
}

#[test]
fn ids_follow_from_the_call_where_it_had_a_key_and_from_chance_where_not() {
    let made = |db: &mut Db, derive_ids| {
        let by = gantry_store::By { derive_ids, ..by() };
        db.write::<[JobId; 2], StoreError>(by, |tx| Ok([tx.new_id(), tx.new_id()])).unwrap()
    };
    let (mut here, mut there) = (db(), Db::open(crate::farm::options(9)).unwrap());
    let key = gantry_store::RequestKey::new("farm_1", "floor:owner", "job.create", "k-1", b"{}").digest();
    let other = gantry_store::RequestKey::new("farm_1", "floor:owner", "job.create", "k-2", b"{}").digest();
    let ids = made(&mut here, Some(key));
    assert_eq!(ids, made(&mut there, Some(key)), "the same call at two doors makes one thing");
    assert_eq!(ids, made(&mut here, Some(key)), "each write counts from the first again");
    assert_ne!(ids[0], ids[1]);
    assert_ne!(ids, made(&mut here, Some(other)));
    assert_ne!(made(&mut here, None), made(&mut here, None));
    assert_eq!(ids[0].uuid().get_version_num(), 8);
}

#[test]
fn records_are_found_by_column_by_label_and_in_the_order_in_which_they_were_made() {
    let mut db = db();
    db.write::<_, StoreError>(by(), |tx| {
        for (n, phase, state) in [(3, "waiting", "queued"), (1, "waiting", "held"), (2, "done", "completed")] {
            let run = if phase == "done" {
                json!({"attempt_id": id::<domain::id::AttemptId>(n), "printer_id": id::<domain::id::PrinterId>(1)})
            } else {
                json!({})
            };
            let mut more =
                json!({"state": state, "phase": phase, "rank": n as i64 * 10, "created_at": NOW.plus_millis(-(n as i64))});
            if state == "held" {
                more["hold_reason"] = json!("requested");
            }
            if let (Value::Object(more), Value::Object(run)) = (&mut more, run) {
                more.extend(run);
            }
            tx.create(&job(n, more))?;
        }
        tx.create(&pool(1, &["a", "b"]))
    })
    .unwrap();
    let found = |phases: &[&str]| -> Vec<u128> {
        db.rows().all_where::<Job>("phase", phases).unwrap().iter().map(|row| row.record.id.uuid().as_u128()).collect()
    };
    assert_eq!(found(&["waiting"]), [3, 1]);
    assert_eq!(found(&["waiting", "done"]), [3, 2, 1]);
    assert_eq!(found(&[]), [0; 0]);
    assert_eq!(db.rows().span(Kind::Job, "rank").unwrap(), Some((10, 30)));
    assert_eq!(db.rows().span(Kind::Printer, "created_at").unwrap(), None);
    assert_eq!(db.rows().all::<Pool>().unwrap().len(), 1);
    assert_eq!(db.rows().labelled(Kind::Pool, "b").unwrap(), [id::<domain::id::PoolId>(1).to_string()]);
}
