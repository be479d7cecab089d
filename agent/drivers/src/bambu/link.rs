//! Is the machine there, does it answer, and what does it show: the line, its silence, its retries.

use domain::time::Timestamp;

use super::core::Core;
use super::requests::Purpose;
use crate::broker::{Ask, NoLine, Refusal, Shown};
use crate::contract::{LinkProblem, Observation, Report};

/// What needs a person is tried again so slowly that it harms nobody, in case it is mended over there.
const RETRY_WRONG_MS: i64 = 60_000;

/// The longest pause between two tries to reach it.
const RETRY_AT_MOST_MS: i64 = 30_000;

/// The line must be open within this, and the first picture come.
const OPEN_MS: i64 = 30_000;
const PICTURE_MS: i64 = 20_000;

/// Silent for so long it is asked whether it is there, and so often.
const QUIET_MS: i64 = 8_000;
/// Silent for so long it is given up.
const DEAD_MS: i64 = 60_000;

/// So many questions in a row that nobody answers: reports come, and nothing goes in.
const UNANSWERED_AT_MOST: u32 = 3;

/// The farm is told at most so often, unless something changed.
const TELL_MS: i64 = 1_000;

/// Whether the machine is there.
#[derive(Debug)]
pub(super) enum Link {
    /// It is not, or not as it should.
    Down {
        /// When it is tried again.
        retry_at: Timestamp,
    },
    /// The line is being opened.
    Opening {
        /// Until when.
        until: Timestamp,
    },
    /// The line is open, and its first picture is awaited.
    Greeting {
        /// Until when.
        until: Timestamp,
    },
    /// It is.
    Up,
}

/// What was heard last, and what was tried in vain.
#[derive(Debug, Default)]
pub(super) struct Contact {
    failures: u32,
    heard_at: Option<Timestamp>,
    asked_at: Option<Timestamp>,
    unanswered: u32,
}

impl Contact {
    pub(super) const fn heard(&mut self, now: Timestamp) {
        self.heard_at = Some(now);
    }

    pub(super) const fn answered(&mut self) {
        self.unanswered = 0;
    }
}

impl Core {
    /// Everything whose time has come.
    pub(super) fn do_what_is_due(&mut self, now: Timestamp) {
        match self.link {
            Link::Down { retry_at } if retry_at <= now => {
                self.link = Link::Opening { until: now.plus_millis(OPEN_MS) };
                let open = self.requests.line(now);
                self.ask(open);
            }
            Link::Opening { until } if until <= now => self.down(now, LinkProblem::Silent { address: self.address.clone() }),
            Link::Greeting { until } if until <= now => {
                let found = format!("its broker answers, and tells nothing of {}", self.serial);
                let problem = LinkProblem::OtherKind { address: self.address.clone(), expected: "that Bambu Lab printer", found };
                self.down(now, problem);
            }
            Link::Down { .. } | Link::Opening { .. } | Link::Greeting { .. } => {}
            Link::Up => {
                self.close_late(now);
                self.look_after(now);
                self.end_that_was_held(now);
            }
        }
    }

    /// When something is due next.
    pub(super) fn next_moment(&self) -> Option<Timestamp> {
        match self.link {
            Link::Down { retry_at } => Some(retry_at),
            Link::Opening { until } | Link::Greeting { until } => Some(until),
            Link::Up => [self.quiet_moment(), self.dead_moment(), self.requests.next_late(), self.held_moment()]
                .into_iter()
                .flatten()
                .min(),
        }
    }

    fn quiet_moment(&self) -> Option<Timestamp> {
        if self.requests.is_open(|purpose| *purpose == Purpose::Version) {
            return None;
        }
        let since = self.contact.heard_at.max(self.contact.asked_at)?;
        Some(since.plus_millis(QUIET_MS))
    }

    fn dead_moment(&self) -> Option<Timestamp> {
        self.contact.heard_at.map(|heard_at| heard_at.plus_millis(DEAD_MS))
    }

    fn look_after(&mut self, now: Timestamp) {
        let past = |moment: Option<Timestamp>| moment.is_some_and(|moment| moment <= now);
        if past(self.dead_moment()) || self.contact.unanswered >= UNANSWERED_AT_MOST {
            return self.down(now, LinkProblem::Silent { address: self.address.clone() });
        }
        if past(self.quiet_moment()) {
            self.contact.asked_at = Some(now);
            let ask = self.requests.version(now, Purpose::Version);
            self.ask(ask);
        }
    }

    /// Nobody answered these in time.
    fn close_late(&mut self, now: Timestamp) {
        for purpose in self.requests.close_late(now) {
            self.contact.unanswered = self.contact.unanswered.saturating_add(1);
            self.unanswered(purpose);
        }
    }

    fn unanswered(&mut self, purpose: Purpose) {
        match purpose {
            Purpose::Version | Purpose::Picture => {}
            Purpose::Before(start) => self.not_started(start.attempt),
            Purpose::Start(attempt, _) => self.start_unanswered(attempt),
            Purpose::Act(act) => self.act_unanswered(act),
        }
    }

