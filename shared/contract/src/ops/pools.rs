//! Pools: named tag queries that jobs and slicers aim at.

use std::collections::BTreeSet;

use domain::access::Access;
use domain::id::PoolId;
use domain::part::Pool;
use domain::permission::Permission;
use domain::text::{Name, Tag};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::list::{ListQuery, Page, View};
use crate::operation::{Json, Nothing, Of, given};

/// A new pool.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewPool {
    /// What people call it.
    pub name: Name,
    /// The tags that a printer must all have.
    pub tags: BTreeSet<Tag>,
}
impl Json for NewPool {}

/// A change to a pool.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EditPool {
    /// A new name.
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "Name")]
    pub name: Option<Name>,
    /// Other tags.
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "BTreeSet<Tag>")]
    pub tags: Option<BTreeSet<Tag>>,
}
impl Json for EditPool {}

crate::operations! {
    /// List the pools.
    ListPools = "list_pools" Get "/v1/pools" {
        access: Access::Needs(Permission::PoolView), home: Farm, nature: Read, ai: Read,
        target: Nothing, query: ListQuery<Pool>, body: Nothing, reply: Page<Pool>, status: 200
    }
    /// Make a pool.
    CreatePool = "create_pool" Post "/v1/pools" {
        access: Access::Needs(Permission::PoolManage), home: Farm, nature: Mailbox, ai: Hidden,
        target: Nothing, query: Nothing, body: NewPool, reply: View<Pool>, status: 201
    }
    /// Show one pool.
    GetPool = "get_pool" Get "/v1/pools/{id}" {
        access: Access::Needs(Permission::PoolView), home: Farm, nature: Read, ai: Read,
        target: Of<PoolId>, query: Nothing, body: Nothing, reply: View<Pool>, status: 200
    }
    /// Change a pool.
    EditPoolOp = "edit_pool" Patch "/v1/pools/{id}" {
        access: Access::Needs(Permission::PoolManage), home: Farm, nature: Mailbox, ai: Hidden,
        target: Of<PoolId>, query: Nothing, body: EditPool, reply: View<Pool>, status: 200
    }
    /// Delete a pool.
    ///
    /// Refused while jobs that have not ended aim at it.
    DeletePool = "delete_pool" Delete "/v1/pools/{id}" {
        access: Access::Needs(Permission::PoolManage), home: Farm, nature: Mailbox, ai: Hidden,
        target: Of<PoolId>, query: Nothing, body: Nothing, reply: Nothing, status: 204
    }
}
