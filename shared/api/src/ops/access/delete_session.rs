//! End a session.

use contract::operation::{Asked, Nothing};
use contract::ops::access::DeleteSession;
use domain::key::Session;

use crate::floor_people;
use crate::operation::{AtHome, By, Failure, Write, Written};
use crate::ops::unprepared;

impl Write for DeleteSession {
    unprepared!();

    fn write(by: &By<Self>, at: &mut AtHome<'_, '_>, asked: Asked<Self>, (): ()) -> Result<Written<Nothing>, Failure> {
        let session = by.find_to_change::<Session>(at.rows(), asked.target.id)?.record;
        at.forget_credentials(&session.id.to_string())?;
        at.delete(&session)?;
        floor_people::session_ended(at, &session)?;
        Ok(Nothing {}.into())
    }
}
