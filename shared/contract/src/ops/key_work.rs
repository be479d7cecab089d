//! What an API key created, and holding or cancelling all of it that has not ended: for the day when an integration misbehaves.

use domain::access::Access;
use domain::id::{ApiKeyId, FarmId};
use domain::kind::Kind;
use domain::permission::Permission;
use domain::time::Timestamp;
use schemars::{JsonSchema, SchemaGenerator};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::list::{BulkResult, DEFAULT_LIMIT, MAX_LIMIT, once};
use crate::operation::{Nothing, Of, QueryParts};
use crate::problem::Problem;

/// A thing that a key created.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Created {
    /// What it is.
    pub kind: Kind,
    /// Its id.
    pub id: String,
    /// Its name, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Its state, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// The farm that it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub farm_id: Option<FarmId>,
    /// When it was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_at: Option<Timestamp>,
}

/// A page of what a key created: kind after kind, the newest of each first.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct CreatedPage {
    /// The things.
    pub items: Vec<Created>,
    /// Where the next page begins; absent on the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

/// Which page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreatedQuery {
    /// Where the page before ended.
    pub cursor: Option<String>,
    /// The page's size.
    pub limit: usize,
}

impl QueryParts for CreatedQuery {
    fn parse(pairs: &[(String, String)]) -> Result<Self, Problem> {
        let mut query = Self { cursor: None, limit: DEFAULT_LIMIT };
        for (name, value) in once(pairs)? {
            match name {
                "cursor" => query.cursor = Some(value.to_owned()),
                "limit" => {
                    let limit = value.parse().ok().filter(|limit| (1..=MAX_LIMIT).contains(limit));
                    query.limit =
                        limit.ok_or_else(|| Problem::field("query/limit", "invalid", "must be a number from 1 to 200"))?;
                }
                other => return Err(Problem::field(format!("query/{other}"), "unknown_field", "there is no such parameter")),
            }
        }
        Ok(query)
    }

    fn parameters(_: &mut SchemaGenerator) -> Vec<Value> {
        let parameter =
            |name: &str, schema: Value, about: &str| json!({"name": name, "in": "query", "schema": schema, "description": about});
        vec![
            parameter("cursor", json!({"type": "string"}), "`next_cursor` of the page before."),
            parameter(
                "limit",
                json!({"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT}),
                "The page's size.",
            ),
        ]
    }
}

/// What became of the jobs of a key.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct WorkEnded {
    /// Each job; in a dry run, each that would be asked.
    pub results: Vec<BulkResult>,
    /// There are more: ask again.
    pub more: bool,
}

crate::operations! {
    /// List what an API key created: jobs, orders, files and commands.
    ///
    /// Each kind is listed only for who may view it.
    ListCreatedByKey = "list_created_by_key" Get "/v1/api_keys/{id}/created" {
        access: Access::Needs(Permission::ApiKeyView), home: Account, nature: Read, ai: Hidden,
        target: Of<ApiKeyId>, query: CreatedQuery, body: Nothing, reply: CreatedPage, status: 200
    }
    /// Hold every waiting job that an API key created.
    ///
    /// Up to 1000 at once, a result for each. At a relay each goes to its farm. Pause the key first, or it makes more.
    HoldCreatedByKey = "hold_created_by_key" Post "/v1/api_keys/{id}/created/hold" {
        access: Access::Needs(Permission::QueueManage), home: Door, nature: Refused, ai: Hidden,
        target: Of<ApiKeyId>, query: Nothing, body: Nothing, reply: WorkEnded, status: 200, dry_run: true
    }
    /// Cancel every job that an API key created and that has not ended.
    ///
    /// Up to 1000 at once, a result for each. At a relay each goes to its farm. Pause the key first, or it makes more.
    CancelCreatedByKey = "cancel_created_by_key" Post "/v1/api_keys/{id}/created/cancel" {
        access: Access::Needs(Permission::JobCancelAll), home: Door, nature: Refused, ai: Hidden,
        target: Of<ApiKeyId>, query: Nothing, body: Nothing, reply: WorkEnded, status: 200, dry_run: true
    }
}
