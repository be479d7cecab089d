//! The server's upload folder with what OctoPrint remembers of each file. It is all that survives
//! a power cut. Knows nothing of the printer.

use super::wire::quote;
use crate::gcode::{self, Hints};
use bytes::Bytes;
use domain::time::Timestamp;
use serde_json::{Value, json};
use sha1::{Digest, Sha1};
use std::collections::{BTreeMap, BTreeSet};

#[derive(Debug, Default)]
pub(super) struct Disk {
    files: BTreeMap<String, StoredFile>,
    folders: BTreeSet<String>,
}

#[derive(Debug, Clone)]
pub(super) struct StoredFile {
    pub bytes: Bytes,
    pub date: Timestamp,
    pub hints: Hints,
    pub userdata: Option<Value>,
    user: String,
    hash: String,
    prints: Vec<Printed>,
}

#[derive(Debug, Clone)]
struct Printed {
    at: Timestamp,
    /// How long it took; only a completed print leaves that behind.
    seconds: Option<f64>,
}

impl StoredFile {
    pub(super) fn size(&self) -> u64 {
        self.bytes.len() as u64
    }

    pub(super) fn last_seconds(&self) -> Option<f64> {
        self.prints.iter().rev().find_map(|print| print.seconds)
    }

    pub(super) fn average_seconds(&self) -> Option<f64> {
        let times: Vec<f64> = self.prints.iter().filter_map(|print| print.seconds).collect();
        (!times.is_empty()).then(|| times.iter().sum::<f64>() / times.len() as f64)
    }
}

impl Disk {
    pub(super) fn file(&self, path: &str) -> Option<&StoredFile> {
        self.files.get(path)
    }

    pub(super) fn has_folder(&self, path: &str) -> bool {
        self.folders.contains(path)
    }

    pub(super) fn used(&self) -> u64 {
        self.files.values().map(StoredFile::size).sum()
    }

    /// Writes a file and the folders above it. What was known of an older file of that name is gone.
    pub(super) fn put(&mut self, path: &str, bytes: Bytes, user: &str, now: Timestamp) {
        let digest = Sha1::digest(&bytes);
        let file = StoredFile {
            hints: gcode::read(&bytes),
            hash: digest.iter().map(|byte| format!("{byte:02x}")).collect(),
            bytes,
            date: now,
            userdata: None,
            user: user.to_owned(),
            prints: Vec::new(),
        };
        self.add_folder(split(path).0);
        self.files.insert(path.to_owned(), file);
    }

    pub(super) fn set_userdata(&mut self, path: &str, userdata: Value) {
        if let Some(file) = self.files.get_mut(path) {
            file.userdata = Some(userdata);
        }
    }

    pub(super) fn add_folder(&mut self, path: &str) {
        let mut whole = String::new();
        for name in path.split('/').filter(|name| !name.is_empty()) {
            if !whole.is_empty() {
                whole.push('/');
            }
            whole.push_str(name);
            self.folders.insert(whole.clone());
        }
    }

    /// Copies a file or a folder. The copy inherits date and print history, as on a real server.
    pub(super) fn copy(&mut self, from: &str, to: &str) {
        let renamed = |path: &String| rest_of(path, from).map(|rest| format!("{to}{rest}"));
        let files: Vec<_> = self.files.iter().filter_map(|(path, file)| Some((renamed(path)?, file.clone()))).collect();
        let folders: Vec<_> = self.folders.iter().filter_map(renamed).collect();
        self.files.extend(files);
        self.folders.extend(folders);
    }

    pub(super) fn remove(&mut self, path: &str) {
        self.files.retain(|other, _| rest_of(other, path).is_none());
        self.folders.retain(|other| rest_of(other, path).is_none());
    }

    pub(super) fn log_print(&mut self, path: &str, at: Timestamp, seconds: Option<f64>) {
        if let Some(file) = self.files.get_mut(path) {
            file.prints.push(Printed { at, seconds });
        }
    }

    pub(super) fn list(&self, folder: &str, recursive: bool, base: &str) -> Vec<Value> {
        let here = |path: &str| split(path).0 == folder;
        let folders = self.folders.iter().filter(|path| here(path)).filter_map(|path| self.describe(path, recursive, base));
        let files = self.files.keys().filter(|path| here(path)).filter_map(|path| self.describe(path, recursive, base));
        folders.chain(files).collect()
    }

    pub(super) fn describe(&self, path: &str, recursive: bool, base: &str) -> Option<Value> {
        match self.files.get(path) {
            Some(file) => Some(describe_file(path, file, base)),
            None => self.has_folder(path).then(|| self.describe_folder(path, recursive, base)),
        }
    }

