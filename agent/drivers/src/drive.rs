//! The one loop that drives a core: it tells the core what came, what the farm asks and that a moment has come, and
//! does what the core wants. What its link is made of is the shell's own matter. Decides nothing.

use std::collections::BTreeSet;
use std::future::pending;
use std::ops::ControlFlow;
use std::time::Duration;

use domain::time::Timestamp;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::contract::{Input, Output, PrinterProtocol};
use crate::{Connection, Outside};

/// Reports that wait for the farm; beyond them the task waits, and the printer with it.
const REPORTS_WAITING: usize = 64;

/// Orders, and what comes from the link, that wait for the core.
pub(crate) const INPUTS_WAITING: usize = 64;

/// What a core's link is made of.
pub(crate) trait Shell: Send + 'static {
    /// What the core is told.
    type Wire: Send;
    /// What it asks.
    type Ask: Send;
    /// What the shell's own tasks send to the loop.
    type Came: Send;

    /// Does what the core asks. Break: there is no link any more, and never will be.
    fn carry_out(&mut self, ask: Self::Ask) -> ControlFlow<()>;

    /// What came, if it still belongs to anything.
    fn belongs(&mut self, came: Self::Came) -> Option<Self::Wire>;

    /// Its tasks, which end with it.
    fn tasks(&mut self) -> Option<&mut JoinSet<()>> {
        None
    }
}

/// Starts the loop. It ends when the connection is dropped.
pub(crate) fn drive<P, S>(core: P, shell: S, came: mpsc::Receiver<S::Came>, outside: Outside) -> Connection
where
    S: Shell,
    P: PrinterProtocol<Wire = S::Wire, Ask = S::Ask> + 'static,
{
    let (orders, incoming) = mpsc::channel(INPUTS_WAITING);
    let (reports, outgoing) = mpsc::channel(REPORTS_WAITING);
    let connection = Connection { orders, reports: outgoing };
    tokio::spawn(async move { run(core, shell, came, outside, incoming, reports).await });
    connection
}

async fn run<P, S>(
    mut core: P,
    mut shell: S,
    mut came: mpsc::Receiver<S::Came>,
    outside: Outside,
    mut orders: mpsc::Receiver<crate::contract::Order>,
    reports: mpsc::Sender<crate::contract::Report>,
) where
    S: Shell,
    P: PrinterProtocol<Wire = S::Wire, Ask = S::Ask>,
{
    let mut moments: BTreeSet<Timestamp> = BTreeSet::new();
    let mut input = Input::Wake;
    loop {
        for output in core.handle((outside.now)(), input) {
            match output {
                Output::Ask(ask) => {
                    if shell.carry_out(ask).is_break() {
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
                Some(came) = came.recv() => match shell.belongs(came) {
                    Some(wire) => break Input::Wire(wire),
                    None => continue,
                },
                () = tokio::time::sleep(until.unwrap_or_default()), if until.is_some() => {
                    let later = moments.split_off(&(outside.now)().plus_millis(1));
                    let due = std::mem::replace(&mut moments, later);
                    if !due.is_empty() {
                        break Input::Wake;
                    }
                }
                () = one_ended(shell.tasks()) => {}
            }
        };
    }
}

/// How long it is until the moment; the clock may have been set back, so never more than a minute.
fn until(moment: Timestamp, now: Timestamp) -> Duration {
    let millis = moment.millis_since(now).clamp(1, 60_000);
    Duration::from_millis(u64::try_from(millis).unwrap_or(1))
}

/// A task of the link has ended, and its place is free.
async fn one_ended(tasks: Option<&mut JoinSet<()>>) {
    match tasks.filter(|tasks| !tasks.is_empty()) {
        Some(tasks) => drop(tasks.join_next().await),
        None => pending().await,
    }
}
