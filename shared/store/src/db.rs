//! The database itself, driven by hand: open, write, read. The writer's thread and the readers' pool
//! are shells around this; tests and simulations drive it directly.

use std::path::{Path, PathBuf};

use domain::farm::HomeIds;
use domain::id::{FarmId, Id, StoreId};
use domain::time::Timestamp;
use rusqlite::{Connection, OpenFlags, params};

use crate::audit::changes::Changes;
use crate::entropy::Entropy;
use crate::error::StoreError;
use crate::migrations;
use crate::rows::Rows;
use crate::tx::{By, Tx};

/// How a database is opened.
pub struct OpenOptions {
    /// The file; none = in memory.
    pub path: Option<PathBuf>,
    /// The time, for the ids that a new database makes.
    pub now: Timestamp,
    /// Where random bytes come from.
    pub entropy: Box<dyn Entropy>,
    /// False for a simulated farm: its events say so.
    pub live: bool,
}

/// The one writing connection.
pub struct Db {
    connection: Connection,
    entropy: Box<dyn Entropy>,
    home: HomeIds,
    /// The home as the open transaction leaves it.
    home_after: HomeIds,
    live: bool,
}

const PRAGMAS: &str = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; \
                       PRAGMA journal_size_limit = 16777216; PRAGMA temp_store = MEMORY;";

impl Db {
    /// Opens the database, brings it to this version, and gives a new one its farm and store.
    ///
    /// # Errors
    /// What the database says; a database of a newer version is refused.
    pub fn open(mut options: OpenOptions) -> Result<Self, StoreError> {
        let mut connection = match &options.path {
            Some(path) => Connection::open(path)?,
            None => Connection::open_in_memory()?,
        };
        prepare(&connection)?;
        connection.execute_batch(PRAGMAS)?;
        migrations::run(&mut connection)?;
        let home = home(&connection, options.now, options.entropy.as_mut())?;
        Ok(Self { connection, entropy: options.entropy, home, home_after: home, live: options.live })
    }

    /// The store and the farm that this database writes for.
    pub const fn home(&self) -> HomeIds {
        self.home
    }

    /// Reads.
    pub const fn rows(&self) -> Rows<'_> {
        Rows { connection: &self.connection }
    }

    /// One write in a transaction of its own.
    ///
    /// # Errors
    /// What the write says; then nothing of it has happened.
    pub fn write<T, E: From<StoreError>>(&mut self, by: By, write: impl FnOnce(&mut Tx<'_>) -> Result<T, E>) -> Result<T, E> {
        self.begin()?;
        match self.step(by, write) {
            Ok(value) => {
                self.commit()?;
                Ok(value)
            }
            Err(error) => {
                self.roll_back();
                Err(error)
            }
        }
    }

    /// Opens the transaction of a batch.
    pub(crate) fn begin(&mut self) -> Result<(), StoreError> {
        self.home_after = self.home;
        Ok(self.connection.execute_batch("BEGIN IMMEDIATE")?)
    }

    /// One write of a batch: it happens or leaves no trace, whatever the others do.
    pub(crate) fn step<T, E: From<StoreError>>(
        &mut self,
        by: By,
        write: impl FnOnce(&mut Tx<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        let mut tx = Tx {
            connection: &self.connection,
            entropy: self.entropy.as_mut(),
            home: self.home_after,
            live: self.live,
            by,
            derived: 0,
            changes: Changes::default(),
            seen_here: false,
        };
        let result = tx.part(write);
        if result.is_ok() {
            self.home_after = tx.home;
        }
        result
    }

    /// Whether SQLite gave the open transaction up: nothing more may be written into the batch.
    pub(crate) fn is_lost(&self) -> bool {
        self.connection.is_autocommit()
    }

    /// Commits the batch. If that fails, nothing of it has happened.
    pub(crate) fn commit(&mut self) -> Result<(), StoreError> {
        if self.is_lost() {
            return Err(StoreError::given_up());
        }
        let result = self.connection.execute_batch("COMMIT");
        match result {
            Ok(()) => {
                self.home = self.home_after;
                Ok(())
            }
            Err(error) => {
                self.roll_back();
                Err(error.into())
            }
        }
    }

    fn roll_back(&self) {
        if !self.is_lost() {
            // What failed before says more than this would; the next begin fails if this did.
            drop(self.connection.execute_batch("ROLLBACK"));
        }
    }

    /// Moves the write-ahead log into the database while nothing is to be done.
    pub(crate) fn checkpoint(&self) -> Result<(), StoreError> {
        Ok(self.connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()))?)
    }
}

/// A database that nobody runs on, to look at.
pub struct ReadOnly(Connection);

impl ReadOnly {
    /// Opens it. Nothing of it is changed, also not to bring it to this version.
    ///
    /// # Errors
    /// What the database says.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        reader(path).map(Self)
    }

    /// Reads.
    pub const fn rows(&self) -> Rows<'_> {
        Rows { connection: &self.0 }
    }
}

/// What every connection needs.
fn prepare(connection: &Connection) -> Result<(), StoreError> {
    connection.busy_timeout(std::time::Duration::from_secs(5))?;
    connection.set_prepared_statement_cache_capacity(256);
    Ok(())
}

/// A connection that can only read.
pub(crate) fn reader(path: &Path) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    prepare(&connection)?;
    Ok(connection)
}

fn home(connection: &Connection, now: Timestamp, entropy: &mut dyn Entropy) -> Result<HomeIds, StoreError> {
    let rows = Rows { connection };
    let known: (Option<StoreId>, Option<FarmId>) = (rows.setting("store_id")?, rows.setting("farm_id")?);
    if let (Some(store_id), Some(farm_id)) = known {
        return Ok(HomeIds { store_id, farm_id });
    }
    let mut random = || {
        let mut bytes = [0; 10];
        entropy.fill(&mut bytes);
        bytes
    };
    let made = HomeIds { store_id: StoreId::new(now, random()), farm_id: FarmId::new(now, random()) };
    let epoch: String = random().iter().map(|byte| format!("{byte:02x}")).collect();
    connection.execute_batch("BEGIN IMMEDIATE")?;
    connection.execute("INSERT OR IGNORE INTO log (one, epoch, position, trimmed_to) VALUES (1, ?1, 0, 0)", [epoch])?;
    for (name, value) in [("store_id", made.store_id.to_string()), ("farm_id", made.farm_id.to_string())] {
        connection.execute("INSERT INTO setting (name, value) VALUES (?1, ?2)", params![name, format!("\"{value}\"")])?;
    }
    connection.execute_batch("COMMIT")?;
    Ok(made)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entropy::SeededEntropy;

    #[test]
    fn a_commit_is_on_the_disk_before_anybody_is_answered() {
        let folder = tempfile::tempdir().unwrap();
        let path = Some(folder.path().join("store.db"));
        let now = Timestamp::from_millis(0);
        let db = Db::open(OpenOptions { path, now, entropy: Box::new(SeededEntropy(1)), live: true }).unwrap();
        let full: u32 = db.connection.pragma_query_value(None, "synchronous", |r| r.get(0)).unwrap();
        let mode: String = db.connection.pragma_query_value(None, "journal_mode", |r| r.get(0)).unwrap();
        assert_eq!((full, mode.as_str()), (2, "wal"));
    }
}
