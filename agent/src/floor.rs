//! The live floor, as operations see it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use api::auth::internal;
use api::floor::Floor;
use async_trait::async_trait;
use contract::ops::claims::ClaimShown;
use contract::ops::jobs::{WaitingSummary, Why};
use contract::ops::printer_setup::{FoundPrinter, ScanAsked, ScanFound, StillNeeded};
use contract::ops::printers::{ConnectionFound, DriverInfo, NewLink};
use contract::ops::system::{Finding, Level};
use contract::problem::{Code, FieldError, Problem};
use domain::id::{JobId, PrinterId};
use domain::print_object::PrintObject;
use domain::printer::{Connection, Control, Printer};
use domain::telemetry::Telemetry;
use drivers::LinkSpec;
use drivers::contract::{LinkProblem, Observation};
use drivers::describe::{Description, SettingKind};
use drivers::discovery::Sighting;
use scheduler::plan::{plan, why};
use tokio::sync::broadcast;

use crate::discovery::{self, Ways};
use crate::dispatch::{self, Names, take, why_words, words};
use crate::fleet;
use crate::uplink::claim::Claiming;

/// How long a test of a connection may take.
const TEST: Duration = Duration::from_secs(10);

/// The live floor.
pub struct AgentFloor {
    /// What the fleet has.
    pub fleet: fleet::Outside,
    /// Its claim.
    pub claiming: Arc<Claiming>,
    /// What dispatch has.
    pub dispatch: dispatch::Outside,
    /// The plan's words at a place of the log, so that many lookers cost one plan.
    pub planned: Mutex<Option<Planned>>,
    /// Held while printers are looked for.
    pub scanning: tokio::sync::Mutex<()>,
}

/// The waiting jobs at a place of the log.
#[derive(Clone)]
pub struct Planned {
    position: u64,
    waiting: Arc<Vec<(JobId, WaitingSummary)>>,
}

impl AgentFloor {
    fn snapshot(&self) -> Result<(scheduler::snapshot::Snapshot, Names, u64), Problem> {
        let now = self.dispatch.clock.now();
        let full = self.dispatch.disk.room().is_none();
        self.dispatch
            .store
            .read(|rows| {
                let snapshot = take(rows, &self.dispatch.live, now, full)?;
                let names = rows.all::<Printer>()?.into_iter().map(|row| (row.record.id, row.record.name.to_string())).collect();
                Ok::<_, store::StoreError>((snapshot, names, rows.log_end()?.position))
            })
            .map_err(|error| internal(&error))
    }
}

#[async_trait]
impl Floor for AgentFloor {
    fn telemetry(&self, printer: PrinterId) -> Option<Telemetry> {
        self.dispatch.live.get(printer).map(|shown| shown.telemetry)
    }

    fn objects(&self, printer: PrinterId) -> Vec<PrintObject> {
        self.dispatch.live.get(printer).map(|shown| shown.objects).unwrap_or_default()
    }

    fn follow_telemetry(&self) -> broadcast::Receiver<(PrinterId, Telemetry)> {
        self.dispatch.live.follow()
    }

    fn why(&self, job: JobId) -> Result<Option<Why>, Problem> {
        let (snapshot, names, _) = self.snapshot()?;
        Ok(why(&snapshot, job).map(|reasons| why_words(job, reasons, &names)))
    }

    fn waiting(&self) -> Result<Vec<(JobId, WaitingSummary)>, Problem> {
        let head = *self.dispatch.store.head().borrow();
        let known = self.planned.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(known) = known.filter(|known| known.position == head) {
            return Ok(known.waiting.to_vec());
        }
        let (snapshot, _, position) = self.snapshot()?;
        let planned = plan(&snapshot);
        let mut order: Vec<_> = snapshot.jobs.iter().collect();
        order.sort_by_key(|job| (std::cmp::Reverse(job.priority), job.due_at.is_none(), job.due_at, job.rank, job.id));
        let about_to_start =
            || WaitingSummary { summary: "A printer is about to take it.".to_owned(), ..WaitingSummary::default() };
        let waiting: Vec<_> =
            order.iter().map(|job| (job.id, planned.waiting.get(&job.id).map_or_else(about_to_start, words))).collect();
        let waiting = Arc::new(waiting);
        let fresh = Planned { position, waiting: Arc::clone(&waiting) };
        *self.planned.lock().unwrap_or_else(PoisonError::into_inner) = Some(fresh);
        Ok(waiting.to_vec())
    }

    async fn test_connection(&self, link: NewLink) -> Result<ConnectionFound, Problem> {
        let spec = LinkSpec {
            driver: link.driver,
            address: link.address,
            serial: link.serial,
            certificate: link.certificate,
            credential: link.credential,
        };
        match drivers::probe(&spec, self.fleet.for_drivers(), TEST).await {
            Ok(seen) => Ok(found(seen)),
            Err(problem) => {
                let besides = discovery::beside(&problem, &spec.address, drivers::catalogue()).await;
                Err(not_reached(&problem, &besides))
            }
        }
    }

    async fn scan(&self, asked: ScanAsked) -> Result<ScanFound, Problem> {
        let addresses = discovery::places::addresses(&asked.addresses)?;
        // One after the other: two at once would only hear the same answers twice.
        let _one = self.scanning.lock().await;
        let scanned = discovery::scan(&Ways::default(), &addresses).await;
        let items = scanned.sightings.into_iter().filter_map(found_printer).collect();
        Ok(ScanFound { items, hindrances: scanned.hindrances })
    }

    fn drivers(&self) -> Vec<DriverInfo> {
        drivers::catalogue().iter().map(info).collect()
    }

