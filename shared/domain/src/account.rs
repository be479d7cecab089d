//! Accounts as the relay keeps them: the store, and the people who belong to it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::id::{StoreId, UserId};
use crate::role::Role;
use crate::text::Name;
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

/// A person with an account at the relay.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct User {
    /// Their id.
    pub id: UserId,
    /// What they are called.
    pub name: Name,
    /// What they may do.
    pub role: Role,
    /// Since when they belong to the store.
    pub created_at: Timestamp,
}
