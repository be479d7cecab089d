//! The file routes: listing, upload, select, copy, move, delete, folders.

use super::core::Core;
use super::disk::{self, is_gcode, join, rest_of, sanitise_folder, sanitise_name};
use super::rest::{Request, base, command};
use super::wire::{Reply, created, no_content, not_found, ok, refused, reply};
use crate::form::{Form, is_yes, pairs};
use bytes::Bytes;
use domain::time::Timestamp;
use http::StatusCode;
use serde_json::{Value, json};

/// None if there is no such route.
pub(super) fn answer(core: &mut Core, now: Timestamp, path: &str, request: &Request) -> Option<Reply> {
    let base = base(request);
    let method = request.method().as_str();
    if let Some(file) = path.strip_prefix("/downloads/files/local/") {
        let bytes = core.disk.file(file)?.bytes.clone();
        return (method == "GET").then(|| reply(StatusCode::OK, "application/octet-stream", bytes));
    }
    let recursive = pairs(request.uri().query().unwrap_or_default()).any(|(name, value)| name == "recursive" && is_yes(&value));
    let at = path.strip_prefix("/api/files")?;
    match (method, at) {
        ("GET", "" | "/local") => Some(ok(&json!({
            "files": core.disk.list("", recursive, &base),
            "free": core.settings.disk_bytes.saturating_sub(core.disk.used()),
            "total": core.settings.disk_bytes,
        }))),
        ("GET", "/sdcard") => Some(ok(&json!({ "files": [] }))),
        ("POST", "/local") => Some(upload(core, now, request, &base)),
        ("GET", _) => core.disk.describe(at.strip_prefix("/local/")?, recursive, &base).map(|told| ok(&told)),
        ("POST", _) => {
            let file = at.strip_prefix("/local/")?;
            Some(command(request, |name, body| file_command(core, now, file, name, body, &base)))
        }
        ("DELETE", _) => Some(delete(core, at.strip_prefix("/local/")?)),
        (_, _) => None,
    }
}

fn upload(core: &mut Core, now: Timestamp, request: &Request, base: &str) -> Reply {
    let form = Form::read(request.headers(), request.uri().query().unwrap_or_default(), request.body());
    match &form.file {
        Some((name, bytes)) => store(core, now, &form, name, bytes.clone(), base),
        None if form.get("foldername").is_some() => make_folder(core, &form, base),
        None => refused(400, "No file to upload and no folder to create"),
    }
}

fn store(core: &mut Core, now: Timestamp, form: &Form, name: &str, bytes: Bytes, base: &str) -> Reply {
    if let Some(status) = core.faults.refuse_uploads {
        return refused(status, "The server refuses the upload");
    }
    let userdata = match form.get("userdata").map(serde_json::from_str::<Value>) {
        Some(Err(_)) => return refused(400, "userdata contains invalid JSON"),
        Some(Ok(userdata)) => Some(userdata),
        None => None,
    };
    let folder = sanitise_folder(form.get("path").unwrap_or_default());
    let name = sanitise_name(form.get("filename").unwrap_or(name));
    let (Some(folder), Some(name)) = (folder, name) else {
        return refused(400, "Can not upload file, invalid file name");
    };
    let path = join(&folder, &name);
    if is_busy(core, &path) {
        return refused(409, "Trying to overwrite file that is currently being printed");
    }
    if form.yes("noOverwrite") && core.disk.file(&path).is_some() {
        return refused(409, "File already exists and noOverwrite was set");
    }
    if !is_gcode(&name) {
        return refused(415, "Could not upload file, invalid type");
    }
    let size = bytes.len() as u64;
    if core.faults.disk_full || core.disk.used() + size > core.settings.disk_bytes {
        return refused(507, "Insufficient storage");
    }
    let user = core.settings.user.clone();
    core.disk.put(&path, bytes, &user, now);
    core.counters.uploads += 1;
    core.counters.upload_bytes += size;
    tell_file(core, "FileAdded", &path, "add");

    let (select, print) = (form.yes("select"), form.yes("print"));
    let ready = core.machine.is_ready();
    let effective_print = print && ready && core.faults.refuse_starts.is_none();
    let effective_select = select && ready;
    if effective_select || effective_print || is_selected(core, &path) {
        select_file(core, &path);
    }
    if effective_print {
        core.accept_start(now);
    }
    let mut told = json!({ "name": name, "path": path, "target": "local", "select": select, "print": print,
        "effective_select": effective_select, "effective_print": effective_print });
    if let Some(userdata) = userdata {
        told["userdata"] = userdata.clone();
        core.disk.set_userdata(&path, userdata);
    }
    core.machine.tell("Upload", told);
    created(
        &disk::resource(base, &path),
        &json!({
            "done": true, "effectivePrint": effective_print, "effectiveSelect": effective_select,
            "files": { "local": { "name": name, "origin": "local", "path": path, "refs": disk::refs(base, &path) } },
        }),
    )
}