    fn claim(&self) -> ClaimShown {
        self.claiming.shown()
    }

    async fn begin_claim(&self, relay_url: String) -> Result<ClaimShown, Problem> {
        self.claiming.begin(relay_url).await
    }

    fn cancel_claim(&self) -> ClaimShown {
        self.claiming.cancel()
    }

    fn rekey(&self) -> Result<Vec<u8>, Problem> {
        self.claiming.identity.make_next().map_err(|error| internal(&error))
    }

    fn examine(&self) -> Vec<Finding> {
        let room = self.dispatch.disk.room();
        let disk = Finding {
            check: "disk".to_owned(),
            level: if room.is_some() { Level::Ok } else { Level::Error },
            text: room.map_or_else(|| "the disk is full".to_owned(), |room| format!("{} MiB are free", room / (1024 * 1024))),
            fix: room.is_none().then(|| "free some space on the agent's machine".to_owned()),
        };
        let printers = self.dispatch.store.read(|rows| rows.all::<Printer>()).unwrap_or_default();
        let unheard = printers.into_iter().map(|row| row.record).filter(|printer| printer.connection == Connection::Offline);
        let unheard = unheard.map(|printer| Finding {
            check: format!("printer {}", printer.name),
            level: Level::Warning,
            text: printer.connection_problem.unwrap_or_else(|| "the printer cannot be reached".to_owned()),
            fix: Some("check its power, its network and its settings".to_owned()),
        });
        std::iter::once(disk).chain(self.claiming.findings()).chain(unheard).collect()
    }

    fn disk_room(&self) -> Option<u64> {
        self.dispatch.disk.room()
    }

    fn names(&self) -> BTreeMap<PrinterId, String> {
        let printers = self.dispatch.store.read(|rows| rows.all::<Printer>()).unwrap_or_default();
        printers.into_iter().map(|row| (row.record.id, row.record.name.to_string())).collect()
    }
}

/// What a test tells of a printer that answers.
fn found(seen: Observation) -> ConnectionFound {
    /// A farm's larger files have some hundred MB.
    const LITTLE_ROOM: u64 = 100_000_000;
    let mut concerns = Vec::new();
    if seen.control == Control::Denied {
        let advice = "the printer shows itself but takes no orders: allow that at the printer";
        let advice = seen.control_advice.as_deref().unwrap_or(advice);
        concerns.push(format!("Not controllable: {advice}."));
    }
    if let Some(fault) = &seen.fault {
        let code = fault.code.as_ref().map(|code| format!(" ({code})")).unwrap_or_default();
        concerns
            .push(format!("The printer reports a fault: {}{code}. Mend it at the printer.", fault.text.trim_end_matches('.')));
    }
    if let Some(free) = seen.free_bytes.filter(|free| *free < LITTLE_ROOM) {
        concerns.push(format!("Its storage has only {} MB left. Delete files there.", free / 1_000_000));
    }
    ConnectionFound {
        firmware: seen.firmware,
        activity: seen.activity,
        control: seen.control,
        free_bytes: seen.free_bytes,
        concerns,
    }
}

/// A sighting as people add it; none if there is no driver for it.
fn found_printer(seen: Sighting) -> Option<FoundPrinter> {
    let driver = drivers::catalogue().iter().find(|driver| driver.name == seen.driver)?;
    let is_numbered = seen.serial.is_some();
    let still = |kind: SettingKind| match kind {
        SettingKind::Address => None,
        SettingKind::Serial => (!is_numbered).then_some(StillNeeded::Serial),
        SettingKind::Credential => Some(StillNeeded::Credential),
    };
    Some(FoundPrinter {
        driver: driver.name.to_owned(),
        driver_title: driver.title.to_owned(),
        address: seen.address,
        name: seen.name,
        model: seen.model,
        serial: seen.serial,
        firmware: seen.firmware,
        still_needed: driver
            .settings
            .iter()
            .filter(|setting| setting.required)
            .filter_map(|setting| still(setting.kind))
            .collect(),
        advice: seen.advice.map(str::to_owned),
        printer_id: None,
        moved: false,
    })
}

/// A certificate that a person may confirm is told in a field of its own.
fn not_reached(problem: &LinkProblem, besides: &str) -> Problem {
    match problem {
        LinkProblem::UnconfirmedCertificate { sha256, .. } | LinkProblem::ChangedCertificate { sha256, .. } => {
            let (pointer, code) = ("/certificate".to_owned(), "unconfirmed".to_owned());
            let mut told = Problem::new(Code::CertificateUnconfirmed).detail(problem);
            told.errors.push(FieldError { pointer, code, detail: sha256.clone() });
            told
        }
        LinkProblem::Unreachable { .. }
        | LinkProblem::Silent { .. }
        | LinkProblem::WrongCredential { .. }
        | LinkProblem::OtherKind { .. }
        | LinkProblem::OtherMachine { .. }
        | LinkProblem::PrinterDisconnected { .. }
        | LinkProblem::BadSetting { .. } => Problem::new(Code::ConnectionFailed).detail(format!("{problem}{besides}")),
    }
}

fn info(driver: &Description) -> DriverInfo {
    let hint = |kind: SettingKind| {
        let setting = driver.settings.iter().find(|setting| setting.kind == kind);
        setting.map(|setting| setting.hint.to_owned()).unwrap_or_default()
    };
    DriverInfo {
        name: driver.name.to_owned(),
        title: driver.title.to_owned(),
        address_hint: hint(SettingKind::Address),
        serial_hint: Some(hint(SettingKind::Serial)).filter(|hint| !hint.is_empty()),
        credential_hint: hint(SettingKind::Credential),
        capabilities: driver.capabilities.to_vec(),
    }
}
