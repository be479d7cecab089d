//! The shells around the database: one writer thread with group commit, and a pool of readers. A
//! caller is answered only after the commit.

use std::path::Path;
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
    home: HomeIds,
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
        let home = db.home();
        let (jobs, inbox) = channel();
        let (tell, head) = watch::channel(db.rows().log_end()?.position);
        let thread = std::thread::Builder::new().name("store-writer".to_owned());
        thread
            .spawn(move || write_until_closed(db, &inbox, &tell))
            .map_err(|error| StoreError::NotCommitted(error.to_string()))?;
        Ok(Self { inner: Arc::new(Inner { jobs, readers: Mutex::default(), path: path.to_owned(), head, home }) })
    }

    /// The store and the farm that this store writes for.
    pub fn home(&self) -> HomeIds {
        self.inner.home
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

fn write_until_closed(mut db: Db, inbox: &Receiver<Box<dyn Job>>, head: &watch::Sender<u64>) {
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
        if let Ok(end) = db.rows().log_end() {
            head.send_if_modified(|head| std::mem::replace(head, end.position) != end.position);
        }
        for job in batch {
            job.answer(commit.clone());
        }
    }
}
