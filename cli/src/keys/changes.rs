//! What becomes of a key: it is given more or less, rolls, and gets another sponsor; what it made is shown, held or cancelled.

use clap::Args;
use contract::ops::key_presets::ListApiKeyPresets;
use contract::ops::key_work::{CancelCreatedByKey, HoldCreatedByKey, ListCreatedByKey};
use contract::ops::keys::{EditApiKeyOp, EndApiKeyRoll, EndSlicerKeyRoll, HandOverApiKey, RollApiKey, RollSlicerKey};
use domain::id::{Id, SlicerKeyId};
use domain::key::{ApiKey, SlicerKey};
use serde_json::{Map, Value, json};

use crate::client::Ask;
use crate::failure::{Exit, Failure};
use crate::session::Session;
use crate::table::{Cell, Table, words};

/// `gantry keys edit`.
#[derive(Args)]
pub struct Edit {
    /// Name or id.
    key: String,
    /// A new name.
    #[arg(long)]
    name: Option<String>,
    /// Another role; `none` takes it away.
    #[arg(long)]
    role: Option<String>,
    /// Single permissions in place of those it has; may be given several times.
    #[arg(long = "permission")]
    permissions: Vec<String>,
    /// Only for printers with that tag; may be given several times; `all` lifts the limit.
    #[arg(long = "tag")]
    tags: Vec<String>,
    /// Only on that farm, by id; may be given several times; `all` lifts the limit.
    #[arg(long = "farm")]
    farms: Vec<String>,
    /// Only from that network, as CIDR; may be given several times; `all` lifts the limit.
    #[arg(long = "network")]
    networks: Vec<String>,
    /// When it ends, such as 2027-01-01T00:00:00Z; `never` takes the end away.
    #[arg(long)]
    expires: Option<String>,
}

/// `gantry keys roll`.
#[derive(Args)]
pub struct Roll {
    /// Name or id.
    key: String,
    /// How many seconds the old secret opens too, up to 7 days; a day if not named.
    #[arg(long)]
    overlap_seconds: Option<u32>,
    /// End the overlap of before now, and make no new secret.
    #[arg(long, conflicts_with = "overlap_seconds")]
    end: bool,
    /// The name is that of a slicer key.
    #[arg(long)]
    slicer: bool,
}

/// `gantry keys hand-over`.
#[derive(Args)]
pub struct HandOver {
    /// Name or id.
    key: String,
    /// The id of the person whose rights bound it from then on.
    #[arg(long)]
    to: String,
}

/// `gantry keys created`.
#[derive(Args)]
pub struct Created {
    /// Name or id.
    key: String,
    /// Hold its jobs that wait.
    #[arg(long, conflicts_with = "cancel")]
    hold: bool,
    /// Cancel its jobs that have not ended.
    #[arg(long)]
    cancel: bool,
    /// Tell which jobs that would be, and change nothing.
    #[arg(long)]
    dry_run: bool,
}

impl Edit {
    /// Does it.
    pub async fn run(self, s: &Session) -> Result<(), Failure> {
        let id = s.id::<ApiKey>(&self.key).await?;
        let several = |given: Vec<String>, lifted: Value| match given.as_slice() {
            [] => None,
            [only] if only == "all" => Some(lifted),
            [..] => Some(Value::from(given)),
        };
        let fields = [
            ("name", self.name.map(Value::from)),
            ("role", self.role.map(|role| if role == "none" { Value::Null } else { role.into() })),
            ("permissions", (!self.permissions.is_empty()).then(|| self.permissions.into())),
            ("tags", several(self.tags, Value::Null)),
            ("farms", several(self.farms, Value::Null)),
            ("allowed_networks", several(self.networks, json!([]))),
            ("expires_at", self.expires.map(|end| if end == "never" { Value::Null } else { end.into() })),
        ];
        let body: Map<String, Value> = fields.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect();
        if body.is_empty() {
            return Err(Failure::usage("say what is to change").hint("gantry keys edit --help"));
        }
        let key = s.call::<EditApiKeyOp>(Ask::of(id).body(body.into())).await?;
        s.out.answer(&key, |key| {
            let count = |field: &str| key[field]["permissions"].as_array().map_or(0, Vec::len);
            format!("{} was given {} permissions and holds {} of them now.", words(&key["name"]), count("grants"), count("holds"))
        })
    }
}

