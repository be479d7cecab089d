//! What the line reads from the store and writes into it.

use api::claims::{FAREWELL, HEARD_AT, KEYS, PASS, REFUSED};
use api::door::Door;
use contract::forward::RowItem;
use domain::actor::Actor;
use domain::farm::{Claim, Dispatch, Farm};
use domain::hex::unhex;
use domain::id::FarmId;
use domain::pairing::{RefusedAgent, WhyRefused};
use domain::time::Timestamp;
use serde::{Deserialize, Serialize};
use store::{By, FeedRow, KeyFact, Opener, StoreError};
use sync::farm::FarmStart;
use sync::feed::Page;
use sync::frame::{AccountItem, Batch, Cursor, EventItem, FarmGot, Heads, Hello, PROTO};

use super::contact;

/// How far the copy of the store's keys is.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Keys {
    epoch: String,
    at: u64,
    sweep_at: Option<u64>,
    generation: u64,
}

fn by(door: &Door) -> By {
    By::new(Actor::farm(door.home().farm_id), door.now())
}

/// What a session begins with.
pub fn start(door: &Door, session_nonce: &str) -> Result<FarmStart, StoreError> {
    let now = door.now();
    door.store.read(|rows| {
        let end = rows.log_end()?;
        let keys: Keys = rows.setting(KEYS)?.flatten().unwrap_or_default();
        let hello = Hello {
            proto: PROTO,
            build: env!("CARGO_PKG_VERSION").to_owned(),
            farm_id: door.home().farm_id,
            epoch: end.epoch,
            heads: Heads { rows: end.position, events: end.position },
            got: FarmGot { account: Cursor { epoch: keys.epoch, at: keys.at } },
            session_nonce: session_nonce.to_owned(),
            pass: rows.setting(PASS)?.unwrap_or_default(),
            wall: now,
            clock_ok: api::clock::is_set(now),
            signature: String::new(),
        };
        Ok(FarmStart { hello, rows_floor: 0, account_sweep_at: keys.sweep_at })
    })
}

/// Rows above a place, and the head when they were read.
pub fn rows(door: &Door, after: u64, limit: usize) -> Result<(Page<RowItem>, u64), StoreError> {
    let store = door.home().store_id;
    door.store.read(|rows| {
        let head = rows.log_end()?.position;
        let found = rows.feed_after(store, after, limit)?;
        let full = found.len() == limit;
        let to = found.last().filter(|_| full).map_or(head, |last| last.position);
        Ok((Page { after, to, items: found.into_iter().map(Into::into).collect() }, head))
    })
}

/// Events above a place, up to where older ones are gone, and the head of rows when they were read.
pub fn events(door: &Door, after: u64, limit: usize) -> Result<(Page<EventItem>, u64, u64), StoreError> {
    let store = door.home().store_id;
    door.store.read(|rows| {
        let (head, trimmed_to) = (rows.log_end()?.position, rows.log_trimmed_to()?);
        let read = rows.farm_events_after(store, after, limit)?;
        let to = read.last.filter(|_| read.full).unwrap_or(head);
        let items = read.events.into_iter().map(|stored| {
            let bad = |cause| StoreError::Document { kind: "event", cause };
            let body = serde_json::from_value(serde_json::to_value(&stored.event).map_err(bad)?).map_err(bad)?;
            Ok(EventItem::Event { number: stored.position, labels: stored.labels, body })
        });
        Ok((Page { after, to, items: items.collect::<Result<_, StoreError>>()? }, trimmed_to, head))
    })
}

/// Writes keys of the store and how far they go. False if the farm belongs to another store by now.
pub async fn apply_keys(door: &Door, claim: &Claim, batch: Batch<AccountItem>) -> Result<bool, StoreError> {
    write_keys(door, claim, move |tx, keys| {
        keys.at = batch.to;
        for AccountItem::Key { row, hashes, ending } in batch.items {
            let Some(row) = FeedRow::of(row) else { continue };
            let all = hashes.into_iter().map(|hash| (hash, None)).chain(ending.into_iter().map(|(hash, end)| (hash, Some(end))));
            let openers =
                all.filter_map(|(hash, expires_at)| Some(Opener { hash: unhex(&hash)?.try_into().ok()?, expires_at })).collect();
            tx.put_key_copy(keys.generation, &KeyFact { row, openers })?;
        }
        Ok(())
    })
    .await
}

/// Begins to take all keys anew.
pub async fn begin_keys(door: &Door, claim: &Claim, epoch: String, sweep_at: u64) -> Result<bool, StoreError> {
    write_keys(door, claim, move |_, keys| {
        *keys = Keys { epoch, at: 0, sweep_at: Some(sweep_at), generation: keys.generation + 1 };
        Ok(())
    })
    .await
}

