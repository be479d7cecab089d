//! One printer's core: from what is written and what the printer shows to what is asked of it and what
//! is written next. No io, no clock. It believes only telemetry, starts only on fresh proof, writes
//! before it touches, and never sends a start twice.
//!
//! tidy: long because these are the floor rules of one printer, and they are read together.

use std::collections::{BTreeMap, VecDeque};

use domain::attempt::{AttemptEvent, AttemptState, CancelReason, End, FailureReason, Stage, Token, UnknownReason};
use domain::bed::Bed;
use domain::command::{CommandState, Verb};
use domain::farm::Dispatch;
use domain::id::CommandId;
use domain::printer::{Activity, Admin, Connection, Control};
use domain::recovery::{ActivePrint, History, Seen, Verdict, verdict};
use domain::time::Timestamp;
use drivers::contract::{ActProblem, Beside, Observation, Order, Report, SeenPrint, SendProblem, Watched};

use super::changes::{Change, Facets};
use super::facets::Line;
use super::facts::{Facts, InHand};
use super::feeds::{feeds, loaded};
use super::flight::{Flight, Leg};
use super::live::Shown;

/// The windows of time that a printer's core works with, in milliseconds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timing {
    /// What was heard within this can be acted on.
    pub fresh_ms: i64,
    /// Silent for so long: stale.
    pub stale_ms: i64,
    /// Silent for so long: offline.
    pub offline_ms: i64,
    /// A broken line is only stale for so long.
    pub lost_grace_ms: i64,
    /// A start must show within this.
    pub start_ms: i64,
    /// After a start that did not show, the printer is watched for so long.
    pub give_up_ms: i64,
    /// After a restart, the printer is observed for so long before nothing counts as proof.
    pub window_ms: i64,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            fresh_ms: 10_000,
            stale_ms: 30_000,
            offline_ms: 60_000,
            lost_grace_ms: 15_000,
            start_ms: 60_000,
            give_up_ms: 15_000,
            window_ms: 30_000,
        }
    }
}

/// How often a file is brought again after a broken line.
const SENDS: u32 = 4;
/// A cancel without a command is repeated after so long.
const CANCEL_AGAIN_MS: i64 = 10_000;
/// Shares of a print that are written down, so that an end nobody saw can be believed.
const MARKS: [f64; 6] = [0.25, 0.5, 0.75, 0.9, 0.95, 0.99];

/// What a core is told.
#[derive(Debug)]
pub enum Input {
    /// What is written, read anew; none if the printer was removed.
    Facts(Option<Box<Facts>>),
    /// The driver reports.
    Report(Report),
    /// What became of a change that was asked for.
    Written(Outcome),
    /// A moment came.
    Wake,
}

/// What became of a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It is written.
    Done,
    /// What is true now does not allow it: somebody else was first.
    Refused,
    /// The store could not write just now.
    Failed,
}

/// After a write that failed, the next is tried after so long.
const WRITE_AGAIN_MS: i64 = 1_000;

/// What a core wants done.
#[derive(Debug, PartialEq)]
pub enum Output {
    /// Write this; then tell the facts anew, then [`Input::Written`].
    Write(Change),
    /// Ask the driver.
    Order(Order),
    /// The printer shows this.
    Show(Box<Shown>),
}

/// What follows a write.
#[derive(Debug, Clone, PartialEq)]
enum Then {
    Nothing,
    Start,
    Act(CommandId),
}

/// One printer.
pub struct PrinterCore {
    timing: Timing,
    facts: Option<Box<Facts>>,
    line: Line,
    seen: Option<Box<Observation>>,
    /// What it shows beside that.
    beside: Box<Beside>,
    flight: Option<Flight>,
    /// Commands that were sent to the driver in this life.
    sent: BTreeMap<CommandId, Verb>,
    /// Changes that wait for their turn: what the driver told, in order.
    todo: VecDeque<Change>,
    /// The write that is under way, and what follows it.
    writing: Option<(Change, Then)>,
    /// Nothing is written before that moment: the last write failed or was refused.
    hold_until: Option<Timestamp>,
    was_online: bool,
    dead_cancelled_at: Option<Timestamp>,
    /// The dead print that is on the printer and whose use of the bed is written.
    late: Option<Token>,
    /// The printer is heard again after nobody watched it.
    returned: bool,
}

impl PrinterCore {
    /// A core that knows nothing yet.
    pub fn new(now: Timestamp, timing: Timing) -> Self {
        Self {
            timing,
            facts: None,
            line: Line::Waiting { since: now },
            seen: None,
            beside: Box::default(),
            flight: None,
            sent: BTreeMap::new(),
            todo: VecDeque::new(),
            writing: None,
            hold_until: None,
            was_online: false,
            dead_cancelled_at: None,
            late: None,
            returned: false,
        }
    }

    /// Takes one input; returns what is to be done, in order.
    pub fn handle(&mut self, now: Timestamp, input: Input) -> Vec<Output> {
        let mut out = Vec::new();
        match input {
            Input::Facts(facts) => self.take_facts(now, facts, &mut out),
            Input::Report(report) => self.take_report(now, report, &mut out),
            Input::Written(outcome) => self.take_written(now, outcome, &mut out),
            Input::Wake => {}
        }
        if self.writing.is_none() {
            self.decide(now, &mut out);
        }
        out
    }

