//! The REST routes but for files: who may enter, the server, the serial connection, the job, and the
//! state as the push sockets see it.

use super::core::Core;
use super::uploads;
use super::wire::{self, Reply, no_content, not_found, ok, refused};
use crate::form::{pairs, unquote};
use bytes::Bytes;
use domain::time::Timestamp;
use http::{Method, StatusCode, header};
use serde_json::{Value, json};

pub(super) type Request = http::Request<Bytes>;

pub(super) fn is_upload(request: &Request) -> bool {
    request.method() == Method::POST && matches!(request.uri().path(), "/api/files/local" | "/api/files/sdcard")
}

pub(super) fn answer(core: &mut Core, now: Timestamp, request: &Request) -> Reply {
    let path = unquote(request.uri().path());
    if path == "/sockjs/info" {
        return ok(&json!({ "websocket": true, "cookie_needed": false, "origins": ["*:*"], "entropy": 4 }));
    }
    if !path.starts_with("/api/") && !path.starts_with("/downloads/") {
        return wire::reply(StatusCode::NOT_FOUND, "text/html; charset=utf-8", Bytes::new());
    }
    if !may_enter(core, request) {
        return match *request.method() {
            Method::GET | Method::HEAD | Method::OPTIONS => refused(403, wire::FORBIDDEN),
            _ => refused(400, "CSRF validation failed"),
        };
    }
    match (request.method().as_str(), path.as_str()) {
        ("GET", "/api/version") => ok(&json!({ "api": "0.1", "server": "1.11.8", "text": "OctoPrint 1.11.8" })),
        ("GET", "/api/server") => ok(&json!({ "safemode": null, "version": "1.11.8" })),
        ("GET", "/api/currentuser") => ok(&json!({
            "groups": ["admins"], "name": core.settings.user,
            "permissions": ["ADMIN", "STATUS", "CONNECTION", "FILES_LIST", "FILES_UPLOAD", "FILES_DOWNLOAD",
                            "FILES_DELETE", "FILES_SELECT", "PRINT", "CONTROL"],
        })),
        ("POST", "/api/login") => login(core),
        ("GET", "/api/printerprofiles") => printer_profiles(&base(request)),
        ("GET", "/api/connection") => connection(core),
        ("POST", "/api/connection") => command(request, |name, body| connection_command(core, now, name, body)),
        ("GET", "/api/printer") => printer(core, now, request.uri().query().unwrap_or_default()),
        ("POST", "/api/printer/tool" | "/api/printer/bed") => {
            let heater = path.rsplit('/').next().unwrap_or_default();
            command(request, |_, body| set_target(core, now, heater, body))
        }
        ("GET", "/api/job") => job_reply(core, now),
        ("POST", "/api/job") => job_command_reply(core, now, request),
        (_, path) => uploads::answer(core, now, path, request).unwrap_or_else(not_found),
    }
}

/// Runs a JSON command as OctoPrint reads one.
pub(super) fn command(request: &Request, run: impl FnOnce(&str, &Value) -> Reply) -> Reply {
    let content_type = request.headers().get(header::CONTENT_TYPE);
    let is_json = content_type.is_some_and(|value| value.as_bytes().starts_with(b"application/json"));
    if !is_json {
        let why = "Did not attempt to load JSON data because the request Content-Type was not 'application/json'.";
        return refused(415, why);
    }
    let Ok(body) = serde_json::from_slice::<Value>(request.body()) else {
        return refused(400, "The browser (or proxy) sent a request that this server could not understand.");
    };
    match body["command"].as_str() {
        Some(name) => run(name, &body),
        None => refused(400, "command is invalid"),
    }
}

/// Scheme and host as the client sees them.
pub(super) fn base(request: &Request) -> String {
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
    format!("http://{}", host.unwrap_or("octoprint.local"))
}

/// The state that `history` and `current` carry.
pub(super) fn push_state(core: &Core, now: Timestamp) -> Value {
    let seconds = now.millis() as f64 / 1000.0;
    let mut temperatures = json!({ "time": now.millis() / 1000, "chamber": { "actual": null, "target": null } });
    for (name, actual, target) in core.machine.temperatures(now) {
        temperatures[name] = json!({ "actual": actual, "target": target });
    }
    let busy: Vec<Value> = match &core.machine.selected {
        Some(file) if core.machine.is_active() => vec![json!({ "origin": file.origin, "path": file.path })],
        Some(_) | None => Vec::new(),
    };
    json!({
        "state": state(core),
        "job": job(core),
        "currentZ": null,
        "progress": core.machine.progress(now),
        "offsets": {},
        "resends": { "count": 0, "transmitted": 0, "ratio": 0 },
        "serverTime": seconds,
        "temps": if core.machine.is_operational() { vec![temperatures] } else { Vec::new() },
        "busyFiles": busy,
        "markings": [],
        "logs": [],
        "messages": [],
    })
}

fn may_enter(core: &Core, request: &Request) -> bool {
    let headers = request.headers();
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let bearer = text("authorization").and_then(|value| value.strip_prefix("Bearer "));
    let given = text("x-api-key").or(bearer);
    !core.faults.reject_key && given == Some(core.settings.api_key.as_str())
}

fn login(core: &mut Core) -> Reply {
    let session = core.open_session();
    ok(&json!({
        "_is_external_client": false, "_login_mechanism": "apikey", "active": true, "admin": true,
        "apikey": core.settings.api_key, "groups": ["admins"], "name": core.settings.user,
        "permissions": [], "roles": ["user", "admin"], "session": session, "settings": {}, "user": true,
    }))
}

