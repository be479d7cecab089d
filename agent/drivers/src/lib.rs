//! Printer protocols: one folder a brand, each a translator between its machine's words and the
//! contract. Nothing outside a brand's folder knows the brand, and no brand knows jobs, queues or a
//! database. Every brand's folder has the same files:
//!
//! | file | what it answers |
//! |---|---|
//! | `describe.rs` | its name, what it must be told, what it can do |
//! | `wire.rs` | what its messages mean, leniently read |
//! | `requests.rs` | what it is asked, and what each answer was for |
//! | `core.rs` | the core: routes inputs, tells when to be woken |
//! | `link.rs` | is it there, and what does it show |
//! | `push.rs` | the socket through which it speaks by itself, where it has one beside its calls |
//! | `view.rs` | what it shows, as an observation |
//! | `sending.rs` | a file's way to it |
//! | `acts.rs` | start, pause, resume, cancel, each behind its fence |
//! | `ends.rs` | how a print of ours ended, now or long ago |
//! | `tidy.rs` | what of ours is removed from it |
//! | `auth.rs`, `memory.rs` | how it is told who we are, what is kept of a print, where a brand needs that |
//!
//! [`discovery`] reads what machines tell of themselves before there is a link to them, for all brands.
//!
//! Cores do no io. `drive.rs` is the one loop that drives them; what their link is made of is a shell: [`web`] for those
//! with HTTP and a WebSocket, [`broker`] for those with a message broker and a file server in the machine. A brand with a
//! transport of its own has a shell of its own, and leaves out what it does not have. A new brand is a folder, a line in
//! [`catalogue`] and one in [`connect`].

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use domain::file::ContentHash;
use domain::secret::Secret;
use domain::text::{Fingerprint, Serial};
use domain::time::Timestamp;
use tokio::sync::mpsc;

use crate::contract::{LinkProblem, Observation, Order, PrinterProtocol, Report};
use crate::describe::Description;

mod bambu;
pub mod broker;
pub mod contract;
pub mod describe;
pub mod discovery;
mod drive;
mod marlin;
mod moonraker;
mod octoprint;
mod prusalink;
pub mod web;

/// Where content lies.
pub trait Blobs: Send + Sync {
    /// The file with these bytes; none if they are not here.
    fn path(&self, hash: &ContentHash) -> Option<PathBuf>;
}

/// What a driver's shell needs of the agent.
#[derive(Clone)]
pub struct Outside {
    /// Where content lies.
    pub blobs: Arc<dyn Blobs>,
    /// The clock. It must not go back: pauses and freshness are counted on it.
    pub now: Arc<dyn Fn() -> Timestamp + Send + Sync>,
    /// The certificates (DER) of those that vouch for machines by their serial numbers; the owner names them.
    pub authorities: Arc<[Vec<u8>]>,
}

/// How a printer is reached.
#[derive(Debug, Clone)]
pub struct LinkSpec {
    /// A name of [`catalogue`].
    pub driver: String,
    /// Where it is, as the driver wants it.
    pub address: String,
    /// The machine's serial number, where it is known.
    pub serial: Option<Serial>,
    /// The certificate that the owner confirmed, where one is needed.
    pub certificate: Option<Fingerprint>,
    /// Its key or code.
    pub credential: Option<Secret<String>>,
}

/// A printer being driven. Dropping it ends the driver.
#[derive(Debug)]
pub struct Connection {
    /// What the farm asks.
    pub orders: mpsc::Sender<Order>,
    /// What the driver tells. Must be read: the driver waits while it is full.
    pub reports: mpsc::Receiver<Report>,
}

/// Every driver there is.
pub const fn catalogue() -> &'static [Description] {
    &[octoprint::DESCRIPTION, moonraker::DESCRIPTION, prusalink::DESCRIPTION, marlin::DESCRIPTION, bambu::DESCRIPTION]
}

/// Starts to drive a printer, in a task of the current runtime.
///
/// # Errors
/// [`LinkProblem::BadSetting`]; everything else shows in the reports.
pub fn connect(spec: &LinkSpec, outside: Outside) -> Result<Connection, LinkProblem> {
    match spec.driver.as_str() {
        octoprint::NAME => octoprint::connect(spec, outside),
        moonraker::NAME => moonraker::connect(spec, outside),
        prusalink::NAME => prusalink::connect(spec, outside),
        marlin::NAME => marlin::connect(spec, outside),
        bambu::NAME => bambu::connect(spec, outside),
        unknown => Err(no_such_driver(unknown)),
    }
}

/// A core of a brand with HTTP and a WebSocket.
pub type WebCore = Box<dyn PrinterProtocol<Wire = web::Wire, Ask = web::Ask> + Send>;

/// The core of such a driver alone, for who carries out by himself what it asks: a simulation.
///
/// # Errors
/// [`LinkProblem::BadSetting`].
pub fn web_core(spec: &LinkSpec) -> Result<WebCore, LinkProblem> {
    match spec.driver.as_str() {
        octoprint::NAME => octoprint::core(spec).map(|(core, _)| Box::new(core) as WebCore),
        moonraker::NAME => moonraker::core(spec).map(|(core, _)| Box::new(core) as WebCore),
        prusalink::NAME => prusalink::core(spec).map(|(core, _)| Box::new(core) as WebCore),
        unknown => Err(no_such_driver(unknown)),
    }
}

fn no_such_driver(name: &str) -> LinkProblem {
    let known: Vec<&str> = catalogue().iter().map(|driver| driver.name).collect();
    let detail = format!("there is no driver {name}; there are {}", known.join(", "));
    LinkProblem::BadSetting { setting: "driver", detail }
}

/// Tests a connection: what the printer shows, or what hinders it.
///
/// # Errors
/// What hinders it; [`LinkProblem::Silent`] when the deadline passes.
pub async fn probe(spec: &LinkSpec, outside: Outside, deadline: Duration) -> Result<Observation, LinkProblem> {
    let silent = || LinkProblem::Silent { address: spec.address.clone() };
    let mut connection = connect(spec, outside)?;
    let first = async {
        while let Some(report) = connection.reports.recv().await {
            match report {
                Report::Heard(observation) => return Ok(*observation),
                Report::Lost(problem) => return Err(problem),
                Report::Beside(_)
                | Report::SendProgress { .. }
                | Report::Sent { .. }
                | Report::SendFailed { .. }
                | Report::StartAccepted { .. }
                | Report::StartRefused { .. }
                | Report::StartUnanswered { .. }
                | Report::Ended { .. }
                | Report::Acted { .. }
                | Report::History { .. }
                | Report::Mark { .. } => {}
            }
        }
        Err(silent())
    };
    tokio::time::timeout(deadline, first).await.unwrap_or_else(|_| Err(silent()))
}
