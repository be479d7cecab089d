//! A write: rows with their events and numbers. Everything that a transaction does happens or nothing
//! does; the caller's effects come after the commit.

use std::panic::{AssertUnwindSafe, catch_unwind};

use contract::event::{API_VERSION, Change, EventType, Named};
use contract::record::{Document, Index, KindRow, Record, kind_row};
use domain::actor::Actor;
use domain::farm::HomeIds;
use domain::id::{EventId, Id, StoreId};
use domain::kind::Kind;
use domain::time::Timestamp;
use rusqlite::{Connection, ToSql, params};
use sha2::{Digest, Sha256};

use crate::audit::changes::Changes;
use crate::entropy::Entropy;
use crate::error::StoreError;
use crate::kinds::{Bound, table, write_labels};
use crate::rows::{RawRow, Row, Rows};

/// Who writes, and when.
#[derive(Debug, Clone)]
pub struct By {
    /// The time.
    pub now: Timestamp,
    /// Whether the clock was set.
    pub clock_ok: bool,
    /// Who.
    pub actor: Actor,
    /// With an `Idempotency-Key`: the digest that new ids are derived from.
    pub derive_ids: Option<[u8; 32]>,
    /// The store whose account facts are written, where a database serves several; none = the database's own home.
    pub account_of: Option<StoreId>,
}

impl By {
    /// That actor at that time.
    pub const fn new(actor: Actor, now: Timestamp) -> Self {
        Self { now, clock_ok: true, actor, derive_ids: None, account_of: None }
    }
}

/// A transaction of the writer.
pub struct Tx<'c> {
    pub(crate) connection: &'c Connection,
    pub(crate) entropy: &'c mut dyn Entropy,
    pub(crate) home: HomeIds,
    pub(crate) live: bool,
    pub(crate) by: By,
    pub(crate) derived: u32,
    pub(crate) changes: Changes,
    /// What is told is a fact of this door, whatever it is about.
    pub(crate) seen_here: bool,
}

impl<'c> Tx<'c> {
    /// The time of this write.
    pub const fn now(&self) -> Timestamp {
        self.by.now
    }

    /// Who writes.
    pub const fn actor(&self) -> &Actor {
        &self.by.actor
    }

    /// The store and the farm that this database writes for.
    pub const fn home(&self) -> HomeIds {
        self.home
    }

