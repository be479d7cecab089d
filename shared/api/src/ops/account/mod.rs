//! A person's own account at their relay.

mod edit_own_account;
mod get_own_account;
mod sessions;
mod set_own_password;

use contract::operation::Contract;
use contract::ops::account::{OwnAccount, OwnPasskey};
use contract::problem::{Code, Problem};
use domain::account::{Store, User};
use domain::actor::ActorKind;
use domain::id::UserId;
use domain::key::Session;
use domain::secret::Secret;
use store::{Passkey, Rows};

use crate::door::Door;
use crate::operation::{By, Failure};
use crate::password;

/// For how long after signing in nobody is asked for their password again.
const FRESH_SECONDS: i64 = 600;

/// Whose account it is.
///
/// # Errors
/// `relay_only` at a farm; `illegal_state` for a key.
pub(super) fn person<C: Contract>(by: &By<C>, door: &Door) -> Result<UserId, Problem> {
    door.relay_only("people have accounts at relays; a farm's owner has a password")?;
    let id = (by.actor.kind == ActorKind::User && by.session.is_some()).then(|| by.actor.id.parse().ok());
    id.flatten().ok_or_else(|| Problem::new(Code::IllegalState).detail("only a person who is signed in has an account"))
}

/// What opens a door for long is changed by who knows the password or signed in just now: a browser that was left open
/// is not enough.
///
/// # Errors
/// `sign_in_again`, `bad_credential`, or `rate_limited` for who guesses.
pub(super) async fn proven_again<C: Contract>(
    by: &By<C>,
    door: &Door,
    user: UserId,
    current: Option<&Secret<String>>,
) -> Result<(), Failure> {
    let Some(given) = current else {
        let session = by.session.map(|id| door.store.read(|rows| rows.get::<Session>(id))).transpose()?.flatten();
        let fresh = session.is_some_and(|row| door.now().millis_since(row.record.created_at) < FRESH_SECONDS * 1000);
        return if fresh { Ok(()) } else { Err(Problem::new(Code::SignInAgain).into()) };
    };
    door.throttle.take(by.from, door.now())?;
    let hash = door.store.read(|rows| rows.password_of(user))?;
    if !password::fits(given.expose().clone(), hash).await {
        return Err(Problem::new(Code::BadCredential).detail("the present password is not right").into());
    }
    door.throttle.give_back(by.from);
    Ok(())
}

/// The account as its owner sees it.
fn shown<C: Contract>(by: &By<C>, rows: Rows<'_>, id: UserId) -> Result<OwnAccount, Failure> {
    let user = by.find::<User>(rows, id)?.record;
    let store = rows.get::<Store>(by.store)?.ok_or_else(|| Problem::not_found(by.store))?.record;
    Ok(OwnAccount {
        id,
        store_id: by.store,
        store_name: store.name,
        name: user.name,
        email: user.email,
        role: user.role,
        has_password: rows.password_of(id)?.is_some(),
        passkeys: rows.passkeys_of(id)?.into_iter().map(own_passkey).collect(),
        identities: rows.identities_of(id)?.into_iter().map(|identity| identity.issuer).collect(),
    })
}

/// A passkey as its owner sees it.
pub(super) fn own_passkey(passkey: Passkey) -> OwnPasskey {
    let Passkey { id, state, .. } = passkey;
    OwnPasskey { id, name: state.name, created_at: state.created_at, used_at: state.used_at }
}
