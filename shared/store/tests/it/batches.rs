//! Group commit: many callers, one commit, each answered after it.

use std::path::Path;
use std::sync::mpsc::channel;

use domain::job::Job;
use domain::kind::Kind;
use gantry_store::{Store, StoreError};
use rusqlite::{Connection, OpenFlags};
use serde_json::json;

use crate::farm::{by, check_whole, events, job, options};

/// A reader that shares nothing with the store but the file.
fn jobs_on_disk(path: &Path) -> u64 {
    let reader = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
    reader.query_row("SELECT count(*) FROM rec_job", [], |r| r.get(0)).unwrap()
}

async fn settle() {
    for _ in 0..8 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn one_failing_write_of_a_batch_leaves_no_trace_and_its_neighbours_stand() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&folder.path().join("store.db"), options(1)).unwrap();
    let (open, gate) = channel::<()>();
    let first = tokio::spawn({
        let store = store.clone();
        async move {
            store
                .write(by(), move |tx| {
                    gate.recv().map_err(|_| StoreError::Closed)?;
                    tx.create(&job(1_000, json!({})))
                })
                .await
        }
    });
    let mut callers = Vec::new();
    for n in 0..200_u128 {
        let store = store.clone();
        callers.push(tokio::spawn(async move {
            store
                .write(by(), move |tx| {
                    tx.create(&job(n, json!({"target": {"tags": ["a"]}})))?;
                    match n % 4 {
                        0 => Err(StoreError::Closed),
                        1 => panic!("a bug in an operation"),
                        _ => Ok(n),
                    }
                })
                .await
        }));
    }
    settle().await;
    open.send(()).unwrap();
    first.await.unwrap().unwrap();
    for (n, caller) in callers.into_iter().enumerate() {
        assert_eq!(caller.await.unwrap().is_ok(), n % 4 > 1, "{n}");
    }
    store
        .read::<_, StoreError>(|rows| {
            check_whole(rows);
            let jobs = rows.all::<Job>()?;
            assert_eq!(jobs.len(), 101);
            assert_eq!(rows.label_counts(Kind::Job)?, [("any".to_owned(), 1), ("tag:a".to_owned(), 100)]);
            Ok(())
        })
        .unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn whoever_is_answered_finds_the_row_through_another_connection() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let store = Store::open(&path, options(1)).unwrap();
    let mut callers = tokio::task::JoinSet::new();
    for n in 0..64_u128 {
        let (store, path) = (store.clone(), path.clone());
        callers.spawn(async move {
            let wanted = job(n, json!({}));
            let id = wanted.id.to_string();
            store.write(by(), move |tx| tx.create(&wanted)).await.unwrap();
            let reader = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
            let number: u64 = reader.query_row("SELECT number FROM rec_job WHERE id = ?1", [id], |r| r.get(0)).unwrap();
            reader.query_row("SELECT count(*) FROM event WHERE number = ?1", [number], |r| r.get::<_, u64>(0)).unwrap()
        });
    }
    while let Some(seen) = callers.join_next().await {
        assert_eq!(seen.unwrap(), 1);
    }
    store
        .read::<_, StoreError>(|rows| {
            check_whole(rows);
            Ok(())
        })
        .unwrap();
}

#[tokio::test]
async fn nobody_is_answered_before_the_commit_of_the_batch() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let store = Store::open(&path, options(1)).unwrap();
    let head = store.head();
    let (open_first, first_gate) = channel::<()>();
    let (tell_second, second_runs) = channel::<()>();
    let (open_second, second_gate) = channel::<()>();
    let write = |job, before: Box<dyn FnOnce() + Send>| {
        let store = store.clone();
        tokio::spawn(async move {
            store
                .write(by(), move |tx| {
                    before();
                    tx.create(&job)
                })
                .await
        })
    };
    let first = write(job(1, json!({})), Box::new(move || first_gate.recv().unwrap()));
    let second = write(
        job(2, json!({})),
        Box::new(move || {
            tell_second.send(()).unwrap();
            second_gate.recv().unwrap();
        }),
    );
    settle().await;
    open_first.send(()).unwrap();
    second_runs.recv().unwrap();
    settle().await;
    assert!(!first.is_finished(), "the first write is done but not committed");
    assert_eq!((jobs_on_disk(&path), *head.borrow()), (0, 0));
    open_second.send(()).unwrap();
    first.await.unwrap().unwrap();
    assert_eq!(jobs_on_disk(&path), 2, "one commit held both");
    assert_eq!(*head.borrow(), 2, "the head is told before anybody is answered");
    second.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_caller_that_goes_away_does_not_take_its_write_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&folder.path().join("store.db"), options(1)).unwrap();
    let (open, gate) = channel::<()>();
    let writing = store.clone();
    let caller = tokio::spawn(async move {
        writing
            .write(by(), move |tx| {
                gate.recv().map_err(|_| StoreError::Closed)?;
                tx.create(&job(1, json!({})))
            })
            .await
    });
    settle().await;
    caller.abort();
    settle().await;
    open.send(()).unwrap();
    store.write(by(), |tx| tx.create(&job(2, json!({})))).await.unwrap();
    assert_eq!(store.read::<_, StoreError>(|rows| Ok(events(rows).len())).unwrap(), 2);
}

#[tokio::test]
async fn a_read_is_one_view_while_writes_go_on() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&folder.path().join("store.db"), options(1)).unwrap();
    store.write(by(), |tx| tx.create(&job(1, json!({})))).await.unwrap();
    let (tell, told) = channel::<()>();
    let (written, wait) = channel::<()>();
    let reading = store.clone();
    let reader = std::thread::spawn(move || {
        reading.read::<_, StoreError>(|rows| {
            let before = rows.all::<Job>()?.len();
            tell.send(()).unwrap();
            wait.recv().unwrap();
            Ok((before, rows.all::<Job>()?.len(), rows.log_end()?.position))
        })
    });
    told.recv().unwrap();
    store.write(by(), |tx| tx.create(&job(2, json!({})))).await.unwrap();
    written.send(()).unwrap();
    assert_eq!(reader.join().unwrap().unwrap(), (1, 1, 1));
    assert_eq!(store.read::<_, StoreError>(|rows| Ok(rows.all::<Job>()?.len())).unwrap(), 2);
}