    fn describe_folder(&self, path: &str, recursive: bool, base: &str) -> Value {
        let name = split(path).1;
        let inside = || self.files.iter().filter(|(file, _)| rest_of(file, path).is_some());
        let prints = || inside().flat_map(|(_, file)| &file.prints);
        let date = inside().map(|(_, file)| file.date.millis() / 1000).max();
        let children = if recursive { self.list(path, true, base) } else { Vec::new() };
        json!({
            "children": children,
            "date": date,
            "display": name,
            "name": name,
            "origin": "local",
            "path": path,
            "prints": {
                "failure": prints().filter(|print| print.seconds.is_none()).count(),
                "success": prints().filter(|print| print.seconds.is_some()).count(),
            },
            "refs": { "resource": resource(base, path) },
            "size": inside().map(|(_, file)| file.size()).sum::<u64>(),
            "type": "folder",
            "typePath": ["folder"],
        })
    }
}

fn describe_file(path: &str, file: &StoredFile, base: &str) -> Value {
    let name = split(path).1;
    let mut json = json!({
        "date": file.date.millis() / 1000,
        "display": name,
        "hash": file.hash,
        "name": name,
        "origin": "local",
        "path": path,
        "refs": refs(base, path),
        "size": file.size(),
        "type": "machinecode",
        "typePath": ["machinecode", "gcode"],
        "user": file.user,
    });
    if let Some(seconds) = file.hints.seconds {
        json["gcodeAnalysis"] = json!({
            "estimatedPrintTime": seconds as f64,
            "filament": filament(&file.hints),
        });
    }
    if let Some(userdata) = &file.userdata {
        json["userdata"] = userdata.clone();
    }
    if let Some(last) = file.prints.last() {
        let success = file.prints.iter().filter(|print| print.seconds.is_some()).count();
        let mut told = json!({
            "date": last.at.millis() as f64 / 1000.0,
            "success": last.seconds.is_some(),
        });
        if let Some(seconds) = last.seconds {
            told["printTime"] = json!(seconds);
        }
        json["prints"] = json!({
            "failure": file.prints.len() - success,
            "last": told,
            "success": success,
        });
        let per_profile = |seconds: Option<f64>| match seconds {
            Some(seconds) => json!({ "_default": seconds }),
            None => json!({}),
        };
        json["statistics"] = json!({
            "averagePrintTime": per_profile(file.average_seconds()),
            "lastPrintTime": per_profile(file.last_seconds()),
        });
    }
    json
}

pub(super) fn filament(hints: &Hints) -> Value {
    match hints.filament_mm {
        Some(length) => json!({ "tool0": { "length": length, "volume": length * 2.405 / 1000.0 } }),
        None => Value::Null,
    }
}

pub(super) fn resource(base: &str, path: &str) -> String {
    format!("{base}/api/files/local/{}", quote(path, "!$&'()*+,;=:@"))
}

pub(super) fn refs(base: &str, path: &str) -> Value {
    json!({
        "download": format!("{base}/downloads/files/local/{}", quote(path, "")),
        "resource": resource(base, path),
    })
}

/// Folder and name.
pub(super) fn split(path: &str) -> (&str, &str) {
    path.rsplit_once('/').unwrap_or(("", path))
}

pub(super) fn join(folder: &str, name: &str) -> String {
    if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") }
}

/// Whether `path` is `ancestor` or lies in it, and if so what follows.
pub(super) fn rest_of<'p>(path: &'p str, ancestor: &str) -> Option<&'p str> {
    let rest = path.strip_prefix(ancestor)?;
    (rest.is_empty() || rest.starts_with('/')).then_some(rest)
}

/// The name under which OctoPrint stores a file; none if it refuses the name.
pub(super) fn sanitise_name(name: &str) -> Option<String> {
    const DROPPED: &str = ";|&?$*<>:\"";
    const RESERVED: [&str; 4] = ["con", "prn", "aux", "nul"];
    if name.contains(['/', '\\']) {
        return None;
    }
    let kept: String = name.chars().filter(|c| !c.is_control() && !DROPPED.contains(*c)).collect();
    let kept = kept.trim().trim_end_matches('.').trim_start_matches('.');
    let (stem, extension) = match kept.split_once('.') {
        Some((stem, extension)) => (stem, format!(".{extension}")),
        None => (kept, String::new()),
    };
    let reserved = RESERVED.contains(&stem.to_ascii_lowercase().as_str());
    let mark = if reserved { "_" } else { "" };
    Some(format!("{stem}{mark}{extension}"))
}

/// The folder under which OctoPrint stores; none if it lies outside of the uploads.
pub(super) fn sanitise_folder(path: &str) -> Option<String> {
    let mut folder = String::new();
    for name in path.split('/').filter(|name| !name.is_empty() && *name != ".") {
        if name == ".." {
            return None;
        }
        folder = join(&folder, &sanitise_name(name)?);
    }
    Some(folder)
}

pub(super) fn is_gcode(path: &str) -> bool {
    let extension = path.rsplit_once('.').map(|(_, extension)| extension.to_ascii_lowercase());
    extension.is_some_and(|e| matches!(e.as_str(), "gcode" | "gco" | "g"))
}
