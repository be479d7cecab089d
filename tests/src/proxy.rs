//! The line between an agent and a printer. It reads each request, so that a test can have exactly that
//! one lost, or its answer, and is told when it happened. It counts the starts that it lets through: no
//! agent can start a print twice behind its back.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use crate::PATIENCE;

/// What is lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lost {
    /// Nothing.
    Nothing,
    /// Uploads of files.
    Uploads,
    /// Starts: the printer is not touched.
    Starts,
    /// Answers to starts: the printer has done it.
    StartAnswers,
}

/// A line that runs.
pub struct Proxy {
    /// Where the agent finds it.
    pub url: String,
    inner: Arc<Inner>,
    losses: mpsc::UnboundedReceiver<()>,
    accepting: JoinHandle<()>,
}

struct Inner {
    printer: SocketAddr,
    lost: Mutex<Lost>,
    starts: Mutex<BTreeMap<String, u32>>,
    hang_ups: AtomicU32,
    tell: mpsc::UnboundedSender<()>,
    cut: watch::Sender<bool>,
}

struct Request {
    start: bool,
    upload: bool,
    upgrade: bool,
    path: String,
    bytes: Vec<u8>,
}

impl Proxy {
    /// A line to the printer at that URL.
    ///
    /// # Panics
    /// When the URL is no address.
    pub async fn to(url: &str) -> Self {
        let printer = url.strip_prefix("http://").unwrap().trim_end_matches('/').parse().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (tell, losses) = mpsc::unbounded_channel();
        let (lost, starts) = (Mutex::new(Lost::Nothing), Mutex::default());
        let inner = Arc::new(Inner { printer, lost, starts, hang_ups: AtomicU32::new(0), tell, cut: watch::channel(false).0 });
        let accepting = tokio::spawn(accept(listener, Arc::clone(&inner)));
        Self { url, inner, losses, accepting }
    }

    /// From now on this is lost, and only this.
    ///
    /// # Panics
    /// Never.
    pub fn lose(&self, lost: Lost) {
        *self.inner.lost.lock().unwrap() = lost;
    }

    /// Waits until something was lost.
    ///
    /// # Panics
    /// When nothing is lost in time.
    pub async fn has_lost(&mut self) {
        let heard = tokio::time::timeout(PATIENCE, self.losses.recv()).await;
        assert!(matches!(heard, Ok(Some(()))), "nothing came that could be lost");
    }

    /// Cuts the line, and keeps it cut.
    pub fn cut(&self) {
        self.inner.cut.send_replace(true);
    }

    /// Mends it.
    pub fn mend(&self) {
        self.inner.cut.send_replace(false);
    }

    /// How many starts came through, for each file.
    ///
    /// # Panics
    /// Never.
    pub fn starts(&self) -> Vec<u32> {
        self.inner.starts.lock().unwrap().values().copied().collect()
    }

    /// How often the printer broke a connection.
    pub fn hang_ups(&self) -> u32 {
        self.inner.hang_ups.load(Ordering::Relaxed)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
        self.cut();
    }
}

async fn accept(listener: TcpListener, inner: Arc<Inner>) {
    while let Ok((agent, _)) = listener.accept().await {
        if *inner.cut.borrow() {
            continue;
        }
        let inner = Arc::clone(&inner);
        tokio::spawn(async move {
            let mut cut = inner.cut.subscribe();
            tokio::select! {
                // Either side going is the end of the line; why does not matter.
                _ = carry(agent, &inner) => {}
                _ = cut.wait_for(|cut| *cut) => {}
            }
        });
    }
}

async fn carry(agent: TcpStream, inner: &Inner) -> io::Result<()> {
    let printer = TcpStream::connect(inner.printer).await?;
    let (from_agent, to_agent) = agent.into_split();
    let (from_printer, to_printer) = printer.into_split();
    let (deafen, deaf) = watch::channel(false);
    tokio::select! {
        done = forth(from_agent, to_printer, inner, deafen) => done,
        done = back(from_printer, to_agent, inner, deaf) => done,
    }
}

async fn forth(
    mut agent: OwnedReadHalf,
    mut printer: OwnedWriteHalf,
    inner: &Inner,
    deafen: watch::Sender<bool>,
) -> io::Result<()> {
    let mut known = Vec::new();
    while let Some(request) = next_request(&mut agent, &mut known).await? {
        let lost = *inner.lost.lock().unwrap();
        let swallowed = (lost == Lost::Starts && request.start) || (lost == Lost::Uploads && request.upload);
        if swallowed {
            let _ = inner.tell.send(()); // Nobody may be listening any more.
            return std::future::pending().await;
        }
        if request.start {
            *inner.starts.lock().unwrap().entry(request.path).or_default() += 1;
            deafen.send_replace(lost == Lost::StartAnswers);
        }
        printer.write_all(&request.bytes).await?;
        if request.upgrade {
            printer.write_all(&known).await?;
            tokio::io::copy(&mut agent, &mut printer).await?;
            return Ok(());
        }
    }
    Ok(())
}

async fn back(
    mut printer: OwnedReadHalf,
    mut agent: OwnedWriteHalf,
    inner: &Inner,
    deaf: watch::Receiver<bool>,
) -> io::Result<()> {
    let mut buffer = vec![0; 16 * 1024];
    loop {
        let read = printer.read(&mut buffer).await?;
        if read == 0 {
            inner.hang_ups.fetch_add(1, Ordering::Relaxed);
            return Ok(());
        }
        if *deaf.borrow() {
            let _ = inner.tell.send(()); // Nobody may be listening any more.
            return std::future::pending().await;
        }
        agent.write_all(&buffer[..read]).await?;
    }
}

/// The next request, whole; none at the end. What was read beyond it stays in `known`.
async fn next_request(agent: &mut OwnedReadHalf, known: &mut Vec<u8>) -> io::Result<Option<Request>> {
    loop {
        if let Some(length) = whole_length(known) {
            let bytes: Vec<u8> = known.drain(..length).collect();
            return Ok(Some(Request::read(bytes)));
        }
        let mut buffer = [0; 16 * 1024];
        let read = agent.read(&mut buffer).await?;
        if read == 0 {
            return Ok(None);
        }
        known.extend_from_slice(&buffer[..read]);
    }
}

/// How long the first request is, if all of it is there.
fn whole_length(bytes: &[u8]) -> Option<usize> {
    let head = find(bytes, b"\r\n\r\n")? + 4;
    let text = String::from_utf8_lossy(&bytes[..head]).to_ascii_lowercase();
    if text.contains("transfer-encoding: chunked") {
        return Some(
            head + find(&bytes[head..], b"0\r\n\r\n").filter(|at| *at == 0 || bytes[head..][..*at].ends_with(b"\r\n"))? + 5,
        );
    }
    let length = text.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse().ok()).unwrap_or(0);
    (bytes.len() >= head + length).then_some(head + length)
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}

impl Request {
    fn read(bytes: Vec<u8>) -> Self {
        let text = String::from_utf8_lossy(&bytes);
        let line = text.lines().next().unwrap_or_default();
        let path = line.split(' ').nth(1).unwrap_or_default().to_owned();
        let file_command = line.starts_with("POST /api/files/local");
        let spaceless = text.replace(' ', "");
        // A PrusaLink has a method for each.
        let (started, put) = (line.starts_with("POST /api/v1/files/"), line.starts_with("PUT /api/v1/files/"));
        Self {
            start: started || file_command && spaceless.contains("\"print\":true"),
            upload: put || file_command && text.contains("filename="),
            upgrade: text.to_ascii_lowercase().contains("upgrade: websocket"),
            path,
            bytes,
        }
    }
}