fn make_folder(core: &mut Core, form: &Form, base: &str) -> Reply {
    let above = sanitise_folder(form.get("path").unwrap_or_default());
    let name = form.get("foldername").and_then(sanitise_name);
    let (Some(above), Some(name)) = (above, name.filter(|name| !name.is_empty())) else {
        return refused(400, "folder name is empty");
    };
    if is_gcode(&name) {
        return refused(409, "Can't create folder, please try another name");
    }
    let path = join(&above, &name);
    core.disk.add_folder(&path);
    core.machine.tell("FolderAdded", json!({ "storage": "local", "path": path, "name": name }));
    core.machine.tell("UpdatedFiles", json!({ "type": "printables" }));
    let resource = disk::resource(base, &path);
    let folder = json!({ "name": name, "origin": "local", "path": path, "refs": { "resource": resource } });
    created(&resource, &json!({ "done": true, "folder": folder }))
}

fn file_command(core: &mut Core, now: Timestamp, path: &str, name: &str, body: &Value, base: &str) -> Reply {
    match name {
        "select" => select(core, now, path, body),
        "unselect" => unselect(core, path),
        "copy" | "move" => match body["destination"].as_str() {
            Some(destination) => copy_or_move(core, path, destination, name == "move", base),
            None => refused(400, "Mandatory parameters missing"),
        },
        _ => refused(400, "command is invalid"),
    }
}

fn select(core: &mut Core, now: Timestamp, path: &str, body: &Value) -> Reply {
    if core.disk.file(path).is_none() {
        return not_found();
    }
    if !core.machine.is_ready() {
        return refused(409, "Printer is already printing, cannot select a new file");
    }
    let print = match &body["print"] {
        Value::Bool(print) => *print,
        Value::String(text) => is_yes(text),
        Value::Null | Value::Number(_) | Value::Array(_) | Value::Object(_) => false,
    };
    match core.faults.refuse_starts {
        Some(status) if print => return refused(status, "The printer refuses to start"),
        Some(_) | None => {}
    }
    select_file(core, path);
    if print {
        core.accept_start(now);
    }
    no_content()
}

fn unselect(core: &mut Core, path: &str) -> Reply {
    let why = match &core.machine.selected {
        _ if !core.machine.is_ready() => (409, "Printer is already printing, cannot unselect current file"),
        None => (409, "Cannot unselect current file when there is no file selected"),
        Some(selected) if path != "current" && selected.path != path => {
            (400, "Only the currently selected file can be unselected")
        }
        Some(_) => {
            core.machine.unselect();
            return no_content();
        }
    };
    let status = StatusCode::from_u16(why.0).unwrap_or(StatusCode::CONFLICT);
    reply(status, "text/html; charset=utf-8", Bytes::from_static(why.1.as_bytes()))
}

