//! `gantry events`: the log, and what comes next. Following goes on by itself after a break, without a
//! doubled or a missing event.

use std::time::Duration;

use clap::{Args, Subcommand};
use contract::ops::events::{GetEvent, ListEventTypes, ListEvents, Stream};
use serde_json::Value;

use crate::client::Ask;
use crate::failure::{Exit, Failure};
use crate::output::{actor, line};
use crate::pages::{Pages, verb_or_list};
use crate::session::Session;
use crate::sse::{Message, Reader};
use crate::table::{Cell, Table, words};

/// The farm says something at least every ten seconds; after that long a line is dead.
const SILENCE: Duration = Duration::from_secs(35);
/// The pauses between tries grow from the first to the last.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LAST_PAUSE: Duration = Duration::from_secs(15);

/// `gantry events`.
#[derive(Args)]
pub struct Events {
    #[command(subcommand)]
    verb: Option<Verb>,
    #[command(flatten)]
    list: List,
}

#[derive(Subcommand)]
enum Verb {
    /// Read the log, oldest first.
    List(List),
    /// Show one event whole.
    Show {
        /// Its id.
        event: String,
    },
    /// List the event types.
    Types,
}

#[derive(Args, Default, PartialEq)]
struct List {
    /// Only these types, such as job.completed,job.failed.
    #[arg(long = "type")]
    types: Option<String>,
    /// Only about the thing of that id.
    #[arg(long, conflicts_with = "follow")]
    subject: Option<String>,
    /// Wait for what comes next; begins now, or at --cursor.
    #[arg(long, short, conflicts_with = "all")]
    follow: bool,
    #[command(flatten)]
    pages: Pages,
}

impl Events {
    /// Does it.
    pub async fn run(self, s: &Session) -> Result<(), Failure> {
        match verb_or_list(self.verb, self.list, Verb::List)? {
            Verb::List(list) if list.follow => follow(s, list.types, list.pages.cursor).await,
            Verb::List(list) => {
                let ask = Ask::all().query("type", list.types).query("subject", list.subject);
                let row = |event: &Value| cells(event, Cell::time(&event["occurred_at"], s.out.now));
                let head = &["WHEN", "EVENT", "ABOUT", "BY", "ID"];
                list.pages.list::<ListEvents>(s, ask, |page| Table::new(head, "No events.", page.iter().map(row))).await
            }
            Verb::Show { event } => {
                let event = s.call::<GetEvent>(Ask::of(event)).await?;
                s.out.value(&event)
            }
            Verb::Types => {
                let types = s.call::<ListEventTypes>(Ask::all()).await?;
                let row = |one: &Value| vec![Cell::of(&one["type"]), Cell::of(&one["text"])];
                s.out.table(&types, |types| {
                    Table::new(&["TYPE", "WHAT IT SAYS"], "", types["items"].as_array().into_iter().flatten().map(row))
                })
            }
        }
    }
}

fn cells(event: &Value, when: Cell) -> Vec<Cell> {
    let name = words(&event["data"]["name"]);
    let subject = words(&event["subject"]["id"]);
    let about = if name.is_empty() { subject } else { format!("{name} ({subject})") };
    vec![when, Cell::of(&event["type"]), Cell::text(about), Cell::text(actor(&event["actor"])), Cell::id(&event["id"])]
}

/// One event on a line, so that programs can read it line by line.
fn tell(s: &Session, event: &Value) -> Result<(), Failure> {
    if s.out.json {
        return line(&event.to_string());
    }
    // An age would always be "now".
    let when = Cell::of(&event["occurred_at"]);
    let table = Table::new(&["", "", "", "", ""], "", [cells(event, when)]);
    line(&if s.out.terminal { table.aligned(s.out.colour) } else { table.tabbed() })
}

async fn follow(s: &Session, types: Option<String>, mut cursor: Option<String>) -> Result<(), Failure> {
    let mut pause = FIRST_PAUSE;
    let mut told = false;
    loop {
        let ask = Ask::all().query("type", types.as_ref()).query("telemetry", Some(false)).query("cursor", cursor.as_ref());
        let failure = match listen(s, ask, &mut cursor, &mut pause).await {
            Ok(()) => Failure::new(Exit::Unreachable, "the stream has ended"),
            Err(failure) => failure,
        };
        match failure.exit {
            // A key that was revoked, a wrong type: waiting would not help. The first try must work, too.
            Exit::Unreachable if cursor.is_some() || told => {}
            Exit::Closed | Exit::Fail | Exit::Usage | Exit::NotFound | Exit::Auth | Exit::Unreachable | Exit::Refused => {
                return Err(failure);
            }
        }
        if !told || pause == LAST_PAUSE {
            s.out.note(&format!("{}; trying again.", failure.text));
        }
        told = true;
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LAST_PAUSE);
    }
}

/// Listens until the line breaks; `cursor` is where to go on.
async fn listen(s: &Session, ask: Ask, cursor: &mut Option<String>, pause: &mut Duration) -> Result<(), Failure> {
    let silent = |_| Failure::new(Exit::Unreachable, "the farm has fallen silent");
    let mut answer = tokio::time::timeout(SILENCE, s.client.open::<Stream>(ask)).await.map_err(silent)??;
    *pause = FIRST_PAUSE;
    let mut reader = Reader::default();
    while let Some(piece) = tokio::time::timeout(SILENCE, answer.chunk()).await.map_err(silent)?? {
        for Message { kind, data, id } in reader.feed(&piece) {
            match kind.as_str() {
                "" | "message" if !data.is_empty() => {
                    let event =
                        serde_json::from_str(&data).map_err(|error| Failure::fail(format!("the farm sent no event: {error}")))?;
                    tell(s, &event)?;
                }
                "gap" => s.out.note("Events between were trimmed from the log: read the records anew."),
                _ => {}
            }
            // Only what was told is behind us.
            if id.is_some() {
                *cursor = id;
            }
        }
    }
    Ok(())
}
