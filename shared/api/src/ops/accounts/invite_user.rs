//! Invite somebody: they stand there as invited, and a link signs them in once.

use contract::operation::Asked;
use contract::ops::accounts::{InviteUser, InvitedUser};
use domain::account::{User, UserState};
use domain::id::UserId;

use super::{INVITED_DAYS, check, link};
use crate::door::Door;
use crate::operation::{AtHome, By, Failure, Write, Written};

impl Write for InviteUser {
    type Prepared = ();

    async fn prepare(_: &By<Self>, door: &Door, _: &Asked<Self>) -> Result<(), Failure> {
        std::future::ready(Ok(door.relay_only("people have accounts at relays: claim the farm at one and invite them there")?))
            .await
    }

    fn write(by: &By<Self>, at: &mut AtHome<'_, '_>, asked: Asked<Self>, (): ()) -> Result<Written<InvitedUser>, Failure> {
        let body = asked.body;
        let id: UserId = at.new_id();
        let user = User {
            id,
            name: body.name,
            email: Some(body.email),
            role: body.role,
            permissions: body.permissions.into_iter().collect(),
            farms: body.farms.into(),
            tags: body.tags.into(),
            state: UserState::Invited,
            created_at: at.now(),
        };
        check(by, at.rows(), &user)?;
        at.create(&user)?;
        let (token, link_ends_at) = link(at, id, INVITED_DAYS * 24 * 3600)?;
        Ok(Written::secret(InvitedUser { token, link_ends_at, user: by.view(at.rows(), id)? }))
    }
}
