//! `gantry printers`: machines, their beds, and what is asked of them.

mod many;
mod setup;

use clap::{Args, Subcommand};
use contract::operation::{BodyForm, BodyParts, Contract, Of};
use contract::ops::jobs::ListJobs;
use contract::ops::printers::{
    CancelPrinter, ClearBedOp, DeletePrinter, DisablePrinter, EnablePrinter, EndMaintenance, GetTelemetry, LiftQuarantine,
    ListPrinters, PausePrinter, ResumePrinter, StartMaintenance, UndoClearBed,
};
use domain::id::PrinterId;
use domain::printer::Printer;
use serde_json::{Value, json};

use self::many::{CloneLike, Import, Scan, Skip, objects};
use self::setup::{Add, Edit, Link, drivers};
use crate::client::Ask;
use crate::failure::{Exit, Failure};
use crate::output::quoted;
use crate::pages::{Pages, details, verb_or_list};
use crate::session::Session;
use crate::table::{Cell, Table, Tone, words};

/// `gantry printers`.
#[derive(Args)]
pub struct Printers {
    #[command(subcommand)]
    verb: Option<Verb>,
    #[command(flatten)]
    list: List,
}

#[derive(Subcommand)]
enum Verb {
    /// List the printers.
    List(List),
    /// Show one printer and its live values.
    Show(One),
    /// Add a printer. Its key or access code is read from standard input if --credential is given.
    Add(Add),
    /// Change a printer's name, address, model or tags.
    Edit(Edit),
    /// Try to reach a printer before it is added.
    Test(Link),
    /// Look for printers on the farm's network and USB ports.
    Scan(Scan),
    /// Add a printer with the driver, model and tags of another.
    Clone(CloneLike),
    /// Add many printers out of a table (CSV): all of them or none.
    Import(Import),
    /// List the drivers for printers.
    Drivers,
    /// Say that a bed is clear. Look at it first.
    Clear(Clear),
    /// Take back a clear within ten seconds.
    UndoClear(Several),
    /// Pause the print on a printer.
    Pause(Several),
    /// Resume the paused print on a printer.
    Resume(Several),
    /// Cancel the print on a printer, and with it its job.
    Cancel(WithNote),
    /// List the parts of the print on a printer, where it tells them apart.
    Objects(One),
    /// Leave one part out of the print on a printer; the rest goes on.
    Skip(Skip),
    /// Put a printer into service.
    Enable(Several),
    /// Take a printer out of service. A print on it goes on.
    Disable(WithNote),
    /// Begin maintenance.
    StartMaintenance(WithNote),
    /// End maintenance.
    EndMaintenance(Several),
    /// Lift the quarantine after failures in a row.
    LiftQuarantine(Several),
    /// Remove a printer.
    Delete(Several),
}

#[derive(Args, Default, PartialEq)]
struct List {
    /// Only in these display states, such as idle,needs_clear.
    #[arg(long)]
    state: Option<String>,
    /// Only with that tag.
    #[arg(long)]
    tag: Option<String>,
    /// Only with this text in name or model.
    #[arg(long)]
    search: Option<String>,
    #[command(flatten)]
    pages: Pages,
}

#[derive(Args)]
struct One {
    /// Name or id.
    printer: String,
}

#[derive(Args)]
struct Several {
    /// Names or ids.
    #[arg(required = true)]
    printers: Vec<String>,
}

#[derive(Args)]
struct WithNote {
    #[command(flatten)]
    printers: Several,
    /// Why, in words.
    #[arg(long)]
    note: Option<String>,
}

#[derive(Args)]
struct Clear {
    #[command(flatten)]
    printers: Several,
    /// Start the next job at once, without the ten seconds for an undo.
    #[arg(long)]
    start_next: bool,
    /// The `bed_use` as it was seen; a bed that was used since is not cleared.
    #[arg(long)]
    bed_use: Option<String>,
}

