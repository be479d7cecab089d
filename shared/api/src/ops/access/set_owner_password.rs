//! Set the owner's password of this farm. All other sessions of the owner end.

use contract::operation::{Asked, Nothing};
use contract::ops::access::SetOwnerPassword;
use contract::problem::{Code, Problem};
use domain::access::Grants;
use domain::actor::{Actor, ActorKind};

use crate::door::Door;
use crate::facts;
use crate::floor_people::OWNER;
use crate::operation::{AtHome, By, Failure, Write, Written};
use crate::password;

impl Write for SetOwnerPassword {
    type Prepared = String;

    async fn prepare(_: &By<Self>, _: &Door, asked: &Asked<Self>) -> Result<String, Failure> {
        Ok(password::chosen(&asked.body.password).await?)
    }

    fn write(by: &By<Self>, at: &mut AtHome<'_, '_>, _: Asked<Self>, hash: String) -> Result<Written<Nothing>, Failure> {
        // Who knows the password is the owner: it is set by nobody who could not do all that the owner can.
        if !Grants::owner().within(&by.grants) {
            return Err(Problem::new(Code::GrantsExceeded).detail("only the owner sets the owner's password").into());
        }
        at.put_setting("owner_password", &hash)?;
        at.forget_credentials(OWNER)?;
        facts::end_sessions(at, &Actor::new(ActorKind::Floor, OWNER), by.session)?;
        Ok(Nothing {}.into())
    }
}
