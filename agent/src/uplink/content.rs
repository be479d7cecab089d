//! Content between this agent and its relay, by plain HTTP beside the line. What was uploaded there is fetched, also over
//! cuts and restarts, and counts only when its hash is right and the farm's own reader has read it. What the relay asks
//! for is brought.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use api::blobs::Turn;
use api::clock::Stopwatch;
use api::facts;
use api::operation::Failure;
use contract::problem::{Code, Problem};
use domain::actor::Actor;
use domain::file::{ContentHash, File, FileContent};
use domain::sliced::FileName;
use drivers::web::{WebAddress, client};
use futures_util::StreamExt;
use http::{StatusCode, header};
use store::{By, StoreError, Tx};
use tokio::sync::broadcast::error::RecvError;
use tokio::task::JoinSet;
use tokio_util::io::ReaderStream;

use super::{OpenSession, Uplink};

/// How long nothing may come.
const SILENCE: Duration = Duration::from_secs(30);
/// After so many bytes they are made durable: no more is fetched again after a crash.
const CHECKPOINT: u64 = 8 * 1024 * 1024;
/// The first wait after it went wrong; each further one is twice as long.
const FIRST_WAIT: Duration = Duration::from_secs(2);
/// The longest wait.
const LONGEST_WAIT: Duration = Duration::from_secs(600);
/// How often it is looked again though nothing was told.
const EACH: Duration = Duration::from_secs(60);
/// So much is brought at the same time.
const AT_ONCE: usize = 4;

/// What the names of content begin with that is being fetched.
pub const FETCHED: &str = "fetch-";

/// The name of content that is being fetched.
pub fn fetched_as(sha256: &ContentHash) -> String {
    format!("{FETCHED}{sha256}")
}

/// What became of a try to fetch.
enum Fetched {
    /// It is here, or it is known that it never will be.
    Settled,
    /// Not now.
    Again(String),
}

/// A try that went wrong: when the next one is due.
struct Wait {
    since: Stopwatch,
    wait: Duration,
}

/// Fetches what was promised to this farm, for as long as the agent runs. The smallest goes first: a job that is nearly
/// ready does not wait for a long file.
pub async fn fetch(uplink: Arc<Uplink>) {
    let (mut head, mut open) = (uplink.door.store.head(), uplink.open.subscribe());
    let mut waits: BTreeMap<ContentHash, Wait> = BTreeMap::new();
    loop {
        head.mark_unchanged();
        let session = open.borrow_and_update().clone();
        let due = match (session, wanted(&uplink)) {
            (Some(session), Ok(files)) => {
                let due = |file: &File| waits.get(&file.sha256).is_none_or(|wait| wait.since.elapsed() >= wait.wait);
                files.into_iter().find(due).map(|file| (session, file))
            }
            (None, Ok(_)) => None,
            (_, Err(error)) => {
                tracing::error!(%error, "what is to be fetched cannot be read");
                None
            }
        };
        if let Some((session, file)) = due {
            match one(&uplink, &session, &file).await {
                Fetched::Settled => drop(waits.remove(&file.sha256)),
                Fetched::Again(why) => {
                    tracing::info!(file = %file.id, why, "content could not be fetched; it will be tried again");
                    let wait = waits.get(&file.sha256).map_or(FIRST_WAIT, |wait| (wait.wait * 2).min(LONGEST_WAIT));
                    waits.insert(file.sha256, Wait { since: Stopwatch::start(), wait });
                }
            }
            continue;
        }
        let next = waits.values().map(|wait| wait.wait.saturating_sub(wait.since.elapsed())).min().unwrap_or(EACH).min(EACH);
        tokio::select! {
            changed = head.changed() => if changed.is_err() { return },
            // Another session: what went wrong with the one before says nothing of it.
            changed = open.changed() => match changed { Ok(()) => waits.clear(), Err(_) => return },
            () = tokio::time::sleep(next) => {}
        }
    }
}

