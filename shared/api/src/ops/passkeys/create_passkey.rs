//! Keep a passkey that the browser made.

use contract::operation::Asked;
use contract::ops::account::OwnPasskey;
use contract::ops::ways_in::CreatePasskey;
use contract::problem::{Code, Problem};
use domain::id::{PasskeyId, UserId};
use store::{Passkey, PasskeyState};

use crate::door::Door;
use crate::operation::{AtHome, By, Failure, Write, Written};
use crate::ops::account::{own_passkey, person};
use crate::ways_in::PublicPart;

impl Write for CreatePasskey {
    type Prepared = (UserId, PublicPart);

    async fn prepare(by: &By<Self>, door: &Door, asked: &Asked<Self>) -> Result<(UserId, PublicPart), Failure> {
        let user = person(by, door)?;
        let made = door.ways_in.passkeys()?.finish_registration(door.now(), user, &asked.body)?;
        std::future::ready(Ok((user, made))).await
    }

    fn write(
        _: &By<Self>,
        at: &mut AtHome<'_, '_>,
        asked: Asked<Self>,
        (user, made): (UserId, PublicPart),
    ) -> Result<Written<OwnPasskey>, Failure> {
        if at.rows().passkey_of_credential(&made.credential)?.is_some() {
            return Err(Problem::new(Code::AlreadyExists).detail("that passkey is known already").into());
        }
        let (id, created_at): (PasskeyId, _) = (at.new_id(), at.now());
        let state = PasskeyState { name: asked.body.name, key: made.key, created_at, used_at: None };
        let passkey = Passkey { id, credential: made.credential, user, state };
        at.put_passkey(&passkey)?;
        Ok(own_passkey(passkey).into())
    }
}
