//! Take back what still waits for a farm that is away.

use contract::operation::Asked;
use contract::ops::commands::{WithdrawCommand, Withdrawn};
use contract::problem::Problem;
use domain::command::Command;
use domain::permission::Permission;

use crate::mailbox;
use crate::operation::{AtHome, By, Failure, Write, Written};
use crate::ops::unprepared;

impl Write for WithdrawCommand {
    unprepared!();

    fn write(by: &By<Self>, at: &mut AtHome<'_, '_>, asked: Asked<Self>, (): ()) -> Result<Written<Withdrawn>, Failure> {
        let id = asked.target.id;
        let command = by.find_raw::<Command>(at.rows(), id)?;
        let own = command.document.get("created_by") == serde_json::to_value(&by.actor).ok().as_ref();
        if !own && !by.grants.permissions.has(Permission::FarmEdit) {
            return Err(Problem::missing(Permission::FarmEdit).on(id).into());
        }
        mailbox::withdraw(at, id)?;
        Ok(Withdrawn { id }.into())
    }
}
