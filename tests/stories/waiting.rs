//! Why a job waits: every code that can be reached today is reached here and asked for through the API,
//! with its sentence and its fix. A code without a case does not compile, or fails.
//!
//! The agent runs in this process, so that what only a printer could show can be written as if it had
//! shown it.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use agent::config::Config;
use agent::fleet::core::Timing;
use agent::fleet::{Change, apply};
use agent::{Agent, Running};
use api::clock::SystemClock;
use api::facts;
use api::operation::Failure;
use domain::actor::Actor;
use domain::attempt::{AttemptEvent, End, FailureReason, UnknownReason};
use domain::file::{File, FileContent};
use domain::id::PrinterId;
use domain::printer::{Activity, Admin, Control, Printer, PrinterFault};
use domain::time::Timestamp;
use domain::waiting::{JobReason, PrinterReason};
use gantry_tests::counterpart::{Counterpart, Door, Simulated, gcode, quick};
use gantry_tests::farm::{Farm, call, id_of, machine};
use gantry_tests::{roomy, until_it_holds};
use reqwest::Method;
use serde_json::{Value, json};
use simulators::octoprint::settings::Settings;
use store::{By, Tx};
use tempfile::TempDir;

/// A broken line stays stale for the whole story.
const HOUR_MS: i64 = 3_600_000;

struct Here {
    running: Running,
    url: String,
    key: String,
    file: String,
}

impl Here {
    async fn start(folder: &Path) -> Self {
        let listen = SocketAddr::from(([127, 0, 0, 1], 0));
        let config = Config { data_dir: folder.to_owned(), listen, live: false, limits: roomy(), ..Config::default() };
        let timing = Timing { lost_grace_ms: HOUR_MS, ..Timing::default() };
        let running = Agent::start(&config, Arc::new(SystemClock), timing).await.unwrap();
        let (url, key) = (format!("http://{}", running.address), running.owner_key("stories").await.unwrap());
        let mut here = Self { running, url, key, file: String::new() };
        here.file = here.upload("one.gcode").await;
        here
    }

    async fn ask(&self, method: Method, path: &str, body: Option<Value>) -> Value {
        let said = format!("{method} {path} {body:?}");
        let answer = call(&self.url, &self.key, method, path, body).await;
        assert!((200..300).contains(&answer.status), "{said}: {} {}", answer.status, answer.body);
        answer.body
    }

    async fn post(&self, path: &str, body: Value) -> Value {
        self.ask(Method::POST, path, Some(body)).await
    }

    /// A file of its own content.
    async fn upload(&self, name: &str) -> String {
        Farm::upload_to(&self.url, &self.key, name, format!("{}; {name}\n", gcode(1))).await
    }

    /// A printer that nobody answers for.
    async fn printer(&self, more: Value) -> String {
        let link = json!({"driver": "octoprint", "address": "http://127.0.0.1:9", "credential": "0123456789ABCDEF"});
        let mut printer = json!({"name": "A printer", "link": link, "machine": machine()});
        for (field, value) in more.as_object().into_iter().flatten() {
            printer[field] = value.clone();
        }
        id_of(&self.post("/v1/printers", printer).await)
    }

    async fn simulated(&self, door: Door) -> String {
        let link = json!({"driver": "octoprint", "address": door.url, "credential": door.key});
        let printer = self.printer(json!({"link": link})).await;
        self.connects(&printer, "online").await;
        printer
    }

    async fn connects(&self, printer: &str, word: &str) {
        let path = format!("/v1/printers/{printer}");
        until_it_holds(word, async || self.ask(Method::GET, &path, None).await["connection"] == word).await;
    }

    /// A job for that printer.
    async fn job(&self, printer: &str, more: Value) -> String {
        let mut job = json!({"file_id": self.file, "target": {"printer_id": printer}});
        for (field, value) in more.as_object().into_iter().flatten() {
            job[field] = value.clone();
        }
        id_of(&self.post("/v1/jobs", job).await)
    }

    async fn clear(&self, printer: &str, start_next: bool) {
        let seen = self.ask(Method::GET, &format!("/v1/printers/{printer}"), None).await;
        let body = json!({"bed_use": seen["bed_use"], "start_next": start_next});
        self.post(&format!("/v1/printers/{printer}/clear-bed"), body).await;
    }

    async fn why(&self, job: &str) -> Value {
        self.ask(Method::GET, &format!("/v1/jobs/{job}/why"), None).await
    }

