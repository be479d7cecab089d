//! Copies of farms at a relay: walls between stores, revisions, generations, pending rows, and a farm
//! that changes its store.

use contract::list::Selection;
use contract::record::{Document, kind_row};
use domain::access::Scope;
use domain::farm::HomeIds;
use domain::id::{FarmId, JobId, PoolId, StoreId};
use domain::kind::Kind;
use domain::part::Pool;
use gantry_store::{Copied, Db, FeedRow, StoreError, StoredEvent, Within};
use serde_json::json;

use crate::farm::{api_key, by, db, events, id, job, pool, words};

fn home(n: u128) -> HomeIds {
    HomeIds { store_id: id::<StoreId>(n), farm_id: id::<FarmId>(n) }
}

/// What a farm with these writes would send.
fn feed(farm: &Db) -> Vec<FeedRow> {
    farm.rows().feed_after(farm.home().store_id, 0, 100).unwrap()
}

/// An event as it goes over the wire.
fn words_of(told: &StoredEvent) -> Document {
    serde_json::to_value(&told.event).unwrap().as_object().unwrap().clone()
}

fn copy(relay: &mut Db, home: HomeIds, generation: u64, row: &FeedRow) -> Copied {
    relay.write(by(), |tx| tx.put_copy(home, generation, row)).unwrap()
}

fn listed(relay: &Db, kind: Kind, store: StoreId) -> Vec<(String, u64)> {
    let within = Within { store, farms: &Scope::All, tags: &Scope::All };
    let found = relay.rows().list(kind_row(kind), &Selection::all(), within).unwrap();
    found.rows.into_iter().map(|row| (row.id, row.revision)).collect()
}

fn farm_with_a_pool() -> (Db, Pool) {
    let mut farm = db();
    let made = pool(1, &["rack-a"]);
    farm.write(by(), |tx| tx.create(&made)).unwrap();
    (farm, made)
}

#[test]
fn a_copy_keeps_the_revision_and_number_of_its_home_and_is_seen_by_its_own_store_only() {
    let (mut farm, mut made) = farm_with_a_pool();
    made.name = "Rack B".parse().unwrap();
    farm.write(by(), |tx| tx.update(&made)).unwrap();
    let mut relay = db();
    relay.write(by(), |tx| tx.create(&job(9, json!({})))).unwrap();
    for row in feed(&farm) {
        assert_eq!(copy(&mut relay, home(7), 1, &row), Copied::Written);
    }
    let row = relay.rows().raw(Kind::Pool, &made.id.to_string()).unwrap().unwrap();
    assert_eq!((row.revision, row.number, row.store_id, row.farm_id), (2, 2, home(7).store_id, Some(home(7).farm_id)));
    assert_eq!(listed(&relay, Kind::Pool, home(7).store_id), [(made.id.to_string(), 2)]);
    assert_eq!(listed(&relay, Kind::Pool, home(8).store_id), []);
    assert_eq!(listed(&relay, Kind::Pool, relay.home().store_id), []);
}

#[test]
fn a_copy_wakes_the_readers_of_the_log() {
    let (farm, _) = farm_with_a_pool();
    let mut relay = db();
    let before = relay.rows().log_end().unwrap().position;
    copy(&mut relay, home(7), 1, &feed(&farm)[0]);
    assert!(relay.rows().log_end().unwrap().position > before);
    assert_eq!(words(relay.rows()), [""; 0], "a copied row tells nothing by itself");
}

#[test]
fn an_older_revision_never_replaces_a_newer_one_but_a_new_generation_does() {
    let (mut farm, mut made) = farm_with_a_pool();
    let first = feed(&farm).remove(0);
    made.name = "Rack B".parse().unwrap();
    farm.write(by(), |tx| tx.update(&made)).unwrap();
    let second = feed(&farm).remove(0);
    let mut relay = db();
    assert_eq!(copy(&mut relay, home(7), 1, &second), Copied::Written);
    assert_eq!(copy(&mut relay, home(7), 1, &first), Copied::Known);
    assert_eq!(copy(&mut relay, home(7), 1, &second), Copied::Known);
    assert_eq!(listed(&relay, Kind::Pool, home(7).store_id), [(made.id.to_string(), 2)]);
    assert_eq!(copy(&mut relay, home(7), 2, &first), Copied::Written, "the farm's database was set back");
    assert_eq!(listed(&relay, Kind::Pool, home(7).store_id), [(made.id.to_string(), 1)]);
    assert_eq!(copy(&mut relay, home(7), 1, &second), Copied::Known, "the old life is over");
}