    pub(super) fn line_opened(&mut self, now: Timestamp) {
        if !matches!(self.link, Link::Opening { .. }) {
            return;
        }
        self.link = Link::Greeting { until: now.plus_millis(PICTURE_MS) };
        self.contact = Contact { failures: self.contact.failures, ..Contact::default() };
        let version = self.requests.version(now, Purpose::Version);
        self.ask(version);
        let picture = self.requests.picture(now);
        self.ask(picture);
    }

    pub(super) fn line_closed(&mut self, now: Timestamp, why: NoLine) {
        if matches!(self.link, Link::Down { .. }) {
            return;
        }
        let address = self.address.clone();
        let problem = match why {
            NoLine::Unreachable(detail) | NoLine::Cut(detail) => LinkProblem::Unreachable { address, detail },
            NoLine::Silent => LinkProblem::Silent { address },
            NoLine::WrongCode => LinkProblem::WrongCredential { address },
            NoLine::NotHeard(found) => LinkProblem::OtherKind { address, expected: "that Bambu Lab printer", found },
            NoLine::Certificate(refusal) => self.not_believed(refusal),
        };
        self.down(now, problem);
    }

    pub(super) fn not_believed(&self, refusal: Refusal) -> LinkProblem {
        let address = self.address.clone();
        match refusal {
            Refusal::Unconfirmed(Shown { sha256, names }) => {
                LinkProblem::UnconfirmedCertificate { address, names, sha256: sha256.to_string() }
            }
            Refusal::Changed(Shown { sha256, names }) => {
                LinkProblem::ChangedCertificate { address, names, sha256: sha256.to_string() }
            }
            Refusal::OtherMachine(Shown { names, .. }) => {
                LinkProblem::OtherMachine { address, expected: self.serial.clone(), found: names }
            }
            Refusal::Unreadable => {
                let found = "its certificate cannot be read".to_owned();
                LinkProblem::OtherKind { address, expected: "that Bambu Lab printer", found }
            }
        }
    }

    /// A report came.
    pub(super) fn pictured(&mut self, now: Timestamp) {
        if matches!(self.link, Link::Greeting { .. }) && self.view.is_whole() {
            self.link = Link::Up;
            self.contact.failures = 0;
        }
        if self.is_up() {
            self.look_at_acts();
            self.follow(now);
        }
    }

    /// The machine was heard: tells the farm.
    pub(super) fn show(&mut self, now: Timestamp) {
        // An end is told before the picture without its print.
        if !self.is_up() || self.ends.is_unresolved() {
            return;
        }
        let Some(observation) = self.view.observation(now) else { return };
        let due = self.told.as_ref().is_none_or(|(at, told)| now.millis_since(*at) >= TELL_MS || differ(told, &observation));
        if due {
            self.lost = None;
            self.told = Some((now, observation.clone()));
            self.report(Report::Heard(Box::new(observation)));
        }
    }

    pub(super) fn down(&mut self, now: Timestamp, problem: LinkProblem) {
        let pause = if problem.needs_a_person() { RETRY_WRONG_MS } else { self.backoff(now) };
        self.contact = Contact { failures: self.contact.failures.saturating_add(1), ..Contact::default() };
        self.link = Link::Down { retry_at: now.plus_millis(pause) };
        self.ask(Ask::Close);
        for purpose in self.requests.close_all(|_| true) {
            self.unanswered(purpose);
        }
        self.contact.unanswered = 0;
        self.view.forget();
        self.ends.contact_lost();
        self.told = None;
        if self.lost.as_ref() != Some(&problem) {
            self.lost = Some(problem.clone());
            self.report(Report::Lost(problem));
        }
    }

    /// 1, 2, 4, … 30 seconds, and a little more that differs from machine to machine: not all at once after a
    /// router's restart.
    fn backoff(&self, now: Timestamp) -> i64 {
        let pause = 1000_i64.checked_shl(self.contact.failures.min(10)).unwrap_or(RETRY_AT_MOST_MS).min(RETRY_AT_MOST_MS);
        let spread = self.serial.bytes().fold(now.millis(), |sum, byte| sum.wrapping_mul(31).wrapping_add(i64::from(byte)));
        pause + spread.rem_euclid(pause / 4)
    }

    /// The line is open.
    pub(super) const fn is_open(&self) -> bool {
        matches!(self.link, Link::Greeting { .. } | Link::Up)
    }

    /// The machine is there, and all that it shows is known.
    pub(super) const fn is_up(&self) -> bool {
        matches!(self.link, Link::Up)
    }
}

/// Whether a person would see the difference.
fn differ(one: &Observation, other: &Observation) -> bool {
    (one.activity, one.control, &one.print, &one.shown_token, &one.fault, &one.slots)
        != (other.activity, other.control, &other.print, &other.shown_token, &other.fault, &other.slots)
}
