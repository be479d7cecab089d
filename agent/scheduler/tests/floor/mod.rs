//! Reads a farm from one line, such as `p1 paused PLA@200; farm drain; job a PLA priority=2`. A printer
//! is idle and clear unless it says otherwise; a job fits it unless it says otherwise.

#![allow(dead_code, clippy::unwrap_used, reason = "each test uses its share; a line that cannot be read is the test's mistake")]

use std::collections::BTreeMap;

use domain::bed::Bed;
use domain::farm::Dispatch;
use domain::file::FileContent;
use domain::id::{Id, JobId, PrinterId};
use domain::job::{HoldReason, MaterialNeed, Needs};
use domain::printer::{Activity, Admin, Config, Connection, Control, Loaded, Machine, Size};
use domain::time::Timestamp;
use gantry_scheduler::snapshot::{Aim, JobFacts, PoolTags, PrinterFacts, Snapshot, Wait};

pub struct Names {
    pub jobs: BTreeMap<String, JobId>,
    pub printers: BTreeMap<String, PrinterId>,
}

/// The same number gives the same id, and a greater one a greater id.
pub fn id<I: Id>(number: u64) -> I {
    let mut random = [0; 10];
    random[2..].copy_from_slice(&number.to_be_bytes());
    I::new(Timestamp::from_millis(0), random)
}

pub fn idle_printer(number: u64) -> PrinterFacts {
    PrinterFacts {
        id: id(number),
        tags: [].into(),
        machine: Machine {
            model: Some("MK4".to_owned()),
            nozzle_mm: Some(0.4),
            build_volume_mm: Some(Size { x: 250.0, y: 210.0, z: 220.0 }),
            plate_type: None,
        },
        loaded: vec![],
        chooses_filaments: false,
        last_loaded: vec![],
        admin: Admin::Enabled,
        connection: Connection::Online,
        activity: Activity::Idle,
        bed: Bed::Clear,
        config: Config::Ok,
        control: Control::Ok,
        foreign: false,
        fault: false,
        claimed: false,
        outcome_unknown: false,
        free_bytes: None,
        ready_at: None,
        wear_seconds: 0,
    }
}

pub fn queued_job(number: u64) -> JobFacts {
    JobFacts {
        id: id(number),
        priority: 0,
        rank: 0,
        due_at: None,
        aim: Aim::default(),
        needs: Needs { models: vec!["MK4".to_owned()], ..Needs::default() },
        size_bytes: 1,
        wait: Wait::Queued,
        content: FileContent::Here,
    }
}

pub fn farm(text: &str) -> (Snapshot, Names) {
    let mut names = Names { jobs: BTreeMap::new(), printers: BTreeMap::new() };
    let mut snapshot =
        Snapshot { now: Timestamp::from_millis(0), dispatch: Dispatch::Run, disk_full: false, printers: vec![], jobs: vec![] };
    for (number, item) in (0..).zip(text.split(';')) {
        let mut words = item.split_whitespace();
        match words.next().unwrap() {
            "farm" => words.for_each(|word| farm_word(&mut snapshot, word)),
            "job" => {
                let mut job = queued_job(number);
                names.jobs.insert(words.next().unwrap().to_owned(), job.id);
                words.for_each(|word| job_word(&mut job, word, &names));
                snapshot.jobs.push(job);
            }
            name => {
                let mut printer = idle_printer(number);
                names.printers.insert(name.to_owned(), printer.id);
                words.for_each(|word| printer_word(&mut printer, word));
                snapshot.printers.push(printer);
            }
        }
    }
    (snapshot, names)
}

fn farm_word(snapshot: &mut Snapshot, word: &str) {
    match word {
        "drain" => snapshot.dispatch = Dispatch::Drain,
        "stop" => snapshot.dispatch = Dispatch::Stop,
        "disk_full" => snapshot.disk_full = true,
        other => panic!("what is `{other}` of a farm?"),
    }
}

