//! `gantry roles`: what each role opens, and the store's own.

use clap::{Args, Subcommand};
use contract::ops::access::ListPermissions;
use contract::ops::roles::{CreateRole, DeleteRole, EditRoleOp, ListRoles};
use domain::role::{OwnRole, Role};
use serde_json::{Map, Value, json};

use crate::client::Ask;
use crate::failure::Failure;
use crate::pages::{Pages, verb_or_list};
use crate::session::Session;
use crate::table::{Cell, Table, words};

/// `gantry roles`.
#[derive(Args)]
pub struct Roles {
    #[command(subcommand)]
    verb: Option<Verb>,
    #[command(flatten)]
    pages: Pages,
}

#[derive(Subcommand)]
enum Verb {
    /// List the store's own roles.
    List(Pages),
    /// List every permission, what it opens, and the built-in roles that have it.
    Permissions,
    /// Make a role of permissions that you hold.
    Create(Create),
    /// Change a role. Who has it holds what it opens from then on.
    Edit(Edit),
    /// Delete roles that nobody has.
    Delete(Several),
}

#[derive(Args)]
struct Create {
    /// What people call it.
    name: String,
    /// A permission such as job.create; may be given several times.
    #[arg(long = "permission", required = true)]
    permissions: Vec<String>,
}

#[derive(Args)]
struct Edit {
    /// Name or id.
    role: String,
    /// A new name.
    #[arg(long)]
    name: Option<String>,
    /// Permissions in place of those it has; may be given several times.
    #[arg(long = "permission")]
    permissions: Vec<String>,
    /// A permission beside those it has; may be given several times.
    #[arg(long = "add", conflicts_with = "permissions")]
    added: Vec<String>,
    /// A permission that it opens no more; may be given several times.
    #[arg(long = "take", conflicts_with = "permissions")]
    taken: Vec<String>,
}

#[derive(Args)]
struct Several {
    /// Names or ids.
    #[arg(required = true)]
    roles: Vec<String>,
}

impl Roles {
    /// Does it.
    pub async fn run(self, s: &Session) -> Result<(), Failure> {
        match verb_or_list(self.verb, self.pages, Verb::List)? {
            Verb::List(pages) => list(s, pages).await,
            Verb::Permissions => permissions(s).await,
            Verb::Create(Create { name, permissions }) => {
                let body = json!({"name": name, "permissions": permissions});
                let made = s.call::<CreateRole>(Ask::all().body(body)).await?;
                s.out.answer(&made, |made| format!("{} is made.", words(&made["name"])))?;
                s.out.next(&format!("gantry users edit NAME --role {}", words(&made["id"])));
                Ok(())
            }
            Verb::Edit(edit) => edit.run(s).await,
            Verb::Delete(which) => {
                s.out.confirm(&format!("Delete {}?", which.roles.join(", ")))?;
                for text in &which.roles {
                    let id = s.id::<OwnRole>(text).await?;
                    let gone = s.call::<DeleteRole>(Ask::of(id)).await?;
                    s.out.answer(&gone, |_| format!("{text} is deleted."))?;
                }
                Ok(())
            }
        }
    }
}

impl Edit {
    async fn run(self, s: &Session) -> Result<(), Failure> {
        let before = s.find::<OwnRole>(&self.role).await?;
        let mut body = Map::new();
        if let Some(name) = self.name {
            body.insert("name".to_owned(), name.into());
        }
        if !self.permissions.is_empty() {
            body.insert("permissions".to_owned(), self.permissions.into());
        } else if !(self.added.is_empty() && self.taken.is_empty()) {
            let has = before["permissions"].as_array().into_iter().flatten().map(words);
            let mut wanted: Vec<String> = has.filter(|one| !self.taken.contains(one)).collect();
            wanted.extend(self.added);
            body.insert("permissions".to_owned(), wanted.into());
        }
        if body.is_empty() {
            return Err(Failure::usage("say what is to change").hint("gantry roles edit --help"));
        }
        let changed = s.call::<EditRoleOp>(Ask::of(words(&before["id"])).body(body.into())).await?;
        s.out.answer(&changed, |changed| {
            let count = changed["permissions"].as_array().map_or(0, Vec::len);
            format!("{} opens {count} permissions now.", words(&changed["name"]))
        })
    }
}

async fn list(s: &Session, pages: Pages) -> Result<(), Failure> {
    let none = "No roles of your own. `gantry roles create NAME --permission …` makes one; `gantry roles permissions` shows the built-in ones.";
    let row = |role: &Value| vec![Cell::of(&role["name"]), Cell::of(&role["permissions"]), Cell::id(&role["id"])];
    pages.list::<ListRoles>(s, Ask::all(), |page| Table::new(&["NAME", "OPENS", "ID"], none, page.iter().map(row))).await
}

async fn permissions(s: &Session) -> Result<(), Failure> {
    let all = s.call::<ListPermissions>(Ask::all()).await?;
    let row = |one: &Value| vec![Cell::of(&one["name"]), Cell::of(&one["text"]), Cell::of(&one["roles"])];
    s.out.table(&all, |all| {
        Table::new(&["PERMISSION", "OPENS", "ROLES"], "", all["items"].as_array().into_iter().flatten().map(row))
    })
}

/// A role as the API wants it: a built-in one by its word, one of the store's own by name or id.
///
/// # Errors
/// There is none of that name.
pub async fn role(s: &Session, text: &str) -> Result<String, Failure> {
    if serde_json::from_value::<Role>(text.into()).is_ok() {
        return Ok(text.to_owned());
    }
    s.id::<OwnRole>(text).await
}
