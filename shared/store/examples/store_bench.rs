//! Measures the store: `cargo run --release -p gantry-store --example store_bench [folder]`.
#![expect(clippy::print_stdout, clippy::disallowed_methods, reason = "a measurement reads the clock and prints")]

use std::path::PathBuf;
use std::time::Instant;

use contract::list::{Condition, Selection, Sort};
use contract::record::kind_row;
use domain::access::Scope;
use domain::actor::{Actor, ActorKind};
use domain::id::{FileId, Id, JobId};
use domain::job::Job;
use domain::kind::Kind;
use domain::time::Timestamp;
use gantry_store::{By, OpenOptions, SeededEntropy, Store, StoreError, Within};
use serde_json::json;
use uuid::Uuid;

type Failed = Box<dyn std::error::Error>;

/// Jobs that the lists go over, beside those of the one caller.
const JOBS: u32 = 10_000;

fn job(n: u32) -> Result<Job, serde_json::Error> {
    let id = JobId::from_uuid(Uuid::from_u128(n.into()));
    let waiting = n.is_multiple_of(50);
    let mut document = json!({
        "id": id, "name": format!("Bracket {n}"), "file_id": FileId::from_uuid(Uuid::from_u128(1)),
        "state": if waiting { "queued" } else { "cancelled" }, "phase": if waiting { "waiting" } else { "done" },
        "priority": n % 3, "rank": n, "items": 1, "attempts": 0, "target": {"tags": ["rack-a"]},
        "metadata": {"shop": format!("s{}", n % 100)}, "created_by": {"kind": "floor", "id": "owner"},
        "created_at": Timestamp::from_millis(n.into()), "due_at": Timestamp::from_millis(n.into()),
    });
    if !waiting {
        document["cancel_reason"] = json!("requested");
    }
    serde_json::from_value(document)
}

fn by() -> By {
    By::new(Actor::new(ActorKind::Floor, "owner"), Timestamp::from_millis(0))
}

fn told(what: &str, count: u32, began: Instant) {
    let seconds = began.elapsed().as_secs_f64();
    println!("{what:<44} {:>9.0} /s  {:>8.3} ms each", f64::from(count) / seconds, seconds * 1000.0 / f64::from(count));
}

async fn write(store: &Store, callers: u32, from: u32, count: u32) -> Result<(), Failed> {
    let mut tasks = tokio::task::JoinSet::new();
    for caller in 0..callers {
        let store = store.clone();
        tasks.spawn(async move {
            for n in (from + caller..from + count).step_by(callers as usize) {
                let job = job(n).map_err(|cause| StoreError::Document { kind: "job", cause })?;
                store.write(by(), move |tx| tx.create(&job)).await?;
            }
            Ok::<(), StoreError>(())
        });
    }
    while let Some(done) = tasks.join_next().await {
        done??;
    }
    Ok(())
}

fn lists(store: &Store) -> Result<(), Failed> {
    let home = store.home();
    let within = Within { store: home.store_id, farms: &Scope::All, tags: &Scope::All };
    let tags = Scope::Only(["rack-a".parse()?].into());
    let waiting = Condition::OneOf("phase", vec!["waiting".to_owned()]);
    let done = Condition::OneOf("phase", vec!["done".to_owned()]);
    let by_due = Sort { column: "due_at", descending: false };
    for (name, selection, within) in [
        ("newest 50", Selection::all(), within),
        ("newest 50 with total", Selection { include_total: true, ..Selection::all() }, within),
        ("newest 50, tag scope", Selection::all(), Within { tags: &tags, ..within }),
        ("50 waiting (of 200)", Selection::all().with(waiting), within),
        ("50 newest done (of 9,800)", Selection::all().with(done), within),
        ("50 by metadata (of 100)", Selection::all().with(Condition::Metadata("shop".into(), "s7".into())), within),
        ("50 by due date, no index", Selection { sort: by_due, ..Selection::all() }, within),
        ("text that is nowhere", Selection::all().with(Condition::Text(vec!["name"], "nowhere".into())), within),
    ] {
        let began = Instant::now();
        let mut rounds = 0;
        while began.elapsed().as_millis() < 500 {
            store.read::<_, StoreError>(|rows| rows.list(kind_row(Kind::Job), &selection, within))?;
            rounds += 1;
        }
        told(&format!("list: {name}"), rounds, began);
    }
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), Failed> {
    let folder = tempfile::tempdir_in(std::env::args().nth(1).map_or_else(std::env::temp_dir, PathBuf::from))?;
    let options = OpenOptions { path: None, now: Timestamp::from_millis(0), entropy: Box::new(SeededEntropy(1)), live: true };
    let store = Store::open(&folder.path().join("store.db"), options)?;

    let began = Instant::now();
    write(&store, 1, 1_000_000, 1_000).await?;
    told("writes, one caller", 1_000, began);
    let began = Instant::now();
    write(&store, 64, 0, JOBS).await?;
    told("writes, 64 callers", JOBS, began);

    let began = Instant::now();
    for n in 0..100_000_u32 {
        let id = JobId::from_uuid(Uuid::from_u128((n * 7 % JOBS).into()));
        store.read::<_, StoreError>(|rows| rows.get::<Job>(id))?;
    }
    told("point reads, one reader", 100_000, began);
    lists(&store)
}
