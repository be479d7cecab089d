//! Is OctoPrint there, is its printer, and what does it show: greeting, polling, and their retries.

use domain::time::Timestamp;
use serde_json::json;

use super::core::{Core, in_words};
use super::push::{self, Socket};
use super::requests::{Purpose, Reply};
use super::wire::{Phase, Picture, Temperatures, json as body_of, number, text, whole};
use crate::contract::{HEARD_EVERY_SECONDS, LinkProblem, Observation, Report};
use crate::web::{Answer, Ask, NoAnswer};

/// A wrong key is tried again so slowly that it harms nobody, in case the key is set right over there.
const RETRY_WRONG_MS: i64 = 60_000;

/// The longest pause between two tries to reach it.
const RETRY_AT_MOST_MS: i64 = 30_000;

/// How often it is asked beside a lively socket, and without one.
const POLL_MS: i64 = HEARD_EVERY_SECONDS * 1000;
const POLL_ALONE_MS: i64 = 5_000;

/// The farm is told at most so often, unless something changed.
const TELL_MS: i64 = 1_000;

/// OctoPrint is asked to connect its printer so often, and first after a while: it may do it itself.
const CONNECT_MS: i64 = 30_000;
const CONNECT_FIRST_MS: i64 = 5_000;

/// Whether OctoPrint answers.
#[derive(Debug)]
pub(super) enum Link {
    /// It does not, or not as it should.
    Down {
        /// When it is tried again.
        retry_at: Timestamp,
    },
    /// It is being asked who it is.
    Greeting,
    /// It does.
    Up,
}

/// When what was tried last, and how often in vain.
#[derive(Debug, Default)]
pub(super) struct Contact {
    link_failures: u32,
    pub socket_failures: u32,
    polled_at: Option<Timestamp>,
    offline_since: Option<Timestamp>,
    connect_tried_at: Option<Timestamp>,
}

impl Core {
    /// Everything whose time has come.
    pub(super) fn do_what_is_due(&mut self, now: Timestamp) {
        match self.link {
            Link::Down { retry_at } if retry_at <= now => {
                self.link = Link::Greeting;
                let ask = self.requests.version();
                self.ask(ask);
            }
            Link::Down { .. } | Link::Greeting => {}
            Link::Up => {
                self.tend_socket(now);
                if self.poll_moment(now).is_some_and(|moment| moment <= now) {
                    self.poll(now);
                }
                if self.connect_moment().is_some_and(|moment| moment <= now) {
                    self.contact.connect_tried_at = Some(now);
                    let ask = self.requests.connect_printer();
                    self.ask(ask);
                }
                self.look_for_missed_end(now);
            }
        }
    }

    /// When something is due next.
    pub(super) fn next_moment(&self, now: Timestamp) -> Option<Timestamp> {
        match self.link {
            Link::Down { retry_at } => Some(retry_at),
            Link::Greeting => None,
            Link::Up => {
                let socket = match self.socket {
                    Socket::Closed { retry_at } => Some(retry_at),
                    Socket::Opening { .. } => None,
                    Socket::Open { heard_at } => Some(heard_at.plus_millis(push::DEAD_MS)),
                };
                let moments = [socket, self.poll_moment(now), self.connect_moment(), self.missed_end_moment()];
                moments.into_iter().flatten().min()
            }
        }
    }

    fn poll_moment(&self, now: Timestamp) -> Option<Timestamp> {
        if self.requests.is_open(&Purpose::Job) {
            return None;
        }
        let Some(polled_at) = self.contact.polled_at else { return Some(now) };
        let alone = polled_at.plus_millis(POLL_ALONE_MS);
        Some(match self.socket {
            Socket::Open { heard_at } => alone.max(heard_at.plus_millis(push::SILENT_MS)).min(polled_at.plus_millis(POLL_MS)),
            Socket::Closed { .. } | Socket::Opening { .. } => alone,
        })
    }

    /// Asks for state, job and temperatures now.
    pub(super) fn poll(&mut self, now: Timestamp) {
        self.contact.polled_at = Some(now);
        if !self.requests.is_open(&Purpose::Job) {
            let job = self.requests.job(Purpose::Job);
            self.ask(job);
        }
        if !self.requests.is_open(&Purpose::Printer) {
            let printer = self.requests.printer();
            self.ask(printer);
        }
    }

    fn connect_moment(&self) -> Option<Timestamp> {
        let first = self.contact.offline_since?.plus_millis(CONNECT_FIRST_MS);
        Some(match self.contact.connect_tried_at {
            Some(tried) => first.max(tried.plus_millis(CONNECT_MS)),
            None => first,
        })
    }

    pub(super) fn version_told(&mut self, now: Timestamp, reply: Reply) {
        let Some(answer) = self.answer_or_down(now, reply) else { return };
        let body = body_of(&answer);
        let name = body.as_ref().and_then(|body| text(body.get("text")));
        let is_octoprint = answer.status == 200
            && name.as_ref().is_some_and(|name| name.starts_with("OctoPrint") && !name.contains("Moonraker"));
        if !is_octoprint {
            let elsewhere = answer.headers.iter().find(|(name, _)| *name == "location");
            let found = match (name, elsewhere) {
                (Some(name), _) => name,
                (None, Some((_, location))) => format!("it sends to {location}"),
                (None, None) => format!("it answers HTTP {} to /api/version", answer.status),
            };
            let problem = LinkProblem::OtherKind { address: self.address.clone(), expected: "OctoPrint", found };
            return self.down(now, problem);
        }
        self.view.firmware = name;
        let ask = self.requests.connection();
        self.ask(ask);
    }

