//! The loop: a clock that jumps from one thing to the next, and everything that happens in its order.
//! Nothing here decides for the product; it only lets its real parts meet.

use std::collections::{BTreeMap, VecDeque};

use domain::file::ContentHash;
use domain::id::{JobId, PrinterId};
use domain::time::Timestamp;
use drivers::contract;
use drivers::web::Wire;
use simulators::octoprint::door;

use crate::agent::Agent;
use crate::book::Book;
use crate::dice::Dice;
use crate::machine::Machine;
use crate::owner::{Look, Owner};
use crate::phases::{Phase, Reached};
use crate::sim::Brand;

/// What can happen next.
#[derive(Debug)]
pub enum Event {
    /// One step of a printer's task.
    Task(u32, usize),
    /// The task asked to be woken.
    TaskWake(u32, usize, Timestamp),
    /// Something for a printer's core.
    Told(u32, usize, agent::fleet::core::Input),
    /// The log concerns this printer.
    Notified(u32, usize),
    /// A write is over.
    Written(u32, usize, agent::fleet::core::Outcome),
    /// Something for a driver's core.
    Driver(u32, usize, contract::Input<Wire>),
    /// A call took too long.
    Deadline(u32, usize, u64),
    /// Something of a socket comes to the agent.
    FromSocket(u32, usize, u64, Wire),
    /// Something reaches a printer; a request with the life and the call that it came from.
    Server(usize, u32, u64, door::Input),
    /// A printer is due.
    MachineWake(usize, Timestamp),
    /// Dispatch plans.
    Plan(u32),
    /// A minute went by: dispatch plans whatever happened.
    Minute(u32),
    /// Dispatch claims.
    Claim(u32, JobId, PrinterId),
    /// The owner walks the floor.
    OwnerWalks,
    /// The owner taps what he decided when he looked.
    OwnerTaps(usize, Look),
    /// He takes it back.
    OwnerUndoes(usize),
    /// Something breaks or heals.
    Fate,
    /// The agent's power is back.
    PowerBack(u32),
}

/// Everything.
pub struct World {
    pub seed: u64,
    pub brand: Brand,
    pub now: Timestamp,
    pub dice: Dice,
    queue: BTreeMap<(Timestamp, u64), Event>,
    serial: u64,
    pub folder: tempfile::TempDir,
    pub agent: Option<Agent>,
    /// Counts the agent's lives: what belongs to an earlier one is lost.
    pub life: u32,
    pub machines: Vec<Machine>,
    pub owner: Owner,
    pub book: Book,
    pub target: Option<Phase>,
    pub cuts_left: u32,
    pub cut_at: Option<Timestamp>,
    pub reached: Reached,
    /// Faults have stopped; everything must come to its end.
    pub is_calm: bool,
    pub steps: u64,
    /// Numbers for sockets and requests.
    pub sockets: u64,
    /// The farm's content, by its hash.
    pub contents: BTreeMap<ContentHash, String>,
    trace: VecDeque<String>,
}

/// Steps that are told when a rule is broken.
const TOLD: usize = 60;
/// How long faults go on, and how long everything may take to come to its end after them.
const FAULTS_MS: i64 = 8 * 60_000;
const CALM_MS: i64 = 90 * 60_000;

