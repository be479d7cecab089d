//! Puts the core on a real loopback socket. The only room here with a clock, tasks and sockets; it
//! decides nothing.

use super::core::Core;
use super::door::{Counters, Input, Output, Person, RequestId};
use super::rest;
use super::settings::{Faults, Settings};
use crate::line::{AllLines, Lines, Scissors};
use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, Request, State};
use axum::response::Response;
use bytes::{Bytes, BytesMut};
use domain::time::Timestamp;
use futures_util::StreamExt;
use std::collections::BTreeMap;
use std::future::pending;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

/// Starts simulated PrusaLinks.
#[derive(Debug)]
pub struct PrusaLinkSim;

/// A simulated server on a socket. Dropping it leaves it running; `stop` ends it.
#[derive(Debug)]
pub struct Running {
    /// Where it listens.
    pub address: SocketAddr,
    /// What a test does to it.
    pub control: Control,
    lines: AllLines,
    tasks: [JoinHandle<()>; 2],
}

/// The hand on a running server.
#[derive(Debug, Clone)]
pub struct Control {
    messages: mpsc::UnboundedSender<Message>,
    serial: Arc<AtomicU64>,
}

enum Message {
    Request { id: RequestId, request: http::Request<Bytes>, answer: oneshot::Sender<http::Response<Bytes>> },
    Input(Input),
    Look(Box<dyn FnOnce(&Core) + Send>),
}

struct Clock {
    epoch: Timestamp,
    started: tokio::time::Instant,
}

impl PrusaLinkSim {
    /// Listens at `address` (port 0 = any free one) and serves until stopped.
    ///
    /// # Errors
    /// When the address cannot be listened at.
    pub async fn start(address: SocketAddr, settings: Settings) -> io::Result<Running> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let lines = AllLines::default();
        let (messages, inbox) = mpsc::unbounded_channel();
        let control = Control { messages, serial: Arc::default() };
        let clock = Clock::start();
        let core = Core::new(settings, clock.now());
        let router = Router::new().fallback(request).with_state(control.clone());
        let service = router.into_make_service_with_connect_info::<Scissors>();
        let listener = Lines::new(listener, lines.clone());
        let tasks = [
            tokio::spawn(run(core, clock, inbox)),
            tokio::spawn(async move {
                // An accept loop that never ends by itself: its result says nothing.
                drop(axum::serve(listener, service).await);
            }),
        ];
        Ok(Running { address, control, lines, tasks })
    }
}

impl Running {
    /// Ends the server as a power cut would: every connection breaks, the port is free again.
    pub async fn stop(self) {
        for task in self.tasks {
            task.abort();
            drop(task.await);
        }
        self.lines.cut();
    }
}

impl Control {
    /// A person does something at the machine.
    pub fn person(&self, person: Person) {
        self.send(Message::Input(Input::Person(person)));
    }

    /// These faults hold from now on, and no others.
    pub fn faults(&self, faults: Faults) {
        self.send(Message::Input(Input::Faults(faults)));
    }

    /// Power is away for this long.
    pub fn power_cut(&self, off_ms: u64) {
        self.send(Message::Input(Input::PowerCut { off_ms }));
    }

    /// What was counted so far.
    pub async fn counters(&self) -> Counters {
        self.look(|core| core.counters().clone()).await.unwrap_or_default()
    }

    /// PrusaLink's word for the printer's state; empty while it is off and once stopped.
    pub async fn state(&self) -> &'static str {
        self.look(Core::state).await.unwrap_or_default()
    }

    async fn look<T: Send + 'static>(&self, see: impl FnOnce(&Core) -> T + Send + 'static) -> Option<T> {
        let (seen, answer) = oneshot::channel();
        self.send(Message::Look(Box::new(move |core| {
            // Nobody may be waiting any more.
            drop(seen.send(see(core)));
        })));
        answer.await.ok()
    }

    fn send(&self, message: Message) {
        // Fails only once the server is stopped.
        drop(self.messages.send(message));
    }

    fn next(&self) -> u64 {
        self.serial.fetch_add(1, Ordering::Relaxed)
    }
}

impl Clock {
    #[expect(clippy::disallowed_methods, reason = "the simulator's one clock; the core is handed its time")]
    fn start() -> Self {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        let millis = since.unwrap_or_default().as_millis();
        Self { epoch: Timestamp::from_millis(i64::try_from(millis).unwrap_or_default()), started: tokio::time::Instant::now() }
    }

    fn now(&self) -> Timestamp {
        let passed = self.started.elapsed().as_millis();
        self.epoch.plus_millis(i64::try_from(passed).unwrap_or(i64::MAX))
    }

    async fn until(&self, moment: Option<Timestamp>) {
        match moment {
            Some(moment) => {
                let wait = moment.millis_since(self.now()).max(0);
                tokio::time::sleep(Duration::from_millis(wait.unsigned_abs())).await;
            }
            None => pending().await,
        }
    }
}

async fn run(mut core: Core, clock: Clock, mut inbox: mpsc::UnboundedReceiver<Message>) {
    let mut waiting: BTreeMap<RequestId, oneshot::Sender<http::Response<Bytes>>> = BTreeMap::new();
    loop {
        let message = tokio::select! {
            message = inbox.recv() => message,
            () = clock.until(core.next_wake()) => Some(Message::Input(Input::Wake)),
        };
        let input = match message {
            Some(Message::Request { id, request, answer }) => {
                waiting.retain(|_, answer| !answer.is_closed());
                waiting.insert(id, answer);
                Input::Request { id, request }
            }
            Some(Message::Input(input)) => input,
            Some(Message::Look(see)) => {
                see(&core);
                continue;
            }
            None => return,
        };
        for output in core.handle(clock.now(), input) {
            match output {
                Output::Response { request, response } => {
                    if let Some(answer) = waiting.remove(&request) {
                        // The client may have gone.
                        drop(answer.send(response));
                    }
                }
                Output::Cut { request } => drop(waiting.remove(&request)),
            }
        }
    }
}

async fn request(State(control): State<Control>, ConnectInfo(scissors): ConnectInfo<Scissors>, request: Request) -> Response {
    match ask(&control, request).await {
        Some(response) => response.map(Body::from),
        None => {
            // The answer never leaves: the attempt to write it is what ends the connection.
            scissors.cut();
            Response::default()
        }
    }
}

/// None when the connection shall break instead of an answer.
async fn ask(control: &Control, request: Request) -> Option<http::Response<Bytes>> {
    let (parts, body) = request.into_parts();
    let limit = control.look(|core| core.faults().cut_uploads_after).await?;
    let mut request = http::Request::from_parts(parts, Bytes::new());
    let limit = limit.filter(|_| rest::is_upload(&request));
    let mut bytes = BytesMut::new();
    let mut chunks = body.into_data_stream();
    while let Some(chunk) = chunks.next().await {
        bytes.extend_from_slice(&chunk.ok()?);
        if limit.is_some_and(|limit| bytes.len() as u64 > limit) {
            return None;
        }
    }
    *request.body_mut() = bytes.freeze();
    let (answer, answered) = oneshot::channel();
    let id = RequestId(control.next());
    control.send(Message::Request { id, request, answer });
    answered.await.ok()
}
