//! API keys for programs and slicer keys for workstations.

mod create_api_key;
mod create_slicer_key;
mod edit_api_key;
mod hand_over;
mod presets;
mod roll;
mod state;
mod usage;
mod work;

pub use create_api_key::insert_api_key;

use std::collections::BTreeSet;

use contract::problem::{Code, Problem};
use domain::access::{Grants, Scope};
use domain::id::FarmId;
use domain::network::Network;
use domain::permission::Permission;
use domain::role::{Role, RoleRef};
use domain::text::Tag;
use store::Rows;

use crate::held::opened_by;
use crate::operation::Failure;

/// Nobody gives what they lack, nor opens a key further that holds more than they do.
///
/// # Errors
/// `grants_exceeded` with what is lacking.
pub(in crate::ops) fn held(mine: &Grants, given: &Grants) -> Result<(), Problem> {
    if given.within(mine) {
        return Ok(());
    }
    let lacking: Vec<&str> = given.permissions.minus(mine.permissions).iter().map(Permission::name).collect();
    let what = if lacking.is_empty() { "a wider scope than your own".to_owned() } else { lacking.join(", ") };
    Err(Problem::new(Code::GrantsExceeded).detail(format!("you do not hold {what}")))
}

/// What a role and single permissions give together, to something that is no person.
///
/// # Errors
/// `invalid_request` if that is nothing, or what only a person may hold.
pub(in crate::ops) fn grants(
    rows: Rows<'_>,
    role: Option<RoleRef>,
    permissions: &BTreeSet<Permission>,
    farms: Scope<FarmId>,
    tags: Scope<Tag>,
) -> Result<Grants, Failure> {
    if role == Some(RoleRef::BuiltIn(Role::StoreOwner)) {
        return Err(Problem::field("/role", "invalid", "only a person has the role of the store's owner").into());
    }
    let role = opened_by(rows, role)?;
    let permissions = role.or(permissions.iter().copied().collect());
    if permissions.has(Permission::StoreDelete) {
        return Err(Problem::field("/permissions", "invalid", "only a person has store.delete").into());
    }
    if permissions.is_empty() {
        return Err(Problem::field("/permissions", "missing", "name a role or at least one permission").into());
    }
    Ok(Grants { permissions, farms, tags })
}

/// Networks of one key: they are looked through at every call.
const MOST_NETWORKS: usize = 100;

/// A key comes from a few networks.
///
/// # Errors
/// `invalid_request` if there are too many.
fn few_networks(networks: &[Network]) -> Result<(), Problem> {
    if networks.len() <= MOST_NETWORKS {
        return Ok(());
    }
    Err(Problem::field("/allowed_networks", "invalid", format!("names more than {MOST_NETWORKS} networks")))
}
