//! Follows the log from a place in it.

use contract::event::EventType;
use store::{EventCursor, Store, StoreError, StoredEvent};
use tokio::sync::watch;

/// Events that one reading gives at the most.
const BATCH: usize = 200;

/// A follower of the log.
pub struct LogReader {
    store: Store,
    head: watch::Receiver<u64>,
    cursor: EventCursor,
    types: Vec<EventType>,
}

/// What one reading gave.
#[derive(Debug, Default)]
pub struct Batch {
    /// The reader stood before the oldest event that is still there, or in another log: what it knows
    /// is to be read anew.
    pub gap: bool,
    /// The events, oldest first.
    pub events: Vec<StoredEvent>,
    /// There is more to be read at once.
    pub more: bool,
}

impl LogReader {
    /// From that place; none = from now on. Only these types, if any are named.
    ///
    /// # Errors
    /// What the database says.
    pub fn new(store: Store, from: Option<EventCursor>, types: Vec<EventType>) -> Result<Self, StoreError> {
        let head = store.head();
        let end = store.read(|rows| rows.log_end())?;
        Ok(Self { store, head, cursor: from.unwrap_or(end), types })
    }

    /// Where it stands.
    pub const fn cursor(&self) -> &EventCursor {
        &self.cursor
    }

    /// What came since, without waiting.
    ///
    /// # Errors
    /// What the database says.
    pub fn read(&mut self) -> Result<Batch, StoreError> {
        self.head.mark_unchanged();
        let (cursor, types) = (&mut self.cursor, &self.types);
        self.store.read(|rows| {
            let end = rows.log_end()?;
            let mut batch = Batch::default();
            let trimmed = rows.log_trimmed_to()?;
            if cursor.epoch != end.epoch || cursor.position > end.position {
                batch.gap = true;
                *cursor = end.clone();
            } else if cursor.position < trimmed {
                batch.gap = true;
                cursor.position = trimmed;
            }
            let read = rows.events_after(cursor.position, types, None, BATCH)?;
            (batch.events, batch.more) = (read.events, read.full);
            cursor.position = read.last.filter(|_| read.full).unwrap_or(end.position);
            Ok(batch)
        })
    }

    /// Waits until there may be something to read. False when the store is closed.
    pub async fn changed(&mut self) -> bool {
        self.head.changed().await.is_ok()
    }

    /// Whether something may have come since the last reading.
    pub fn behind(&self) -> bool {
        self.head.has_changed().unwrap_or(false)
    }
}
