//! Accounts as the relay keeps them: the store, and the people who belong to it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::access::{Grants, Scope};
use crate::id::{FarmId, StoreId, UserId};
use crate::permission::PermissionSet;
use crate::role::{Role, RoleRef};
use crate::text::{Email, Name, Tag};
use crate::time::Timestamp;

/// A store: the tenant, one business. Its farms, people, keys and webhooks belong to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Store {
    /// Its id.
    pub id: StoreId,
    /// What people call it.
    pub name: Name,
    /// When it was made.
    pub created_at: Timestamp,
}

/// Whether a person may sign in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum UserState {
    /// Asked to join and has not come yet.
    Invited,
    /// Belongs to the store.
    Active,
    /// Not for now: nothing of theirs opens a door.
    Suspended,
}

/// A person with an account at the relay.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct User {
    /// Their id.
    pub id: UserId,
    /// What they are called.
    pub name: Name,
    /// What they sign in with besides their password, and what an identity provider knows them by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<Email>,
    /// Their role.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<RoleRef>,
    /// Single permissions beside the role's.
    #[serde(default, skip_serializing_if = "PermissionSet::is_empty")]
    pub permissions: PermissionSet,
    /// The farms where that holds.
    pub farms: Scope<FarmId>,
    /// The printer tags for which it holds.
    pub tags: Scope<Tag>,
    /// Whether they may sign in.
    pub state: UserState,
    /// Since when they belong to the store.
    pub created_at: Timestamp,
}

impl User {
    /// A person of that role, everywhere.
    pub const fn of_role(id: UserId, name: Name, role: Role, created_at: Timestamp) -> Self {
        Self {
            id,
            name,
            email: None,
            role: Some(RoleRef::BuiltIn(role)),
            permissions: PermissionSet::EMPTY,
            farms: Scope::All,
            tags: Scope::All,
            state: UserState::Active,
            created_at,
        }
    }

    /// Whether they own the store.
    pub fn is_owner(&self) -> bool {
        self.role == Some(RoleRef::BuiltIn(Role::StoreOwner)) && self.state == UserState::Active
    }

    /// Their e-mail address as it is looked for: without regard to case.
    pub fn email_key(&self) -> Option<String> {
        self.email.as_ref().map(Email::key)
    }

    /// What they may do, given what their role opens. Who owns the store passes every check.
    pub fn grants(&self, of_role: PermissionSet) -> Grants {
        let permissions = of_role.or(self.permissions);
        Grants { permissions, farms: self.farms.clone(), tags: self.tags.clone() }
    }
}
