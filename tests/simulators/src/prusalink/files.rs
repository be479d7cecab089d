//! The storage and its routes: looking, putting, removing, starting.

use super::core::Core;
use super::machine::Print;
use super::rest::Request;
use super::settings::Form;
use super::wire::{self, Refusal, Reply, json_reply, no_content, ok};
use crate::gcode::{self, Hints};
use bytes::Bytes;
use domain::time::Timestamp;
use http::{HeaderMap, Method};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// What lies on the storage; survives a power cut.
#[derive(Debug, Default)]
pub(super) struct Disk {
    files: BTreeMap<String, File>,
    /// The drive was pulled out of the printer.
    pub is_pulled: bool,
}

#[derive(Debug)]
struct File {
    bytes: Bytes,
    hints: Hints,
    seconds: i64,
}

impl Disk {
    fn used(&self) -> u64 {
        self.files.values().map(|file| file.bytes.len() as u64).sum()
    }

    fn put(&mut self, path: &str, bytes: Bytes, now: Timestamp) {
        let hints = gcode::read(&bytes);
        self.files.insert(path.to_owned(), File { bytes, hints, seconds: now.millis() / 1000 });
    }

    /// Names right under a folder, files and folders; none if there is no such folder.
    fn list(&self, folder: &str) -> Option<BTreeMap<String, Option<&File>>> {
        let prefix = if folder.is_empty() { String::new() } else { format!("{folder}/") };
        let mut names = BTreeMap::new();
        for (path, file) in &self.files {
            let Some(rest) = path.strip_prefix(&prefix) else { continue };
            match rest.split_once('/') {
                Some((inner, _)) => names.entry(inner.to_owned()).or_insert(None),
                None => names.entry(rest.to_owned()).or_insert(Some(file)),
            };
        }
        (folder.is_empty() || !names.is_empty()).then_some(names)
    }
}

impl Core {
    /// The free room, as far as the server tells it.
    pub(super) fn free_bytes(&self) -> u64 {
        if self.faults.disk_full { 0 } else { self.settings.disk_bytes.saturating_sub(self.disk.used()) }
    }

    /// The print of a file; none if it is not there.
    pub(super) fn print_of(&self, path: &str) -> Option<Print> {
        let file = self.disk.files.get(path).filter(|_| !self.disk.is_pulled)?;
        let life_ms = file.hints.seconds.map_or(self.settings.default_print_ms, |seconds| seconds * 1000);
        Some(Print {
            path: path.to_owned(),
            size: file.bytes.len() as u64,
            print_ms: self.print_ms(life_ms),
            nozzle: file.hints.nozzle,
            bed: file.hints.bed,
        })
    }

    /// The print of a file that a person brought.
    pub(super) fn foreign_print(&self, path: String) -> Print {
        Print { path, size: 1 << 20, print_ms: self.print_ms(self.settings.default_print_ms), nozzle: 210.0, bed: 60.0 }
    }

    pub(super) fn file_time(&self, path: &str) -> i64 {
        self.disk.files.get(path).map_or(0, |file| file.seconds)
    }
}

/// The answer to a path under `/api/v1/files`.
pub(super) fn answer(core: &mut Core, now: Timestamp, at: &str, request: &Request) -> Reply {
    let (form, headers) = (core.settings.form, request.headers());
    let (storage, path) = at.trim_start_matches('/').split_once('/').unwrap_or((at.trim_start_matches('/'), ""));
    let path = path.trim_end_matches('/');
    match (form, storage) {
        (Form::Printer, "usb") | (Form::Pi, "local") => {}
        (Form::Pi, "sdcard") if request.method() == Method::PUT || request.method() == Method::DELETE => {
            return wire::LOCKED.reply(form, headers);
        }
        (Form::Printer, _) => return wire::FORBIDDEN.reply(form, headers),
        (Form::Pi, "sdcard") => return wire::NO_FILE.reply(form, headers),
        (Form::Pi, _) => return wire::NO_STORAGE.reply(form, headers),
    }
    let result = match *request.method() {
        Method::GET => look(core, path),
        Method::PUT => put(core, now, path, headers, request.body()),
        Method::POST => start(core, now, path),
        Method::DELETE => remove(core, path),
        _ => Err(wire::NOT_ALLOWED),
    };
    result.unwrap_or_else(|refusal| refusal.reply(form, headers))
}

fn look(core: &Core, path: &str) -> Result<Reply, Refusal> {
    let missing = match core.settings.form {
        Form::Printer => wire::NOT_FOUND,
        Form::Pi => wire::NO_FILE,
    };
    if core.disk.is_pulled {
        return if path.is_empty() { Ok(ok(&core.folder("usb", BTreeMap::new()))) } else { Err(missing) };
    }
    if let Some(file) = core.disk.files.get(path) {
        return Ok(ok(&core.file(path, file, true)));
    }
    let names = core.disk.list(path).ok_or(missing)?;
    Ok(ok(&core.folder(path, names)))
}

