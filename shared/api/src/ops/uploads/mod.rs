//! Uploads that come in pieces, by tus 1.0: creation, termination, expiration. What is said of an upload's offset is
//! durable; its last byte is counted only when the file is made, so that whoever is told the end has a file.

mod append_upload;
mod create_upload;
mod delete_upload;
mod get_upload;

use std::collections::BTreeSet;

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use contract::operation::Contract;
use contract::ops::uploads::Upload as Shown;
use contract::problem::{Code, Problem};
use domain::id::UploadId;
use domain::time::Timestamp;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use store::{By as Stamp, Store, StoreError, Upload};

use super::files::LARGEST;
use crate::blobs::Blobs;
use crate::door::Door;
use crate::operation::{By, Failure};

/// What is spoken.
const VERSION: &str = "1.0.0";
/// The path below which it is spoken.
const PLACE: &str = "/v1/uploads";
/// So long is waited for the next piece.
const KEPT_SECONDS: i64 = 24 * 3600;
/// Uploads that a store may have begun and not finished.
const UNFINISHED: u64 = 100;

/// Says in every answer below `/v1/uploads` which tus is spoken, and to `OPTIONS` what of it.
pub async fn speak_tus(request: Request, next: Next) -> Response {
    let place = request.uri().path().strip_prefix(PLACE).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    let asks = request.method() == Method::OPTIONS;
    let mut response = next.run(request).await;
    if place {
        let headers = response.headers_mut();
        headers.insert("tus-resumable", HeaderValue::from_static(VERSION));
        headers.insert("tus-version", HeaderValue::from_static(VERSION));
        if asks {
            headers.insert("tus-extension", HeaderValue::from_static("creation,termination,expiration"));
            put(headers, "tus-max-size", LARGEST.to_string());
        }
    }
    response
}

/// Throws away what nobody finished in time, and bytes that no upload names.
///
/// # Errors
/// What the database says.
pub async fn tidy(store: &Store, blobs: &Blobs, by: Stamp) -> Result<(), StoreError> {
    store.write(by, |tx| tx.forget_expired_uploads()).await?;
    let known: BTreeSet<String> = store.read(|rows| rows.uploads_that_come())?.iter().map(ToString::to_string).collect();
    let ours = |name: &String| name.split('.').next().is_some_and(|id| id.parse::<UploadId>().is_ok());
    for name in blobs.partials().iter().filter(|name| ours(name) && !known.contains(*name)) {
        blobs.drop_partial(name);
    }
    Ok(())
}

/// An upload of that caller's own.
fn find<C: Contract>(by: &By<C>, door: &Door, id: UploadId) -> Result<Upload, Failure> {
    let found = door.store.read(|rows| rows.upload(id))?;
    let own = found.filter(|upload| upload.store == by.store && upload.state.actor == by.actor);
    own.filter(|upload| upload.expires_at > door.now()).ok_or_else(|| Problem::not_found(id).into())
}

/// Where an upload stands: what was written down as durable, as far as it is still there.
fn stands_at(door: &Door, upload: &Upload) -> u64 {
    if upload.offset_bytes == upload.size_bytes {
        return upload.size_bytes;
    }
    upload.offset_bytes.min(door.blobs.partial_size(&upload.id.to_string()))
}

fn shown(upload: &Upload, offset_bytes: u64) -> Shown {
    Shown {
        id: upload.id,
        name: upload.state.name.clone(),
        size_bytes: upload.size_bytes,
        offset_bytes,
        expires_at: upload.expires_at,
        file_id: upload.state.file_id,
        command_id: upload.state.command_id,
    }
}

/// What tus tells of an upload in headers.
fn tell(response: &mut Response, upload: &Upload, offset_bytes: u64) {
    let headers = response.headers_mut();
    put(headers, "upload-offset", offset_bytes.to_string());
    if offset_bytes < upload.size_bytes {
        put(headers, "upload-expires", http_date(upload.expires_at));
    }
    if let Some(file) = upload.state.file_id {
        put(headers, "gantry-file", file.to_string());
    }
}

fn put(headers: &mut HeaderMap, name: &'static str, value: String) {
    if let Ok(value) = HeaderValue::try_from(value) {
        headers.insert(HeaderName::from_static(name), value);
    }
}

/// The time as HTTP writes it.
fn http_date(time: Timestamp) -> String {
    let time = jiff::Timestamp::from_millisecond(time.millis()).unwrap_or_default();
    time.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

/// Refuses another version; who names none is believed.
fn spoken(headers: &HeaderMap) -> Result<(), Problem> {
    match headers.get("tus-resumable") {
        Some(version) if version != VERSION => Err(Problem::new(Code::TusVersion)),
        Some(_) | None => Ok(()),
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Result<Option<&'a str>, Problem> {
    let plain = |value: &'a HeaderValue| {
        value.to_str().map_err(|_| Problem::field(format!("header/{name}"), "invalid", "must be plain text"))
    };
    headers.get(name).map(plain).transpose()
}

fn number(headers: &HeaderMap, name: &str) -> Result<u64, Problem> {
    let text = text(headers, name)?.ok_or_else(|| Problem::field(format!("header/{name}"), "missing", "must be given"))?;
    // What parses as a number for Rust but not for HTTP, such as `+5`, is none.
    let digits = Some(text).filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
    digits
        .and_then(|text| text.parse().ok())
        .ok_or_else(|| Problem::field(format!("header/{name}"), "invalid", "must be a number of bytes"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_told_as_http_writes_it() {
        assert_eq!(http_date(Timestamp::from_millis(784_111_777_000)), "Sun, 06 Nov 1994 08:49:37 GMT");
    }

    #[test]
    fn a_number_of_bytes_has_digits_only() {
        for (text, number) in [("0", Some(0)), ("12", Some(12)), ("", None), ("+5", None), ("-1", None), ("1.0", None)] {
            let headers = HeaderMap::from_iter([(HeaderName::from_static("upload-offset"), HeaderValue::from_static(text))]);
            assert_eq!(super::number(&headers, "upload-offset").ok(), number, "{text:?}");
        }
        assert!(super::number(&HeaderMap::new(), "upload-offset").is_err());
    }
}
