//! Roles of a store's own.

mod create_role;
mod delete_role;
mod edit_role;

use std::collections::BTreeSet;

use contract::problem::Problem;
use domain::permission::{Permission, PermissionSet};

/// A role that opens nothing would be a trap for who gives it.
fn permissions(of: &BTreeSet<Permission>) -> Result<PermissionSet, Problem> {
    if of.is_empty() {
        return Err(Problem::field("/permissions", "missing", "name at least one permission"));
    }
    Ok(of.iter().copied().collect())
}
