//! Begin to make a passkey.

use contract::operation::Asked;
use contract::ops::ways_in::{BeginPasskey, PasskeyAsked};
use contract::problem::{Code, Problem};
use domain::account::User;

use crate::door::Door;
use crate::operation::{By, Failure, Read};
use crate::ops::account::{person, proven_again};

/// Passkeys of one person.
const MOST: usize = 20;

impl Read for BeginPasskey {
    async fn read(by: &By<Self>, door: &Door, asked: Asked<Self>) -> Result<PasskeyAsked, Failure> {
        let id = person(by, door)?;
        proven_again(by, door, id, asked.body.current_password.as_ref()).await?;
        let (user, has) = door.store.read(|rows| Ok::<_, Failure>((by.find::<User>(rows, id)?.record, rows.passkeys_of(id)?)))?;
        if has.len() >= MOST {
            return Err(Problem::new(Code::IllegalState).detail(format!("a person has {MOST} passkeys at the most")).into());
        }
        let name = user.email.as_ref().map_or(user.name.as_str(), |email| email.as_str());
        Ok(door.ways_in.passkeys()?.begin_registration(door.now(), id, name, &has)?)
    }
}
