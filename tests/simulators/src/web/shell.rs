//! Puts a core on a real loopback socket. The only room here with a clock, tasks and sockets; it decides nothing.

use super::{Counters, Input, InputOf, Output, RequestId, Server, SocketId};
use crate::clock::Clock;
use crate::line::{AllLines, Lines, Scissors};
use axum::Router;
use axum::body::Body;
use axum::extract::ws::{Message as Frame, WebSocket, WebSocketUpgrade};
use axum::extract::{ConnectInfo, Request, State};
use axum::response::Response;
use axum::routing::get;
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use http::HeaderMap;
use std::collections::BTreeMap;
use std::io;
use std::marker::PhantomData;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

/// Starts simulated servers of that kind.
#[derive(Debug)]
pub struct Sim<S>(PhantomData<S>);

/// A simulated server on a socket. Dropping it leaves it running; `stop` ends it.
pub struct Running<S: Server> {
    /// Where it listens.
    pub address: SocketAddr,
    /// What a test does to it.
    pub control: Control<S>,
    lines: AllLines,
    tasks: [JoinHandle<()>; 2],
}

/// The hand on a running server.
pub struct Control<S: Server> {
    messages: mpsc::UnboundedSender<Message<S>>,
    serial: Arc<AtomicU64>,
}

impl<S: Server> Clone for Control<S> {
    fn clone(&self) -> Self {
        Self { messages: self.messages.clone(), serial: Arc::clone(&self.serial) }
    }
}

enum Message<S: Server> {
    Request { id: RequestId, request: http::Request<Bytes>, answer: oneshot::Sender<http::Response<Bytes>> },
    Open { socket: SocketId, door: S::Door, texts: mpsc::UnboundedSender<String> },
    Input(InputOf<S>),
    Look(Box<dyn FnOnce(&S) + Send>),
}

impl<S: Server> Sim<S> {
    /// Listens at `address` (port 0 = any free one) and serves until stopped.
    ///
    /// # Errors
    /// When the address cannot be listened at.
    pub async fn start(address: SocketAddr, settings: S::Settings) -> io::Result<Running<S>> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let lines = AllLines::default();
        let (messages, inbox) = mpsc::unbounded_channel();
        let control = Control { messages, serial: Arc::default() };
        let clock = Clock::start();
        let core = S::new(settings, clock.now());
        let mut router = Router::new().fallback(request::<S>);
        for (path, door) in S::SOCKETS.iter().copied() {
            let enter = move |State(control): State<Control<S>>, headers: HeaderMap, upgrade: WebSocketUpgrade| async move {
                match control.look(move |server| server.bars(&headers)).await.flatten() {
                    Some(refusal) => refusal.map(Body::from),
                    None => upgrade.on_upgrade(move |wire| relay(control, wire, door)),
                }
            };
            router = router.route(path, get(enter));
        }
        let router = router.with_state(control.clone());
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

impl<S: Server> Running<S> {
    /// Ends the server as a power cut would: every connection breaks, the port is free again.
    pub async fn stop(self) {
        for task in self.tasks {
            task.abort();
            drop(task.await);
        }
        self.lines.cut();
    }
}

impl<S: Server> Control<S> {
    /// A person does something at the machine.
    pub fn person(&self, person: S::Person) {
        self.send(Message::Input(Input::Person(person)));
    }

    /// These faults hold from now on, and no others.
    pub fn faults(&self, faults: S::Faults) {
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

    /// The server's word for its state; empty once stopped.
    pub async fn state(&self) -> &'static str {
        self.look(S::state).await.unwrap_or_default()
    }

    async fn look<T: Send + 'static>(&self, see: impl FnOnce(&S) -> T + Send + 'static) -> Option<T> {
        let (seen, answer) = oneshot::channel();
        self.send(Message::Look(Box::new(move |core| {
            // Nobody may be waiting any more.
            drop(seen.send(see(core)));
        })));
        answer.await.ok()
    }

    fn send(&self, message: Message<S>) {
        // Fails only once the server is stopped.
        drop(self.messages.send(message));
    }

    fn next(&self) -> u64 {
        self.serial.fetch_add(1, Ordering::Relaxed)
    }
}

async fn run<S: Server>(mut core: S, clock: Clock, mut inbox: mpsc::UnboundedReceiver<Message<S>>) {
    let mut waiting: BTreeMap<RequestId, oneshot::Sender<http::Response<Bytes>>> = BTreeMap::new();
    let mut sockets: BTreeMap<SocketId, mpsc::UnboundedSender<String>> = BTreeMap::new();
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
            Some(Message::Open { socket, door, texts }) => {
                sockets.insert(socket, texts);
                Input::SocketOpened { socket, door }
            }
            Some(Message::Input(input)) => input,
            Some(Message::Look(see)) => {
                see(&core);
                continue;
            }
            None => return,
        };
        if let Input::SocketClosed { socket } = &input {
            sockets.remove(socket);
        }
        for output in core.handle(clock.now(), input) {
            match output {
                Output::Response { request, response } => {
                    if let Some(answer) = waiting.remove(&request) {
                        // The client may have gone.
                        drop(answer.send(response));
                    }
                }
                Output::Cut { request } => drop(waiting.remove(&request)),
                Output::Text { socket, text } => {
                    if let Some(texts) = sockets.get(&socket) {
                        drop(texts.send(text));
                    }
                }
                Output::Close { socket } => drop(sockets.remove(&socket)),
            }
        }
    }
}

async fn request<S: Server>(
    State(control): State<Control<S>>,
    ConnectInfo(scissors): ConnectInfo<Scissors>,
    request: Request,
) -> Response {
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
async fn ask<S: Server>(control: &Control<S>, request: Request) -> Option<http::Response<Bytes>> {
    let (parts, body) = request.into_parts();
    let head = http::Request::from_parts(parts, Bytes::new());
    let (mut request, limit) = control
        .look(move |server| {
            let limit = server.cuts_after(&head);
            (head, limit)
        })
        .await?;
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

async fn relay<S: Server>(control: Control<S>, mut wire: WebSocket, door: S::Door) {
    let socket = SocketId(control.next());
    let (texts, mut outbox) = mpsc::unbounded_channel();
    control.send(Message::Open { socket, door, texts });
    loop {
        tokio::select! {
            text = outbox.recv() => {
                let Some(text) = text else { break };
                if wire.send(Frame::Text(text.into())).await.is_err() {
                    break;
                }
            }
            frame = wire.recv() => match frame {
                Some(Ok(Frame::Text(text))) => {
                    let text = text.to_string();
                    control.send(Message::Input(Input::SocketText { socket, text }));
                }
                Some(Ok(Frame::Binary(_) | Frame::Ping(_) | Frame::Pong(_))) => {}
                Some(Ok(Frame::Close(_)) | Err(_)) | None => break,
            },
        }
    }
    control.send(Message::Input(Input::SocketClosed { socket }));
}