impl Roll {
    /// Does it. The new secret stands alone on standard output.
    pub async fn run(self, s: &Session) -> Result<(), Failure> {
        let is_slicers = self.slicer || self.key.starts_with(&format!("{}_", SlicerKeyId::PREFIX));
        let id = if is_slicers { s.id::<SlicerKey>(&self.key).await? } else { s.id::<ApiKey>(&self.key).await? };
        if self.end {
            let key = match is_slicers {
                true => s.call::<EndSlicerKeyRoll>(Ask::of(id)).await?,
                false => s.call::<EndApiKeyRoll>(Ask::of(id)).await?,
            };
            return s.out.answer(&key, |key| format!("Only the newest secret of {} opens.", words(&key["name"])));
        }
        let body = self.overlap_seconds.map_or_else(|| json!({}), |seconds| json!({"overlap_seconds": seconds}));
        let (made, record) = match is_slicers {
            true => (s.call::<RollSlicerKey>(Ask::of(id).body(body)).await?, "slicer_key"),
            false => (s.call::<RollApiKey>(Ask::of(id).body(body)).await?, "api_key"),
        };
        s.out.answer(&made, |made| words(&made["secret"]))?;
        match made[record].get("old_secret_until") {
            Some(until) => s.out.note(&format!("The old secret opens too until {}.", words(until))),
            None => s.out.note("The old secret opens nothing any more."),
        }
        Ok(())
    }
}

impl HandOver {
    /// Does it.
    pub async fn run(self, s: &Session) -> Result<(), Failure> {
        let id = s.id::<ApiKey>(&self.key).await?;
        let key = s.call::<HandOverApiKey>(Ask::of(id).body(json!({"to": self.to}))).await?;
        s.out.answer(&key, |key| format!("{} is sponsored by {} now.", words(&key["name"]), words(&key["sponsor"]["id"])))
    }
}

impl Created {
    /// Does it.
    pub async fn run(self, s: &Session) -> Result<(), Failure> {
        let id = s.id::<ApiKey>(&self.key).await?;
        if self.hold {
            let done = s.call::<HoldCreatedByKey>(Ask::of(id).dry_run(self.dry_run)).await?;
            return ended(s, &done);
        }
        if self.cancel {
            if !self.dry_run {
                s.out.confirm(&format!("Cancel every job of {} that has not ended?", self.key))?;
            }
            let done = s.call::<CancelCreatedByKey>(Ask::of(id).dry_run(self.dry_run)).await?;
            return ended(s, &done);
        }
        let (mut items, mut cursor) = (Vec::new(), None);
        loop {
            let ask = Ask::of(id.clone()).query("limit", Some(200)).query("cursor", cursor);
            let page = s.call::<ListCreatedByKey>(ask).await?;
            items.extend(page["items"].as_array().cloned().unwrap_or_default());
            cursor = page.get("next_cursor").map(words);
            if cursor.is_none() {
                break;
            }
        }
        let row = |thing: &Value| {
            vec![
                Cell::of(&thing["kind"]),
                Cell::of(&thing["name"]),
                Cell::state(&thing["state"]),
                Cell::time(&thing["created_at"], s.out.now),
                Cell::id(&thing["id"]),
            ]
        };
        let all = json!({"items": items});
        s.out.table(&all, |_| {
            Table::new(&["KIND", "NAME", "STATE", "MADE", "ID"], "It made nothing that is still there.", items.iter().map(row))
        })
    }
}

fn ended(s: &Session, done: &Value) -> Result<(), Failure> {
    let results = done["results"].as_array().map(Vec::as_slice).unwrap_or_default();
    let row = |result: &Value| {
        let said = if result["ok"] == true { Cell::state(&json!("ok")) } else { Cell::state(&json!("failed")) };
        vec![Cell::id(&result["id"]), said, Cell::of(&result["problem"]["detail"])]
    };
    s.out.table(done, |_| Table::new(&["JOB", "RESULT", "WHY"], "None of its jobs is open.", results.iter().map(row)))?;
    if done["more"] == true {
        s.out.note("There are more: run it again.");
    }
    match results.iter().filter(|result| result["ok"] != true).count() {
        0 => Ok(()),
        failed => Err(Failure::new(Exit::Refused, format!("{failed} of {} did not work", results.len()))),
    }
}

/// `gantry keys presets`.
///
/// # Errors
/// What the farm says.
pub async fn presets(s: &Session) -> Result<(), Failure> {
    let presets = s.call::<ListApiKeyPresets>(Ask::all()).await?;
    let row = |preset: &Value| vec![Cell::of(&preset["preset"]), Cell::of(&preset["about"]), Cell::of(&preset["curl"])];
    s.out.table(&presets, |presets| {
        Table::new(&["PRESET", "FOR", "FIRST CALL"], "", presets["items"].as_array().into_iter().flatten().map(row))
    })?;
    s.out.next("gantry keys create NAME --preset dashboard");
    Ok(())
}
