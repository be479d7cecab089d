//! The folder of G-code files. It survives a power cut. Knows nothing of the printer.

use crate::gcode::{self, Hints};
use bytes::Bytes;
use domain::time::Timestamp;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

const FOLDER_BYTES: u64 = 4096;

#[derive(Debug, Default)]
pub(super) struct Disk {
    files: BTreeMap<String, StoredFile>,
    folders: BTreeSet<String>,
}

#[derive(Debug, Clone)]
pub(super) struct StoredFile {
    pub bytes: Bytes,
    pub modified: Timestamp,
    pub hints: Hints,
}

impl StoredFile {
    pub(super) fn size(&self) -> u64 {
        self.bytes.len() as u64
    }
}

impl Disk {
    pub(super) fn file(&self, path: &str) -> Option<&StoredFile> {
        self.files.get(path)
    }

    pub(super) fn has_folder(&self, path: &str) -> bool {
        path.is_empty() || self.folders.contains(path)
    }

    pub(super) fn used(&self) -> u64 {
        self.files.values().map(StoredFile::size).sum()
    }

    /// Writes a file and the folder above it. Whether that folder is new.
    pub(super) fn put(&mut self, path: &str, bytes: Bytes, now: Timestamp) -> bool {
        let hints = gcode::read(&bytes);
        self.files.insert(path.to_owned(), StoredFile { bytes, modified: now, hints });
        let folder = split(path).0;
        !self.has_folder(folder) && self.add_folder(folder)
    }

    /// Whether it is new.
    pub(super) fn add_folder(&mut self, path: &str) -> bool {
        self.folders.insert(path.to_owned())
    }

    /// The copy inherits the date, as on a real server.
    pub(super) fn copy(&mut self, from: &str, to: &str) {
        if let Some(file) = self.files.get(from).cloned() {
            self.files.insert(to.to_owned(), file);
        }
    }

    pub(super) fn remove(&mut self, path: &str) {
        self.files.remove(path);
    }

    /// What lies in a folder: its folders and its files.
    pub(super) fn list(&self, folder: &str) -> (Vec<Value>, Vec<Value>) {
        let here = |path: &&String| split(path).0 == folder && !path.is_empty();
        let dirs = self
            .folders
            .iter()
            .filter(here)
            .map(|path| json!({ "dirname": split(path).1, "modified": 0.0, "permissions": "rw", "size": FOLDER_BYTES }));
        let files = self.files.iter().filter(|(path, _)| split(path).0 == folder).map(|(path, file)| {
            json!({ "filename": split(path).1, "modified": seconds(file.modified), "permissions": "rw", "size": file.size() })
        });
        (dirs.collect(), files.collect())
    }

    /// How Moonraker names a file or a folder in what it tells of it.
    pub(super) fn item(&self, path: &str) -> Value {
        let file = self.files.get(path);
        let size = file.map_or(FOLDER_BYTES, StoredFile::size);
        let modified = file.map_or(0.0, |file| seconds(file.modified));
        json!({ "modified": modified, "path": path, "permissions": "rw", "root": "gcodes", "size": size })
    }
}

pub(super) fn seconds(at: Timestamp) -> f64 {
    at.millis() as f64 / 1000.0
}

/// Folder and name.
pub(super) fn split(path: &str) -> (&str, &str) {
    path.rsplit_once('/').unwrap_or(("", path))
}
