//! Start, pause, resume and cancel of the print that we say to the board. Each looks first whose print it is; a start
//! goes out at most once, when the board was just asked and is free.

use domain::attempt::{CancelReason, End, FailureReason, PauseReason, Token};
use domain::file::ContentHash;
use domain::id::{AttemptId, CommandId};
use domain::time::Timestamp;

use super::core::Core;
use super::gcode::Modes;
use super::requests::{Ask, PLACE, Purpose, park, restore, stop};
use super::view::share;
use super::wire::{Action, Position};
use crate::contract::{ActProblem, Content, Report};

/// A print that is about to begin.
#[derive(Debug)]
pub(super) struct Starting {
    pub attempt: AttemptId,
    pub token: Token,
    content: Content,
    /// The line was asked to begin.
    pub asked: bool,
}

/// The print that we say to the board.
#[derive(Debug)]
pub(super) struct Run {
    pub token: Token,
    hash: ContentHash,
    pub phase: Phase,
    pub size: u64,
    /// Bytes of the file whose commands the board took.
    pub acked: u64,
    pub began_at: Timestamp,
    /// What the file has set so far.
    pub modes: Modes,
    /// The percentage that the display shows.
    shown: u64,
    /// The farm keeps that it was near its end.
    pub near_end: bool,
    /// Where the tool stands was asked twice at the end.
    pub asked_twice: bool,
}

/// Where it is.
#[derive(Debug)]
pub(super) enum Phase {
    /// Lines go to the board.
    Feeding,
    /// No more do; it finishes what it has, and puts the tool out of the way.
    Pausing(Hold),
    /// It stands still.
    Paused(Hold),
    /// The tool goes back.
    Resuming(Hold),
    /// All lines were taken; it still moves.
    Ending,
    /// It is given up, and everything is switched off.
    Stopping {
        /// How it ends.
        end: End,
        /// Why.
        detail: Option<String>,
    },
}

/// A pause.
#[derive(Debug)]
pub(super) struct Hold {
    pub reason: PauseReason,
    /// Who waits for it to begin, or to end.
    pub commands: Vec<CommandId>,
    /// Where the tool was, if we moved it.
    parked_at: Option<Position>,
}

impl Run {
    /// 0 to 1.
    pub(super) fn progress(&self) -> f64 {
        if matches!(self.phase, Phase::Ending) { 1.0 } else { share(self.acked, self.size) }
    }
}

impl Core {
    pub(super) fn start(&mut self, attempt: AttemptId, token: Token, content: Content) {
        if self.run.as_ref().is_some_and(|run| run.token == token) {
            let detail = "the board already prints it; nothing was sent".to_owned();
            return self.report(Report::StartUnanswered { attempt, detail });
        }
        if !self.is_up() || self.run.is_some() || self.starting.is_some() || self.view.fault.is_some() {
            return self.not_started(attempt);
        }
        self.starting = Some(Starting { attempt, token, content, asked: false });
        self.say(if self.may_have_card() { "M27" } else { "M105" }, Purpose::Fence);
    }

    fn not_started(&mut self, attempt: AttemptId) {
        let detail = "nothing was sent: the board was not just seen idle".to_owned();
        self.report(Report::StartRefused { attempt, detail });
    }

    pub(super) fn fence_told(&mut self, now: Timestamp) {
        let is_free = self.is_free(now);
        let Some(starting) = &mut self.starting else { return };
        if is_free {
            starting.asked = true;
            let content = starting.content.clone();
            self.ask(Ask::Print(content));
        } else {
            let attempt = starting.attempt;
            self.starting = None;
            self.not_started(attempt);
        }
    }

    pub(super) fn not_began(&mut self, why: &str) {
        if let Some(starting) = self.starting.take() {
            let detail = format!("nothing was sent: the file cannot be read: {why}");
            self.report(Report::StartRefused { attempt: starting.attempt, detail });
        }
    }

