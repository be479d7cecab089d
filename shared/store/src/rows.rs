//! Reading records: the same for readers and for the writer's transactions.

use contract::record::{Document, Record};
use domain::id::{FarmId, StoreId};
use domain::kind::Kind;
use domain::time::Timestamp;
use rusqlite::{Connection, OptionalExtension, params};

use crate::error::StoreError;
use crate::kinds::table;

/// A view of the database at one moment.
#[derive(Clone, Copy)]
pub struct Rows<'c> {
    pub(crate) connection: &'c Connection,
}

/// A record as it is stored.
#[derive(Debug, Clone, PartialEq)]
pub struct RawRow {
    /// Its id.
    pub id: String,
    /// The store.
    pub store_id: StoreId,
    /// The farm; none for account facts.
    pub farm_id: Option<FarmId>,
    /// Counts its changes.
    pub revision: u64,
    /// Its place in its home's log.
    pub number: u64,
    /// When it was changed last.
    pub changed_at: Timestamp,
    /// The document.
    pub document: Document,
}

/// A record with its type.
#[derive(Debug, Clone, PartialEq)]
pub struct Row<R> {
    /// The record.
    pub record: R,
    /// Counts its changes.
    pub revision: u64,
    /// The store.
    pub store_id: StoreId,
    /// The farm; none for account facts.
    pub farm_id: Option<FarmId>,
}

impl<R: Record> Row<R> {
    /// A row as its type reads it.
    ///
    /// # Errors
    /// That it cannot.
    pub fn read(raw: RawRow) -> Result<Self, StoreError> {
        let record = serde_json::from_value(serde_json::Value::Object(raw.document))
            .map_err(|cause| StoreError::Document { kind: R::KIND.word(), cause })?;
        Ok(Self { record, revision: raw.revision, store_id: raw.store_id, farm_id: raw.farm_id })
    }
}

/// The columns that [`read_raw`] reads, in order.
pub(crate) const ENVELOPE: &str = "id, store_id, farm_id, revision, number, changed_at, document";

type RawColumns = (String, String, String, u64, u64, i64, String);

/// One row as SQLite gives it.
pub(crate) fn columns(row: &rusqlite::Row<'_>) -> rusqlite::Result<RawColumns> {
    Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?, row.get(5)?, row.get(6)?))
}

/// One row with its document read.
pub(crate) fn read_raw(
    kind: Kind,
    (id, store, farm, revision, number, changed_at, document): RawColumns,
) -> Result<RawRow, StoreError> {
    let bad = |cause| StoreError::Document { kind: kind.word(), cause };
    Ok(RawRow {
        id,
        store_id: parse_id(kind, &store)?,
        farm_id: if farm.is_empty() { None } else { Some(parse_id(kind, &farm)?) },
        revision,
        number,
        changed_at: Timestamp::from_millis(changed_at),
        document: serde_json::from_str(&document).map_err(bad)?,
    })
}

/// An id out of the database.
pub(crate) fn parse_id<I: std::str::FromStr>(kind: Kind, text: &str) -> Result<I, StoreError> {
    text.parse().map_err(|_| StoreError::Document {
        kind: kind.word(),
        cause: <serde_json::Error as serde::de::Error>::custom(format!("`{text}` is no id")),
    })
}

