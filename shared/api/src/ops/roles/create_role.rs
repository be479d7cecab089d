//! Make a role. Nobody gives what they lack.

use contract::list::View;
use contract::operation::Asked;
use contract::ops::roles::CreateRole;
use domain::access::Grants;
use domain::id::RoleId;
use domain::role::OwnRole;

use super::permissions;
use crate::door::Door;
use crate::operation::{AtHome, By, Failure, Write, Written};
use crate::ops::keys::held;

impl Write for CreateRole {
    type Prepared = ();

    async fn prepare(_: &By<Self>, door: &Door, _: &Asked<Self>) -> Result<(), Failure> {
        std::future::ready(Ok(door.relay_only("roles are made at relays: claim the farm at one and make it there")?)).await
    }

    fn write(by: &By<Self>, at: &mut AtHome<'_, '_>, asked: Asked<Self>, (): ()) -> Result<Written<View<OwnRole>>, Failure> {
        let permissions = permissions(&asked.body.permissions)?;
        // A role holds wherever it is given: who holds a part of the store makes none.
        held(&by.grants, &Grants::unscoped(permissions))?;
        let id: RoleId = at.new_id();
        let role = OwnRole { id, name: asked.body.name, permissions, created_at: at.now() };
        at.create(&role)?;
        Ok(by.view(at.rows(), id)?.into())
    }
}