    /// Writes as the farm itself does.
    async fn write<T: Send + 'static>(&self, write: impl FnOnce(&mut Tx<'_>) -> Result<T, Failure> + Send + 'static) -> T {
        let store = &self.running.door.store;
        let by = By::new(Actor::farm(store.home().farm_id), self.running.door.now());
        store.write(by, write).await.unwrap()
    }

    /// What the printer shows, as if it had shown it.
    async fn shows(&self, printer: &str, change: impl FnOnce(&mut Printer) + Send + 'static) {
        let id: PrinterId = printer.parse().unwrap();
        self.write(move |tx| {
            let mut printer = tx.get::<Printer>(id)?.unwrap().record;
            change(&mut printer);
            facts::put_printer(tx, printer, &[])
        })
        .await;
    }

    async fn dispatch(&self, word: &str) {
        let farm = id_of(&self.ask(Method::GET, "/v1/farms", None).await["items"][0]);
        self.post(&format!("/v1/farms/{farm}/dispatch"), json!({"dispatch": word})).await;
    }

    /// A printer and a job that waits for that reason there.
    async fn cause(&self, reason: PrinterReason) -> (String, String) {
        let needs = |needs: Value| json!({"needs": needs});
        let loads = |loaded: Value| json!({"loaded": loaded});
        let any = json!({});
        let (printer, job) = match reason {
            PrinterReason::Disabled => {
                let printer = self.printer(any.clone()).await;
                self.post(&format!("/v1/printers/{printer}/disable"), json!({})).await;
                (printer, any)
            }
            PrinterReason::Quarantined => {
                let printer = self.printer(any.clone()).await;
                self.shows(&printer, |printer| printer.admin = Admin::Quarantined).await;
                (printer, any)
            }
            PrinterReason::Maintenance => {
                let printer = self.printer(any.clone()).await;
                self.post(&format!("/v1/printers/{printer}/start-maintenance"), json!({})).await;
                (printer, any)
            }
            PrinterReason::Offline => {
                let without_a_key = json!({"driver": "octoprint", "address": "http://127.0.0.1:9"});
                let printer = self.printer(json!({"link": without_a_key})).await;
                self.connects(&printer, "offline").await;
                (printer, any)
            }
            PrinterReason::Stale => {
                let printer = self.printer(any.clone()).await;
                self.connects(&printer, "stale").await;
                (printer, any)
            }
            PrinterReason::Busy => {
                let printer = self.printer(any.clone()).await;
                self.shows(&printer, |printer| printer.activity = Activity::Printing).await;
                (printer, any)
            }
            PrinterReason::ForeignPrint => {
                let printer = self.printer(any.clone()).await;
                let id: PrinterId = printer.parse().unwrap();
                self.write(move |tx| apply(tx, id, &Change::Foreign { file: Some("benchy.gcode".to_owned()) })).await;
                (printer, any)
            }
            PrinterReason::PrinterError => {
                let printer = self.printer(any.clone()).await;
                let fault = PrinterFault { code: None, text: "Thermal runaway".to_owned() };
                self.shows(&printer, |printer| printer.fault = Some(fault)).await;
                (printer, any)
            }
            PrinterReason::PrinterUnknown => {
                let printer = self.printer(any.clone()).await;
                self.clear(&printer, true).await;
                let (job, id) = (self.job(&printer, any.clone()).await.parse().unwrap(), printer.parse().unwrap());
                self.write(move |tx| {
                    let attempt = facts::assign(tx, job, id)?.unwrap();
                    facts::move_attempt(tx, attempt, AttemptEvent::SendBegan, None)?;
                    apply(tx, id, &Change::BeginStart { attempt, deadline: Timestamp::from_millis(i64::MAX) })?;
                    facts::move_attempt(tx, attempt, AttemptEvent::Lost(UnknownReason::StartUnproven), None)
                })
                .await;
                (printer, any)
            }
            PrinterReason::ControlDenied => {
                let printer = self.printer(any.clone()).await;
                self.shows(&printer, |printer| printer.control = Control::Denied).await;
                (printer, any)
            }
            PrinterReason::ConfigIncomplete => (self.printer(json!({"machine": {}})).await, any),
            PrinterReason::BedNotClear => (self.printer(any.clone()).await, any),
            PrinterReason::ModelMismatch => (self.printer(any).await, needs(json!({"models": ["MINI"]}))),
            PrinterReason::NozzleMismatch => (self.printer(any).await, needs(json!({"nozzle_mm": 0.6}))),
            PrinterReason::PlateTypeMismatch => {
                let mut smooth = machine();
                smooth["plate_type"] = json!("smooth");
                (self.printer(json!({"machine": smooth})).await, needs(json!({"plate_type": "textured"})))
            }
            PrinterReason::BedTooSmall => {
                (self.printer(any).await, needs(json!({"size_mm": {"x": 300.0, "y": 10.0, "z": 10.0}})))
            }
            PrinterReason::TagMismatch => (self.printer(any).await, json!({"target": {"tags": ["elsewhere"]}})),
            PrinterReason::MaterialNotLoaded => {
                let printer = self.printer(loads(json!([{"material": "PETG"}]))).await;
                (printer, needs(json!({"materials": [{"material": "PLA"}]})))
            }
            PrinterReason::ColourMismatch => {
                let printer = self.printer(loads(json!([{"material": "PLA", "colour": "#FF0000"}]))).await;
                (printer, needs(json!({"materials": [{"material": "PLA", "colour": "#00FF00"}]})))
            }
            PrinterReason::FilamentLow => {
                let printer = self.printer(loads(json!([{"material": "PLA", "grams": 1.0}]))).await;
                (printer, needs(json!({"materials": [{"material": "PLA", "grams": 10.0}]})))
            }
            PrinterReason::TooFewSlots => {
                let printer = self.printer(loads(json!([{"material": "PLA"}]))).await;
                (printer, needs(json!({"materials": [{"material": "PLA"}, {"material": "PLA"}]})))
            }
            PrinterReason::StorageFull => {
                let full = Simulated::start_with(Settings { disk_bytes: 10, ..quick() }).await;
                (self.simulated(full.door()).await, any)
            }
            PrinterReason::NeedsPerson => {
                let printer = self.printer(any.clone()).await;
                self.shows(&printer, |printer| printer.activity = Activity::Attention).await;
                (printer, any)
            }
            PrinterReason::BehindInQueue => return self.behind_in_queue().await,
            PrinterReason::ProfileMissing | PrinterReason::OutsideHours | PrinterReason::StartStaggered => {
                panic!("{} is reached now: give it a case", reason.code())
            }
        };
        let job = self.job(&printer, job).await;
        (printer, job)
    }

    /// Seen only in the moment between a plan and its claim, so it is looked for until that is met.
    async fn behind_in_queue(&self) -> (String, String) {
        let printer = self.simulated(Simulated::start().await.door()).await;
        self.job(&printer, json!({})).await;
        let second = self.job(&printer, json!({})).await;
        until_it_holds("a second job behind the first", async || {
            self.clear(&printer, false).await;
            let why = self.why(&second).await;
            let met = reasons_at(&why, &printer).contains(&told(PrinterReason::BehindInQueue));
            if !met {
                self.ask(Method::POST, &format!("/v1/printers/{printer}/undo-clear-bed"), None).await;
            }
            met
        })
        .await;
        (printer, second)
    }

    async fn job_whose_file_is(&self, printer: &str, content: FileContent) -> String {
        let file = self.upload(&format!("{}.gcode", content.word())).await;
        let id = file.parse().unwrap();
        self.write(move |tx| {
            let file = File { content, ..tx.get::<File>(id)?.unwrap().record };
            Ok(tx.update(&file).map(drop)?)
        })
        .await;
        self.job(printer, json!({"file_id": file})).await
    }

    /// A job that waits for that reason everywhere.
    async fn cause_everywhere(&self, reason: JobReason) -> String {
        let printer = self.printer(json!({})).await;
        match reason {
            JobReason::Held => self.job(&printer, json!({"held": true})).await,
            JobReason::AwaitingApproval => self.job(&printer, json!({"needs_approval": true})).await,
            JobReason::FileMissing => {
                let file = self.upload("two.gcode").await;
                let job = self.job(&printer, json!({"file_id": file})).await;
                let id = file.parse().unwrap();
                self.write(move |tx| {
                    let file = tx.get::<File>(id)?.unwrap().record;
                    Ok(tx.delete(&file).map(drop)?)
                })
                .await;
                job
            }
            JobReason::FarmDraining => {
                let job = self.job(&printer, json!({})).await;
                self.dispatch("drain").await;
                job
            }
            JobReason::SameFileFailing => {
                let farm = id_of(&self.ask(Method::GET, "/v1/farms", None).await["items"][0]);
                self.ask(Method::PATCH, &format!("/v1/farms/{farm}"), Some(json!({"hold_file_after": 1}))).await;
                self.clear(&printer, true).await;
                let file = self.upload("three.gcode").await;
                let first = self.job(&printer, json!({"file_id": file})).await.parse().unwrap();
                let second = self.job(&printer, json!({"file_id": file})).await;
                let id = printer.parse().unwrap();
                self.write(move |tx| {
                    let attempt = facts::assign(tx, first, id)?.unwrap();
                    let end = AttemptEvent::Ended(End::Failed(FailureReason::PrinterError));
                    facts::move_attempt(tx, attempt, end, None)
                })
                .await;
                second
            }
            JobReason::DiskFull => panic!("told in a story of its own"),
            JobReason::FileNotHere => self.job_whose_file_is(&printer, FileContent::OnItsWay).await,
            JobReason::FileRefused => self.job_whose_file_is(&printer, FileContent::Refused).await,
            JobReason::Slicing | JobReason::ClockUnset => {
                panic!("{} is reached now: give it a case", reason.code())
            }
        }
    }
}

