//! Make a new link for somebody. Who gives it could come in by it: so they must hold all that the person holds.

use contract::operation::Asked;
use contract::ops::accounts::{InvitedUser, RenewInvite};
use contract::problem::{Code, Problem};
use domain::account::{User, UserState};

use super::{INVITED_DAYS, LINK_SECONDS, given, link};
use crate::operation::{AtHome, By, Failure, Write, Written};
use crate::ops::keys::held;
use crate::ops::unprepared;

impl Write for RenewInvite {
    unprepared!();

    fn write(by: &By<Self>, at: &mut AtHome<'_, '_>, asked: Asked<Self>, (): ()) -> Result<Written<InvitedUser>, Failure> {
        let user = by.find_to_change::<User>(at.rows(), asked.target.id)?.record;
        held(&by.grants, &given(at.rows(), &user)?)?;
        let seconds = match user.state {
            UserState::Invited => INVITED_DAYS * 24 * 3600,
            UserState::Active => LINK_SECONDS,
            UserState::Suspended => {
                return Err(Problem::new(Code::IllegalState)
                    .detail("they are suspended: reinstate them first")
                    .on(user.id)
                    .into());
            }
        };
        let (token, link_ends_at) = link(at, user.id, seconds)?;
        Ok(Written::secret(InvitedUser { token, link_ends_at, user: by.view(at.rows(), user.id)? }))
    }
}
