//! The same operation on many things: `POST /v1/{noun}/actions/{verb}`, a result per item. Each is a
//! call of its own through the same pipeline; one that fails does not touch the others.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use contract::list::{BulkReply, BulkResult};
use contract::operation::Json;
use contract::problem::{Code, Problem};
use domain::access::Decision;
use http::HeaderMap;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::auth::authenticate;
use crate::door::Door;
use crate::http::{Answer, carry, open, respond};
use crate::pipeline::Operation;
use crate::request::{MAX_BODY, parse};

/// The things, and what the operation's body says for all or for each.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BulkBody {
    /// Up to 200 ids.
    pub ids: Vec<String>,
    /// The operation's body, the same for all.
    #[serde(default)]
    pub with: Map<String, Value>,
    /// What differs, by id.
    #[serde(default)]
    pub each: BTreeMap<String, Map<String, Value>>,
}
impl Json for BulkBody {}

/// Serves one bulk call.
pub async fn serve(door: Arc<Door>, operation: Arc<dyn Operation>, request: Request) -> Response {
    let row = *operation.row();
    carry(&row, request, move |request, request_id| async move {
        let (method, from, incoming) = open(request).await?;
        let caller = authenticate(&door, &method, &incoming.headers, from)?.ok_or_else(|| Problem::new(Code::Unauthenticated))?;
        if let Decision::Missing(permission) = row.access.at_the_door(&caller.grants) {
            return Err(Problem::missing(permission));
        }
        if let Some((name, _)) = incoming.query.first() {
            return Err(Problem::field(format!("query/{name}"), "unknown_field", "this operation has no such parameter"));
        }
        let body = crate::request::json_bytes(&incoming.headers, incoming.body).await?;
        let body: BulkBody = parse(&body)?;
        if body.ids.is_empty() || body.ids.len() > 200 {
            return Err(Problem::field("/ids", "invalid", "name 1 to 200 ids"));
        }
        let key = incoming.headers.get("idempotency-key").cloned();
        let mut results = Vec::with_capacity(body.ids.len());
        for id in &body.ids {
            let mut fields = body.with.clone();
            fields.extend(body.each.get(id).cloned().unwrap_or_default());
            let mut headers = HeaderMap::new();
            if let Some(Ok(key)) = key.as_ref().map(|key| [key.as_bytes(), b":", id.as_bytes()].concat().try_into()) {
                headers.insert("idempotency-key", key);
            }
            let one = one(id, fields, headers);
            let outcome = operation.call_one(&door, caller.clone(), &request_id, one).await;
            results.push(BulkResult { id: id.clone(), ok: outcome.is_ok(), problem: outcome.err() });
        }
        Ok(respond(Answer::of(200, &BulkReply { results })?))
    })
    .await
}

fn one(id: &str, fields: Map<String, Value>, mut headers: HeaderMap) -> crate::request::Incoming {
    headers.insert(http::header::CONTENT_TYPE, http::HeaderValue::from_static("application/json"));
    let body = if fields.is_empty() { Body::empty() } else { Body::from(Value::Object(fields).to_string()) };
    let path = BTreeMap::from([("id".to_owned(), id.to_owned())]);
    crate::request::Incoming { path, query: Vec::new(), headers, body }
}

const _: () = assert!(MAX_BODY >= 200 * 200, "200 ids with a little body each fit");