impl Printers {
    /// Does it.
    pub async fn run(self, s: &Session) -> Result<(), Failure> {
        match verb_or_list(self.verb, self.list, Verb::List)? {
            Verb::List(list) => list.run(s).await,
            Verb::Show(one) => show(s, &one.printer).await,
            Verb::Add(add) => add.run(s).await,
            Verb::Edit(edit) => edit.run(s).await,
            Verb::Test(link) => link.test(s).await,
            Verb::Scan(scan) => scan.run(s).await,
            Verb::Clone(like) => like.run(s).await,
            Verb::Import(table) => table.run(s).await,
            Verb::Drivers => drivers(s).await,
            Verb::Clear(clear) => clear.run(s).await,
            Verb::UndoClear(which) => each::<UndoClearBed>(s, &which, json!({}), "no longer said to be clear").await,
            Verb::Pause(which) => commands::<PausePrinter>(s, &which, json!({})).await,
            Verb::Resume(which) => commands::<ResumePrinter>(s, &which, json!({})).await,
            Verb::Cancel(which) => {
                s.out.confirm(&format!("Cancel the print on {}?", which.printers.printers.join(", ")))?;
                commands::<CancelPrinter>(s, &which.printers, note(&which)).await
            }
            Verb::Objects(one) => objects(s, &one.printer).await,
            Verb::Skip(skip) => skip.run(s).await,
            Verb::Enable(which) => each::<EnablePrinter>(s, &which, json!({}), "in service").await,
            Verb::Disable(which) => each::<DisablePrinter>(s, &which.printers, note(&which), "out of service").await,
            Verb::StartMaintenance(which) => each::<StartMaintenance>(s, &which.printers, note(&which), "in maintenance").await,
            Verb::EndMaintenance(which) => each::<EndMaintenance>(s, &which, json!({}), "back from maintenance").await,
            Verb::LiftQuarantine(which) => each::<LiftQuarantine>(s, &which, json!({}), "out of quarantine").await,
            Verb::Delete(which) => {
                s.out.confirm(&format!("Remove {} for ever?", which.printers.join(", ")))?;
                each::<DeletePrinter>(s, &which, json!({}), "removed").await
            }
        }
    }
}

fn note(which: &WithNote) -> Value {
    which.note.as_ref().map_or(json!({}), |note| json!({"note": note}))
}

impl List {
    async fn run(self, s: &Session) -> Result<(), Failure> {
        let ask =
            Ask::all().query("display", self.state).query("tag", self.tag).query("q", self.search).query("sort", Some("name"));
        // Without job.view the column stays empty.
        let jobs =
            s.call::<ListJobs>(Ask::all().query("phase", Some("active")).query("limit", Some(200))).await.unwrap_or_default();
        let job_name = |id: &Value| {
            let known = jobs["items"].as_array().into_iter().flatten().find(|job| job["id"] == *id);
            Cell::of(known.map_or(id, |job| &job["name"]))
        };
        let row = |printer: &Value| {
            vec![
                Cell::of(&printer["name"]),
                Cell::state(&printer["display"]),
                bed(printer),
                job_name(&printer["job_id"]),
                Cell::of(&printer["machine"]["model"]),
                Cell::of(&printer["tags"]),
                Cell::id(&printer["id"]),
            ]
        };
        let head = &["NAME", "STATE", "BED", "JOB", "MODEL", "TAGS", "ID"];
        let none = "No printers. `gantry printers add` adds one.";
        self.pages.list::<ListPrinters>(s, ask, |page| Table::new(head, none, page.iter().map(row))).await
    }
}

/// A bed under a print wants nobody.
fn bed(printer: &Value) -> Cell {
    if printer["display"] == "needs_clear" { Cell::state(&printer["bed"]) } else { Cell::of(&printer["bed"]) }
}

