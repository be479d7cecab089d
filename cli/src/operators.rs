//! `gantry operators`: the people of the floor. A PIN comes from standard input, where no list of processes shows it.

use std::io::{BufRead, IsTerminal, Read};

use clap::{Args, Subcommand};
use contract::operation::Contract;
use contract::ops::operators::{
    CreateOperator, DeleteOperator, EditOperatorOp, ListOperators, PauseOperator, ResumeOperator, SetOperatorPin,
};
use domain::operator::Operator;
use serde_json::{Map, Value, json};

use crate::client::Ask;
use crate::failure::Failure;
use crate::pages::{Pages, verb_or_list};
use crate::session::Session;
use crate::table::{Cell, Table, words};

/// `gantry operators`.
#[derive(Args)]
pub struct Operators {
    #[command(subcommand)]
    verb: Option<Verb>,
    #[command(flatten)]
    list: List,
}

#[derive(Subcommand)]
enum Verb {
    /// List the operators.
    List(List),
    /// Add an operator. They can sign in once they have a PIN.
    Add(Add),
    /// Change what an operator may do. It holds at once.
    Edit(Edit),
    /// Set an operator's PIN; it is read from standard input.
    Pin(One),
    /// Pause operators: they are signed out, and their PINs open nothing until they are resumed.
    Pause(Several),
    /// Resume paused operators.
    Resume(Several),
    /// Remove operators, with the devices that they added.
    Remove(Several),
}

#[derive(Args, Default, PartialEq)]
struct List {
    /// Only in these states: active, paused.
    #[arg(long)]
    state: Option<String>,
    #[command(flatten)]
    pages: Pages,
}

#[derive(Args)]
struct One {
    /// Name or id.
    operator: String,
}

#[derive(Args)]
struct Several {
    /// Names or ids.
    #[arg(required = true)]
    operators: Vec<String>,
}

#[derive(Args)]
struct Rights {
    /// A built-in role: admin, operator, part_manager or viewer.
    #[arg(long)]
    role: Option<String>,
    /// A single permission such as job.create; may be given several times.
    #[arg(long = "permission")]
    permissions: Vec<String>,
    /// Only for printers with that tag; may be given several times.
    #[arg(long = "tag")]
    tags: Vec<String>,
}

#[derive(Args)]
struct Add {
    /// What they are called; it stands at the door where they sign in.
    name: String,
    #[command(flatten)]
    rights: Rights,
}

#[derive(Args)]
struct Edit {
    /// Name or id.
    operator: String,
    /// A new name.
    #[arg(long)]
    name: Option<String>,
    #[command(flatten)]
    rights: Rights,
}

impl Operators {
    /// Does it.
    pub async fn run(self, s: &Session) -> Result<(), Failure> {
        match verb_or_list(self.verb, self.list, Verb::List)? {
            Verb::List(list) => list.run(s).await,
            Verb::Add(Add { name, rights }) => {
                let made = s.call::<CreateOperator>(Ask::all().body(rights.of(Some(name)))).await?;
                s.out.answer(&made, |made| format!("{} is added.", words(&made["name"])))?;
                s.out.next(&format!("gantry operators pin {}", words(&made["id"])));
                Ok(())
            }
            Verb::Edit(Edit { operator, name, rights }) => {
                let id = s.id::<Operator>(&operator).await?;
                let changed = s.call::<EditOperatorOp>(Ask::of(id).body(rights.of(name))).await?;
                s.out.answer(&changed, |changed| format!("{} is changed.", words(&changed["name"])))
            }
            Verb::Pin(One { operator }) => {
                let id = s.id::<Operator>(&operator).await?;
                let set = s.call::<SetOperatorPin>(Ask::of(id).body(json!({"pin": pin()?}))).await?;
                s.out.answer(&set, |set| format!("{} has a new PIN.", words(&set["name"])))
            }
            Verb::Pause(which) => each::<PauseOperator>(s, &which).await,
            Verb::Resume(which) => each::<ResumeOperator>(s, &which).await,
            Verb::Remove(which) => {
                s.out.confirm(&format!("Remove {}?", which.operators.join(", ")))?;
                for text in &which.operators {
                    let id = s.id::<Operator>(text).await?;
                    let gone = s.call::<DeleteOperator>(Ask::of(id)).await?;
                    s.out.answer(&gone, |_| format!("{text} is removed."))?;
                }
                Ok(())
            }
        }
    }
}

impl List {
    async fn run(self, s: &Session) -> Result<(), Failure> {
        let ask = Ask::all().query("state", self.state);
        let none = "No operators. `gantry operators add NAME` adds one.";
        let head = &["NAME", "STATE", "PIN", "RIGHTS", "TAGS", "ID"];
        let row = |operator: &Value| {
            let single = operator["permissions"].as_array().map_or(0, Vec::len);
            let rights = operator.get("role").map_or_else(|| format!("{single} permissions"), words);
            vec![
                Cell::of(&operator["name"]),
                Cell::state(&operator["state"]),
                Cell::of(&operator["pin"]),
                Cell::text(rights),
                Cell::of(operator["tags"].get("only").unwrap_or(&Value::Null)),
                Cell::id(&operator["id"]),
            ]
        };
        self.pages.list::<ListOperators>(s, ask, |page| Table::new(head, none, page.iter().map(row))).await
    }
}

impl Rights {
    fn of(self, name: Option<String>) -> Value {
        let several = |texts: Vec<String>| (!texts.is_empty()).then(|| Value::from(texts));
        let fields = [
            ("name", name.map(Value::from)),
            ("role", self.role.map(Value::from)),
            ("permissions", several(self.permissions)),
            ("tags", several(self.tags)),
        ];
        Value::Object(fields.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect::<Map<_, _>>())
    }
}

fn pin() -> Result<String, Failure> {
    let stdin = std::io::stdin();
    let cannot = |error| Failure::fail(format!("the PIN cannot be read: {error}"));
    if stdin.is_terminal() {
        eprint!("PIN (it is not shown): ");
        let text = rpassword::read_password().map_err(cannot)?;
        eprintln!();
        return Ok(text.trim().to_owned());
    }
    let mut line = String::new();
    stdin.lock().take(100).read_line(&mut line).map_err(cannot)?;
    Ok(line.trim().to_owned())
}

async fn each<C: Contract>(s: &Session, which: &Several) -> Result<(), Failure> {
    for text in &which.operators {
        let id = s.id::<Operator>(text).await?;
        let operator = s.call::<C>(Ask::of(id)).await?;
        s.out.answer(&operator, |operator| format!("{} is {}.", words(&operator["name"]), words(&operator["state"])))?;
    }
    Ok(())
}
