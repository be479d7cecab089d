//! Looking at jobs.

use clap::Args;
use contract::ops::jobs::{ListJobAttempts, ListJobs, WhyJob};
use contract::ops::printers::ListPrinters;
use domain::job::Job;
use domain::printer::Printer;
use serde_json::{Value, json};

use crate::client::Ask;
use crate::failure::Failure;
use crate::pages::{Pages, details};
use crate::session::Session;
use crate::table::{Cell, Table, words};

/// `gantry jobs list`.
#[derive(Args, Default, PartialEq)]
pub struct List {
    /// Only in these states, such as queued,printing.
    #[arg(long)]
    state: Option<String>,
    /// Only in that phase: waiting, active or done.
    #[arg(long)]
    phase: Option<String>,
    /// Only on that printer, by name or id.
    #[arg(long)]
    printer: Option<String>,
    /// Only with this text in the name.
    #[arg(long)]
    search: Option<String>,
    #[command(flatten)]
    pages: Pages,
}

impl List {
    /// Does it.
    pub async fn run(self, s: &Session) -> Result<(), Failure> {
        let printer = match &self.printer {
            Some(printer) => Some(s.id::<Printer>(printer).await?),
            None => None,
        };
        let ask =
            Ask::all().query("state", self.state).query("phase", self.phase).query("printer_id", printer).query("q", self.search);
        // Without printer.view the column stays empty.
        let printers = s
            .call::<ListPrinters>(Ask::all().query("limit", Some(200)).query("fields", Some("id,name")))
            .await
            .unwrap_or_default();
        let printer_name = |id: &Value| {
            let known = printers["items"].as_array().into_iter().flatten().find(|printer| printer["id"] == *id);
            Cell::of(known.map_or(id, |printer| &printer["name"]))
        };
        let row = |job: &Value| {
            vec![
                Cell::of(&job["name"]),
                Cell::state(&job["state"]),
                printer_name(&job["printer_id"]),
                Cell::of(&job["priority"]),
                Cell::seconds(&job["estimated_seconds"]),
                Cell::time(&job["created_at"], s.out.now),
                Cell::id(&job["id"]),
            ]
        };
        let head = &["NAME", "STATE", "PRINTER", "PRIORITY", "TAKES", "MADE", "ID"];
        let none = "No jobs. `gantry jobs create FILE` makes one.";
        self.pages.list::<ListJobs>(s, ask, |page| Table::new(head, none, page.iter().map(row))).await
    }
}

/// `gantry jobs show`.
pub async fn show(s: &Session, which: &str) -> Result<(), Failure> {
    let job = s.find::<Job>(which).await?;
    s.out.table(&job, |job| {
        details([
            ("name", Cell::of(&job["name"])),
            ("state", Cell::state(&job["state"])),
            ("reason", Cell::text(reasons(job))),
            ("detail", Cell::of(&job["detail"])),
            ("cancel asked", Cell::time(&job["cancel_requested"]["at"], s.out.now)),
            ("printer", Cell::id(&job["printer_id"])),
            ("attempts", Cell::of(&job["attempts"])),
            ("priority", Cell::of(&job["priority"])),
            ("takes", Cell::seconds(&job["estimated_seconds"])),
            ("items", Cell::of(&job["items"])),
            ("due", Cell::time(&job["due_at"], s.out.now)),
            ("made", Cell::time(&job["created_at"], s.out.now)),
            ("by", Cell::text(crate::output::actor(&job["created_by"]))),
            ("started", Cell::time(&job["started_at"], s.out.now)),
            ("ended", Cell::time(&job["ended_at"], s.out.now)),
            ("file", Cell::id(&job["file_id"])),
            ("id", Cell::id(&job["id"])),
        ])
    })?;
    let id = words(&job["id"]);
    match (words(&job["phase"]).as_str(), words(&job["state"]).as_str()) {
        (_, "unknown") => {
            s.out.next(&format!("look at the printer, then `gantry jobs resolve {id} completed|failed|not-started`"))
        }
        (_, "held") => s.out.next(&format!("gantry jobs release {id}")),
        ("waiting", _) => s.out.next(&format!("gantry jobs why {id}")),
        (_, "failed" | "cancelled") => s.out.next(&format!("gantry jobs retry {id}")),
        _ => {}
    }
    Ok(())
}

/// All that a state carries as its reason.
fn reasons(job: &Value) -> String {
    let fields = ["hold_reason", "pause_reason", "unknown_reason", "failure_reason", "cancel_reason"];
    fields.iter().map(|field| words(&job[*field])).filter(|reason| !reason.is_empty()).collect::<Vec<_>>().join(", ")
}

/// `gantry jobs why`.
pub async fn why(s: &Session, which: &str) -> Result<(), Failure> {
    let id = s.id::<Job>(which).await?;
    let why = s.call::<WhyJob>(Ask::of(id)).await?;
    if !s.out.json {
        s.out.note(&words(&why["summary"]));
    }
    let reason = |place: &Value, reason: &Value| {
        vec![Cell::of(place), Cell::of(&reason["code"]), Cell::of(&reason["text"]), Cell::of(&reason["fix"])]
    };
    s.out.table(&why, |why| {
        let nowhere = json!("(any)");
        let anywhere = why["job"].as_array().into_iter().flatten().map(|one| reason(&nowhere, one));
        let there = why["printers"]
            .as_array()
            .into_iter()
            .flatten()
            .flat_map(|printer| printer["reasons"].as_array().into_iter().flatten().map(|one| reason(&printer["name"], one)));
        Table::new(&["PRINTER", "CODE", "WHY", "WHAT TO DO"], "", anywhere.chain(there))
    })
}

/// `gantry jobs attempts`.
pub async fn attempts(s: &Session, which: &str) -> Result<(), Failure> {
    let id = s.id::<Job>(which).await?;
    let attempts = s.call::<ListJobAttempts>(Ask::of(id)).await?;
    let row = |attempt: &Value| {
        vec![
            Cell::state(&attempt["state"]),
            Cell::text(reasons(attempt)),
            Cell::id(&attempt["printer_id"]),
            Cell::time(&attempt["created_at"], s.out.now),
            Cell::time(&attempt["ended_at"], s.out.now),
            Cell::id(&attempt["id"]),
        ]
    };
    s.out.table(&attempts, |attempts| {
        let head = &["STATE", "REASON", "PRINTER", "MADE", "ENDED", "ID"];
        Table::new(head, "No attempts yet.", attempts["items"].as_array().into_iter().flatten().map(row))
    })
}
