//! `gantry users`: the people of a store, at its relay. Whoever is removed leaves things behind; what becomes of each is said, never
//! guessed.

use clap::{Args, Subcommand};
use contract::operation::Contract;
use contract::ops::accounts::{EditUserOp, InviteUser, ListUsers, ReinstateUser, RemoveUserOp, RenewInvite, SuspendUser};
use contract::problem::Code;
use domain::account::User;
use serde_json::{Map, Value, json};

use crate::client::Ask;
use crate::failure::Failure;
use crate::pages::{Pages, verb_or_list};
use crate::roles::role;
use crate::session::Session;
use crate::table::{Cell, Table, words};

/// `gantry users`.
#[derive(Args)]
pub struct Users {
    #[command(subcommand)]
    verb: Option<Verb>,
    #[command(flatten)]
    list: List,
}

#[derive(Subcommand)]
enum Verb {
    /// List the people of the store.
    List(List),
    /// Invite somebody. The link that signs them in stands alone on standard output, once.
    Invite(Invite),
    /// Change what somebody is called, and what they may do. It holds at once.
    Edit(Edit),
    /// Make a new link for somebody who did not come yet, or lost what they sign in with.
    Link(One),
    /// Suspend people: they and all that they sponsor open nothing until they are reinstated.
    Suspend(Several),
    /// Reinstate suspended people.
    Reinstate(Several),
    /// Remove somebody, and say what becomes of the keys and webhooks that they leave behind.
    Remove(Remove),
}

#[derive(Args, Default, PartialEq)]
struct List {
    /// Only in these states: invited, active, suspended.
    #[arg(long)]
    state: Option<String>,
    /// Only with that role, by its word, name or id.
    #[arg(long)]
    role: Option<String>,
    #[command(flatten)]
    pages: Pages,
}

#[derive(Args)]
struct One {
    /// Name or id.
    user: String,
}

#[derive(Args)]
struct Several {
    /// Names or ids.
    #[arg(required = true)]
    users: Vec<String>,
}

#[derive(Args)]
struct Invite {
    /// What they are called.
    name: String,
    /// What they will sign in with.
    #[arg(long)]
    email: String,
    /// A built-in role (store_owner, admin, operator, part_manager, viewer) or one of the store's own; operator if nothing is given.
    #[arg(long)]
    role: Option<String>,
    /// A single permission such as job.create; may be given several times.
    #[arg(long = "permission")]
    permissions: Vec<String>,
    /// Only for printers with that tag; may be given several times.
    #[arg(long = "tag")]
    tags: Vec<String>,
    /// Only on that farm, by id; may be given several times.
    #[arg(long = "farm")]
    farms: Vec<String>,
}

#[derive(Args)]
struct Edit {
    /// Name or id.
    user: String,
    /// A new name.
    #[arg(long)]
    name: Option<String>,
    /// Another e-mail address.
    #[arg(long)]
    email: Option<String>,
    /// Another role; `none` takes it away.
    #[arg(long)]
    role: Option<String>,
    /// Single permissions in place of those they have; may be given several times; `none` takes them away.
    #[arg(long = "permission")]
    permissions: Vec<String>,
    /// Only for printers with that tag; may be given several times; `all` lifts the limit.
    #[arg(long = "tag")]
    tags: Vec<String>,
    /// Only on that farm, by id; may be given several times; `all` lifts the limit.
    #[arg(long = "farm")]
    farms: Vec<String>,
}

#[derive(Args)]
struct Remove {
    /// Name or id.
    user: String,
    /// What becomes of one key or webhook: its id, `=`, and `keep`, `revoke`, or the name or id of whom it goes to.
    #[arg(long = "thing", value_name = "ID=FATE")]
    things: Vec<String>,
    /// What becomes of all others: `keep`, `revoke`, or the name or id of whom they go to.
    #[arg(long, value_name = "FATE")]
    others: Option<String>,
}

impl Users {
    /// Does it.
    pub async fn run(self, s: &Session) -> Result<(), Failure> {
        match verb_or_list(self.verb, self.list, Verb::List)? {
            Verb::List(list) => list.run(s).await,
            Verb::Invite(invite) => invite.run(s).await,
            Verb::Edit(edit) => edit.run(s).await,
            Verb::Link(One { user }) => {
                let id = s.id::<User>(&user).await?;
                link(s, &s.call::<RenewInvite>(Ask::of(id)).await?)
            }
            Verb::Suspend(which) => each::<SuspendUser>(s, &which).await,
            Verb::Reinstate(which) => each::<ReinstateUser>(s, &which).await,
            Verb::Remove(remove) => remove.run(s).await,
        }
    }
}

impl List {
    async fn run(self, s: &Session) -> Result<(), Failure> {
        let role = match self.role {
            Some(text) => Some(role(s, &text).await?),
            None => None,
        };
        let ask = Ask::all().query("state", self.state).query("role", role);
        let head = &["NAME", "E-MAIL", "STATE", "RIGHTS", "TAGS", "FARMS", "ID"];
        let row = |user: &Value| {
            let single = user["permissions"].as_array().map_or(0, Vec::len);
            let rights = match (user.get("role").map(words), single) {
                (Some(role), 0) => role,
                (Some(role), more) => format!("{role} +{more}"),
                (None, single) => format!("{single} permissions"),
            };
            vec![
                Cell::of(&user["name"]),
                Cell::of(&user["email"]),
                Cell::state(&user["state"]),
                Cell::text(rights),
                Cell::of(user["tags"].get("only").unwrap_or(&Value::Null)),
                Cell::of(user["farms"].get("only").unwrap_or(&Value::Null)),
                Cell::id(&user["id"]),
            ]
        };
        self.pages.list::<ListUsers>(s, ask, |page| Table::new(head, "No people.", page.iter().map(row))).await
    }
}