    /// When something is due by time alone.
    pub fn next_wake(&self, now: Timestamp) -> Option<Timestamp> {
        let (_, _, line) = self.line.judge(now, &self.timing);
        let flight = self.flight.as_ref().and_then(|flight| flight.next_wake(&self.timing));
        let facts = self.facts.as_ref();
        let bed = facts.and_then(|facts| facts.printer.bed_token.as_ref()).map(domain::bed::BedToken::startable_at);
        let commands = facts.into_iter().flat_map(|facts| facts.commands.iter().map(|command| command.expires_at));
        let times = [line, flight, bed, self.hold_until].into_iter().flatten().chain(commands);
        times.filter(|time| *time > now).min()
    }

    fn in_hand(&self) -> Option<&InHand> {
        self.facts.as_ref()?.attempt.as_ref()
    }

    fn take_facts(&mut self, now: Timestamp, facts: Option<Box<Facts>>, out: &mut Vec<Output>) {
        let first = self.facts.is_none();
        self.facts = facts;
        let Some(facts) = &self.facts else { return };
        if first {
            self.was_online = matches!(facts.printer.connection, Connection::Online | Connection::Stale);
        }
        let now_has = facts.attempt.as_ref().map(|hand| hand.attempt.id);
        if let Some(flight) = self.flight.take_if(|flight| Some(flight.attempt) != now_has) {
            let order = |order| Output::Order(order);
            if matches!(flight.leg, Leg::Sending { .. }) {
                out.push(order(Order::StopSending { attempt: flight.attempt }));
            }
            out.push(order(Order::Watch(None)));
            out.push(order(Order::Tidy { token: flight.token }));
        }
        if let (None, Some(hand)) = (&self.flight, &facts.attempt) {
            self.flight = Some(Flight::found(&hand.attempt, now));
            let content = hand.content.clone();
            let mark = hand.act.as_ref().and_then(|act| act.observed.mark.clone());
            if let Some(content) = content {
                let (attempt, token) = (hand.attempt.id, hand.attempt.token.clone());
                out.push(Output::Order(Order::Watch(Some(Watched { attempt, token, content, state: hand.attempt.state, mark }))));
            }
        }
        self.sent.retain(|id, _| facts.commands.iter().any(|command| command.id == *id));
    }

    fn take_report(&mut self, now: Timestamp, report: Report, out: &mut Vec<Output>) {
        match report {
            Report::Heard(observation) => self.take_heard(now, observation, out),
            Report::Lost(problem) => {
                self.line = match &self.line {
                    Line::Down { since, .. } => Line::Down { since: *since, problem },
                    Line::Waiting { .. } | Line::Up { .. } => Line::Down { since: now, problem },
                };
                self.seen = None;
                *self.beside = Beside::default();
            }
            Report::Beside(beside) => self.beside = beside,
            Report::SendProgress { .. } | Report::StartAccepted { .. } | Report::StartUnanswered { .. } => {}
            Report::Sent { attempt } => {
                if let Some(flight) = self.flight.as_mut().filter(|flight| flight.attempt == attempt)
                    && matches!(flight.leg, Leg::Sending { .. })
                {
                    flight.leg = Leg::Sent { not_before: now };
                }
            }
            Report::SendFailed { attempt, problem, detail } => self.take_send_failed(now, attempt, problem, detail),
            Report::StartRefused { attempt, detail } => {
                if let Some(flight) = self.flight.as_mut().filter(|flight| flight.attempt == attempt)
                    && matches!(flight.leg, Leg::Started { .. })
                {
                    flight.leg = Leg::Sent { not_before: now.plus_seconds(5) };
                    self.todo.push_back(Change::StartRefused { attempt, detail });
                }
            }
            Report::Ended { token, end, detail } => self.take_ended(&token, end, detail),
            Report::Acted { command, outcome } => {
                let (state, detail) = match outcome {
                    Ok(()) => (CommandState::Completed, None),
                    Err(problem @ ActProblem::Unanswered) => (CommandState::Unknown, Some(problem.to_string())),
                    Err(problem @ (ActProblem::NotThatPrint | ActProblem::Refused(_) | ActProblem::NoLink)) => {
                        (CommandState::Failed, Some(problem.to_string()))
                    }
                };
                self.todo.push_back(Change::Command { id: command, state, detail });
            }
            Report::History { token, history } => self.take_history(now, &token, history),
            Report::Mark { token, mark } => {
                if let Some(flight) = self.flight.as_ref().filter(|flight| flight.token == token) {
                    self.todo.push_back(Change::Observe { attempt: flight.attempt, progress: None, mark: Some(mark) });
                }
            }
        }
    }

    fn take_heard(&mut self, now: Timestamp, mut observation: Box<Observation>, out: &mut Vec<Output>) {
        let watched = matches!(self.line.judge(now, &self.timing).0, Connection::Online | Connection::Stale);
        self.returned |= !watched || matches!(self.line, Line::Waiting { .. });
        self.line = Line::Up { heard_at: now };
        observation.telemetry.seen_at = Some(now);
        let shown = Shown {
            telemetry: observation.telemetry.clone(),
            free_bytes: observation.free_bytes,
            objects: self.beside.objects.clone(),
        };
        out.push(Output::Show(Box::new(shown)));
        if let Some(Flight { leg: Leg::Looking { seen_since, .. }, token, recalling, .. }) = &mut self.flight
            && seen_since.is_none()
        {
            *seen_since = Some(now);
            *recalling = true;
            out.push(Output::Order(Order::Recall { token: token.clone() }));
        }
        self.seen = Some(observation);
    }

