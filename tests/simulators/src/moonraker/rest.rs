//! The HTTP routes: who may enter, and how what `calls` and `files` answer is wrapped.

use super::calls::{self, Refusal};
use super::core::Core;
use super::files;
use crate::form::{pairs, unquote};
use bytes::Bytes;
use domain::time::Timestamp;
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode, header};
use serde_json::{Map, Value, json};

pub(super) type Request = http::Request<Bytes>;
pub(super) type Reply = Response<Bytes>;

pub(super) fn is_upload(request: &Request) -> bool {
    request.method() == Method::POST && request.uri().path() == "/server/files/upload"
}

/// None if no answer ever comes.
pub(super) fn answer(core: &mut Core, now: Timestamp, request: &Request) -> Option<Reply> {
    let path = unquote(request.uri().path());
    if !may_enter(core, request.headers()) {
        return Some(refused(401, "Unauthorized"));
    }
    if is_upload(request) {
        return answered(files::upload(core, now, request).map(|told| json_reply(201, &told)));
    }
    let told = match endpoint(request.method(), &path) {
        Some((endpoint, mut params)) => {
            params.extend(given(request, endpoint));
            calls::call(core, now, endpoint, &Value::Object(params))
        }
        None => Err(Refusal::Refused(404, "Not Found".to_owned())),
    };
    answered(told.map(|told| json_reply(200, &json!({ "result": told }))))
}

pub(super) fn json_reply(status: u16, body: &Value) -> Reply {
    let mut reply = Response::new(Bytes::from(body.to_string()));
    *reply.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    reply.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json; charset=UTF-8"));
    reply
}

pub(super) fn refused(status: u16, why: &str) -> Reply {
    json_reply(status, &json!({ "error": { "code": status, "message": why, "traceback": "" } }))
}

/// A key that is shown must be right, even of a client that is trusted without one.
pub(super) fn may_enter(core: &Core, headers: &HeaderMap) -> bool {
    if core.faults.reject_key {
        return false;
    }
    match headers.get("x-api-key") {
        Some(key) => key.as_bytes() == core.settings.api_key.as_bytes(),
        None => core.settings.trusts_clients,
    }
}

fn answered(told: Result<Reply, Refusal>) -> Option<Reply> {
    match told {
        Ok(reply) => Some(reply),
        Err(Refusal::Refused(status, why)) => Some(refused(status, &why)),
        Err(Refusal::Silence) => None,
    }
}

/// The call behind a path, and what the path itself says to it.
fn endpoint(method: &Method, path: &str) -> Option<(&'static str, Map<String, Value>)> {
    if let Some(file) = path.strip_prefix("/server/files/gcodes/") {
        let params = Map::from_iter([("path".to_owned(), json!(format!("gcodes/{file}")))]);
        return (*method == Method::DELETE).then_some(("server.files.delete_file", params));
    }
    let verbs = match *method {
        Method::GET => calls::GET.iter().chain(&[("/server/files/directory", "server.files.get_directory")]),
        Method::POST => calls::POST.iter().chain(&[("/server/files/directory", "server.files.post_directory")]),
        _ => return None,
    };
    verbs.into_iter().find(|(known, _)| *known == path).map(|(_, endpoint)| (*endpoint, Map::new()))
}

/// What query and body say; a query for Klipper's objects names them in its own way.
fn given(request: &Request, endpoint: &str) -> Map<String, Value> {
    let query = pairs(request.uri().query().unwrap_or_default());
    if endpoint == "printer.objects.query" {
        let fields = |names: String| if names.is_empty() { Value::Null } else { json!(names.split(',').collect::<Vec<_>>()) };
        let objects: Map<String, Value> = query.map(|(name, names)| (name, fields(names))).collect();
        return Map::from_iter([("objects".to_owned(), Value::Object(objects))]);
    }
    let mut given: Map<String, Value> = query.map(|(name, value)| (name, json!(value))).collect();
    if let Ok(Value::Object(body)) = serde_json::from_slice(request.body()) {
        given.extend(body);
    }
    given
}
