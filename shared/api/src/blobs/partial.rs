//! Content that comes in pieces, also over restarts. One hand at a time: who comes later is served, for the
//! earlier one is mostly a line that broke and has not noticed yet.

use std::collections::BTreeMap;
use std::io::{ErrorKind, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use domain::file::ContentHash;
use domain::sliced::{FileName, Sliced};
use files::{Reader, Refusal};
use sha2::{Digest, Sha256};
use tokio::fs::File;
use tokio::io::{AsyncReadExt, AsyncSeekExt, AsyncWriteExt};
use tokio::sync::{OwnedMutexGuard, watch};

use super::Blobs;

/// Where it lies until it is whole.
pub(super) const FOLDER: &str = "partial";
/// How long the earlier hand may take to let go.
const LET_GO: Duration = Duration::from_secs(10);
/// Bytes read at once.
const PIECE: usize = 256 * 1024;

/// Who has which partial content in hand.
#[derive(Debug, Default)]
pub(super) struct Turns(Mutex<BTreeMap<String, Weak<Seat>>>);

#[derive(Debug)]
struct Seat {
    lock: Arc<tokio::sync::Mutex<()>>,
    asked: watch::Sender<()>,
}

/// The right to touch one partial content.
#[derive(Debug)]
pub struct Turn {
    name: String,
    asked: watch::Receiver<()>,
    _held: OwnedMutexGuard<()>,
    _seat: Arc<Seat>,
}

impl Turn {
    /// Until somebody else wants it.
    pub async fn asked_away(&mut self) {
        // The seat is held, so its sender lives.
        drop(self.asked.changed().await);
    }
}

/// Partial content, open at its end.
#[derive(Debug)]
pub struct Partial {
    file: File,
    size: u64,
}

impl Partial {
    /// Takes in more.
    ///
    /// # Errors
    /// What the file system says.
    pub async fn write(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.file.write_all(bytes).await?;
        self.size += bytes.len() as u64;
        Ok(())
    }

    /// Bytes so far.
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// Makes durable what came.
    ///
    /// # Errors
    /// What the file system says.
    pub async fn sync(&mut self) -> std::io::Result<()> {
        self.file.flush().await?;
        self.file.sync_data().await
    }
}

/// What whole content turned out to be.
#[derive(Debug)]
pub struct Examined {
    /// Its hash.
    pub sha256: ContentHash,
    /// Bytes.
    pub size: u64,
    /// What is in it.
    pub sliced: Result<Sliced, Refusal>,
}

impl Blobs {
    fn partial(&self, name: &str) -> PathBuf {
        self.folder.join(FOLDER).join(name)
    }

    /// A turn at the partial content of that name. None if the one who has it does not let go in time.
    pub async fn turn(&self, name: &str) -> Option<Turn> {
        let seat = {
            let mut seats = self.turns.0.lock().unwrap_or_else(PoisonError::into_inner);
            seats.retain(|_, seat| seat.strong_count() > 0);
            let known = seats.get(name).and_then(Weak::upgrade);
            let seat = known.unwrap_or_else(|| Arc::new(Seat { lock: Arc::default(), asked: watch::channel(()).0 }));
            seats.insert(name.to_owned(), Arc::downgrade(&seat));
            seat
        };
        seat.asked.send_replace(());
        // From here on: whoever comes after this one asks it away.
        let asked = seat.asked.subscribe();
        let held = tokio::time::timeout(LET_GO, Arc::clone(&seat.lock).lock_owned()).await.ok()?;
        Some(Turn { name: name.to_owned(), asked, _held: held, _seat: seat })
    }

    /// Bytes of the partial content of that name; 0 if there is none.
    pub fn partial_size(&self, name: &str) -> u64 {
        std::fs::metadata(self.partial(name)).map_or(0, |data| data.len())
    }

    /// Opens partial content behind its first bytes; what stands after them is cut off.
    ///
    /// # Errors
    /// What the file system says; that it is shorter.
    pub async fn resume(&self, turn: &Turn, at: u64) -> std::io::Result<Partial> {
        let mut file = File::options().create(true).truncate(false).write(true).open(self.partial(&turn.name)).await?;
        if file.metadata().await?.len() < at {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        file.set_len(at).await?;
        file.seek(SeekFrom::Start(at)).await?;
        Ok(Partial { file, size: at })
    }

    /// Reads partial content from its beginning to its end.
    ///
    /// # Errors
    /// What the file system says.
    pub async fn examine(&self, turn: &Turn, name: FileName) -> std::io::Result<Examined> {
        examine(&self.partial(&turn.name), name).await
    }

    /// Puts whole content in its place, durably. It also stays where it was until [`Blobs::drop_partial`], so that a
    /// crash before it is written down anywhere costs nothing.
    ///
    /// # Errors
    /// What the file system says.
    pub async fn keep_partial(&self, turn: &Turn, sha256: &ContentHash) -> std::io::Result<()> {
        let (from, to) = (self.partial(&turn.name), self.path(sha256));
        File::open(&from).await?.sync_all().await?;
        let Some(folder) = to.parent() else { return Err(ErrorKind::InvalidInput.into()) };
        tokio::fs::create_dir_all(folder).await?;
        // A second name that takes the place at once, also of the same content that came before: that one may be old
        // enough to be tidied away.
        let second = self.partial(&format!("{}.whole", turn.name));
        drop(tokio::fs::remove_file(&second).await);
        match tokio::fs::hard_link(&from, &second).await {
            Ok(()) => tokio::fs::rename(&second, &to).await?,
            // Some file systems have no links.
            Err(_) => tokio::fs::rename(&from, &to).await?,
        }
        File::open(folder).await?.sync_all().await
    }

    /// Removes partial content.
    pub fn drop_partial(&self, name: &str) {
        // If it stays, the next tidying removes it.
        drop(std::fs::remove_file(self.partial(name)));
    }

    /// The names of all partial content.
    pub fn partials(&self) -> Vec<String> {
        let files = std::fs::read_dir(self.folder.join(FOLDER)).into_iter().flatten().flatten();
        files.filter_map(|file| file.file_name().into_string().ok()).collect()
    }
}

async fn examine(path: &Path, name: FileName) -> std::io::Result<Examined> {
    let mut source = File::open(path).await?;
    let (mut digest, mut reader, mut size) = (Sha256::new(), Reader::new(name), 0);
    let mut piece = vec![0; PIECE];
    loop {
        let read = source.read(&mut piece).await?;
        let Some(bytes) = piece.get(..read).filter(|bytes| !bytes.is_empty()) else { break };
        size += read as u64;
        digest.update(bytes);
        reader.feed(bytes);
    }
    Ok(Examined { sha256: ContentHash::new(digest.finalize().into()), size, sliced: reader.finish() })
}
