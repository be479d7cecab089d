//! Is the board there, and what does it say: opening, greeting, polling, silence, and their retries.

use domain::printer::Activity;
use domain::time::Timestamp;

use super::core::Core;
use super::gcode::Modes;
use super::requests::{Ask, Purpose, cool};
use super::view::Prompt;
use super::wire::{Action, Said, Told};
use crate::contract::{LinkProblem, Observation, Report};

/// Most boards reset when they are opened and say `start`; one that has said nothing for so long did not.
const BANNER_MS: i64 = 2_500;

/// A greeting that was not taken is repeated: a boot loader eats what comes too early.
const GREET_AGAIN_MS: i64 = 3_000;
const GREETINGS: u32 = 5;

/// A device that is not there is looked for so often; the longest pause between two tries of one that is.
const RETRY_MS: i64 = 1_000;
const RETRY_AT_MOST_MS: i64 = 15_000;

/// How often it is asked for what it does not tell by itself.
const POLL_MS: i64 = 5_000;

/// Silent for so long it is lost. In a print a board without `busy` may be silent while it levels its bed, and to
/// open the line again would end the print.
const SILENT_MS: i64 = 30_000;
const SILENT_IN_PRINT_MS: i64 = 180_000;

/// The farm is told at most so often, unless something changed; and of a stopped board at least so often.
const TELL_MS: i64 = 1_000;
const TELL_STOPPED_MS: i64 = 10_000;

/// What was looked for.
const EXPECTED: &str = "a board with Marlin";

/// Faults that are about a line or the machine's card, not about a print.
const OF_THE_LINE: [&str; 10] = [
    "checksum",
    "line number",
    "last line",
    "no line",
    "expected line",
    "sd init",
    "volume.init",
    "open failed",
    "workdir",
    "unknown command",
];

/// Whether the board answers.
#[derive(Debug)]
pub(super) enum Link {
    /// The device is not open.
    Down {
        /// When it is tried again.
        retry_at: Timestamp,
    },
    /// It is being opened.
    Opening,
    /// It is open, and the board may be coming up.
    Waiting {
        /// Since when.
        since: Timestamp,
    },
    /// The board is being asked who it is.
    Greeting {
        /// When it was last.
        asked_at: Timestamp,
        /// How often.
        tries: u32,
    },
    /// It answers.
    Up,
}

/// When what was heard and tried last.
#[derive(Debug, Default)]
pub(super) struct Contact {
    failures: u32,
    heard_at: Option<Timestamp>,
    polled_at: Option<Timestamp>,
}

impl Core {
    /// Everything whose time has come.
    pub(super) fn do_what_is_due(&mut self, now: Timestamp) {
        if self.next_moment().is_none_or(|moment| moment > now) {
            return;
        }
        match self.link {
            Link::Down { .. } => {
                self.link = Link::Opening;
                self.ask(Ask::Open);
            }
            Link::Opening => {}
            Link::Waiting { .. } => self.greet(now, 1),
            Link::Greeting { tries, .. } if tries < GREETINGS => self.greet(now, tries + 1),
            Link::Greeting { .. } => {
                let found = "it says nothing that such a board would say; is the baud rate right?".to_owned();
                self.down(now, LinkProblem::OtherKind { address: self.address.clone(), expected: EXPECTED, found });
            }
            Link::Up if self.view.fault.is_some() => self.show(now),
            Link::Up if self.silent_moment().is_some_and(|moment| moment <= now) => {
                let detail = "its device is there, but the board behind it says nothing any more".to_owned();
                self.down(now, LinkProblem::PrinterDisconnected { address: self.address.clone(), detail });
            }
            Link::Up => self.poll(now),
        }
    }

    /// When something is due next.
    pub(super) fn next_moment(&self) -> Option<Timestamp> {
        match self.link {
            Link::Down { retry_at } => Some(retry_at),
            Link::Opening => None,
            Link::Waiting { since } => Some(since.plus_millis(BANNER_MS)),
            Link::Greeting { asked_at, .. } => {
                Some(asked_at.max(self.contact.heard_at.unwrap_or(asked_at)).plus_millis(GREET_AGAIN_MS))
            }
            Link::Up if self.view.fault.is_some() => self.told.as_ref().map(|(at, _)| at.plus_millis(TELL_STOPPED_MS)),
            Link::Up => {
                let poll = self.contact.polled_at.map(|polled| polled.plus_millis(POLL_MS));
                [poll.filter(|_| !self.is_open(Purpose::Poll)), self.silent_moment()].into_iter().flatten().min()
            }
        }
    }

