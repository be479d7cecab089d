//! Roles of a store's own. The built-in ones are told by `list_permissions`.

use std::collections::BTreeSet;

use domain::access::Access;
use domain::id::RoleId;
use domain::permission::Permission;
use domain::role::OwnRole;
use domain::text::Name;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::list::{ListQuery, Page, View};
use crate::operation::{Json, Nothing, Of, given};

/// A new role.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewRole {
    /// What people call it.
    pub name: Name,
    /// What it opens: none that the caller lacks.
    pub permissions: BTreeSet<Permission>,
}
impl Json for NewRole {}

/// A change to a role.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EditRole {
    /// A new name.
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "Name")]
    pub name: Option<Name>,
    /// Other permissions.
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "BTreeSet<Permission>")]
    pub permissions: Option<BTreeSet<Permission>>,
}
impl Json for EditRole {}

crate::operations! {
    /// List the store's own roles.
    ListRoles = "list_roles" Get "/v1/roles" {
        access: Access::Needs(Permission::RoleView), home: Account, nature: Read, ai: Hidden,
        target: Nothing, query: ListQuery<OwnRole>, body: Nothing, reply: Page<OwnRole>, status: 200
    }
    /// Make a role.
    CreateRole = "create_role" Post "/v1/roles" {
        access: Access::Needs(Permission::RoleManage), home: Account, nature: Refused, ai: Hidden,
        target: Nothing, query: Nothing, body: NewRole, reply: View<OwnRole>, status: 201
    }
    /// Show one role.
    GetRole = "get_role" Get "/v1/roles/{id}" {
        access: Access::Needs(Permission::RoleView), home: Account, nature: Read, ai: Hidden,
        target: Of<RoleId>, query: Nothing, body: Nothing, reply: View<OwnRole>, status: 200
    }
    /// Change a role.
    ///
    /// People who have it hold what it opens from now on. A key never comes to hold more than it was given.
    EditRoleOp = "edit_role" Patch "/v1/roles/{id}" {
        access: Access::Needs(Permission::RoleManage), home: Account, nature: Refused, ai: Hidden,
        target: Of<RoleId>, query: Nothing, body: EditRole, reply: View<OwnRole>, status: 200
    }
    /// Delete a role that nobody has.
    DeleteRole = "delete_role" Delete "/v1/roles/{id}" {
        access: Access::Needs(Permission::RoleManage), home: Account, nature: Refused, ai: Hidden,
        target: Of<RoleId>, query: Nothing, body: Nothing, reply: Nothing, status: 204
    }
}
