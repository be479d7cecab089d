//! Making and changing jobs.

use std::path::Path;

use clap::Args;
use contract::ops::jobs::{CreateJob, EditJobOp};
use domain::file::File;
use domain::job::Job;
use domain::part::Pool;
use domain::printer::Printer;
use serde_json::{Map, Value, json};

use super::{One, tell};
use crate::client::Ask;
use crate::failure::Failure;
use crate::files::upload;
use crate::session::Session;
use crate::table::words;

/// `gantry jobs create`.
#[derive(Args)]
pub struct Create {
    /// A file here, or the name or id of one that the farm has.
    file: String,
    /// What people call it; else the file's name.
    #[arg(long)]
    name: Option<String>,
    #[command(flatten)]
    target: Target,
    /// Higher goes first.
    #[arg(long, allow_negative_numbers = true)]
    priority: Option<i32>,
    /// When it should be done, such as 2026-11-30T12:00:00Z.
    #[arg(long)]
    due: Option<String>,
    /// Wait for a person to release it.
    #[arg(long)]
    held: bool,
    /// The id that another system gave to it.
    #[arg(long)]
    external_id: Option<String>,
    /// How many jobs of it.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=200))]
    copies: u32,
    /// A repeated call with the same key makes nothing twice.
    #[arg(long)]
    idempotency_key: Option<String>,
    /// Only tell what would happen.
    #[arg(long)]
    dry_run: bool,
}

#[derive(Args)]
struct Target {
    /// Only on that printer, by name or id.
    #[arg(long)]
    printer: Option<String>,
    /// Only on printers of that pool, by name or id.
    #[arg(long)]
    pool: Option<String>,
    /// Only on printers with that tag; may be given several times.
    #[arg(long = "tag")]
    tags: Vec<String>,
}

/// `gantry jobs edit`.
#[derive(Args)]
pub struct Edit {
    #[command(flatten)]
    job: One,
    /// A new name.
    #[arg(long)]
    name: Option<String>,
    #[command(flatten)]
    target: Target,
    /// Higher goes first.
    #[arg(long, allow_negative_numbers = true)]
    priority: Option<i32>,
    /// When it should be done.
    #[arg(long)]
    due: Option<String>,
}

impl Target {
    /// None if nothing is named.
    async fn json(&self, s: &Session) -> Result<Option<Value>, Failure> {
        let mut target = Map::new();
        if let Some(printer) = &self.printer {
            target.insert("printer_id".to_owned(), s.id::<Printer>(printer).await?.into());
        }
        if let Some(pool) = &self.pool {
            target.insert("pool_id".to_owned(), s.id::<Pool>(pool).await?.into());
        }
        if !self.tags.is_empty() {
            target.insert("tags".to_owned(), self.tags.clone().into());
        }
        Ok((!target.is_empty()).then(|| target.into()))
    }
}

impl Create {
    /// Does it.
    pub async fn run(self, s: &Session) -> Result<(), Failure> {
        let target = self.target.json(s).await?;
        let path = Path::new(&self.file);
        let file_id = if path.is_file() { words(&upload(s, path).await?["id"]) } else { s.id::<File>(&self.file).await? };
        let mut job = json!({"file_id": file_id, "held": self.held});
        let more = [
            ("name", self.name.as_ref().map(|name| json!(name))),
            ("target", target),
            ("priority", self.priority.map(|priority| json!(priority))),
            ("due_at", self.due.map(|due| json!(due))),
            ("external_id", self.external_id.map(|id| json!(id))),
        ];
        for (field, value) in more {
            if let Some(value) = value {
                job[field] = value;
            }
        }
        let mut last = String::new();
        for copy in 1..=self.copies {
            // Each copy is a thing of its own, also when the whole call is repeated.
            let key =
                self.idempotency_key.as_ref().map(|key| if self.copies > 1 { format!("{key}:{copy}") } else { key.clone() });
            let made = s.call::<CreateJob>(Ask::all().body(job.clone()).once(key).dry_run(self.dry_run)).await?;
            let verb = if self.dry_run { "would be" } else { "is" };
            s.out.answer(&made, |made| {
                format!("{} {verb} {} ({}).", words(&made["name"]), words(&made["state"]), words(&made["id"]))
            })?;
            last = words(&made["id"]);
        }
        if !self.dry_run {
            s.out.next(&format!("gantry jobs why {last}"));
        }
        Ok(())
    }
}

impl Edit {
    /// Does it.
    pub async fn run(self, s: &Session) -> Result<(), Failure> {
        let mut change = Map::new();
        change.extend(self.name.map(|name| ("name".to_owned(), name.into())));
        change.extend(self.target.json(s).await?.map(|target| ("target".to_owned(), target)));
        change.extend(self.priority.map(|priority| ("priority".to_owned(), priority.into())));
        change.extend(self.due.map(|due| ("due_at".to_owned(), due.into())));
        if change.is_empty() {
            return Err(Failure::usage("nothing is named that should change").hint("See `gantry jobs edit --help`."));
        }
        let id = s.id::<Job>(&self.job.job).await?;
        tell(s, &s.call::<EditJobOp>(Ask::of(id).body(change.into())).await?)
    }
}