fn put(core: &mut Core, now: Timestamp, path: &str, headers: &HeaderMap, body: &Bytes) -> Result<Reply, Refusal> {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let (form, name) = (core.settings.form, path.rsplit('/').next().unwrap_or_default());
    let (yes, is_there) = (|name: &str| header(name) == "?1", core.disk.files.contains_key(path));
    let known_end = [".gcode", ".gco", ".g"].iter().any(|end| name.ends_with(end));
    let known_end = known_end || form == Form::Printer && name.ends_with(".bgcode");
    match form {
        _ if header("content-length").is_empty() => return Err(wire::NO_LENGTH),
        Form::Printer if body.is_empty() => return Err(wire::EMPTY),
        Form::Printer if core.disk.is_pulled => return Err(wire::NO_DRIVE),
        Form::Printer if !known_end => return Err(wire::NO_GCODE),
        Form::Pi if !header("content-type").starts_with("text/x.gcode") => return Err(wire::WRONG_TYPE),
        Form::Pi if body.is_empty() => return Err(wire::NO_LENGTH),
        Form::Printer | Form::Pi => {}
    }
    if is_there && !yes("overwrite") {
        return Err(wire::EXISTS);
    }
    if core.is_printed(path) {
        return Err(if form == Form::Pi { wire::PRINTED } else { wire::BUSY });
    }
    if core.free_bytes() < body.len() as u64 {
        return Err(if form == Form::Pi { wire::BROKEN } else { wire::FULL });
    }
    if let Some(status) = core.faults.refuse_uploads {
        return Err(Refusal { status, ..wire::CONFLICT });
    }
    core.disk.put(path, body.clone(), now);
    core.counters.uploads += 1;
    core.counters.upload_bytes += body.len() as u64;
    if let Some(status) = core.faults.refuse_stored {
        return Err(Refusal { status, ..wire::CANNOT_PRINT });
    }
    if yes("print-after-upload") {
        // The file is there all the same.
        start(core, now, path).map_err(|refusal| if form == Form::Pi { refusal } else { wire::CANNOT_PRINT })?;
    }
    Ok(match form {
        Form::Printer => {
            json_reply(201, &look(core, path).map_or(Value::Null, |_| json!({ "name": name, "display_name": name })))
        }
        Form::Pi => wire::text(201, String::new()),
    })
}

fn start(core: &mut Core, now: Timestamp, path: &str) -> Result<Reply, Refusal> {
    let form = core.settings.form;
    let refused = if form == Form::Pi { wire::NOT_IN_STATE } else { wire::CONFLICT };
    // A Raspberry Pi looks at the printer first.
    if form == Form::Pi && !core.machine.may_start() {
        return Err(refused);
    }
    let print = core.print_of(path).ok_or(if form == Form::Pi { wire::NO_FILE } else { wire::NOT_FOUND })?;
    if !core.machine.may_start() {
        return Err(refused);
    }
    if let Some(status) = core.faults.refuse_starts {
        return Err(Refusal { status, ..refused });
    }
    core.accept_start(now, print);
    Ok(no_content())
}

fn remove(core: &mut Core, path: &str) -> Result<Reply, Refusal> {
    let form = core.settings.form;
    if core.disk.is_pulled || !core.disk.files.contains_key(path) {
        return Err(if form == Form::Pi { wire::NO_FILE } else { wire::NOT_FOUND });
    }
    if core.is_printed(path) {
        return Err(if form == Form::Pi { wire::PRINTED } else { wire::BUSY });
    }
    core.disk.files.remove(path);
    Ok(no_content())
}

impl Core {
    fn is_printed(&self, path: &str) -> bool {
        self.machine.print().is_some_and(|print| print.path == path)
    }

    fn folder(&self, path: &str, names: BTreeMap<String, Option<&File>>) -> Value {
        let children: Vec<Value> = names
            .into_iter()
            .map(|(name, file)| match file {
                Some(file) => self.file(&format!("{path}/{name}"), file, false),
                None => json!({ "name": name, "display_name": name, "type": "FOLDER" }),
            })
            .collect();
        let name = path.rsplit('/').next().unwrap_or_default();
        match self.settings.form {
            Form::Printer => json!({ "type": "FOLDER", "ro": false, "name": name, "children": children }),
            Form::Pi => json!({ "type": "FOLDER", "name": name, "read_only": false, "m_timestamp": 0, "size": 0,
                "children": children, "display_name": name }),
        }
    }

    /// A printer tells sizes only of a file that is asked for alone.
    fn file(&self, path: &str, file: &File, alone: bool) -> Value {
        let name = path.rsplit('/').next().unwrap_or_default();
        match self.settings.form {
            Form::Printer => {
                let mut told = json!({ "name": short(name), "ro": false, "type": "PRINT_FILE", "m_timestamp": file.seconds,
                    "refs": { "download": format!("/usb/{path}") }, "display_name": name });
                if alone {
                    told["size"] = json!(file.bytes.len());
                }
                told
            }
            Form::Pi => {
                let mut told = json!({ "type": "PRINT_FILE", "name": name, "read_only": false, "m_timestamp": file.seconds,
                    "size": file.bytes.len(), "display_name": name, "refs": refs_of_a_pi(path) });
                if alone {
                    told["meta"] = json!({ "estimated_print_time": file.hints.seconds });
                }
                told
            }
        }
    }
}

pub(super) fn refs_of_a_pi(path: &str) -> Value {
    json!({ "download": format!("/api/files/local/gcodes/{path}/raw"), "icon": null, "thumbnail": null })
}

/// The name of eight letters that a drive keeps beside the long one.
pub(super) fn short(name: &str) -> String {
    let (stem, end) = name.rsplit_once('.').unwrap_or((name, ""));
    let end: String = end.to_ascii_uppercase().chars().take(3).collect();
    let stem: String = stem.to_ascii_uppercase().chars().filter(char::is_ascii_alphanumeric).collect();
    if stem.len() <= 8 { format!("{stem}.{end}") } else { format!("{}~1.{end}", &stem[..6]) }
}
