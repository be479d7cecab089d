//! Work with a machine's files: FTP with TLS from the first byte, a session for each piece of work. What arrived only in
//! part is removed; whether a file is whole is asked, not believed.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use domain::secret::Secret;
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::archive::{Packing, pack};
use super::talk::{Sent, Talk, Trouble, refused};
use super::trust::Trust;
use super::{BrokerAddress, FileFault};

/// A whole transfer takes at most so long, or at this pace if that is longer.
const AT_LEAST: Duration = Duration::from_secs(600);
const BYTES_A_SECOND: u64 = 25_000;
/// Cleaning up after a failure is not worth more.
const CLEANING: Duration = Duration::from_secs(15);

/// Bytes that go at once; progress is told after each.
const CHUNK_BYTES: usize = 64 * 1024;

/// The file server of one machine.
pub(super) struct FileServer {
    pub address: BrokerAddress,
    pub user: &'static str,
    pub code: Secret<String>,
    pub trust: Trust,
    /// Data connections under TLS were seen to hang there: data goes in the clear, commands never.
    pub clear_data: AtomicBool,
}

/// A file to be brought.
pub(super) struct Upload {
    pub name: String,
    pub place: PathBuf,
    /// Bytes of the content, before it is packed.
    pub bytes: u64,
    pub packing: Packing,
}

impl FileServer {
    /// Brings the file there, unless it is. What arrived only in part is removed.
    pub(super) async fn put(&self, upload: &Upload, progress: impl Fn(u64, u64) + Sync) -> Result<(), FileFault> {
        let packed = packed_size(upload).await?;
        let clear = self.clear_data.load(Ordering::Relaxed);
        let mut outcome = self.put_once(upload, packed, clear, &progress).await;
        if let Err(Trouble::NoPrivateData(_)) = &outcome
            && !clear
        {
            tracing::info!(address = %self.address, "its data connections do not work under TLS: the file itself goes in the clear");
            let again = self.put_once(upload, packed, true, &progress).await;
            if again.is_ok() {
                self.clear_data.store(true, Ordering::Relaxed);
                outcome = again;
            }
        }
        outcome.map_err(Trouble::into_fault)
    }

    async fn put_once(
        &self,
        upload: &Upload,
        packed: u64,
        clear: bool,
        progress: &(impl Fn(u64, u64) + Sync),
    ) -> Result<(), Trouble> {
        let mut talk = Talk::open(self).await?;
        talk.protect(clear).await?;
        if talk.size(&upload.name).await? == Some(packed) {
            talk.quit().await;
            return Ok(());
        }
        let longest = AT_LEAST.max(Duration::from_secs(packed / BYTES_A_SECOND));
        let sent = timeout(longest, talk.store(upload, packed, progress)).await.unwrap_or(Err(Sent::Begun(FileFault::Silent)));
        let fault = match sent {
            Ok(()) => match talk.size(&upload.name).await {
                Ok(Some(there)) if there != packed => FileFault::NotWhole { sent: packed, there },
                // One that does not tell has said that it has it.
                Ok(_) | Err(_) => {
                    talk.quit().await;
                    return Ok(());
                }
            },
            Err(Sent::Not(trouble)) => return Err(trouble),
            Err(Sent::All(fault)) => {
                drop(talk);
                match timeout(CLEANING, self.size(&upload.name)).await {
                    Ok(Ok(Some(there))) if there == packed => return Ok(()),
                    Ok(Ok(Some(there))) => FileFault::NotWhole { sent: packed, there },
                    Ok(Ok(None) | Err(_)) | Err(_) => fault,
                }
            }
            Err(Sent::Begun(fault)) => {
                drop(talk);
                fault
            }
        };
        // Whether it works or not: the next try compares the size again.
        let _ = timeout(CLEANING, self.remove(std::slice::from_ref(&upload.name))).await;
        Err(fault.into())
    }

    async fn size(&self, name: &str) -> Result<Option<u64>, FileFault> {
        let mut talk = Talk::open(self).await?;
        let size = talk.size(name).await?;
        talk.quit().await;
        Ok(size)
    }

    /// The names of all files.
    pub(super) async fn list(&self) -> Result<Vec<String>, FileFault> {
        let clear = self.clear_data.load(Ordering::Relaxed);
        let mut talk = Talk::open(self).await?;
        talk.protect(clear).await.map_err(Trouble::into_fault)?;
        let names = talk.list().await.map_err(Trouble::into_fault)?;
        talk.quit().await;
        Ok(names)
    }

    /// Removes those files; one that is not there is fine.
    pub(super) async fn remove(&self, names: &[String]) -> Result<(), FileFault> {
        let mut talk = Talk::open(self).await?;
        for name in names {
            let reply = talk.ask(&format!("DELE {name}")).await?;
            if reply.code >= 400 && reply.code != 550 {
                return Err(refused(reply));
            }
        }
        talk.quit().await;
        Ok(())
    }
}

/// How many bytes it becomes.
async fn packed_size(upload: &Upload) -> Result<u64, FileFault> {
    let here = tokio::fs::metadata(&upload.place).await.map_err(|_| FileFault::ContentMissing)?.len();
    if here != upload.bytes {
        return Err(FileFault::ContentMissing);
    }
    let mut packed = 0;
    let mut chunks = packed_chunks(upload.place.clone(), upload.packing.clone());
    while let Some(chunk) = chunks.recv().await {
        packed += u64::try_from(chunk.map_err(|_| FileFault::ContentMissing)?.len()).unwrap_or(u64::MAX);
    }
    Ok(packed)
}

/// The packed file, piece by piece, as a thread of its own makes it. Ends when nobody takes them any more.
pub(super) fn packed_chunks(place: PathBuf, packing: Packing) -> mpsc::Receiver<std::io::Result<Bytes>> {
    let (give, chunks) = mpsc::channel(4);
    tokio::task::spawn_blocking(move || {
        if let Err(error) = give_chunks(&place, &packing, &give) {
            // Nobody takes it: it was given up.
            let _ = give.blocking_send(Err(error));
        }
    });
    chunks
}

fn give_chunks(place: &Path, packing: &Packing, give: &mpsc::Sender<std::io::Result<Bytes>>) -> std::io::Result<()> {
    let nobody = || std::io::Error::from(std::io::ErrorKind::BrokenPipe);
    let mut chunk = Vec::with_capacity(CHUNK_BYTES);
    pack(std::fs::File::open(place)?, packing, |bytes| {
        for piece in bytes.chunks(CHUNK_BYTES) {
            if chunk.len() + piece.len() > CHUNK_BYTES {
                let full = std::mem::replace(&mut chunk, Vec::with_capacity(CHUNK_BYTES));
                give.blocking_send(Ok(Bytes::from(full))).map_err(|_| nobody())?;
            }
            chunk.extend_from_slice(piece);
        }
        Ok(())
    })?;
    give.blocking_send(Ok(Bytes::from(chunk))).map_err(|_| nobody())
}