    pub(super) fn began(&mut self, now: Timestamp, size: u64) {
        let Some(Starting { attempt, token, content, .. }) = self.starting.take() else {
            return self.ask(Ask::Forget); // It was cancelled meanwhile.
        };
        self.ends.begin();
        self.run = Some(Run {
            token,
            hash: content.sha256,
            phase: Phase::Feeding,
            size,
            acked: 0,
            began_at: now,
            modes: Modes::default(),
            shown: 0,
            near_end: false,
            asked_twice: false,
        });
        self.report(Report::StartAccepted { attempt });
        self.progressed(0, Modes::default());
        self.show(now);
    }

    /// The board took so much of the file.
    pub(super) fn progressed(&mut self, acked: u64, modes: Modes) {
        let Some(run) = &mut self.run else { return };
        if acked > run.acked {
            run.acked = acked;
            self.view.flows();
        }
        run.modes = modes;
        self.mark_near_end();
        self.tell_display();
    }

    /// The display shows how far it is, unless the file itself tells it.
    fn tell_display(&mut self) {
        let Some(run) = &mut self.run else { return };
        let percent = (run.acked.saturating_mul(100)).checked_div(run.size).unwrap_or(0);
        let is_new = percent > run.shown && matches!(run.phase, Phase::Feeding);
        if !is_new || self.sending.tells_progress(&run.hash) {
            return;
        }
        run.shown = percent;
        self.say(format!("M73 P{percent}"), Purpose::Aside);
        self.say(format!("M117 Printing {percent} %"), Purpose::Aside);
    }

    pub(super) fn pause(&mut self, now: Timestamp, command: CommandId, token: &Token) {
        let Some(run) = self.run_of(command, token) else { return };
        match &mut run.phase {
            Phase::Feeding => self.begin_pause(now, PauseReason::User, Some(command), true),
            Phase::Pausing(hold) => hold.commands.push(command),
            Phase::Paused(_) => self.acted(command, Ok(())),
            Phase::Resuming(_) => self.refuse(command, "it is just going on"),
            Phase::Ending => self.refuse(command, "it is at its end"),
            Phase::Stopping { .. } => self.refuse(command, "it is being cancelled"),
        }
    }

    /// Stops saying lines. `park`: the tool is put out of the way; not if the board itself has paused.
    fn begin_pause(&mut self, now: Timestamp, reason: PauseReason, command: Option<CommandId>, park: bool) {
        let Some(run) = &mut self.run else { return };
        let hold = Hold { reason, commands: command.into_iter().collect(), parked_at: None };
        run.phase = if park { Phase::Pausing(hold) } else { Phase::Paused(hold) };
        self.ask(Ask::Hold);
        if park {
            self.view.place = None;
            self.say_all(PLACE.map(str::to_owned).to_vec(), Purpose::Place);
        }
        self.show(now);
    }

    /// It stands, and this is where.
    pub(super) fn place_told(&mut self, now: Timestamp) {
        let (place, is_hot) = (self.view.place, self.view.is_hot());
        let Some(Run { phase: Phase::Pausing(hold), modes, .. }) = &mut self.run else { return };
        // A machine that does not know its zero must not be moved.
        hold.parked_at = place.filter(|_| modes.homed);
        let lines = park(modes, is_hot);
        if hold.parked_at.is_some() {
            self.say_all(lines, Purpose::Parked);
        } else {
            self.parked(now);
        }
    }

    pub(super) fn parked(&mut self, now: Timestamp) {
        let Some(run) = &mut self.run else { return };
        let Phase::Pausing(hold) = &mut run.phase else { return };
        let mut hold = std::mem::replace(hold, Hold { reason: PauseReason::User, commands: Vec::new(), parked_at: None });
        let commands = std::mem::take(&mut hold.commands);
        run.phase = Phase::Paused(hold);
        self.acted_all(commands, &Ok(()));
        self.show(now);
    }

