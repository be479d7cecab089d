//! The same operation on many things: `POST /v1/{noun}/actions/{verb}`, a result per item. Each is a
//! call of its own through the same pipeline; one that fails does not touch the others.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use contract::list::{BulkReply, BulkResult};
use contract::operation::Json;
use contract::problem::{Code, Problem};
use domain::access::Decision;
use domain::file::ContentHash;
use http::HeaderMap;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use crate::door::Door;
use crate::http::{Answer, carry, open, respond};
use crate::limits::admit;
use crate::pipeline::Operation;
use crate::request::{MAX_BODY, idempotency_key, parse};

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
    carry(&Arc::clone(&door), &row, request, move |request, request_id, seen| async move {
        let (method, incoming) = open(&door, request).await?;
        let caller = admit(&door, false, &method, &incoming, &seen)?.ok_or_else(|| Problem::new(Code::Unauthenticated))?;
        if let Decision::Missing(permission) = row.access.at_the_door(&caller.grants) {
            return Err(Problem::missing(permission));
        }
        if let Some((name, _)) = incoming.query.first() {
            return Err(Problem::field(format!("query/{name}"), "unknown_field", "this operation has no such parameter"));
        }
        let key = idempotency_key(&incoming.headers)?;
        let body = crate::request::json_bytes(&incoming.headers, incoming.body).await?;
        let body: BulkBody = parse(&body)?;
        if body.ids.is_empty() || body.ids.len() > 200 {
            return Err(Problem::field("/ids", "invalid", "name 1 to 200 ids"));
        }
        let distinct: BTreeSet<&String> = body.ids.iter().collect();
        if distinct.len() < body.ids.len() {
            return Err(Problem::field("/ids", "invalid", "name each id once"));
        }
        if let Some(id) = body.each.keys().find(|id| !distinct.contains(id)) {
            return Err(Problem::field(format!("/each/{id}"), "invalid", "is none of `ids`"));
        }
        // All at once: the writer takes them in this order and puts them on the disk together.
        let calls = body.ids.iter().map(|id| {
            let mut fields = body.with.clone();
            fields.extend(body.each.get(id).cloned().unwrap_or_default());
            let one = one(id, fields, key.as_deref());
            let (operation, door, caller, request_id) = (&operation, &door, caller.clone(), &request_id);
            async move {
                let problem = operation.answer(door, Some(caller), request_id, one).await.err();
                BulkResult { id: id.clone(), ok: problem.is_none(), problem }
            }
        });
        let results = futures_util::future::join_all(calls).await;
        Ok(respond(Answer::of(200, &BulkReply { results })?))
    })
    .await
}

/// The call about one of them.
pub(crate) fn one(id: &str, fields: Map<String, Value>, key: Option<&str>) -> crate::request::Incoming {
    let mut headers = HeaderMap::new();
    if let Some(key) = key {
        // A key of its own for each, of a length that does not depend on the caller's.
        let own = ContentHash::new(Sha256::new().chain_update(key).chain_update(b":").chain_update(id).finalize().into());
        if let Ok(own) = own.to_string().parse() {
            headers.insert("idempotency-key", own);
        }
    }
    // Many are asked at once, and none is waited for.
    headers.insert("prefer", http::HeaderValue::from_static("wait=0"));
    headers.insert(http::header::CONTENT_TYPE, http::HeaderValue::from_static("application/json"));
    let body = if fields.is_empty() { Body::empty() } else { Body::from(Value::Object(fields).to_string()) };
    let path = BTreeMap::from([("id".to_owned(), id.to_owned())]);
    crate::request::Incoming { path, query: Vec::new(), headers, from: None, https: false, body }
}

const _: () = assert!(MAX_BODY >= 200 * 200, "200 ids with a little body each fit");
