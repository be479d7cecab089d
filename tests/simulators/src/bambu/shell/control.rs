//! The hand on a running printer: for tests in the same process, and over HTTP under `/sim/` for everybody else. It needs no code and
//! works whatever else is broken.

use crate::bambu::core::Core;
use crate::bambu::door::{ClientId, Counters, FtpId, FtpOrder, Input, Person};
use crate::bambu::packets::Told;
use crate::bambu::settings::Faults;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};

/// What a test does to a running printer.
#[derive(Debug, Clone)]
pub struct Control {
    messages: mpsc::UnboundedSender<Message>,
    serial: Arc<AtomicU64>,
}

/// What reaches the task that owns the core.
pub(super) enum Message {
    Client(ClientId, mpsc::UnboundedSender<Told>),
    Session(FtpId, mpsc::UnboundedSender<FtpOrder>),
    Input(Input),
    Look(Box<dyn FnOnce(&Core) + Send>),
}

impl Control {
    pub(super) fn new() -> (Self, mpsc::UnboundedReceiver<Message>) {
        let (messages, inbox) = mpsc::unbounded_channel();
        (Self { messages, serial: Arc::default() }, inbox)
    }

    /// A person does something at the machine.
    pub fn person(&self, person: Person) {
        self.input(Input::Person(person));
    }

    /// These faults hold from now on, and no others.
    pub fn faults(&self, faults: Faults) {
        self.input(Input::Faults(faults));
    }

    /// The MQTT clients of this moment are dropped.
    pub fn drop_clients(&self) {
        self.input(Input::DropClients);
    }

    /// Power is away for this long.
    pub fn power_cut(&self, off_ms: u64) {
        self.input(Input::PowerCut { off_ms });
    }

    /// What was counted so far.
    pub async fn counters(&self) -> Counters {
        self.look(|core| core.counters().clone()).await.unwrap_or_default()
    }

    /// The printer's word for its state; empty once stopped.
    pub async fn state(&self) -> &'static str {
        self.look(Core::state).await.unwrap_or_default()
    }

    /// How large a file on its card is.
    pub async fn file_size(&self, path: &str) -> Option<u64> {
        let path = path.to_owned();
        self.look(move |core| core.file_size(&path)).await.flatten()
    }

    pub(super) async fn look<T: Send + 'static>(&self, see: impl FnOnce(&Core) -> T + Send + 'static) -> Option<T> {
        let (seen, answer) = oneshot::channel();
        self.send(Message::Look(Box::new(move |core| {
            // Nobody may be waiting any more.
            drop(seen.send(see(core)));
        })));
        answer.await.ok()
    }

    pub(super) fn input(&self, input: Input) {
        self.send(Message::Input(input));
    }

    pub(super) fn client(&self, client: ClientId) -> mpsc::UnboundedReceiver<Told> {
        let (told, outbox) = mpsc::unbounded_channel();
        self.send(Message::Client(client, told));
        outbox
    }

    pub(super) fn session(&self, session: FtpId) -> mpsc::UnboundedReceiver<FtpOrder> {
        let (orders, outbox) = mpsc::unbounded_channel();
        self.send(Message::Session(session, orders));
        outbox
    }

    pub(super) fn next(&self) -> u64 {
        self.serial.fetch_add(1, Ordering::Relaxed)
    }

    fn send(&self, message: Message) {
        // Fails only once the printer is stopped.
        drop(self.messages.send(message));
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Power {
    off_ms: u64,
}

/// Serves the same over HTTP.
pub(super) async fn serve(listener: TcpListener, control: Control) {
    const DONE: StatusCode = StatusCode::NO_CONTENT;
    let router = Router::new()
        .route("/sim/counters", get(|State(control): State<Control>| async move { Json(control.counters().await) }))
        .route(
            "/sim/faults",
            get(|State(control): State<Control>| async move { Json(control.look(|core| core.faults().clone()).await) }).post(
                |State(control): State<Control>, Json(faults): Json<Faults>| async move {
                    control.faults(faults);
                    DONE
                },
            ),
        )
        .route(
            "/sim/screen",
            post(|State(control): State<Control>, Json(person): Json<Person>| async move {
                control.person(person);
                DONE
            }),
        )
        .route(
            "/sim/drop",
            post(|State(control): State<Control>| async move {
                control.drop_clients();
                DONE
            }),
        )
        .route(
            "/sim/power",
            post(|State(control): State<Control>, Json(power): Json<Power>| async move {
                control.power_cut(power.off_ms);
                DONE
            }),
        )
        .with_state(control);
    // An accept loop that never ends by itself: its result says nothing.
    drop(axum::serve(listener, router).await);
}
