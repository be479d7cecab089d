//! The agent, taken apart: the store's database, a core per printer and a core per driver, dispatch. Each
//! shell of the real one is a few steps here, and the power may go between any two of them.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use agent::dispatch;
use agent::fleet::core::{Input, Outcome, Output, PrinterCore, Timing};
use agent::fleet::{Live, apply, read_facts};
use api::facts;
use api::operation::Failure;
use domain::actor::Actor;
use domain::id::{JobId, PrinterId};
use domain::kind::Kind;
use domain::secret::Secret;
use domain::time::Timestamp;
use drivers::{LinkSpec, WebCore, contract};
use simulators::octoprint::door::{Input as ServerInput, SocketId};
use store::{By, Db, OpenOptions, SeededEntropy, Tx};

use crate::phases::{Phase, StartCall};
use crate::world::{Event, World};

/// A running agent.
pub struct Agent {
    pub db: Db,
    live: Live,
    pub tasks: Vec<Task>,
    plans_soon: bool,
}

/// One printer's task with its driver.
pub struct Task {
    id: PrinterId,
    core: PrinterCore,
    pub driver: WebCore,
    inbox: VecDeque<Input>,
    outputs: VecDeque<Output>,
    is_writing: bool,
    is_notified: bool,
    is_due: bool,
    wake_at: Option<Timestamp>,
    pub calls: BTreeSet<u64>,
    pub socket: Option<u64>,
    pub socket_is_open: bool,
    pub told_until: Timestamp,
    pub start: StartCall,
}

/// The task looks around at least so often.
const QUIET_MS: i64 = 30_000;

impl World {
    /// The agent starts: on what its last life left in the database.
    pub fn boot(&mut self) {
        let options = OpenOptions {
            path: Some(self.folder.path().join("gantry.db")),
            now: self.now,
            entropy: Box::new(SeededEntropy(self.seed.wrapping_mul(1_000).wrapping_add(u64::from(self.life)))),
            live: false,
        };
        let db = Db::open(options).unwrap();
        self.agent = Some(Agent { db, live: Live::default(), tasks: Vec::new(), plans_soon: false });
    }

    /// Starts a task for every printer, and dispatch.
    pub fn start_tasks(&mut self) {
        let (now, life) = (self.now, self.life);
        for (at, machine) in self.machines.iter().enumerate() {
            let spec = LinkSpec {
                driver: self.brand.driver().to_owned(),
                address: format!("http://printer-{at}"),
                serial: None,
                certificate: None,
                credential: Some(Secret::new(self.brand.key())),
            };
            let task = Task {
                id: machine.id,
                core: PrinterCore::new(now, Timing::default()),
                driver: drivers::web_core(&spec).unwrap(),
                inbox: VecDeque::new(),
                outputs: VecDeque::new(),
                is_writing: false,
                is_notified: true,
                is_due: false,
                wake_at: None,
                calls: BTreeSet::new(),
                socket: None,
                socket_is_open: false,
                told_until: now,
                start: StartCall::NotMade,
            };
            if let Some(agent) = &mut self.agent {
                agent.tasks.push(task);
            }
        }
        for at in 0..self.machines.len() {
            self.task_due(at);
            self.later(1, Event::Driver(life, at, contract::Input::Wake));
        }
        self.later(100, Event::Minute(life));
    }

    fn task_due(&mut self, at: usize) {
        let life = self.life;
        let Some(agent) = &mut self.agent else { return };
        if !agent.tasks[at].is_due {
            agent.tasks[at].is_due = true;
            self.later(0, Event::Task(life, at));
        }
    }

    fn task(&mut self, life: u32, at: usize) -> Option<&mut Task> {
        if life != self.life {
            return None;
        }
        self.agent.as_mut().map(|agent| &mut agent.tasks[at])
    }

    pub fn task_told(&mut self, life: u32, at: usize, input: Input) {
        let shown = match &input {
            Input::Report(contract::Report::Heard(seen)) => seen.print.is_some(),
            Input::Report(report) => {
                self.note(format!("printer {at}: driver says {report:?}"));
                false
            }
            Input::Facts(_) | Input::Written(_) | Input::Wake => false,
        };
        let Some(task) = self.task(life, at) else { return };
        task.inbox.push_back(input);
        if shown {
            self.machines[at].was_shown();
        }
        self.task_due(at);
    }

    pub fn task_notified(&mut self, life: u32, at: usize) {
        let Some(task) = self.task(life, at) else { return };
        task.is_notified = true;
        self.task_due(at);
    }

    pub fn task_woken(&mut self, life: u32, at: usize, moment: Timestamp) {
        let Some(task) = self.task(life, at) else { return };
        if task.wake_at == Some(moment) {
            task.wake_at = None;
            task.inbox.push_back(Input::Wake);
            self.task_due(at);
        }
    }