#[test]
fn a_farm_cannot_touch_the_row_of_another_store_or_farm() {
    let (farm, made) = farm_with_a_pool();
    let mut row = feed(&farm).remove(0);
    let mut relay = db();
    copy(&mut relay, home(7), 1, &row);
    row.revision = 50;
    row.document.insert("name".into(), "Stolen".into());
    assert_eq!(copy(&mut relay, home(8), 9, &row), Copied::Foreign);
    let same_store = HomeIds { farm_id: home(8).farm_id, ..home(7) };
    assert_eq!(copy(&mut relay, same_store, 9, &row), Copied::Foreign);
    assert_eq!(relay.rows().get::<Pool>(made.id).unwrap().unwrap().record.name, made.name);
}

#[test]
fn a_deleted_row_leaves_the_copy_with_its_labels() {
    let (mut farm, made) = farm_with_a_pool();
    let mut relay = db();
    copy(&mut relay, home(7), 1, &feed(&farm)[0]);
    farm.write(by(), |tx| tx.delete(&made)).unwrap();
    let gone = feed(&farm).remove(0);
    assert!(gone.deleted && gone.document.is_empty());
    assert_eq!(copy(&mut relay, home(7), 1, &gone), Copied::Written);
    assert_eq!(listed(&relay, Kind::Pool, home(7).store_id), []);
    assert_eq!(relay.rows().labelled(Kind::Pool, "rack-a").unwrap(), [""; 0]);
}

#[test]
fn a_word_that_is_not_known_here_does_not_break_any_list() {
    let mut farm = db();
    farm.write(by(), |tx| tx.create(&job(1, json!({})))).unwrap();
    let mut row = feed(&farm).remove(0);
    row.document.insert("state".into(), "floating".into());
    let mut relay = db();
    assert_eq!(copy(&mut relay, home(7), 1, &row), Copied::Written);
    let within = Within { store: home(7).store_id, farms: &Scope::All, tags: &Scope::All };
    let found = relay.rows().list(kind_row(Kind::Job), &Selection::all(), within).unwrap();
    assert_eq!(found.rows[0].document["state"], "floating");
    let floating = Selection::all().with(contract::list::Condition::OneOf("state", vec!["floating".into()]));
    assert_eq!(relay.rows().list(kind_row(Kind::Job), &floating, within).unwrap().rows.len(), 1);
}

#[test]
fn a_pending_row_stands_until_the_farms_own_row_replaces_it_or_it_is_dropped() {
    let (farm, made) = farm_with_a_pool();
    let row = feed(&farm).remove(0);
    let mut relay = db();
    let (first, second) = (made.id.to_string(), id::<PoolId>(2).to_string());
    for id in [&first, &second] {
        let document = row.document.clone();
        assert!(relay.write(by(), |tx| tx.put_pending(home(7), Kind::Pool, id, document)).unwrap());
    }
    relay.write(by(), |tx| tx.sweep_copies(home(7), 5)).unwrap();
    assert_eq!(listed(&relay, Kind::Pool, home(7).store_id).len(), 2, "a sweep leaves what is pending");
    copy(&mut relay, home(7), 5, &row);
    assert!(relay.write(by(), |tx| tx.drop_pending(Kind::Pool, &second)).unwrap());
    assert!(!relay.write(by(), |tx| tx.drop_pending(Kind::Pool, &first)).unwrap(), "the farm has it now");
    assert_eq!(listed(&relay, Kind::Pool, home(7).store_id), [(first.clone(), 1)]);
    let document = row.document.clone();
    assert!(!relay.write(by(), |tx| tx.put_pending(home(7), Kind::Pool, &first, document)).unwrap());
}

#[test]
fn a_sweep_takes_away_what_a_whole_feed_did_not_bring() {
    let (mut farm, made) = farm_with_a_pool();
    farm.write(by(), |tx| tx.create(&pool(2, &[]))).unwrap();
    let rows = feed(&farm);
    let mut relay = db();
    for row in &rows {
        copy(&mut relay, home(7), 1, row);
    }
    copy(&mut relay, home(8), 1, &FeedRow { id: id::<PoolId>(3).to_string(), ..rows[0].clone() });
    copy(&mut relay, home(7), 2, &rows[0]);
    assert_eq!(relay.write(by(), |tx| tx.sweep_copies(home(7), 2)).unwrap(), 1);
    assert_eq!(listed(&relay, Kind::Pool, home(7).store_id), [(made.id.to_string(), 1)]);
    assert_eq!(listed(&relay, Kind::Pool, home(8).store_id).len(), 1, "another farm's copy is left alone");
}

