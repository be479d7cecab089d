//! Roles: the built-in ones, whose permissions stand in the permission catalogue, and those of a store's own.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::id::RoleId;
use crate::permission::{Permission, PermissionSet};
use crate::text::Name;
use crate::time::Timestamp;

/// A built-in role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Passes every check. A key never has it.
    StoreOwner,
    /// All but deleting the store and its billing.
    Admin,
    /// Works on the floor.
    Operator,
    /// Keeps files, parts and SKUs, and can send nothing to a printer.
    PartManager,
    /// Looks.
    Viewer,
}

impl Role {
    /// Every built-in role, widest first.
    pub const ALL: &'static [Role] = &[Role::StoreOwner, Role::Admin, Role::Operator, Role::PartManager, Role::Viewer];

    /// The name that people see.
    pub const fn title(self) -> &'static str {
        match self {
            Role::StoreOwner => "Store Owner",
            Role::Admin => "Admin",
            Role::Operator => "Operator",
            Role::PartManager => "Part Manager",
            Role::Viewer => "Viewer",
        }
    }

    /// What the role opens.
    pub fn permissions(self) -> PermissionSet {
        let lettered = |letter: char| Permission::ALL.iter().copied().filter(|p| p.role_letters().contains(letter)).collect();
        match self {
            Role::StoreOwner => PermissionSet::all(),
            Role::Admin => PermissionSet::all().without(Permission::StoreDelete).without(Permission::BillingManage),
            Role::Operator => lettered('O'),
            Role::PartManager => lettered('P'),
            Role::Viewer => lettered('V'),
        }
    }
}

/// A role of a store's own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OwnRole {
    /// Its id.
    pub id: RoleId,
    /// What people call it.
    pub name: Name,
    /// What it opens.
    pub permissions: PermissionSet,
    /// When it was made.
    pub created_at: Timestamp,
}

/// Which role somebody has: a built-in one by its word, one of the store's own by its id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum RoleRef {
    /// A built-in role.
    BuiltIn(Role),
    /// One of the store's own.
    Own(RoleId),
}

impl From<Role> for RoleRef {
    fn from(role: Role) -> Self {
        Self::BuiltIn(role)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_manager_can_send_nothing_to_a_printer() {
        let set = Role::PartManager.permissions();
        for permission in [Permission::JobCreate, Permission::OrderPrint, Permission::BuildCreate, Permission::PrinterControl] {
            assert!(!set.has(permission), "{permission}");
        }
    }

    #[test]
    fn an_admin_lacks_only_deleting_the_store_and_billing() {
        let lacking: Vec<_> = PermissionSet::all().minus(Role::Admin.permissions()).iter().collect();
        assert_eq!(lacking, [Permission::StoreDelete, Permission::BillingManage]);
    }

    #[test]
    fn a_role_is_a_word_or_an_id_on_the_wire() {
        assert_eq!(serde_json::to_string(&RoleRef::from(Role::PartManager)).unwrap(), r#""part_manager""#);
        let own = r#""rol_00000000000000000000000000000001""#;
        assert_eq!(serde_json::to_string(&serde_json::from_str::<RoleRef>(own).unwrap()).unwrap(), own);
        assert!(serde_json::from_str::<RoleRef>(r#""emperor""#).is_err());
    }
}
