//! Copies of another home's facts: a relay keeps those of its farms. A copy keeps the revision and the
//! number that its home gave it; only the position is this database's own, so that readers of this log
//! learn of it. Nothing here tells an event: the farm's own events come as copies too.

use contract::forward::RowItem;
use contract::record::{Document, kind_row};
use domain::farm::HomeIds;
use domain::id::{FarmId, StoreId};
use domain::kind::Kind;
use domain::time::Timestamp;
use rusqlite::{OptionalExtension, params};
use serde::Deserialize;
use serde_json::Value;

use crate::error::StoreError;
use crate::kinds::{table, write_labels};
use crate::rows::{Rows, parse_id};
use crate::tx::{Tx, json};

/// A row on its way from its home to a copy. Deleted ones have an empty document.
#[derive(Debug, Clone, PartialEq)]
pub struct FeedRow {
    /// Its kind.
    pub kind: Kind,
    /// Its id.
    pub id: String,
    /// Counts its changes.
    pub revision: u64,
    /// Its place in its home's log.
    pub number: u64,
    /// Its place in the sender's own log.
    pub position: u64,
    /// It is gone.
    pub deleted: bool,
    /// When it was changed last.
    pub changed_at: Timestamp,
    /// The document.
    pub document: Document,
}

impl From<FeedRow> for RowItem {
    fn from(row: FeedRow) -> Self {
        let FeedRow { kind, id, revision, number, position, deleted, changed_at, document } = row;
        Self { kind: kind.word().to_owned(), id, revision, number, position, deleted, changed_at, document }
    }
}

impl FeedRow {
    /// A row that came from another home; none if its kind is not known here.
    pub fn of(item: RowItem) -> Option<Self> {
        let RowItem { kind, id, revision, number, position, deleted, changed_at, document } = item;
        let kind = Kind::from_word(&kind)?;
        Some(Self { kind, id, revision, number, position, deleted, changed_at, document })
    }
}

/// What became of a copied row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Copied {
    /// It is written.
    Written,
    /// It was known, as it came or newer.
    Known,
    /// Another home has a row of that id: it is left alone.
    Foreign,
}

/// The kinds that a farm's copy holds. Account facts come the other way, and a session is its own door's matter.
pub fn is_copied(kind: Kind) -> bool {
    !kind.is_account() && kind != Kind::Session
}

/// The field of a copy that names the commands which wait for the farm.
const PENDING: &str = "pending_commands";

/// The store and the farm of a row in words; no farm for account facts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    pub store: String,
    pub farm: String,
}

impl Place {
    pub(crate) fn of(home: HomeIds) -> Self {
        Self { store: home.store_id.to_string(), farm: home.farm_id.to_string() }
    }
}

/// An event as its farm told it. Type and kind are words: those of a newer farm are kept as they are.
#[derive(Deserialize)]
struct Told<'a> {
    id: &'a str,
    #[serde(rename = "type")]
    event_type: &'a str,
    number: u64,
    #[serde(borrow)]
    subject: ToldOf<'a>,
    actor: Value,
    occurred_at: Timestamp,
    clock_ok: bool,
    live: bool,
    api_version: &'a str,
    data: Value,
}

#[derive(Deserialize)]
struct ToldOf<'a> {
    kind: &'a str,
    id: &'a str,
    revision: u64,
}

pub(crate) struct Known {
    pub store_id: String,
    pub farm_id: String,
    pub revision: u64,
    pub generation: u64,
}