    /// For reading what this transaction sees.
    pub const fn rows(&self) -> Rows<'c> {
        Rows { connection: self.connection }
    }

    /// Random bytes.
    pub fn random<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        self.entropy.fill(&mut bytes);
        bytes
    }

    /// A new id: derived from the call if it carried an `Idempotency-Key`, so that the same call at
    /// two doors makes one thing; else from the time and random bytes.
    pub fn new_id<I: Id>(&mut self) -> I {
        match self.by.derive_ids {
            Some(seed) => {
                let digest = derive(seed, self.derived);
                self.derived += 1;
                I::derived(digest)
            }
            None => {
                let random = self.random();
                I::new(self.by.now, random)
            }
        }
    }

    /// A record, if there is one.
    ///
    /// # Errors
    /// What the database says.
    pub fn get<R: Record>(&self, id: R::Id) -> Result<Option<Row<R>>, StoreError> {
        self.rows().get(id)
    }

    /// A part of this write that happens or leaves no trace, whatever becomes of the rest: one item
    /// of a bulk. A panic in it is an error like any other.
    ///
    /// # Errors
    /// What the part says; then nothing of it has happened.
    pub fn part<T, E: From<StoreError>>(&mut self, write: impl FnOnce(&mut Self) -> Result<T, E>) -> Result<T, E> {
        self.sql()?.execute_batch("SAVEPOINT part").map_err(StoreError::from)?;
        let before = self.changes.mark();
        let result = catch_unwind(AssertUnwindSafe(|| write(self)))
            .unwrap_or_else(|_| Err(StoreError::NotCommitted("the write panicked".to_owned()).into()));
        match (self.sql(), result) {
            (Ok(open), Ok(value)) => {
                open.execute_batch("RELEASE part").map_err(StoreError::from)?;
                Ok(value)
            }
            (Ok(open), Err(error)) => {
                self.changes.back_to(before);
                open.execute_batch("ROLLBACK TO part; RELEASE part").map_err(StoreError::from)?;
                Err(error)
            }
            (Err(lost), Ok(_)) => Err(lost.into()),
            (Err(_), Err(error)) => Err(error),
        }
    }

    /// The connection for writing. A write after SQLite gave the transaction up would stand alone:
    /// it is refused.
    pub(crate) fn sql(&self) -> Result<&'c Connection, StoreError> {
        if self.connection.is_autocommit() { Err(StoreError::given_up()) } else { Ok(self.connection) }
    }

    /// Writes a new record and tells `{kind}.created`.
    ///
    /// # Errors
    /// [`StoreError::Exists`] if there is or was a record of that id; else what the database says.
    pub fn create<R: Record>(&mut self, record: &R) -> Result<(), StoreError> {
        self.create_as(record, EventType::Record(R::KIND, Change::Created))
    }

    /// Writes a new record and tells that event instead of `{kind}.created`.
    ///
    /// # Errors
    /// As [`Tx::create`].
    pub fn create_as<R: Record>(&mut self, record: &R, event: impl Into<EventType>) -> Result<(), StoreError> {
        let id = record.id().to_string();
        let sql = format!("SELECT 1 FROM {} WHERE id = ?1", table(R::KIND));
        if self.sql()?.prepare_cached(&sql)?.exists([&id])? {
            return Err(StoreError::Exists { kind: R::KIND.word(), id });
        }
        self.write(record, None, 1, &[event.into()])
    }

    /// Writes a changed record and tells `{kind}.updated`, or nothing if nothing changed.
    ///
    /// # Errors
    /// [`StoreError::Stale`] if there is no such record; else what the database says.
    pub fn update<R: Record>(&mut self, record: &R) -> Result<u64, StoreError> {
        self.update_as(record, &[])
    }

    /// Writes a changed record and tells the named events instead of `{kind}.updated`.
    ///
    /// # Errors
    /// [`StoreError::Stale`] if there is no such record; else what the database says.
    pub fn update_as<R: Record>(&mut self, record: &R, named: &[Named]) -> Result<u64, StoreError> {
        let id = record.id().to_string();
        let old = self.own_row(R::KIND, &id)?;
        if named.is_empty() && document(record)? == old.document {
            return Ok(old.revision);
        }
        let mut events: Vec<EventType> = named.iter().copied().map(EventType::Named).collect();
        if events.is_empty() {
            events.push(EventType::Record(R::KIND, Change::Updated));
        }
        let revision = old.revision + 1;
        self.write(record, Some(old.document), revision, &events)?;
        Ok(revision)
    }

    /// Removes a record and tells `{kind}.deleted`. Its row stays, empty, so that readers learn of it.
    ///
    /// # Errors
    /// What the database says.
    pub fn delete<R: Record>(&mut self, record: &R) -> Result<(), StoreError> {
        let id = record.id().to_string();
        let old = self.own_row(R::KIND, &id)?;
        let event = EventType::Record(R::KIND, Change::Deleted);
        let (position, number) = self.event(event, R::KIND, &id, old.revision + 1, &event_body(record)?, &record.labels())?;
        let cells: String = R::COLUMNS.iter().map(|column| format!(", {} = NULL", column.name)).collect();
        let sql = format!(
            "UPDATE {} SET deleted = 1, document = '{{}}', revision = ?2, number = ?3, position = ?4, changed_at = ?5{cells} \
             WHERE id = ?1",
            table(R::KIND)
        );
        let now = self.by.now.millis();
        self.sql()?.prepare_cached(&sql)?.execute(params![id, old.revision + 1, number, position, now])?;
        self.changes.deleted::<R>(&id, old.document);
        let nothing = Index { cells: Vec::new(), labels: Vec::new(), metadata: Vec::new(), created_at: self.by.now };
        write_labels(self.sql()?, R::KIND, &id, &nothing)
    }

    /// Tells a named event of a record that did not change with it.
    ///
    /// # Errors
    /// What the database says.
    pub fn tell<R: Record>(&mut self, named: Named, record: &R, revision: u64) -> Result<(), StoreError> {
        self.event(named.into(), R::KIND, &record.id().to_string(), revision, &event_body(record)?, &record.labels()).map(|_| ())
    }

    fn write<R: Record>(
        &mut self,
        record: &R,
        before: Option<Document>,
        revision: u64,
        events: &[EventType],
    ) -> Result<(), StoreError> {
        let id = record.id().to_string();
        let body = event_body(record)?;
        let index = Index::of(record);
        let mut at = (0, 0);
        for event in events {
            at = self.event(*event, R::KIND, &id, revision, &body, &index.labels)?;
        }
        let after = document(record)?;
        self.row(kind_row(R::KIND), &id, revision, at, &index, &after)?;
        self.changes.written::<R>(&id, before, after);
        Ok(())
    }

    fn row(
        &self,
        row: &KindRow,
        id: &str,
        revision: u64,
        at: (u64, u64),
        index: &Index,
        document: &Document,
    ) -> Result<(), StoreError> {
        let fixed = [
            "id",
            "store_id",
            "farm_id",
            "revision",
            "number",
            "position",
            "deleted",
            "generation",
            "changed_at",
            "created_at",
            "document",
        ];
        let names: Vec<&str> = fixed.into_iter().chain(row.columns.iter().map(|column| column.name)).collect();
        let places: Vec<String> = (1..=names.len()).map(|n| format!("?{n}")).collect();
        let sets: Vec<String> = names.iter().skip(3).map(|name| format!("{name} = excluded.{name}")).collect();
        let sql = format!(
            "INSERT INTO {} ({}) VALUES ({}) ON CONFLICT (id) DO UPDATE SET {}",
            table(row.kind),
            names.join(", "),
            places.join(", "),
            sets.join(", ")
        );
        let (store, farm) = self.home_words(row.kind);
        let text = json(row.kind.word(), document)?;
        let (now, created) = (self.by.now.millis(), index.created_at.millis());
        let cells: Vec<Bound<'_>> = index.cells.iter().map(Bound).collect();
        let mut values: Vec<&dyn ToSql> = vec![&id, &store, &farm, &revision, &at.1, &at.0, &0, &0, &now, &created, &text];
        values.extend(cells.iter().map(|cell| cell as &dyn ToSql));
        self.sql()?.prepare_cached(&sql)?.execute(values.as_slice())?;
        write_labels(self.sql()?, row.kind, id, index)
    }

    /// The store and the farm of what is written; at a door of accounts everything is of the account.
    fn home_words(&self, kind: Kind) -> (String, String) {
        let account = self.by.account_of.is_some() || (kind.is_account() && !self.seen_here);
        (self.store().to_string(), if account { String::new() } else { self.home.farm_id.to_string() })
    }

    /// The store that this write is for.
    pub fn store(&self) -> StoreId {
        self.by.account_of.unwrap_or(self.home.store_id)
    }

    /// Whether this is written for accounts: what stands here of a floor is a copy then, and its farm alone changes it.
    pub fn is_for_accounts(&self) -> bool {
        self.by.account_of.is_some()
    }

    /// The name of the audit chain that this write belongs to: the farm's, or the account's.
    pub(crate) fn audit_home(&self) -> String {
        self.by.account_of.map_or_else(|| self.home.farm_id.to_string(), |store| store.to_string())
    }

    /// The row that is about to change. One of another store is not there.
    fn own_row(&self, kind: Kind, id: &str) -> Result<RawRow, StoreError> {
        let stale = || StoreError::Stale { kind: kind.word(), id: id.to_owned(), expected: 1 };
        self.rows().raw(kind, id)?.filter(|row| row.store_id == self.store()).ok_or_else(stale)
    }

    /// The next place in this database's log.
    pub(crate) fn next_position(&mut self) -> Result<u64, StoreError> {
        let mut statement = self.sql()?.prepare_cached("UPDATE log SET position = position + 1 RETURNING position")?;
        Ok(statement.query_row([], |r| r.get(0))?)
    }

    /// Appends an event; returns its position and number. What is not told stands at the end of the log.
    pub(crate) fn event(
        &mut self,
        event: EventType,
        kind: Kind,
        id: &str,
        revision: u64,
        body: &str,
        labels: &[String],
    ) -> Result<(u64, u64), StoreError> {
        if Change::of(kind).is_empty() {
            return Ok((self.rows().log_end()?.position, 0));
        }
        let (store, farm) = self.home_words(kind);
        let position = self.next_position()?;
        let number: u64 = self
            .sql()?
            .prepare_cached(
                "INSERT INTO home (store_id, farm_id, number) VALUES (?1, ?2, 1) \
                 ON CONFLICT (store_id, farm_id) DO UPDATE SET number = number + 1 RETURNING number",
            )?
            .query_row([&store, &farm], |r| r.get(0))?;
        let random = self.random();
        let event_id = EventId::new(self.by.now, random).to_string();
        let actor = json("actor", &self.by.actor)?;
        let now = self.by.now.millis();
        self.sql()?
            .prepare_cached(
                "INSERT INTO event (position, store_id, farm_id, number, id, type, subject_kind, subject_id, subject_revision, \
                 actor, occurred_at, received_at, clock_ok, live, api_version, labels, body) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?11, ?12, ?13, ?14, ?15, ?16)",
            )?
            .execute(params![
                position,
                store,
                farm,
                number,
                event_id,
                event.to_string(),
                kind.word(),
                id,
                revision,
                actor,
                now,
                self.by.clock_ok,
                self.live,
                API_VERSION,
                labels.join("\n"),
                body
            ])?;
        Ok((position, number))
    }
}