    pub(super) fn resume(&mut self, now: Timestamp, command: CommandId, token: &Token) {
        let waits = self.view.waits_for_person(now);
        let Some(run) = self.run_of(command, token) else { return };
        match &mut run.phase {
            Phase::Feeding if waits => self.answer_for_person(command),
            Phase::Feeding => self.acted(command, Ok(())),
            Phase::Pausing(_) => self.refuse(command, "it is just coming to a stand"),
            Phase::Paused(_) => self.begin_resume(now, Some(command)),
            Phase::Resuming(hold) => hold.commands.push(command),
            Phase::Ending => self.acted(command, Ok(())),
            Phase::Stopping { .. } => self.refuse(command, "it is being cancelled"),
        }
    }

    fn begin_resume(&mut self, now: Timestamp, command: Option<CommandId>) {
        let is_hot = self.view.is_hot();
        let Some(run) = &mut self.run else { return };
        let Phase::Paused(hold) = &mut run.phase else { return };
        let place = hold.parked_at.take();
        run.phase = Phase::Resuming(Hold { reason: hold.reason, commands: command.into_iter().collect(), parked_at: None });
        match place {
            Some(place) => {
                let lines = restore(&run.modes, &place, is_hot);
                self.say_all(lines, Purpose::Restored);
            }
            None => self.restored(now),
        }
    }

    pub(super) fn restored(&mut self, now: Timestamp) {
        let Some(run) = &mut self.run else { return };
        let Phase::Resuming(hold) = &mut run.phase else { return };
        let commands = std::mem::take(&mut hold.commands);
        run.phase = Phase::Feeding;
        self.ask(Ask::GoOn);
        self.acted_all(commands, &Ok(()));
        self.show(now);
    }

    /// The board waits for a person; who resumes it from afar stands in for that person.
    fn answer_for_person(&mut self, command: CommandId) {
        let shown = self.view.prompt.as_ref().filter(|prompt| prompt.shown && prompt.choices > 0);
        let text = shown.map(|prompt| prompt.text.clone()).unwrap_or_default();
        let answer = if shown.is_some() { "M876 S0" } else { "M108" };
        if self.view.can("EMERGENCY_PARSER") {
            self.ask(Ask::Urgent(answer.to_owned()));
            self.view.prompt = None;
            self.view.flows();
            self.acted(command, Ok(()));
        } else {
            self.refuse(command, &format!("it waits for somebody at the machine {text}"));
        }
    }

    pub(super) fn cancel(&mut self, now: Timestamp, command: Option<CommandId>, token: &Token) {
        let outcome = if !self.is_up() {
            Err(ActProblem::NoLink)
        } else if let Some(starting) = self.starting.take_if(|starting| starting.token == *token) {
            self.ask(Ask::Forget);
            // Asked to begin, it may have said a line before it was told to forget.
            self.ends.may_be_warm |= starting.asked;
            let detail = "it was cancelled before it began".to_owned();
            self.report(Report::StartRefused { attempt: starting.attempt, detail });
            self.cool_what_was_left();
            Ok(())
        } else if self.run.as_ref().is_some_and(|run| run.token == *token) {
            self.cancel_is_asked(token);
            self.begin_stop(End::Cancelled(CancelReason::Requested), None);
            self.show(now);
            Ok(())
        } else {
            Err(ActProblem::NotThatPrint)
        };
        if let Some(command) = command {
            self.acted(command, outcome);
        }
    }

    /// Gives the print up, safely: nothing more is said of the file, then all is switched off.
    fn begin_stop(&mut self, end: End, detail: Option<String>) {
        let (tools, is_hot) = (self.view.tools(), self.view.is_hot());
        let Some(run) = self.run.as_mut().filter(|run| !matches!(run.phase, Phase::Stopping { .. })) else { return };
        let homed = run.modes.homed;
        let waiting = match std::mem::replace(&mut run.phase, Phase::Stopping { end, detail }) {
            Phase::Pausing(hold) | Phase::Paused(hold) | Phase::Resuming(hold) => hold.commands,
            Phase::Feeding | Phase::Ending | Phase::Stopping { .. } => Vec::new(),
        };
        self.acted_all(waiting, &Err(ActProblem::Refused("it is being cancelled".to_owned())));
        self.ask(Ask::Forget);
        self.hasten_stop();
        self.say_all(stop(tools, homed, is_hot), Purpose::Stopped);
    }

