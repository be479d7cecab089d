//! Send the next bytes of an upload; with the last one the file is made.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::response::Response;
use contract::operation::Contract;
use contract::ops::files::UploadFile;
use contract::ops::uploads::AppendUpload;
use contract::problem::{Code, Problem};
use domain::id::UploadId;
use domain::sliced::FileName;
use futures_util::StreamExt;
use http::header::CONTENT_TYPE;
use serde_json::Value;
use store::{By as Stamp, Upload};
use tracing::Instrument;

use super::{KEPT_SECONDS, find, number, spoken, stands_at, tell};
use crate::auth::internal;
use crate::blobs::{Partial, Turn};
use crate::door::Door;
use crate::http::{Answer, respond};
use crate::operation::{By, Bytes, Failure, Streaming};
use crate::ops::files::{Arrived, disk, make};
use crate::request::How;

/// What the pieces are called.
const MEDIA: &str = "application/offset+octet-stream";
/// How long nothing may come.
const SILENCE: Duration = Duration::from_secs(30);
/// After so many bytes it is written down how far it is: no more of it is lost in a crash.
const CHECKPOINT: u64 = 8 * 1024 * 1024;

impl Bytes for AppendUpload {
    async fn serve(by: By<Self>, door: Arc<Door>, call: Streaming<Self>) -> Result<Response, Failure> {
        let Streaming { asked, headers, body, .. } = call;
        let id = find(&by, &door, asked.target.id)?.id;
        spoken(&headers)?;
        if headers.get(CONTENT_TYPE).is_none_or(|media| media != MEDIA) {
            return Err(Problem::new(Code::UnsupportedMediaType).detail(format!("send {MEDIA}")).into());
        }
        let offset = number(&headers, "upload-offset")?;
        // A line that breaks ends the call, but what came before shall be written down.
        let appended = tokio::spawn(append(by, door, id, offset, body).in_current_span());
        appended.await.map_err(|error| internal(&error))?
    }
}

async fn append(by: By<AppendUpload>, door: Arc<Door>, id: UploadId, offset: u64, body: Body) -> Result<Response, Failure> {
    let mut turn = door.blobs.turn(&id.to_string()).await.ok_or_else(|| Problem::new(Code::UploadBusy))?;
    let mut upload = find(&by, &door, id)?;
    let at = stands_at(&door, &upload);
    if offset != at {
        return Err(Problem::new(Code::UploadOffset).detail(format!("it stands at {at}, not at {offset}")).on(id).into());
    }
    if at == upload.size_bytes {
        return Ok(done(&upload));
    }
    let mut partial = door.blobs.resume(&turn, at).await.map_err(|error| disk(&error))?;
    let broke = take_in(&door, &mut turn, &mut partial, &mut upload, body).await;
    if partial.size() == upload.size_bytes && broke.is_ok() {
        partial.sync().await.map_err(|error| disk(&error))?;
        return finish(&by, &door, &turn, upload).await;
    }
    note(&door, &mut partial, &mut upload).await?;
    broke.map(|()| done(&upload))
}

/// Writes what comes until it ends, breaks, or somebody else goes on with it.
async fn take_in(door: &Door, turn: &mut Turn, partial: &mut Partial, upload: &mut Upload, body: Body) -> Result<(), Failure> {
    let mut pieces = body.into_data_stream();
    let refused = |why: &str| Err(Problem::new(Code::MalformedRequest).detail(why).into());
    loop {
        let piece = tokio::select! {
            biased;
            () = turn.asked_away() => return Err(Problem::new(Code::UploadBusy).into()),
            piece = tokio::time::timeout(SILENCE, pieces.next()) => piece,
        };
        let bytes = match piece {
            Err(_) => return refused("nothing came for 30 seconds"),
            Ok(Some(Err(_))) => return refused("the body broke off"),
            Ok(Some(Ok(bytes))) => bytes,
            Ok(None) => return Ok(()),
        };
        let left = upload.size_bytes - partial.size();
        if bytes.len() as u64 > left {
            return Err(Problem::new(Code::BodyTooLarge).detail(format!("the upload lacks {left} bytes")).into());
        }
        partial.write(&bytes).await.map_err(|error| disk(&error))?;
        let unnoted = partial.size() - upload.offset_bytes;
        if unnoted >= CHECKPOINT && partial.size() < upload.size_bytes {
            note(door, partial, upload).await?;
            door.disk_room()?;
        }
    }
}

/// Writes down how far it is, once that is durable. The last byte is never counted here.
async fn note(door: &Door, partial: &mut Partial, upload: &mut Upload) -> Result<(), Failure> {
    partial.sync().await.map_err(|error| disk(&error))?;
    upload.offset_bytes = partial.size().min(upload.size_bytes - 1);
    upload.expires_at = door.now().plus_seconds(KEPT_SECONDS);
    write_down(door, upload).await
}

async fn write_down(door: &Door, upload: &Upload) -> Result<(), Failure> {
    let (stamp, upload) = (Stamp::new(upload.state.actor.clone(), door.now()), upload.clone());
    Ok(door.store.write(stamp, move |tx| tx.put_upload(&upload)).await?)
}

/// All bytes are here: they are read, and become a file.
async fn finish(by: &By<AppendUpload>, door: &Door, turn: &Turn, mut upload: Upload) -> Result<Response, Failure> {
    let (id, name) = (upload.id, upload.id.to_string());
    let file_name: FileName = upload.state.name.parse().map_err(|error| internal(&error))?;
    let found = door.blobs.examine(turn, file_name.clone()).await.map_err(|error| disk(&error))?;
    let sliced = match found.sliced {
        Ok(sliced) => sliced,
        Err(refusal) => {
            let stamp = Stamp::new(by.actor.clone(), door.now());
            door.store.write(stamp, move |tx| tx.remove_upload(id)).await?;
            door.blobs.drop_partial(&name);
            return Err(Problem::new(Code::FileRefused).detail(refusal).into());
        }
    };
    door.blobs.keep_partial(turn, &found.sha256).await.map_err(|error| disk(&error))?;
    // At a relay the upload itself is a key: what was accepted, and its answer lost, is not accepted twice.
    let own_key = || upload.state.farm.map(|_| name.clone());
    let how = How { idempotency_key: upload.state.idempotency_key.clone().or_else(own_key), ..How::default() };
    let arrived = Arrived { name: file_name, sha256: found.sha256, size_bytes: found.size, sliced };
    let made = make(&by.also::<UploadFile>()?, door, &how, upload.state.farm, arrived).await?;
    let id_at = |place: &str| made.body.pointer(place).and_then(Value::as_str);
    upload.state.file_id = id_at("/id").and_then(|id| id.parse().ok());
    upload.state.command_id = id_at("/command/id").and_then(|id| id.parse().ok());
    upload.offset_bytes = upload.size_bytes;
    write_down(door, &upload).await?;
    door.blobs.drop_partial(&name);
    Ok(done(&upload))
}

fn done(upload: &Upload) -> Response {
    let mut response = respond(Answer { status: AppendUpload::STATUS, ..Answer::default() });
    tell(&mut response, upload, upload.offset_bytes);
    response
}