impl Rows<'_> {
    /// The store's rows of all copied kinds that changed after a position, oldest change first. What the farm did for another store
    /// before is none of this one's.
    ///
    /// # Errors
    /// What the database says.
    pub fn feed_after(&self, store: StoreId, position: u64, limit: usize) -> Result<Vec<FeedRow>, StoreError> {
        let copied: Vec<Kind> = Kind::ALL.iter().copied().filter(|kind| is_copied(*kind)).collect();
        self.changed_after(&copied, store, None, position, limit)
    }

    /// Whether there is a living row of that kind.
    ///
    /// # Errors
    /// What the database says.
    pub fn has_any(&self, kind: Kind) -> Result<bool, StoreError> {
        let sql = format!("SELECT 1 FROM {} WHERE deleted = 0", table(kind));
        Ok(self.connection.prepare_cached(&sql)?.exists([])?)
    }

    /// What is known here of another home's living rows, of all copied kinds, by the position that they have here. What only waits for
    /// that home is none of them.
    ///
    /// # Errors
    /// What the database says.
    pub fn floor_after(&self, home: HomeIds, position: u64, limit: usize) -> Result<Vec<FeedRow>, StoreError> {
        let copied: Vec<Kind> = Kind::ALL.iter().copied().filter(|kind| is_copied(*kind)).collect();
        self.changed_after(&copied, home.store_id, Some(home.farm_id), position, limit)
    }

    /// Rows of these kinds that changed after a position, of one farm or of all.
    pub(crate) fn changed_after(
        &self,
        kinds: &[Kind],
        store: StoreId,
        farm: Option<FarmId>,
        position: u64,
        limit: usize,
    ) -> Result<Vec<FeedRow>, StoreError> {
        let (mut found, store, farm) = (Vec::new(), store.to_string(), farm.map(|farm| farm.to_string()));
        for kind in kinds.iter().copied() {
            let sql = format!(
                "SELECT id, revision, number, position, deleted, changed_at, document FROM {} \
                 WHERE position > ?1 AND revision > 0 AND store_id = ?3 AND (?4 IS NULL OR farm_id = ?4) ORDER BY position LIMIT ?2",
                table(kind)
            );
            let mut statement = self.connection.prepare_cached(&sql)?;
            let rows = statement.query_map(params![position, limit as u64, store, farm], |r| {
                let document: String = r.get(6)?;
                Ok((r.get(0)?, r.get(1)?, r.get(2)?, r.get(3)?, r.get(4)?, r.get(5)?, document))
            })?;
            for row in rows {
                let (id, revision, number, position, deleted, changed_at, document) = row?;
                let document =
                    serde_json::from_str(&document).map_err(|cause| StoreError::Document { kind: kind.word(), cause })?;
                let changed_at = Timestamp::from_millis(changed_at);
                found.push(FeedRow { kind, id, revision, number, position, deleted, changed_at, document });
            }
        }
        found.sort_by_key(|row| row.position);
        found.truncate(limit);
        Ok(found)
    }

    /// The store and the farm of a row, also of a deleted one. None if there never was one.
    ///
    /// # Errors
    /// What the database says.
    pub fn home_of(&self, kind: Kind, id: &str) -> Result<Option<(StoreId, Option<FarmId>)>, StoreError> {
        let Some(known) = self.known(kind, id)? else { return Ok(None) };
        let farm = if known.farm_id.is_empty() { None } else { Some(parse_id(kind, &known.farm_id)?) };
        Ok(Some((parse_id(kind, &known.store_id)?, farm)))
    }

    pub(crate) fn known(&self, kind: Kind, id: &str) -> Result<Option<Known>, StoreError> {
        let sql = format!("SELECT store_id, farm_id, revision, generation FROM {} WHERE id = ?1", table(kind));
        let mut statement = self.connection.prepare_cached(&sql)?;
        let read = |r: &rusqlite::Row<'_>| {
            Ok(Known { store_id: r.get(0)?, farm_id: r.get(1)?, revision: r.get(2)?, generation: r.get(3)? })
        };
        Ok(statement.query_row([id], read).optional()?)
    }
}

