//! The farm on its first day: its record, its printers, its files; and how a job looks.

use domain::actor::Actor;
use domain::bed::{Bed, BedUse};
use domain::farm::{Dispatch, Farm};
use domain::id::{FileId, Id as _, JobId, PrinterId};
use domain::job::{Job, JobState, Needs, Target};
use domain::printer::{Activity, Admin, Config, Connection, Control, Display, Link, Machine as Model, Printer, Size};
use domain::text::Metadata;
use domain::time::Timestamp;
use simulators::octoprint::door::Input;

use crate::machine::Machine;
use crate::owner;
use crate::world::World;

impl World {
    /// Sets the farm up and starts its agent.
    pub fn set_up(&mut self) {
        self.boot();
        let now = self.now;
        let farm = self.agent.as_ref().unwrap().db.home().farm_id;
        let printers = 3 + u8::try_from(self.dice.roll(2)).unwrap();
        for number in 0..printers {
            let print_ms = u64::try_from(self.dice.between(25_000, 90_000)).unwrap();
            let id = PrinterId::new(now, [number; 10]);
            self.machines.push(Machine::new(id, self.brand, usize::from(number), print_ms, now));
        }
        let actor = self.owner.actor.clone();
        for number in 1..=3 {
            let text = format!("; plate {number}\nM104 S200\nM140 S60\nG28\nG1 X{number} E1\n");
            let file = owner::file(number, &text, actor.clone(), now);
            self.owner.files.push((file.id, file.sha256));
            self.contents.insert(file.sha256, text);
            let by = actor.clone();
            self.write(by, |tx| Ok(tx.create(&file)?)).unwrap();
        }
        self.write(actor.clone(), |tx| {
            Ok(tx.create(&Farm {
                id: farm,
                name: "Farm".parse().unwrap(),
                live: true,
                dispatch: Dispatch::Run,
                connection: Connection::Online,
                quarantine_after: 3,
                refused: None,
                hold_file_after: 2,
                created_at: now,
            })?)
        })
        .unwrap();
        for at in 0..self.machines.len() {
            let printer = printer(self.machines[at].id, at, now);
            self.write(actor.clone(), |tx| Ok(tx.create(&printer)?)).unwrap();
            self.feed(at, Input::Wake);
        }
        self.start_tasks();
        self.look_at_sight();
    }
}

/// A printer that has just been added.
pub fn printer(id: PrinterId, at: usize, now: Timestamp) -> Printer {
    let link = Link {
        driver: "octoprint".to_owned(),
        address: format!("http://printer-{at}"),
        serial: None,
        certificate: None,
        credential_set_at: None,
        credential_lost: false,
    };
    let volume = Size { x: 200.0, y: 200.0, z: 200.0 };
    let mut printer = Printer {
        id,
        name: format!("Printer {at}").parse().unwrap(),
        link,
        machine: Model {
            model: Some("Simulated".to_owned()),
            nozzle_mm: Some(0.4),
            build_volume_mm: Some(volume),
            plate_type: None,
        },
        tags: Default::default(),
        loaded: Vec::new(),
        capabilities: Default::default(),
        connection: Connection::Unknown,
        activity: Activity::Idle,
        bed: Bed::NeedsClear,
        admin: Admin::Enabled,
        admin_note: None,
        config: Config::Incomplete,
        control: Control::Ok,
        display: Display::Unknown,
        bed_use: BedUse::own(id.uuid()),
        bed_token: None,
        attempt_id: None,
        job_id: None,
        foreign: None,
        fault: None,
        prompt: None,
        connection_problem: None,
        control_problem: None,
        failures_in_a_row: 0,
        firmware: None,
        external_id: None,
        metadata: Metadata::default(),
        created_at: now,
    };
    printer.settle();
    printer
}

/// A job of that file.
pub fn job(id: JobId, file_id: FileId, rank: i64, created_by: Actor, now: Timestamp) -> Job {
    Job {
        id,
        name: "Job".parse().unwrap(),
        file_id,
        part_id: None,
        state: JobState::Queued,
        target: Target::default(),
        needs: Needs { models: vec!["Simulated".to_owned()], ..Needs::default() },
        priority: 0,
        rank,
        due_at: None,
        estimated_seconds: None,
        items: 1,
        cancel_requested: None,
        attempts: 0,
        printers_tried: Vec::new(),
        detail: None,
        external_id: None,
        metadata: Metadata::default(),
        created_by,
        created_at: now,
        started_at: None,
        ended_at: None,
    }
}