fn printer_profiles(base: &str) -> Reply {
    ok(&json!({ "profiles": { "_default": {
        "color": "default", "current": true, "default": true,
        "extruder": { "count": 1, "defaultExtrusionLength": 5, "nozzleDiameter": 0.4,
                      "offsets": [[0.0, 0.0]], "sharedNozzle": false },
        "heatedBed": true, "heatedChamber": false, "id": "_default", "model": "Generic RepRap Printer",
        "name": "Default", "resource": format!("{base}/api/printerprofiles/_default"),
        "volume": { "custom_box": false, "depth": 200.0, "formFactor": "rectangular", "height": 200.0,
                    "origin": "lowerleft", "width": 200.0 },
    } } }))
}

fn connection(core: &Core) -> Reply {
    let open = core.machine.is_operational();
    let text = if core.machine.is_closed() { "Closed" } else { core.machine.text() };
    ok(&json!({
        "current": {
            "baudrate": open.then_some(115_200), "port": open.then_some("VIRTUAL"),
            "printerProfile": "_default", "state": text,
        },
        "options": {
            "baudratePreference": 115_200,
            "baudrates": [250_000, 230_400, 115_200, 57_600, 38_400, 19_200, 9_600],
            "portPreference": "VIRTUAL", "ports": ["VIRTUAL"], "printerProfilePreference": "_default",
            "printerProfiles": [{ "id": "_default", "name": "Default" }],
        },
    }))
}

fn connection_command(core: &mut Core, now: Timestamp, name: &str, body: &Value) -> Reply {
    match name {
        "connect" if !matches!(body["port"].as_str(), None | Some("VIRTUAL" | "AUTO")) => {
            return refused(400, "port is invalid");
        }
        "connect" => core.machine.connect(now),
        "disconnect" => core.machine.disconnect(now),
        "fake_ack" => {}
        _ => return refused(400, "command is invalid"),
    }
    no_content()
}

fn printer(core: &Core, now: Timestamp, query: &str) -> Reply {
    if !core.machine.is_operational() {
        return refused(409, "Printer is not operational");
    }
    let mut temperature = json!({});
    for (name, actual, target) in core.machine.temperatures(now) {
        temperature[name] = json!({ "actual": actual, "offset": 0, "target": target });
    }
    let mut told = json!({ "sd": { "ready": true }, "state": state(core), "temperature": temperature });
    let excluded = pairs(query).find(|(name, _)| name == "exclude");
    if let (Some(fields), Some((_, excluded))) = (told.as_object_mut(), excluded) {
        fields.retain(|name, _| !excluded.split(',').any(|other| other == name));
    }
    ok(&told)
}

fn set_target(core: &mut Core, now: Timestamp, heater: &str, body: &Value) -> Reply {
    if !core.machine.is_operational() {
        return refused(409, "Printer is not operational");
    }
    let target = if heater == "bed" { &body["target"] } else { &body["targets"]["tool0"] };
    if let Some(target) = target.as_f64() {
        core.machine.set_target(heater, target, now);
    }
    no_content()
}

fn state(core: &Core) -> Value {
    json!({ "error": core.machine.error(), "flags": core.machine.flags(), "text": core.machine.text() })
}

fn job(core: &Core) -> Value {
    let Some(selected) = &core.machine.selected else {
        return json!({
            "averagePrintTime": null, "estimatedPrintTime": null, "filament": null, "lastPrintTime": null, "user": null,
            "file": { "date": null, "display": null, "name": null, "origin": null, "path": null, "size": null },
        });
    };
    let stored = core.disk.file(&selected.path).filter(|_| selected.origin == "local");
    json!({
        "averagePrintTime": stored.and_then(|file| file.average_seconds()),
        "estimatedPrintTime": selected.told_seconds,
        "filament": selected.filament,
        "file": { "date": selected.date, "display": selected.name, "name": selected.name,
                  "origin": selected.origin, "path": selected.path, "size": selected.size },
        "lastPrintTime": stored.and_then(|file| file.last_seconds()),
        "user": selected.user,
    })
}

fn job_reply(core: &Core, now: Timestamp) -> Reply {
    let mut told = json!({
        "job": job(core), "progress": core.machine.progress(now), "state": core.machine.text(),
    });
    if !core.machine.error().is_empty() {
        told["error"] = json!(core.machine.error());
    }
    ok(&told)
}

fn job_command_reply(core: &mut Core, now: Timestamp, request: &Request) -> Reply {
    if !core.machine.is_operational() {
        return refused(409, "Printer is not operational");
    }
    command(request, |name, body| job_command(core, now, name, body))
}

fn job_command(core: &mut Core, now: Timestamp, name: &str, body: &Value) -> Reply {
    let active = core.machine.is_active();
    let needs_job = |name| format!("Printer is neither printing nor paused, '{name}' command cannot be performed");
    match (name, core.faults.refuse_starts) {
        ("start" | "restart", Some(status)) => return refused(status, "The printer refuses to start"),
        ("start", None) if active => {
            return refused(409, "Printer already has an active print job, did you mean 'restart'?");
        }
        ("restart", None) if !core.machine.is_paused() => {
            return refused(409, "Printer does not have an active print job or is not paused");
        }
        ("start" | "restart", None) => core.accept_start(now),
        ("pause" | "cancel", _) if !active => return refused(409, &needs_job(name)),
        ("cancel", _) => core.machine.cancel(now),
        ("pause", _) => match body["action"].as_str().unwrap_or("toggle") {
            "pause" => core.machine.pause(now),
            "resume" => core.machine.resume(now),
            "toggle" if core.machine.is_paused() => core.machine.resume(now),
            "toggle" => core.machine.pause(now),
            _ => return refused(400, "Unknown action"),
        },
        (_, _) => return refused(400, "command is invalid"),
    }
    no_content()
}
