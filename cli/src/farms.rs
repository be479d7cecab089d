//! `gantry farms`: the farms of a store, how one comes to it, and how one leaves.

use std::io::IsTerminal;

use clap::{Args, Subcommand};
use contract::ops::claims::{ClaimFarmOp, DismissRefusal, GetPairing, RekeyFarm, UnpairFarm};
use contract::ops::farms::ListFarms;
use serde_json::{Value, json};

use crate::client::Ask;
use crate::failure::Failure;
use crate::farm::the_farm;
use crate::pages::{Pages, verb_or_list};
use crate::session::Session;
use crate::table::{Cell, Table, words};

/// `gantry farms`.
#[derive(Args)]
pub struct Farms {
    #[command(subcommand)]
    verb: Option<Verb>,
    #[command(flatten)]
    pages: Pages,
}

#[derive(Subcommand)]
enum Verb {
    /// List the farms.
    List(Pages),
    /// Claim the farm that asks under a code, at a relay.
    Claim(Claim),
    /// Let the agent that asks under a code take the place of a farm: one that was refused as a copy, restored from an old copy, or a new
    /// machine for one that is gone.
    Replace {
        /// The farm's name or id.
        farm: String,
        #[command(flatten)]
        claim: Claim,
    },
    /// Let a farm leave its store.
    Unpair {
        /// Its name or id.
        farm: String,
    },
    /// Let a farm make a new key for its line to the relay; the old one opens nothing any more.
    Rekey {
        /// Its name or id; absent = the only one.
        farm: Option<String>,
    },
    /// Dismiss what is said of an agent that came as a farm and was not let in.
    Dismiss {
        /// The farm's name or id; absent = the only one.
        farm: Option<String>,
    },
}

#[derive(Args)]
struct Claim {
    /// The code that the farm shows.
    code: String,
    /// The four words that the farm shows: then nobody is asked to compare them.
    #[arg(long, value_name = "WORDS")]
    fingerprint: Option<String>,
}

impl Farms {
    /// Does it.
    pub async fn run(self, s: &Session) -> Result<(), Failure> {
        match verb_or_list(self.verb, self.pages, Verb::List)? {
            Verb::List(pages) => list(s, pages).await,
            Verb::Claim(claim) => claim.run(s, None).await,
            Verb::Replace { farm, claim } => {
                let farm = the_farm(s, Some(&farm)).await?;
                s.out.note("Whatever agent had the farm before is refused from then on. The farm starts nothing until somebody lets it run.");
                claim.run(s, Some(words(&farm["id"]))).await
            }
            Verb::Unpair { farm } => unpair(s, &farm).await,
            Verb::Rekey { farm } => rekey(s, farm.as_deref()).await,
            Verb::Dismiss { farm } => dismiss(s, farm.as_deref()).await,
        }
    }
}

async fn list(s: &Session, pages: Pages) -> Result<(), Failure> {
    let row = |farm: &Value| {
        vec![
            Cell::of(&farm["name"]),
            Cell::state(&farm["connection"]),
            Cell::state(&farm["dispatch"]),
            Cell::text(if farm["live"] == false { "test" } else { "" }),
            Cell::of(&farm["refused"]["why"]),
            Cell::id(&farm["id"]),
        ]
    };
    let none = "No farms. `gantry claim RELAY_URL` at a farm shows a code for `gantry farms claim`.";
    let head = &["NAME", "CONNECTION", "STARTS WORK", "KIND", "REFUSED AGENT", "ID"];
    pages.list::<ListFarms>(s, Ask::all(), |page| Table::new(head, none, page.iter().map(row))).await
}

impl Claim {
    async fn run(self, s: &Session, replace: Option<String>) -> Result<(), Failure> {
        let asking = s.call::<GetPairing>(Ask::of(&self.code)).await?;
        let words_shown = match self.fingerprint {
            Some(given) => given,
            None => compare(s, &asking)?,
        };
        let mut yes = json!({"user_code": asking["user_code"], "fingerprint": words_shown});
        if let Some(farm) = replace {
            yes["replace"] = farm.into();
        }
        let claimed = s.call::<ClaimFarmOp>(Ask::all().body(yes)).await?;
        s.out.answer(&claimed, |farm| format!("{} is claimed. It comes by itself within seconds.", words(&farm["farm_name"])))?;
        s.out.next("gantry farms");
        Ok(())
    }
}

/// Lets a person compare the words: the one thing that --yes cannot know.
fn compare(s: &Session, asking: &Value) -> Result<String, Failure> {
    let fingerprint = words(&asking["fingerprint"]);
    if !std::io::stdin().is_terminal() || s.out.yes {
        let text = "somebody must compare the four words with those that the farm shows";
        return Err(Failure::usage(text).hint("Say what the farm shows with --fingerprint WORDS."));
    }
    let keys = asking["keys"].as_array().map(Vec::as_slice).unwrap_or_default();
    let keys = keys.iter().map(|key| {
        let held = key["permissions"].as_array().map_or(0, Vec::len);
        vec![Cell::text("key that goes along"), Cell::text(format!("{} ({held} permissions)", words(&key["name"])))]
    });
    let said = [("farm", "farm_name"), ("machine", "host"), ("words", "fingerprint")];
    let kind = (asking["live"] == false).then(|| vec![Cell::text("kind"), Cell::text("test farm, with simulated printers")]);
    let rows = said.map(|(name, field)| vec![Cell::text(name), Cell::of(&asking[field])]).into_iter().chain(kind).chain(keys);
    eprintln!("{}", Table::new(&["", ""], "", rows).aligned(s.out.colour));
    s.out.confirm("Does the farm itself show these four words?")?;
    Ok(fingerprint)
}

async fn unpair(s: &Session, farm: &str) -> Result<(), Failure> {
    let farm = the_farm(s, Some(farm)).await?;
    s.out.note(
        "The store's keys open nothing at the farm from then on. Printers, filament and pools stay with the farm; jobs, orders,
files and history stay with the store. What waits is cancelled; a print that runs goes on.",
    );
    s.out.confirm(&format!("Let {} leave its store?", words(&farm["name"])))?;
    let left = s.call::<UnpairFarm>(Ask::of(words(&farm["id"]))).await?;
    s.out.answer(&left, |_| format!("{} has left its store.", words(&farm["name"])))
}

async fn rekey(s: &Session, farm: Option<&str>) -> Result<(), Failure> {
    let farm = the_farm(s, farm).await?;
    let made = s.call::<RekeyFarm>(Ask::of(words(&farm["id"]))).await?;
    s.out.answer(&made, |made| {
        format!("The words of the new key: {}. It is used as soon as the relay knows it.", words(&made["fingerprint"]))
    })
}

async fn dismiss(s: &Session, farm: Option<&str>) -> Result<(), Failure> {
    let farm = the_farm(s, farm).await?;
    let done = s.call::<DismissRefusal>(Ask::of(words(&farm["id"]))).await?;
    s.out.answer(&done, |_| format!("Dismissed. If {} shows it again, that agent came again.", words(&farm["name"])))
}
