//! The core: takes an input, lets the part that it belongs to decide, and says when it must be woken.

use domain::text::Serial;
use domain::time::Timestamp;

use super::ends::Ends;
use super::link::{Contact, Link};
use super::requests::{FilePurpose, Purpose, Requests};
use super::sending::Sending;
use super::view::View;
use super::wire::{Answer, Message};
use crate::broker::{Ask, FileFault, Filed, Wire};
use crate::contract::{ActProblem, Input, LinkProblem, Observation, Order, Outbox, Output, PrinterProtocol, Report};

/// One Bambu Lab printer.
pub(super) struct Core {
    /// Where it is, for people.
    pub address: String,
    pub serial: String,
    pub requests: Requests,
    pub link: Link,
    pub contact: Contact,
    pub view: View,
    pub sending: Option<Sending>,
    pub ends: Ends,
    /// Uploads of ours in the order in which they were of use, the newest last.
    pub used: Vec<String>,
    /// What the farm was told last, and when.
    pub told: Option<(Timestamp, Observation)>,
    /// The problem that the farm knows of.
    pub lost: Option<LinkProblem>,
    out: Outbox<Ask>,
}

impl Core {
    pub(super) fn new(address: String, serial: &Serial) -> Self {
        Self {
            address,
            serial: serial.to_string(),
            requests: Requests::new(serial.as_str()),
            link: Link::Down { retry_at: Timestamp::from_millis(i64::MIN) },
            contact: Contact::default(),
            view: View::new(serial.to_string()),
            sending: None,
            ends: Ends::default(),
            used: Vec::new(),
            told: None,
            lost: None,
            out: Outbox::default(),
        }
    }

    pub(super) fn ask(&mut self, ask: Ask) {
        self.out.ask(ask);
    }

    pub(super) fn report(&mut self, report: Report) {
        self.out.report(report);
    }

    fn order(&mut self, now: Timestamp, order: Order) {
        match order {
            Order::Watch(watched) => self.watch(watched),
            Order::Send { attempt, token: _, content } => self.send(now, attempt, content),
            Order::StopSending { attempt } => self.stop_sending(attempt),
            Order::Start { attempt, token, content, feeds } => self.start(now, attempt, token, content, feeds),
            Order::Pause { command, token } => self.pause(now, command, token),
            Order::Resume { command, token } => self.resume(now, command, token),
            Order::Cancel { command, token } => self.cancel(now, command, token),
            Order::SkipObject { command, .. } => {
                let why = "the printer does not tell the parts of a print apart".to_owned();
                self.report(Report::Acted { command, outcome: Err(ActProblem::Refused(why)) });
            }
            Order::Recall { token } => self.recall(token),
            Order::Tidy { token: _ } => self.tidy(),
        }
    }

    fn wire(&mut self, now: Timestamp, wire: Wire) {
        match wire {
            Wire::Opened => self.line_opened(now),
            Wire::Message(payload) => self.message(now, &payload),
            Wire::Closed(why) => self.line_closed(now, why),
            Wire::Uploaded { id, bytes, of } => self.uploaded(now, id, bytes, of),
            Wire::Filed { id, outcome } => self.filed(id, outcome),
        }
    }

    fn message(&mut self, now: Timestamp, payload: &[u8]) {
        if !self.is_open() {
            return;
        }
        self.contact.heard(now);
        match Message::read(payload) {
            Some(Message::Report(report)) => {
                self.view.take(report);
                self.pictured(now);
            }
            Some(Message::Answer(answer)) => self.answered(now, answer),
            Some(Message::Other) | None => {}
        }
        self.show(now);
    }

    fn answered(&mut self, now: Timestamp, answer: Answer) {
        if let Some(firmware) = &answer.firmware {
            self.view.firmware = Some(firmware.clone());
        }
        // Also when it was another program's: it says how the machine is set up.
        if answer.wants_signature {
            self.view.refuses_commands();
        }
        let Some(purpose) = answer.number.and_then(|number| self.requests.close(number)) else { return };
        self.contact.answered();
        match purpose {
            Purpose::Version | Purpose::Picture => {}
            Purpose::Before(start) => self.before_start_told(now, start),
            Purpose::Start(attempt, token) => self.start_answered(attempt, &token, answer.refused),
            Purpose::Act(act) => self.act_answered(act, answer.refused),
        }
    }

    fn filed(&mut self, id: u64, outcome: Result<Filed, FileFault>) {
        match self.requests.close_files(id) {
            Some(FilePurpose::Send) => self.sent(id, outcome),
            Some(FilePurpose::Listing) => self.listing_told(outcome),
            Some(FilePurpose::Remove) | None => {}
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