/// Removes keys that did not come again.
pub async fn sweep_keys(door: &Door, claim: &Claim) -> Result<bool, StoreError> {
    write_keys(door, claim, move |tx, keys| {
        keys.sweep_at = None;
        tx.sweep_key_copies(keys.generation).map(drop)
    })
    .await
}

async fn write_keys(
    door: &Door,
    claim: &Claim,
    write: impl FnOnce(&mut store::Tx<'_>, &mut Keys) -> Result<(), StoreError> + Send + 'static,
) -> Result<bool, StoreError> {
    let store = claim.store_id;
    door.store
        .write(by(door), move |tx| {
            let claim: Option<Claim> = tx.rows().setting(api::claims::CLAIM)?.flatten();
            if claim.is_none_or(|claim| claim.store_id != store) {
                return Ok(false);
            }
            let mut keys: Keys = tx.rows().setting(KEYS)?.flatten().unwrap_or_default();
            write(tx, &mut keys)?;
            tx.put_setting(KEYS, &Some(keys))?;
            Ok(true)
        })
        .await
}

/// The line is open: that pass is to be shown at the next one, and nothing is wrong with this agent any more.
pub async fn opened(door: &Door, pass: String) -> Result<(), StoreError> {
    door.store
        .write(by(door), move |tx| {
            tx.put_setting(REFUSED, &None::<RefusedAgent>)?;
            tx.put_setting(PASS, &pass)
        })
        .await
}

/// Keeps when the relay was heard: as long as it is, the store's keys are believed, and outcomes of requests are kept for as long as
/// it may send them again.
pub async fn heard_of_relay(door: &Door, connected: bool) -> Result<(), StoreError> {
    let Some(at) = contact::to_note(door.accounts.heard_at(), door.now(), connected) else { return Ok(()) };
    door.store.write(by(door), move |tx| tx.put_setting(HEARD_AT, &at)).await?;
    door.accounts.heard(at);
    Ok(())
}

/// The relay does not let this agent in. Another may drive the same printers: this one starts nothing until somebody has looked.
/// Once: whoever lets it start again has looked.
pub async fn refused(door: &Door, why: WhyRefused) -> Result<(), StoreError> {
    let (now, farm) = (door.now(), door.home().farm_id);
    door.store
        .write(by(door), move |tx| {
            let known: Option<RefusedAgent> = tx.rows().setting(REFUSED)?.flatten();
            if known.is_some_and(|known| known.why == why) {
                return Ok(());
            }
            tx.put_setting(REFUSED, &Some(RefusedAgent { why, since: now, last: now }))?;
            stop_dispatch(tx, farm)
        })
        .await
}

fn stop_dispatch(tx: &mut store::Tx<'_>, farm: FarmId) -> Result<(), StoreError> {
    let Some(row) = tx.get::<Farm>(farm)?.filter(|row| row.record.dispatch != Dispatch::Stop) else { return Ok(()) };
    tx.update(&Farm { dispatch: Dispatch::Stop, ..row.record }).map(|_| ())
}

/// Until when outcomes may be forgotten: what was asked before the relay was last heard may come again.
pub fn outcomes_settled(rows: store::Rows<'_>, now: Timestamp) -> Result<Timestamp, StoreError> {
    let claimed: Option<Claim> = rows.setting(api::claims::CLAIM)?.flatten();
    let heard: Option<Timestamp> = rows.setting(HEARD_AT)?;
    Ok(claimed.and(heard).map_or(now, |heard| heard.min(now)))
}

/// The farm belongs to no store any more.
pub async fn set_free(door: &Door) -> Result<(), StoreError> {
    api::claims::set_free(door, None).await
}

/// The claim that was ended here and whose relay has not heard of it.
pub fn farewell(door: &Door) -> Result<Option<Claim>, StoreError> {
    door.store.read(|rows| Ok(rows.setting(FAREWELL)?.flatten()))
}

/// The relay has heard of it.
pub async fn farewell_said(door: &Door) -> Result<(), StoreError> {
    door.store.write(by(door), |tx| tx.put_setting(FAREWELL, &None::<Claim>)).await
}

/// This database was set back: it goes on in a log of its own, above the numbers that the relay knows, and starts nothing until somebody
/// has looked.
pub async fn rolled_back(door: &Door, last_number: u64) -> Result<(), StoreError> {
    let farm = door.home().farm_id;
    door.store
        .write(by(door), move |tx| {
            tx.begin_new_log()?;
            tx.go_on_above(last_number)?;
            stop_dispatch(tx, farm)
        })
        .await
}
