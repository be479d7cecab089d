//! A small farm to write into the store: records by number, a database in memory, and the check that
//! rows, events and numbers fit together.

use std::collections::BTreeMap;
use std::path::Path;

use contract::event::Event;
use contract::list::Selection;
use contract::record::kind_row;
use domain::access::Scope;
use domain::actor::{Actor, ActorKind};
use domain::attempt::Attempt;
use domain::farm::HomeIds;
use domain::id::{FileId, Id, PoolId, PrinterId};
use domain::job::Job;
use domain::key::ApiKey;
use domain::kind::Kind;
use domain::part::Pool;
use domain::printer::Printer;
use domain::time::Timestamp;
use gantry_store::{By, Db, Listed, OpenOptions, Rows, SeededEntropy, StoreError, Within};
use serde_json::{Value, json};
use uuid::Uuid;

pub const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);

pub fn id<I: Id>(n: u128) -> I {
    I::from_uuid(Uuid::from_u128(n))
}

pub fn by() -> By {
    by_at(NOW)
}

pub fn by_at(now: Timestamp) -> By {
    By::new(Actor::new(ActorKind::Floor, "owner"), now)
}

pub fn options(seed: u64) -> OpenOptions {
    OpenOptions { path: None, now: NOW, entropy: Box::new(SeededEntropy(seed)), live: true }
}

pub fn db() -> Db {
    Db::open(options(1)).unwrap()
}

pub fn db_in(path: &Path, seed: u64) -> Result<Db, StoreError> {
    Db::open(OpenOptions { path: Some(path.to_owned()), ..options(seed) })
}

pub fn all(home: HomeIds) -> Within<'static> {
    Within { store: home.store_id, farms: &Scope::All, tags: &Scope::All }
}

/// Every row of a kind that the scope shows, by id.
pub fn ids(rows: Rows<'_>, kind: Kind, selection: &Selection, within: Within<'_>) -> Vec<String> {
    let Listed { rows, .. } = rows.list(kind_row(kind), &Selection { limit: 10_000, ..selection.clone() }, within).unwrap();
    let mut ids: Vec<String> = rows.into_iter().map(|row| row.id).collect();
    ids.sort();
    ids
}

pub fn events(rows: Rows<'_>) -> Vec<Event> {
    rows.events_after(0, &[], None, 1_000_000).unwrap().events.into_iter().map(|stored| stored.event).collect()
}

pub fn words(rows: Rows<'_>) -> Vec<String> {
    events(rows).iter().map(|event| event.event_type.to_string()).collect()
}

fn made<T: serde::de::DeserializeOwned>(mut fields: Value, more: Value) -> T {
    let (Value::Object(all), Value::Object(more)) = (&mut fields, more) else { panic!("objects") };
    all.extend(more);
    serde_json::from_value(fields).unwrap()
}

pub fn printer(n: u128, more: Value) -> Printer {
    let fields = json!({
        "id": id::<PrinterId>(n), "name": format!("Printer {n}"), "link": {"driver": "example", "address": "http://p"},
        "connection": "online", "activity": "idle", "bed": "needs_clear", "admin": "enabled", "config": "ok",
        "control": "ok", "display": "needs_clear", "bed_use": "use_1", "created_at": NOW,
    });
    made(fields, more)
}

pub fn pool(n: u128, tags: &[&str]) -> Pool {
    made(json!({"id": id::<PoolId>(n), "name": format!("Pool {n}"), "created_at": NOW}), json!({"tags": tags}))
}

pub fn job(n: u128, more: Value) -> Job {
    let fields = json!({
        "id": id::<domain::id::JobId>(n), "name": format!("Job {n}"), "file_id": id::<FileId>(1), "state": "queued",
        "phase": "waiting", "priority": 0, "rank": 0, "items": 1, "attempts": 0,
        "created_by": {"kind": "floor", "id": "owner"}, "created_at": NOW,
    });
    made(fields, more)
}

pub fn attempt(n: u128, printer: u128) -> Attempt {
    let fields = json!({
        "id": id::<domain::id::AttemptId>(n), "job_id": id::<domain::id::JobId>(n), "printer_id": id::<PrinterId>(printer),
        "file_id": id::<FileId>(1), "ordinal": 1, "token": "abcdefghijklmnop", "state": "assigned", "created_at": NOW,
    });
    made(fields, json!({}))
}

pub fn api_key(n: u128) -> ApiKey {
    let grants = domain::access::Grants::owner();
    let fields = json!({
        "id": id::<domain::id::ApiKeyId>(n), "name": format!("Key {n}"), "hint": "gty_live_a", "grants": grants,
        "state": "active", "sponsor": {"kind": "floor", "id": "owner"}, "created_at": NOW,
    });
    made(fields, json!({}))
}

/// Every home's numbers run from 1 without a gap, every row stands at its last event's number, and
/// every event of a row that is not deleted has its row.
pub fn check_whole(rows: Rows<'_>) {
    let mut numbers: BTreeMap<Option<domain::id::FarmId>, u64> = BTreeMap::new();
    let mut last: BTreeMap<(Kind, String), (u64, u64, String)> = BTreeMap::new();
    for event in events(rows) {
        let number = numbers.entry(event.farm_id).or_default();
        *number += 1;
        assert_eq!(event.number, *number, "numbers have no gap and no double");
        last.insert((event.subject.kind, event.subject.id), (event.number, event.subject.revision, event.event_type.to_string()));
    }
    let total: u64 = numbers.values().sum();
    assert_eq!(rows.log_end().unwrap().position, total, "the log ends with its last event");
    for ((kind, id), (number, revision, word)) in last {
        match rows.raw(kind, &id).unwrap() {
            Some(row) => assert_eq!((row.number, row.revision), (number, revision), "{kind} {id}"),
            None => assert!(word.ends_with(".deleted"), "{kind} {id} has events but no row"),
        }
    }
    for row in contract::record::KINDS {
        let told = events(rows).iter().filter(|event| event.subject.kind == row.kind).count();
        assert!(rows.count_where(row.kind, "deleted", "0").unwrap() as usize <= told, "no {} without an event", row.kind);
    }
}