fn wanted(uplink: &Uplink) -> Result<Vec<File>, StoreError> {
    let (store, word) = (uplink.door.home().store_id, FileContent::OnItsWay.word());
    let rows = uplink.door.store.read(|rows| rows.of_store_where::<File>(store, "content", &[word]))?;
    let mut files: Vec<File> = rows.into_iter().map(|row| row.record).collect();
    files.sort_by_key(|file| file.size_bytes);
    Ok(files)
}

async fn one(uplink: &Uplink, session: &OpenSession, file: &File) -> Fetched {
    let again = |why: &dyn std::fmt::Display| Fetched::Again(why.to_string());
    let blobs = &uplink.door.blobs;
    let name = fetched_as(&file.sha256);
    let Some(turn) = blobs.turn(&name).await else { return again(&"it is being fetched") };
    match bytes(uplink, session, file, &turn, &name).await {
        Ok(true) => {}
        Ok(false) => {
            return written(uplink, file, Err((FileContent::Missing, "the relay no longer has it: upload it again".into())))
                .await;
        }
        Err(why) => return again(&why),
    }
    let file_name: FileName = match file.name.parse() {
        Ok(name) => name,
        Err(error) => return written(uplink, file, Err((FileContent::Refused, format!("its name is refused: {error}")))).await,
    };
    let found = match blobs.examine(&turn, file_name).await {
        Ok(found) => found,
        Err(error) => return again(&error),
    };
    if found.sha256 != file.sha256 {
        blobs.drop_partial(&name);
        return again(&"other bytes came than were asked for");
    }
    if found.sliced.is_ok()
        && let Err(error) = blobs.keep_partial(&turn, &file.sha256).await
    {
        return again(&error);
    }
    let outcome = found.sliced.map_err(|refusal| (FileContent::Refused, refusal.to_string()));
    let settled = written(uplink, file, outcome).await;
    blobs.drop_partial(&name);
    settled
}

/// Brings the bytes into the partial content, behind those that are there already. False if the relay has none.
async fn bytes(uplink: &Uplink, session: &OpenSession, file: &File, turn: &Turn, name: &str) -> Result<bool, String> {
    let blobs = &uplink.door.blobs;
    let mut at = blobs.partial_size(name);
    if at > file.size_bytes {
        at = 0;
    }
    if at == file.size_bytes {
        return Ok(true);
    }
    let room = uplink.door.disk_room().map_err(|problem| problem.to_string())?;
    if room < file.size_bytes - at {
        return Err("the disk has no room for it".to_owned());
    }
    let (client, url) = way(session, &file.sha256)?;
    let request = client.get(url).bearer_auth(&session.content_token).header(header::RANGE, format!("bytes={at}-"));
    let answer = tokio::time::timeout(SILENCE, request.send()).await.map_err(|_| "no answer")?.map_err(|why| why.to_string())?;
    match answer.status() {
        StatusCode::PARTIAL_CONTENT => {
            let range = answer.headers().get(header::CONTENT_RANGE).and_then(|value| value.to_str().ok()).unwrap_or_default();
            if !range.starts_with(&format!("bytes {at}-")) {
                return Err("another range came than was asked for".to_owned());
            }
        }
        StatusCode::OK => at = 0,
        StatusCode::NOT_FOUND => {
            let problem = tokio::time::timeout(SILENCE, answer.json::<Problem>()).await;
            // Any other 404 is not the relay's word about this content.
            let gone = matches!(problem, Ok(Ok(problem)) if problem.code == Code::NotFound);
            return if gone { Ok(false) } else { Err("there is nothing at the relay's place for content".to_owned()) };
        }
        status => return Err(format!("the relay answered {status}")),
    }
    let mut partial = blobs.resume(turn, at).await.map_err(|error| error.to_string())?;
    let mut synced = at;
    let mut pieces = answer.bytes_stream();
    let broke = loop {
        let piece = match tokio::time::timeout(SILENCE, pieces.next()).await {
            Err(_) => break Some("nothing came for 30 seconds".to_owned()),
            Ok(Some(Err(error))) => break Some(error.to_string()),
            Ok(Some(Ok(piece))) => piece,
            Ok(None) => break None,
        };
        if partial.size() + piece.len() as u64 > file.size_bytes {
            break Some("more bytes came than it has".to_owned());
        }
        partial.write(&piece).await.map_err(|error| error.to_string())?;
        if partial.size() - synced >= CHECKPOINT {
            partial.sync().await.map_err(|error| error.to_string())?;
            synced = partial.size();
            uplink.door.disk_room().map_err(|problem| problem.to_string())?;
        }
    };
    partial.sync().await.map_err(|error| error.to_string())?;
    match broke {
        Some(why) => Err(why),
        None if partial.size() < file.size_bytes => Err("it broke off".to_owned()),
        None => Ok(true),
    }
}