    fn take_send_failed(&mut self, now: Timestamp, attempt: domain::id::AttemptId, problem: SendProblem, detail: String) {
        let Some(flight) = self.flight.as_mut().filter(|flight| flight.attempt == attempt) else { return };
        let Leg::Sending { failed } = flight.leg else { return };
        let reason = match problem {
            SendProblem::Link if failed + 1 < SENDS => {
                let wait = 5 << failed.min(4);
                flight.leg = Leg::ToSend { failed: failed + 1, not_before: now.plus_seconds(wait) };
                return;
            }
            SendProblem::Link | SendProblem::Refused => FailureReason::UploadFailed,
            SendProblem::StorageFull => FailureReason::StorageFull,
            SendProblem::ContentMissing => FailureReason::FileMissing,
        };
        flight.leg = Leg::ToSend { failed: SENDS, not_before: now.plus_seconds(60) };
        self.todo.push_back(Change::Move { attempt, event: AttemptEvent::Ended(End::Failed(reason)), detail: Some(detail) });
    }

    fn take_ended(&mut self, token: &Token, end: End, detail: Option<String>) {
        let Some(flight) = self.flight.as_ref().filter(|flight| flight.token == *token) else { return };
        // A picture from before would show it as a dead print that came late.
        if let Some(seen) = &mut self.seen
            && seen.print.take_if(|print| print.token.as_ref() == Some(token)).is_some()
        {
            // It winds down; the next picture says how far it is.
            seen.activity = Activity::Busy;
        }
        if !self.in_hand().is_some_and(|hand| hand.attempt.state.touched_the_bed()) {
            // We have not started it: somebody did, at the machine, and it was over before it was shown.
            return self.todo.push_back(Change::Foreign { file: Some(token.as_str().to_owned()) });
        }
        let event = AttemptEvent::Ended(self.in_our_words(flight.given_up, end));
        self.todo.push_back(Change::Move { attempt: flight.attempt, event, detail });
    }

    /// The end, with what we know of why.
    fn in_our_words(&self, given_up: bool, end: End) -> End {
        let asked = self.in_hand().is_some_and(|hand| hand.attempt.cancel_requested);
        match end {
            // A start that never showed in time and was cancelled for it has failed, whatever it did afterwards.
            End::Cancelled(_) if given_up && !asked => End::Failed(FailureReason::StartNotSeen),
            End::Cancelled(CancelReason::AtPrinter) if asked => End::Cancelled(CancelReason::Requested),
            end @ (End::Completed { .. } | End::Failed(_) | End::Cancelled(_)) => end,
        }
    }

    fn take_history(&mut self, now: Timestamp, token: &Token, said: History) {
        let Some(flight) = self.flight.as_mut().filter(|flight| flight.token == *token) else { return };
        let asked = std::mem::take(&mut flight.recalling);
        match &mut flight.leg {
            Leg::Looking { history, .. } => *history = Some(said),
            // The print was found before its past was told.
            Leg::Printing if asked => {}
            // The followed print is gone, and the driver has no proof of its end.
            Leg::Printing => {
                flight.leg = Leg::Looking { seen_since: Some(now), history: Some(said) };
                // A picture from before would show it again.
                self.seen = None;
            }
            Leg::Unproven => flight.leg = Leg::Looking { seen_since: Some(now), history: Some(said) },
            Leg::ToSend { .. } | Leg::Sending { .. } | Leg::Sent { .. } | Leg::Started { .. } | Leg::GivingUp { .. } => {
                if let History::Ended(end) = said {
                    self.take_ended(token, end, None);
                }
            }
        }
    }

    fn take_written(&mut self, now: Timestamp, outcome: Outcome, out: &mut Vec<Output>) {
        let Some((change, then)) = self.writing.take() else { return };
        match outcome {
            Outcome::Done => self.hold_until = None,
            // The facts are read anew at the next wake; writing at once again would only spin.
            Outcome::Refused => {
                self.hold_until = Some(now.plus_millis(WRITE_AGAIN_MS));
                return;
            }
            // What the driver told is told once: it is kept until it is written.
            Outcome::Failed => {
                self.hold_until = Some(now.plus_millis(WRITE_AGAIN_MS));
                if then == Then::Nothing {
                    self.todo.push_front(change);
                }
                return;
            }
        }
        match then {
            Then::Nothing => {}
            Then::Start => {
                let Some((content, filaments)) =
                    self.in_hand().and_then(|hand| Some((hand.content.clone()?, hand.filaments.clone())))
                else {
                    return;
                };
                let feeds = self.seen.as_ref().and_then(|seen| feeds(&filaments, &seen.slots).ok()).unwrap_or_default();
                let Some(flight) = &mut self.flight else { return };
                flight.leg = Leg::Started { deadline: now.plus_millis(self.timing.start_ms) };
                let (attempt, token) = (flight.attempt, flight.token.clone());
                out.push(Output::Order(Order::Start { attempt, token, content, feeds }));
            }
            Then::Act(command) => self.send_act(now, command, out),
        }
    }

    fn send_act(&mut self, now: Timestamp, id: CommandId, out: &mut Vec<Output>) {
        let Some(flight) = &mut self.flight else { return };
        let token = flight.token.clone();
        let Some(facts) = &self.facts else { return };
        let Some(command) = facts.commands.iter().find(|command| command.id == id) else { return };
        let object = command.object.clone().unwrap_or_default();
        if command.verb == Verb::Cancel {
            // One cancel is enough: a second, while the first winds the print down, would count as another.
            flight.cancel_sent_at = Some(now);
        }
        self.sent.insert(id, command.verb);
        out.push(Output::Order(match command.verb {
            Verb::Pause => Order::Pause { command: id, token },
            Verb::Resume => Order::Resume { command: id, token },
            Verb::Cancel => Order::Cancel { command: Some(id), token },
            Verb::SkipObject => Order::SkipObject { command: id, token, object },
        }));
    }

