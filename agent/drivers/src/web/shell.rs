//! Drives a core over real sockets: one task per printer, which tells the core what came, what the
//! farm asks and that a moment has come, and does what the core wants. Decides nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use domain::time::Timestamp;
use reqwest::Client;
use tokio::sync::mpsc;
use tokio::task::{AbortHandle, JoinSet};

use super::calls::{self, Source};
use super::{Ask, Body, Call, Header, WebAddress, Wire, socket};
use crate::contract::{Input, LinkProblem, Order, Output, PrinterProtocol, Report};
use crate::{Connection, Outside};

/// Reports that wait for the farm; beyond them the task waits, and the printer with it.
const REPORTS_WAITING: usize = 64;

/// Orders and wire events that wait for the core.
const INPUTS_WAITING: usize = 64;

/// Starts the task. It ends when the connection is dropped.
///
/// # Errors
/// [`LinkProblem::BadSetting`] if no client can be made for the address.
pub fn drive<P>(core: P, address: WebAddress, outside: Outside) -> Result<Connection, LinkProblem>
where
    P: PrinterProtocol<Wire = Wire, Ask = Ask> + 'static,
{
    let client = calls::client(&address)?;
    let (orders, incoming) = mpsc::channel(INPUTS_WAITING);
    let (outgoing, reports) = mpsc::channel(REPORTS_WAITING);
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
    tokio::spawn(run(core, link, outside, incoming, wires, outgoing));
    Ok(Connection { orders, reports })
}

async fn run<P>(
    mut core: P,
    mut link: Link,
    outside: Outside,
    mut orders: mpsc::Receiver<Order>,
    mut wires: mpsc::Receiver<Came>,
    reports: mpsc::Sender<Report>,
) where
    P: PrinterProtocol<Wire = Wire, Ask = Ask>,
{
    let mut moments: BTreeSet<Timestamp> = BTreeSet::new();
    let mut input = Input::Wake;
    loop {
        for output in core.handle((outside.now)(), input) {
            match output {
                Output::Ask(ask) => link.carry_out(ask),
                Output::WakeAt(moment) => {
                    moments.insert(moment);
                }
                Output::Report(report) => {
                    if reports.send(report).await.is_err() {
                        return;
                    }
                }
            }
        }
        input = loop {
            let until = moments.first().map(|moment| until(*moment, (outside.now)()));
            tokio::select! {
                () = reports.closed() => return,
                order = orders.recv() => match order {
                    Some(order) => break Input::Order(order),
                    None => return,
                },
                Some(came) = wires.recv() => match link.belongs(came) {
                    Some(wire) => break Input::Wire(wire),
                    None => continue,
                },
                () = tokio::time::sleep(until.unwrap_or_default()), if until.is_some() => {
                    let now = (outside.now)();
                    let later = moments.split_off(&now.plus_millis(1));
                    let due = std::mem::replace(&mut moments, later);
                    if !due.is_empty() {
                        break Input::Wake;
                    }
                }
                Some(_) = link.tasks.join_next() => {}
            }
        };
    }
}

/// How long it is until the moment; the clock may have been set back, so never more than a minute.
fn until(moment: Timestamp, now: Timestamp) -> Duration {
    let millis = moment.millis_since(now).clamp(1, 60_000);
    Duration::from_millis(u64::try_from(millis).unwrap_or(1))
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

impl Link {
    fn carry_out(&mut self, ask: Ask) {
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
