//! The routes but for files: who may enter, the server, the printer, the job.

use super::core::Core;
use super::machine::Verb;
use super::settings::Form;
use super::wire::{self, Refusal, Reply, no_content, ok};
use super::{auth, files};
use crate::form::unquote;
use bytes::Bytes;
use domain::time::Timestamp;
use http::Method;

pub(super) type Request = http::Request<Bytes>;

pub(super) fn is_upload(request: &Request) -> bool {
    request.method() == Method::PUT && request.uri().path().starts_with("/api/v1/files/")
}

pub(super) fn answer(core: &mut Core, now: Timestamp, request: &Request) -> Reply {
    let path = unquote(request.uri().path());
    let (form, headers) = (core.settings.form, request.headers());
    if core.faults.reject_key {
        return auth::everybody_turned_away(&core.settings, now, headers);
    }
    let target = request.uri().path_and_query().map_or("", |target| target.as_str());
    if let Some(away) = auth::turned_away(&core.settings, now, request.method(), target, headers) {
        return away;
    }
    if let Some(at) = path.strip_prefix("/api/v1/files") {
        return files::answer(core, now, at, request);
    }
    if let Some(job) = path.strip_prefix("/api/v1/job/") {
        return act(core, now, job, request.method()).unwrap_or_else(|refusal| refusal.reply(form, headers));
    }
    match (request.method().as_str(), path.as_str()) {
        ("GET", "/api/version") => ok(&core.version()),
        ("GET", "/api/printer") => ok(&core.old_printer(now)),
        ("GET", "/api/v1/info") => ok(&core.info()),
        ("GET", "/api/v1/storage") => ok(&core.storages()),
        ("GET", "/api/v1/status") => ok(&core.status(now)),
        ("GET", "/api/v1/job") => core.job(now).map_or_else(no_content, |job| ok(&job)),
        ("GET", "/api/v1/transfer") => no_content(),
        (_, _) => wire::NOT_FOUND.reply(form, headers),
    }
}

/// The job of that number, and what shall become of it. Of a number that was not its last one a printer knows
/// nothing; a Raspberry Pi has no such page.
fn act(core: &mut Core, now: Timestamp, job: &str, method: &Method) -> Result<Reply, Refusal> {
    let form = core.settings.form;
    let (id, command) = job.split_once('/').unwrap_or((job, ""));
    if form == Form::Pi && method == Method::GET {
        return Err(wire::NOT_FOUND);
    }
    let id: u64 = id.parse().map_err(|_| wire::BAD_REQUEST)?;
    if id != core.machine.job {
        return Err(if form == Form::Pi { wire::NOT_CURRENT } else { wire::NOT_FOUND });
    }
    let (verb, refused) = match (method.as_str(), command) {
        ("PUT", "pause") => (Verb::Pause, wire::NOT_PRINTING),
        ("PUT", "resume") => (Verb::Resume, wire::NOT_PAUSED),
        ("DELETE", "") => (Verb::Stop, wire::NOT_PRINTING),
        ("PUT", _) => return Err(wire::BAD_REQUEST),
        (_, _) => return Err(wire::NOT_ALLOWED),
    };
    if core.machine.act(verb, now) { Ok(no_content()) } else { Err(if form == Form::Pi { refused } else { wire::CONFLICT }) }
}
