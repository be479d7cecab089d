//! Whoever left a store, and every key that was revoked, leaves no way in behind at its farms. Slicer keys and devices stand on a farm's
//! floor, of which a relay has a copy; the farm itself ends them, when it is asked. Asked again and again until the copy says so: a farm
//! may be away, and a call may be lost.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use api::door::Door;
use api::entropy::SystemEntropy;
use contract::event::{EventType, Named};
use contract::forward::Forwarded;
use contract::operation::Contract;
use contract::ops::devices::DeleteDevice;
use contract::ops::keys::RevokeSlicerKey;
use domain::access::Grants;
use domain::account::User;
use domain::actor::{Actor, ActorKind};
use domain::device::Device;
use domain::farm::HomeIds;
use domain::key::{ApiKey, KeyState, SlicerKey};
use fanout::LogReader;
use serde_json::Value;
use store::{Entropy, Row, Rows, StoreError};

/// When something is left: a farm that was away may be back.
const SOON: Duration = Duration::from_secs(2);
/// What a log does not tell is found so late.
const LATER: Duration = Duration::from_secs(600);
/// How long a farm may take.
const ANSWER: Duration = Duration::from_secs(10);

/// Ends what is left behind, for as long as the relay runs.
pub async fn run(door: Arc<Door>) {
    while let Err(error) = follow(&door).await {
        tracing::warn!(%error, "what people left behind could not be looked for; it will be tried again");
        tokio::time::sleep(LATER).await;
    }
}

/// Sweeps whenever somebody left or something was made. Ends with the store.
async fn follow(door: &Arc<Door>) -> Result<(), StoreError> {
    let mut types = vec![Named::ApiKeyRevoked.into(), Named::FarmConnected.into()];
    types.extend(
        ["user.deleted", "slicer_key.created", "device.created"].iter().filter_map(|word| word.parse::<EventType>().ok()),
    );
    let mut log = LogReader::new(door.store.clone(), None, types)?;
    loop {
        let left = sweep(door).await?;
        let wait = tokio::time::sleep(if left == 0 { LATER } else { SOON });
        tokio::pin!(wait);
        loop {
            tokio::select! {
                open = log.changed() => if !open { return Ok(()) },
                () = &mut wait => break,
            }
            let told = log.read()?;
            if told.gap || !told.events.is_empty() {
                break;
            }
        }
    }
}

/// What a farm is to end.
struct Orphan {
    home: HomeIds,
    operation: &'static str,
    id: String,
}

/// Asks once for each. Says how many are left.
async fn sweep(door: &Arc<Door>) -> Result<usize, StoreError> {
    let orphans = door.store.read(orphans)?;
    let mut left = orphans.len();
    for orphan in orphans {
        left -= usize::from(end(door, orphan).await);
    }
    Ok(left)
}

fn orphans(rows: Rows<'_>) -> Result<Vec<Orphan>, StoreError> {
    let mut found = Vec::new();
    for row in rows.all::<SlicerKey>()? {
        if row.record.state != KeyState::Revoked && is_gone(rows, &row.record.sponsor)? {
            found.extend(orphan(&row, RevokeSlicerKey::ID, &row.record.id));
        }
    }
    for row in rows.all::<Device>()? {
        if is_gone(rows, &row.record.sponsor)? {
            found.extend(orphan(&row, DeleteDevice::ID, &row.record.id));
        }
    }
    Ok(found)
}

fn orphan<R>(row: &Row<R>, operation: &'static str, id: &dyn std::fmt::Display) -> Option<Orphan> {
    let home = HomeIds { store_id: row.store_id, farm_id: row.farm_id? };
    Some(Orphan { home, operation, id: id.to_string() })
}

/// Whether somebody of this relay is there no more. Whoever belongs to a floor is its farm's own affair.
fn is_gone(rows: Rows<'_>, sponsor: &Actor) -> Result<bool, StoreError> {
    match sponsor.kind {
        ActorKind::User => sponsor.id.parse().map_or(Ok(false), |id| Ok(rows.get::<User>(id)?.is_none())),
        ActorKind::ApiKey => sponsor
            .id
            .parse()
            .map_or(Ok(false), |id| Ok(rows.get::<ApiKey>(id)?.is_none_or(|row| row.record.state == KeyState::Revoked))),
        ActorKind::Floor
        | ActorKind::Device
        | ActorKind::Slicer
        | ActorKind::Ai
        | ActorKind::WebhookIn
        | ActorKind::Scheduler
        | ActorKind::Farm
        | ActorKind::Relay => Ok(false),
    }
}

/// Asks the farm. Says whether that is done, or was.
async fn end(door: &Arc<Door>, Orphan { home, operation, id }: Orphan) -> bool {
    let mut random = [0; 16];
    SystemEntropy.fill(&mut random);
    let name = u128::from_be_bytes(random);
    let call = Forwarded {
        id: format!("call_{name:032x}"),
        operation: operation.to_owned(),
        path: BTreeMap::from([("id".to_owned(), id)]),
        query: Vec::new(),
        body: Value::Null,
        idempotency_key: None,
        if_match: None,
        wait_seconds: 0,
        actor: Actor::new(ActorKind::Relay, "relay"),
        grants: Grants::owner(),
        from: None,
        request_id: format!("req_{name:032x}"),
    };
    let answered = tokio::time::timeout(ANSWER, door.farms.call(home, call)).await;
    // What is gone already needs no more.
    answered.is_ok_and(|answer| answer.is_ok_and(|answer| answer.status < 400 || answer.status == 404))
}
