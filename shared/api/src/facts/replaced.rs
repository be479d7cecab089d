//! An agent takes the place of a farm whose machine is gone. What the relay knew of the floor is as old as the last word that it heard:
//! nothing is believed that could start a print on an occupied bed, or print a job twice.

use domain::attempt::{Attempt, AttemptState, Stage, UnknownReason};
use domain::bed::{Bed, BedUse};
use domain::command::{Command, CommandState};
use domain::device::Device;
use domain::farm::{Dispatch, Farm, HomeIds};
use domain::file::{File, FileContent};
use domain::job::{Job, JobState};
use domain::printer::{Connection, Printer};
use store::{FeedRow, Tx};

use super::bed::use_bed_again;
use super::must;
use super::service::put_printer;
use crate::operation::Failure;

/// Becomes that farm, with what its relay knows of it. It starts nothing until somebody lets it; every bed must be cleared; what was claimed
/// or in flight is unknown until its printer is seen; printers want their keys again, and files come from the relay if it has them.
///
/// # Errors
/// A row that cannot be read; or what the database says.
pub fn take_place_of(tx: &mut Tx<'_>, home: HomeIds, last_number: u64, rows: &[FeedRow]) -> Result<(), Failure> {
    tx.become_farm(home, last_number, rows)?;
    let farm = must::<Farm>(tx, home.farm_id)?.record;
    tx.update(&Farm { dispatch: Dispatch::Stop, connection: Connection::Online, refused: None, ..farm })?;
    for row in tx.rows().all::<File>()? {
        if row.record.content == FileContent::Here {
            tx.update(&File { content: FileContent::OnItsWay, ..row.record })?;
        }
    }
    // Their secrets are gone with the machine: a phone is added anew.
    for row in tx.rows().all::<Device>()? {
        tx.delete(&row.record)?;
    }
    for row in tx.rows().all::<Command>()? {
        let ended = match row.record.state {
            CommandState::Accepted | CommandState::Dispatched => CommandState::Unknown,
            CommandState::Completed | CommandState::Failed | CommandState::Expired | CommandState::Unknown => continue,
        };
        let detail = Some("the farm's machine was replaced before its outcome was known".to_owned());
        tx.update(&Command { state: ended, detail, ended_at: Some(tx.now()), ..row.record })?;
    }
    let open: Vec<Attempt> = tx.rows().all::<Attempt>()?.into_iter().map(|row| row.record).filter(is_open).collect();
    for row in tx.rows().all::<Printer>()? {
        let mut printer = row.record;
        use_bed_again(tx, &mut printer)?;
        if let Some(attempt) = open.iter().find(|attempt| attempt.printer_id == printer.id) {
            (printer.bed, printer.bed_use) = (Bed::Unknown, BedUse::attempt(attempt.id));
            (printer.attempt_id, printer.job_id) = (Some(attempt.id), Some(attempt.job_id));
        }
        printer.connection = Connection::Offline;
        printer.link.credential_lost = printer.link.credential_set_at.take().is_some() || printer.link.credential_lost;
        put_printer(tx, printer, &[])?;
    }
    open.into_iter().try_for_each(|attempt| doubt(tx, attempt))
}

const fn is_open(attempt: &Attempt) -> bool {
    match attempt.state {
        AttemptState::Active(_) => true,
        AttemptState::Done(_) => false,
    }
}

/// The machine that is gone may have started it after its last word, and it may be over by now.
fn doubt(tx: &mut Tx<'_>, attempt: Attempt) -> Result<(), Failure> {
    let unknown = match attempt.state {
        AttemptState::Active(Stage::Assigned | Stage::Slicing | Stage::Sending) => UnknownReason::StartUnproven,
        AttemptState::Active(Stage::Starting | Stage::Printing | Stage::Paused(_) | Stage::Unknown(_)) => {
            UnknownReason::ContactLost
        }
        AttemptState::Done(_) => return Ok(()),
    };
    let stage = Stage::Unknown(unknown);
    let mut job = must::<Job>(tx, attempt.job_id)?.record;
    job.state = match job.state {
        JobState::Active(run, _) => JobState::Active(run, stage),
        other @ (JobState::AwaitingApproval | JobState::Held(_) | JobState::Queued | JobState::Done(..)) => other,
    };
    let detail = Some("the farm's machine was replaced while this was under way".to_owned());
    tx.update(&Attempt { state: AttemptState::Active(stage), detail, ..attempt })?;
    tx.update(&job)?;
    Ok(())
}
