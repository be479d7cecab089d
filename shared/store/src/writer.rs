//! The shells around the database: one writer thread with group commit, and a pool of readers. A
//! caller is answered only after the commit.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use domain::farm::HomeIds;
use rusqlite::Connection;
use tokio::sync::{oneshot, watch};

use crate::db::{Db, OpenOptions, reader};
use crate::error::StoreError;
use crate::rows::Rows;
use crate::tx::{By, Tx};

/// Writes that one commit holds at the most.
const BATCH: usize = 256;
/// Readers that are kept open.
const READERS: usize = 4;
/// Quiet time after which the write-ahead log is moved into the database.
const QUIET: Duration = Duration::from_secs(5);

/// The store of an agent or a relay. Cheap to clone; the writer stops with the last clone.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

struct Inner {
    jobs: Sender<Box<dyn Job>>,
    readers: Mutex<Vec<Connection>>,
    path: std::path::PathBuf,
    head: watch::Receiver<u64>,
    home: watch::Receiver<HomeIds>,
    commits: Arc<AtomicU64>,
}

trait Job: Send {
    fn run(&mut self, db: &mut Db);
    fn answer(self: Box<Self>, commit: Result<(), String>);
}

struct Pending<T, E, F> {
    by: Option<By>,
    write: Option<F>,
    result: Option<Result<T, E>>,
    reply: oneshot::Sender<Result<T, E>>,
}