impl Rows<'_> {
    /// A record as it is stored, if there is one.
    ///
    /// # Errors
    /// What the database says.
    pub fn raw(&self, kind: Kind, id: &str) -> Result<Option<RawRow>, StoreError> {
        let found = self
            .connection
            .prepare_cached(&format!("SELECT {ENVELOPE} FROM {} WHERE id = ?1 AND deleted = 0", table(kind)))?
            .query_row([id], columns)
            .optional()?;
        found.map(|row| read_raw(kind, row)).transpose()
    }

    /// A record, if there is one.
    ///
    /// # Errors
    /// What the database says.
    pub fn get<R: Record>(&self, id: R::Id) -> Result<Option<Row<R>>, StoreError> {
        self.raw(R::KIND, &id.to_string())?.map(Row::read).transpose()
    }

    /// Records whose column holds one of the words, in the order in which they were made.
    ///
    /// # Errors
    /// What the database says.
    pub fn all_where<R: Record>(&self, column: &'static str, words: &[&str]) -> Result<Vec<Row<R>>, StoreError> {
        let places: Vec<String> = (1..=words.len()).map(|n| format!("?{n}")).collect();
        let sql = format!(
            "SELECT {ENVELOPE} FROM {} WHERE deleted = 0 AND {column} IN ({}) ORDER BY created_at, id",
            table(R::KIND),
            places.join(", ")
        );
        let mut statement = self.connection.prepare_cached(&sql)?;
        let rows = statement.query_map(rusqlite::params_from_iter(words), columns)?;
        rows.map(|row| Row::read(read_raw(R::KIND, row?)?)).collect()
    }

    /// Every record of a kind, in the order in which they were made.
    ///
    /// # Errors
    /// What the database says.
    pub fn all<R: Record>(&self) -> Result<Vec<Row<R>>, StoreError> {
        let sql = format!("SELECT {ENVELOPE} FROM {} WHERE deleted = 0 ORDER BY created_at, id", table(R::KIND));
        let mut statement = self.connection.prepare_cached(&sql)?;
        let rows = statement.query_map([], columns)?;
        rows.map(|row| Row::read(read_raw(R::KIND, row?)?)).collect()
    }

    /// Records of one store with one of those words in a column: a farm that changed its store has those of both.
    ///
    /// # Errors
    /// What the database says.
    pub fn of_store_where<R: Record>(
        &self,
        store: StoreId,
        column: &'static str,
        words: &[&str],
    ) -> Result<Vec<Row<R>>, StoreError> {
        let places: Vec<String> = (2..=words.len() + 1).map(|n| format!("?{n}")).collect();
        let sql = format!(
            "SELECT {ENVELOPE} FROM {} WHERE deleted = 0 AND store_id = ?1 AND {column} IN ({}) ORDER BY created_at, id",
            table(R::KIND),
            places.join(", ")
        );
        let store = store.to_string();
        let mut statement = self.connection.prepare_cached(&sql)?;
        let values = std::iter::once(store.as_str()).chain(words.iter().copied());
        let rows = statement.query_map(rusqlite::params_from_iter(values), columns)?;
        rows.map(|row| Row::read(read_raw(R::KIND, row?)?)).collect()
    }

    /// The ids of a farm's records of a kind.
    ///
    /// # Errors
    /// What the database says.
    pub fn all_of_farm(&self, kind: Kind, farm: FarmId) -> Result<Vec<String>, StoreError> {
        let sql = format!("SELECT id FROM {} WHERE deleted = 0 AND farm_id = ?1 ORDER BY id", table(kind));
        let mut statement = self.connection.prepare_cached(&sql)?;
        let ids = statement.query_map([farm.to_string()], |row| row.get(0))?;
        Ok(ids.collect::<Result<_, _>>()?)
    }

    /// How many records have one of the words in that column.
    ///
    /// # Errors
    /// What the database says.
    pub fn count_where(&self, kind: Kind, column: &'static str, word: &str) -> Result<u64, StoreError> {
        let sql = format!("SELECT count(*) FROM {} WHERE deleted = 0 AND {column} = ?1", table(kind));
        Ok(self.connection.prepare_cached(&sql)?.query_row([word], |row| row.get(0))?)
    }

    /// The smallest and the largest number in a column, if there is any record.
    ///
    /// # Errors
    /// What the database says.
    pub fn span(&self, kind: Kind, column: &'static str) -> Result<Option<(i64, i64)>, StoreError> {
        // SQLite takes one of the two from an index, but never both at once.
        let one = |which: &str| format!("(SELECT {which}({column}) FROM {} WHERE deleted = 0)", table(kind));
        let sql = format!("SELECT {}, {}", one("min"), one("max"));
        let span: (Option<i64>, Option<i64>) =
            self.connection.prepare_cached(&sql)?.query_row([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(span.0.zip(span.1))
    }

    /// Labels of a kind with how many records have each.
    ///
    /// # Errors
    /// What the database says.
    pub fn label_counts(&self, kind: Kind) -> Result<Vec<(String, u32)>, StoreError> {
        let mut statement =
            self.connection.prepare_cached("SELECT label, count(*) FROM label WHERE kind = ?1 GROUP BY label ORDER BY label")?;
        let rows = statement.query_map(params![kind.word()], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// The labels of one record.
    ///
    /// # Errors
    /// What the database says.
    pub fn labels_of(&self, kind: Kind, id: &str) -> Result<Vec<String>, StoreError> {
        let mut statement =
            self.connection.prepare_cached("SELECT label FROM label WHERE kind = ?1 AND id = ?2 ORDER BY label")?;
        let rows = statement.query_map(params![kind.word(), id], |row| row.get(0))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Ids of records of a kind that have the label.
    ///
    /// # Errors
    /// What the database says.
    pub fn labelled(&self, kind: Kind, label: &str) -> Result<Vec<String>, StoreError> {
        let mut statement = self.connection.prepare_cached("SELECT id FROM label WHERE kind = ?1 AND label = ?2 ORDER BY id")?;
        let rows = statement.query_map(params![kind.word(), label], |row| row.get(0))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}
