//! `gantry devices`: the phones and tablets of the floor. They are added on the page, where the phone sees the code.

use clap::{Args, Subcommand};
use contract::ops::devices::{DeleteDevice, ListDevices};
use domain::device::Device;
use serde_json::Value;

use crate::client::Ask;
use crate::failure::Failure;
use crate::output::actor;
use crate::pages::{Pages, verb_or_list};
use crate::session::Session;
use crate::table::{Cell, Table, words};

/// `gantry devices`.
#[derive(Args)]
pub struct Devices {
    #[command(subcommand)]
    verb: Option<Verb>,
    #[command(flatten)]
    list: List,
}

#[derive(Subcommand)]
enum Verb {
    /// List the phones and tablets.
    List(List),
    /// Remove devices: they are signed out at once.
    Remove(Several),
}

#[derive(Args, Default, PartialEq)]
struct List {
    /// Only in these states: invited, active.
    #[arg(long)]
    state: Option<String>,
    #[command(flatten)]
    pages: Pages,
}

#[derive(Args)]
struct Several {
    /// Names or ids.
    #[arg(required = true)]
    devices: Vec<String>,
}

impl Devices {
    /// Does it.
    pub async fn run(self, s: &Session) -> Result<(), Failure> {
        match verb_or_list(self.verb, self.list, Verb::List)? {
            Verb::List(list) => list.run(s).await,
            Verb::Remove(which) => {
                s.out.confirm(&format!("Remove {}?", which.devices.join(", ")))?;
                for text in &which.devices {
                    let id = s.id::<Device>(text).await?;
                    let gone = s.call::<DeleteDevice>(Ask::of(id)).await?;
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
        let none = "No phones or tablets. The page adds them, under People.";
        let head = &["NAME", "STATE", "RIGHTS", "LAST HEARD", "ADDED BY", "ID"];
        let row = |device: &Value| {
            let permissions = device["grants"]["permissions"].as_array().map_or(0, Vec::len);
            let rights = device.get("role").map_or_else(|| format!("{permissions} permissions"), words);
            vec![
                Cell::of(&device["name"]),
                Cell::state(&device["state"]),
                Cell::text(rights),
                Cell::time(&device["last_seen_at"], s.out.now),
                Cell::text(actor(&device["sponsor"])),
                Cell::id(&device["id"]),
            ]
        };
        self.pages.list::<ListDevices>(s, ask, |page| Table::new(head, none, page.iter().map(row))).await
    }
}
