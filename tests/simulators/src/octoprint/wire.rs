//! Answers as OctoPrint writes them: indented JSON with sorted keys and escaped non-ASCII. Knows
//! no route.

use bytes::Bytes;
use http::{Response, StatusCode, header};
use serde_json::{Value, json};

pub(super) const NOT_FOUND: &str =
    "The requested URL was not found on the server. If you entered the URL manually please check your spelling and try again.";
pub(super) const FORBIDDEN: &str =
    "You don't have the permission to access the requested resource. It is either read-protected or not readable by the server.";

pub(super) type Reply = Response<Bytes>;

pub(super) fn json_reply(status: StatusCode, body: &Value) -> Reply {
    let mut text = String::new();
    for c in format!("{body:#}\n").chars() {
        if c.is_ascii() {
            text.push(c);
        } else {
            let mut units = [0; 2];
            for unit in c.encode_utf16(&mut units) {
                text.push_str(&format!("\\u{unit:04x}"));
            }
        }
    }
    reply(status, "application/json", text.into())
}

pub(super) fn ok(body: &Value) -> Reply {
    json_reply(StatusCode::OK, body)
}

pub(super) fn created(location: &str, body: &Value) -> Reply {
    let mut reply = json_reply(StatusCode::CREATED, body);
    if let Ok(value) = location.parse() {
        reply.headers_mut().insert(header::LOCATION, value);
    }
    reply
}

pub(super) fn no_content() -> Reply {
    reply(StatusCode::NO_CONTENT, "text/plain", Bytes::new())
}

pub(super) fn refused(status: u16, why: &str) -> Reply {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    json_reply(status, &json!({ "error": why }))
}

pub(super) fn not_found() -> Reply {
    refused(404, NOT_FOUND)
}

pub(super) fn reply(status: StatusCode, content_type: &'static str, body: Bytes) -> Reply {
    let mut reply = Response::new(body);
    *reply.status_mut() = status;
    reply.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static(content_type));
    reply
}

/// Percent-encodes a path, keeping `/` and what `safe` names.
pub(super) fn quote(path: &str, safe: &str) -> String {
    let mut quoted = String::new();
    for byte in path.bytes() {
        let c = char::from(byte);
        if byte.is_ascii_alphanumeric() || "-_.~/".contains(c) || safe.contains(c) {
            quoted.push(c);
        } else {
            quoted.push_str(&format!("%{byte:02X}"));
        }
    }
    quoted
}
