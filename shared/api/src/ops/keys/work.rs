//! What an API key created, and what becomes of all of it that has not ended. Each job is asked as if it were named: so it goes to its
//! farm, and one that cannot be held does not keep the others.

use std::sync::Arc;

use axum::response::Response;
use contract::list::{BulkResult, Condition, Selection};
use contract::operation::{Asked, Contract};
use contract::ops::jobs::{CancelJobOp, HoldJob};
use contract::ops::key_work::{CancelCreatedByKey, Created, CreatedPage, HoldCreatedByKey, ListCreatedByKey, WorkEnded};
use contract::problem::Problem;
use contract::record::kind_row;
use domain::actor::{Actor, ActorKind};
use domain::id::ApiKeyId;
use domain::key::ApiKey;
use domain::kind::Kind;
use futures_util::future::join_all;
use serde_json::Map;
use store::{RawRow, StoreError};

use crate::bulk;
use crate::door::Door;
use crate::http::{Answer, respond};
use crate::operation::{By, Bytes, Failure, Read, Streaming};
use crate::pipeline::{Operation, Writes};

/// What has a creator, in the order in which it is listed.
const KINDS: &[Kind] = &[Kind::Job, Kind::Order, Kind::File, Kind::Command];
/// Jobs that one call asks at the most, and how many of them at once.
const MOST: usize = 1000;
const AT_ONCE: usize = 50;

impl Read for ListCreatedByKey {
    async fn read(by: &By<Self>, door: &Door, asked: Asked<Self>) -> Result<CreatedPage, Failure> {
        let whose = creator(by, door, asked.target.id)?;
        let (mut place, mut cursor) = match asked.query.cursor {
            None => (0, None),
            Some(cursor) => {
                let (kind, inner) = cursor.split_once('.').ok_or(StoreError::BadCursor)?;
                let place = KINDS.iter().position(|known| known.word() == kind).ok_or(StoreError::BadCursor)?;
                (place, Some(inner.to_owned()).filter(|inner| !inner.is_empty()))
            }
        };
        let mut items = Vec::new();
        while let Some(kind) = KINDS.get(place).filter(|_| items.len() < asked.query.limit) {
            let row = kind_row(*kind);
            if by.grants.permissions.has(row.view) {
                let selection = Selection { limit: asked.query.limit - items.len(), cursor: cursor.take(), ..Selection::all() };
                let selection = selection.with(Condition::OneOf("created_by", vec![whose.to_string()]));
                let listed = door.store.read(|rows| rows.list(row, &selection, by.sight()))?;
                items.extend(listed.rows.into_iter().map(|raw| shown(*kind, raw)));
                if let Some(next) = listed.next_cursor {
                    return Ok(CreatedPage { items, next_cursor: Some(format!("{kind}.{next}")) });
                }
            }
            place += 1;
        }
        let next_cursor = KINDS.get(place).map(|kind| format!("{kind}."));
        std::future::ready(Ok(CreatedPage { items, next_cursor })).await
    }
}

fn shown(kind: Kind, raw: RawRow) -> Created {
    let text = |name: &str| raw.document.get(name).and_then(|value| value.as_str()).map(str::to_owned);
    let (name, state, created_at) = (text("name"), text("state"), text("created_at"));
    Created { kind, name, state, farm_id: raw.farm_id, created_at: created_at.and_then(|at| at.parse().ok()), id: raw.id }
}

/// The key as what it creates names it.
fn creator<C: Contract>(by: &By<C>, door: &Door, key: ApiKeyId) -> Result<Actor, Failure> {
    door.store.read(|rows| by.find::<ApiKey>(rows, key))?;
    Ok(Actor::new(ActorKind::ApiKey, key))
}

impl Bytes for HoldCreatedByKey {
    async fn serve(by: By<Self>, door: Arc<Door>, call: Streaming<Self>) -> Result<Response, Failure> {
        let id = call.asked.target.id;
        each(by, &door, id, &["waiting"], Writes::<HoldJob>::row().as_ref()).await
    }
}

impl Bytes for CancelCreatedByKey {
    async fn serve(by: By<Self>, door: Arc<Door>, call: Streaming<Self>) -> Result<Response, Failure> {
        let id = call.asked.target.id;
        each(by, &door, id, &["waiting", "active"], Writes::<CancelJobOp>::row().as_ref()).await
    }
}

async fn each<C: Contract>(
    by: By<C>,
    door: &Arc<Door>,
    key: ApiKeyId,
    phases: &[&str],
    operation: &dyn Operation,
) -> Result<Response, Failure> {
    let whose = creator(&by, door, key)?;
    let phases = phases.iter().map(|phase| (*phase).to_owned()).collect();
    let mut open = Selection { limit: MOST, ..Selection::all() }
        .with(Condition::OneOf("created_by", vec![whose.to_string()]))
        .with(Condition::OneOf("phase", phases));
    if operation.row().id == HoldJob::ID {
        open = open.with(Condition::NoneOf("state", vec!["held".to_owned()]));
    }
    let listed = door.store.read(|rows| rows.list(kind_row(Kind::Job), &open, by.sight()))?;
    let ids: Vec<String> = listed.rows.into_iter().map(|raw| raw.id).collect();
    let mut results = Vec::with_capacity(ids.len());
    if by.dry_run {
        results.extend(ids.into_iter().map(|id| BulkResult { id, ok: true, problem: None }));
    } else {
        for some in ids.chunks(AT_ONCE) {
            let calls = some.iter().map(|id| {
                let (caller, one) = ((*by).clone(), bulk::one(id, Map::new(), None));
                let request_id = &by.request_id;
                async move {
                    let problem = operation.answer(door, Some(caller), request_id, one).await.err();
                    BulkResult { id: id.clone(), ok: problem.is_none(), problem }
                }
            });
            results.extend(join_all(calls).await);
        }
    }
    let reply = WorkEnded { results, more: listed.next_cursor.is_some() };
    Ok(respond(Answer::of(C::STATUS, &reply).map_err(|problem: Problem| Failure::from(problem))?))
}
