//! What is written of one printer: all that its core decides on, read in one view.

use std::collections::BTreeSet;

use contract::list::{Condition, Selection, Sort};
use contract::record::{Record, kind_row};
use domain::access::Scope;
use domain::attempt::{Attempt, Token};
use domain::command::Command;
use domain::farm::{Dispatch, Farm};
use domain::file::File;
use domain::id::PrinterId;
use domain::job::Job;
use domain::printer::Printer;
use domain::state::Phase;
use drivers::contract::Content;
use scheduler::feeds::{Wanted, wanted};
use store::{Act, ActState, Rows, StoreError, Within};

/// Attempts of a printer whose tokens are still known as ours.
const REMEMBERED: usize = 20;

/// What is written of one printer.
#[derive(Debug, Clone, PartialEq)]
pub struct Facts {
    /// Its record.
    pub printer: Printer,
    /// Whether the farm starts work.
    pub dispatch: Dispatch,
    /// The attempt that it is claimed for, with its start act and its bytes.
    pub attempt: Option<InHand>,
    /// Commands without an outcome.
    pub commands: Vec<Command>,
    /// Tokens of earlier attempts that we started here: a print that shows one is ours, and dead.
    pub dead_tokens: BTreeSet<Token>,
}

/// The attempt that a printer is claimed for.
#[derive(Debug, Clone, PartialEq)]
pub struct InHand {
    /// The attempt.
    pub attempt: Attempt,
    /// Its start act, if it was written.
    pub act: Option<Act>,
    /// The bytes that it prints; none if the file's record is gone.
    pub content: Option<Content>,
    /// The filaments that its job needs.
    pub filaments: Vec<Wanted>,
}

/// Reads them; none if there is no such printer.
///
/// # Errors
/// What the database says.
pub fn read_facts(rows: Rows<'_>, id: PrinterId) -> Result<Option<Facts>, StoreError> {
    let Some(printer) = rows.get::<Printer>(id)?.map(|row| row.record) else { return Ok(None) };
    let mut selection = Selection::all().with(Condition::OneOf("printer_id", vec![id.to_string()]));
    selection.limit = REMEMBERED;
    selection.sort = Sort { column: "created_at", descending: true };
    let everywhere = Within { store: store_of(rows)?, farms: &Scope::All, tags: &Scope::All };
    let recent = rows.list(kind_row(Attempt::KIND), &selection, everywhere)?.rows;
    let mut dead_tokens = BTreeSet::new();
    for raw in recent {
        let done = raw.document.get("state").and_then(|word| word.as_str()).is_some_and(|word| {
            domain::state::StateWord::ALL.iter().any(|state| state.name() == word && state.phase() == Phase::Done)
        });
        let token = raw.document.get("token").cloned().unwrap_or_default();
        if done
            && let (Ok(token), Ok(attempt)) = (serde_json::from_value(token), raw.id.parse())
            // Without a start that may have come through, a print under the token is not of our doing.
            && rows.start_act(attempt)?.is_some_and(|act| act.state != ActState::Refused)
        {
            dead_tokens.insert(token);
        }
    }
    let attempt = match printer.attempt_id {
        None => None,
        Some(attempt) => rows.get::<Attempt>(attempt)?.map(|row| in_hand(rows, row.record)).transpose()?,
    };
    let commands = rows.all_where::<Command>("printer_id", &[&id.to_string()])?;
    let commands = commands.into_iter().map(|row| row.record).filter(|command| !command.state.is_final()).collect();
    let dispatch = rows.all::<Farm>()?.first().map_or(Dispatch::Stop, |farm| farm.record.dispatch);
    Ok(Some(Facts { printer, dispatch, attempt, commands, dead_tokens }))
}

fn store_of(rows: Rows<'_>) -> Result<domain::id::StoreId, StoreError> {
    rows.setting("store_id")?.ok_or(StoreError::Closed)
}

fn in_hand(rows: Rows<'_>, attempt: Attempt) -> Result<InHand, StoreError> {
    let act = rows.start_act(attempt.id)?;
    let file = rows.get::<File>(attempt.file_id)?.map(|row| row.record);
    let needs = rows.get::<Job>(attempt.job_id)?.map(|row| row.record.needs.materials).unwrap_or_default();
    let tools: Vec<u32> = file.iter().flat_map(|file| &file.sliced.filaments).map(|filament| filament.tool).collect();
    let filaments = wanted(&needs, &tools);
    let content = file.map(|file| Content {
        sha256: file.sha256,
        size_bytes: file.size_bytes,
        extension: extension(&file.name).to_owned(),
    });
    Ok(InHand { attempt, act, content, filaments })
}

/// The end of a file's name, as drivers know it.
fn extension(name: &str) -> &'static str {
    if name.to_ascii_lowercase().ends_with(".3mf") { "gcode.3mf" } else { "gcode" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_gcode_unless_its_name_says_otherwise() {
        for (name, expected) in [("a.gcode", "gcode"), ("a", "gcode"), ("A.GCODE.3MF", "gcode.3mf"), ("b.3mf", "gcode.3mf")] {
            assert_eq!(extension(name), expected, "{name}");
        }
    }
}
