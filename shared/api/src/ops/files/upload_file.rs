//! Upload a file: read and hashed as it comes, refused at once if it is nothing to print. At a relay too: the farm is
//! then told its hash, and comes for the bytes.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::response::Response;
use contract::operation::{Asked, from_json};
use contract::ops::files::UploadFile;
use contract::problem::{Code, Problem};
use domain::sliced::FileName;
use http::HeaderMap;
use serde_json::Value;
use store::Entropy;

use super::arrived::create;
use super::{Arrived, LARGEST, disk, make};
use crate::door::Door;
use crate::entropy::SystemEntropy;
use crate::forward::farm_of;
use crate::http::{Answer, respond};
use crate::keep::Room;
use crate::operation::{By, Bytes, Failure, Streaming};
use crate::request::How;

/// How long nothing may come.
const SILENCE: Duration = Duration::from_secs(30);

impl Bytes for UploadFile {
    async fn serve(by: By<Self>, door: Arc<Door>, call: Streaming<Self>) -> Result<Response, Failure> {
        // For which farm, and whether there is room: asked before the first byte is read.
        let farm = if door.is_relay() { Some(farm_of(&door, &by, &call.how, None)?) } else { None };
        let room = door.room(by.store)?;
        let arrived = take_in(&door, &call.headers, call.body, room).await?;
        Ok(respond(make(&by, &door, &call.how, farm, arrived).await?))
    }

    /// The bytes lie at the relay. Only the line brings this: nobody else can name content that they do not send.
    async fn forwarded(by: By<Self>, door: Arc<Door>, _: Asked<Self>, how: How, body: Value) -> Result<Answer, Failure> {
        let arrived: Arrived = from_json(body).map_err(|error| error.at(""))?;
        door.room(by.store)?.holds(arrived.size_bytes)?;
        create(&by, &door, &how, arrived, false).await
    }
}

/// Takes the one part `file` in.
async fn take_in(door: &Door, headers: &HeaderMap, body: Body, room: Room) -> Result<Arrived, Failure> {
    let media = headers.get(http::header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let boundary = multer::parse_boundary(media)
        .map_err(|_| Problem::new(Code::UnsupportedMediaType).detail("send multipart/form-data with one part `file`"))?;
    let mut form = multer::Multipart::new(body.into_data_stream(), boundary);
    let broken = |error: multer::Error| Problem::new(Code::MalformedRequest).detail(error);
    let mut arrived = None;
    while let Some(mut part) = in_time(form.next_field()).await?.map_err(broken)? {
        if part.name() != Some("file") {
            let name = part.name().unwrap_or_default().chars().take(60).collect::<String>();
            return Err(Problem::field(format!("/{name}"), "unknown_field", "the form has one part, `file`").into());
        }
        if arrived.is_some() {
            return Err(Problem::field("/file", "invalid", "one file at a time").into());
        }
        let given = part.file_name().unwrap_or_default().to_owned();
        let name = FileName::try_from(given).map_err(|error| Problem::field("/file", "invalid", error))?;
        let mut random = [0; 16];
        SystemEntropy.fill(&mut random);
        let unique: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
        let mut incoming = door.blobs.begin(&unique).await.map_err(|error| disk(&error))?;
        let mut reader = files::Reader::new(name.clone());
        while let Some(piece) = in_time(part.chunk()).await?.map_err(broken)? {
            let size = incoming.size() + piece.len() as u64;
            if size > LARGEST {
                return Err(Problem::new(Code::BodyTooLarge).detail(format!("a file has at most {LARGEST} bytes")).into());
            }
            room.holds(size)?;
            incoming.write(&piece).await.map_err(|error| disk(&error))?;
            reader.feed(&piece);
        }
        let sliced = reader.finish().map_err(|refusal| Problem::new(Code::FileRefused).detail(refusal))?;
        let size_bytes = incoming.size();
        let sha256 = incoming.keep(&door.blobs).await.map_err(|error| disk(&error))?;
        arrived = Some(Arrived { name, sha256, size_bytes, sliced });
    }
    arrived.ok_or_else(|| Problem::field("/file", "missing", "the form has no part `file`").into())
}

async fn in_time<T>(waiting: impl Future<Output = T>) -> Result<T, Problem> {
    let late = |_| Problem::new(Code::MalformedRequest).detail("nothing came for 30 seconds");
    tokio::time::timeout(SILENCE, waiting).await.map_err(late)
}
