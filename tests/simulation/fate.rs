//! What breaks and heals: the network, the printers and what stands before them, by dice. And where the rules about the
//! machines are looked at.

use bytes::Bytes;
use simulators::octoprint::door::{Input, Person};
use simulators::octoprint::settings::{Faults, ProgressTold};

use crate::book::path_of;
use crate::machine::Net;
use crate::sim::Told;
use crate::world::{Event, World};

/// A foreign print that began so lately may be hit by what was sent for ours.
const ON_THE_WIRE_MS: i64 = 20_000;

impl World {
    /// Something breaks or heals.
    pub fn fate(&mut self) {
        if self.is_calm {
            return;
        }
        let next = self.dice.between(1_000, 15_000);
        self.later(next, Event::Fate);
        let at = usize::try_from(self.dice.roll(self.machines.len() as u64)).unwrap();
        match self.dice.roll(16) {
            0 => self.net(at, Net { there_cut: true, back_cut: true, ..Net::default() }),
            1 => self.net(at, Net { there_cut: true, back_cut: true, refuses: true, ..Net::default() }),
            2 => self.net(at, Net { there_cut: true, ..Net::default() }),
            3 => self.net(at, Net { back_cut: true, ..Net::default() }),
            4 => {
                let slow_ms = self.dice.between(1_000, 8_000);
                self.net(at, Net { slow_ms, ..Net::default() });
            }
            5 => {
                let off_ms = u64::try_from(self.dice.between(500, 90_000)).unwrap();
                self.note(format!("POWER CUT of printer {at} for {off_ms} ms"));
                self.reached.count("printer power cut");
                self.feed(at, Input::PowerCut { off_ms });
            }
            6 => self.at_machine(at, Person::UnplugUsb),
            7 => {
                self.mend(at);
            }
            8 | 9 => {
                let faults = self.some_fault();
                self.faults(at, faults);
            }
            10 => self.at_machine(at, Person::FirmwareError { error: "Thermal runaway".to_owned() }),
            _ => {
                self.net(at, Net::default());
                self.faults(at, Faults::default());
            }
        }
        self.look_at_sight();
    }

    fn net(&mut self, at: usize, net: Net) {
        let net = Net { slow_ms: net.slow_ms.max(30), ..net };
        self.note(format!("the network of printer {at}: {net:?}"));
        if net.there_cut || net.back_cut {
            self.reached.count("network cut");
        }
        self.machines[at].net = net;
    }

    fn faults(&mut self, at: usize, faults: Faults) {
        if faults != *self.machines[at].sim.faults() {
            self.note(format!("printer {at} from now on: {faults:?}"));
        }
        self.feed(at, Input::Faults(faults));
    }

    fn some_fault(&mut self) -> Faults {
        let late = u64::try_from(self.dice.between(1_000, 110_000)).unwrap();
        let slow = u64::try_from(self.dice.between(500, 70_000)).unwrap();
        let (name, fault) = match self.dice.roll(13) {
            0 => ("silent", Faults { silent: true, ..Faults::default() }),
            1 => ("slow answers", Faults { slow_ms: Some(slow), ..Faults::default() }),
            2 => ("uploads refused", Faults { refuse_uploads: Some(500), ..Faults::default() }),
            3 => ("starts refused", Faults { refuse_starts: Some(409), ..Faults::default() }),
            4 => ("uploads cut", Faults { cut_uploads_after: Some(50), ..Faults::default() }),
            5 => ("starts ignored", Faults { ignore_starts: true, ..Faults::default() }),
            6 | 7 => ("late starts", Faults { late_starts_ms: Some(late), ..Faults::default() }),
            8 => ("start answers lost", Faults { lose_start_answers: true, ..Faults::default() }),
            9 => ("progress lies", Faults { progress: ProgressTold::AlwaysHundred, ..Faults::default() }),
            10 => ("push dropped", Faults { drop_push: true, ..Faults::default() }),
            11 => ("unplugged in the print", Faults { unplug_at_percent: Some(60), ..Faults::default() }),
            _ => ("key refused", Faults { reject_key: true, ..Faults::default() }),
        };
        self.reached.count(name);
        fault
    }

