//! The files: uploads, copies, listings, and what Moonraker refuses to do with the one that is printed.

use super::calls::Refusal;
use super::core::Core;
use super::disk::split;
use super::rest::Request;
use crate::form::Form;
use domain::time::Timestamp;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// Moonraker takes note of a new folder only after a while. A copy that comes into it before is never
/// answered, and holds up all that is done with files for twenty minutes. Seen at 0.11.0.
const FOLDER_SETTLES_MS: i64 = 500;
const HANGS_MS: i64 = 1_200_000;

fn refuse<T>(status: u16, why: impl Into<String>) -> Result<T, Refusal> {
    Err(Refusal::Refused(status, why.into()))
}

pub(super) fn upload(core: &mut Core, now: Timestamp, request: &Request) -> Result<Value, Refusal> {
    free_to_act(core, now)?;
    if let Some(status) = core.faults.refuse_uploads {
        return refuse(status, "The server refuses the upload");
    }
    let form = Form::read(request.headers(), request.uri().query().unwrap_or_default(), request.body());
    let Some((name, bytes)) = form.file.clone() else { return refuse(400, "No file in the form") };
    let folder = form.get("path").unwrap_or_default().trim_matches('/');
    let path = if folder.is_empty() { name } else { format!("{folder}/{name}") };
    if core.machine.printing() == Some(path.as_str()) {
        return refuse(403, "Forbidden");
    }
    let digest: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    if form.get("checksum").is_some_and(|told| !told.eq_ignore_ascii_case(&digest)) {
        return refuse(422, "Unprocessable Entity");
    }
    let size = bytes.len() as u64;
    if core.faults.disk_full || core.disk.used() + size > core.settings.disk_bytes {
        return refuse(500, "[Errno 28] No space left on device");
    }
    let action = if core.disk.file(&path).is_some() { "modify_file" } else { "create_file" };
    if core.disk.put(&path, bytes, now) {
        core.new_folder = Some((split(&path).0.to_owned(), now));
    }
    core.counters.uploads += 1;
    core.counters.upload_bytes += size;
    let started = form.yes("print") && core.ask_to_start(now, &path).is_ok();
    Ok(json!({ "action": action, "item": core.disk.item(&path), "print_started": started, "print_queued": false }))
}

pub(super) fn list(core: &Core, path: &str) -> Result<Value, Refusal> {
    let folder = inside(path)?;
    if !core.disk.has_folder(folder) {
        return refuse(400, format!("Directory does not exist (/gcodes/{folder})"));
    }
    let (dirs, files) = core.disk.list(folder);
    let (total, used) = (core.settings.disk_bytes, core.disk.used());
    Ok(json!({
        "dirs": dirs, "files": files,
        "disk_usage": { "total": total, "used": used, "free": total.saturating_sub(used) },
        "root_info": { "name": "gcodes", "permissions": "rw" },
    }))
}

pub(super) fn make_folder(core: &mut Core, now: Timestamp, path: &str) -> Result<Value, Refusal> {
    free_to_act(core, now)?;
    let folder = inside(path)?.to_owned();
    if !core.disk.add_folder(&folder) {
        return refuse(400, format!("/gcodes/{folder}'"));
    }
    core.new_folder = Some((folder.clone(), now));
    Ok(json!({ "action": "create_dir", "item": core.disk.item(&folder) }))
}

pub(super) fn copy(core: &mut Core, now: Timestamp, from: &str, to: &str) -> Result<Value, Refusal> {
    free_to_act(core, now)?;
    let (from, to) = (inside(from)?, inside(to)?);
    if core.disk.file(from).is_none() {
        return refuse(400, format!("File /gcodes/{from} does not exist"));
    }
    if core.machine.printing() == Some(to) {
        return refuse(403, "File currently in use");
    }
    let action = if core.disk.file(to).is_some() { "modify_file" } else { "create_file" };
    core.disk.copy(from, to);
    let folder = split(to).0;
    let settles = |(new, made): &(String, Timestamp)| new == folder && now.millis_since(*made) < FOLDER_SETTLES_MS;
    if core.new_folder.as_ref().is_some_and(settles) {
        core.files_hang_until = Some(now.plus_millis(HANGS_MS));
        return Err(Refusal::Silence);
    }
    Ok(json!({ "action": action, "item": core.disk.item(to) }))
}

pub(super) fn delete(core: &mut Core, now: Timestamp, path: &str) -> Result<Value, Refusal> {
    free_to_act(core, now)?;
    let path = inside(path)?;
    if core.disk.file(path).is_none() {
        return refuse(400, "Bad Request");
    }
    if core.machine.printing() == Some(path) {
        return refuse(403, "Forbidden");
    }
    let mut item = core.disk.item(path);
    item["size"] = json!(0);
    item["permissions"] = json!("");
    core.disk.remove(path);
    Ok(json!({ "action": "delete_file", "item": item }))
}

fn inside(path: &str) -> Result<&str, Refusal> {
    match path.strip_prefix("gcodes") {
        Some(rest) => Ok(rest.trim_start_matches('/')),
        None => refuse(400, format!("Invalid root path ({path})")),
    }
}

fn free_to_act(core: &Core, now: Timestamp) -> Result<(), Refusal> {
    if core.files_hang_until.is_some_and(|until| now < until) { Err(Refusal::Silence) } else { Ok(()) }
}
