//! Set an operator's PIN. It is kept as a slow hash, and that sealed: a million PINs are tried in an hour by who has the hash.

use contract::list::View;
use contract::operation::Asked;
use contract::ops::operators::SetOperatorPin;
use contract::problem::Problem;
use domain::id::SessionId;
use domain::operator::{Operator, PinState, pin_problem};
use domain::secret::Secret;
use store::Entropy;

use crate::door::Door;
use crate::entropy::SystemEntropy;
use crate::facts;
use crate::floor_people;
use crate::operation::{AtHome, By, Failure, Write, Written};
use crate::ops::keys::held;
use crate::password;

/// The name of the secret.
pub(in crate::ops) const PIN: &str = "pin";

impl Write for SetOperatorPin {
    type Prepared = String;

    async fn prepare(_: &By<Self>, _: &Door, asked: &Asked<Self>) -> Result<String, Failure> {
        hash_of(&asked.body.pin).await
    }

    fn write(
        by: &By<Self>,
        at: &mut AtHome<'_, '_>,
        asked: Asked<Self>,
        hash: String,
    ) -> Result<Written<View<Operator>>, Failure> {
        let operator = by.find_to_change::<Operator>(at.rows(), asked.target.id)?.record;
        // Who sets the PIN can sign in with it.
        held(&by.grants, &operator.grants())?;
        let id = operator.id;
        put_pin(at, operator, &hash, None)?;
        Ok(by.view(at.rows(), id)?.into())
    }
}

/// The hash of a new PIN.
///
/// # Errors
/// `invalid_request` if it is none, or one of those that are tried first.
pub(in crate::ops) async fn hash_of(pin: &Secret<String>) -> Result<String, Failure> {
    if let Some(why) = pin_problem(pin.expose()) {
        return Err(Problem::field("/pin", "invalid", why).into());
    }
    let mut salt = [0; 16];
    SystemEntropy.fill(&mut salt);
    Ok(password::hash(pin.expose().clone(), salt).await?)
}

/// From now on that is the operator's PIN. All their sessions end but that one.
///
/// # Errors
/// What the database says.
pub(in crate::ops) fn put_pin(
    at: &mut AtHome<'_, '_>,
    mut operator: Operator,
    hash: &str,
    but: Option<SessionId>,
) -> Result<(), Failure> {
    let (id, sealer) = (operator.id.to_string(), at.sealer);
    at.put_secret(sealer, &id, PIN, hash)?;
    at.forget_pin_tries(&id)?;
    // Also what browsers keep that they used before: whoever knew the old PIN may have been at one.
    at.forget_credentials(&id)?;
    facts::end_sessions(at, &floor_people::as_operator(operator.id), but)?;
    operator.pin = PinState::Set;
    at.update(&operator)?;
    Ok(())
}
