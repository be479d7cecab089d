//! The link of a core with HTTP and a WebSocket: real calls and a real socket.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use reqwest::Client;
use tokio::sync::mpsc;
use tokio::task::{AbortHandle, JoinSet};

use super::calls::{self, Source};
use super::{Ask, Body, Call, Header, WebAddress, Wire, socket};
use crate::contract::{LinkProblem, PrinterProtocol};
use crate::drive::{self, INPUTS_WAITING, Shell};
use crate::{Connection, Outside};

/// Starts the task. It ends when the connection is dropped.
///
/// # Errors
/// [`LinkProblem::BadSetting`] if no client can be made for the address.
pub fn drive<P>(core: P, address: WebAddress, outside: Outside) -> Result<Connection, LinkProblem>
where
    P: PrinterProtocol<Wire = Wire, Ask = Ask> + 'static,
{
    let client = calls::client(&address)?;
    let (came, wires) = mpsc::channel(INPUTS_WAITING);
    let link = Link {
        client,
        address,
        outside: outside.clone(),
        came,
        tasks: JoinSet::new(),
        calls: BTreeMap::new(),
        socket: None,
        sockets_opened: 0,
    };
    Ok(drive::drive(core, link, wires, outside))
}

/// What the tasks of the link send to the core's loop.
enum Came {
    /// From a call.
    Call(Wire),
    /// From the socket that was opened as the n-th.
    Socket(u64, Wire),
}

/// Where one socket tells what it hears.
pub(super) struct Ear {
    number: u64,
    came: mpsc::Sender<Came>,
}

impl Ear {
    /// Tells it; nobody listens when the printer is given up.
    pub(super) async fn tell(&self, wire: Wire) {
        let _ = self.came.send(Came::Socket(self.number, wire)).await;
    }
}

/// The printer's open connections.
struct Link {
    client: Client,
    address: WebAddress,
    outside: Outside,
    came: mpsc::Sender<Came>,
    tasks: JoinSet<()>,
    calls: BTreeMap<u64, AbortHandle>,
    socket: Option<OpenSocket>,
    sockets_opened: u64,
}

struct OpenSocket {
    number: u64,
    texts: mpsc::Sender<String>,
    task: AbortHandle,
}

impl Shell for Link {
    type Wire = Wire;
    type Ask = Ask;
    type Came = Came;

    fn carry_out(&mut self, ask: Ask) -> ControlFlow<()> {
        match ask {
            Ask::Call(call) => self.call(call),
            Ask::Abandon(id) => {
                if let Some(call) = self.calls.remove(&id) {
                    call.abort();
                }
            }
            Ask::OpenSocket { path, headers } => self.open(&path, headers),
            Ask::SocketSend(text) => {
                if let Some(socket) = &self.socket
                    && socket.texts.try_send(text.expose().clone()).is_err()
                {
                    tracing::debug!(address = %self.address, "a text for the socket was lost: it is closed or stuck");
                }
            }
            Ask::CloseSocket => self.close(),
        }
        ControlFlow::Continue(())
    }

    fn tasks(&mut self) -> Option<&mut JoinSet<()>> {
        Some(&mut self.tasks)
    }

    /// The event, unless its call or its socket was given up.
    fn belongs(&mut self, came: Came) -> Option<Wire> {
        match came {
            Came::Socket(number, wire) => {
                let current = self.socket.as_ref().is_some_and(|socket| socket.number == number);
                current.then_some(wire)
            }
            Came::Call(wire) => match &wire {
                Wire::Answer(answer) => self.calls.remove(&answer.id).map(|_| wire),
                Wire::NoAnswer { id, .. } => self.calls.remove(id).map(|_| wire),
                Wire::Uploaded { id, .. } => self.calls.contains_key(id).then_some(wire),
                Wire::SocketOpened | Wire::SocketText(_) | Wire::SocketClosed { .. } => None,
            },
        }
    }
}

impl Link {
    fn call(&mut self, call: Call) {
        let id = call.id;
        let source = self.source(&call.body);
        let client = self.client.clone();
        let url = self.address.join(&call.path);
        let came = self.came.clone();
        let task = self.tasks.spawn(async move {
            let progress = came.clone();
            let uploaded = move |bytes| {
                // A full queue has progress enough in it.
                let _ = progress.try_send(Came::Call(Wire::Uploaded { id, bytes }));
            };
            let wire = match calls::carry_out(client, url, call, source, uploaded).await {
                Ok(answer) => Wire::Answer(answer),
                Err(why) => Wire::NoAnswer { id, why },
            };
            let _ = came.send(Came::Call(wire)).await;
        });
        self.calls.insert(id, task);
    }

    fn source(&self, body: &Body) -> Source {
        let content = match body {
            Body::Multipart { file: Some(part), .. } => &part.content,
            Body::Content(content) => content,
            Body::Empty | Body::Json(_) | Body::Multipart { file: None, .. } => return Source::None,
        };
        self.outside.blobs.path(&content.sha256).map_or(Source::Missing, Source::At)
    }

    fn open(&mut self, path: &str, headers: Vec<Header>) {
        self.close();
        self.sockets_opened += 1;
        let number = self.sockets_opened;
        let (texts, outgoing) = mpsc::channel(INPUTS_WAITING);
        let client = self.client.clone();
        let url = self.address.join(path);
        let ear = Ear { number, came: self.came.clone() };
        let task = self.tasks.spawn(async move {
            let why = socket::run(client, url, headers, outgoing, &ear).await;
            ear.tell(Wire::SocketClosed { why }).await;
        });
        self.socket = Some(OpenSocket { number, texts, task });
    }

    fn close(&mut self) {
        if let Some(socket) = self.socket.take() {
            socket.task.abort();
        }
    }
}
