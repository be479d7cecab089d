//! The shell of one printer: carries out what its core wants, in order. Writes are waited for before
//! anything that follows from them.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use api::operation::Failure;
use domain::actor::Actor;
use domain::id::PrinterId;
use domain::time::Timestamp;
use drivers::Connection;
use store::By;
use tokio::sync::Notify;

use super::core::{Input, Outcome, Output, PrinterCore};
use super::supervisor::Outside;
use super::{Facts, apply, read_facts};

/// Wakes when there is nothing to wait for.
const QUIET: Duration = Duration::from_secs(30);

/// Drives one printer until its driver ends or it is removed.
pub async fn run(id: PrinterId, mut connection: Connection, outside: Outside, wake: Arc<Notify>) {
    let mut core = PrinterCore::new(outside.now(), outside.timing.clone());
    let mut step = read(&outside, id).map(Input::Facts);
    loop {
        let input = match step.take() {
            Some(input) => input,
            None => {
                let sleep = core.next_wake(outside.now()).map_or(QUIET, |at| until(outside.now(), at));
                tokio::select! {
                    report = connection.reports.recv() => match report {
                        Some(report) => Input::Report(report),
                        None => return,
                    },
                    () = wake.notified() => match read(&outside, id) {
                        Some(facts) => Input::Facts(facts),
                        None => continue,
                    },
                    () = tokio::time::sleep(sleep) => Input::Wake,
                }
            }
        };
        let gone = matches!(&input, Input::Facts(None));
        let mut outputs = VecDeque::from(core.handle(outside.now(), input));
        if gone {
            return;
        }
        while let Some(output) = outputs.pop_front() {
            match output {
                Output::Order(order) => {
                    tracing::debug!(printer = %id, ?order, "order");
                    if connection.orders.send(order).await.is_err() {
                        return;
                    }
                }
                Output::Show(shown) => outside.live.put(id, *shown),
                Output::Write(change) => {
                    tracing::debug!(printer = %id, ?change, "write");
                    let stamp = By::new(Actor::farm(outside.store.home().farm_id), outside.now());
                    let stamp = By { clock_ok: api::clock::is_set(stamp.now), ..stamp };
                    let what = format!("{change:?}");
                    let done = outside.store.write(stamp, move |tx| apply(tx, id, &change)).await;
                    let outcome = match &done {
                        Ok(()) => Outcome::Done,
                        // Somebody else was first: a cancel, an undo. The facts tell.
                        Err(Failure::Problem(problem)) => {
                            tracing::info!(printer = %id, change = what, %problem, "not written");
                            Outcome::Refused
                        }
                        Err(Failure::Store(error)) => {
                            tracing::error!(printer = %id, change = what, %error, "could not be written; it is tried again");
                            Outcome::Failed
                        }
                    };
                    if let Some(facts) = read(&outside, id) {
                        outputs.extend(core.handle(outside.now(), Input::Facts(facts)));
                    }
                    outputs.extend(core.handle(outside.now(), Input::Written(outcome)));
                }
            }
        }
    }
}

/// What is written of the printer; outer none if it cannot be read just now.
#[expect(clippy::option_option, reason = "not readable and not there are two things")]
fn read(outside: &Outside, id: PrinterId) -> Option<Option<Box<Facts>>> {
    match outside.store.read(|rows| read_facts(rows, id)) {
        Ok(facts) => Some(facts.map(Box::new)),
        Err(error) => {
            tracing::error!(printer = %id, %error, "the printer's facts cannot be read");
            None
        }
    }
}

fn until(now: Timestamp, at: Timestamp) -> Duration {
    Duration::from_millis(u64::try_from(at.millis_since(now)).unwrap_or(0)).min(QUIET)
}
