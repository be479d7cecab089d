//! Carries out what the core wants: a task that waits for the farm and the line, whose io is done by a thread of its
//! own. If the farm is slow the task waits for it; the line does not.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use domain::time::Timestamp;
use tokio::sync::mpsc;

use super::core::Core;
use super::gcode::Look;
use super::requests::{Ask, Wire};
use super::{Device, port};
use crate::contract::{Content, Input, LinkProblem, Order, Output, PrinterProtocol as _, Report, SendProblem};
use crate::{Blobs, Connection, Outside};

/// Reports that wait for the farm.
const REPORTS_WAITING: usize = 64;

/// Orders that wait for the core.
const ORDERS_WAITING: usize = 64;

/// Files have no lines so long.
const MAX_FILE_LINE_BYTES: u64 = 1024 * 1024;

/// Starts task and thread. They end when the connection is dropped.
pub(super) fn drive(core: Core, device: Device, outside: Outside) -> Result<Connection, LinkProblem> {
    let (orders, incoming) = mpsc::channel(ORDERS_WAITING);
    let (outgoing, reports) = mpsc::channel(REPORTS_WAITING);
    let (asks, asked) = mpsc::unbounded_channel();
    let (came, wires) = mpsc::channel(port::WIRES_WAITING);
    let needs = port::Needs {
        path: device.path,
        baud: device.baud,
        blobs: Arc::clone(&outside.blobs),
        now: Arc::clone(&outside.now),
        asks: asked,
        wires: came.clone(),
    };
    port::start(needs).map_err(|error| LinkProblem::BadSetting { setting: "address", detail: error.to_string() })?;
    tokio::spawn(run(core, outside, incoming, (asks, wires), came, outgoing));
    Ok(Connection { orders, reports })
}

async fn run(
    mut core: Core,
    outside: Outside,
    mut orders: mpsc::Receiver<Order>,
    (asks, mut wires): (mpsc::UnboundedSender<Ask>, mpsc::Receiver<Wire>),
    came: mpsc::Sender<Wire>,
    reports: mpsc::Sender<Report>,
) {
    let mut moments: BTreeSet<Timestamp> = BTreeSet::new();
    let mut input = Input::Wake;
    loop {
        for output in core.handle((outside.now)(), input) {
            match output {
                Output::Ask(Ask::Look(content)) => look(content, &outside.blobs, came.clone()),
                Output::Ask(ask) => {
                    if asks.send(ask).is_err() {
                        return;
                    }
                }
                Output::WakeAt(moment) => drop(moments.insert(moment)),
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
                Some(wire) = wires.recv() => break Input::Wire(wire),
                () = tokio::time::sleep(until.unwrap_or_default()), if until.is_some() => {
                    let later = moments.split_off(&(outside.now)().plus_millis(1));
                    let due = std::mem::replace(&mut moments, later);
                    if !due.is_empty() {
                        break Input::Wake;
                    }
                }
            }
        };
    }
}

/// How long it is until the moment; the clock may have been set back, so never more than a minute.
fn until(moment: Timestamp, now: Timestamp) -> Duration {
    let millis = moment.millis_since(now).clamp(1, 60_000);
    Duration::from_millis(u64::try_from(millis).unwrap_or(1))
}

/// Looks a file through, beside everything else.
fn look(content: Content, blobs: &Arc<dyn Blobs>, came: mpsc::Sender<Wire>) {
    let path = blobs.path(&content.sha256);
    tokio::task::spawn_blocking(move || {
        let missing = || Err((SendProblem::ContentMissing, "the file's bytes are not here".to_owned()));
        let found = path.map_or_else(missing, |path| looked_through(&path));
        // Nobody listens when the printer was given up.
        let _ = came.blocking_send(Wire::Looked(content.sha256, found));
    });
}

fn looked_through(path: &Path) -> Result<Look, (SendProblem, String)> {
    let unreadable = |error: std::io::Error| (SendProblem::Link, format!("the file cannot be read: {error}"));
    let mut file = BufReader::with_capacity(256 * 1024, File::open(path).map_err(unreadable)?);
    let (mut look, mut line) = (Look::default(), Vec::new());
    loop {
        line.clear();
        let count = file.by_ref().take(MAX_FILE_LINE_BYTES).read_until(b'\n', &mut line).map_err(unreadable)?;
        if count == 0 || look.is_binary {
            return Ok(look);
        }
        look.pass(&line);
    }
}