#[test]
fn an_event_is_copied_once_with_its_own_id_number_and_time() {
    let (farm, _) = farm_with_a_pool();
    let told = farm.rows().events_after(0, &[], None, 9).unwrap().events.remove(0);
    let mut relay = db();
    assert!(relay.write(by(), |tx| tx.put_copied_event(home(7), &told.labels, &words_of(&told))).unwrap());
    assert!(!relay.write(by(), |tx| tx.put_copied_event(home(7), &told.labels, &words_of(&told))).unwrap());
    let copied = events(relay.rows()).remove(0);
    assert_eq!((copied.id, copied.number, copied.occurred_at), (told.event.id, told.event.number, told.event.occurred_at));
    assert_eq!((copied.store_id, copied.farm_id), (home(7).store_id, Some(home(7).farm_id)));
}

#[test]
fn an_event_in_words_of_a_newer_farm_does_not_hide_those_behind_it() {
    let mut farm = db();
    for n in 1..=3 {
        farm.write(by(), |tx| tx.create(&pool(n, &[]))).unwrap();
    }
    let mut relay = db();
    for told in &farm.rows().events_after(0, &[], None, 9).unwrap().events {
        let mut words = words_of(told);
        if told.event.number == 2 {
            words["type"] = "pool.levitated".into();
            words["subject"]["kind"] = "levitation".into();
        }
        relay.write(by(), |tx| tx.put_copied_event(home(7), &told.labels, &words)).unwrap();
    }
    let read = relay.rows().events_after(0, &[], None, 2).unwrap();
    assert_eq!((read.events.len(), read.last, read.full), (1, Some(2), true));
    assert_eq!(relay.rows().events_after(2, &[], None, 2).unwrap().events.len(), 1);
}

#[test]
fn account_facts_of_two_stores_have_their_own_numbers_and_audit_chains_and_never_meet() {
    let mut relay = db();
    let of = |n| store_by(id::<StoreId>(n));
    relay.write(of(1), |tx| tx.create(&api_key(1))).unwrap();
    relay.write(of(2), |tx| tx.create(&api_key(2))).unwrap();
    let told: Vec<_> = events(relay.rows()).into_iter().map(|event| (event.store_id, event.farm_id, event.number)).collect();
    assert_eq!(told, [(id(1), None, 1), (id(2), None, 1)]);
    let mut foreign = api_key(1);
    foreign.name = "Stolen".parse().unwrap();
    let refused = relay.write(of(2), |tx| tx.update(&foreign));
    assert!(matches!(refused, Err(StoreError::Stale { .. })));
    let refused = relay.write(of(2), |tx| tx.delete(&foreign));
    assert!(matches!(refused, Err(StoreError::Stale { .. })));
}

fn store_by(store: StoreId) -> gantry_store::By {
    gantry_store::By { account_of: Some(store), ..by() }
}

#[test]
fn a_farm_that_changes_its_store_keeps_its_rows_events_numbers_and_revisions() {
    let (mut farm, made) = farm_with_a_pool();
    farm.write(by(), |tx| tx.create(&api_key(1))).unwrap();
    let before = (feed(&farm), events(farm.rows()));
    let store = id::<StoreId>(9);
    farm.write(by(), |tx| tx.move_to_store(store)).unwrap();
    assert_eq!(farm.home().store_id, store);
    assert_eq!(feed(&farm), before.0);
    let after = events(farm.rows());
    assert!(after.iter().all(|event| event.store_id == store));
    let same = |events: &[contract::event::Event]| -> Vec<_> { events.iter().map(|event| (event.id, event.number)).collect() };
    assert_eq!(same(&after), same(&before.1));
    farm.write(by(), |tx| tx.update(&Pool { name: "Rack C".parse().unwrap(), ..made.clone() })).unwrap();
    assert_eq!(events(farm.rows()).last().map(|event| (event.store_id, event.number)), Some((store, 2)));
}

#[test]
fn a_move_to_another_store_that_does_not_commit_has_not_happened() {
    let (mut farm, _) = farm_with_a_pool();
    let before = farm.home();
    let refused = farm.write(by(), |tx| {
        tx.move_to_store(id::<StoreId>(9))?;
        Err::<(), _>(StoreError::Closed)
    });
    assert!(refused.is_err());
    assert_eq!(farm.home(), before);
    farm.write(by(), |tx| tx.create(&pool(2, &[]))).unwrap();
    assert_eq!(events(farm.rows()).last().map(|event| event.store_id), Some(before.store_id));
}

#[test]
fn sessions_and_account_facts_are_not_fed_to_the_relay() {
    let mut farm = db();
    farm.write(by(), |tx| tx.create(&api_key(1))).unwrap();
    farm.write(by(), |tx| tx.create(&job(1, json!({})))).unwrap();
    assert_eq!(feed(&farm).iter().map(|row| row.id.clone()).collect::<Vec<_>>(), [id::<JobId>(1).to_string()]);
}
