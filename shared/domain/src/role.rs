//! The built-in roles. Which permission belongs to which role stands in the permission catalogue.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::permission::{Permission, PermissionSet};

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
}
