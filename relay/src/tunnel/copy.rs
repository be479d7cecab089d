//! What a farm sent, written into its copy. Every write is fenced by the number of its session: what an older session
//! still wants to write is refused.

use contract::event::Named;
use contract::forward::RowItem;
use domain::actor::Actor;
use domain::farm::HomeIds;
use domain::hex::hex;
use domain::id::FarmId;
use domain::kind::Kind;
use domain::printer::Connection;
use domain::time::Timestamp;
use serde_json::json;
use store::{By, Copied, FeedRow, Opener, Reached, Store, StoreError, Tunnel, TunnelState, Tx};
use sync::frame::{AccountItem, Batch, EventItem, Stream};

use super::farms::relay;

/// The farm that a session belongs to, and the session's number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fence {
    /// The farm.
    pub home: HomeIds,
    /// The session.
    pub session_no: u64,
}

pub(super) fn farm(home: HomeIds, now: Timestamp) -> By {
    By { account_of: Some(home.store_id), ..By::new(Actor::farm(home.farm_id), now) }
}

/// A write of a session. False if a newer one, or an end of the pairing, came before.
pub(super) async fn fenced(
    store: &Store,
    fence: Fence,
    now: Timestamp,
    write: impl FnOnce(&mut Tx<'_>, &mut Tunnel) -> Result<(), StoreError> + Send + 'static,
) -> Result<bool, StoreError> {
    store
        .write(farm(fence.home, now), move |tx| {
            let current = |tunnel: &Tunnel| {
                tunnel.home == fence.home && tunnel.state.session_no == fence.session_no && !tunnel.state.revoked
            };
            let Some(mut tunnel) = tx.rows().tunnel(fence.home.farm_id)?.filter(current) else { return Ok(false) };
            write(tx, &mut tunnel)?;
            tx.put_tunnel(&tunnel)?;
            Ok(true)
        })
        .await
}

fn put_rows(tx: &mut Tx<'_>, home: HomeIds, state: &TunnelState, rows: Vec<RowItem>) -> Result<(), StoreError> {
    for mut row in rows.into_iter().filter_map(FeedRow::of) {
        if row.kind == Kind::Farm && !row.deleted {
            // Whether it is a test farm was said when somebody claimed it: no later word opens it to test keys, or to live work.
            row.document.insert("live".into(), json!(!state.simulated));
            // The farm itself does not know who else comes in its name.
            if let Some(refused) = &state.refused {
                row.document.insert("refused".into(), json!(refused));
            }
        }
        if tx.put_copy(home, state.generation, &row)? == Copied::Foreign {
            tracing::warn!(kind = %row.kind, id = row.id, "a farm sent a row that is not its own; it was left out");
        }
    }
    Ok(())
}

/// Writes rows and how far they go.
///
/// # Errors
/// What the database says.
pub async fn rows(store: &Store, fence: Fence, batch: Batch<RowItem>, now: Timestamp) -> Result<bool, StoreError> {
    fenced(store, fence, now, move |tx, tunnel| {
        if batch.to >= batch.rows_head {
            tunnel.state.as_of = Some(now);
        }
        tunnel.state.rows.at = batch.to;
        put_rows(tx, fence.home, &tunnel.state, batch.items)?;
        // At the first session of all the farm's own row comes only now.
        if tunnel.state.connected { Ok(()) } else { tell(tx, tunnel, true) }
    })
    .await
}

/// Writes rows that came with an answer: their feed brings them again.
///
/// # Errors
/// What the database says.
pub async fn answered_rows(store: &Store, fence: Fence, rows: Vec<RowItem>, now: Timestamp) -> Result<bool, StoreError> {
    if rows.is_empty() {
        return Ok(true);
    }
    fenced(store, fence, now, move |tx, tunnel| put_rows(tx, fence.home, &tunnel.state, rows)).await
}

/// Writes events and how far they go.
///
/// # Errors
/// What the database says.
pub async fn events(store: &Store, fence: Fence, batch: Batch<EventItem>, now: Timestamp) -> Result<bool, StoreError> {
    fenced(store, fence, now, move |tx, tunnel| {
        tunnel.state.events.at = batch.to;
        for item in batch.items {
            match item {
                EventItem::Event { labels, mut body, .. } => {
                    body.insert("live".into(), json!(!tunnel.state.simulated));
                    match tx.put_copied_event(fence.home, &labels, &body) {
                        Ok(_) => {}
                        // One that cannot be read must not stop those behind it.
                        Err(StoreError::Document { cause, .. }) => tracing::warn!(%cause, "a farm sent an event that is none"),
                        Err(error) => return Err(error),
                    }
                }
                EventItem::Gap { after, to } => {
                    tracing::warn!(after, to, farm = %fence.home.farm_id, "events were trimmed before they came here");
                    if let Some(farm) = tx.rows().raw(Kind::Farm, &fence.home.farm_id.to_string())? {
                        tx.tell_of_copy(Named::EventGap, Kind::Farm, &farm, &[])?;
                    }
                }
            }
        }
        Ok(())
    })
    .await
}

/// Begins a new generation.
///
/// # Errors
/// What the database says.
pub async fn generation(
    store: &Store,
    fence: Fence,
    stream: Stream,
    epoch: String,
    sweep_at: u64,
    now: Timestamp,
) -> Result<bool, StoreError> {
    fenced(store, fence, now, move |_, tunnel| {
        match stream {
            Stream::Rows => {
                tunnel.state.rows = Reached { epoch, at: 0, sweep_at: Some(sweep_at) };
                tunnel.state.generation += 1;
            }
            // Events are told apart by their ids: nothing is swept.
            Stream::Events => tunnel.state.events = Reached { epoch, at: 0, sweep_at: None },
            Stream::Account => {}
        }
        Ok(())
    })
    .await
}

/// Removes what the new generation did not bring.
///
/// # Errors
/// What the database says.
pub async fn sweep(store: &Store, fence: Fence, now: Timestamp) -> Result<bool, StoreError> {
    fenced(store, fence, now, move |tx, tunnel| {
        tunnel.state.rows.sweep_at = None;
        tx.sweep_copies(fence.home, tunnel.state.generation).map(drop)
    })
    .await
}

/// The keys of the farm's store above a place.
///
/// # Errors
/// What the database says.
pub fn keys(store: &Store, home: HomeIds, after: u64, limit: usize) -> Result<sync::feed::Page<AccountItem>, StoreError> {
    store.read(|rows| {
        let facts = rows.keys_after(home.store_id, after, limit)?;
        let last = facts.last().map(|fact| fact.row.position);
        let to = if facts.len() == limit { last } else { Some(rows.keys_head(home.store_id)?) };
        let items = facts.into_iter().map(|fact| {
            let (lasting, ending): (Vec<Opener>, Vec<Opener>) =
                fact.openers.into_iter().partition(|opener| opener.expires_at.is_none());
            let ending = ending.iter().filter_map(|opener| Some((hex(&opener.hash), opener.expires_at?))).collect();
            AccountItem::Key { row: fact.row.into(), hashes: lasting.iter().map(|opener| hex(&opener.hash)).collect(), ending }
        });
        Ok(sync::feed::Page { after, to: to.unwrap_or(after).max(after), items: items.collect() })
    })
}

/// Tells that a farm is there or away, once.
///
/// # Errors
/// What the database says.
pub async fn tell_connected(store: &Store, home: HomeIds, connected: bool, now: Timestamp) -> Result<(), StoreError> {
    let by = By { account_of: Some(home.store_id), ..relay(now) };
    store
        .write(by, move |tx| {
            let Some(mut tunnel) = tx.rows().tunnel(home.farm_id)?.filter(|tunnel| tunnel.home == home) else { return Ok(()) };
            tell(tx, &mut tunnel, connected)?;
            tx.put_tunnel(&tunnel)
        })
        .await
}

/// The farm itself cannot know that it is away: its copy says so, and an event of the relay's own tells it, once.
fn tell(tx: &mut Tx<'_>, tunnel: &mut Tunnel, connected: bool) -> Result<(), StoreError> {
    let connection = if connected { Connection::Online } else { Connection::Offline };
    let farm = tx.overlay_copy(Kind::Farm, &tunnel.home.farm_id.to_string(), |farm| {
        farm.insert("connection".into(), json!(connection));
    })?;
    let Some(farm) = farm.filter(|_| tunnel.state.connected != connected) else { return Ok(()) };
    tunnel.state.connected = connected;
    tx.tell_of_copy(if connected { Named::FarmConnected } else { Named::FarmDisconnected }, Kind::Farm, &farm, &[])
}

/// Ids of a farm's printers.
///
/// # Errors
/// What the database says.
pub fn printers(store: &Store, farm: FarmId) -> Result<Vec<domain::id::PrinterId>, StoreError> {
    let rows = store.read(|rows| rows.all_of_farm(Kind::Printer, farm))?;
    Ok(rows.into_iter().filter_map(|id| id.parse().ok()).collect())
}