    fn write(&mut self, change: Change, then: Then, out: &mut Vec<Output>) {
        self.writing = Some((change.clone(), then));
        out.push(Output::Write(change));
    }

    /// What is to be done now. At most one write at a time: the next decision is made on what it left.
    fn decide(&mut self, now: Timestamp, out: &mut Vec<Output>) {
        if self.facts.is_none() || self.hold_until.is_some_and(|until| now < until) {
            return;
        }
        if let Some(change) = self.todo.pop_front() {
            return self.write(change, Then::Nothing, out);
        }
        let change = self.print_seen(now, out).or_else(|| self.unseen_use());
        let change = change.or_else(|| self.facets(now)).or_else(|| self.contact_lost(now)).or_else(|| self.control_lost());
        if let Some(change) = change {
            return self.write(change, Then::Nothing, out);
        }
        if let Some((change, then)) = self.commands(now, out) {
            return self.write(change, then, out);
        }
        if let Some((change, then)) = self.advance(now, out) {
            self.write(change, then, out);
        }
    }

    /// What follows from the print that is on the printer.
    fn print_seen(&mut self, now: Timestamp, out: &mut Vec<Output>) -> Option<Change> {
        let facts = self.facts.as_ref()?;
        let seen = self.seen.as_ref()?;
        let Some(print) = &seen.print else {
            self.late = None;
            return facts.printer.foreign.as_ref().map(|_| Change::ForeignGone);
        };
        let ours = facts.attempt.as_ref().filter(|hand| print.token.as_ref() == Some(&hand.attempt.token));
        if let Some(hand) = ours
            && hand.attempt.state.touched_the_bed()
        {
            let hand = hand.clone();
            return self.our_print_seen(now, &hand, out);
        }
        // Whoever started it at the machine: also a copy of ours is theirs then.
        if facts.printer.foreign.is_some() {
            return None;
        }
        match print.token.clone().filter(|token| facts.dead_tokens.contains(token)) {
            Some(token) => self.dead_print_seen(now, token, out),
            None => Some(Change::Foreign { file: print.file.clone() }),
        }
    }

    fn our_print_seen(&mut self, now: Timestamp, hand: &InHand, out: &mut Vec<Output>) -> Option<Change> {
        let seen = self.seen.as_ref()?;
        let SeenPrint { paused, .. } = seen.print.clone()?;
        let progress = seen.telemetry.progress.unwrap_or(0.0);
        // A cancel that has its command is sent by that command, once.
        let mut commands = self.facts.iter().flat_map(|facts| &facts.commands);
        let asked = commands.any(|command| command.verb == Verb::Cancel && command.attempt_id == Some(hand.attempt.id));
        let flight = self.flight.as_mut()?;
        let found_again = matches!(flight.leg, Leg::Looking { .. } | Leg::Unproven);
        flight.leg = Leg::Printing;
        let stop = hand.attempt.cancel_requested || flight.given_up;
        let again = flight.cancel_sent_at.is_none_or(|at| now.millis_since(at) >= CANCEL_AGAIN_MS);
        if stop && again && !asked {
            flight.cancel_sent_at = Some(now);
            out.push(Output::Order(Order::Cancel { command: None, token: flight.token.clone() }));
        }
        let attempt = flight.attempt;
        if found_again {
            return Some(Change::Adopt { attempt, paused });
        }
        let event = paused.map_or(AttemptEvent::SeenPrinting, AttemptEvent::SeenPaused);
        if hand.attempt.state.after(event).is_ok_and(|state| state != hand.attempt.state) {
            return Some(Change::Move { attempt, event, detail: None });
        }
        let written = hand.act.as_ref().map_or(0.0, |act| act.observed.progress);
        let mark = MARKS.into_iter().rfind(|mark| progress >= *mark && written < *mark)?;
        Some(Change::Observe { attempt, progress: Some(mark), mark: None })
    }

    /// A start of ours that was given up came through after all: it is ended, and it used the bed.
    fn dead_print_seen(&mut self, now: Timestamp, token: Token, out: &mut Vec<Output>) -> Option<Change> {
        if self.dead_cancelled_at.is_none_or(|at| now.millis_since(at) >= CANCEL_AGAIN_MS) {
            self.dead_cancelled_at = Some(now);
            out.push(Output::Order(Order::Cancel { command: None, token: token.clone() }));
        }
        let is_told = self.late.as_ref() == Some(&token);
        let is_clear = self.facts.as_ref().is_some_and(|facts| facts.printer.bed_token.is_some());
        if is_told && !is_clear {
            return None;
        }
        self.late = Some(token);
        Some(Change::BedUsed { detail: "an earlier print came late and used the bed".to_owned() })
    }

    /// After nobody watched, a clear from before is believed only if the printer shows no file of others:
    /// somebody may have printed meanwhile, and the part may still lie there.
    fn unseen_use(&mut self) -> Option<Change> {
        let (facts, seen) = (self.facts.as_ref()?, self.seen.as_ref()?);
        if !std::mem::take(&mut self.returned) {
            return None;
        }
        let in_hand = facts.attempt.as_ref().map(|hand| &hand.attempt.token);
        let of_others = seen.telemetry.file.is_some() && (seen.shown_token.is_none() || seen.shown_token.as_ref() != in_hand);
        let trusted = facts.printer.bed_token.is_some() && seen.print.is_none();
        let detail = || "the printer was not watched for a while and shows a file that was not ours to print now".to_owned();
        (of_others && trusted).then(|| Change::BedUsed { detail: detail() })
    }