fn told(reason: PrinterReason) -> Value {
    json!({"code": reason.code(), "text": reason.sentence(), "fix": reason.fix()})
}

fn reasons_at<'a>(why: &'a Value, printer: &str) -> &'a [Value] {
    let line = why["printers"].as_array().into_iter().flatten().find(|line| line["printer_id"] == printer);
    line.and_then(|line| line["reasons"].as_array()).map(Vec::as_slice).unwrap_or_default()
}

#[tokio::test]
async fn every_reason_at_a_printer_is_told_with_its_sentence_and_its_fix() {
    let folder = TempDir::new().unwrap();
    let here = Here::start(folder.path()).await;
    for reason in PrinterReason::ALL.iter().filter(|reason| reason.waits_for().is_empty()) {
        let (printer, job) = here.cause(*reason).await;
        // What a printer says of its disk comes a moment after it is online.
        until_it_holds(reason.code(), async || {
            let why = here.why(&job).await;
            assert!(!why["summary"].as_str().unwrap_or_default().is_empty(), "{why}");
            // That one was met, and is over.
            *reason == PrinterReason::BehindInQueue || reasons_at(&why, &printer).contains(&told(*reason))
        })
        .await;
    }
}

#[tokio::test]
async fn every_reason_of_the_job_itself_is_told_with_its_sentence_and_its_fix() {
    let folder = TempDir::new().unwrap();
    let here = Here::start(folder.path()).await;
    let own_story = |reason: &&JobReason| **reason != JobReason::DiskFull;
    for reason in JobReason::ALL.iter().filter(|reason| reason.waits_for().is_empty()).filter(own_story) {
        let job = here.cause_everywhere(*reason).await;
        let why = here.why(&job).await;
        let told = json!({"code": reason.code(), "text": reason.sentence(), "fix": reason.fix()});
        assert!(why["job"].as_array().unwrap().contains(&told), "{}: {why}", reason.code());
        assert_eq!(why["summary"], reason.sentence());
        here.dispatch("run").await;
    }
}

#[tokio::test]
async fn a_full_disk_is_told_to_who_waits_and_new_work_is_refused() {
    let mut farm = Farm::start().await;
    let door = Door { url: "http://127.0.0.1:9".to_owned(), key: "0123456789ABCDEF".to_owned() };
    farm.add_printer("P01", &door).await;
    let file = farm.upload("one.gcode", gcode(1)).await;
    let job = farm.queue(&file).await;
    farm.kill9().await;
    farm.set("disk_reserve_mib = 1000000000000\n");
    farm.start_again().await;
    let why = farm.get(&format!("/v1/jobs/{job}/why")).await;
    let reason = JobReason::DiskFull;
    let told = json!({"code": reason.code(), "text": reason.sentence(), "fix": reason.fix()});
    assert_eq!(why["job"], json!([told]));
    let refused = farm.call(Method::POST, "/v1/jobs", Some(json!({"file_id": file}))).await;
    assert_eq!((refused.status, &refused.body["code"]), (507, &json!("disk_full")), "{}", refused.body);
}
