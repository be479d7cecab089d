//! Content on disk, named by its SHA-256. Written beside, flushed, then renamed: a name never shows half
//! a file.

mod partial;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use domain::file::ContentHash;
use sha2::{Digest, Sha256};
use tokio::fs::File;
use tokio::io::AsyncWriteExt;

use self::partial::Turns;
pub use self::partial::{Partial, Turn};

/// A folder of content.
#[derive(Debug, Clone)]
pub struct Blobs {
    folder: PathBuf,
    turns: Arc<Turns>,
}

/// Content on its way in.
pub struct Incoming {
    path: PathBuf,
    file: File,
    digest: Sha256,
    size: u64,
    kept: bool,
}

impl Blobs {
    /// In that folder; it is made if need be, and what was left half done is removed.
    ///
    /// # Errors
    /// What the file system says.
    pub fn open(folder: &Path) -> std::io::Result<Self> {
        let arriving = folder.join("arriving");
        if arriving.exists() {
            std::fs::remove_dir_all(&arriving)?;
        }
        std::fs::create_dir_all(&arriving)?;
        std::fs::create_dir_all(folder.join(partial::FOLDER))?;
        Ok(Self { folder: folder.to_owned(), turns: Arc::default() })
    }

    /// Where that content is, or would be.
    pub fn path(&self, hash: &ContentHash) -> PathBuf {
        let name = hash.to_string();
        self.folder.join(&name[..2]).join(name)
    }

    /// Where that content is, if it is here.
    pub fn find(&self, hash: &ContentHash) -> Option<PathBuf> {
        Some(self.path(hash)).filter(|path| path.exists())
    }

    /// Begins to take content in, under a name that nobody else uses.
    ///
    /// # Errors
    /// What the file system says.
    pub async fn begin(&self, unique: &str) -> std::io::Result<Incoming> {
        let path = self.folder.join("arriving").join(unique);
        let file = File::create_new(&path).await?;
        Ok(Incoming { path, file, digest: Sha256::new(), size: 0, kept: false })
    }

    /// Content that was put in its place longer ago than that.
    pub fn older_than(&self, age: std::time::Duration) -> Vec<ContentHash> {
        let folders = std::fs::read_dir(&self.folder).into_iter().flatten().flatten();
        let files = folders.flat_map(|folder| std::fs::read_dir(folder.path()).into_iter().flatten().flatten());
        let old = files.filter(|file| {
            let changed = file.metadata().and_then(|data| data.modified());
            changed.is_ok_and(|changed| changed.elapsed().is_ok_and(|since| since > age))
        });
        old.filter_map(|file| ContentHash::try_from(file.file_name().to_string_lossy().into_owned()).ok()).collect()
    }

    /// Removes content.
    ///
    /// # Errors
    /// What the file system says.
    pub fn remove(&self, hash: &ContentHash) -> std::io::Result<()> {
        match std::fs::remove_file(self.path(hash)) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
            result => result,
        }
    }
}

impl Incoming {
    /// Takes in more.
    ///
    /// # Errors
    /// What the file system says.
    pub async fn write(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.digest.update(bytes);
        self.size += bytes.len() as u64;
        self.file.write_all(bytes).await
    }

    /// Bytes so far.
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// The hash of what came so far.
    pub fn hash(&self) -> ContentHash {
        ContentHash::new(self.digest.clone().finalize().into())
    }

    /// Puts the content in its place, durably.
    ///
    /// # Errors
    /// What the file system says.
    pub async fn keep(mut self, blobs: &Blobs) -> std::io::Result<ContentHash> {
        self.file.flush().await?;
        self.file.sync_all().await?;
        let hash = ContentHash::new(std::mem::take(&mut self.digest).finalize().into());
        let path = blobs.path(&hash);
        if let Some(folder) = path.parent() {
            tokio::fs::create_dir_all(folder).await?;
            tokio::fs::rename(&self.path, &path).await?;
            self.kept = true;
            File::open(folder).await?.sync_all().await?;
        }
        Ok(hash)
    }
}

impl Drop for Incoming {
    fn drop(&mut self) {
        if !self.kept {
            // Half a file: whoever sent it has gone. Opening the folder anew removes what stays.
            drop(std::fs::remove_file(&self.path));
        }
    }
}