    /// What the printer shows of itself, if it differs from what is written.
    fn facets(&self, now: Timestamp) -> Option<Change> {
        let printer = &self.facts.as_ref()?.printer;
        let (connection, problem, _) = self.line.judge(now, &self.timing);
        let seen = self.seen.as_ref();
        let facets = Facets {
            connection,
            problem,
            activity: seen.map_or(printer.activity, |seen| seen.activity),
            control: seen.map_or(printer.control, |seen| seen.control),
            control_problem: seen.map_or(printer.control_problem.clone(), |seen| seen.control_advice.clone()),
            loaded: seen.and_then(|seen| loaded(&seen.slots)),
            fault: seen.map_or(printer.fault.clone(), |seen| seen.fault.clone()),
            prompt: seen.and_then(|_| self.beside.prompt.clone()),
            firmware: seen.and_then(|seen| seen.firmware.clone()).or_else(|| printer.firmware.clone()),
            was_online: self.was_online,
        };
        let same = facets.connection == printer.connection
            && facets.problem == printer.connection_problem
            && facets.activity == printer.activity
            && facets.control == printer.control
            && facets.control_problem == printer.control_problem
            && facets.loaded.as_ref().is_none_or(|loaded| *loaded == printer.loaded)
            && facets.fault == printer.fault
            && facets.prompt == printer.prompt
            && facets.firmware == printer.firmware;
        (!same).then(|| Change::Facets(Box::new(facets)))
    }

    /// A print in flight on a printer that cannot be reached: what becomes of it is not known.
    fn contact_lost(&mut self, now: Timestamp) -> Option<Change> {
        let hand = self.facts.as_ref()?.attempt.as_ref()?;
        if self.line.judge(now, &self.timing).0 != Connection::Offline {
            return None;
        }
        let reason = match hand.attempt.state {
            AttemptState::Active(Stage::Starting) => UnknownReason::StartUnproven,
            AttemptState::Active(Stage::Printing | Stage::Paused(_)) => UnknownReason::ContactLost,
            // Nothing has moved yet: another printer may take the job.
            AttemptState::Active(Stage::Assigned | Stage::Slicing | Stage::Sending) => {
                let event = AttemptEvent::Ended(End::Cancelled(CancelReason::PrinterWithdrawn));
                let detail = Some("the printer cannot be reached".to_owned());
                return Some(Change::Move { attempt: hand.attempt.id, event, detail });
            }
            AttemptState::Active(Stage::Unknown(_)) | AttemptState::Done(_) => {
                let flight = self.flight.as_mut()?;
                flight.leg = Leg::Looking { seen_since: None, history: None };
                return None;
            }
        };
        let attempt = hand.attempt.id;
        if let Some(flight) = &mut self.flight {
            flight.leg = Leg::Looking { seen_since: None, history: None };
        }
        Some(Change::Move { attempt, event: AttemptEvent::Lost(reason), detail: None })
    }

    /// A printer that takes no orders keeps no job from the others: what it has not begun goes back, and costs no try.
    fn control_lost(&self) -> Option<Change> {
        let hand = self.in_hand()?;
        let denied = self.seen.as_ref().is_some_and(|seen| seen.control == Control::Denied);
        let not_begun = matches!(hand.attempt.state, AttemptState::Active(Stage::Assigned | Stage::Slicing | Stage::Sending));
        let event = AttemptEvent::Ended(End::Cancelled(CancelReason::PrinterWithdrawn));
        let detail = || Some("the printer takes no orders from us any more".to_owned());
        (denied && not_begun).then(|| Change::Move { attempt: hand.attempt.id, event, detail: detail() })
    }

    /// Commands: written as dispatched, then sent; what was dispatched in an earlier life is repeated
    /// only where a repeat ends in the same safe state.
    fn commands(&mut self, now: Timestamp, out: &mut Vec<Output>) -> Option<(Change, Then)> {
        let facts = self.facts.as_ref()?;
        let ended =
            |id, state, detail: &str| Some((Change::Command { id, state, detail: Some(detail.to_owned()) }, Then::Nothing));
        let mut repeat = None;
        for command in &facts.commands {
            let (id, late) = (command.id, command.expires_at <= now);
            if self.sent.contains_key(&id) {
                continue;
            }
            let meant = facts.attempt.as_ref().filter(|hand| Some(hand.attempt.id) == command.attempt_id);
            match (command.state, meant) {
                (CommandState::Accepted, _) if late => {
                    return ended(id, CommandState::Expired, "the printer was not asked in time");
                }
                (CommandState::Accepted, None) => {
                    return ended(id, CommandState::Failed, "the print that was meant is not on the printer");
                }
                (CommandState::Accepted, Some(hand)) => {
                    // A start that has not shown yet has nothing to pause or cancel.
                    if hand.attempt.state == AttemptState::Active(Stage::Starting) {
                        continue;
                    }
                    if !matches!(self.line, Line::Up { .. }) {
                        return ended(id, CommandState::Failed, "the printer cannot be reached");
                    }
                    return Some((Change::Command { id, state: CommandState::Dispatched, detail: None }, Then::Act(id)));
                }
                (CommandState::Dispatched, Some(_)) if command.verb.may_be_repeated() && !late => {
                    if matches!(self.line, Line::Up { .. }) {
                        repeat = Some(id);
                        break;
                    }
                }
                (CommandState::Dispatched, _) => {
                    return ended(id, CommandState::Unknown, "the agent was away while the printer was asked");
                }
                (CommandState::Completed | CommandState::Failed | CommandState::Expired | CommandState::Unknown, _) => {}
            }
        }
        if let Some(id) = repeat {
            self.send_act(now, id, out);
        }
        None
    }