    fn silent_moment(&self) -> Option<Timestamp> {
        let silent = if self.run.is_some() { SILENT_IN_PRINT_MS } else { SILENT_MS };
        self.contact.heard_at.map(|heard| heard.plus_millis(silent))
    }

    fn greet(&mut self, now: Timestamp, tries: u32) {
        self.forget_said();
        self.link = Link::Greeting { asked_at: now, tries };
        self.ask(Ask::Hello);
    }

    fn poll(&mut self, now: Timestamp) {
        self.contact.polled_at = Some(now);
        let of_card = self.run.is_none() && self.starting.is_none() && self.may_have_card();
        if !self.view.can("AUTOREPORT_TEMP") {
            self.say("M105", Purpose::Poll);
        }
        if of_card {
            self.say("M27", Purpose::Poll);
        }
    }

    /// Unless it says that it has none: boards that say nothing of what they can may have one.
    pub(super) fn may_have_card(&self) -> bool {
        self.view.can("SDCARD") || !self.view.knows("SDCARD")
    }

    pub(super) fn opened(&mut self, now: Timestamp) {
        self.contact.heard_at = None;
        self.link = Link::Waiting { since: now };
    }

    pub(super) fn closed(&mut self, now: Timestamp, why: String) {
        if !matches!(self.link, Link::Down { .. }) {
            self.down(now, LinkProblem::Unreachable { address: self.address.clone(), detail: why });
        }
    }

    pub(super) fn restarted(&mut self, now: Timestamp, why: String) {
        self.lose_print(&why, super::ends::Loss::BoardRestarted);
        self.view.forget();
        self.greet(now, 1);
    }

    /// The first line was taken.
    pub(super) fn numbers_agree(&mut self, now: Timestamp) {
        self.contact.heard_at = Some(now);
        self.say("M115", Purpose::Firmware);
    }

    pub(super) fn firmware_told(&mut self, now: Timestamp) {
        if self.view.firmware.is_none() {
            // An answer to another host's last words may have come first.
            if let Link::Greeting { tries, .. } = self.link
                && tries < GREETINGS
            {
                return self.greet(now, tries + 1);
            }
            let found = "it answers, but does not say what firmware it has".to_owned();
            return self.down(now, LinkProblem::OtherKind { address: self.address.clone(), expected: EXPECTED, found });
        }
        if self.view.can("AUTOREPORT_TEMP") {
            self.say("M155 S2", Purpose::Aside);
        }
        if self.may_have_card() {
            self.say("M27 C", Purpose::Aside);
            self.say("M27", Purpose::Aside);
        }
        self.say("M105", Purpose::Greeted);
    }

    pub(super) fn greeted(&mut self, now: Timestamp) {
        self.link = Link::Up;
        self.contact = Contact { failures: 0, heard_at: Some(now), polled_at: Some(now) };
        self.cool_what_was_left();
        self.show(now);
    }

    /// A print of ours that broke off may have left its heaters on, and nobody watches them.
    pub(super) fn cool_what_was_left(&mut self) {
        if self.is_up() && self.run.is_none() && self.view.card.is_none() && self.ends.take_left_warm() {
            self.say_all(cool(self.view.tools()), Purpose::Aside);
        }
    }

    /// The board said something beside the flow.
    pub(super) fn heard(&mut self, now: Timestamp, line: &str) {
        self.contact.heard_at = Some(now);
        match Said::of(line.as_bytes()) {
            Said::Start if matches!(self.link, Link::Waiting { .. }) => return self.greet(now, 1),
            // The line is shut since it stopped, and has not heard it.
            Said::Start if self.view.fault.is_some() => return self.restarted(now, "the board came up anew".to_owned()),
            Said::Busy(busy) => {
                self.view.take_busy(now, busy);
                self.hasten_stop();
            }
            Said::Halted => return self.halted(now, line),
            Said::Start | Said::Ok(_) | Said::Resend(_) | Said::Wait | Said::Other => {}
        }
        match Told::read(line) {
            Told::Readings(readings) => self.view.readings = readings,
            Told::Firmware(name) => self.view.firmware = Some(name).filter(|name| !name.is_empty()),
            Told::Cap(cap, can) => self.view.take_cap(cap, can),
            Told::OnCard(at, of) => self.view.take_card(at, of),
            Told::NothingOnCard => self.view.card = None,
            Told::CardFile(name) => self.view.take_card_file(name),
            Told::At(place) => self.view.place = Some(place),
            Told::Action(action) => self.host_asked(now, action),
            Told::Fault(text) => self.fault_told(now, text),
            Told::Other => {}
        }
        self.show(now);
    }

