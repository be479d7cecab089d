//! Change one's own name or e-mail address.

use contract::operation::Asked;
use contract::ops::account::{EditOwnAccountOp, OwnAccount};
use domain::account::User;
use domain::id::UserId;

use super::{person, proven_again, shown};
use crate::door::Door;
use crate::operation::{AtHome, By, Failure, Write, Written};
use crate::ops::accounts::email_is_free;

impl Write for EditOwnAccountOp {
    type Prepared = UserId;

    async fn prepare(by: &By<Self>, door: &Door, asked: &Asked<Self>) -> Result<UserId, Failure> {
        let id = person(by, door)?;
        // Who gets mail there can come in by an identity provider that says so.
        if asked.body.email.is_some() {
            proven_again(by, door, id, asked.body.current_password.as_ref()).await?;
        }
        Ok(id)
    }

    fn write(by: &By<Self>, at: &mut AtHome<'_, '_>, asked: Asked<Self>, id: UserId) -> Result<Written<OwnAccount>, Failure> {
        let mut user = by.find_to_change::<User>(at.rows(), id)?.record;
        user.name = asked.body.name.unwrap_or(user.name);
        if let Some(email) = asked.body.email {
            email_is_free(at.rows(), by.store, &email, id)?;
            user.email = Some(email);
        }
        at.update(&user)?;
        Ok(shown(by, at.rows(), id)?.into())
    }
}