async fn show(s: &Session, which: &str) -> Result<(), Failure> {
    let printer = s.find::<Printer>(which).await?;
    if s.out.json {
        return s.out.value(&printer);
    }
    // Without telemetry.view the lines are left out.
    let live = s.call::<GetTelemetry>(Ask::of(words(&printer["id"]))).await.unwrap_or_default();
    let live = &live["telemetry"];
    s.out.table(&printer, |printer| {
        let heat = |part: &Value| match (part["actual_celsius"].as_f64(), part["target_celsius"].as_f64()) {
            (Some(actual), Some(target)) => format!("{actual:.0} of {target:.0} °C"),
            (Some(actual), None) => format!("{actual:.0} °C"),
            (None, _) => String::new(),
        };
        let share = live["progress"].as_f64().map(|share| format!("{:.0} %", share * 100.0)).unwrap_or_default();
        details([
            ("name", Cell::of(&printer["name"])),
            ("state", Cell::state(&printer["display"])),
            ("problem", Cell::of(&printer["connection_problem"]).toned(Tone::Bad)),
            ("fault", Cell::of(&printer["fault"]["text"]).toned(Tone::Bad)),
            ("note", Cell::of(&printer["admin_note"])),
            ("bed", bed(printer)),
            ("bed use", Cell::id(&printer["bed_use"])),
            ("job", Cell::id(&printer["job_id"])),
            ("foreign print", Cell::of(&printer["foreign"]["file"])),
            ("progress", Cell::text(share)),
            ("remaining", Cell::seconds(&live["remaining_seconds"])),
            ("nozzle", Cell::text(heat(&live["nozzles"][0]))),
            ("bed heat", Cell::text(heat(&live["bed"]))),
            ("heard", Cell::time(&live["seen_at"], s.out.now)),
            ("model", Cell::of(&printer["machine"]["model"])),
            ("tags", Cell::of(&printer["tags"])),
            ("driver", Cell::of(&printer["link"]["driver"])),
            ("address", Cell::of(&printer["link"]["address"])),
            ("firmware", Cell::of(&printer["firmware"])),
            ("id", Cell::id(&printer["id"])),
        ])
    })?;
    let name = words(&printer["name"]);
    match words(&printer["display"]).as_str() {
        "needs_clear" => s.out.next(&format!("gantry printers clear {}", quoted(&name))),
        "quarantined" => s.out.next(&format!("gantry printers lift-quarantine {}", quoted(&name))),
        "incomplete" => s.out.next(&format!("gantry printers edit {} --model … --nozzle … --volume …", quoted(&name))),
        _ => {}
    }
    Ok(())
}

impl Clear {
    /// The use that is shown to the person is the use that is cleared: what comes on the bed meanwhile stays uncleared.
    async fn run(self, s: &Session) -> Result<(), Failure> {
        if self.bed_use.is_some() && self.printers.printers.len() > 1 {
            return Err(Failure::usage("a bed's use belongs to one printer"));
        }
        for which in &self.printers.printers {
            let printer = s.find::<Printer>(which).await?;
            let name = words(&printer["name"]);
            s.out.confirm(&format!("Is the bed of {name} clear? Somebody must have looked."))?;
            let bed_use = self.bed_use.clone().unwrap_or_else(|| words(&printer["bed_use"]));
            let body = json!({"bed_use": bed_use, "start_next": self.start_next});
            let printer = s.call::<ClearBedOp>(Ask::of(words(&printer["id"])).body(body)).await?;
            s.out.answer(&printer, |_| format!("The bed of {name} is clear."))?;
            if !self.start_next {
                s.out.next(&format!("`gantry printers undo-clear {}` takes it back within ten seconds", quoted(&name)));
            }
        }
        Ok(())
    }
}

/// One after the other; the first that is refused ends it.
async fn each<C: Contract<Target = Of<PrinterId>>>(s: &Session, which: &Several, body: Value, now: &str) -> Result<(), Failure> {
    for which in &which.printers {
        let id = s.id::<Printer>(which).await?;
        let answer = s.call::<C>(ask::<C>(id, &body)).await?;
        s.out.answer(&answer, |_| format!("{which} is {now}."))?;
    }
    Ok(())
}

fn ask<C: Contract>(id: String, body: &Value) -> Ask {
    match C::Body::FORM {
        BodyForm::Json => Ask::of(id).body(body.clone()),
        BodyForm::Nothing | BodyForm::Bytes => Ask::of(id),
    }
}

/// What is asked of machines is followed as a command; the farm waits a few seconds for its outcome.
async fn commands<C: Contract<Target = Of<PrinterId>>>(s: &Session, which: &Several, body: Value) -> Result<(), Failure> {
    for which in &which.printers {
        let id = s.id::<Printer>(which).await?;
        let command = s.call::<C>(ask::<C>(id, &body)).await?;
        let (verb, state, detail) = (words(&command["verb"]), words(&command["state"]), words(&command["detail"]));
        match state.as_str() {
            "accepted" | "dispatched" => {
                s.out.answer(&command, |_| format!("{which}: {verb} is asked for."))?;
                s.out.next(&format!("gantry api get_command id={}", words(&command["id"])));
            }
            "completed" => s.out.answer(&command, |_| format!("{which}: {verb} is done."))?,
            _ => {
                if s.out.json {
                    s.out.value(&command)?;
                }
                return Err(Failure::new(Exit::Refused, format!("{which}: {verb} {state}: {detail}")));
            }
        }
    }
    Ok(())
}
