//! Is PrusaLink there, and what does it show: greeting, polling, and their retries. A picture is a state and,
//! if that tells of a job, the job's file with the same number: two answers that belong together.

use domain::time::Timestamp;

use super::core::{Core, in_words};
use super::requests::{Purpose, Reply};
use super::view::Shown;
use super::wire::{Job, Place, Status, json as body_of, text};
use crate::contract::{LinkProblem, Observation, Report};
use crate::web::{Answer, NoAnswer};

/// A wrong key is tried again so slowly that it harms nobody, in case it is set right over there.
const RETRY_WRONG_MS: i64 = 60_000;

/// The longest pause between two tries to reach it.
const RETRY_AT_MOST_MS: i64 = 15_000;

/// How often it is asked while something is printed, and else. A Raspberry Pi shows an end for five seconds.
const POLL_JOB_MS: i64 = 2_000;
const POLL_IDLE_MS: i64 = 5_000;

/// How often it is asked where files can be put: soon again where they cannot.
const STORAGE_MS: i64 = 300_000;
const NO_STORAGE_MS: i64 = 30_000;

/// A printer on Wi-Fi misses a question now and then: so many in a row are a link that is down.
const MISSES: u32 = 3;

/// The farm is told at most so often, unless something changed.
const TELL_MS: i64 = 1_000;

/// Whether PrusaLink answers.
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
    failures: u32,
    misses: u32,
    polled_at: Option<Timestamp>,
    storage_at: Option<Timestamp>,
    /// A state that tells of a job, until the job's file is known; and when it was asked for.
    half: Option<(Timestamp, Status)>,
}

impl Core {
    /// Everything whose time has come.
    pub(super) fn do_what_is_due(&mut self, now: Timestamp) {
        match self.link {
            Link::Down { retry_at } if retry_at <= now => {
                self.link = Link::Greeting;
                self.requests.start_over();
                self.requests.version();
            }
            Link::Down { .. } | Link::Greeting => {}
            Link::Up => {
                if self.poll_moment(now).is_some_and(|moment| moment <= now) {
                    self.poll(now);
                }
                if self.storage_moment(now).is_some_and(|moment| moment <= now) {
                    self.contact.storage_at = Some(now);
                    self.requests.storage();
                }
                self.look_again_at_file(now);
            }
        }
    }

    /// When something is due next.
    pub(super) fn next_moment(&self) -> Option<Timestamp> {
        match self.link {
            Link::Down { retry_at } => Some(retry_at),
            Link::Greeting => None,
            Link::Up => {
                let long_ago = Timestamp::from_millis(i64::MIN);
                let moments = [self.poll_moment(long_ago), self.storage_moment(long_ago), self.file_moment()];
                moments.into_iter().flatten().min()
            }
        }
    }

    fn poll_moment(&self, now: Timestamp) -> Option<Timestamp> {
        if self.requests.is_asked(|purpose| matches!(purpose, Purpose::Status | Purpose::Job)) {
            return None;
        }
        let Some(polled_at) = self.contact.polled_at else { return Some(now) };
        let is_close = self.ends.is_following() || self.view.has_print() || self.contact.misses > 0;
        Some(polled_at.plus_millis(if is_close { POLL_JOB_MS } else { POLL_IDLE_MS }))
    }

    fn storage_moment(&self, now: Timestamp) -> Option<Timestamp> {
        if self.requests.is_asked(|purpose| *purpose == Purpose::Storage) {
            return None;
        }
        let Some(asked_at) = self.contact.storage_at else { return Some(now) };
        Some(asked_at.plus_millis(if self.view.storage().is_some() { STORAGE_MS } else { NO_STORAGE_MS }))
    }

    /// Asks for state and job now.
    pub(super) fn poll(&mut self, now: Timestamp) {
        self.contact.polled_at = Some(now);
        if !self.requests.is_asked(|purpose| matches!(purpose, Purpose::Status | Purpose::Job)) {
            self.requests.status(Purpose::Status);
        }
    }

    pub(super) fn version_told(&mut self, now: Timestamp, reply: Reply) {
        let Some(answer) = self.answer_or_down(now, reply) else { return };
        let body = body_of(&answer);
        let name = body.as_ref().and_then(|body| text(body.get("text")));
        if answer.status != 200 || !name.as_ref().is_some_and(|name| name.starts_with("PrusaLink")) {
            let elsewhere = answer.headers.iter().find(|(name, _)| *name == "location");
            let found = match (name, elsewhere) {
                (Some(name), _) => name,
                (None, Some((_, location))) => format!("it sends to {location}"),
                (None, None) => format!("it answers HTTP {} to /api/version", answer.status),
            };
            return self.other_kind(now, found);
        }
        let can_put = body.as_ref().and_then(|body| body.pointer("/capabilities/upload-by-put")?.as_bool());
        if can_put != Some(true) {
            return self.other_kind(now, "a PrusaLink that is too old: update the printer's firmware".to_owned());
        }
        let firmware = body.as_ref().and_then(|body| text(body.get("firmware")));
        self.view.firmware = match (name, firmware) {
            (Some(name), Some(firmware)) => Some(format!("{name}, firmware {firmware}")),
            (name, None) => name,
            (None, firmware) => firmware,
        };
        self.requests.storage();
    }

    fn other_kind(&mut self, now: Timestamp, found: String) {
        let problem = LinkProblem::OtherKind { address: self.address.clone(), expected: "PrusaLink", found };
        self.down(now, problem);
    }

