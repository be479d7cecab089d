//! Change one's own PIN: with the one that is set now, which is guessed at no faster than at the door.

use contract::operation::{Asked, Nothing};
use contract::ops::operators::SetOwnPin;
use contract::problem::{Code, Problem};
use domain::actor::ActorKind;
use domain::id::OperatorId;
use domain::operator::Operator;

use super::create_session::{known_as, remember};
use super::pin;
use crate::door::Door;
use crate::operation::{AtHome, By, Failure, Write, Written};
use crate::ops::operators::{hash_of, put_pin};

impl Write for SetOwnPin {
    type Prepared = (OperatorId, String);

    async fn prepare(by: &By<Self>, door: &Door, asked: &Asked<Self>) -> Result<(OperatorId, String), Failure> {
        let none = || Problem::new(Code::IllegalState).detail("only an operator who is signed in at their farm has a PIN");
        let operator = (by.actor.kind == ActorKind::Floor && by.session.is_some()).then(|| by.actor.id.parse().ok()).flatten();
        let id: OperatorId = operator.ok_or_else(none)?;
        // What is no PIN costs no try.
        let hash = hash_of(&asked.body.pin).await?;
        pin::check(by, door, id, &asked.body.current_pin).await?;
        Ok((id, hash))
    }

    fn write(
        by: &By<Self>,
        at: &mut AtHome<'_, '_>,
        _: Asked<Self>,
        (id, hash): (OperatorId, String),
    ) -> Result<Written<Nothing>, Failure> {
        let operator = at.get::<Operator>(id)?.ok_or_else(|| Problem::not_found(id))?.record;
        let known = known_as(at.rows(), by.browser.known, &id.to_string(), at.now())?;
        pin::right(at, &operator, known)?;
        put_pin(at, operator, &hash, by.session)?;
        let mut written = Written::secret(Nothing {});
        // What this browser kept was forgotten with all others.
        written.known = remember(at, by.browser.known, &by.actor)?;
        Ok(written)
    }
}
