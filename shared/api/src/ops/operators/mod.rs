//! The people of the floor, and their PINs.

mod create_operator;
mod delete_operator;
mod edit_operator;
mod list_at_the_door;
mod set_operator_pin;
mod state;

use std::collections::BTreeSet;

use domain::access::{Grants, Scope};
use domain::permission::Permission;
use domain::role::{Role, RoleRef};
use domain::text::Tag;
use store::Rows;

pub(in crate::ops) use set_operator_pin::{PIN, hash_of, put_pin};

use super::keys::{grants, held};
use crate::operation::Failure;

/// What is given to somebody of the floor: within what who gives it holds, and where they hold it.
///
/// # Errors
/// `grants_exceeded`; `invalid_request` if it is nothing, or what only a person of the store may hold.
pub(in crate::ops) fn within(
    rows: Rows<'_>,
    mine: &Grants,
    role: Option<Role>,
    permissions: &BTreeSet<Permission>,
    tags: Option<BTreeSet<Tag>>,
) -> Result<Grants, Failure> {
    let tags = tags.map_or_else(|| mine.tags.clone(), Scope::Only);
    let given = grants(rows, role.map(RoleRef::from), permissions, mine.farms.clone(), tags)?;
    held(mine, &given)?;
    Ok(given)
}

/// The role of whoever is given neither a role nor permissions.
pub(in crate::ops) fn role_or_operator(role: Option<Role>, permissions: &BTreeSet<Permission>) -> Option<Role> {
    role.or(permissions.is_empty().then_some(Role::Operator))
}
