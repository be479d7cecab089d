//! Set one's own password. All other sessions end.

use contract::operation::{Asked, Nothing};
use contract::ops::account::SetOwnPassword;
use domain::id::UserId;

use super::{person, proven_again};
use crate::door::Door;
use crate::facts;
use crate::operation::{AtHome, By, Failure, Write, Written};
use crate::password;

impl Write for SetOwnPassword {
    type Prepared = (UserId, String);

    async fn prepare(by: &By<Self>, door: &Door, asked: &Asked<Self>) -> Result<(UserId, String), Failure> {
        let id = person(by, door)?;
        proven_again(by, door, id, asked.body.current_password.as_ref()).await?;
        Ok((id, password::chosen(&asked.body.password).await?))
    }

    fn write(
        by: &By<Self>,
        at: &mut AtHome<'_, '_>,
        _: Asked<Self>,
        (id, hash): (UserId, String),
    ) -> Result<Written<Nothing>, Failure> {
        at.put_password(id, &hash)?;
        facts::end_sessions(at, &by.actor, by.session)?;
        Ok(Nothing {}.into())
    }
}
