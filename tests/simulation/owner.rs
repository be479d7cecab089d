//! The people of the farm: they make jobs, clear beds, take back, cancel, pause, and start prints of
//! their own at the machines. They are honest about what they see, and often late.

use api::facts;
use domain::actor::{Actor, ActorKind};
use domain::attempt::{AttemptEvent, AttemptState, Stage};
use domain::bed::{BedUse, ClearedBy};
use domain::command::Verb;
use domain::farm::{Dispatch, Farm};
use domain::file::{ContentHash, File};
use domain::id::{FileId, Id as _, JobId};
use domain::job::{Job, JobEvent, JobState};
use domain::printer::{Admin, Printer};
use domain::recovery::Resolution;
use domain::time::Timestamp;
use simulators::octoprint::door::{Input, Person};

use crate::book::path_of;
use crate::dice::Dice;
use crate::machine::Truth;
use crate::setup;
use crate::world::{Event, World};

/// What the owner saw and decided.
#[derive(Debug, Clone)]
pub struct Look {
    seen: BedUse,
    by: ClearedBy,
}

/// Them.
pub struct Owner {
    jobs_wanted: u64,
    pub jobs_made: usize,
    /// Named in the log as the one who decided.
    pub actor: Actor,
    pub files: Vec<(FileId, ContentHash)>,
}

impl Owner {
    pub fn new(dice: &mut Dice) -> Self {
        Self { jobs_wanted: 6 + dice.roll(6), jobs_made: 0, actor: Actor::new(ActorKind::Floor, "owner"), files: Vec::new() }
    }
}

impl World {
    pub fn owner_walks(&mut self) {
        let next = if self.is_calm { 4_000 } else { self.dice.between(1_500, 9_000) };
        self.later(next, Event::OwnerWalks);
        self.judge_all();
        if self.agent.is_none() {
            return;
        }
        let made = self.owner.jobs_made as u64;
        if made < self.owner.jobs_wanted && (self.is_calm || self.dice.one_in(2)) {
            self.make_job();
        }
        for at in 0..self.machines.len() {
            self.look_at_bed(at);
            self.look_at_unknown(at);
        }
        if self.is_calm {
            self.help_along();
        } else {
            self.interfere();
        }
    }

    fn make_job(&mut self) {
        let Some((file, _)) = self.dice.pick(&self.owner.files).copied() else { return };
        let (actor, rank) = (self.owner.actor.clone(), self.owner.jobs_made);
        let job = self.write(actor.clone(), |tx| {
            let job = setup::job(tx.new_id(), file, i64::try_from(rank).unwrap(), actor.clone(), tx.now());
            tx.create(&job)?;
            Ok(job.id)
        });
        self.owner.jobs_made += 1;
        self.note(format!("owner makes {job:?}"));
    }

    fn printer(&self, at: usize) -> Printer {
        self.agent.as_ref().unwrap().db.rows().get::<Printer>(self.machines[at].id).unwrap().unwrap().record
    }

    /// Takes away what lies on a bed, and says so now or a little later, for what the page showed then.
    fn look_at_bed(&mut self, at: usize) {
        let printer = self.printer(at);
        let claimed = self.book.in_hand(printer.id).is_some_and(|attempt| attempt.state.touched_the_bed());
        let busy = self.machines[at].sim.printing().is_some();
        if printer.bed_token.is_some() || claimed || busy || !(self.is_calm || self.dice.one_in(3)) {
            return;
        }
        self.machines[at].on_bed = None;
        let now = self.now;
        self.machines[at].sim.leave_screen(now);
        let by = if self.dice.one_in(3) { ClearedBy::PersonAtOnce } else { ClearedBy::Person };
        let look = Look { seen: printer.bed_use, by };
        let late = if self.dice.one_in(3) { self.dice.between(1_000, 60_000) } else { 300 };
        self.note(format!("owner clears the bed of printer {at} and taps in {late} ms: {look:?}"));
        self.later(late, Event::OwnerTaps(at, look));
    }

    pub fn owner_taps(&mut self, at: usize, look: Look) {
        if self.agent.is_none() {
            return;
        }
        let (id, actor) = (self.machines[at].id, self.owner.actor.clone());
        let tapped = self.write(actor.clone(), |tx| facts::clear(tx, id, &look.seen, look.by));
        self.note(format!("owner taps clear of printer {at}: {tapped:?}"));
        if tapped.is_ok() && !self.is_calm && self.dice.one_in(6) {
            let wait = self.dice.between(0, 11_000);
            self.later(wait, Event::OwnerUndoes(at));
        }
    }