    /// One step of a printer's task: an output is carried out, or an input taken.
    pub fn task_step(&mut self, life: u32, at: usize) {
        let now = self.now;
        let Some(task) = self.task(life, at) else { return };
        task.is_due = false;
        if task.is_writing {
            return;
        }
        if let Some(output) = task.outputs.pop_front() {
            self.carry(at, output);
        } else if task.is_notified {
            task.is_notified = false;
            let input = self.facts(at);
            self.handle(at, input);
        } else if let Some(input) = task.inbox.pop_front() {
            self.handle(at, input);
        } else {
            let next = task.core.next_wake(now).unwrap_or(now.plus_millis(QUIET_MS)).min(now.plus_millis(QUIET_MS));
            if task.wake_at != Some(next) {
                task.wake_at = Some(next);
                self.at(next, Event::TaskWake(life, at, next));
            }
            return;
        }
        self.task_due(at);
    }

    fn facts(&self, at: usize) -> Input {
        let agent = self.agent.as_ref().unwrap();
        Input::Facts(read_facts(agent.db.rows(), agent.tasks[at].id).unwrap().map(Box::new))
    }

    fn handle(&mut self, at: usize, input: Input) {
        let now = self.now;
        if let Some(agent) = &mut self.agent {
            let task = &mut agent.tasks[at];
            task.outputs.extend(task.core.handle(now, input));
        }
    }

    fn carry(&mut self, at: usize, output: Output) {
        let life = self.life;
        match output {
            Output::Order(order) => {
                self.note(format!("printer {at}: order {order:?}"));
                self.later(0, Event::Driver(life, at, contract::Input::Order(order)));
            }
            Output::Show(shown) => {
                if let Some(agent) = &mut self.agent {
                    agent.live.put(agent.tasks[at].id, *shown);
                }
            }
            Output::Write(change) => {
                let id = self.machines[at].id;
                let home = self.agent.as_ref().unwrap().db.home();
                let fails = !self.is_calm && self.dice.one_in(150);
                let result = if fails {
                    self.reached.count("write failed");
                    None
                } else {
                    Some(self.write(Actor::farm(home.farm_id), |tx| apply(tx, id, &change)))
                };
                let outcome = match &result {
                    Some(Ok(())) => Outcome::Done,
                    Some(Err(Failure::Problem(_))) => Outcome::Refused,
                    Some(Err(Failure::Store(error))) => panic!("{}", self.story(&format!("the store: {error}"))),
                    None => Outcome::Failed,
                };
                self.note(format!("printer {at}: write {change:?}: {outcome:?}"));
                if let Some(agent) = &mut self.agent {
                    agent.tasks[at].is_writing = true;
                }
                let delay = self.dice.between(0, 15);
                self.later(delay, Event::Written(life, at, outcome));
            }
        }
    }

    pub fn task_written(&mut self, life: u32, at: usize, outcome: Outcome) {
        let Some(task) = self.task(life, at) else { return };
        task.is_writing = false;
        let facts = self.facts(at);
        self.handle(at, facts);
        self.handle(at, Input::Written(outcome));
        self.task_due(at);
    }

