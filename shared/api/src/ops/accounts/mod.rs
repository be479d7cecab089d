//! The people of a store, at its relay. Nobody gives what they lack, nor changes somebody who holds more than they do; and a
//! store always has an owner.

mod edit_user;
mod invite_user;
mod remove_user;
mod renew_invite;
mod state;

use contract::operation::Contract;
use contract::problem::{Code, Problem};
use domain::access::{Grants, Scope};
use domain::account::User;
use domain::id::{StoreId, UserId};
use domain::role::{Role, RoleRef};
use domain::text::Email;
use domain::time::Timestamp;
use store::{Credential, CredentialKind, Rows, StoreError, Tx, credential_hash};

use crate::held::opened_by;
use crate::key_text::random_text;
use crate::operation::{By, Failure};
use crate::ops::keys::held;
use crate::ops::role_is_ours;

/// How long an invitation holds.
const INVITED_DAYS: i64 = 7;
/// How long a link for who has come already holds.
const LINK_SECONDS: i64 = 3600;

/// What a person was given, whether or not they are suspended.
fn given(rows: Rows<'_>, user: &User) -> Result<Grants, StoreError> {
    Ok(user.grants(opened_by(rows, user.role)?))
}

/// A person as they shall be: all of it within what the caller holds, and nothing that contradicts itself.
fn check<C: Contract>(by: &By<C>, rows: Rows<'_>, user: &User) -> Result<(), Failure> {
    role_is_ours(by, rows, user.role)?;
    let given = given(rows, user)?;
    if given.permissions.is_empty() {
        return Err(Problem::field("/permissions", "missing", "name a role or at least one permission").into());
    }
    let owns = user.role == Some(RoleRef::BuiltIn(Role::StoreOwner));
    if owns && (user.farms != Scope::All || user.tags != Scope::All) {
        return Err(Problem::field("/role", "invalid", "the store's owner is so on all farms and for all printers").into());
    }
    if let Some(email) = &user.email {
        email_is_free(rows, by.store, email, user.id)?;
    }
    Ok(held(&by.grants, &given)?)
}

/// Nobody else in the store signs in with it.
///
/// # Errors
/// `already_exists`.
pub(super) fn email_is_free(rows: Rows<'_>, store: StoreId, email: &Email, user: UserId) -> Result<(), Failure> {
    let others = rows.of_store_where::<User>(store, "email", &[&email.key()])?;
    match others.into_iter().find(|other| other.record.id != user) {
        Some(other) => {
            Err(Problem::new(Code::AlreadyExists).detail("somebody has that e-mail address").on(other.record.id).into())
        }
        None => Ok(()),
    }
}

/// Somebody besides that person owns the store.
///
/// # Errors
/// `last_owner`.
fn owned_without(rows: Rows<'_>, store: StoreId, user: UserId) -> Result<(), Failure> {
    let owners = rows.of_store_where::<User>(store, "role", &["store_owner"])?;
    let other = owners.iter().any(|owner| owner.record.is_owner() && owner.record.id != user);
    if other { Ok(()) } else { Err(Problem::new(Code::LastOwner).on(user).into()) }
}

/// A new link that signs somebody in, in place of any before: its token, and when it ends.
fn link(tx: &mut Tx<'_>, user: UserId, seconds: i64) -> Result<(String, Timestamp), StoreError> {
    let owner = user.to_string();
    tx.forget_credentials(&owner)?;
    let (token, ends_at) = (random_text(tx, 32), tx.now().plus_seconds(seconds));
    let credential = Credential { kind: CredentialKind::OneTime, owner, expires_at: Some(ends_at) };
    tx.put_credential(&credential_hash(&token), &credential)?;
    Ok((token, ends_at))
}