    /// Something lies there after all.
    pub fn owner_undoes(&mut self, at: usize) {
        if self.agent.is_none() || self.is_calm {
            return;
        }
        let (id, actor) = (self.machines[at].id, self.owner.actor.clone());
        let undone = self.write(actor, |tx| facts::undo_clear(tx, id));
        self.note(format!("owner undoes the clear of printer {at}: {undone:?}"));
        if undone.is_ok() && !self.machines[at].prints.is_empty() {
            self.reached.count("clear undone");
            self.machines[at].on_bed = Some(self.machines[at].prints.len() - 1);
        }
    }

    /// Looks at the printer, and says what became of the print.
    fn look_at_unknown(&mut self, at: usize) {
        let Some(attempt) = self.book.in_hand(self.machines[at].id).cloned() else { return };
        let path = path_of(&attempt);
        let runs = self.machines[at].sim.printing() == Some(path.as_str());
        let unknown = matches!(attempt.state, AttemptState::Active(Stage::Unknown(_)));
        if !unknown || runs || !(self.is_calm || self.dice.one_in(6)) {
            return;
        }
        let truths: Vec<Truth> = self.machines[at].of(&path).map(|print| print.truth).collect();
        let said = match truths.as_slice() {
            [] => Resolution::NotStarted,
            truths if truths.contains(&Truth::Done) => Resolution::Completed,
            _ => Resolution::Failed,
        };
        let event = AttemptEvent::Ended(said.end());
        let resolved = self.write(self.owner.actor.clone(), |tx| facts::move_attempt(tx, attempt.id, event, None));
        self.reached.count("unknown resolved");
        self.note(format!("owner resolves {} as {said:?}: {resolved:?}", attempt.id));
    }

    /// Everything that keeps an agent busy.
    fn interfere(&mut self) {
        let at = usize::try_from(self.dice.roll(self.machines.len() as u64)).unwrap();
        match self.dice.roll(26) {
            0 | 1 => self.cancel_some_job(),
            2 | 3 => self.command(at, Verb::Pause),
            4 | 5 => self.command(at, Verb::Resume),
            6 | 7 => self.retry_some_job(),
            8 => self.set_dispatch(Dispatch::Drain),
            9 => self.set_dispatch(Dispatch::Stop),
            10..=13 => self.set_dispatch(Dispatch::Run),
            14 => self.set_admin(at, Admin::Disabled),
            15..=17 => self.set_admin(at, Admin::Enabled),
            18 => self.at_machine(at, Person::Start { file: "foreign.gcode".to_owned() }),
            19 => self.start_our_copy(at),
            20 => self.at_machine(at, Person::Pause),
            21 | 22 => self.at_machine(at, Person::Resume),
            23 => self.at_machine(at, Person::Cancel),
            24 => self.question(at, true),
            _ => self.question(at, false),
        }
    }

    fn cancel_some_job(&mut self) {
        let open: Vec<JobId> = self.book.open_jobs().iter().map(|job| job.id).collect();
        let Some(job) = self.dice.pick(&open).copied() else { return };
        let requeue = self.dice.one_in(2);
        let asked = self.write(self.owner.actor.clone(), |tx| facts::ask_cancel(tx, job, None, requeue));
        if requeue {
            *self.book.retries.entry(job).or_default() += 1;
        }
        self.note(format!("owner cancels {job} (back into the queue: {requeue}): {asked:?}"));
    }

    fn command(&mut self, at: usize, verb: Verb) {
        let id = self.machines[at].id;
        let Some(attempt) = self.book.in_hand(id).map(|attempt| attempt.id) else { return };
        let asked = self.write(self.owner.actor.clone(), |tx| facts::new_command(tx, verb, id, Some(attempt)));
        self.note(format!("owner asks printer {at} to {verb:?}: {asked:?}"));
    }

    fn retry_some_job(&mut self) {
        let done: Vec<Job> = self.book.jobs.values().filter(|job| matches!(job.state, JobState::Done(..))).cloned().collect();
        let Some(mut job) = self.dice.pick(&done).cloned() else { return };
        let id = job.id;
        let retried = self.write(self.owner.actor.clone(), move |tx| {
            job.state = job.state.after(JobEvent::Requeue)?;
            (job.started_at, job.ended_at, job.detail) = (None, None, None);
            tx.update_as(&job, &[contract::event::Named::JobRequeued])?;
            Ok(())
        });
        *self.book.retries.entry(id).or_default() += 1;
        self.note(format!("owner retries {id}: {retried:?}"));
    }

