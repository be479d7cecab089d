//! `gantry keys`: keys for programs, and with `--slicer` those of workstations.

mod changes;
mod usage;

use clap::{Args, Subcommand};
use contract::operation::Contract;
use contract::ops::keys::{
    CreateApiKey, CreateSlicerKey, ListApiKeys, ListSlicerKeys, PauseApiKey, PauseSlicerKey, ResumeApiKey, ResumeSlicerKey,
    RevokeApiKey, RevokeSlicerKey,
};
use domain::id::{Id, SlicerKeyId};
use domain::key::{ApiKey, SlicerKey};
use domain::part::Pool;
use domain::printer::Printer;
use serde_json::{Map, Value, json};

use crate::client::Ask;
use crate::failure::Failure;
use crate::pages::{Pages, verb_or_list};
use crate::session::Session;
use crate::table::{Cell, Table, words};

/// `gantry keys`.
#[derive(Args)]
pub struct Keys {
    #[command(subcommand)]
    verb: Option<Verb>,
    #[command(flatten)]
    list: List,
}

#[derive(Subcommand)]
enum Verb {
    /// List the keys.
    List(List),
    /// Make a key. It is shown once, alone on standard output.
    Create(Create),
    /// Give a key more or less, within what you hold.
    Edit(changes::Edit),
    /// Replace a key's secret; the old one opens too for a while.
    Roll(changes::Roll),
    /// Give a key to another person, whose rights bound it from then on.
    HandOver(changes::HandOver),
    /// Show what a key made; hold or cancel all of its jobs.
    Created(changes::Created),
    /// Show what a key was used for in the last 30 days, at each door.
    Usage(usage::Usage),
    /// What kinds of integrations need, and a first call of each.
    Presets,
    /// Pause keys: they open nothing until they are resumed.
    Pause(Several),
    /// Resume paused keys.
    Resume(Several),
    /// Revoke keys for ever.
    Revoke(Several),
}

#[derive(Args, Default, PartialEq)]
struct List {
    /// The keys of slicers.
    #[arg(long)]
    slicer: bool,
    /// Only in these states: active, paused, revoked.
    #[arg(long)]
    state: Option<String>,
    #[command(flatten)]
    pages: Pages,
}

#[derive(Args)]
struct Several {
    /// Names or ids.
    #[arg(required = true)]
    keys: Vec<String>,
    /// Names are those of slicer keys.
    #[arg(long)]
    slicer: bool,
}

#[derive(Args)]
struct Create {
    /// What people call it: one key per program, or the workstation of a slicer.
    name: String,
    /// A key that may only submit files.
    #[arg(long, conflicts_with_all = ["role", "permissions", "preset", "tags", "networks", "expires"])]
    slicer: bool,
    /// A test key: it opens test farms only.
    #[arg(long, conflicts_with = "slicer")]
    test: bool,
    /// The pool that a slicer submits to, by name or id.
    #[arg(long, requires = "slicer")]
    pool: Option<String>,
    /// The printer that a slicer submits to, by name or id.
    #[arg(long, requires = "slicer", conflicts_with = "pool")]
    printer: Option<String>,
    /// A built-in role: admin, operator, part_manager or viewer.
    #[arg(long)]
    role: Option<String>,
    /// A single permission such as job.create; may be given several times.
    #[arg(long = "permission")]
    permissions: Vec<String>,
    /// What it is for: order_automation, dashboard or contractor; `gantry keys presets` tells what each opens.
    #[arg(long)]
    preset: Option<String>,
    /// Only for printers with that tag; may be given several times.
    #[arg(long = "tag")]
    tags: Vec<String>,
    /// Only from that network, as CIDR; may be given several times.
    #[arg(long = "network")]
    networks: Vec<String>,
    /// When it ends, such as 2027-01-01T00:00:00Z.
    #[arg(long)]
    expires: Option<String>,
}

impl Keys {
    /// Does it.
    pub async fn run(self, s: &Session) -> Result<(), Failure> {
        match verb_or_list(self.verb, self.list, Verb::List)? {
            Verb::List(list) => list.run(s).await,
            Verb::Create(create) => create.run(s).await,
            Verb::Edit(edit) => edit.run(s).await,
            Verb::Roll(roll) => roll.run(s).await,
            Verb::HandOver(hand_over) => hand_over.run(s).await,
            Verb::Created(created) => created.run(s).await,
            Verb::Usage(usage) => usage.run(s).await,
            Verb::Presets => changes::presets(s).await,
            Verb::Pause(which) => each::<PauseApiKey, PauseSlicerKey>(s, &which).await,
            Verb::Resume(which) => each::<ResumeApiKey, ResumeSlicerKey>(s, &which).await,
            Verb::Revoke(which) => {
                s.out.confirm(&format!("Revoke {} for ever?", which.keys.join(", ")))?;
                each::<RevokeApiKey, RevokeSlicerKey>(s, &which).await
            }
        }
    }
}

