//! A simulated printer, and beside it what is really true: what lies on the bed, and
//! how every print ended. The agent never sees this; the rules are judged by it.

use std::collections::BTreeMap;

use domain::id::PrinterId;
use domain::time::Timestamp;
use simulators::octoprint::door::{Input, Output, Person, RequestId, SocketId};
use simulators::octoprint::settings::Faults;

use crate::sim::{Brand, Sim};

/// The network between the agent and one printer.
#[derive(Debug, Clone, Default)]
pub struct Net {
    /// Nothing gets there.
    pub there_cut: bool,
    /// Nothing comes back.
    pub back_cut: bool,
    /// What cannot get there is told at once.
    pub refuses: bool,
    /// How long a message takes at the most.
    pub slow_ms: i64,
}

/// How a print really went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Truth {
    /// It runs.
    Runs,
    /// It came to its end.
    Done,
    /// It was cancelled.
    Cancelled,
    /// It broke off.
    Failed,
}

/// One print, as it really was.
#[derive(Debug, Clone)]
pub struct Print {
    pub path: String,
    pub begun_at: Timestamp,
    pub ended_at: Option<Timestamp>,
    pub by_person: bool,
    pub truth: Truth,
    /// The agent was shown it.
    pub seen: bool,
    /// The agent can be expected to have seen it.
    pub was_in_sight: bool,
}

/// A start that the rules forbid.
#[derive(Debug)]
pub struct OnDirtyBed {
    pub started: String,
    pub on_it: Print,
}

/// One of them.
pub struct Machine {
    pub id: PrinterId,
    pub sim: Sim,
    pub net: Net,
    pub wake_at: Option<Timestamp>,
    pub prints: Vec<Print>,
    /// What lies on the bed: the number of its print.
    pub on_bed: Option<usize>,
    /// Since when nothing hinders the agent to see the machine.
    pub in_sight_since: Option<Timestamp>,
    /// Who asked what: the agent's life and its call.
    pub requests: BTreeMap<RequestId, (u32, u64)>,
    /// Which life of the agent opened which socket.
    pub sockets: BTreeMap<SocketId, u32>,
    /// Messages of a socket keep their order.
    pub texts_until: Timestamp,
    /// Tokens that the agent had cancelled.
    pub cancelled: Vec<String>,
    /// Printing or paused by what a person did at the machine: it may be a person who cancels it too.
    pub person_cancelled: Vec<String>,
    pub dirty_start: Option<OnDirtyBed>,
}

/// Longer than the driver needs to find a machine again and to ask it what it prints.
const FINDS_AGAIN_MS: i64 = 75_000;
/// In sight for so long is seen.
const SEES_MS: i64 = 20_000;

impl Machine {
    pub fn new(id: PrinterId, brand: Brand, number: usize, print_ms: u64, now: Timestamp) -> Self {
        Self {
            id,
            sim: Sim::new(brand, number, print_ms, now),
            net: Net { slow_ms: 30, ..Net::default() },
            wake_at: None,
            prints: Vec::new(),
            on_bed: None,
            in_sight_since: None,
            requests: BTreeMap::new(),
            sockets: BTreeMap::new(),
            texts_until: now,
            cancelled: Vec::new(),
            person_cancelled: Vec::new(),
            dirty_start: None,
        }
    }

    /// Tells the simulator something, and writes down what really happened by it.
    pub fn feed(&mut self, now: Timestamp, input: Input) -> Vec<Output> {
        let by_person = matches!(input, Input::Person(Person::Start { .. }));
        let power_cut = matches!(input, Input::PowerCut { .. });
        if matches!(input, Input::Person(Person::Cancel))
            && let Some(path) = self.sim.printing()
        {
            self.person_cancelled.push(path.to_owned());
        }
        let before = self.sim.counters().clone();
        let out = self.sim.handle(now, input);
        let after = self.sim.counters().clone();
        let ended = if after.prints_done > before.prints_done {
            Some(Truth::Done)
        } else if after.prints_cancelled > before.prints_cancelled {
            Some(Truth::Cancelled)
        } else if after.prints_failed > before.prints_failed || power_cut {
            Some(Truth::Failed)
        } else {
            None
        };
        if let Some(truth) = ended {
            self.end(now, truth);
        }
        for (path, count) in &after.prints_begun {
            if before.prints_begun.get(path) != Some(count) {
                self.begin(now, path, by_person);
            }
        }
        // A paused print whose cable goes ends without being counted.
        if self.sim.printing().is_none() && self.sim.state().starts_with("Offline") {
            self.end(now, Truth::Failed);
        }
        out
    }

    fn begin(&mut self, now: Timestamp, path: &str, by_person: bool) {
        if let (Some(on_it), false) = (self.on_bed, by_person) {
            self.dirty_start = Some(OnDirtyBed { started: path.to_owned(), on_it: self.prints[on_it].clone() });
        }
        self.prints.push(Print {
            path: path.to_owned(),
            begun_at: now,
            ended_at: None,
            by_person,
            truth: Truth::Runs,
            seen: false,
            was_in_sight: false,
        });
        self.on_bed = Some(self.prints.len() - 1);
    }

    fn end(&mut self, now: Timestamp, truth: Truth) {
        let Some(print) = self.prints.iter_mut().rfind(|print| print.truth == Truth::Runs) else { return };
        (print.truth, print.ended_at) = (truth, Some(now));
        let since = self.in_sight_since.map(|since| since.plus_millis(FINDS_AGAIN_MS).max(print.begun_at));
        print.was_in_sight = since.is_some_and(|since| now.millis_since(since) >= SEES_MS);
    }

    /// The print that runs.
    pub fn running(&self) -> Option<&Print> {
        self.prints.last().filter(|print| print.truth == Truth::Runs)
    }

    /// The agent was shown a print.
    pub fn was_shown(&mut self) {
        if let Some(print) = self.prints.iter_mut().rfind(|print| print.truth == Truth::Runs) {
            print.seen = true;
        }
    }

    /// Prints of that path that the agent started.
    pub fn of<'m>(&'m self, path: &'m str) -> impl Iterator<Item = &'m Print> {
        self.prints.iter().filter(move |print| print.path == path && !print.by_person)
    }

    /// Nothing but the agent itself hinders it to see this machine.
    pub fn is_in_sight(&self) -> bool {
        let quiet = Faults { silent: false, reject_key: false, slow_ms: None, ..self.sim.faults().clone() };
        !self.net.there_cut && !self.net.back_cut && self.net.slow_ms < 1_000 && *self.sim.faults() == quiet
    }
}
