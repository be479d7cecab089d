//! Reading the log: every cursor is the log's epoch and a position in it.

use contract::event::{Event, EventType, Subject};
use domain::id::StoreId;
use domain::kind::Kind;
use domain::time::Timestamp;
use rusqlite::types::Value;
use rusqlite::{OptionalExtension, params};

use crate::error::StoreError;
use crate::rows::{Rows, parse_id};
use crate::tx::Tx;

/// A place in one log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventCursor {
    /// The log.
    pub epoch: String,
    /// Everything up to here was read.
    pub position: u64,
}

impl std::fmt::Display for EventCursor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}-{}", self.epoch, self.position)
    }
}

impl std::str::FromStr for EventCursor {
    type Err = StoreError;
    fn from_str(text: &str) -> Result<Self, StoreError> {
        let (epoch, position) = text.rsplit_once('-').ok_or(StoreError::BadCursor)?;
        Ok(Self { epoch: epoch.to_owned(), position: position.parse().map_err(|_| StoreError::BadCursor)? })
    }
}

/// An event of the log, before projection.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredEvent {
    /// Its position in this log.
    pub position: u64,
    /// The subject's labels when it happened, for scopes.
    pub labels: Vec<String>,
    /// The event with its whole data.
    pub event: Event,
}

/// Events that were read, and how far that went.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct EventsRead {
    /// What this version can read, oldest first.
    pub events: Vec<StoredEvent>,
    /// The position of the last one that was looked at.
    pub last: Option<u64>,
    /// As many as were asked for: there may be more.
    pub full: bool,
}

impl Rows<'_> {
    /// The end of the log.
    ///
    /// # Errors
    /// What the database says.
    pub fn log_end(&self) -> Result<EventCursor, StoreError> {
        let mut statement = self.connection.prepare_cached("SELECT epoch, position FROM log")?;
        Ok(statement.query_row([], |r| Ok(EventCursor { epoch: r.get(0)?, position: r.get(1)? }))?)
    }

    /// Up to which position events were trimmed away.
    ///
    /// # Errors
    /// What the database says.
    pub fn log_trimmed_to(&self) -> Result<u64, StoreError> {
        Ok(self.connection.prepare_cached("SELECT trimmed_to FROM log")?.query_row([], |r| r.get(0))?)
    }

    /// Events after a position, oldest first; only of these types if any are named, only about that
    /// subject if one is named. What a newer farm told in words that are not known here is passed over:
    /// it must not hide the rest.
    ///
    /// # Errors
    /// What the database says.
    pub fn events_after(
        &self,
        position: u64,
        types: &[EventType],
        subject: Option<&str>,
        limit: usize,
    ) -> Result<EventsRead, StoreError> {
        let mut values = vec![Value::Integer(i64::try_from(position).unwrap_or(i64::MAX))];
        let mut sql = format!("SELECT {COLUMNS} FROM event WHERE position > ?1");
        if !types.is_empty() {
            values.extend(types.iter().map(|event| Value::Text(event.to_string())));
            let places: Vec<String> = (2..values.len() + 1).map(|n| format!("?{n}")).collect();
            sql += &format!(" AND type IN ({})", places.join(", "));
        }
        if let Some(subject) = subject {
            values.push(Value::Text(subject.to_owned()));
            sql += &format!(" AND subject_id = ?{}", values.len());
        }
        values.push(Value::Integer(i64::try_from(limit).unwrap_or(i64::MAX)));
        sql += &format!(" ORDER BY position LIMIT ?{}", values.len());
        let mut statement = self.connection.prepare_cached(&sql)?;
        let rows = statement.query_map(rusqlite::params_from_iter(values), columns)?;
        let mut found = EventsRead::default();
        let mut looked_at = 0;
        for row in rows {
            let row = row?;
            looked_at += 1;
            found.last = Some(row.position);
            found.events.extend(read(row).ok());
        }
        found.full = looked_at == limit;
        Ok(found)
    }

    /// The farm's events for that store after a position, oldest first: what goes up to its relay. Account facts are not among them,
    /// nor what the farm did for another store before.
    ///
    /// # Errors
    /// What the database says.
    pub fn farm_events_after(&self, store: StoreId, position: u64, limit: usize) -> Result<EventsRead, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM event WHERE position > ?1 AND store_id = ?2 AND farm_id <> '' ORDER BY position LIMIT ?3"
        );
        let mut statement = self.connection.prepare_cached(&sql)?;
        let values = params![position, store.to_string(), limit as u64];
        let rows = statement.query_map(values, columns)?.collect::<Result<Vec<Columns>, _>>()?;
        let (last, full) = (rows.last().map(|row| row.position), rows.len() == limit);
        let events = rows.into_iter().map(read).collect::<Result<_, _>>()?;
        Ok(EventsRead { events, last, full })
    }

    /// One event by its id.
    ///
    /// # Errors
    /// What the database says.
    pub fn event(&self, id: &str) -> Result<Option<StoredEvent>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM event WHERE id = ?1");
        self.connection.prepare_cached(&sql)?.query_row([id], columns).optional()?.map(read).transpose()
    }
}