    pub(super) fn storage_told(&mut self, now: Timestamp, reply: Reply) {
        let greeted = matches!(self.link, Link::Greeting);
        let Some(answer) = self.answer_or_miss(now, reply) else { return };
        if let Some(place) = body_of(&answer).as_ref().and_then(Place::read) {
            self.view.place = Some(place);
            self.contact.storage_at = Some(now);
        } else if greeted {
            return self.other_kind(now, format!("it answers HTTP {} to /api/v1/storage", answer.status));
        }
        if greeted {
            self.link = Link::Up;
            self.contact.failures = 0;
            self.poll(now);
        }
    }

    pub(super) fn status_told(&mut self, now: Timestamp, asked_at: Timestamp, reply: Reply) {
        let Some(answer) = self.answer_or_miss(now, reply) else { return };
        let Some(status) = body_of(&answer).as_ref().and_then(Status::read).filter(|_| answer.status == 200) else {
            return self.other_kind(now, format!("it answers HTTP {} to /api/v1/status, and no state", answer.status));
        };
        if status.job.is_some() {
            self.contact.half = Some((asked_at, status));
            self.requests.job(Purpose::Job);
        } else {
            self.view.shown = Some(Shown { status, job: None, asked_at });
            self.show(now);
        }
    }

    pub(super) fn job_told(&mut self, now: Timestamp, reply: Reply) {
        let half = self.contact.half.take();
        let Some(answer) = self.answer_or_miss(now, reply) else { return };
        let job = body_of(&answer).as_ref().and_then(Job::read).filter(|_| answer.status == 200);
        let Some((asked_at, status)) = half else { return };
        let belongs = job.as_ref().is_some_and(|job| status.job.is_some_and(|told| told.id == job.id));
        if belongs {
            self.view.shown = Some(Shown { status, job, asked_at });
            self.show(now);
        }
        // Else it went, or another came, between the two answers: the next poll tells.
    }

    /// The picture changed: looks whether a print of ours began or went, and tells the farm.
    pub(super) fn show(&mut self, now: Timestamp) {
        self.follow(now);
        self.answer_recalls();
        let Some(observation) = self.view.observation(now, self.ends.finished()) else { return };
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

    /// The answer, if it is one that PrusaLink gives to who is let in; else the link is down.
    fn answer_or_down(&mut self, now: Timestamp, reply: Reply) -> Option<Answer> {
        match self.problem_of(reply) {
            Ok(answer) => Some(answer),
            Err(problem) => {
                self.down(now, problem);
                None
            }
        }
    }

    /// The same of a link that is up: it may miss a question.
    fn answer_or_miss(&mut self, now: Timestamp, reply: Reply) -> Option<Answer> {
        match self.problem_of(reply) {
            Ok(answer) => {
                self.contact.misses = 0;
                Some(answer)
            }
            Err(problem) => {
                self.contact.misses += 1;
                self.contact.half = None;
                self.ends.contact_broke();
                let is_final = matches!(problem, LinkProblem::WrongCredential { .. });
                if is_final || self.contact.misses >= MISSES || !self.is_up() {
                    self.down(now, problem);
                }
                None
            }
        }
    }

    fn problem_of(&self, reply: Reply) -> Result<Answer, LinkProblem> {
        let address = self.address.clone();
        match reply {
            Ok(answer) if matches!(answer.status, 401 | 403) => Err(LinkProblem::WrongCredential { address }),
            Ok(answer) if answer.status < 500 => Ok(answer),
            Ok(answer) if answer.status == 503 => {
                let detail = "PrusaLink is still starting, or has no printer".to_owned();
                Err(LinkProblem::PrinterDisconnected { address, detail })
            }
            Err(NoAnswer::Silent) => Err(LinkProblem::Silent { address }),
            Err(NoAnswer::Unreachable(detail)) => Err(LinkProblem::Unreachable { address, detail }),
            failed @ (Ok(_) | Err(_)) => Err(LinkProblem::Unreachable { address, detail: in_words(&failed) }),
        }
    }

    fn down(&mut self, now: Timestamp, problem: LinkProblem) {
        let pause = if problem.needs_a_person() { RETRY_WRONG_MS } else { backoff(self.contact.failures) };
        self.contact = Contact { failures: self.contact.failures.saturating_add(1), ..Contact::default() };
        self.link = Link::Down { retry_at: now.plus_millis(pause) };
        if let Some(abandoned) = self.requests.abandon_questions() {
            self.ask(abandoned);
        }
        self.ends.contact_broke();
        self.view.shown = None;
        for purpose in self.requests.drop_waiting() {
            self.not_made(purpose);
        }
        self.forget_recalls();
        self.told = None;
        if self.lost.as_ref() != Some(&problem) {
            self.lost = Some(problem.clone());
            self.report(Report::Lost(problem));
        }
    }

    /// PrusaLink answers.
    pub(super) const fn is_up(&self) -> bool {
        matches!(self.link, Link::Up)
    }
}

/// Whether a person would see the difference.
fn differ(one: &Observation, other: &Observation) -> bool {
    (one.activity, one.control, &one.print, &one.shown_token, &one.fault)
        != (other.activity, other.control, &other.print, &other.shown_token, &other.fault)
}

/// 1, 2, 4, … 15 seconds.
fn backoff(failures: u32) -> i64 {
    1000_i64.checked_shl(failures.min(10)).unwrap_or(RETRY_AT_MOST_MS).min(RETRY_AT_MOST_MS)
}
