//! What a relay keeps of content for its farms: uploads until the farm has them, and copies that save a way.
//! Nothing here is reached by its hash alone: a row says for which farm of which store it lies here.

mod tidy;
mod transfer;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use contract::problem::{Code, Problem};
use domain::actor::{Actor, ActorKind};
use domain::farm::HomeIds;
use domain::file::ContentHash;
use domain::id::{FarmId, StoreId};
use domain::time::Timestamp;
use store::{By, Kept, Store, StoreError, Tx};
use tokio::sync::watch;

pub use self::tidy::{settle, sweep};
pub use self::transfer::{give, take};
use crate::auth::internal;
use crate::disk::Disk;
use crate::door::Door;
use crate::operation::Failure;

/// So long a farm may bring what it was asked for.
const BRINGS_SECONDS: i64 = 3600;
/// The time of a use is written so often at the most.
const USED_SECONDS: i64 = 60;

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
    /// What farms were asked to bring, and until when they may.
    pub wanted: Mutex<BTreeMap<(FarmId, ContentHash), Timestamp>>,
    /// Wakes who waits for that.
    pub came: watch::Sender<()>,
}

impl Default for Keep {
    fn default() -> Self {
        const GIB: u64 = 1024 * 1024 * 1024;
        Self {
            disk: None,
            store_bytes: 8 * GIB,
            store_files: 1000,
            cache_bytes: 2 * GIB,
            wanted: Mutex::default(),
            came: watch::Sender::default(),
        }
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
    fn want(&self, home: HomeIds, sha256: ContentHash, now: Timestamp) {
        let mut wanted = self.wanted.lock().unwrap_or_else(PoisonError::into_inner);
        wanted.retain(|_, until| *until > now);
        wanted.insert((home.farm_id, sha256), now.plus_seconds(BRINGS_SECONDS));
    }

    fn wants(&self, home: HomeIds, sha256: &ContentHash, now: Timestamp) -> bool {
        let wanted = self.wanted.lock().unwrap_or_else(PoisonError::into_inner);
        wanted.get(&(home.farm_id, *sha256)).is_some_and(|until| *until > now)
    }

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

/// Where content lies here for that farm, if it does.
///
/// # Errors
/// What the database says.
pub async fn find(door: &Door, home: HomeIds, sha256: ContentHash) -> Result<Option<PathBuf>, Failure> {
    let Some(kept) = door.store.read(|rows| rows.kept(home, &sha256))? else { return Ok(None) };
    let now = door.now();
    if kept.used_at.plus_seconds(USED_SECONDS) < now {
        let used = move |tx: &mut Tx<'_>| match tx.rows().kept(home, &sha256)? {
            Some(kept) => tx.put_kept(&Kept { used_at: now, ..kept }),
            None => Ok::<_, StoreError>(()),
        };
        door.store.write(relay(now), used).await?;
    }
    Ok(door.blobs.find(&sha256))
}

/// Where content lies here; if it does not, its farm is asked to bring it, and is waited for a little.
///
/// # Errors
/// `farm_offline` at once if it is away; `content_on_its_way` if it takes longer.
pub async fn bring(
    door: &Door,
    home: HomeIds,
    sha256: ContentHash,
    farm_has_it: bool,
    wait_seconds: u64,
) -> Result<Option<PathBuf>, Failure> {
    let mut came = door.keep.came.subscribe();
    if let Some(place) = find(door, home, sha256).await? {
        return Ok(Some(place));
    }
    if !farm_has_it {
        return Ok(None);
    }
    door.keep.want(home, sha256, door.now());
    door.farms.want_content(home, sha256)?;
    let coming = async {
        loop {
            if came.changed().await.is_err() {
                return Ok(None);
            }
            if let Some(place) = find(door, home, sha256).await? {
                return Ok(Some(place));
            }
        }
    };
    match tokio::time::timeout(Duration::from_secs(wait_seconds), coming).await {
        Ok(came) => came,
        Err(_) => Err(Problem::new(Code::ContentOnItsWay).detail("the farm brings the bytes").into()),
    }
}

/// The relay itself writes.
fn relay(now: Timestamp) -> By {
    By::new(Actor::new(ActorKind::Relay, "relay"), now)
}
