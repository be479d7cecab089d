//! `gantry audit`: who changed what, and whether the record of it is whole.

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand, ValueEnum};
use contract::ops::audit::{ExportAudit, ListAudit, VerifyAudit};
use serde_json::{Value, json};

use crate::client::Ask;
use crate::failure::Failure;
use crate::output::{Output, actor, broken};
use crate::pages::{Pages, verb_or_list};
use crate::session::Session;
use crate::table::{Cell, Table, words};

/// `gantry audit`.
#[derive(Args)]
pub struct Audit {
    #[command(subcommand)]
    verb: Option<Verb>,
    #[command(flatten)]
    list: List,
}

#[derive(Subcommand)]
enum Verb {
    /// List entries, newest first.
    List(List),
    /// Write all that match to standard output.
    Export {
        /// How.
        #[arg(long, value_enum, default_value = "jsonl")]
        format: Format,
        #[command(flatten)]
        filter: Filter,
    },
    /// Tell whether every entry is there, unchanged.
    Verify {
        /// The database of an agent or relay that does not run.
        #[arg(long, value_name = "FILE")]
        database: Option<PathBuf>,
    },
}

#[derive(Clone, Copy, ValueEnum)]
enum Format {
    Json,
    Jsonl,
    Csv,
}

#[derive(Args, Default, PartialEq)]
struct List {
    #[command(flatten)]
    filter: Filter,
    #[command(flatten)]
    pages: Pages,
}

#[derive(Args, Default, PartialEq)]
struct Filter {
    /// Of the actor with that id.
    #[arg(long)]
    actor: Option<String>,
    /// Of that kind of actor, such as user, api_key or farm.
    #[arg(long)]
    actor_kind: Option<String>,
    /// Of that operation.
    #[arg(long)]
    operation: Option<String>,
    /// About the thing of that id.
    #[arg(long)]
    subject: Option<String>,
    /// From that address.
    #[arg(long)]
    from: Option<String>,
    /// Of that request.
    #[arg(long)]
    request: Option<String>,
    /// In the chain of that farm, or of the store, by id.
    #[arg(long)]
    home: Option<String>,
    /// At that moment or later.
    #[arg(long)]
    since: Option<String>,
    /// Before that moment.
    #[arg(long)]
    until: Option<String>,
}

impl Filter {
    fn ask(self) -> Ask {
        Ask::all()
            .query("actor", self.actor)
            .query("actor_kind", self.actor_kind)
            .query("operation", self.operation)
            .query("subject", self.subject)
            .query("from", self.from)
            .query("request_id", self.request)
            .query("home", self.home)
            .query("since", self.since)
            .query("until", self.until)
    }
}

impl Audit {
    /// The database that is looked at while nothing runs, if one is named.
    pub fn offline(&self) -> Option<PathBuf> {
        match &self.verb {
            Some(Verb::Verify { database }) => database.clone(),
            Some(Verb::List(_) | Verb::Export { .. }) | None => None,
        }
    }

    /// Does it.
    pub async fn run(self, s: &Session) -> Result<(), Failure> {
        match verb_or_list(self.verb, self.list, Verb::List)? {
            Verb::List(List { filter, pages }) => {
                let row = |entry: &Value| {
                    vec![
                        Cell::time(&entry["at"], s.out.now),
                        Cell::text(actor(&entry["actor"])),
                        Cell::of(&entry["from"]),
                        Cell::of(&entry["operation"]),
                        Cell::id(&entry["subject"]),
                    ]
                };
                let head = &["WHEN", "BY", "FROM", "OPERATION", "ABOUT"];
                pages.list::<ListAudit>(s, filter.ask(), |page| Table::new(head, "No entries.", page.iter().map(row))).await
            }
            Verb::Export { format, filter } => {
                let format = match format {
                    Format::Json => "json",
                    Format::Jsonl => "jsonl",
                    Format::Csv => "csv",
                };
                let mut answer = s.client.open::<ExportAudit>(filter.ask().query("format", Some(format))).await?;
                if let Some(missing) = answer.headers().get("gantry-missing-farms").and_then(|farms| farms.to_str().ok()) {
                    s.out.note(&format!("These farms are away, and their entries are left out: {missing}"));
                }
                let mut out = std::io::stdout().lock();
                while let Some(piece) = answer.chunk().await? {
                    out.write_all(&piece).map_err(|error| broken(&error))?;
                }
                out.flush().map_err(|error| broken(&error))
            }
            Verb::Verify { .. } => {
                let answer = s.call::<VerifyAudit>(Ask::all()).await?;
                tell(&s.out, &answer)
            }
        }
    }
}

/// Looks at a database that nobody runs on.
pub fn verify_file(database: &Path, out: &Output) -> Result<(), Failure> {
    let chains = api::audit::verify_file(database)
        .map_err(|error| Failure::fail(format!("{} cannot be verified: {error}", database.display())))?;
    tell(out, &json!({"chains": chains}))
}

fn tell(out: &Output, answer: &Value) -> Result<(), Failure> {
    let chains = answer["chains"].as_array().map(Vec::as_slice).unwrap_or_default();
    out.table(answer, |_| {
        let row = |chain: &Value| {
            let trimmed = chain["trimmed"].as_array().and_then(|all| all.last());
            let trimmed = trimmed.map(|last| format!("up to {} at {}", words(&last["number"]), words(&last["at"])));
            vec![
                Cell::text(if chain["whole"] == true { "whole" } else { "BROKEN" }),
                Cell::of(&chain["home"]),
                Cell::of(&chain["entries"]),
                Cell::of(&chain["last"]),
                Cell::text(trimmed.unwrap_or_default()),
                Cell::of(&chain["hash"]),
            ]
        };
        Table::new(&["CHAIN", "HOME", "ENTRIES", "LAST", "TRIMMED", "HASH"], "No chains.", chains.iter().map(row))
    })?;
    for missing in answer["missing_farms"].as_array().into_iter().flatten() {
        out.note(&format!("{} is away: its chain was not looked at.", words(missing)));
    }
    match chains.iter().find(|chain| chain["whole"] != true) {
        None => Ok(()),
        Some(broken) => Err(Failure::fail(format!("the chain of {}: {}", words(&broken["home"]), words(&broken["problem"])))),
    }
}
