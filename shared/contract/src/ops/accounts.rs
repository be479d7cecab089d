//! The store and its people. They live at the relay; a farm that was never claimed has neither.

use std::collections::{BTreeMap, BTreeSet};

use domain::access::Access;
use domain::account::{Store, User};
use domain::id::{FarmId, UserId};
use domain::permission::Permission;
use domain::role::RoleRef;
use domain::text::{Email, Name, Tag};
use domain::time::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::list::{ListQuery, Page, View};
use crate::operation::{Json, Nothing, Of, given, present};

/// Somebody to be invited. Role and permissions add up; neither may go beyond the caller's own.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewUser {
    /// What they are called.
    pub name: Name,
    /// What they will sign in with; nobody else in the store has it.
    pub email: Email,
    /// A built-in role, or the id of one of the store's own.
    #[serde(default)]
    pub role: Option<RoleRef>,
    /// Single permissions.
    #[serde(default)]
    pub permissions: BTreeSet<Permission>,
    /// Only on these farms; absent = all.
    #[serde(default)]
    pub farms: Option<BTreeSet<FarmId>>,
    /// Only for printers with one of these tags; absent = all.
    #[serde(default)]
    pub tags: Option<BTreeSet<Tag>>,
}
impl Json for NewUser {}

/// Somebody who was invited: the only time that the token of their link is seen.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct InvitedUser {
    /// The token, for `POST /v1/sessions`: the link is the relay's address with `/#token=` and this. It works once.
    pub token: String,
    /// When it ends.
    pub link_ends_at: Timestamp,
    /// The person.
    pub user: View<User>,
}

/// A change to a person; never beyond what the caller holds, before and after.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EditUser {
    /// A new name.
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "Name")]
    pub name: Option<Name>,
    /// Another e-mail address.
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "Email")]
    pub email: Option<Email>,
    /// Another role; `null` = none.
    #[serde(default, deserialize_with = "present")]
    #[schemars(with = "Option<RoleRef>")]
    pub role: Option<Option<RoleRef>>,
    /// Other single permissions.
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "BTreeSet<Permission>")]
    pub permissions: Option<BTreeSet<Permission>>,
    /// Other farms; `null` = all.
    #[serde(default, deserialize_with = "present")]
    #[schemars(with = "Option<BTreeSet<FarmId>>")]
    pub farms: Option<Option<BTreeSet<FarmId>>>,
    /// Other tags; `null` = all.
    #[serde(default, deserialize_with = "present")]
    #[schemars(with = "Option<BTreeSet<Tag>>")]
    pub tags: Option<Option<BTreeSet<Tag>>>,
}
impl Json for EditUser {}

/// What becomes of a thing whose sponsor leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(tag = "action", rename_all = "snake_case", deny_unknown_fields)]
pub enum Fate {
    /// Somebody else sponsors it: it holds what it does now, as far as they do.
    HandOver {
        /// Who.
        to: UserId,
    },
    /// The caller sponsors it.
    Keep {},
    /// It ends for ever.
    Revoke {},
}

/// What becomes of everything that somebody sponsors who is removed.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RemoveUser {
    /// Of single keys and webhooks, by their ids.
    #[serde(default)]
    pub things: BTreeMap<String, Fate>,
    /// Of all others.
    #[serde(default)]
    pub others: Option<Fate>,
}
impl Json for RemoveUser {}

crate::operations! {
    /// List the stores that the caller belongs to.
    ///
    /// A credential belongs to one store, so this is that one; a farm that was never claimed has none.
    ListStores = "list_stores" Get "/v1/stores" {
        access: Access::Needs(Permission::StoreView), home: Account, nature: Read, ai: Read,
        target: Nothing, query: ListQuery<Store>, body: Nothing, reply: Page<Store>, status: 200
    }
    /// List the people of the store.
    ListUsers = "list_users" Get "/v1/users" {
        access: Access::Needs(Permission::UserView), home: Account, nature: Read, ai: Hidden,
        target: Nothing, query: ListQuery<User>, body: Nothing, reply: Page<User>, status: 200
    }
    /// Invite somebody.
    ///
    /// The answer holds the token of the link that signs them in, once. It ends after seven days; until they come their state is `invited`.
    InviteUser = "invite_user" Post "/v1/users" {
        access: Access::Needs(Permission::UserInvite), home: Account, nature: Refused, ai: Hidden,
        target: Nothing, query: Nothing, body: NewUser, reply: InvitedUser, status: 201
    }
    /// Show one person of the store.
    GetUser = "get_user" Get "/v1/users/{id}" {
        access: Access::Needs(Permission::UserView), home: Account, nature: Read, ai: Hidden,
        target: Of<UserId>, query: Nothing, body: Nothing, reply: View<User>, status: 200
    }
    /// Change a person.
    ///
    /// What they hold changes at once, also where they are signed in, and with it what their keys and webhooks hold. A store always has an owner.
    EditUserOp = "edit_user" Patch "/v1/users/{id}" {
        access: Access::Needs(Permission::UserEdit), home: Account, nature: Refused, ai: Hidden,
        target: Of<UserId>, query: Nothing, body: EditUser, reply: View<User>, status: 200
    }
    /// Make a new link for somebody.
    ///
    /// For who was invited: the link of before ends, this one holds for seven days. For who has come already and lost what they sign in with: it
    /// holds for an hour.
    RenewInvite = "renew_invite" Post "/v1/users/{id}/renew-invite" {
        access: Access::Needs(Permission::UserInvite), home: Account, nature: Refused, ai: Hidden,
        target: Of<UserId>, query: Nothing, body: Nothing, reply: InvitedUser, status: 200
    }
    /// Suspend a person: they and all that they sponsor open nothing until they are reinstated. Their sessions end.
    SuspendUser = "suspend_user" Post "/v1/users/{id}/suspend" {
        access: Access::Needs(Permission::UserEdit), home: Account, nature: Refused, ai: Hidden,
        target: Of<UserId>, query: Nothing, body: Nothing, reply: View<User>, status: 200
    }
    /// Reinstate a suspended person.
    ReinstateUser = "reinstate_user" Post "/v1/users/{id}/reinstate" {
        access: Access::Needs(Permission::UserEdit), home: Account, nature: Refused, ai: Hidden,
        target: Of<UserId>, query: Nothing, body: Nothing, reply: View<User>, status: 200
    }
    /// Remove a person.
    ///
    /// Their sessions end, and with them all that they sign in with. Each key and webhook that they sponsor needs a decision: `409
    /// decision_required` lists those without one. The slicer keys and devices that they made at farms end; where a farm is away, when it is back.
    RemoveUserOp = "remove_user" Post "/v1/users/{id}/remove" {
        access: Access::Needs(Permission::UserRemove), home: Account, nature: Refused, ai: Hidden,
        target: Of<UserId>, query: Nothing, body: RemoveUser, reply: Nothing, status: 204
    }
}
