//! Give an API key to another sponsor.

use contract::list::View;
use contract::operation::Asked;
use contract::ops::keys::HandOverApiKey;
use contract::problem::{Code, Problem};
use domain::access::Grants;
use domain::account::{User, UserState};
use domain::actor::{Actor, ActorKind};
use domain::key::ApiKey;
use store::{Rows, StoreError};

use super::held;
use crate::facts;
use crate::held::{held_by, opened_by, record_of};
use crate::operation::{AtHome, By, Failure, Write, Written};
use crate::ops::{named, unprepared};

impl Write for HandOverApiKey {
    unprepared!();

    fn write(by: &By<Self>, at: &mut AtHome<'_, '_>, asked: Asked<Self>, (): ()) -> Result<Written<View<ApiKey>>, Failure> {
        let key = by.find_to_change::<ApiKey>(at.rows(), asked.target.id)?.record;
        let (id, was) = (key.id, key.sponsor.clone());
        let at_most = sponsors(at.rows(), &was, at.now())?;
        let at_most =
            at_most.ok_or_else(|| Problem::new(Code::IllegalState).detail("its sponsor holds nothing any more").on(id))?;
        held(&by.grants, &key.grants.and(&at_most))?;
        let to: User = named(by, at.rows(), asked.body.to, "/to")?;
        if to.state != UserState::Active {
            return Err(Problem::field("/to", "invalid", "only to an active person").into());
        }
        facts::hand_over_key(at, key, &Actor::new(ActorKind::User, to.id), &at_most)?;
        Ok(by.view(at.rows(), id)?.into())
    }
}

/// What the sponsor holds, or would hold if they were not suspended.
fn sponsors(rows: Rows<'_>, sponsor: &Actor, now: domain::time::Timestamp) -> Result<Option<Grants>, StoreError> {
    if sponsor.kind == ActorKind::User
        && let Some((_, user)) = record_of::<User>(rows, &sponsor.id)?
    {
        return Ok(Some(user.grants(opened_by(rows, user.role)?)));
    }
    held_by(rows, sponsor, now)
}
