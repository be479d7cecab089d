//! The core: takes an input, lets the part that it belongs to decide, and says when it must be woken.

use std::collections::BTreeMap;

use domain::time::Timestamp;

use super::acts::{Run, Starting};
use super::ends::Ends;
use super::link::{Contact, Link};
use super::requests::{Ask, Purpose, Wire};
use super::sending::Sending;
use super::view::View;
use crate::contract::{ActProblem, Input, LinkProblem, Observation, Order, Outbox, Output, PrinterProtocol, Report};

/// One board.
pub(super) struct Core {
    /// Where it is, for people.
    pub address: String,
    pub link: Link,
    pub contact: Contact,
    pub view: View,
    pub sending: Sending,
    pub starting: Option<Starting>,
    pub run: Option<Run>,
    pub ends: Ends,
    /// What the farm was told last, and when.
    pub told: Option<(Timestamp, Observation)>,
    /// The problem that the farm knows of.
    pub lost: Option<LinkProblem>,
    purposes: BTreeMap<u64, Purpose>,
    last_id: u64,
    out: Outbox<Ask>,
}

impl Core {
    pub(super) fn new(address: String) -> Self {
        Self {
            address,
            link: Link::Down { retry_at: Timestamp::from_millis(i64::MIN) },
            contact: Contact::default(),
            view: View::default(),
            sending: Sending::default(),
            starting: None,
            run: None,
            ends: Ends::default(),
            told: None,
            lost: None,
            purposes: BTreeMap::new(),
            last_id: 0,
            out: Outbox::default(),
        }
    }

    pub(super) fn ask(&mut self, ask: Ask) {
        self.out.ask(ask);
    }

    pub(super) fn report(&mut self, report: Report) {
        self.out.report(report);
    }

    /// Says a command when its turn comes.
    pub(super) fn say(&mut self, text: impl Into<String>, purpose: Purpose) {
        self.last_id += 1;
        self.purposes.insert(self.last_id, purpose);
        self.ask(Ask::Say { id: self.last_id, text: text.into() });
    }

    /// Says all of them; the purpose is that of the last.
    pub(super) fn say_all(&mut self, lines: Vec<String>, purpose: Purpose) {
        let last = lines.len().saturating_sub(1);
        for (at, line) in lines.into_iter().enumerate() {
            self.say(line, if at == last { purpose } else { Purpose::Aside });
        }
    }

    /// A command for that has been said and is not done.
    pub(super) fn is_open(&self, purpose: Purpose) -> bool {
        self.purposes.values().any(|open| *open == purpose)
    }

    /// Whatever was said is not done any more.
    pub(super) fn forget_said(&mut self) {
        self.purposes.clear();
    }

    fn order(&mut self, now: Timestamp, order: Order) {
        match order {
            Order::Watch(watched) => self.watch(watched),
            Order::Send { attempt, token: _, content } => self.send(attempt, content),
            Order::StopSending { attempt } => self.stop_sending(attempt),
            Order::Start { attempt, token, content, feeds: _ } => self.start(attempt, token, content),
            Order::Pause { command, token } => self.pause(now, command, &token),
            Order::Resume { command, token } => self.resume(now, command, &token),
            Order::Cancel { command, token } => self.cancel(now, command, &token),
            Order::SkipObject { command, .. } => {
                let why = "Marlin cannot leave out a part of a print".to_owned();
                self.acted(command, Err(ActProblem::Refused(why)));
            }
            Order::Recall { token } => self.recall(token),
            // Nothing of ours lies at the printer.
            Order::Tidy { token: _ } => {}
        }
    }

    fn wire(&mut self, now: Timestamp, wire: Wire) {
        match wire {
            Wire::Opened => self.opened(now),
            Wire::Closed(why) => self.closed(now, why),
            Wire::Ready => self.numbers_agree(now),
            Wire::Heard(line) => self.heard(now, &line),
            Wire::Flows { acked, modes } => self.flows(now, acked, modes),
            Wire::Done(id) => {
                if let Some(purpose) = self.purposes.remove(&id) {
                    self.done(now, purpose);
                }
            }
            Wire::Began(size) => self.began(now, size),
            Wire::NotBegan(why) => self.not_began(&why),
            Wire::Held { acked, modes } => self.progressed(acked, modes),
            Wire::Drained => self.drained(now),
            Wire::Broken(why) => self.file_broken(now, &why),
            Wire::Restarted(why) => self.restarted(now, why),
            Wire::Looked(hash, found) => self.looked(&hash, found),
        }
    }

    fn done(&mut self, now: Timestamp, purpose: Purpose) {
        self.view.flows();
        match purpose {
            Purpose::Firmware => self.firmware_told(now),
            Purpose::Greeted => self.greeted(now),
            Purpose::Fence => self.fence_told(now),
            Purpose::Place => self.place_told(now),
            Purpose::Parked => self.parked(now),
            Purpose::Restored => self.restored(now),
            Purpose::Over => self.over(now),
            Purpose::Stopped => self.stopped(now),
            Purpose::Poll | Purpose::Aside => {}
        }
    }
}

impl PrinterProtocol for Core {
    type Wire = Wire;
    type Ask = Ask;

    fn handle(&mut self, now: Timestamp, input: Input<Wire>) -> Vec<Output<Ask>> {
        match input {
            Input::Wake => {}
            Input::Wire(wire) => self.wire(now, wire),
            Input::Order(order) => self.order(now, order),
        }
        self.do_what_is_due(now);
        let next = self.next_moment();
        self.out.take(now, next)
    }
}
