//! Download a file's bytes; one range of them if asked. A relay asks the farm for what it does not keep.

use std::path::PathBuf;
use std::sync::Arc;

use axum::response::Response;
use contract::ops::files::DownloadFile;
use contract::problem::{Code, Problem};
use domain::farm::HomeIds;
use domain::file::{ContentHash, File, FileContent};
use http::{HeaderValue, header};
use serde::Deserialize;
use serde_json::Value;

use crate::auth::internal;
use crate::content;
use crate::door::Door;
use crate::keep;
use crate::operation::{By, Bytes, Failure, Streaming};

/// What a download needs of a file's record: also of one that a newer farm wrote.
#[derive(Deserialize)]
struct Wanted {
    name: String,
    sha256: ContentHash,
}

impl Bytes for DownloadFile {
    async fn serve(by: By<Self>, door: Arc<Door>, call: Streaming<Self>) -> Result<Response, Failure> {
        let Streaming { asked, how, headers, .. } = call;
        let id = asked.target.id;
        let raw = door.store.read(|rows| by.find_raw::<File>(rows, id))?;
        let word = raw.document.get("content").and_then(Value::as_str).unwrap_or(FileContent::Here.word()).to_owned();
        let wanted: Wanted = serde_json::from_value(Value::Object(raw.document)).map_err(|error| internal(&error))?;
        let place = match raw.farm_id.filter(|_| door.is_relay()) {
            Some(farm_id) => {
                let home = HomeIds { store_id: by.store, farm_id };
                keep::bring(&door, home, wanted.sha256, word == FileContent::Here.word(), how.wait_seconds).await?
            }
            None => door.blobs.find(&wanted.sha256),
        };
        let place: PathBuf = place.ok_or_else(|| gone(&word).on(id))?;
        let mut response = content::send(&place, &wanted.sha256, &headers).await?;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/x.gcode"));
        let name = format!("attachment; filename*=UTF-8''{}", escaped(&wanted.name));
        headers.insert(header::CONTENT_DISPOSITION, HeaderValue::try_from(name).map_err(|error| internal(&error))?);
        Ok(response)
    }
}

fn gone(word: &str) -> Problem {
    if word == FileContent::OnItsWay.word() {
        return Problem::new(Code::ContentOnItsWay);
    }
    Problem::new(Code::NotFound).detail("the file's bytes are gone: upload it again")
}

fn escaped(name: &str) -> String {
    let plain = |b: &u8| b.is_ascii_alphanumeric() || b"-_.".contains(b);
    name.bytes().map(|b| if plain(&b) { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
}
