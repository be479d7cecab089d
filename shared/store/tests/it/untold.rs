//! Rows of a kind whose changes are no events, and notes on a record beside its facts.

use domain::id::{DeliveryId, EventId, StoreId, WebhookId};
use domain::kind::Kind;
use domain::time::Timestamp;
use domain::webhook::{Delivery, SkipReason};
use gantry_store::{Db, StoreError};

use crate::farm::{NOW, api_key, by, db, events, id};

const OF: &str = "webhook_id";

fn delivery(n: u128, webhook: u128) -> Delivery {
    let (event, about) = (id::<EventId>(n), "job_1".to_owned());
    Delivery::due(id(n), id::<WebhookId>(webhook), event, "job.started".to_owned(), about, NOW.plus_millis(n.try_into().unwrap()))
}

fn word(webhook: u128) -> String {
    id::<WebhookId>(webhook).to_string()
}

fn due(db: &Db, webhook: u128, now: Timestamp) -> Vec<DeliveryId> {
    let rows = db.rows().due::<Delivery>((OF, &word(webhook)), "next_try_at", now, 10).unwrap();
    rows.into_iter().map(|row| row.record.id).collect()
}

fn left(db: &Db) -> Vec<DeliveryId> {
    db.rows().all::<Delivery>().unwrap().into_iter().map(|row| row.record.id).collect()
}

#[test]
fn a_row_of_an_untold_kind_is_written_changed_and_removed_without_a_word_in_the_log() {
    let mut db = db();
    let made = delivery(1, 1);
    db.write(by(), |tx| tx.create(&made)).unwrap();
    let revision = db.write(by(), |tx| tx.update(&made.clone().skipped(SkipReason::Late))).unwrap();
    assert_eq!((revision, events(db.rows())), (2, Vec::new()));
    db.write(by(), |tx| tx.remove_untold::<Delivery>((OF, &word(2)))).unwrap();
    assert_eq!(left(&db), [made.id]);
    db.write(by(), |tx| tx.remove_untold::<Delivery>((OF, &word(1)))).unwrap();
    assert!(left(&db).is_empty() && events(db.rows()).is_empty());
}

#[test]
fn what_is_due_comes_by_its_moment_and_of_one_moment_as_it_was_written() {
    let mut db = db();
    let later = Delivery { next_try_at: Some(NOW.plus_seconds(9)), ..delivery(1, 1) };
    let same = |n| Delivery { next_try_at: Some(NOW.plus_seconds(5)), ..delivery(n, 1) };
    let made = [later, same(7), same(3), same(5), delivery(2, 2), delivery(4, 1).skipped(SkipReason::Paused)];
    db.write(by(), |tx| made.iter().try_for_each(|delivery| tx.create(delivery))).unwrap();
    assert_eq!(due(&db, 1, NOW.plus_seconds(4)), []);
    assert_eq!(due(&db, 1, NOW.plus_seconds(5)), [id(7), id(3), id(5)]);
    assert_eq!(due(&db, 1, NOW.plus_seconds(9)), [id(7), id(3), id(5), id(1)]);
    assert_eq!(db.rows().waiting::<Delivery>((OF, &word(1)), "next_try_at").unwrap(), 4);
}

#[test]
fn of_what_has_ended_the_newest_stay_and_what_waits_stays_however_old() {
    let mut db = db();
    let ended = |n, webhook| delivery(n, webhook).skipped(SkipReason::Paused);
    let made = [delivery(1, 1), ended(2, 1), ended(3, 1), ended(4, 1), ended(5, 2)];
    db.write(by(), |tx| made.iter().try_for_each(|delivery| tx.create(delivery))).unwrap();
    let mut trim = |most, before| {
        db.write(by(), |tx| tx.trim_untold::<Delivery>((OF, &word(1)), "next_try_at", most, before)).unwrap();
        left(&db)
    };
    assert_eq!(trim(2, NOW), [id(1), id(3), id(4), id(5)]);
    assert_eq!(trim(2, NOW.plus_millis(4)), [id(1), id(4), id(5)]);
    assert_eq!(trim(0, NOW), [id(1), id(5)]);
}

#[test]
fn a_note_on_a_record_is_read_and_changes_neither_its_revision_nor_the_log() {
    let mut db = db();
    let mut key = api_key(1);
    db.write(by(), |tx| tx.create(&key)).unwrap();
    let before = events(db.rows()).len();
    key.expires_at = Some(NOW);
    db.write(by(), |tx| tx.note(&key)).unwrap();
    let row = db.rows().get::<domain::key::ApiKey>(key.id).unwrap().unwrap();
    assert_eq!((row.revision, row.record.expires_at, events(db.rows()).len()), (1, Some(NOW), before));
}

#[test]
fn a_part_of_a_write_belongs_to_the_store_that_it_is_done_for_and_touches_no_other() {
    let mut db = db();
    let (own, other) = (db.home().store_id, id::<StoreId>(7));
    db.write(by(), |tx| {
        tx.for_account(other, |tx| tx.create(&delivery(1, 1)))?;
        tx.create(&delivery(2, 1))
    })
    .unwrap();
    let store = |n| db.rows().raw(Kind::Delivery, &id::<DeliveryId>(n).to_string()).unwrap().unwrap().store_id;
    assert_eq!((store(1), store(2)), (other, own));
    let wrong = db.write(by(), |tx| tx.for_account(other, |tx| tx.update(&delivery(2, 9))));
    assert!(matches!(wrong, Err(StoreError::Stale { .. })));
}
