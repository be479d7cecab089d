//! Lists and details: pages of a list until the caller has enough, and one thing line by line.

use clap::Args;
use contract::operation::Contract;
use serde_json::Value;

use crate::client::Ask;
use crate::failure::Failure;
use crate::session::Session;
use crate::table::{Cell, Table, Tone, words};

/// What a person reads at once.
const DEFAULT_LIMIT: u32 = 50;

/// How much of a list.
#[derive(Args, PartialEq)]
pub struct Pages {
    /// How many at once, 1 to 200.
    #[arg(long, default_value_t = DEFAULT_LIMIT)]
    limit: u32,
    /// Where the page before ended.
    #[arg(long)]
    pub cursor: Option<String>,
    /// Page after page to the end; with --json one page on a line.
    #[arg(long)]
    all: bool,
}

impl Default for Pages {
    fn default() -> Self {
        Self { limit: DEFAULT_LIMIT, cursor: None, all: false }
    }
}

/// A noun without a verb lists. Filters before a verb would go unheard, so they are refused.
///
/// # Errors
/// There are both.
pub fn verb_or_list<V, L: Default + PartialEq>(verb: Option<V>, list: L, as_verb: fn(L) -> V) -> Result<V, Failure> {
    match verb {
        None => Ok(as_verb(list)),
        Some(verb) if list == L::default() => Ok(verb),
        Some(_) => {
            Err(Failure::usage("filters of a list stand before a verb").hint("Put options behind the verb that they belong to."))
        }
    }
}

impl Pages {
    /// Lists.
    ///
    /// # Errors
    /// What the farm says.
    pub async fn list<C: Contract>(self, s: &Session, ask: Ask, table: impl Fn(&[Value]) -> Table) -> Result<(), Failure> {
        let mut cursor = self.cursor;
        loop {
            let page = s.call::<C>(ask.clone().query("limit", Some(self.limit)).query("cursor", cursor.as_ref())).await?;
            s.out.table(&page, |page| table(page["items"].as_array().map(Vec::as_slice).unwrap_or_default()))?;
            let full = page["items"].as_array().is_some_and(|items| !items.is_empty());
            match page.get("next_cursor").map(words) {
                Some(next) if self.all && full => cursor = Some(next),
                // A log has always a next page; only a full one says that there is something on it.
                Some(next) if !self.all && page["items"].as_array().is_some_and(|items| items.len() >= self.limit as usize) => {
                    s.out.note(&format!("There may be more: --cursor {next}, or --all."));
                    return Ok(());
                }
                Some(_) | None => return Ok(()),
            }
        }
    }
}

/// One thing line by line; what is not known is left out.
pub fn details<const N: usize>(lines: [(&'static str, Cell); N]) -> Table {
    let lines = lines.into_iter().filter(|(_, cell)| !cell.is_empty());
    Table::new(&["", ""], "", lines.map(|(name, cell)| vec![Cell::text(name).toned(Tone::Faint), cell]))
}