impl Invite {
    async fn run(self, s: &Session) -> Result<(), Failure> {
        let given = match (&self.role, self.permissions.is_empty()) {
            (Some(text), _) => Some(role(s, text).await?),
            (None, true) => Some("operator".to_owned()),
            (None, false) => None,
        };
        let several = |texts: Vec<String>| (!texts.is_empty()).then(|| Value::from(texts));
        let fields = [
            ("name", Some(self.name.into())),
            ("email", Some(self.email.into())),
            ("role", given.map(Value::from)),
            ("permissions", several(self.permissions)),
            ("tags", several(self.tags)),
            ("farms", several(self.farms)),
        ];
        link(s, &s.call::<InviteUser>(Ask::all().body(object(fields).into())).await?)
    }
}

impl Edit {
    async fn run(self, s: &Session) -> Result<(), Failure> {
        let id = s.id::<User>(&self.user).await?;
        let several = |given: Vec<String>, word: &str, lifted: Value| match given.as_slice() {
            [] => None,
            [only] if only == word => Some(lifted),
            [..] => Some(Value::from(given)),
        };
        let given = match self.role.as_deref() {
            None => None,
            Some("none") => Some(Value::Null),
            Some(text) => Some(role(s, text).await?.into()),
        };
        let fields = [
            ("name", self.name.map(Value::from)),
            ("email", self.email.map(Value::from)),
            ("role", given),
            ("permissions", several(self.permissions, "none", json!([]))),
            ("tags", several(self.tags, "all", Value::Null)),
            ("farms", several(self.farms, "all", Value::Null)),
        ];
        let body = object(fields);
        if body.is_empty() {
            return Err(Failure::usage("say what is to change").hint("gantry users edit --help"));
        }
        let changed = s.call::<EditUserOp>(Ask::of(id).body(body.into())).await?;
        s.out.answer(&changed, |changed| format!("{} is changed.", words(&changed["name"])))
    }
}

impl Remove {
    async fn run(self, s: &Session) -> Result<(), Failure> {
        let id = s.id::<User>(&self.user).await?;
        let mut things = Map::new();
        for text in &self.things {
            let Some((thing, wanted)) = text.split_once('=') else {
                return Err(Failure::usage(format!("`{text}` does not say what becomes of what")).hint("--thing key_…=keep"));
            };
            things.insert(thing.to_owned(), fate(s, wanted).await?);
        }
        let mut body = json!({"things": things});
        if let Some(wanted) = &self.others {
            body["others"] = fate(s, wanted).await?;
        }
        s.out.confirm(&format!("Remove {}?", self.user))?;
        match s.call::<RemoveUserOp>(Ask::of(id).body(body)).await {
            Ok(gone) => s.out.answer(&gone, |_| format!("{} is removed.", self.user)),
            Err(undecided) if undecided.has_code(Code::DecisionRequired) => {
                let left =
                    undecided.problem.as_ref().and_then(|problem| problem["errors"].as_array()).cloned().unwrap_or_default();
                let of = |one: &Value| {
                    let id = words(&one["pointer"]).trim_start_matches("/things/").to_owned();
                    format!("\n  --thing {id}=keep|revoke|PERSON   {}", words(&one["detail"]))
                };
                let hint = "Say what becomes of each, or of all: --others keep, --others revoke, or --others PERSON.";
                Err(undecided.hint(format!("{hint}{}", left.iter().map(of).collect::<String>())))
            }
            Err(other) => Err(other),
        }
    }
}

/// What becomes of a thing.
async fn fate(s: &Session, text: &str) -> Result<Value, Failure> {
    match text {
        "keep" | "revoke" => Ok(json!({"action": text})),
        person => Ok(json!({"action": "hand_over", "to": s.id::<User>(person).await?})),
    }
}

/// The link of who was invited: what opens the door stands alone on standard output.
fn link(s: &Session, invited: &Value) -> Result<(), Failure> {
    s.out.answer(invited, |invited| format!("{}/account#token={}", s.client.url(), words(&invited["token"])))?;
    let name = words(&invited["user"]["name"]);
    s.out.note(&format!("Give this link to {name}: it signs them in once, until {}.", words(&invited["link_ends_at"])));
    Ok(())
}

fn object<const N: usize>(fields: [(&str, Option<Value>); N]) -> Map<String, Value> {
    fields.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
}

async fn each<C: Contract>(s: &Session, which: &Several) -> Result<(), Failure> {
    for text in &which.users {
        let id = s.id::<User>(text).await?;
        let user = s.call::<C>(Ask::of(id)).await?;
        s.out.answer(&user, |user| format!("{} is {}.", words(&user["name"]), words(&user["state"])))?;
    }
    Ok(())
}