impl World {
    /// A farm that has just been set up.
    pub fn new(seed: u64, brand: Brand) -> Self {
        let mut dice = Dice::new(seed);
        let now = Timestamp::from_millis(1_800_000_000_000);
        // Memory keeps what was written as well as a disk does when only the process dies.
        let memory = std::path::Path::new("/dev/shm");
        let folder = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }.unwrap();
        let phase = Phase::ALL[usize::try_from(seed).unwrap() % Phase::ALL.len()];
        let mut world = Self {
            seed,
            brand,
            now,
            queue: BTreeMap::new(),
            serial: 0,
            folder,
            agent: None,
            life: 0,
            machines: Vec::new(),
            owner: Owner::new(&mut dice),
            book: Book::default(),
            target: Some(phase),
            cuts_left: 2 + u32::try_from(dice.roll(4)).unwrap(),
            cut_at: None,
            reached: Reached::default(),
            is_calm: false,
            steps: 0,
            sockets: 0,
            contents: BTreeMap::new(),
            trace: VecDeque::new(),
            dice,
        };
        world.set_up();
        world.later(2_000, Event::OwnerWalks);
        world.later(9_000, Event::Fate);
        world
    }

    /// Runs both phases.
    pub fn run(&mut self) {
        let faults_end = self.now.plus_millis(FAULTS_MS);
        while self.now < faults_end {
            self.step();
        }
        if self.life == 0 {
            self.cut(false);
        }
        self.calm_down();
        let last = self.now.plus_millis(CALM_MS);
        while !self.is_over() {
            assert!(self.now < last, "{}", self.story(&format!("not everything came to its end: {}", self.what_is_left())));
            self.step();
        }
        self.check_the_end();
    }

    fn step(&mut self) {
        let Some(((at, _), event)) = self.queue.pop_first() else { panic!("seed {}: nothing happens any more", self.seed) };
        self.now = self.now.max(at);
        self.steps += 1;
        self.happen(event);
        self.maybe_cut();
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Task(life, at) => self.task_step(life, at),
            Event::TaskWake(life, at, moment) => self.task_woken(life, at, moment),
            Event::Told(life, at, input) => self.task_told(life, at, input),
            Event::Notified(life, at) => self.task_notified(life, at),
            Event::Written(life, at, outcome) => self.task_written(life, at, outcome),
            Event::Driver(life, at, input) => self.driver(life, at, input),
            Event::Deadline(life, at, call) => self.deadline(life, at, call),
            Event::FromSocket(life, at, socket, wire) => self.socket_told(life, at, socket, wire),
            Event::Server(at, life, call, input) => self.reaches_server(at, life, call, input),
            Event::MachineWake(at, moment) => {
                if self.machines[at].wake_at == Some(moment) {
                    self.feed(at, door::Input::Wake);
                }
            }
            Event::Plan(life) => self.plan(life),
            Event::Minute(life) => self.minute(life),
            Event::Claim(life, job, printer) => self.claim(life, job, printer),
            Event::OwnerWalks => self.owner_walks(),
            Event::OwnerTaps(at, look) => self.owner_taps(at, look),
            Event::OwnerUndoes(at) => self.owner_undoes(at),
            Event::Fate => self.fate(),
            Event::PowerBack(life) => self.power_back(life),
        }
    }

    /// That happens so many milliseconds from now.
    pub fn later(&mut self, millis: i64, event: Event) {
        self.at(self.now.plus_millis(millis.max(0)), event);
    }

    /// That happens at that moment.
    pub fn at(&mut self, at: Timestamp, event: Event) {
        self.serial += 1;
        self.queue.insert((at.max(self.now), self.serial), event);
    }

    /// For the story.
    pub fn note(&mut self, text: impl std::fmt::Display) {
        let seconds = self.now.millis() - 1_800_000_000_000;
        let line = format!("{:>4}.{:03} #{} {text}", seconds / 1000, seconds % 1000, self.steps);
        if std::env::var_os("GANTRY_TRACE").is_some() {
            println!("{line}");
        }
        if self.trace.len() == TOLD {
            self.trace.pop_front();
        }
        self.trace.push_back(line);
    }

    /// What went before, and what is wrong now.
    pub fn story(&self, wrong: &str) -> String {
        let steps: Vec<&str> = self.trace.iter().map(String::as_str).collect();
        format!("{:?}, seed {} (GANTRY_SEED={}): {wrong}\n{}\n{wrong}", self.brand, self.seed, self.seed, steps.join("\n"))
    }

    /// A rule must hold.
    pub fn must(&self, rule: Result<(), String>) {
        if let Err(wrong) = rule {
            panic!("{}", self.story(&wrong));
        }
    }
}