    /// Writes in a transaction of its own, looks at the rules, and wakes who is concerned.
    pub fn write<T>(&mut self, actor: Actor, write: impl FnOnce(&mut Tx<'_>) -> Result<T, Failure>) -> Result<T, Failure> {
        let by = By::new(actor, self.now);
        let agent = self.agent.as_mut().unwrap();
        let result = agent.db.write(by, write);
        if result.is_ok() {
            self.committed();
        }
        result
    }

    fn committed(&mut self) {
        let (now, life) = (self.now, self.life);
        let Some(agent) = &mut self.agent else { return };
        let before = self.book.position();
        let rule = self.book.read(agent.db.rows(), now, &mut self.machines);
        let events = agent.db.rows().events_after(before, &[], None, 10_000).unwrap().events;
        let mut concerned = BTreeSet::new();
        for stored in &events {
            let id = match stored.event.subject.kind {
                Kind::Printer => Some(stored.event.subject.id.clone()),
                Kind::Farm => {
                    concerned.extend(0..self.machines.len());
                    None
                }
                Kind::Attempt | Kind::Command | Kind::Job => {
                    stored.event.data.get("printer_id").and_then(|id| id.as_str()).map(str::to_owned)
                }
                Kind::Pool
                | Kind::File
                | Kind::Part
                | Kind::Store
                | Kind::User
                | Kind::Role
                | Kind::ApiKey
                | Kind::SlicerKey
                | Kind::Session
                | Kind::Sku
                | Kind::Order
                | Kind::Material
                | Kind::Spool
                | Kind::SpoolEntry
                | Kind::Slot
                | Kind::Stock
                | Kind::StockEntry
                | Kind::Webhook
                | Kind::Delivery
                | Kind::Operator
                | Kind::Device => None,
            };
            concerned.extend(self.machines.iter().position(|machine| Some(machine.id.to_string()) == id));
        }
        for (at, task) in agent.tasks.iter_mut().enumerate() {
            if !self.book.is_starting(self.machines[at].id) {
                task.start = StartCall::NotMade;
            }
        }
        self.must(rule);
        for at in concerned {
            let delay = self.dice.between(0, 40);
            self.later(delay, Event::Notified(life, at));
        }
        self.plan_soon();
    }

    fn plan_soon(&mut self) {
        let life = self.life;
        let delay = self.dice.between(30, 90);
        let Some(agent) = &mut self.agent else { return };
        if !agent.plans_soon {
            agent.plans_soon = true;
            self.later(delay, Event::Plan(life));
        }
    }

    /// Dispatch: snapshot and plan; each claim is a step of its own.
    pub fn plan(&mut self, life: u32) {
        let now = self.now;
        let Some(agent) = self.agent.as_mut().filter(|_| life == self.life) else { return };
        agent.plans_soon = false;
        let snapshot = dispatch::take(agent.db.rows(), &agent.live, now, false).unwrap();
        for assignment in scheduler::plan::plan(&snapshot).assignments {
            let delay = self.dice.between(0, 20);
            self.later(delay, Event::Claim(life, assignment.job, assignment.printer));
        }
    }

    pub fn minute(&mut self, life: u32) {
        if life == self.life && self.agent.is_some() {
            self.plan(life);
            self.later(60_000, Event::Minute(life));
        }
    }

    pub fn claim(&mut self, life: u32, job: JobId, printer: PrinterId) {
        if life != self.life || self.agent.is_none() {
            return;
        }
        let farm = self.agent.as_ref().unwrap().db.home().farm_id;
        let claimed = self.write(Actor::farm(farm), |tx| facts::assign(tx, job, printer));
        self.note(format!("claim {job} for {printer}: {claimed:?}"));
    }

    /// Whether some print is in that phase right now.
    fn phases(&self) -> BTreeSet<Phase> {
        let Some(agent) = &self.agent else { return BTreeSet::new() };
        let mut phases = BTreeSet::new();
        for (at, task) in agent.tasks.iter().enumerate() {
            phases.extend(self.book.phase(&self.machines[at], task.start));
        }
        phases
    }

    /// The power goes when the dice say so, more often where this run aims.
    pub fn maybe_cut(&mut self) {
        if self.is_calm || self.agent.is_none() || self.cuts_left == 0 {
            return;
        }
        let by_chance = self.dice.one_in(8_000);
        let aimed = match self.target {
            Some(Phase::EndedMeanwhile) => self.phases().contains(&Phase::Printing) && self.dice.one_in(400),
            Some(Phase::Printing | Phase::Paused) => self.phases().contains(&self.target.unwrap()) && self.dice.one_in(300),
            Some(phase) => self.phases().contains(&phase) && self.dice.one_in(6),
            None => false,
        };
        if by_chance || aimed {
            self.cut(aimed);
        }
    }

    /// The agent's power goes.
    pub fn cut(&mut self, aimed: bool) {
        let phases = self.phases();
        self.note(format!("POWER CUT of the agent in {phases:?}"));
        for phase in phases {
            *self.reached.cuts.entry(phase).or_default() += 1;
        }
        self.reached.count("cut");
        self.cuts_left -= 1;
        let open: Vec<(usize, u64)> = match &self.agent {
            Some(agent) => agent.tasks.iter().enumerate().filter_map(|(at, task)| Some((at, task.socket?))).collect(),
            None => Vec::new(),
        };
        self.agent = None;
        self.life += 1;
        for (at, socket) in open {
            let input = ServerInput::SocketClosed { socket: SocketId(socket) };
            self.later(20, Event::Server(at, self.life, 0, input));
        }
        self.machines.iter_mut().for_each(|machine| machine.in_sight_since = None);
        self.cut_at = Some(self.now);
        if aimed {
            self.target = None;
        }
        let long = aimed && self.seed as usize % Phase::ALL.len() == Phase::ALL.len() - 1 || self.dice.one_in(5);
        let off = if long { self.dice.between(60_000, 200_000) } else { self.dice.between(100, 8_000) };
        self.later(off, Event::PowerBack(self.life));
    }

    /// And comes back: nothing that was committed may be lost.
    pub fn power_back(&mut self, life: u32) {
        if life != self.life || self.agent.is_some() {
            return;
        }
        self.boot();
        let end = self.agent.as_ref().unwrap().db.rows().log_end().unwrap().position;
        self.note(format!("the agent is back, its log at {end}"));
        let told = self.book.position();
        self.must(if end == told { Ok(()) } else { Err(format!("the log ends at {end}, and {told} was committed")) });
        let since = self.cut_at.unwrap_or(self.now);
        if self.book.ended_since(&self.machines, since) {
            *self.reached.cuts.entry(Phase::EndedMeanwhile).or_default() += 1;
        }
        self.start_tasks();
        self.look_at_sight();
    }

    /// Whether each machine can be seen by the agent, from now on.
    pub fn look_at_sight(&mut self) {
        let on = self.agent.is_some();
        for machine in &mut self.machines {
            let seen = on && machine.is_in_sight();
            machine.in_sight_since = match machine.in_sight_since {
                Some(since) if seen => Some(since),
                None if seen => Some(self.now),
                Some(_) | None => None,
            };
        }
    }

    /// What every printer's attempt is, for stories.
    pub fn written(&self) -> BTreeMap<String, String> {
        self.book.summary()
    }
}
