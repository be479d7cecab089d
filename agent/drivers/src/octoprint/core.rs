//! The core: takes an input, lets the part that it belongs to decide, and says when it must be woken.

use domain::secret::Secret;
use domain::time::Timestamp;

use super::ends::Ends;
use super::link::{Contact, Link};
use super::push::Socket;
use super::requests::{Purpose, Reply, Requests};
use super::sending::Sending;
use super::view::View;
use super::wire::refusal;
use crate::contract::{ActProblem, Input, LinkProblem, Observation, Order, Outbox, Output, PrinterProtocol, Report};
use crate::web::{Ask, Wire};

/// One OctoPrint.
pub(super) struct Core {
    /// Where it is, for people.
    pub address: String,
    pub requests: Requests,
    pub link: Link,
    pub socket: Socket,
    pub contact: Contact,
    pub view: View,
    pub sending: Option<Sending>,
    pub ends: Ends,
    /// What the farm was told last, and when.
    pub told: Option<(Timestamp, Observation)>,
    /// The problem that the farm knows of.
    pub lost: Option<LinkProblem>,
    out: Outbox<Ask>,
}

impl Core {
    pub(super) fn new(address: String, key: Secret<String>) -> Self {
        Self {
            address,
            requests: Requests::new(key),
            link: Link::Down { retry_at: Timestamp::from_millis(i64::MIN) },
            socket: Socket::Closed { retry_at: Timestamp::from_millis(i64::MIN) },
            contact: Contact::default(),
            view: View::default(),
            sending: None,
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
            Order::Start { attempt, token, content: _, feeds: _ } => self.start(now, attempt, token),
            Order::Pause { command, token } => self.pause(command, token),
            Order::Resume { command, token } => self.resume(command, token),
            Order::Cancel { command, token } => self.cancel(command, token),
            Order::SkipObject { command, .. } => {
                let why = "OctoPrint cannot leave out a part of a print".to_owned();
                self.report(Report::Acted { command, outcome: Err(ActProblem::Refused(why)) });
            }
            Order::Recall { token } => self.recall(token),
            Order::Tidy { token } => self.tidy(&token),
        }
    }

    fn wire(&mut self, now: Timestamp, wire: Wire) {
        match wire {
            Wire::Answer(answer) => self.closed(now, answer.id, Ok(answer)),
            Wire::NoAnswer { id, why } => self.closed(now, id, Err(why)),
            Wire::Uploaded { id, bytes } => self.uploaded(now, id, bytes),
            Wire::SocketOpened => self.socket_opened(now),
            Wire::SocketText(text) => self.socket_text(now, &text),
            Wire::SocketClosed { why } => self.socket_closed(now, &why),
        }
    }

    fn closed(&mut self, now: Timestamp, id: u64, reply: Reply) {
        let Some(purpose) = self.requests.close(id) else { return };
        match purpose {
            Purpose::Version => self.version_told(now, reply),
            Purpose::Connection => self.connection_told(now, reply),
            Purpose::Login => self.logged_in(now, reply),
            Purpose::Job => self.job_told(now, reply),
            Purpose::Printer => self.printer_told(&reply),
            Purpose::Room => self.room_told(&reply),
            Purpose::Send => self.send_went_on(id, reply),
            Purpose::Start(attempt) => self.start_answered(now, attempt, reply),
            Purpose::Fence(act) => self.fence_told(now, act, reply),
            Purpose::Act(act) => self.act_answered(now, act, reply),
            Purpose::Past(token, asked_by) => self.past_told(now, token, asked_by, reply),
            Purpose::Listing => self.listing_told(&reply),
            Purpose::ConnectPrinter | Purpose::Remove => {}
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
        let next = self.next_moment(now);
        self.out.take(now, next)
    }
}

/// What a person reads of a call that did not do what it should.
pub(super) fn in_words(reply: &Reply) -> String {
    reply.as_ref().map_or_else(ToString::to_string, refusal)
}