    /// Faults stop: the network, the power and every machine are sound again.
    pub fn calm_down(&mut self) {
        self.note("CALM from here on");
        self.is_calm = true;
        for at in 0..self.machines.len() {
            self.net(at, Net::default());
            self.faults(at, Faults::default());
        }
        self.look_at_sight();
    }

    /// What the agent asks of a machine is never meant for somebody else's print.
    pub fn judge_request(&mut self, at: usize, request: &http::Request<Bytes>) {
        let Some(Told { words, is_cancel }) = self.machines[at].sim.told(request) else { return };
        let now = self.now;
        let Some(print) = self.machines[at].running().cloned() else { return };
        self.note(format!("printer {at} is told {words} while it prints {}", print.path));
        if is_cancel {
            self.machines[at].cancelled.push(print.path.clone());
        }
        // Once we have asked for the same print, it cannot be told from ours.
        let asked = self
            .book
            .in_hand(self.machines[at].id)
            .is_some_and(|attempt| attempt.state.touched_the_bed() && path_of(attempt) == print.path);
        if print.by_person && !asked {
            let raced = now.millis_since(print.begun_at) < ON_THE_WIRE_MS;
            let rule = if raced { Ok(()) } else { Err(format!("the foreign print {} was told {words}", print.path)) };
            self.reached.count(if raced { "foreign print hit on the wire" } else { "foreign print hit" });
            self.must(rule);
        }
    }

    /// The rules about one machine, after everything that it did.
    pub fn judge_machine(&mut self, at: usize) {
        let machine = &mut self.machines[at];
        if let Some(dirty) = machine.dirty_start.take() {
            let came_late = self.book.attempts().any(|attempt| {
                path_of(attempt) == dirty.on_it.path && attempt.ended_at.is_some_and(|at| at <= dirty.on_it.begun_at)
            });
            let in_hand = !dirty.on_it.by_person && !came_late;
            let known = in_hand || dirty.on_it.seen || dirty.on_it.was_in_sight;
            if known {
                self.must(Err(format!("printer {at}: {} was started on {:?}", dirty.started, dirty.on_it)));
            }
            self.reached.count("started on a print that nobody could see");
        }
        let machine = &self.machines[at];
        let twice = machine.sim.counters().prints_begun.iter().find(|(path, begun)| {
            let by_person = machine.prints.iter().filter(|print| print.by_person && print.path == **path).count() as u64;
            path.starts_with("gantry/") && **begun > 1 + by_person
        });
        let accepted = machine.sim.counters().starts_accepted.iter().find(|(_, count)| **count > 1);
        if let Some((path, count)) = twice.or(accepted) {
            self.must(Err(format!("printer {at}: {path} was started {count} times")));
        }
    }

    /// The rules that need a look at everything.
    pub fn judge_all(&mut self) {
        self.must(self.book.no_job_is_printed_twice(&self.machines));
        if let Some(agent) = &self.agent {
            self.must(self.book.no_job_is_lost(agent.db.rows(), self.owner.jobs_made));
        }
    }

    /// At the end: nothing of ours prints on, and the rules hold once more.
    pub fn check_the_end(&mut self) {
        self.judge_all();
        for attempt in self.book.attempts() {
            let done = matches!(attempt.state, domain::attempt::AttemptState::Done(_));
            self.must(if done { Ok(()) } else { Err(format!("{} has not ended", attempt.id)) });
        }
        let prints = self.machines.iter().flat_map(|machine| &machine.prints);
        if prints.into_iter().any(|print| print.truth == crate::machine::Truth::Done) {
            self.reached.count("finished print");
        }
    }
}