fn printer_word(printer: &mut PrinterFacts, word: &str) {
    match word.split_once('=').unwrap_or((word, "")) {
        ("disabled", _) => printer.admin = Admin::Disabled,
        ("quarantined", _) => printer.admin = Admin::Quarantined,
        ("maintenance", _) => printer.admin = Admin::Maintenance,
        ("offline", _) => printer.connection = Connection::Offline,
        ("unknown", _) => printer.connection = Connection::Unknown,
        ("stale", _) => printer.connection = Connection::Stale,
        ("busy", _) => printer.activity = Activity::Busy,
        ("preparing", _) => printer.activity = Activity::Preparing,
        ("printing", _) => printer.activity = Activity::Printing,
        ("paused", _) => printer.activity = Activity::Paused,
        ("finished", _) => printer.activity = Activity::Finished,
        ("attention", _) => printer.activity = Activity::Attention,
        ("error", _) => printer.activity = Activity::Error,
        ("needs_clear", _) => printer.bed = Bed::NeedsClear,
        ("bed_unknown", _) => printer.bed = Bed::Unknown,
        ("incomplete", _) => printer.config = Config::Incomplete,
        ("denied", _) => printer.control = Control::Denied,
        ("foreign", _) => printer.foreign = true,
        ("fault", _) => printer.fault = true,
        ("chooses", _) => printer.chooses_filaments = true,
        ("claimed", _) => printer.claimed = true,
        ("outcome_unknown", _) => printer.outcome_unknown = true,
        ("model", name) => printer.machine.model = known(name),
        ("nozzle", mm) => printer.machine.nozzle_mm = Some(mm.parse().unwrap()),
        ("volume", text) => printer.machine.build_volume_mm = Some(size(text)),
        ("plate", name) => printer.machine.plate_type = known(name),
        ("tag", tag) => _ = printer.tags.insert(tag.parse().unwrap()),
        ("last", text) => printer.last_loaded.push(loaded(text)),
        ("free", bytes) => printer.free_bytes = Some(bytes.parse().unwrap()),
        ("ready", millis) => printer.ready_at = Some(Timestamp::from_millis(millis.parse().unwrap())),
        ("wear", seconds) => printer.wear_seconds = seconds.parse().unwrap(),
        (spool, _) => printer.loaded.push(loaded(spool)),
    }
}

fn job_word(job: &mut JobFacts, word: &str, names: &Names) {
    match word.split_once('=').unwrap_or((word, "")) {
        ("held", _) => job.wait = Wait::Held(HoldReason::Requested),
        ("same_file_failing", _) => job.wait = Wait::Held(HoldReason::SameFileFailing),
        ("awaiting_approval", _) => job.wait = Wait::AwaitingApproval,
        ("file_not_here", _) => job.content = FileContent::OnItsWay,
        ("file_missing", _) => job.content = FileContent::Missing,
        ("file_refused", _) => job.content = FileContent::Refused,
        ("priority", number) => job.priority = number.parse().unwrap(),
        ("rank", number) => job.rank = number.parse().unwrap(),
        ("due", millis) => job.due_at = Some(Timestamp::from_millis(millis.parse().unwrap())),
        ("on", printer) => job.aim.printer_id = Some(names.printers[printer]),
        ("pool", tags) => job.aim.pool = Some(PoolTags(tags.split_terminator(',').map(|tag| tag.parse().unwrap()).collect())),
        ("tag", tag) => _ = job.aim.tags.insert(tag.parse().unwrap()),
        ("model", name) => job.needs.models = known(name).into_iter().collect(),
        ("nozzle", mm) => job.needs.nozzle_mm = Some(mm.parse().unwrap()),
        ("plate", name) => job.needs.plate_type = known(name),
        ("size", text) => job.needs.size_mm = Some(size(text)),
        ("bytes", bytes) => job.size_bytes = bytes.parse().unwrap(),
        (need, _) => {
            let Loaded { material, colour, grams } = loaded(need);
            job.needs.materials.push(MaterialNeed { material, colour, grams });
        }
    }
}

fn known(name: &str) -> Option<String> {
    (name != "?").then(|| name.to_owned())
}

fn size(text: &str) -> Size {
    let [x, y, z] = text.split('x').map(|mm| mm.parse().unwrap()).collect::<Vec<f64>>()[..] else { panic!("`{text}`?") };
    Size { x, y, z }
}

/// `PLA#ff0000@200`: material, colour, grams; `?` = something that nobody named.
fn loaded(text: &str) -> Loaded {
    let (text, grams) = text.split_once('@').map_or((text, None), |(rest, grams)| (rest, Some(grams.parse().unwrap())));
    let (material, colour) = text.split_once('#').map_or((text, None), |(rest, hex)| (rest, Some(format!("#{hex}"))));
    Loaded { material: known(material), colour, grams }
}
