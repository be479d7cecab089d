//! The card in the printer: folders and files by their whole path. It is all that survives a power cut, half an upload included.

use bytes::{Bytes, BytesMut};
use std::collections::{BTreeMap, BTreeSet};

/// What a printer makes on a new card.
const FOLDERS: [&str; 5] = ["/cache", "/image", "/ipcam", "/logger", "/timelapse"];

#[derive(Debug)]
pub(super) struct Card {
    bytes: u64,
    files: BTreeMap<String, BytesMut>,
    folders: BTreeSet<String>,
}

/// The bytes do not fit.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Full;

impl Card {
    pub(super) fn new(bytes: u64) -> Self {
        Self { bytes, files: BTreeMap::new(), folders: FOLDERS.map(str::to_owned).into() }
    }

    pub(super) fn has_folder(&self, path: &str) -> bool {
        path == "/" || self.folders.contains(path)
    }

    pub(super) fn size(&self, path: &str) -> Option<u64> {
        self.files.get(path).map(|content| content.len() as u64)
    }

    pub(super) fn read(&self, path: &str) -> Option<Bytes> {
        self.files.get(path).map(|content| Bytes::copy_from_slice(content))
    }

    /// An empty file, whatever was there.
    pub(super) fn create(&mut self, path: &str) {
        self.files.insert(path.to_owned(), BytesMut::new());
    }

    pub(super) fn append(&mut self, path: &str, bytes: &[u8]) -> Result<(), Full> {
        let used: u64 = self.files.values().map(|content| content.len() as u64).sum();
        if used + bytes.len() as u64 > self.bytes {
            return Err(Full);
        }
        self.files.entry(path.to_owned()).or_default().extend_from_slice(bytes);
        Ok(())
    }

    pub(super) fn make_folder(&mut self, path: &str) -> bool {
        !self.files.contains_key(path) && path != "/" && self.folders.insert(path.to_owned())
    }

    pub(super) fn remove_folder(&mut self, path: &str) -> bool {
        self.list(path).is_some_and(|inside| inside.is_empty()) && self.folders.remove(path)
    }

    pub(super) fn remove(&mut self, path: &str) -> bool {
        self.files.remove(path).is_some()
    }

    pub(super) fn rename(&mut self, from: &str, to: &str) -> bool {
        let Some(content) = self.files.remove(from) else { return false };
        self.files.insert(to.to_owned(), content);
        true
    }

    /// Names in a folder with their sizes; none for folders.
    pub(super) fn list(&self, folder: &str) -> Option<BTreeMap<&str, Option<u64>>> {
        if !self.has_folder(folder) {
            return None;
        }
        let inside = |path: &str| parent(path) == folder;
        let files = self.files.iter().filter(|(path, _)| inside(path)).map(|(path, content)| (path, Some(content.len() as u64)));
        let folders = self.folders.iter().filter(|path| inside(path)).map(|path| (path, None));
        Some(files.chain(folders).map(|(path, size)| (name(path), size)).collect())
    }
}

/// The folder that a path lies in.
pub(super) fn parent(path: &str) -> &str {
    match path.rsplit_once('/') {
        Some(("", _)) | None => "/",
        Some((folder, _)) => folder,
    }
}

pub(super) fn name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// A path as it is meant in a folder: absolute, without dots and double slashes.
pub(super) fn resolve(folder: &str, path: &str) -> String {
    let from = if path.starts_with('/') { "" } else { folder };
    let mut parts: Vec<&str> = Vec::new();
    for part in from.split('/').chain(path.split('/')) {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    format!("/{}", parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_meant_in_its_folder_and_never_leaves_the_card() {
        assert_eq!(resolve("/cache", "a.3mf"), "/cache/a.3mf");
        assert_eq!(resolve("/cache", "/a//b.3mf"), "/a/b.3mf");
        assert_eq!(resolve("/cache", "../../../x"), "/x");
        assert_eq!((parent("/a"), parent("/a/b"), name("/a/b")), ("/", "/a", "b"));
    }

    #[test]
    fn a_card_has_an_end_and_a_folder_with_something_in_it_stays() {
        let mut card = Card::new(10);
        card.create("/cache/a");
        assert_eq!(card.append("/cache/a", b"0123456789"), Ok(()));
        assert_eq!(card.append("/cache/b", b"+"), Err(Full));
        assert!(!card.remove_folder("/cache"));
        assert!(card.remove("/cache/a") && card.remove_folder("/cache"));
    }
}
