//! The disk that a door writes to.

use std::path::{Path, PathBuf};

/// A folder's disk, with a reserve that new work leaves alone.
#[derive(Debug)]
pub struct Disk {
    folder: PathBuf,
    reserve: u64,
}

impl Disk {
    /// The disk of that folder. Below the reserve, in bytes, new work is refused, so that facts still fit.
    pub fn new(folder: &Path, reserve: u64) -> Self {
        Self { folder: folder.to_owned(), reserve }
    }

    /// Bytes left above the reserve; none = full.
    pub fn room(&self) -> Option<u64> {
        // What cannot be asked is not known to be full.
        let free = fs4::available_space(&self.folder).unwrap_or(u64::MAX);
        free.checked_sub(self.reserve)
    }
}
