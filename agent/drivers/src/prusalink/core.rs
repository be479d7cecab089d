//! The core: takes an input, lets the part that it belongs to decide, and says when it must be woken.

use domain::secret::Secret;
use domain::time::Timestamp;

use super::ends::Ends;
use super::link::{Contact, Link};
use super::requests::{Closed, Purpose, Reply, Requests};
use super::sending::Sending;
use super::view::View;
use super::wire::refusal;
use crate::contract::{ActProblem, Input, LinkProblem, Observation, Order, Outbox, Output, PrinterProtocol, Report};
use crate::web::{Ask, WebAddress, Wire};

/// One PrusaLink.
pub(super) struct Core {
    /// Where it is, for people.
    pub address: String,
    pub requests: Requests,
    pub link: Link,
    pub contact: Contact,
    pub view: View,
    pub sending: Option<Sending>,
    /// The name of the file that is about to be started.
    pub starting: Option<String>,
    pub ends: Ends,
    /// What the farm was told last, and when.
    pub told: Option<(Timestamp, Observation)>,
    /// The problem that the farm knows of.
    pub lost: Option<LinkProblem>,
    out: Outbox<Ask>,
}

impl Core {
    pub(super) fn new(address: &WebAddress, entered: Secret<String>) -> Self {
        Self {
            address: address.to_string(),
            requests: Requests::new(&entered, address.path().to_owned()),
            link: Link::Down { retry_at: Timestamp::from_millis(i64::MIN) },
            contact: Contact::default(),
            view: View::default(),
            sending: None,
            starting: None,
            ends: Ends::default(),
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
            Order::Send { attempt, token, content } => self.send(now, attempt, token, content),
            Order::StopSending { attempt } => self.stop_sending(attempt),
            Order::Start { attempt, token, content, feeds: _ } => self.start(attempt, token, &content),
            Order::Pause { command, token } => self.pause(command, token),
            Order::Resume { command, token } => self.resume(command, token),
            Order::Cancel { command, token } => self.cancel(command, token),
            Order::SkipObject { command, .. } => {
                let why = "PrusaLink cannot leave out a part of a print".to_owned();
                self.report(Report::Acted { command, outcome: Err(ActProblem::Refused(why)) });
            }
            Order::Recall { token } => self.recall(now, token),
            Order::Tidy { token } => self.tidy(token),
        }
    }

    fn wire(&mut self, now: Timestamp, wire: Wire) {
        match wire {
            Wire::Answer(answer) => self.closed(now, answer.id, Ok(answer)),
            Wire::NoAnswer { id, why } => self.closed(now, id, Err(why)),
            Wire::Uploaded { id, bytes } => self.uploaded(now, id, bytes),
            // No socket is ever opened.
            Wire::SocketOpened | Wire::SocketText(_) | Wire::SocketClosed { .. } => {}
        }
    }

    fn closed(&mut self, now: Timestamp, id: u64, reply: Reply) {
        let Some(Closed { purpose, asked_at, reply }) = self.requests.close(id, reply) else { return };
        match purpose {
            Purpose::Version => self.version_told(now, reply),
            Purpose::Storage => self.storage_told(now, reply),
            Purpose::Status => self.status_told(now, asked_at, reply),
            Purpose::Job => self.job_told(now, reply),
            Purpose::Send => self.send_went_on(now, reply),
            Purpose::Before(attempt, token) => self.before_start_told(attempt, token, reply),
            Purpose::Start(attempt) => self.start_answered(now, attempt, reply),
            Purpose::Refused(attempt, detail) => self.after_refusal_told(now, attempt, detail, &reply),
            Purpose::Fence(act) => self.fence_told(now, act, &reply),
            Purpose::Act(act) => self.act_answered(now, act, reply),
            Purpose::WasLast(token, id) => self.was_last_told(token, id, &reply),
            Purpose::WasNext(token) => self.was_next_told(now, token, &reply),
            Purpose::Listing(token) => self.listing_told(&token, &reply),
            Purpose::Remove | Purpose::Nonce => {}
        }
    }

    /// The link went down before the call was made.
    pub(super) fn not_made(&mut self, purpose: Purpose) {
        match purpose {
            Purpose::Send => self.send_was_not_made(),
            Purpose::Before(attempt, _) | Purpose::Start(attempt) => self.not_started(attempt),
            Purpose::Refused(attempt, detail) => self.report(Report::StartUnanswered { attempt, detail }),
            Purpose::Fence(act) | Purpose::Act(act) => self.acted(act, Err(ActProblem::NoLink)),
            Purpose::WasLast(token, _) | Purpose::WasNext(token) => self.was_not_last(token),
            Purpose::Version
            | Purpose::Storage
            | Purpose::Status
            | Purpose::Job
            | Purpose::Listing(_)
            | Purpose::Remove
            | Purpose::Nonce => {}
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
        for ask in self.requests.due(now) {
            self.ask(ask);
        }
        let next = self.next_moment();
        self.out.take(now, next)
    }
}

/// What a person reads of a call that did not do what it should.
pub(super) fn in_words(reply: &Reply) -> String {
    reply.as_ref().map_or_else(ToString::to_string, refusal)
}
