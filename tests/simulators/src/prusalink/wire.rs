//! Answers as each PrusaLink writes them. Knows no route.

use super::settings::Form;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use serde_json::{Value, json};

pub(super) type Reply = Response<Bytes>;

pub(super) fn ok(body: &Value) -> Reply {
    json_reply(200, body)
}

pub(super) fn json_reply(status: u16, body: &Value) -> Reply {
    reply(status, "application/json", body.to_string().into())
}

pub(super) fn no_content() -> Reply {
    reply(204, "text/plain", Bytes::new())
}

pub(super) fn text(status: u16, text: String) -> Reply {
    reply(status, "text/plain", text.into())
}

fn reply(status: u16, content_type: &'static str, body: Bytes) -> Reply {
    let mut reply = Response::new(body);
    *reply.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    reply.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    reply
}

/// A refusal: its status, and what each server calls it. The printer's own knows few words.
#[derive(Debug, Clone, Copy)]
pub(super) struct Refusal {
    pub status: u16,
    pub title: &'static str,
    pub message: &'static str,
    /// The end of the page about it, where there is one.
    pub page: &'static str,
}

impl Refusal {
    pub(super) fn reply(self, form: Form, headers: &HeaderMap) -> Reply {
        let wants_json =
            headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok()).is_some_and(|accept| accept.contains("json"));
        let reason = StatusCode::from_u16(self.status).ok().and_then(|status| status.canonical_reason()).unwrap_or("???");
        let url = (!self.page.is_empty()).then(|| format!("http://prusalink.local/error/{}", self.page));
        match (form, wants_json) {
            (Form::Printer, true) => {
                let title = format!("{}: {reason}", self.status);
                json_reply(self.status, &json!({ "title": title, "message": self.message }))
            }
            (Form::Printer, false) => text(self.status, format!("{}: {reason}\n\n{}\n", self.status, self.message)),
            (Form::Pi, true) => {
                let mut body = json!({ "title": self.title, "message": self.message });
                if let Some(url) = url {
                    body["url"] = json!(url);
                }
                json_reply(self.status, &body)
            }
            (Form::Pi, false) => {
                let see = url.map(|url| format!("\n\nSee: {url}")).unwrap_or_default();
                text(self.status, format!("{}\n{}\n{see}", self.title, self.message))
            }
        }
    }
}

macro_rules! refusals {
    ($($name:ident = $status:literal $title:literal $message:literal $page:literal;)*) => {
        $(pub(super) const $name: Refusal = Refusal { status: $status, title: $title, message: $message, page: $page };)*
    };
}

refusals! {
    NOT_FOUND = 404 "Not Found" "Resource you want not found." "not-found";
    NO_FILE = 404 "File Not Found" "File you want was not found." "not-found";
    NO_STORAGE = 404 "Location Not Found" "Location not found, use local." "location-not-found";
    FORBIDDEN = 403 "Forbidden" "" "";
    BAD_REQUEST = 400 "Bad Request" "" "";
    NOT_ALLOWED = 405 "Method Not Allowed" "" "";
    NOT_CURRENT = 404 "Not Current Job" "Given job id does not belong to current job" "not-found";
    NOT_PRINTING = 409 "Printer Is Not Printing" "Operation you want can only be done when printer is printing." "";
    NOT_PAUSED = 409 "Printer Is Not Paused" "Operation you want can only be done when printer is paused." "";
    CONFLICT = 409 "Conflict" "" "";
    NOT_IN_STATE = 409 "Not in state to print" "Printer is not in state to print." "not-state-to-print";
    CANNOT_PRINT = 409 "Conflict" "Can't print right now" "";
    EXISTS = 409 "File Already Exists" "File already exists." "file-already-exists";
    PRINTED = 409 "File is currently printed" "You try to do an operation with the file, which is currently printed." "file-currently-printed";
    BUSY = 409 "Conflict" "File is busy" "";
    LOCKED = 409 "SD Card Read Only" "SD Card storage is read only." "entity-too-large";
    NO_LENGTH = 411 "Length Required" "Missing Content-Length header or no content in request." "length-required";
    EMPTY = 501 "Not Implemented" "0-sized files aren't implemented" "";
    WRONG_TYPE = 415 "Unsupported Media Type" "Only G-Code for FDM printer can be uploaded." "unsupported-media-type";
    NO_GCODE = 415 "Unsupported Media Type" "Not a GCODE" "";
    NO_DRIVE = 507 "Insufficient Storage" "Missing USB drive" "";
    FULL = 507 "Insufficient Storage" "USB drive full" "";
    BROKEN = 500 "Internal Server Error" "" "";
}