    /// The next step of the attempt in hand.
    fn advance(&mut self, now: Timestamp, out: &mut Vec<Output>) -> Option<(Change, Then)> {
        let hand = self.in_hand()?.clone();
        let attempt = hand.attempt.id;
        let up = matches!(self.line, Line::Up { .. });
        let fresh = self.line.is_fresh(now, &self.timing);
        let gate = self.start_gate(now, &hand);
        let flight = self.flight.as_mut()?;
        match flight.leg.clone() {
            Leg::ToSend { failed, not_before } => {
                if hand.attempt.state == AttemptState::Active(Stage::Assigned) {
                    return Some((Change::Move { attempt, event: AttemptEvent::SendBegan, detail: None }, Then::Nothing));
                }
                let Some(content) = hand.content else {
                    let event = AttemptEvent::Ended(End::Failed(FailureReason::FileMissing));
                    return Some((
                        Change::Move { attempt, event, detail: Some("the file was deleted".to_owned()) },
                        Then::Nothing,
                    ));
                };
                if up && now >= not_before {
                    flight.leg = Leg::Sending { failed };
                    let token = flight.token.clone();
                    out.push(Output::Order(Order::Send { attempt, token, content }));
                }
                None
            }
            Leg::Sent { not_before } if gate && now >= not_before => {
                let unfed = self.seen.as_ref().and_then(|seen| feeds(&hand.filaments, &seen.slots).err());
                if let Some(detail) = unfed {
                    let event = AttemptEvent::Ended(End::Failed(FailureReason::StartRefused));
                    return Some((Change::Move { attempt, event, detail: Some(detail) }, Then::Nothing));
                }
                let deadline = now.plus_millis(self.timing.start_ms);
                Some((Change::BeginStart { attempt, deadline }, Then::Start))
            }
            Leg::Started { deadline } if now >= deadline => {
                flight.leg = Leg::GivingUp { since: now };
                flight.given_up = true;
                let token = flight.token.clone();
                out.push(Output::Order(Order::Cancel { command: None, token: token.clone() }));
                // What is gone from the printer cannot begin late, behind a line that is dead by then.
                out.push(Output::Order(Order::Tidy { token }));
                None
            }
            Leg::GivingUp { .. } if !fresh => {
                flight.leg = Leg::Looking { seen_since: None, history: None };
                Some((
                    Change::Move { attempt, event: AttemptEvent::Lost(UnknownReason::StartUnproven), detail: None },
                    Then::Nothing,
                ))
            }
            Leg::GivingUp { since } if now.millis_since(since) >= self.timing.give_up_ms => {
                let end = if hand.attempt.cancel_requested {
                    End::Cancelled(CancelReason::Requested)
                } else {
                    End::Failed(FailureReason::StartNotSeen)
                };
                let fault = self.seen.as_ref().and_then(|seen| seen.fault.as_ref());
                let said = fault.map(|fault| format!("; it says: {}", fault.text)).unwrap_or_default();
                let detail = Some(format!("the start was sent, and the printer stayed idle{said}"));
                Some((Change::Move { attempt, event: AttemptEvent::Ended(end), detail }, Then::Nothing))
            }
            Leg::Looking { seen_since: Some(since), history } => self.look(now, &hand, since, history),
            Leg::Sending { .. }
            | Leg::Sent { .. }
            | Leg::Started { .. }
            | Leg::GivingUp { .. }
            | Leg::Printing
            | Leg::Looking { seen_since: None, .. }
            | Leg::Unproven => None,
        }
    }

    /// Whether the agent itself, at this moment, has proof that a print may start.
    fn start_gate(&self, now: Timestamp, hand: &InHand) -> bool {
        let (Some(facts), Some(seen)) = (&self.facts, &self.seen) else { return false };
        let printer = &facts.printer;
        facts.dispatch != Dispatch::Stop
            && printer.admin == Admin::Enabled
            && printer.bed == Bed::Clear
            && printer.foreign.is_none()
            && printer.bed_token.as_ref().is_some_and(|token| token.startable_at() <= now)
            && !hand.attempt.cancel_requested
            && self.line.is_fresh(now, &self.timing)
            && matches!(seen.activity, Activity::Idle | Activity::Finished)
            && seen.control == Control::Ok
            && seen.print.is_none()
            && seen.fault.is_none()
    }

