//! What concerns the whole farm: `gantry status`, `gantry queue`, `gantry doctor` and `gantry farm`.

use std::collections::BTreeMap;

use clap::{Args, Subcommand};
use contract::ops::farms::{ListFarms, PauseAll, SetFarmDispatch, StopAll};
use contract::ops::jobs::ListJobs;
use contract::ops::printers::ListPrinters;
use contract::ops::queue::GetQueue;
use contract::ops::system::{GetDoctor, GetVersion};
use serde_json::{Value, json};

use crate::client::Ask;
use crate::failure::{Exit, Failure};
use crate::output::quoted;
use crate::session::Session;
use crate::table::{Cell, Table, Tone, words};

/// `gantry farm`.
#[derive(Args)]
pub struct Farm {
    #[command(subcommand)]
    verb: Verb,
    /// Which farm, by name or id, if the store has several.
    #[arg(long, global = true)]
    farm: Option<String>,
}

#[derive(Subcommand)]
enum Verb {
    /// Start work.
    Run,
    /// Claim nothing new; what is claimed is finished.
    Drain,
    /// Start nothing, not even what is already claimed.
    Stop,
    /// Cancel every print of ours and start nothing more.
    StopAll,
    /// Pause every print of ours.
    PauseAll,
}

impl Farm {
    /// Does it.
    pub async fn run(self, s: &Session) -> Result<(), Failure> {
        let farm = the_farm(s, self.farm.as_deref()).await?;
        let id = words(&farm["id"]);
        let dispatch = match self.verb {
            Verb::Run => "run",
            Verb::Drain => "drain",
            Verb::Stop => "stop",
            Verb::StopAll => {
                s.out.confirm(&format!("Cancel every print of {}?", words(&farm["name"])))?;
                return results(s, &s.call::<StopAll>(Ask::of(id)).await?);
            }
            // Pausing harms nothing: in a hurry nobody should be asked.
            Verb::PauseAll => return results(s, &s.call::<PauseAll>(Ask::of(id)).await?),
        };
        let farm = s.call::<SetFarmDispatch>(Ask::of(id).body(json!({"dispatch": dispatch}))).await?;
        s.out.answer(&farm, |farm| format!("{}: {}.", words(&farm["name"]), words(&farm["dispatch"])))
    }
}

fn results(s: &Session, reply: &Value) -> Result<(), Failure> {
    let results = reply["results"].as_array().map(Vec::as_slice).unwrap_or_default();
    let row = |result: &Value| {
        let said = if result["ok"] == true { Cell::state(&json!("ok")) } else { Cell::state(&json!("failed")) };
        vec![Cell::of(&result["id"]), said, Cell::of(&result["problem"]["detail"])]
    };
    s.out.table(reply, |_| Table::new(&["ID", "RESULT", "WHY"], "No print of ours runs.", results.iter().map(row)))?;
    match results.iter().filter(|result| result["ok"] != true).count() {
        0 => Ok(()),
        failed => Err(Failure::new(Exit::Refused, format!("{failed} of {} did not work", results.len()))),
    }
}

/// The farm that a name or an id means; the only one if none is named.
///
/// # Errors
/// There is none, or there are several.
pub async fn the_farm(s: &Session, which: Option<&str>) -> Result<Value, Failure> {
    let farms = s.call::<ListFarms>(Ask::all().query("limit", Some(200))).await?;
    let farms = farms["items"].as_array().cloned().unwrap_or_default();
    let names = farms.iter().map(|farm| words(&farm["name"])).collect::<Vec<_>>().join(", ");
    let mut meant = farms.into_iter().filter(|farm| which.is_none_or(|which| farm["id"] == which || farm["name"] == which));
    match (meant.next(), meant.next()) {
        (Some(farm), None) => Ok(farm),
        (None, _) => Err(Failure::new(Exit::NotFound, "there is no such farm").hint(format!("There are: {names}."))),
        (Some(_), Some(_)) => {
            let hint = match which {
                None => format!("Say which with --farm: {names}."),
                Some(_) => "Say which by its id; `gantry farms` lists them.".to_owned(),
            };
            Err(Failure::usage("several farms could be meant").hint(hint))
        }
    }
}

