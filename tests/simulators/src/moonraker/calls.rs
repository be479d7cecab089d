//! What Moonraker can be asked, alike over HTTP and over the socket: by the name of the call, with parameters.

use super::core::Core;
use super::disk::seconds;
use super::files;
use super::push::pick;
use domain::time::Timestamp;
use serde_json::{Value, json};

/// Why there is no result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Refusal {
    /// With this status, in these words.
    Refused(u16, String),
    /// Nothing is answered, ever.
    Silence,
}

/// Paths and the names of their calls.
pub(super) const GET: [(&str, &str); 5] = [
    ("/server/info", "server.info"),
    ("/printer/info", "printer.info"),
    ("/printer/objects/list", "printer.objects.list"),
    ("/printer/objects/query", "printer.objects.query"),
    ("/server/history/list", "server.history.list"),
];
pub(super) const POST: [(&str, &str); 8] = [
    ("/printer/print/start", "printer.print.start"),
    ("/printer/print/pause", "printer.print.pause"),
    ("/printer/print/resume", "printer.print.resume"),
    ("/printer/print/cancel", "printer.print.cancel"),
    ("/printer/emergency_stop", "printer.emergency_stop"),
    ("/printer/restart", "printer.restart"),
    ("/printer/firmware_restart", "printer.firmware_restart"),
    ("/server/files/copy", "server.files.copy"),
];

pub(super) fn call(core: &mut Core, now: Timestamp, endpoint: &str, params: &Value) -> Result<Value, Refusal> {
    let text = |name: &str| params[name].as_str().unwrap_or_default();
    match endpoint {
        "server.info" => Ok(server_info(core)),
        "server.history.list" => Ok(history(core, params)),
        "server.files.get_directory" => files::list(core, text("path")),
        "server.files.post_directory" => files::make_folder(core, now, text("path")),
        "server.files.copy" => files::copy(core, now, text("source"), text("dest")),
        "server.files.delete_file" => files::delete(core, now, text("path")),
        _ if !endpoint.starts_with("printer.") => Err(Refusal::Refused(404, "Not Found".to_owned())),
        "printer.info" if !core.machine.is_there() => Err(Refusal::Refused(404, "Not Found".to_owned())),
        _ if !core.machine.is_there() => Err(Refusal::Refused(503, "Klippy Host not connected".to_owned())),
        _ => of_klipper(core, now, endpoint, params),
    }
}

fn of_klipper(core: &mut Core, now: Timestamp, endpoint: &str, params: &Value) -> Result<Value, Refusal> {
    let done = |outcome: Result<(), &str>| match outcome {
        Ok(()) => Ok(json!("ok")),
        Err(why) => Err(Refusal::Refused(400, why.to_owned())),
    };
    match endpoint {
        "printer.info" => Ok(json!({
            "app": "Klipper", "hostname": "sim", "software_version": "v0.13.0",
            "state": core.machine.host_word(), "state_message": core.machine.host_words(),
        })),
        "printer.objects.list" => {
            let status = core.machine.status(now);
            Ok(json!({ "objects": status.as_object().into_iter().flatten().map(|(name, _)| name).collect::<Vec<_>>() }))
        }
        "printer.objects.query" => Ok(picture(core, now, &params["objects"])),
        "printer.print.start" => core.ask_to_start(now, params["filename"].as_str().unwrap_or_default()),
        "printer.print.pause" => done(core.machine.pause(now)),
        "printer.print.resume" => done(core.machine.resume(now)),
        "printer.print.cancel" => done(core.machine.cancel(now)),
        "printer.emergency_stop" => {
            core.machine.halt(now, "Shutdown due to webhooks request");
            Ok(json!("ok"))
        }
        "printer.restart" | "printer.firmware_restart" => {
            core.machine.restart(now);
            Ok(json!("ok"))
        }
        _ => Err(Refusal::Refused(404, "Not Found".to_owned())),
    }
}

/// A whole picture of the objects that are asked for.
pub(super) fn picture(core: &Core, now: Timestamp, objects: &Value) -> Value {
    json!({ "eventtime": seconds(now), "status": pick(&core.machine.status(now), objects) })
}

fn server_info(core: &Core) -> Value {
    json!({
        "klippy_connected": core.machine.is_there(), "klippy_state": core.machine.host_word(),
        "moonraker_version": "0.11.0", "missing_klippy_requirements": [], "api_version": [1, 5, 0],
        "api_version_string": "1.5.0", "components": ["file_manager", "history"], "failed_components": [],
        "registered_directories": ["config", "logs", "gcodes"], "warnings": [], "websocket_count": 1,
    })
}

fn history(core: &Core, params: &Value) -> Value {
    let limit = &params["limit"];
    let limit = limit.as_u64().or_else(|| limit.as_str()?.parse().ok()).unwrap_or(50);
    let newest_first = params["order"].as_str() != Some("asc");
    core.history.list(usize::try_from(limit).unwrap_or(usize::MAX), newest_first, |file| core.disk.file(file).is_some())
}
