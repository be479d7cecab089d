//! The shell against a server that says what it is told to, over real sockets of this machine.

use std::path::PathBuf;
use std::sync::Arc;

use domain::file::ContentHash;
use domain::secret::Secret;
use domain::time::Timestamp;
use http::Method;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::*;
use crate::contract::{Content, Input, Output, PrinterProtocol};
use crate::{Blobs, Outside};

#[tokio::test]
async fn an_answer_comes_with_its_status_its_headers_and_its_body() {
    let page = "HTTP/1.1 409 Conflict\r\nlocation: /x\r\nset-cookie: a=b\r\ncontent-length: 2\r\n\r\nno";
    let Wire::Answer(answer) = asked(page, get()).await else { panic!("no answer") };
    assert_eq!((answer.id, answer.status, &answer.body[..]), (7, 409, &b"no"[..]));
    assert_eq!(answer.headers, [("location", "/x".to_owned())]);
}

#[tokio::test]
async fn a_redirect_is_an_answer_and_is_not_followed() {
    let page = "HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n";
    let Wire::Answer(answer) = asked(page, get()).await else { panic!("no answer") };
    assert_eq!(answer.status, 302);
}

#[tokio::test]
async fn a_body_beyond_the_limit_is_no_answer() {
    let page = format!("HTTP/1.1 200 OK\r\n\r\n{}", "x".repeat(MAX_BODY_BYTES + 1));
    assert_eq!(asked(&page, get()).await, Wire::NoAnswer { id: 7, why: NoAnswer::TooLarge });
}

#[tokio::test]
async fn a_server_that_hangs_up_has_cut_the_call_and_a_silent_one_is_silent() {
    let cut = asked("", get()).await;
    assert!(matches!(cut, Wire::NoAnswer { id: 7, why: NoAnswer::Cut(_) }), "{cut:?}");
    let never = Call { deadline_ms: 1, ..get() };
    assert_eq!(
        asked("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n", never).await,
        Wire::NoAnswer { id: 7, why: NoAnswer::Silent }
    );
}

#[tokio::test]
async fn content_that_is_not_here_or_not_as_long_as_it_should_be_is_not_sent() {
    for size_bytes in [0, 1] {
        let content = Content { sha256: ContentHash::new([0; 32]), size_bytes, extension: "gcode".to_owned() };
        let file = FilePart { field: "file", name: "a.gcode".to_owned(), content };
        let body = Body::Multipart { fields: Vec::new(), file: Some(file) };
        let upload = Call { method: Method::POST, body, ..get() };
        assert_eq!(asked("", upload).await, Wire::NoAnswer { id: 7, why: NoAnswer::ContentMissing });
    }
}

#[tokio::test]
async fn a_handshake_that_is_refused_is_a_closed_socket() {
    let page = "HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n";
    let open = Ask::OpenSocket { path: "/socket".to_owned(), headers: Vec::new() };
    let why = "the server answered 403 to the socket's handshake".to_owned();
    assert_eq!(come(page, vec![open]).await, Wire::SocketClosed { why });
}

#[tokio::test]
async fn nothing_is_heard_of_what_was_given_up() {
    let given_up = Call { id: 6, ..get() };
    let asks = vec![Ask::Call(given_up), Ask::Abandon(6), Ask::Call(get())];
    let Wire::Answer(answer) = come("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", asks).await else { panic!("no answer") };
    assert_eq!(answer.id, 7);
}

#[tokio::test]
async fn a_dropped_connection_ends_the_driver() {
    let server = serve("").await;
    let (ended, end) = tokio::sync::oneshot::channel();
    let core = Scripted { asks: Vec::new(), heard: None, _ended: Some(ended) };
    drop(drive(core, address(&server), outside()).unwrap());
    assert!(end.await.is_err(), "the core was dropped");
}

/// A core that asks what it is told to ask, and passes on the first thing that comes.
struct Scripted {
    asks: Vec<Ask>,
    heard: Option<tokio::sync::oneshot::Sender<Wire>>,
    _ended: Option<tokio::sync::oneshot::Sender<()>>,
}

impl PrinterProtocol for Scripted {
    type Wire = Wire;
    type Ask = Ask;

    fn handle(&mut self, _: Timestamp, input: Input<Wire>) -> Vec<Output<Ask>> {
        if let Input::Wire(wire) = input
            && let Some(heard) = self.heard.take()
        {
            heard.send(wire).unwrap();
        }
        self.asks.drain(..).map(Output::Ask).collect()
    }
}

struct NoBlobs;

impl Blobs for NoBlobs {
    fn path(&self, _: &ContentHash) -> Option<PathBuf> {
        Some(PathBuf::from("/nowhere"))
    }
}

fn outside() -> Outside {
    Outside { blobs: Arc::new(NoBlobs), now: Arc::new(|| Timestamp::from_millis(0)), authorities: Arc::default() }
}

fn get() -> Call {
    let headers = vec![("x-api-key", Secret::new("key".to_owned()))];
    Call { id: 7, method: Method::GET, path: "/a".to_owned(), headers, body: Body::Empty, deadline_ms: 60_000 }
}

fn address(text: &str) -> WebAddress {
    WebAddress::read(text).unwrap()
}

async fn asked(page: &str, call: Call) -> Wire {
    come(page, vec![Ask::Call(call)]).await
}

/// What first comes back when this is asked of a server that answers every request with that page.
async fn come(page: &str, asks: Vec<Ask>) -> Wire {
    let (heard, came) = tokio::sync::oneshot::channel();
    let server = serve(page).await;
    let core = Scripted { asks, heard: Some(heard), _ended: None };
    let _connection = drive(core, address(&server), outside()).unwrap();
    came.await.unwrap()
}

/// A server for as long as the test runs. It keeps the connection of an answer that promises more.
async fn serve(page: &str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let page = page.to_owned();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let page = page.clone();
            tokio::spawn(async move {
                let mut request = [0; 4096];
                let _ = stream.read(&mut request).await;
                let _ = stream.write_all(page.as_bytes()).await;
                if page.contains("content-length: 9") {
                    let _ = stream.read(&mut request).await;
                }
            });
        }
    });
    url
}
