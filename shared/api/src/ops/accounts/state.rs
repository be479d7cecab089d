//! Suspend and reinstate.

use contract::list::View;
use contract::operation::{Asked, Contract};
use contract::ops::accounts::{ReinstateUser, SuspendUser};
use contract::problem::{Code, Problem};
use domain::account::{User, UserState};
use domain::actor::{Actor, ActorKind};
use domain::id::UserId;

use super::{given, owned_without};
use crate::facts;
use crate::operation::{AtHome, By, Failure, Write, Written};
use crate::ops::keys::held;
use crate::ops::unprepared;

impl Write for SuspendUser {
    unprepared!();

    fn write(by: &By<Self>, at: &mut AtHome<'_, '_>, asked: Asked<Self>, (): ()) -> Result<Written<View<User>>, Failure> {
        move_to(by, at, asked.target.id, UserState::Suspended)
    }
}

impl Write for ReinstateUser {
    unprepared!();

    fn write(by: &By<Self>, at: &mut AtHome<'_, '_>, asked: Asked<Self>, (): ()) -> Result<Written<View<User>>, Failure> {
        move_to(by, at, asked.target.id, UserState::Active)
    }
}

fn move_to<C: Contract>(by: &By<C>, at: &mut AtHome<'_, '_>, id: UserId, to: UserState) -> Result<Written<View<User>>, Failure> {
    let mut user = by.find_to_change::<User>(at.rows(), id)?.record;
    held(&by.grants, &given(at.rows(), &user)?)?;
    match user.state {
        UserState::Invited => {
            return Err(Problem::new(Code::IllegalState).detail("they have not come yet: remove them, or wait").on(id).into());
        }
        UserState::Active | UserState::Suspended => {}
    }
    if user.state != to {
        if user.is_owner() {
            owned_without(at.rows(), by.store, id)?;
        }
        user.state = to;
        at.update(&user)?;
        let actor = Actor::new(ActorKind::User, id);
        // A link that was made for them before signs nobody in when they come back.
        at.forget_credentials(&id.to_string())?;
        facts::end_sessions(at, &actor, None)?;
        facts::holder_changed(at, &actor)?;
    }
    Ok(by.view(at.rows(), id)?.into())
}
