//! The agent fetches content from a relay that is ours to make fail.

use std::sync::{Arc, Mutex};

use agent::uplink::OpenSession;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::{Router, routing::get};
use contract::problem::Problem;
use domain::actor::Actor;
use domain::file::{ContentHash, File, FileContent};
use domain::id::FileId;
use futures_util::stream;
use gantry_tests::until_it_holds;
use gantry_tests::uploads::long_gcode;
use http::{HeaderMap, StatusCode, header};
use sha2::{Digest, Sha256};
use store::{By, StoreError};

use crate::pair::Pair;

const MIB: usize = 1024 * 1024;

/// How the relay answers next.
#[derive(Clone)]
enum Answer {
    /// As it should, from the byte that is asked for.
    Whole(Arc<str>),
    /// It breaks off after so many bytes.
    Cut(Arc<str>, usize),
    /// It has nothing.
    Gone,
    /// Something else answers in its place.
    Strange,
}

/// A relay's door for content.
#[derive(Clone)]
struct Relay {
    answers: Arc<Mutex<Vec<Answer>>>,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Relay {
    /// Gives these answers, the last one for ever.
    async fn start(answers: Vec<Answer>) -> (Self, String) {
        let relay = Self { answers: Arc::new(Mutex::new(answers)), asked: Arc::default() };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new().route("/tunnel/content/{sha256}", get(give)).with_state(relay.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        (relay, url)
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

async fn give(State(relay): State<Relay>, Path(_): Path<String>, headers: HeaderMap) -> Response {
    assert_eq!(headers["authorization"], "Bearer token");
    let range = headers["range"].to_str().unwrap().to_owned();
    let from: usize = range.strip_prefix("bytes=").unwrap().trim_end_matches('-').parse().unwrap();
    relay.asked.lock().unwrap().push(range);
    let answer = {
        let mut answers = relay.answers.lock().unwrap();
        if answers.len() > 1 { answers.remove(0) } else { answers[0].clone() }
    };
    let (content, cut) = match answer {
        Answer::Whole(content) => (content, usize::MAX),
        Answer::Cut(content, at) => (content, at),
        Answer::Gone => return api::http::refuse(&Problem::not_found("it")),
        Answer::Strange => return (StatusCode::NOT_FOUND, "<html>nginx</html>").into_response(),
    };
    let bytes = content.as_bytes()[from..].to_vec();
    let mut pieces: Vec<Result<Vec<u8>, std::io::Error>> =
        bytes[..bytes.len().min(cut)].chunks(64 * 1024).map(|piece| Ok(piece.to_vec())).collect();
    if cut < bytes.len() {
        pieces.push(Err(std::io::ErrorKind::ConnectionReset.into()));
    }
    Response::builder()
        .status(StatusCode::PARTIAL_CONTENT)
        .header(header::CONTENT_RANGE, format!("bytes {from}-{}/{}", content.len() - 1, content.len()))
        .body(Body::from_stream(stream::iter(pieces)))
        .unwrap()
}

/// The line names content at the farm, and its session says where to fetch it.
async fn told(pair: &Pair, content: &str, url: &str) -> FileId {
    let door = &pair.farm.as_ref().unwrap().door;
    let by = By::new(Actor::farm(door.home().farm_id), door.now());
    let (sha256, size_bytes) = (ContentHash::new(Sha256::digest(content).into()), content.len() as u64);
    let write = move |tx: &mut store::Tx<'_>| {
        let id: FileId = tx.new_id();
        let file = File {
            id,
            name: "a.gcode".to_owned(),
            sha256,
            size_bytes,
            content: FileContent::OnItsWay,
            detail: None,
            sliced: Default::default(),
            created_by: tx.actor().clone(),
            created_at: tx.now(),
        };
        tx.create(&file)?;
        Ok::<_, StoreError>(id)
    };
    let id = door.store.write(by, write).await.unwrap();
    open(pair, url);
    id
}

fn open(pair: &Pair, url: &str) {
    let session = OpenSession { relay_url: url.to_owned(), content_token: "token".to_owned() };
    pair.farm.as_ref().unwrap().uplink.open.send_replace(Some(session));
}

fn file(pair: &Pair, id: FileId) -> File {
    pair.farm.as_ref().unwrap().door.store.read(|rows| rows.get::<File>(id)).unwrap().unwrap().record
}

async fn until(pair: &Pair, id: FileId, content: FileContent) {
    until_it_holds(content.word(), async || file(pair, id).content == content).await;
}

#[tokio::test]
async fn after_a_cut_and_a_restart_only_the_rest_is_fetched() {
    let content: Arc<str> = long_gcode(12 * MIB).into();
    let cut = Answer::Cut(Arc::clone(&content), 9 * MIB);
    let (relay, url) = Relay::start(vec![cut, Answer::Gone]).await;
    let mut pair = Pair::new().await;
    let id = told(&pair, &content, &url).await;
    let partial = pair.farm_folder().join("files/partial");
    let size = || std::fs::read_dir(&partial).unwrap().map(|file| file.unwrap().metadata().unwrap().len()).sum::<u64>();
    until_it_holds("most of it came", async || size() >= 8 * MIB as u64).await;
    pair.farm = None;
    *relay.answers.lock().unwrap() = vec![Answer::Whole(Arc::clone(&content))];
    pair.start_farm().await;
    open(&pair, &url);
    until(&pair, id, FileContent::Here).await;
    let asked = relay.asked();
    let from: usize = asked.last().unwrap().strip_prefix("bytes=").unwrap().trim_end_matches('-').parse().unwrap();
    assert_eq!(asked[0], "bytes=0-");
    assert!(from >= 8 * MIB, "{asked:?}");
    let found = file(&pair, id);
    assert!(found.sliced.bounds.is_some(), "what its own reader found");
    assert_eq!(std::fs::read_dir(&partial).unwrap().count(), 0);
}

#[tokio::test]
async fn other_bytes_than_were_named_never_count() {
    let content: Arc<str> = long_gcode(5000).into();
    let forged: Arc<str> = content.replace("X10", "X11").into();
    let (relay, url) = Relay::start(vec![Answer::Whole(forged), Answer::Strange, Answer::Whole(Arc::clone(&content))]).await;
    let pair = Pair::new().await;
    let id = told(&pair, &content, &url).await;
    until(&pair, id, FileContent::Here).await;
    assert_eq!(relay.asked(), ["bytes=0-"; 3]);
    let door = &pair.farm.as_ref().unwrap().door;
    assert_eq!(std::fs::read_to_string(door.blobs.find(&file(&pair, id).sha256).unwrap()).unwrap(), &*content);
}

#[tokio::test]
async fn what_the_farms_own_reader_refuses_is_marked_and_not_kept() {
    let (_, url) = Relay::start(vec![Answer::Whole("just some text\n".into())]).await;
    let pair = Pair::new().await;
    let id = told(&pair, "just some text\n", &url).await;
    until(&pair, id, FileContent::Refused).await;
    let refused = file(&pair, id);
    assert!(refused.detail.as_deref().is_some_and(|detail| detail.contains("a.gcode")), "{:?}", refused.detail);
    assert_eq!(pair.farm.as_ref().unwrap().door.blobs.find(&refused.sha256), None);
}

#[tokio::test]
async fn what_the_relay_no_longer_has_is_missing() {
    let (_, url) = Relay::start(vec![Answer::Gone]).await;
    let pair = Pair::new().await;
    let id = told(&pair, "G1 X1 E1\n", &url).await;
    until(&pair, id, FileContent::Missing).await;
    assert!(file(&pair, id).detail.unwrap().contains("upload it again"));
}
