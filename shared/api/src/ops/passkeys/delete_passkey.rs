//! Forget one of one's own passkeys.

use contract::operation::{Asked, Nothing};
use contract::ops::ways_in::DeletePasskey;
use contract::problem::Problem;
use domain::actor::ActorKind;
use domain::id::UserId;

use crate::operation::{AtHome, By, Failure, Write, Written};
use crate::ops::unprepared;

impl Write for DeletePasskey {
    unprepared!();

    fn write(by: &By<Self>, at: &mut AtHome<'_, '_>, asked: Asked<Self>, (): ()) -> Result<Written<Nothing>, Failure> {
        let user = (by.actor.kind == ActorKind::User).then(|| by.actor.id.parse::<UserId>().ok()).flatten();
        let forgotten = user.map(|user| at.forget_passkey(user, asked.target.id)).transpose()?;
        if forgotten == Some(true) { Ok(Nothing {}.into()) } else { Err(Problem::not_found(asked.target.id).into()) }
    }
}