    pub(super) fn flows(&mut self, now: Timestamp, acked: u64, modes: Modes) {
        self.contact.heard_at = Some(now);
        self.progressed(acked, modes);
        self.show(now);
    }

    fn fault_told(&mut self, now: Timestamp, text: String) {
        let lower = text.to_ascii_lowercase();
        if OF_THE_LINE.iter().any(|word| lower.contains(word)) {
            return;
        }
        self.view.cause = Some(text.clone());
        if lower.contains("stopped due to errors") {
            return self.halted(now, &text);
        }
        self.stop_over_fault(text);
    }

    /// It stopped and will do nothing until it is reset.
    fn halted(&mut self, now: Timestamp, words: &str) {
        if self.view.fault.is_none() {
            let words = words.trim_start_matches("Error:").trim().to_owned();
            let text = self.view.cause.take().map_or(words.clone(), |cause| format!("{cause} ({words})"));
            self.lose_print(&text, super::ends::Loss::Stopped);
            self.view.fault = Some(text);
        }
        self.show(now);
    }

    fn host_asked(&mut self, now: Timestamp, action: Action) {
        match action {
            Action::Pause | Action::Paused | Action::Resume | Action::Resumed | Action::Cancel | Action::OutOfFilament => {
                self.asked_at_machine(now, &action);
            }
            Action::Disconnect => {
                let detail = "it was disconnected at the machine".to_owned();
                self.down(now, LinkProblem::PrinterDisconnected { address: self.address.clone(), detail });
            }
            Action::PromptBegin(text) => self.view.prompt = Some(Prompt { text, choices: 0, shown: false }),
            Action::PromptChoice => {
                if let Some(prompt) = &mut self.view.prompt {
                    prompt.choices = prompt.choices.saturating_add(1);
                }
            }
            Action::PromptShow => {
                if let Some(prompt) = &mut self.view.prompt {
                    prompt.shown = true;
                }
            }
            Action::PromptEnd => self.view.prompt = None,
            Action::Other => {}
        }
    }

    /// Tells the farm what there is to see.
    pub(super) fn show(&mut self, now: Timestamp) {
        if !self.is_up() {
            return;
        }
        let observation = self.view.observation(now, self.run.as_ref());
        let due = self.told.as_ref().is_none_or(|(at, told)| now.millis_since(*at) >= TELL_MS || differ(told, &observation));
        if due {
            self.lost = None;
            self.told = Some((now, observation.clone()));
            self.report(Report::Heard(Box::new(observation)));
        }
    }

    fn down(&mut self, now: Timestamp, problem: LinkProblem) {
        let gone = matches!(problem, LinkProblem::Unreachable { .. });
        let pause = if gone { RETRY_MS } else { backoff(self.contact.failures) };
        self.lose_print(&problem.to_string(), super::ends::Loss::Line);
        self.contact = Contact { failures: self.contact.failures.saturating_add(1), ..Contact::default() };
        self.link = Link::Down { retry_at: now.plus_millis(pause) };
        self.ask(Ask::Close);
        self.forget_said();
        self.view.forget();
        self.told = None;
        if self.lost.as_ref() != Some(&problem) {
            self.lost = Some(problem.clone());
            self.report(Report::Lost(problem));
        }
    }

    /// The board answers.
    pub(super) const fn is_up(&self) -> bool {
        matches!(self.link, Link::Up)
    }

    /// The board answers, and nothing is printed or done on it.
    pub(super) fn is_free(&self, now: Timestamp) -> bool {
        self.is_up() && self.run.is_none() && self.view.observation(now, None).activity == Activity::Idle
    }
}

/// Whether a person would see the difference.
fn differ(one: &Observation, other: &Observation) -> bool {
    (one.activity, one.control, &one.print, &one.shown_token, &one.fault)
        != (other.activity, other.control, &other.print, &other.shown_token, &other.fault)
}

/// 1, 2, 4, … 15 seconds.
fn backoff(failures: u32) -> i64 {
    RETRY_MS.checked_shl(failures.min(10)).unwrap_or(RETRY_AT_MOST_MS).min(RETRY_AT_MOST_MS)
}