    /// Else the end of heating, or of a person's absence, would be waited for. Again whenever the board says that it is
    /// busy: what it waits for may only have stood in its queue before.
    pub(super) fn hasten_stop(&mut self) {
        let is_stopping = matches!(self.run, Some(Run { phase: Phase::Stopping { .. }, .. }));
        if is_stopping && self.view.can("EMERGENCY_PARSER") {
            self.ask(Ask::Urgent("M108".to_owned()));
        }
    }

    /// The board reports a fault and goes on all the same.
    pub(super) fn stop_over_fault(&mut self, text: String) {
        self.begin_stop(End::Failed(FailureReason::PrinterError), Some(text));
    }

    pub(super) fn file_broken(&mut self, now: Timestamp, why: &str) {
        let detail = format!("the file could not be read on: {why}");
        self.begin_stop(End::Failed(FailureReason::FileMissing), Some(detail));
        self.show(now);
    }

    /// Somebody at the machine, or the machine itself, asks its host.
    pub(super) fn asked_at_machine(&mut self, now: Timestamp, action: &Action) {
        if let Some(card) = &mut self.view.card
            && self.run.is_none()
        {
            card.paused = matches!(action, Action::Paused) || card.paused && !matches!(action, Action::Resumed);
            return;
        }
        let Some(run) = &self.run else { return };
        match (action, &run.phase) {
            (Action::Pause, Phase::Feeding) => self.begin_pause(now, PauseReason::User, None, true),
            (Action::OutOfFilament, Phase::Feeding) => self.begin_pause(now, PauseReason::Runout, None, true),
            (Action::Paused, Phase::Feeding) => self.begin_pause(now, PauseReason::User, None, false),
            (Action::Resume | Action::Resumed, Phase::Paused(_)) => self.begin_resume(now, None),
            (Action::Cancel, _) => self.begin_stop(End::Cancelled(CancelReason::AtPrinter), None),
            (
                Action::Pause | Action::Paused | Action::Resume | Action::Resumed | Action::OutOfFilament,
                Phase::Feeding
                | Phase::Pausing(_)
                | Phase::Paused(_)
                | Phase::Resuming(_)
                | Phase::Ending
                | Phase::Stopping { .. },
            )
            | (
                Action::Disconnect
                | Action::PromptBegin(_)
                | Action::PromptChoice
                | Action::PromptShow
                | Action::PromptEnd
                | Action::Other,
                _,
            ) => {}
        }
    }

    /// The print that is meant, if it is the one that prints; else the command has failed.
    fn run_of(&mut self, command: CommandId, token: &Token) -> Option<&mut Run> {
        let problem = if !self.is_up() {
            ActProblem::NoLink
        } else if self.run.as_ref().is_some_and(|run| run.token == *token) {
            return self.run.as_mut();
        } else {
            ActProblem::NotThatPrint
        };
        self.acted(command, Err(problem));
        None
    }

    fn refuse(&mut self, command: CommandId, why: &str) {
        self.acted(command, Err(ActProblem::Refused(why.trim().to_owned())));
    }

    pub(super) fn acted(&mut self, command: CommandId, outcome: Result<(), ActProblem>) {
        self.report(Report::Acted { command, outcome });
    }

    pub(super) fn acted_all(&mut self, commands: Vec<CommandId>, outcome: &Result<(), ActProblem>) {
        for command in commands {
            self.acted(command, outcome.clone());
        }
    }
}