    /// What became of a print while nobody watched.
    fn look(&mut self, now: Timestamp, hand: &InHand, since: Timestamp, history: Option<History>) -> Option<(Change, Then)> {
        let seen = self.seen.as_ref()?;
        let proven = matches!(history, Some(History::Ended(_)));
        if !proven && now.millis_since(since) < self.timing.window_ms {
            return None;
        }
        let active = if seen.print.is_some() { ActivePrint::Other } else { ActivePrint::Nothing };
        let token_shown = seen.shown_token.as_ref() == Some(&hand.attempt.token);
        let (AttemptState::Active(stage), attempt) = (hand.attempt.state, hand.attempt.id) else { return None };
        let progress = hand.act.as_ref().map_or(0.0, |act| act.observed.progress);
        let given_up = self.flight.as_ref().is_some_and(|flight| flight.given_up);
        let seen = Seen { active, history: history.unwrap_or(History::Silent), token_shown };
        let event = match verdict(stage, progress, seen) {
            // What is on the printer is looked at before this: neither can be seen here.
            Verdict::Adopt => AttemptEvent::SeenPrinting,
            Verdict::AdoptPaused(reason) => AttemptEvent::SeenPaused(reason),
            Verdict::Ended(end) => AttemptEvent::Ended(self.in_our_words(given_up, end)),
            Verdict::Unknown(reason) => AttemptEvent::Lost(reason),
        };
        if let Some(flight) = &mut self.flight {
            flight.leg = Leg::Unproven;
        }
        if hand.attempt.state.after(event).is_ok_and(|state| state == hand.attempt.state) {
            return None;
        }
        Some((Change::Move { attempt, event, detail: None }, Then::Nothing))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use domain::print_object::PrintObject;
    use domain::telemetry::Telemetry;
    use serde_json::json;

    use super::*;

    const START: Timestamp = Timestamp::from_millis(1_000_000);

    /// A printer whose bed somebody cleared.
    fn cleared(connection: &str) -> Input {
        let token = json!({"bed_use": "use_1", "by": "person", "actor": {"kind": "floor", "id": "owner"}, "given_at": START});
        let printer = json!({
            "id": "prn_00000000000000000000000000000001", "name": "P", "link": {"driver": "d", "address": "a"},
            "connection": connection, "activity": "idle", "bed": "clear", "admin": "enabled", "config": "incomplete",
            "control": "ok", "display": "idle", "bed_use": "use_1", "bed_token": token, "created_at": START,
        });
        let printer = serde_json::from_value(printer).unwrap();
        let dead_tokens = BTreeSet::new();
        let facts = Facts { printer, dispatch: Dispatch::Run, attempt: None, commands: Vec::new(), dead_tokens };
        Input::Facts(Some(Box::new(facts)))
    }

    fn idle(file: Option<&str>) -> Input {
        Input::Report(Report::Heard(Box::new(Observation {
            activity: Activity::Idle,
            control: Control::Ok,
            print: None,
            shown_token: None,
            fault: None,
            telemetry: Telemetry { file: file.map(str::to_owned), ..Telemetry::default() },
            firmware: None,
            free_bytes: None,
            control_advice: None,
            slots: Vec::new(),
        })))
    }

    fn says_used(outputs: &[Output]) -> bool {
        outputs.iter().any(|output| matches!(output, Output::Write(Change::BedUsed { .. })))
    }

    #[test]
    fn a_clear_from_before_nobody_watched_is_not_believed_if_the_printer_shows_a_file_of_others() {
        let mut core = PrinterCore::new(START, Timing::default());
        core.handle(START, cleared("unknown"));
        assert!(says_used(&core.handle(START, idle(Some("benchy.gcode")))));
    }

    #[test]
    fn a_clear_stands_if_the_printer_shows_nothing_or_was_watched_all_the_while() {
        let mut core = PrinterCore::new(START, Timing::default());
        core.handle(START, cleared("unknown"));
        assert!(!says_used(&core.handle(START, idle(None))));
        core.handle(START, cleared("online"));
        core.handle(START, Input::Written(Outcome::Done));
        let watched = START.plus_seconds(5);
        assert!(!says_used(&core.handle(watched, idle(Some("benchy.gcode")))));
        let away = watched.plus_seconds(61);
        assert!(says_used(&core.handle(away, idle(Some("benchy.gcode")))));
    }

    /// A print of ours whose cancel was asked for by a command that is not carried out yet.
    fn to_be_cancelled() -> Input {
        let Input::Facts(Some(mut facts)) = cleared("online") else { unreachable!() };
        let (attempt, printer) = ("att_00000000000000000000000000000001", facts.printer.id);
        let owner = json!({"kind": "floor", "id": "owner"});
        let in_hand = json!({
            "id": attempt, "job_id": "job_00000000000000000000000000000001", "printer_id": printer,
            "file_id": "file_00000000000000000000000000000001", "ordinal": 1, "token": "abcdefghijklmnop",
            "state": "printing", "cancel_requested": true, "created_at": START,
        });
        let command = json!({
            "id": "cmd_00000000000000000000000000000001", "verb": "cancel", "printer_id": printer, "attempt_id": attempt,
            "state": "accepted", "created_by": owner, "created_at": START, "expires_at": START.plus_seconds(10),
        });
        facts.attempt =
            Some(InHand { attempt: serde_json::from_value(in_hand).unwrap(), act: None, content: None, filaments: Vec::new() });
        facts.commands = vec![serde_json::from_value(command).unwrap()];
        Input::Facts(Some(facts))
    }

    #[test]
    fn a_cancel_that_has_its_command_is_not_sent_beside_it() {
        let mut core = PrinterCore::new(START, Timing::default());
        let print = SeenPrint { token: serde_json::from_value(json!("abcdefghijklmnop")).unwrap(), file: None, paused: None };
        let Input::Report(Report::Heard(mut heard)) = idle(None) else { unreachable!() };
        (heard.activity, heard.print) = (Activity::Printing, Some(print));
        core.handle(START, to_be_cancelled());
        let mut outputs = core.handle(START, Input::Report(Report::Heard(heard)));
        // Each write is done, and the facts stay: whatever would be sent is sent.
        for _ in 0..20 {
            core.handle(START, to_be_cancelled());
            outputs.extend(core.handle(START, Input::Written(Outcome::Done)));
        }
        let beside = |output: &Output| matches!(output, Output::Order(Order::Cancel { command: None, .. }));
        assert!(!outputs.iter().any(beside), "{outputs:?}");
    }

    fn shown(control: Control) -> Input {
        let Input::Report(Report::Heard(mut heard)) = idle(None) else { unreachable!() };
        heard.control = control;
        Input::Report(Report::Heard(heard))
    }

    /// What is written in turn, each write done, while the facts stay.
    fn written(core: &mut PrinterCore, input: Input, facts: fn() -> Input) -> Vec<Change> {
        let mut changes = Vec::new();
        let mut outputs = core.handle(START, input);
        for _ in 0..5 {
            changes.extend(outputs.into_iter().filter_map(|output| match output {
                Output::Write(change) => Some(change),
                Output::Order(_) | Output::Show(_) => None,
            }));
            core.handle(START, facts());
            outputs = core.handle(START, Input::Written(Outcome::Done));
        }
        changes
    }

    fn in_state(state: &str, control: Control) -> Input {
        let Input::Facts(Some(mut facts)) = to_be_cancelled() else { unreachable!() };
        facts.commands.clear();
        facts.printer.control = control;
        if let Some(hand) = &mut facts.attempt {
            let mut document = serde_json::to_value(&hand.attempt).unwrap();
            (document["state"], document["cancel_requested"]) = (json!(state), json!(false));
            hand.attempt = serde_json::from_value(document).unwrap();
        }
        Input::Facts(Some(facts))
    }

    #[test]
    fn a_printer_that_takes_no_orders_any_more_gives_back_what_it_has_not_begun() {
        let withdrawn = |change: &Change| {
            matches!(change, Change::Move { event: AttemptEvent::Ended(End::Cancelled(CancelReason::PrinterWithdrawn)), .. })
        };
        let facts: [[fn() -> Input; 2]; 2] = [
            [|| in_state("assigned", Control::Ok), || in_state("assigned", Control::Denied)],
            [|| in_state("sending", Control::Ok), || in_state("sending", Control::Denied)],
        ];
        for [before, after] in facts {
            let mut core = PrinterCore::new(START, Timing::default());
            core.handle(START, before());
            let changes = written(&mut core, shown(Control::Denied), after);
            assert!(changes.iter().any(withdrawn), "{changes:?}");
            let mut core = PrinterCore::new(START, Timing::default());
            core.handle(START, before());
            assert!(!written(&mut core, shown(Control::Ok), before).iter().any(withdrawn));
        }
    }

    #[test]
    fn a_print_that_runs_goes_on_while_its_printer_takes_no_orders() {
        let mut core = PrinterCore::new(START, Timing::default());
        core.handle(START, in_state("printing", Control::Ok));
        let Input::Report(Report::Heard(mut heard)) = shown(Control::Denied) else { unreachable!() };
        let token = serde_json::from_value(json!("abcdefghijklmnop")).unwrap();
        (heard.activity, heard.print) = (Activity::Printing, Some(SeenPrint { token, file: None, paused: None }));
        let changes = written(&mut core, Input::Report(Report::Heard(heard)), || in_state("printing", Control::Denied));
        assert!(!changes.iter().any(|change| matches!(change, Change::Move { .. })), "{changes:?}");
    }

    fn to_leave_out(prompt: Option<&str>) -> Input {
        let Input::Facts(Some(mut facts)) = in_state("printing", Control::Ok) else { unreachable!() };
        let Input::Facts(Some(with_command)) = to_be_cancelled() else { unreachable!() };
        let mut command = serde_json::to_value(&with_command.commands[0]).unwrap();
        (command["verb"], command["object"]) = (json!("skip_object"), json!("CUBE"));
        facts.commands = vec![serde_json::from_value(command).unwrap()];
        (facts.printer.activity, facts.printer.prompt) = (Activity::Printing, prompt.map(str::to_owned));
        Input::Facts(Some(facts))
    }

    #[test]
    fn what_is_to_be_left_out_is_asked_once_with_its_fence_and_what_is_shown_beside_is_live_until_the_line_breaks() {
        let mut core = PrinterCore::new(START, Timing::default());
        let token: Token = serde_json::from_value(json!("abcdefghijklmnop")).unwrap();
        let print = SeenPrint { token: Some(token.clone()), file: None, paused: None };
        let Input::Report(Report::Heard(mut heard)) = idle(None) else { unreachable!() };
        (heard.activity, heard.print) = (Activity::Printing, Some(print));
        let cube = PrintObject { id: "CUBE".to_owned(), name: "cube".to_owned(), skipped: false, printing: true };
        let beside = Beside { objects: vec![cube.clone()], prompt: Some("Go on?".to_owned()) };
        core.handle(START, to_leave_out(None));
        core.handle(START, Input::Report(Report::Beside(Box::new(beside))));
        let mut outputs = core.handle(START, Input::Report(Report::Heard(heard.clone())));
        assert!(outputs.iter().any(|output| matches!(output, Output::Show(shown) if shown.objects == [cube.clone()])));
        for turn in 0..20 {
            core.handle(START, to_leave_out((turn > 2).then_some("Go on?")));
            outputs.extend(core.handle(START, Input::Written(Outcome::Done)));
        }
        let skips = |output: &&Output| matches!(output, Output::Order(Order::SkipObject { token: fence, object, .. }) if *fence == token && object == "CUBE");
        assert_eq!(outputs.iter().filter(skips).count(), 1, "{outputs:?}");
        let asks = |output: &Output| matches!(output, Output::Write(Change::Facets(facets)) if facets.prompt.as_deref() == Some("Go on?"));
        assert!(outputs.iter().any(asks));
        core.handle(START, Input::Report(Report::Lost(drivers::contract::LinkProblem::Silent { address: "a".to_owned() })));
        let outputs = core.handle(START, Input::Report(Report::Heard(heard)));
        assert!(outputs.iter().any(|output| matches!(output, Output::Show(shown) if shown.objects.is_empty())));
    }
}