/// `gantry status`: what a person wants to know first.
///
/// # Errors
/// What the farm says.
pub async fn status(s: &Session) -> Result<(), Failure> {
    let version = s.call::<GetVersion>(Ask::all()).await?;
    let farms = s.call::<ListFarms>(Ask::all()).await?;
    let printers = every_printer(s).await?;
    // Each shows what it may: without queue.view the line is left out.
    let queue = s.call::<GetQueue>(Ask::all()).await.unwrap_or_default();
    let unknown =
        s.call::<ListJobs>(Ask::all().query("state", Some("unknown")).query("limit", Some(200))).await.unwrap_or_default();
    let unknown = unknown["items"].as_array().map(Vec::as_slice).unwrap_or_default();
    let unknown: Vec<String> = unknown.iter().map(|job| words(&job["name"])).collect();
    let mut states: BTreeMap<String, usize> = BTreeMap::new();
    for printer in &printers {
        *states.entry(words(&printer["display"])).or_default() += 1;
    }
    let by_state = |state: &str| {
        let named = printers.iter().filter(|printer| printer["display"] == state);
        named.map(|printer| words(&printer["name"])).collect::<Vec<_>>()
    };
    let status = json!({
        "farms": farms["items"], "version": version, "printers": states,
        "waiting": queue["waiting"], "active": queue["active"], "needs_clear": by_state("needs_clear"), "unknown_jobs": unknown,
    });
    s.out.table(&status, |status| {
        let mut rows = Vec::new();
        for farm in status["farms"].as_array().into_iter().flatten() {
            let real = if version["live"] == true { "" } else { ", simulated" };
            let text = format!("{} ({}{real})", words(&farm["name"]), words(&farm["dispatch"]));
            rows.push(vec![Cell::text("farm"), Cell::text(text)]);
        }
        rows.push(vec![
            Cell::text("version"),
            Cell::text(format!("{} {}", words(&version["served_by"]), words(&version["version"]))),
        ]);
        rows.extend(
            states.iter().map(|(state, count)| vec![Cell::state(&json!(state)), Cell::text(count_of(*count, &by_state(state)))]),
        );
        if !unknown.is_empty() {
            rows.push(vec![Cell::text("jobs unknown").toned(Tone::Warn), Cell::text(count_of(unknown.len(), &unknown))]);
        }
        if queue.is_object() {
            rows.push(vec![
                Cell::text("jobs"),
                Cell::text(format!("{} on printers, {} waiting", words(&queue["active"]), words(&queue["waiting"]))),
            ]);
        }
        Table::new(&["", ""], "", rows)
    })?;
    let to_clear = by_state("needs_clear");
    match to_clear.first() {
        _ if !unknown.is_empty() => s.out.next(&format!(
            "look at the printer, then `gantry jobs resolve {} completed|failed|not-started`",
            quoted(&unknown[0])
        )),
        Some(first) => s.out.next(&format!("look at the bed of {first}, then `gantry printers clear {}`", quoted(first))),
        None if printers.is_empty() => s.out.next("gantry printers add --help"),
        None if queue["waiting"].as_u64() > Some(0) => s.out.next("gantry queue"),
        None => {}
    }
    Ok(())
}

fn count_of(count: usize, names: &[String]) -> String {
    let shown = names.iter().take(10).cloned().collect::<Vec<_>>().join(", ");
    let more = if names.len() > 10 { ", …" } else { "" };
    format!("{count}: {shown}{more}")
}

/// Every printer, by name.
///
/// # Errors
/// What the farm says.
pub async fn every_printer(s: &Session) -> Result<Vec<Value>, Failure> {
    let mut printers = Vec::new();
    let mut cursor = None;
    loop {
        let ask = Ask::all().query("limit", Some(200)).query("sort", Some("name")).query("cursor", cursor);
        let page = s.call::<ListPrinters>(ask).await?;
        printers.extend(page["items"].as_array().cloned().unwrap_or_default());
        cursor = page.get("next_cursor").map(words);
        if cursor.is_none() {
            return Ok(printers);
        }
    }
}

/// `gantry queue`: what waits, first to be tried first, and why.
///
/// # Errors
/// What the farm says.
pub async fn queue(s: &Session) -> Result<(), Failure> {
    let queue = s.call::<GetQueue>(Ask::all()).await?;
    let row = |entry: &Value| {
        let job = &entry["job"];
        vec![
            Cell::of(&job["name"]),
            Cell::state(&job["state"]),
            Cell::of(&job["priority"]),
            Cell::of(&entry["waiting"]["summary"]),
            Cell::id(&job["id"]),
        ]
    };
    s.out.table(&queue, |queue| {
        let head = &["JOB", "STATE", "PRIORITY", "WHY IT WAITS", "ID"];
        Table::new(head, "Nothing waits.", queue["entries"].as_array().into_iter().flatten().map(row))
    })?;
    if !s.out.json {
        s.out.note(&format!("{} waiting, {} on printers.", words(&queue["waiting"]), words(&queue["active"])));
    }
    if let Some(first) = queue["entries"].get(0) {
        s.out.next(&format!("gantry jobs why {}", words(&first["job"]["id"])));
    }
    Ok(())
}

/// `gantry doctor`: examines the installation; fails if something does not work.
///
/// # Errors
/// What the farm says, or that it found something.
pub async fn doctor(s: &Session) -> Result<(), Failure> {
    let findings = s.call::<GetDoctor>(Ask::all()).await?;
    let items = findings["items"].as_array().map(Vec::as_slice).unwrap_or_default();
    let row = |finding: &Value| {
        vec![Cell::of(&finding["check"]), Cell::state(&finding["level"]), Cell::of(&finding["text"]), Cell::of(&finding["fix"])]
    };
    s.out.table(&findings, |_| {
        Table::new(&["CHECK", "LEVEL", "FOUND", "WHAT TO DO"], "Nothing was looked at.", items.iter().map(row))
    })?;
    match items.iter().filter(|finding| finding["level"] == "error").count() {
        0 => Ok(()),
        1 => Err(Failure::fail("1 check says that something does not work")),
        errors => Err(Failure::fail(format!("{errors} checks say that something does not work"))),
    }
}
