//! Is Moonraker there, is Klipper, and what does it show: greeting, polling, and their retries.

use domain::time::Timestamp;
use serde_json::Value;

use super::core::{Core, in_words};
use super::push::{self, Socket};
use super::requests::{Purpose, Reply, Requests};
use super::wire::{Host, Listing, Whole, is_of_use, json as body_of, refusal, text};
use crate::contract::{Beside, LinkProblem, Observation, Report};
use crate::web::{Answer, Ask, NoAnswer};

/// A wrong key is tried again so slowly that it harms nobody, in case the key is set right over there.
const RETRY_WRONG_MS: i64 = 60_000;

/// The longest pause between two tries to reach it.
const RETRY_AT_MOST_MS: i64 = 15_000;

/// How often it is asked beside a lively socket, without one, and while Klipper is away.
const POLL_MS: i64 = 10_000;
const POLL_ALONE_MS: i64 = 3_000;
const POLL_AWAY_MS: i64 = 2_500;

/// The farm is told at most so often, unless something changed.
const TELL_MS: i64 = 1_000;

/// Whether Moonraker answers.
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
}

impl Core {
    /// Everything whose time has come.
    pub(super) fn do_what_is_due(&mut self, now: Timestamp) {
        match self.link {
            Link::Down { retry_at } if retry_at <= now => {
                self.link = Link::Greeting;
                let ask = self.requests.server();
                self.ask(ask);
            }
            Link::Down { .. } | Link::Greeting => {}
            Link::Up => {
                self.tend_socket(now);
                if self.poll_moment(now).is_some_and(|moment| moment <= now) {
                    self.poll(now);
                }
                self.look_for_missed_end(now);
                self.go_on_sending(now);
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
                    Socket::Opening => None,
                    Socket::Open { heard_at, pinged: false, .. } => Some(heard_at.plus_millis(push::SILENT_MS)),
                    Socket::Open { heard_at, pinged: true, .. } => Some(heard_at.plus_millis(push::DEAD_MS)),
                };
                [socket, self.poll_moment(now), self.missed_end_moment(), self.sending_moment()].into_iter().flatten().min()
            }
        }
    }

    fn poll_moment(&self, now: Timestamp) -> Option<Timestamp> {
        let open = [Purpose::Server, Purpose::Objects, Purpose::Picture].iter().any(|purpose| self.requests.is_open(purpose));
        if open {
            return None;
        }
        let Some(polled_at) = self.contact.polled_at else { return Some(now) };
        Some(polled_at.plus_millis(if !self.view.is_answering() {
            POLL_AWAY_MS
        } else if self.socket_speaks(now) {
            POLL_MS
        } else {
            POLL_ALONE_MS
        }))
    }

    /// Asks for the picture now; without Klipper, whether it is back.
    pub(super) fn poll(&mut self, now: Timestamp) {
        self.contact.polled_at = Some(now);
        if !self.view.is_answering() {
            if !self.requests.is_open(&Purpose::Server) && !self.requests.is_open(&Purpose::Objects) {
                let server = self.requests.server();
                self.ask(server);
            }
        } else if !self.requests.is_open(&Purpose::Picture) {
            let picture = self.requests.picture(&self.view.objects, Purpose::Picture);
            self.ask(picture);
        }
    }

    pub(super) fn server_told(&mut self, now: Timestamp, reply: Reply) {
        let Some(answer) = self.answer_or_down(now, reply) else { return };
        let body = body_of(&answer);
        let told = |key: &str| body.as_ref().and_then(|body| text(body.get("result")?.get(key)));
        let (Some(state), 200) = (told("klippy_state"), answer.status) else {
            let elsewhere = answer.headers.iter().find(|(name, _)| *name == "location");
            let found = match elsewhere {
                Some((_, location)) => format!("it sends to {location}"),
                None => format!("it answers HTTP {} to /server/info, and no state of Klipper", answer.status),
            };
            let problem = LinkProblem::OtherKind { address: self.address.clone(), expected: "Moonraker", found };
            return self.down(now, problem);
        };
        self.view.server = told("moonraker_version");
        if !self.is_up() {
            self.link = Link::Up;
            self.contact.link_failures = 0;
            let room = self.requests.room();
            self.ask(room);
        }
        self.contact.polled_at = Some(now);
        match Host::of(&state) {
            Host::Ready | Host::Halted => self.klipper_is_back(),
            host @ (Host::Away | Host::Starting) => self.klipper_is_not_ready(now, host, format!("Klipper is in state {state}")),
        }
    }

    /// It may have come back with other objects.
    pub(super) fn klipper_is_back(&mut self) {
        if !self.requests.is_open(&Purpose::Objects) {
            let objects = self.requests.objects();
            self.ask(objects);
        }
    }

    pub(super) fn klipper_is_not_ready(&mut self, now: Timestamp, host: Host, words: String) {
        self.view.take_host(host, words);
        self.show(now);
    }

    pub(super) fn objects_told(&mut self, now: Timestamp, reply: &Reply) {
        let body = reply.as_ref().ok().filter(|answer| answer.status == 200).and_then(body_of);
        let Some(objects) = body.as_ref().and_then(|body| body.pointer("/result/objects")?.as_array()) else { return };
        let names = objects.iter().filter_map(Value::as_str).filter(|name| is_of_use(name));
        self.view.objects = names.map(str::to_owned).collect();
        self.contact.polled_at = Some(now);
        let picture = self.requests.picture(&self.view.objects, Purpose::Picture);
        self.ask(picture);
        let firmware = self.requests.firmware();
        self.ask(firmware);
        if self.hears() {
            self.ask(Requests::subscribe(&self.view.objects));
        }
    }

    pub(super) fn firmware_told(&mut self, reply: &Reply) {
        let body = reply.as_ref().ok().and_then(body_of);
        let told = |key: &str| body.as_ref().and_then(|body| text(body.get("result")?.get(key)));
        if let Some(version) = told("software_version") {
            self.view.klipper = Some(format!("{} {version}", told("app").unwrap_or_else(|| "Klipper".to_owned())));
        }
    }

    pub(super) fn picture_told(&mut self, now: Timestamp, reply: Reply) {
        if reply.is_err() && self.socket_speaks(now) {
            return;
        }
        let Some(answer) = self.answer_or_down(now, reply) else { return };
        let body = body_of(&answer).filter(|_| answer.status == 200);
        match body.as_ref().and_then(Whole::read) {
            Some(whole) => {
                self.view.take(&whole);
                self.show(now);
            }
            // 503 or 404: Klipper is away, and Moonraker says more of that elsewhere.
            None => self.klipper_is_not_ready(now, Host::Away, refusal(&answer)),
        }
    }

    pub(super) fn room_told(&mut self, reply: &Reply) {
        let listing = reply.as_ref().ok().and_then(Listing::read);
        if let Some(free) = listing.and_then(|listing| listing.free) {
            self.view.free_bytes = Some(free);
        }
    }

    /// The picture changed: tells the farm, and looks whether a print of ours began or went.
    pub(super) fn show(&mut self, now: Timestamp) {
        self.follow(now);
        let Some(observation) = self.view.observation(now) else {
            let detail = self.view.words();
            return self.lose(LinkProblem::PrinterDisconnected { address: self.address.clone(), detail });
        };
        let beside = self.view.beside();
        if beside != self.beside {
            self.beside = beside.clone();
            self.report(Report::Beside(Box::new(beside)));
        }
        if self.ends.is_unresolved() {
            return; // The end is told first.
        }
        let due = self.told.as_ref().is_none_or(|(at, told)| now.millis_since(*at) >= TELL_MS || differ(told, &observation));
        if due {
            self.lost = None;
            self.told = Some((now, observation.clone()));
            self.report(Report::Heard(Box::new(observation)));
        }
    }

    /// The answer, if it is one that Moonraker gives to who may ask; else the link is down.
    pub(super) fn answer_or_down(&mut self, now: Timestamp, reply: Reply) -> Option<Answer> {
        let address = self.address.clone();
        let problem = match reply {
            Ok(answer) if matches!(answer.status, 401 | 403) => LinkProblem::WrongCredential { address },
            Ok(answer) if answer.status < 500 || answer.status == 503 => return Some(answer),
            Err(NoAnswer::Silent) => LinkProblem::Silent { address },
            Err(NoAnswer::Unreachable(detail)) => LinkProblem::Unreachable { address, detail },
            failed @ (Ok(_) | Err(_)) => LinkProblem::Unreachable { address, detail: in_words(&failed) },
        };
        self.down(now, problem);
        None
    }

    pub(super) fn down(&mut self, now: Timestamp, problem: LinkProblem) {
        let pause = if problem.needs_a_person() { RETRY_WRONG_MS } else { backoff(self.contact.link_failures) };
        self.contact = Contact { link_failures: self.contact.link_failures.saturating_add(1), ..Contact::default() };
        self.link = Link::Down { retry_at: now.plus_millis(pause) };
        for abandoned in self.requests.abandon_questions() {
            self.ask(abandoned);
        }
        if !matches!(self.socket, Socket::Closed { .. }) {
            self.ask(Ask::CloseSocket);
        }
        self.socket = Socket::Closed { retry_at: now };
        self.view.forget();
        self.lose(problem);
    }

    fn lose(&mut self, problem: LinkProblem) {
        self.told = None;
        self.beside = Beside::default();
        if self.lost.as_ref() != Some(&problem) {
            self.lost = Some(problem.clone());
            self.report(Report::Lost(problem));
        }
    }

    /// Moonraker answers.
    pub(super) const fn is_up(&self) -> bool {
        matches!(self.link, Link::Up)
    }

    /// Moonraker answers and Klipper is ready for work.
    pub(super) fn is_usable(&self) -> bool {
        self.is_up() && self.view.picture().is_some()
    }
}

/// Whether a person would see the difference.
fn differ(one: &Observation, other: &Observation) -> bool {
    (one.activity, one.control, &one.print, &one.shown_token, &one.fault)
        != (other.activity, other.control, &other.print, &other.shown_token, &other.fault)
}

/// 1, 2, 4, … 15 seconds.
pub(super) fn backoff(failures: u32) -> i64 {
    1000_i64.checked_shl(failures.min(10)).unwrap_or(RETRY_AT_MOST_MS).min(RETRY_AT_MOST_MS)
}