    pub fn set_dispatch(&mut self, dispatch: Dispatch) {
        let farm = self.agent.as_ref().unwrap().db.home().farm_id;
        let done = self.write(self.owner.actor.clone(), move |tx| {
            let mut record = tx.get::<Farm>(farm)?.unwrap().record;
            record.dispatch = dispatch;
            tx.update(&record)?;
            Ok(())
        });
        self.note(format!("owner sets dispatch to {dispatch:?}: {done:?}"));
    }

    fn set_admin(&mut self, at: usize, admin: Admin) {
        let id = self.machines[at].id;
        let done = self.write(self.owner.actor.clone(), |tx| facts::put_out_of_service(tx, id, admin, None, &[]));
        self.note(format!("owner sets printer {at} to {admin:?}: {done:?}"));
    }

    pub fn at_machine(&mut self, at: usize, person: Person) {
        self.note(format!("at the machine of printer {at}: {person:?}"));
        self.feed(at, Input::Person(person));
    }

    /// A printer that is away is made to come back.
    pub fn mend(&mut self, at: usize) {
        self.note(format!("at the machine of printer {at}: it is mended"));
        for input in self.machines[at].sim.mend() {
            self.feed(at, input);
        }
    }

    /// The printer's screen asks something, or a person answers.
    fn question(&mut self, at: usize, asks: bool) {
        let now = self.now;
        self.note(format!("at the machine of printer {at}: a question is {}", if asks { "asked" } else { "answered" }));
        self.machines[at].sim.question(now, asks);
        self.feed(at, Input::Wake);
    }

    /// Somebody sees our file on the printer's own page, and presses print.
    fn start_our_copy(&mut self, at: usize) {
        let Some(attempt) = self.book.in_hand(self.machines[at].id) else { return };
        if !attempt.state.touched_the_bed() {
            let file = path_of(attempt);
            self.reached.count("copy started at the machine");
            self.at_machine(at, Person::Start { file });
        }
    }

    /// Once faults have stopped: whatever waits for a person is done.
    fn help_along(&mut self) {
        if self.agent.as_ref().unwrap().db.rows().all::<Farm>().unwrap()[0].record.dispatch != Dispatch::Run {
            self.set_dispatch(Dispatch::Run);
        }
        for at in 0..self.machines.len() {
            if self.printer(at).admin != Admin::Enabled {
                self.set_admin(at, Admin::Enabled);
            }
            match self.machines[at].sim.state() {
                "Paused" => self.at_machine(at, Person::Resume),
                "Asks" => self.question(at, false),
                "Offline" | "Offline after error" => self.mend(at),
                _ => {}
            }
        }
        let held: Vec<Job> = self.book.jobs.values().filter(|job| matches!(job.state, JobState::Held(_))).cloned().collect();
        for mut job in held {
            let released = self.write(self.owner.actor.clone(), move |tx| {
                job.state = job.state.after(JobEvent::Release)?;
                tx.update_as(&job, &[contract::event::Named::JobReleased])?;
                Ok(())
            });
            self.note(format!("owner releases a job: {released:?}"));
        }
    }

    /// Every job has ended, and every bed can be used.
    pub fn is_over(&self) -> bool {
        self.owner.jobs_made as u64 >= self.owner.jobs_wanted && self.book.open_jobs().is_empty() && self.agent.is_some()
    }

    pub fn what_is_left(&self) -> String {
        let jobs: Vec<String> = self.book.open_jobs().iter().map(|job| format!("{} {:?}", job.id, job.state)).collect();
        let machines: Vec<String> = (0..self.machines.len())
            .map(|at| {
                let printer = self.printer(at);
                let sim = self.machines[at].sim.state();
                format!(
                    "printer {at}: {:?} {:?} bed {:?} {:?} foreign {:?} fault {:?} control {:?}, really {sim}",
                    printer.connection,
                    printer.activity,
                    printer.bed,
                    printer.admin,
                    printer.foreign,
                    printer.fault,
                    printer.control
                )
            })
            .collect();
        format!("{jobs:?} {:?}\n{}", self.written(), machines.join("\n"))
    }
}

/// Makes ids and hashes for what a farm has from its first day.
pub fn file(number: u8, text: &str, actor: Actor, now: Timestamp) -> File {
    File {
        id: FileId::new(now, [number; 10]),
        name: format!("plate-{number}.gcode"),
        sha256: ContentHash::new([number; 32]),
        size_bytes: text.len() as u64,
        content: domain::file::FileContent::Here,
        detail: None,
        sliced: domain::sliced::Sliced::default(),
        created_by: actor,
        created_at: now,
    }
}