/// Writes what is known now of all files with that content.
async fn written(uplink: &Uplink, file: &File, outcome: Result<domain::sliced::Sliced, (FileContent, String)>) -> Fetched {
    let door = &uplink.door;
    let (by, sha256) = (By::new(Actor::farm(door.home().farm_id), door.now()), file.sha256);
    let write = move |tx: &mut Tx<'_>| match &outcome {
        Ok(sliced) => facts::content_came(tx, &sha256, sliced),
        Err((content, why)) => facts::content_failed(tx, &sha256, *content, why),
    };
    match door.store.write(by, write).await {
        Ok(()) => Fetched::Settled,
        Err(failure) => Fetched::Again(Problem::from(failure as Failure).to_string()),
    }
}

/// Brings what the relay asks for, for as long as the agent runs. What it asks for while much is being brought is left:
/// it asks again.
pub async fn bring(uplink: Arc<Uplink>) {
    let mut heard = uplink.wanted.subscribe();
    let mut tasks: JoinSet<ContentHash> = JoinSet::new();
    let mut brought: Vec<ContentHash> = Vec::new();
    loop {
        let wanted = tokio::select! {
            heard = heard.recv() => heard,
            Some(done) = tasks.join_next() => {
                match done {
                    Ok(hash) => brought.retain(|known| *known != hash),
                    // It is not known which.
                    Err(_) => brought.clear(),
                }
                continue;
            }
        };
        let sha256 = match wanted {
            Ok(sha256) => sha256,
            Err(RecvError::Lagged(_)) => continue,
            Err(RecvError::Closed) => return,
        };
        if brought.len() >= AT_ONCE || brought.contains(&sha256) {
            continue;
        }
        brought.push(sha256);
        let uplink = Arc::clone(&uplink);
        tasks.spawn(async move {
            if let Err(why) = put(&uplink, sha256).await {
                tracing::info!(why, "content that the relay asked for was not brought");
            }
            sha256
        });
    }
}

/// Only what a file of the present store names leaves the farm.
async fn put(uplink: &Uplink, sha256: ContentHash) -> Result<(), String> {
    let store = uplink.door.home().store_id;
    let named = uplink.door.store.read(|rows| rows.of_store_where::<File>(store, "sha256", &[&sha256.to_string()]));
    let named = named.map_err(|error| error.to_string())?;
    if !named.iter().any(|row| row.record.content == FileContent::Here) {
        return Err("no file names it".to_owned());
    }
    let session = uplink.open.borrow().clone().ok_or("the line is gone")?;
    let place = uplink.door.blobs.find(&sha256).ok_or("its bytes are gone")?;
    let source = tokio::fs::File::open(place).await.map_err(|error| error.to_string())?;
    let size = source.metadata().await.map_err(|error| error.to_string())?.len();
    let (client, url) = way(&session, &sha256)?;
    let body = reqwest::Body::wrap_stream(ReaderStream::with_capacity(source, 64 * 1024));
    let request = client.put(url).bearer_auth(&session.content_token).header(header::CONTENT_LENGTH, size).body(body);
    let answer = request.send().await.map_err(|why| why.to_string())?;
    if answer.status().is_success() { Ok(()) } else { Err(format!("the relay answered {}", answer.status())) }
}

fn way(session: &OpenSession, sha256: &ContentHash) -> Result<(reqwest::Client, String), String> {
    let address = WebAddress::read(&session.relay_url).map_err(|problem| problem.to_string())?;
    let client = client(&address).map_err(|problem| problem.to_string())?;
    Ok((client, address.join(&format!("/tunnel/content/{sha256}"))))
}