fn copy_or_move(core: &mut Core, from: &str, to: &str, moves: bool, base: &str) -> Reply {
    let is_file = core.disk.file(from).is_some();
    if !is_file && !core.disk.has_folder(from) {
        return not_found();
    }
    let verb = if moves { "move" } else { "copy" };
    let name = disk::split(from).1.to_owned();
    let to = if core.disk.has_folder(to) { join(to, &name) } else { to.to_owned() };
    if core.disk.file(&to).is_some() || core.disk.has_folder(&to) {
        return refused(409, "File or folder does already exist");
    }
    if moves && is_busy(core, from) {
        return refused(409, "Trying to move a file or folder that is currently in use");
    }
    let (folder, to_name) = disk::split(&to);
    if is_file && !is_gcode(to_name) {
        return refused(415, &format!("Could not {verb} {from} to {to}, invalid type"));
    }
    if !folder.is_empty() && !core.disk.has_folder(folder) {
        return refused(500, &format!("Could not {verb} {from} to {to}"));
    }
    core.disk.copy(from, &to);
    if moves {
        if is_selected(core, from) {
            core.machine.unselect();
        }
        core.disk.remove(from);
    }
    tell_copied(core, from, &to, moves, is_file);
    let resource = disk::resource(base, &to);
    let refs = if is_file { disk::refs(base, &to) } else { json!({ "resource": resource }) };
    created(&resource, &json!({ "name": name, "origin": "local", "path": to, "refs": refs }))
}

fn delete(core: &mut Core, path: &str) -> Reply {
    let is_file = core.disk.file(path).is_some();
    if !is_file && !core.disk.has_folder(path) {
        return not_found();
    }
    if is_busy(core, path) {
        return refused(
            409,
            if is_file {
                "Trying to delete a file that is currently in use"
            } else {
                "Trying to delete a folder that contains a file that is currently in use"
            },
        );
    }
    if is_selected(core, path) {
        core.machine.unselect();
    }
    core.disk.remove(path);
    if is_file {
        tell_file(core, "FileRemoved", path, "remove");
    } else {
        let name = disk::split(path).1;
        core.machine.tell("FolderRemoved", json!({ "storage": "local", "path": path, "name": name }));
        core.machine.tell("UpdatedFiles", json!({ "type": "printables" }));
    }
    no_content()
}

fn select_file(core: &mut Core, path: &str) {
    if let Some(selected) = core.selectable(path) {
        core.machine.select(selected);
    }
}

/// Whether the path is, or holds, the selected file.
fn is_selected(core: &Core, path: &str) -> bool {
    core.machine.selected.as_ref().is_some_and(|selected| selected.origin == "local" && rest_of(&selected.path, path).is_some())
}

fn is_busy(core: &Core, path: &str) -> bool {
    core.machine.is_active() && is_selected(core, path)
}

fn tell_copied(core: &mut Core, from: &str, to: &str, moves: bool, is_file: bool) {
    let operation = if moves { "move" } else { "copy" };
    let (from_name, to_name) = (disk::split(from).1, disk::split(to).1);
    let kind = json!(["machinecode", "gcode"]);
    let named = |path: &str, name: &str| json!({ "storage": "local", "path": path, "name": name });
    let filed = |path: &str, name: &str| {
        let mut told = named(path, name);
        told["type"] = kind.clone();
        told["operation"] = json!(operation);
        told
    };
    match (is_file, moves) {
        (true, true) => {
            core.machine.tell("FileRemoved", filed(from, from_name));
            core.machine.tell("FileAdded", filed(to, to_name));
            core.machine.tell(
                "FileMoved",
                json!({ "storage": "local", "source_path": from, "source_name": from_name, "source_type": kind,
                        "destination_path": to, "destination_name": to_name, "destination_type": kind }),
            );
        }
        (true, false) => core.machine.tell("FileAdded", filed(to, to_name)),
        (false, true) => {
            core.machine.tell("FolderRemoved", named(from, from_name));
            core.machine.tell("FolderAdded", named(to, to_name));
        }
        (false, false) => core.machine.tell("FolderAdded", named(to, to_name)),
    }
    core.machine.tell("UpdatedFiles", json!({ "type": "printables" }));
}

fn tell_file(core: &mut Core, event: &'static str, path: &str, operation: &str) {
    core.machine.tell(
        event,
        json!({ "storage": "local", "path": path, "name": disk::split(path).1,
                "type": ["machinecode", "gcode"], "operation": operation }),
    );
    core.machine.tell("UpdatedFiles", json!({ "type": "printables" }));
}