    pub(super) fn connection_told(&mut self, now: Timestamp, reply: Reply) {
        let Some(answer) = self.answer_or_down(now, reply) else { return };
        self.link = Link::Up;
        self.contact.link_failures = 0;
        let room = self.requests.room();
        self.ask(room);
        self.poll(now);
        let state = body_of(&answer).and_then(|body| text(body.pointer("/current/state")));
        if let Some(picture) = state.and_then(|state| Picture::read(&json!({"state": state})))
            && picture.phase.is_disconnected()
        {
            self.view.take(now, picture);
            self.show(now);
        }
    }

    pub(super) fn job_told(&mut self, now: Timestamp, reply: Reply) {
        if reply.is_err() && self.socket_speaks(now) {
            return;
        }
        let Some(answer) = self.answer_or_down(now, reply) else { return };
        let Some(picture) = body_of(&answer).as_ref().and_then(Picture::read) else {
            let found = format!("it answers HTTP {} to /api/job, and no job", answer.status);
            let problem = LinkProblem::OtherKind { address: self.address.clone(), expected: "OctoPrint", found };
            return self.down(now, problem);
        };
        self.view.take(now, picture);
        self.show(now);
    }

    pub(super) fn printer_told(&mut self, reply: &Reply) {
        let body = reply.as_ref().ok().and_then(body_of);
        if let Some(temperatures) = body.as_ref().and_then(Temperatures::read) {
            self.view.take_temperatures(temperatures);
        }
    }

    pub(super) fn room_told(&mut self, reply: &Reply) {
        let body = reply.as_ref().ok().and_then(body_of);
        if let Some(free) = body.as_ref().and_then(|body| number(body.get("free"))) {
            self.view.free_bytes = Some(whole(free));
        }
    }

    /// The picture changed: tells the farm, and looks whether a print of ours began or went.
    pub(super) fn show(&mut self, now: Timestamp) {
        self.follow(now);
        if self.view.phase() == Some(Phase::Offline) {
            self.contact.offline_since.get_or_insert(now);
        } else {
            self.contact.offline_since = None;
        }
        let Some(observation) = self.view.observation(now) else {
            let detail = self.view.words();
            return self.lose(LinkProblem::PrinterDisconnected { address: self.address.clone(), detail });
        };
        if self.ends.is_unresolved() {
            return; // A late picture from before the start, or the end is told first.
        }
        let due = self.told.as_ref().is_none_or(|(at, told)| now.millis_since(*at) >= TELL_MS || differ(told, &observation));
        if due {
            self.lost = None;
            self.told = Some((now, observation.clone()));
            self.report(Report::Heard(Box::new(observation)));
        }
    }

    /// The answer, if it is one that OctoPrint gives to a key that it knows; else the link is down.
    pub(super) fn answer_or_down(&mut self, now: Timestamp, reply: Reply) -> Option<Answer> {
        let address = self.address.clone();
        let problem = match reply {
            Ok(answer) if matches!(answer.status, 401 | 403) => LinkProblem::WrongCredential { address },
            Ok(answer) if answer.status < 500 => return Some(answer),
            Err(NoAnswer::Silent) => LinkProblem::Silent { address },
            Err(NoAnswer::Unreachable(detail)) => LinkProblem::Unreachable { address, detail },
            failed @ (Ok(_) | Err(_)) => LinkProblem::Unreachable { address, detail: in_words(&failed) },
        };
        self.down(now, problem);
        None
    }

    fn down(&mut self, now: Timestamp, problem: LinkProblem) {
        let pause = if problem.needs_a_person() { RETRY_WRONG_MS } else { backoff(self.contact.link_failures) };
        self.contact = Contact {
            link_failures: self.contact.link_failures.saturating_add(1),
            connect_tried_at: self.contact.connect_tried_at,
            ..Contact::default()
        };
        self.link = Link::Down { retry_at: now.plus_millis(pause) };
        for abandoned in self.requests.abandon_questions() {
            self.ask(abandoned);
        }
        if !matches!(self.socket, Socket::Closed { .. }) {
            self.ask(Ask::CloseSocket);
        }
        self.socket = Socket::Closed { retry_at: now };
        self.ends.contact_broke();
        self.view.outdate();
        self.lose(problem);
    }

    fn lose(&mut self, problem: LinkProblem) {
        self.told = None;
        if self.lost.as_ref() != Some(&problem) {
            self.lost = Some(problem.clone());
            self.report(Report::Lost(problem));
        }
    }

    /// OctoPrint answers.
    pub(super) const fn is_up(&self) -> bool {
        matches!(self.link, Link::Up)
    }

    /// OctoPrint answers and its printer is connected.
    pub(super) fn is_usable(&self) -> bool {
        self.is_up() && self.view.phase().is_some_and(|phase| !phase.is_disconnected())
    }
}

/// Whether a person would see the difference.
fn differ(one: &Observation, other: &Observation) -> bool {
    (one.activity, one.control, &one.print, &one.shown_token, &one.fault)
        != (other.activity, other.control, &other.print, &other.shown_token, &other.fault)
}

/// 1, 2, 4, … 30 seconds.
pub(super) fn backoff(failures: u32) -> i64 {
    1000_i64.checked_shl(failures.min(10)).unwrap_or(RETRY_AT_MOST_MS).min(RETRY_AT_MOST_MS)
}