impl List {
    async fn run(self, s: &Session) -> Result<(), Failure> {
        let ask = Ask::all().query("state", self.state);
        let none = "No keys. `gantry keys create NAME --role operator` makes one.";
        if self.slicer {
            let row = |key: &Value| {
                let target = if key["pool_id"].is_null() { &key["printer_id"] } else { &key["pool_id"] };
                vec![
                    Cell::of(&key["name"]),
                    Cell::state(&key["state"]),
                    Cell::of(&key["hint"]),
                    Cell::id(target),
                    Cell::id(&key["id"]),
                ]
            };
            let head = &["NAME", "STATE", "BEGINS", "SUBMITS TO", "ID"];
            return self.pages.list::<ListSlicerKeys>(s, ask, |page| Table::new(head, none, page.iter().map(row))).await;
        }
        let row = |key: &Value| {
            let permissions = key["grants"]["permissions"].as_array().map_or(0, Vec::len);
            let rights = key.get("role").map_or_else(|| format!("{permissions} permissions"), words);
            vec![
                Cell::of(&key["name"]),
                Cell::state(&key["state"]),
                Cell::of(&key["hint"]),
                Cell::text(rights),
                Cell::of(&key["sponsor"]["id"]),
                Cell::time(&key["created_at"], s.out.now),
                Cell::time(&key["expires_at"], s.out.now),
                Cell::id(&key["id"]),
            ]
        };
        let head = &["NAME", "STATE", "BEGINS", "RIGHTS", "SPONSOR", "MADE", "ENDS", "ID"];
        self.pages.list::<ListApiKeys>(s, ask, |page| Table::new(head, none, page.iter().map(row))).await
    }
}

impl Create {
    async fn run(self, s: &Session) -> Result<(), Failure> {
        let made = if self.slicer { self.for_a_slicer(s).await? } else { self.for_a_program(s).await? };
        s.out.answer(&made, |made| words(&made["secret"]))?;
        s.out.note("This is the only time that the key is shown.");
        if let Some(curl) = made.get("curl") {
            s.out.note(&format!("A first call: {}", words(curl)));
        }
        Ok(())
    }

    async fn for_a_program(self, s: &Session) -> Result<Value, Failure> {
        if self.role.is_none() && self.permissions.is_empty() && self.preset.is_none() {
            let hint = "Give it --role operator, or --permission job.create and so on; `gantry api list_permissions` lists them.";
            return Err(Failure::usage("a key without a role and permissions opens nothing").hint(hint));
        }
        let mut key = json!({"name": self.name, "permissions": self.permissions, "allowed_networks": self.networks});
        let more = [
            ("role", self.role.map(Value::from)),
            ("preset", self.preset.map(Value::from)),
            ("tags", (!self.tags.is_empty()).then(|| self.tags.into())),
            ("expires_at", self.expires.map(Value::from)),
        ];
        if self.test {
            key["test"] = true.into();
        }
        for (field, value) in more {
            if let Some(value) = value {
                key[field] = value;
            }
        }
        s.call::<CreateApiKey>(Ask::all().body(key)).await
    }

    async fn for_a_slicer(self, s: &Session) -> Result<Value, Failure> {
        let mut key = Map::from_iter([("name".to_owned(), self.name.into())]);
        if let Some(pool) = self.pool {
            key.insert("pool_id".to_owned(), s.id::<Pool>(&pool).await?.into());
        }
        if let Some(printer) = self.printer {
            key.insert("printer_id".to_owned(), s.id::<Printer>(&printer).await?.into());
        }
        s.call::<CreateSlicerKey>(Ask::all().body(key.into())).await
    }
}

/// The same for both kinds: an id says which kind it is, a name does not.
async fn each<Api: Contract, Slicer: Contract>(s: &Session, which: &Several) -> Result<(), Failure> {
    for text in &which.keys {
        let is_slicers = which.slicer || text.starts_with(&format!("{}_", SlicerKeyId::PREFIX));
        let key = if is_slicers {
            let id = s.id::<SlicerKey>(text).await?;
            s.call::<Slicer>(Ask::of(id)).await?
        } else {
            let id = s.id::<ApiKey>(text).await?;
            s.call::<Api>(Ask::of(id)).await?
        };
        s.out.answer(&key, |key| format!("{} is {}.", words(&key["name"]), words(&key["state"])))?;
    }
    Ok(())
}