impl<T, E, F> Job for Pending<T, E, F>
where
    T: Send,
    E: From<StoreError> + Send,
    F: FnOnce(&mut Tx<'_>) -> Result<T, E> + Send,
{
    fn run(&mut self, db: &mut Db) {
        if let (Some(by), Some(write)) = (self.by.take(), self.write.take()) {
            self.result = Some(db.step(by, write));
        }
    }

    fn answer(self: Box<Self>, commit: Result<(), String>) {
        let result = match (commit, self.result) {
            (Ok(()), Some(result)) => result,
            (Ok(()), None) => Err(StoreError::Closed.into()),
            // A refusal stands whatever became of the commit.
            (Err(_), Some(Err(error))) => Err(error),
            (Err(text), Some(Ok(_)) | None) => Err(StoreError::NotCommitted(text).into()),
        };
        // A caller that went away does not need its answer.
        drop(self.reply.send(result));
    }
}

impl Store {
    /// Opens the store in that file and starts its writer.
    ///
    /// # Errors
    /// What the database says.
    pub fn open(path: &Path, mut options: OpenOptions) -> Result<Self, StoreError> {
        options.path = Some(path.to_owned());
        let db = Db::open(options)?;
        let (moved, home) = watch::channel(db.home());
        let (jobs, inbox) = channel();
        let (tell, head) = watch::channel(db.rows().log_end()?.position);
        let thread = std::thread::Builder::new().name("store-writer".to_owned());
        let commits = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&commits);
        thread
            .spawn(move || write_until_closed(db, &inbox, &tell, &moved, &counted))
            .map_err(|error| StoreError::NotCommitted(error.to_string()))?;
        Ok(Self { inner: Arc::new(Inner { jobs, readers: Mutex::default(), path: path.to_owned(), head, home, commits }) })
    }

    /// The store and the farm that this store writes for.
    pub fn home(&self) -> HomeIds {
        *self.inner.home.borrow()
    }

    /// Counts what was committed. A commit is counted before anybody is answered: what was read at this count and is still at it is
    /// what a caller may rely on.
    pub fn commits(&self) -> u64 {
        self.inner.commits.load(Ordering::Acquire)
    }

    /// The end of the log, to be woken by.
    pub fn head(&self) -> watch::Receiver<u64> {
        self.inner.head.clone()
    }

    /// Writes; answered after the commit. If the caller goes away, the write happens all the same.
    ///
    /// # Errors
    /// What the write says; then nothing of it has happened.
    pub async fn write<T, E>(&self, by: By, write: impl FnOnce(&mut Tx<'_>) -> Result<T, E> + Send + 'static) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let job = Pending { by: Some(by), write: Some(write), result: None, reply };
        self.inner.jobs.send(Box::new(job)).map_err(|_| StoreError::Closed)?;
        answer.await.map_err(|_| StoreError::Closed)?
    }

    /// Reads one consistent view. Reads are short: they never wait for the writer.
    ///
    /// # Errors
    /// What the read says.
    pub fn read<T, E: From<StoreError>>(&self, read: impl FnOnce(Rows<'_>) -> Result<T, E>) -> Result<T, E> {
        let taken = self.inner.readers.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let connection = match taken {
            Some(connection) => connection,
            None => reader(&self.inner.path)?,
        };
        connection.execute_batch("BEGIN").map_err(StoreError::from)?;
        let result = read(Rows { connection: &connection });
        let ended = connection.execute_batch("COMMIT");
        let mut readers = self.inner.readers.lock().unwrap_or_else(PoisonError::into_inner);
        if ended.is_ok() && readers.len() < READERS {
            readers.push(connection);
        }
        result
    }
}

fn write_until_closed(
    mut db: Db,
    inbox: &Receiver<Box<dyn Job>>,
    head: &watch::Sender<u64>,
    home: &watch::Sender<HomeIds>,
    commits: &AtomicU64,
) {
    let mut quiet = true;
    loop {
        let first = match inbox.recv_timeout(QUIET) {
            Ok(job) => job,
            Err(RecvTimeoutError::Timeout) if quiet => continue,
            Err(RecvTimeoutError::Timeout) => {
                quiet = db.checkpoint().is_ok();
                continue;
            }
            Err(RecvTimeoutError::Disconnected) => return,
        };
        quiet = false;
        let (mut batch, mut next) = (Vec::new(), Some(first));
        let begun = db.begin().map_err(|error| error.to_string());
        while let Some(mut job) = next.take() {
            if begun.is_ok() {
                job.run(&mut db);
            }
            batch.push(job);
            if begun.is_ok() && batch.len() < BATCH && !db.is_lost() {
                next = inbox.try_recv().ok();
            }
        }
        let commit = begun.and_then(|()| db.commit().map_err(|error| error.to_string()));
        commits.fetch_add(1, Ordering::Release);
        home.send_if_modified(|home| std::mem::replace(home, db.home()) != db.home());
        if let Ok(end) = db.rows().log_end() {
            head.send_if_modified(|head| std::mem::replace(head, end.position) != end.position);
        }
        for job in batch {
            job.answer(commit.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use domain::actor::{Actor, ActorKind};
    use domain::id::{Id, PoolId};
    use domain::part::Pool;
    use domain::time::Timestamp;

    use super::*;
    use crate::entropy::SeededEntropy;

    fn by() -> By {
        By::new(Actor::new(ActorKind::Floor, "owner"), Timestamp::from_millis(0))
    }

    fn pool(n: u8, name: &str) -> Pool {
        let created_at = Timestamp::from_millis(0);
        Pool { id: PoolId::new(created_at, [n; 10]), name: name.parse().unwrap(), tags: Default::default(), created_at }
    }

    fn store(folder: &Path) -> Store {
        let entropy = Box::new(SeededEntropy(1));
        let options = OpenOptions { path: None, now: Timestamp::from_millis(0), entropy, live: true };
        Store::open(&folder.join("store.db"), options).unwrap()
    }

    type Write = Box<dyn FnOnce(&mut Tx<'_>) -> Result<(), StoreError> + Send>;

    async fn settle() {
        for _ in 0..8 {
            tokio::task::yield_now().await;
        }
    }

    /// The database may grow by that many pages and no further; none = as it likes.
    async fn room(store: &Store, pages: Option<u64>) {
        let set = move |tx: &mut Tx<'_>| -> Result<(), StoreError> {
            let used: u64 = tx.connection.pragma_query_value(None, "page_count", |r| r.get(0))?;
            let most = pages.map_or(i64::from(u32::MAX - 1), |pages| (used + pages).cast_signed());
            Ok(tx.connection.query_row(&format!("PRAGMA max_page_count = {most}"), [], |_| Ok(()))?)
        };
        store.write(by(), set).await.unwrap();
    }

    async fn fill(store: &Store) -> u64 {
        let mut written = 0;
        loop {
            let grown = store.write(by(), move |tx| tx.put_setting(&format!("filler-{written}"), &"x".repeat(3_000))).await;
            match grown {
                Ok(()) => written += 1,
                Err(error) => {
                    assert!(error.is_disk_full(), "{error}");
                    return written;
                }
            }
        }
    }

    fn settings(store: &Store, names: &[&str]) -> Vec<bool> {
        let found = |name: &&str| store.read::<_, StoreError>(|rows| rows.setting::<String>(name)).unwrap().is_some();
        names.iter().map(found).collect()
    }

    #[tokio::test]
    async fn a_full_disk_is_told_as_such_and_writing_goes_on_when_there_is_room() {
        let folder = tempfile::tempdir().unwrap();
        let store = store(folder.path());
        room(&store, Some(8)).await;
        let written = fill(&store).await;
        assert!(written > 0);
        for n in 0..written {
            assert_eq!(settings(&store, &[&format!("filler-{n}")]), [true], "what was answered stands");
        }
        assert_eq!(settings(&store, &[&format!("filler-{written}")]), [false]);
        room(&store, None).await;
        store.write(by(), |tx| tx.create(&pool(1, "a"))).await.unwrap();
        let numbers = store.read::<_, StoreError>(|rows| Ok(rows.events_after(0, &[], None, 9)?.events.len())).unwrap();
        assert_eq!((numbers, *store.head().borrow()), (1, 1));
    }

    #[tokio::test]
    async fn a_batch_that_a_full_disk_took_is_refused_as_a_whole_and_the_next_one_stands() {
        let folder = tempfile::tempdir().unwrap();
        let store = store(folder.path());
        room(&store, Some(4)).await;
        let (open, gate) = channel::<()>();
        let mut callers = Vec::new();
        let mut call = |write: Write| {
            let store = store.clone();
            callers.push(tokio::spawn(async move { store.write(by(), write).await }));
        };
        call(Box::new(move |tx| {
            gate.recv().map_err(|_| StoreError::Closed)?;
            tx.put_setting("before", &"a")
        }));
        call(Box::new(|_| Err(StoreError::BadCursor)));
        call(Box::new(|tx| tx.put_setting("large", &"x".repeat(1_000_000))));
        call(Box::new(|tx| tx.put_setting("after", &"a")));
        settle().await;
        open.send(()).unwrap();
        let mut answers = Vec::new();
        for caller in callers {
            answers.push(caller.await.unwrap());
        }
        assert!(answers[0].as_ref().is_err_and(StoreError::is_disk_full), "{answers:?}");
        assert!(matches!(answers[1], Err(StoreError::BadCursor)), "a refusal stands");
        assert!(answers[2].as_ref().is_err_and(StoreError::is_disk_full), "{answers:?}");
        assert!(answers[3].is_ok(), "{answers:?}");
        assert_eq!(settings(&store, &["before", "large", "after"]), [false, false, true]);
    }

    #[tokio::test]
    async fn a_write_that_overlooks_a_full_disk_cannot_leave_half_of_itself() {
        let folder = tempfile::tempdir().unwrap();
        let store = store(folder.path());
        room(&store, Some(4)).await;
        let answer: Result<(), StoreError> = store
            .write(by(), |tx| {
                tx.create(&pool(1, "before"))?;
                let overlooked = tx.part(|tx| tx.put_setting("large", &"x".repeat(1_000_000)));
                assert!(overlooked.is_err_and(|error| error.is_disk_full()));
                assert!(tx.create(&pool(2, "after")).is_err());
                assert!(tx.put_setting("after", &"a").is_err());
                assert!(tx.part(|_| Ok::<(), StoreError>(())).is_err());
                Ok(())
            })
            .await;
        assert!(answer.is_err_and(|error| error.is_disk_full()));
        assert_eq!(settings(&store, &["large", "after"]), [false, false]);
        assert_eq!(store.read::<_, StoreError>(|rows| Ok(rows.all::<Pool>()?.len())).unwrap(), 0);
        assert_eq!(store.read::<_, StoreError>(|rows| Ok(rows.log_end()?.position)).unwrap(), 0);
    }
}
