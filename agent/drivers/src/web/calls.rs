//! Carries out one HTTP call. Follows no redirect: a start that comes back as the GET of another page
//! would look like an accepted one, and a key must not travel to another host.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::StreamExt as _;
use reqwest::multipart::{Form, Part};
use reqwest::{Client, ClientBuilder, RequestBuilder, Response, redirect};
use tokio_util::io::ReaderStream;

use super::{Answer, Body, Call, FilePart, KEPT_HEADERS, MAX_BODY_BYTES, NoAnswer, WebAddress};
use crate::contract::LinkProblem;

/// Bytes that are read from a file at once.
const CHUNK_BYTES: usize = 64 * 1024;

/// A client for one address, which keeps its connections open.
///
/// # Errors
/// What is wrong with the address.
pub fn client(address: &WebAddress) -> Result<Client, LinkProblem> {
    // A second installation is refused and changes nothing.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let builder = ClientBuilder::new()
        .no_proxy()
        .redirect(redirect::Policy::none())
        .connect_timeout(Duration::from_secs(10))
        .pool_max_idle_per_host(2);
    // The system's roots cost a megabyte a client: only who asks for TLS pays it.
    let builder = if address.is_encrypted() { builder } else { builder.tls_certs_only([]) };
    builder.build().map_err(|why| LinkProblem::BadSetting { setting: "address", detail: why.to_string() })
}

/// The file of a call's content, if the call has one and its bytes are here.
pub(super) enum Source {
    /// The call has none.
    None,
    /// They lie there.
    At(PathBuf),
    /// They are not here.
    Missing,
}

/// Makes the call; `uploaded` is told how many bytes of the content have left.
pub(super) async fn carry_out(
    client: Client,
    url: String,
    call: Call,
    source: Source,
    uploaded: impl Fn(u64) + Send + Sync + 'static,
) -> Result<Answer, NoAnswer> {
    let id = call.id;
    let deadline = Duration::from_millis(call.deadline_ms);
    let moved = Arc::new(AtomicU64::new(0));
    let request = call
        .headers
        .iter()
        .fold(client.request(call.method, url), |request, (name, value)| request.header(*name, value.expose()));
    let request = with_body(request, call.body, source, Arc::clone(&moved), uploaded).await?;
    let answer = async {
        let response = request.send().await.map_err(|why| no_answer(&why))?;
        read(id, response).await
    };
    while_it_moves(deadline, &moved, answer).await
}

async fn with_body(
    request: RequestBuilder,
    body: Body,
    source: Source,
    moved: Arc<AtomicU64>,
    uploaded: impl Fn(u64) + Send + Sync + 'static,
) -> Result<RequestBuilder, NoAnswer> {
    match body {
        Body::Empty => Ok(request),
        Body::Json(value) => Ok(request.json(&value)),
        Body::Content(content) => {
            let size = content.size_bytes;
            let stream = streamed(source, size, moved, uploaded).await?;
            Ok(request.header("content-length", size).body(stream))
        }
        Body::Multipart { fields, file } => {
            let form = fields.into_iter().fold(Form::new(), |form, (name, value)| form.text(name, value));
            let Some(FilePart { field, name, content }) = file else { return Ok(request.multipart(form)) };
            let size = content.size_bytes;
            let stream = streamed(source, size, moved, uploaded).await?;
            Ok(request.multipart(form.part(field, Part::stream_with_length(stream, size).file_name(name))))
        }
    }
}

/// The content from where it lies, if it is as long as it should be.
async fn streamed(
    source: Source,
    size: u64,
    moved: Arc<AtomicU64>,
    uploaded: impl Fn(u64) + Send + Sync + 'static,
) -> Result<reqwest::Body, NoAnswer> {
    let Source::At(path) = source else { return Err(NoAnswer::ContentMissing) };
    let file = tokio::fs::File::open(path).await.map_err(|_| NoAnswer::ContentMissing)?;
    let here = file.metadata().await.map_err(|_| NoAnswer::ContentMissing)?.len();
    if here != size {
        return Err(NoAnswer::ContentMissing);
    }
    let stream = ReaderStream::with_capacity(file, CHUNK_BYTES).inspect(move |chunk| {
        let bytes = chunk.as_ref().map_or(0, |chunk| u64::try_from(chunk.len()).unwrap_or(0));
        uploaded(moved.fetch_add(bytes, Ordering::Relaxed) + bytes);
    });
    Ok(reqwest::Body::wrap_stream(stream))
}

/// The outcome, unless nothing moves for as long as the deadline.
async fn while_it_moves<T>(
    deadline: Duration,
    moved: &AtomicU64,
    outcome: impl Future<Output = Result<T, NoAnswer>>,
) -> Result<T, NoAnswer> {
    let mut outcome = std::pin::pin!(outcome);
    loop {
        let before = moved.load(Ordering::Relaxed);
        match tokio::time::timeout(deadline, &mut outcome).await {
            Ok(outcome) => return outcome,
            Err(_) if moved.load(Ordering::Relaxed) == before => return Err(NoAnswer::Silent),
            Err(_) => {}
        }
    }
}

async fn read(id: u64, mut response: Response) -> Result<Answer, NoAnswer> {
    let kept = |name: &&'static str| {
        let value = response.headers().get(*name)?.to_str().ok()?;
        Some((*name, value.to_owned()))
    };
    let headers = KEPT_HEADERS.iter().filter_map(kept).collect();
    let status = response.status().as_u16();
    let mut body = BytesMut::new();
    while let Some(chunk) = response.chunk().await.map_err(|why| no_answer(&why))? {
        if body.len() + chunk.len() > MAX_BODY_BYTES {
            return Err(NoAnswer::TooLarge);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Answer { id, status, headers, body: Bytes::from(body) })
}

fn no_answer(why: &reqwest::Error) -> NoAnswer {
    let text = innermost(why);
    if why.is_connect() { NoAnswer::Unreachable(text) } else { NoAnswer::Cut(text) }
}

/// The cause behind the causes: the one that says `connection refused`.
pub(super) fn innermost(why: &dyn std::error::Error) -> String {
    let mut cause = why;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    cause.to_string()
}
