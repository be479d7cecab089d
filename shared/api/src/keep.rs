//! What a relay keeps of content for its farms: uploads until the farm has them, and copies that save a way.
//! Nothing here is reached by its hash alone: a row says for which farm of which store it lies here.

use contract::problem::{Code, Problem};
use domain::farm::HomeIds;
use domain::file::ContentHash;
use domain::id::StoreId;
use store::{By, Kept, Store, Tx};

use crate::auth::internal;
use crate::disk::Disk;
use crate::door::Door;
use crate::operation::Failure;

/// How much a relay keeps.
#[derive(Debug)]
pub struct Keep {
    /// Its disk; none = there is always room.
    pub disk: Option<Disk>,
    /// Bytes of a store that its farms have not fetched yet.
    pub store_bytes: u64,
    /// Files of a store that its farms have not fetched yet.
    pub store_files: u64,
    /// Bytes of copies that only save a way.
    pub cache_bytes: u64,
}

impl Default for Keep {
    fn default() -> Self {
        const GIB: u64 = 1024 * 1024 * 1024;
        Self { disk: None, store_bytes: 8 * GIB, store_files: 1000, cache_bytes: 2 * GIB }
    }
}

/// How much may still come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Room {
    /// Bytes.
    pub bytes: u64,
    /// What it is called if more comes.
    pub beyond: Code,
}

impl Room {
    /// Holds that many bytes against it.
    ///
    /// # Errors
    /// `disk_full` or `content_limit`.
    pub fn holds(self, bytes: u64) -> Result<(), Problem> {
        if bytes <= self.bytes {
            return Ok(());
        }
        Err(Problem::new(self.beyond).detail(format!("there is room for {} bytes", self.bytes)))
    }
}

impl Keep {
    /// How much may still come for a store: what its farms have not fetched and what has begun to come counts.
    ///
    /// # Errors
    /// `content_limit` if nothing more may come.
    pub fn room(&self, database: &Store, store: StoreId, disk: Room) -> Result<Room, Problem> {
        let ((files, bytes), begun) = database
            .read(|rows| Ok::<_, store::StoreError>((rows.promised_to(store)?, rows.unfinished_uploads(store)?)))
            .map_err(|error| internal(&error))?;
        let left = self.store_bytes.saturating_sub(bytes.saturating_add(begun.bytes));
        if left == 0 || files + begun.uploads >= self.store_files {
            return Err(Problem::new(Code::ContentLimit));
        }
        Ok(if disk.bytes < left { disk } else { Room { bytes: left, beyond: Code::ContentLimit } })
    }
}

/// Content that was taken in whole is promised to a farm: it stays until the farm has it.
///
/// # Errors
/// `content_limit`.
pub async fn promise(door: &Door, by: By, home: HomeIds, sha256: ContentHash, size_bytes: u64) -> Result<(), Failure> {
    let (most_bytes, most_files) = (door.keep.store_bytes, door.keep.store_files);
    let write = move |tx: &mut Tx<'_>| {
        let known = tx.rows().kept(home, &sha256)?;
        if !known.as_ref().is_some_and(|known| known.promised) {
            let (files, bytes) = tx.rows().promised_to(home.store_id)?;
            if files >= most_files || bytes.saturating_add(size_bytes) > most_bytes {
                return Err(Problem::new(Code::ContentLimit).into());
            }
        }
        let now = tx.now();
        tx.put_kept(&Kept { home, sha256, size_bytes, promised: true, since: now, used_at: now })?;
        Ok::<_, Failure>(())
    };
    door.store.write(by, write).await
}
