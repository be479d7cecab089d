//! Sign out: end the calling session.

use contract::operation::{Asked, Nothing};
use contract::ops::access::DeleteOwnSession;
use contract::problem::{Code, Problem};
use domain::key::Session;

use crate::auth::SessionCookie;
use crate::floor_people;
use crate::operation::{AtHome, By, Failure, Write, Written};
use crate::ops::unprepared;

impl Write for DeleteOwnSession {
    unprepared!();

    fn write(by: &By<Self>, at: &mut AtHome<'_, '_>, _: Asked<Self>, (): ()) -> Result<Written<Nothing>, Failure> {
        let id = by.session.ok_or_else(|| Problem::new(Code::IllegalState).detail("a key has no session"))?;
        let session = by.find::<Session>(at.rows(), id)?.record;
        at.forget_credentials(&id.to_string())?;
        at.delete(&session)?;
        floor_people::session_ended(at, &session)?;
        let mut written = Written::from(Nothing {});
        written.cookie = Some(SessionCookie { token: String::new(), seconds: 0 });
        Ok(written)
    }
}
