//! Begin an upload that comes in pieces.

use std::sync::Arc;

use axum::response::Response;
use base64::Engine;
use contract::operation::Contract;
use contract::ops::uploads::CreateUpload;
use contract::problem::{Code, Problem};
use domain::id::{Id, UploadId};
use domain::sliced::FileName;
use serde_json::json;
use store::{By as Stamp, Tx, Upload, UploadState};

use super::{KEPT_SECONDS, PLACE, UNFINISHED, number, put, shown, spoken, stands_at, tell, text};
use crate::door::Door;
use crate::forward::farm_of;
use crate::http::{Answer, respond};
use crate::operation::{By, Bytes, Failure, Streaming};
use crate::ops::files::LARGEST;
use crate::pipeline::{entry, request_key};

/// The longest `Upload-Metadata`.
const LONGEST: usize = 4096;

impl Bytes for CreateUpload {
    async fn serve(by: By<Self>, door: Arc<Door>, call: Streaming<Self>) -> Result<Response, Failure> {
        let Streaming { how, headers, .. } = call;
        spoken(&headers)?;
        if headers.contains_key("upload-defer-length") {
            let detail = "the length must be known from the beginning";
            return Err(Problem::field("header/upload-defer-length", "invalid", detail).into());
        }
        let size_bytes = number(&headers, "upload-length")?;
        if size_bytes == 0 {
            return Err(Problem::field("header/upload-length", "invalid", "a file has at least one byte").into());
        }
        if size_bytes > LARGEST {
            return Err(Problem::new(Code::BodyTooLarge).detail(format!("a file has at most {LARGEST} bytes")).into());
        }
        let metadata = text(&headers, "upload-metadata")?.unwrap_or_default().to_owned();
        let name = name(&metadata)?;
        let farm = if door.is_relay() { Some(farm_of(&door, &by, &how, None)?) } else { None };
        let asked = json!({"body": {"name": name, "size_bytes": size_bytes, "farm_id": farm}});
        let key = how.idempotency_key.as_ref();
        let derived = key.map(|key| UploadId::derived(request_key::<Self>(&door, by.store, &by.actor, key, &asked).digest()));
        if let Some(known) = derived.map(|id| door.store.read(|rows| rows.upload(id))).transpose()?.flatten() {
            return again(&door, &known, (size_bytes, name.as_str()));
        }
        door.room(by.store)?.holds(size_bytes)?;
        let state = UploadState {
            actor: by.actor.clone(),
            name: name.as_str().to_owned(),
            metadata,
            farm,
            idempotency_key: how.idempotency_key,
            file_id: None,
            command_id: None,
        };
        let (store, entry) = (by.store, entry(&by, door.now(), &asked));
        let stamp = Stamp { account_of: door.is_relay().then_some(store), ..Stamp::new(by.actor.clone(), door.now()) };
        let write = move |tx: &mut Tx<'_>| {
            if tx.rows().unfinished_uploads(store)?.uploads >= UNFINISHED {
                return Err(Problem::new(Code::TooManyUploads).detail(format!("at most {UNFINISHED} at once")).into());
            }
            let id = derived.unwrap_or_else(|| tx.new_id());
            let expires_at = tx.now().plus_seconds(KEPT_SECONDS);
            let upload = Upload { id, store, size_bytes, offset_bytes: 0, expires_at, state };
            tx.put_upload(&upload)?;
            tx.audit(&store::AuditEntry { subject: Some(id.to_string()), ..entry })?;
            Ok::<_, Failure>(upload)
        };
        answer(&door, &door.store.write(stamp, write).await?)
    }
}

fn again(door: &Door, known: &Upload, (size_bytes, name): (u64, &str)) -> Result<Response, Failure> {
    if known.size_bytes != size_bytes || known.state.name != name {
        return Err(Problem::new(Code::IdempotencyMismatch).into());
    }
    answer(door, known)
}

fn answer(door: &Door, upload: &Upload) -> Result<Response, Failure> {
    let offset = stands_at(door, upload);
    let mut response = respond(Answer::of(CreateUpload::STATUS, &shown(upload, offset))?);
    tell(&mut response, upload, offset);
    put(response.headers_mut(), "location", format!("{PLACE}/{}", upload.id));
    Ok(response)
}

/// The file's name out of pairs of a word and a value in Base64.
fn name(metadata: &str) -> Result<FileName, Problem> {
    let bad = |detail: &str| Problem::field("header/upload-metadata", "invalid", detail);
    if metadata.len() > LONGEST {
        return Err(bad(&format!("at most {LONGEST} bytes")));
    }
    let pairs = metadata.split(',').map(|pair| pair.trim().split_once(' ').unwrap_or((pair.trim(), "")));
    let value = |wanted: &str| pairs.clone().find(|(word, _)| *word == wanted).map(|(_, value)| value.trim());
    let missing = || Problem::field("header/upload-metadata", "missing", "must name the file: `filename` and its name in Base64");
    let coded = value("filename").or_else(|| value("name")).ok_or_else(missing)?;
    let bytes = base64::engine::general_purpose::STANDARD.decode(coded).map_err(|_| bad("`filename` must be in Base64"))?;
    let text = String::from_utf8(bytes).map_err(|_| bad("`filename` must be UTF-8"))?;
    FileName::try_from(text).map_err(|error| bad(&error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::name;

    #[test]
    fn the_name_is_found_among_other_pairs() {
        for (metadata, expected) in [
            ("filename YS5nY29kZQ==", Some("a.gcode")),
            ("filetype dGV4dA==,filename YS5nY29kZQ==", Some("a.gcode")),
            ("relativePath,name YS5nY29kZQ==", Some("a.gcode")),
            ("filename", None),
            ("", None),
            ("filename !!", None),
            ("filename Li4vYQ==", None),
            ("filename /w==", None),
        ] {
            let found = name(metadata).ok().map(|name| name.as_str().to_owned());
            assert_eq!(found.as_deref(), expected, "{metadata}");
        }
    }
}
