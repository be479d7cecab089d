//! Upload a file: read and hashed as it comes, refused at once if it is nothing to print.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::response::Response;
use contract::operation::{Asked, Contract};
use contract::ops::files::UploadFile;
use contract::problem::{Code, Problem};
use domain::file::{ContentHash, File};
use domain::id::FileId;
use domain::sliced::{FileName, Sliced};
use http::HeaderMap;
use store::{AuditEntry, Entropy, Tx};

use super::disk;
use crate::door::Door;
use crate::entropy::SystemEntropy;
use crate::http::{Answer, respond};
use crate::operation::{By, Bytes, Failure};

/// The largest file.
const LARGEST: u64 = 4 * 1024 * 1024 * 1024;
/// How long nothing may come.
const SILENCE: Duration = Duration::from_secs(30);

struct Arrived {
    name: FileName,
    hash: ContentHash,
    size: u64,
    sliced: Sliced,
}

impl Bytes for UploadFile {
    async fn serve(by: By<Self>, door: Arc<Door>, _: Asked<Self>, headers: HeaderMap, body: Body) -> Result<Response, Failure> {
        let farm = door.farm.as_ref().ok_or_else(|| Problem::new(Code::FarmOffline))?;
        let room = farm.floor().disk_room().ok_or_else(|| Problem::new(Code::DiskFull))?;
        let arrived = take_in(&door, &headers, body, room).await?;
        let stamp = store::By::new(by.actor.clone(), door.now());
        let (id, made) = door
            .store
            .write(stamp, {
                let entry = entry(&by, &arrived);
                move |tx| put(tx, arrived, entry)
            })
            .await?;
        let view = door.store.read(|rows| by.view::<File>(rows, id))?;
        Ok(respond(Answer::of(if made { Self::STATUS } else { 200 }, &view)?))
    }
}

/// Takes the one part `file` in.
async fn take_in(door: &Door, headers: &HeaderMap, body: Body, room: u64) -> Result<Arrived, Failure> {
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
            if size > room {
                return Err(Problem::new(Code::DiskFull).detail(format!("there is room for {room} bytes")).into());
            }
            incoming.write(&piece).await.map_err(|error| disk(&error))?;
            reader.feed(&piece);
        }
        let sliced = reader.finish().map_err(|refusal| Problem::new(Code::FileRefused).detail(refusal))?;
        let size = incoming.size();
        let hash = incoming.keep(&door.blobs).await.map_err(|error| disk(&error))?;
        arrived = Some(Arrived { name, hash, size, sliced });
    }
    arrived.ok_or_else(|| Problem::field("/file", "missing", "the form has no part `file`").into())
}

async fn in_time<T>(waiting: impl Future<Output = T>) -> Result<T, Problem> {
    let late = |_| Problem::new(Code::MalformedRequest).detail("nothing came for 30 seconds");
    tokio::time::timeout(SILENCE, waiting).await.map_err(late)
}

/// The same content under the same name is the same file: an upload that is repeated makes nothing new.
fn put(tx: &mut Tx<'_>, arrived: Arrived, entry: AuditEntry) -> Result<(FileId, bool), Failure> {
    let same = tx.rows().all_where::<File>("sha256", &[&arrived.hash.to_string()])?;
    if let Some(known) = same.into_iter().find(|known| known.record.name == arrived.name.as_str()) {
        return Ok((known.record.id, false));
    }
    let id: FileId = tx.new_id();
    let file = File {
        id,
        name: arrived.name.as_str().to_owned(),
        sha256: arrived.hash,
        size_bytes: arrived.size,
        sliced: arrived.sliced,
        created_by: tx.actor().clone(),
        created_at: tx.now(),
    };
    tx.create(&file)?;
    tx.audit(&AuditEntry { at: tx.now(), subject: Some(id.to_string()), ..entry })?;
    Ok((id, true))
}

fn entry(by: &By<UploadFile>, arrived: &Arrived) -> AuditEntry {
    AuditEntry {
        at: domain::time::Timestamp::from_millis(0),
        actor: by.actor.clone(),
        from: by.from.map(|from| from.to_string()),
        operation: UploadFile::ID.to_owned(),
        subject: None,
        request_id: Some(by.request_id.clone()),
        asked: serde_json::json!({"name": arrived.name.as_str(), "sha256": arrived.hash.to_string()}),
    }
}