impl Tx<'_> {
    /// Copies a row of that home. Within a generation an older revision never replaces a newer one; a
    /// newer generation is another life of the farm's database and replaces whatever stands.
    ///
    /// # Errors
    /// What the database says.
    pub fn put_copy(&mut self, home: HomeIds, generation: u64, row: &FeedRow) -> Result<Copied, StoreError> {
        // Account facts have another home, whatever a farm sends.
        if !is_copied(row.kind) {
            return Ok(Copied::Foreign);
        }
        self.put_copy_at(&Place::of(home), generation, row)
    }

    /// Copies a row of that place.
    pub(crate) fn put_copy_at(&mut self, place: &Place, generation: u64, row: &FeedRow) -> Result<Copied, StoreError> {
        if let Some(known) = self.rows().known(row.kind, &row.id)? {
            if known.store_id != place.store || known.farm_id != place.farm {
                return Ok(Copied::Foreign);
            }
            if known.generation > generation || (known.generation == generation && known.revision >= row.revision) {
                return Ok(Copied::Known);
            }
        }
        self.copy(place, generation, row)?;
        Ok(Copied::Written)
    }

    /// Writes what was asked of the farm and is not there yet: a row of revision 0. It stands until the
    /// farm's own row replaces it or [`Tx::drop_pending`] takes it away. Nothing happens if there is a row.
    ///
    /// # Errors
    /// What the database says.
    pub fn put_pending(&mut self, home: HomeIds, kind: Kind, id: &str, document: Document) -> Result<bool, StoreError> {
        if self.rows().known(kind, id)?.is_some() {
            return Ok(false);
        }
        let changed_at = self.now();
        let id = id.to_owned();
        let row = FeedRow { kind, id, revision: 0, number: 0, position: 0, deleted: false, changed_at, document };
        self.copy(&Place::of(home), 0, &row)?;
        Ok(true)
    }

    /// Changes a pending row: its request was answered. Nothing happens to a row of the farm's own.
    ///
    /// # Errors
    /// What the database says.
    pub fn change_pending(&mut self, kind: Kind, id: &str, document: Document) -> Result<(), StoreError> {
        let Some(known) = self.rows().known(kind, id)?.filter(|known| known.revision == 0) else { return Ok(()) };
        let place = Place { store: known.store_id, farm: known.farm_id };
        let (id, changed_at) = (id.to_owned(), self.now());
        self.copy(&place, 0, &FeedRow { kind, id, revision: 0, number: 0, position: 0, deleted: false, changed_at, document })
    }

    /// Takes a pending row away. Says whether there was one.
    ///
    /// # Errors
    /// What the database says.
    pub fn drop_pending(&mut self, kind: Kind, id: &str) -> Result<bool, StoreError> {
        let sql = format!("DELETE FROM {} WHERE id = ?1 AND revision = 0", table(kind));
        let gone = self.sql()?.prepare_cached(&sql)?.execute([id])? == 1;
        if gone {
            let nothing =
                contract::record::Index { cells: Vec::new(), labels: Vec::new(), metadata: Vec::new(), created_at: self.now() };
            write_labels(self.sql()?, kind, id, &nothing)?;
            self.next_position()?;
        }
        Ok(gone)
    }

    /// Ends a whole feed: what it did not bring is gone at its home. Pending rows are left alone.
    ///
    /// # Errors
    /// What the database says.
    pub fn sweep_copies(&mut self, home: HomeIds, generation: u64) -> Result<u64, StoreError> {
        let copied: Vec<Kind> = Kind::ALL.iter().copied().filter(|kind| is_copied(*kind)).collect();
        self.sweep_at(&Place::of(home), &copied, generation)
    }

    /// Ends a whole feed of these kinds.
    pub(crate) fn sweep_at(&mut self, place: &Place, kinds: &[Kind], generation: u64) -> Result<u64, StoreError> {
        let mut swept = 0;
        for kind in kinds.iter().copied() {
            let sql = format!(
                "SELECT id, revision, number FROM {} WHERE store_id = ?1 AND farm_id = ?2 AND generation < ?3 AND deleted = 0 AND revision > 0",
                table(kind)
            );
            let old: Vec<(String, u64, u64)> = self
                .sql()?
                .prepare_cached(&sql)?
                .query_map(params![place.store, place.farm, generation], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?)))?
                .collect::<Result<_, _>>()?;
            for (id, revision, number) in old {
                let changed_at = self.now();
                let document = Document::new();
                self.copy(
                    place,
                    generation,
                    &FeedRow { kind, id, revision, number, position: 0, deleted: true, changed_at, document },
                )?;
                swept += 1;
            }
        }
        Ok(swept)
    }

    /// Copies an event of that home with its own id, number and times, also one of a type or a kind that is not known here. Says whether
    /// it is new here.
    ///
    /// # Errors
    /// It is no event at all; or what the database says.
    pub fn put_copied_event(&mut self, home: HomeIds, labels: &[String], event: &Document) -> Result<bool, StoreError> {
        let event: Told<'_> = Told::deserialize(event).map_err(|cause| StoreError::Document { kind: "event", cause })?;
        let Place { store, farm } = Place::of(home);
        let known = "SELECT 1 FROM event WHERE id = ?1 OR (store_id = ?2 AND farm_id = ?3 AND number = ?4)";
        if self.sql()?.prepare_cached(known)?.exists(params![event.id, store, farm, event.number])? {
            return Ok(false);
        }
        let position = self.next_position()?;
        let (actor, body) = (json("actor", &event.actor)?, json("event", &event.data)?);
        self.sql()?
            .prepare_cached(
                "INSERT INTO event (position, store_id, farm_id, number, id, type, subject_kind, subject_id, subject_revision, \
                 actor, occurred_at, received_at, clock_ok, live, api_version, labels, body) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)",
            )?
            .execute(params![
                position,
                store,
                farm,
                event.number,
                event.id,
                event.event_type,
                event.subject.kind,
                event.subject.id,
                event.subject.revision,
                actor,
                event.occurred_at.millis(),
                self.by.now.millis(),
                event.clock_ok,
                event.live,
                event.api_version,
                labels.join("\n"),
                body
            ])?;
        Ok(true)
    }

    pub(crate) fn copy(&mut self, place: &Place, generation: u64, row: &FeedRow) -> Result<(), StoreError> {
        let kind = kind_row(row.kind);
        let index = if row.deleted { None } else { Some(kind.index_leniently(&row.document, row.changed_at)) };
        let position = self.next_position()?;
        // What waits for the farm is about its own rows only, and stands on them for as long as it waits.
        let mut document = row.document.clone();
        document.remove(PENDING);
        let waits = if place.farm.is_empty() || row.deleted { Vec::new() } else { self.rows().mail_about(&row.id)? };
        if !waits.is_empty() {
            document.insert(PENDING.to_owned(), waits.into());
        }
        let text = json(row.kind.word(), &document)?;
        self.sql()?
            .prepare_cached(&format!(
                "INSERT INTO {} (id, store_id, farm_id, revision, number, position, deleted, generation, changed_at, created_at, document) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11) ON CONFLICT (id) DO UPDATE SET revision = excluded.revision, \
                 number = excluded.number, position = excluded.position, deleted = excluded.deleted, generation = excluded.generation, \
                 changed_at = excluded.changed_at, document = excluded.document",
                table(row.kind)
            ))?
            .execute(params![
                row.id,
                place.store,
                place.farm,
                row.revision,
                row.number,
                position,
                row.deleted,
                generation,
                row.changed_at.millis(),
                index.as_ref().map_or(row.changed_at, |index| index.created_at).millis(),
                text
            ])?;
        let empty = || contract::record::Index {
            cells: kind.columns.iter().map(|_| contract::record::Cell::Null).collect(),
            labels: Vec::new(),
            metadata: Vec::new(),
            created_at: row.changed_at,
        };
        let index = index.unwrap_or_else(empty);
        crate::kinds::write_cells(self.sql()?, kind, &row.id, &index)?;
        write_labels(self.sql()?, row.kind, &row.id, &index)
    }
}