impl Tx<'_> {
    /// Removes events older than that moment, and the oldest beyond that many. Returns how many went.
    /// The log's order is the order of time whatever the clock said: what was written with an unset
    /// clock goes with a later event that is old, and nothing goes that follows one that is not.
    ///
    /// # Errors
    /// What the database says.
    pub fn trim_events(&mut self, older_than: Timestamp, keep_at_most: u64) -> Result<u64, StoreError> {
        let last: Option<u64> = self
            .sql()?
            .prepare_cached(
                "WITH fresh(position) AS (SELECT position FROM event WHERE clock_ok AND occurred_at >= ?1 ORDER BY position LIMIT 1), \
                 old(position) AS (SELECT position FROM event WHERE clock_ok AND occurred_at < ?1 \
                 AND position < coalesce((SELECT position FROM fresh), ?3) ORDER BY position DESC LIMIT 1), \
                 surplus(position) AS (SELECT position FROM event WHERE position <= (SELECT position FROM log) - ?2 \
                 ORDER BY position DESC LIMIT 1) \
                 SELECT max(position) FROM (SELECT position FROM old UNION ALL SELECT position FROM surplus)",
            )?
            .query_row(params![older_than.millis(), i64::try_from(keep_at_most).unwrap_or(i64::MAX), i64::MAX], |r| r.get(0))?;
        let Some(last) = last else { return Ok(0) };
        let gone = self.sql()?.prepare_cached("DELETE FROM event WHERE position <= ?1")?.execute([last])?;
        self.sql()?.prepare_cached("UPDATE log SET trimmed_to = max(trimmed_to, ?1)")?.execute([last])?;
        Ok(gone as u64)
    }
}

const COLUMNS: &str = "position, store_id, farm_id, number, id, type, subject_kind, subject_id, subject_revision, actor, occurred_at, \
                       received_at, clock_ok, live, api_version, labels, body";

struct Columns {
    position: u64,
    store_id: String,
    farm_id: String,
    number: u64,
    id: String,
    event_type: String,
    kind: String,
    subject: String,
    revision: u64,
    actor: String,
    occurred_at: i64,
    received_at: i64,
    clock_ok: bool,
    live: bool,
    api_version: String,
    labels: String,
    body: String,
}

fn columns(r: &rusqlite::Row<'_>) -> rusqlite::Result<Columns> {
    Ok(Columns {
        position: r.get(0)?,
        store_id: r.get(1)?,
        farm_id: r.get(2)?,
        number: r.get(3)?,
        id: r.get(4)?,
        event_type: r.get(5)?,
        kind: r.get(6)?,
        subject: r.get(7)?,
        revision: r.get(8)?,
        actor: r.get(9)?,
        occurred_at: r.get(10)?,
        received_at: r.get(11)?,
        clock_ok: r.get(12)?,
        live: r.get(13)?,
        api_version: r.get(14)?,
        labels: r.get(15)?,
        body: r.get(16)?,
    })
}

fn read(c: Columns) -> Result<StoredEvent, StoreError> {
    let bad = |cause| StoreError::Document { kind: "event", cause };
    let custom = |text: String| bad(<serde_json::Error as serde::de::Error>::custom(text));
    let kind = Kind::from_word(&c.kind).ok_or_else(|| custom(format!("`{}` is no kind", c.kind)))?;
    // What a relay tells of a farm stands in the store's own log, and yet is that farm's: only who may see the farm is told.
    let farm = if c.farm_id.is_empty() && kind == Kind::Farm { &c.subject } else { &c.farm_id };
    let event = Event {
        id: parse_id(kind, &c.id)?,
        event_type: c.event_type.parse().map_err(custom)?,
        store_id: parse_id(kind, &c.store_id)?,
        farm_id: if farm.is_empty() { None } else { Some(parse_id(kind, farm)?) },
        number: c.number,
        subject: Subject { kind, id: c.subject, revision: c.revision },
        actor: serde_json::from_str(&c.actor).map_err(bad)?,
        occurred_at: Timestamp::from_millis(c.occurred_at),
        received_at: Timestamp::from_millis(c.received_at),
        clock_ok: c.clock_ok,
        live: c.live,
        api_version: c.api_version,
        data: serde_json::from_str(&c.body).map_err(bad)?,
    };
    let labels = c.labels.lines().map(str::to_owned).collect();
    Ok(StoredEvent { position: c.position, labels, event })
}