/// The nth id that a call with that digest makes, in words: what [`Tx::new_id`] derives at any door.
pub fn derived_id(kind: Kind, seed: [u8; 32], n: u32) -> String {
    let id = domain::id::RequestId::derived(derive(seed, n));
    format!("{}_{}", kind.prefix(), id.uuid().simple())
}

fn derive(seed: [u8; 32], n: u32) -> [u8; 32] {
    Sha256::new().chain_update(seed).chain_update(n.to_be_bytes()).finalize().into()
}

/// A value as JSON text.
pub(crate) fn json<T: serde::Serialize + ?Sized>(kind: &'static str, value: &T) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|cause| StoreError::Document { kind, cause })
}

fn document<R: Record>(record: &R) -> Result<Document, StoreError> {
    match serde_json::to_value(record) {
        Ok(serde_json::Value::Object(document)) => Ok(document),
        Ok(_) => Err(StoreError::Document {
            kind: R::KIND.word(),
            cause: <serde_json::Error as serde::ser::Error>::custom("not an object"),
        }),
        Err(cause) => Err(StoreError::Document { kind: R::KIND.word(), cause }),
    }
}

fn event_body<R: Record>(record: &R) -> Result<String, StoreError> {
    let mut light = document(record)?;
    R::lighten(&mut light);
    json(R::KIND.word(), &light)
}
