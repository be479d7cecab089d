//! What each API key does at this door: counted in memory on the way of a call, and written down together about once a minute, so that
//! a busy key costs a small disk no more than an idle one. A door that is killed forgets its last minute. What stands out is told.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use contract::event::Named;
use contract::ops::key_usage::{DAYS, DayUsage, DoorUsage, SeenNetwork};
use contract::record::Document;
use domain::actor::{Actor, ActorKind};
use domain::id::{ApiKeyId, Id};
use domain::key::ApiKey;
use domain::kind::Kind;
use domain::network::Network;
use domain::time::Timestamp;
use domain::usage::{Calls, Day, Ended};
use serde_json::json;
use store::{By, KeyDay, RawRow, Row, StoreError, Tx};

use crate::clock::{Stopwatch, is_set};
use crate::door::Door;

const SHARDS: usize = 16;
/// How often it is written down.
const EACH: Duration = Duration::from_secs(60);
/// How often it is looked which keys end soon, and what is old goes.
const SELDOM: Duration = Duration::from_secs(3600);
/// Networks of a key that are kept apart: the latest.
const NETWORKS: usize = 32;
const HOUR_MILLIS: i64 = 3600 * 1000;
const DAY_SECONDS: i64 = 24 * 3600;
/// The same is told of a key again after so long, if it goes on.
const TOLD_AGAIN_MILLIS: i64 = HOUR_MILLIS;
/// So many days before its end a key is told of, once each.
const ENDING: [i64; 2] = [7, 1];

/// What was counted and is not written down yet.
#[derive(Debug, Default)]
pub struct Usage([Mutex<BTreeMap<ApiKeyId, Counted>>; SHARDS]);

/// Of one key.
#[derive(Debug, Clone, Default)]
struct Counted {
    days: BTreeMap<Day, (Calls, Option<Timestamp>)>,
    /// When a call came from there first and last.
    networks: BTreeMap<Network, (Timestamp, Timestamp)>,
}

impl Counted {
    fn add(&mut self, more: Self) {
        for (day, (calls, used_at)) in more.days {
            let known = self.days.entry(day).or_default();
            *known = (known.0.and(calls), known.1.max(used_at));
        }
        for (network, (first, last)) in more.networks {
            self.saw(network, first);
            self.saw(network, last);
        }
    }

    /// Of more networks than are kept nobody needs to know before they are written.
    fn saw(&mut self, network: Network, at: Timestamp) {
        if let Some((first, last)) = self.networks.get_mut(&network) {
            (*first, *last) = (at.min(*first), at.max(*last));
        } else if self.networks.len() < NETWORKS {
            self.networks.insert(network, (at, at));
        }
    }

    fn calls(&self) -> Calls {
        self.days.values().fold(Calls::default(), |all, (calls, _)| all.and(*calls))
    }

    fn used_at(&self) -> Option<Timestamp> {
        self.days.values().filter_map(|(_, used_at)| *used_at).max()
    }
}

impl Usage {
    /// Counts a call of a key. It is let in unless the door itself turned it away.
    pub fn count(&self, key: ApiKeyId, from: Option<IpAddr>, at: Timestamp, let_in: bool, ended: Ended) {
        let mut shard = self.shard(key);
        let counted = shard.entry(key).or_default();
        let (calls, used_at) = counted.days.entry(Day::of(at)).or_default();
        calls.count(ended);
        if let_in {
            *used_at = (*used_at).max(Some(at));
        }
        if let Some(from) = from {
            counted.saw(Network::site_of(from), at);
        }
    }

    fn shard(&self, key: ApiKeyId) -> MutexGuard<'_, BTreeMap<ApiKeyId, Counted>> {
        // The last bits of an id are random.
        let shard = usize::from(key.uuid().as_bytes()[15]) % SHARDS;
        self.0[shard].lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn of(&self, key: ApiKeyId) -> Counted {
        self.shard(key).get(&key).cloned().unwrap_or_default()
    }

    fn take(&self) -> BTreeMap<ApiKeyId, Counted> {
        let all = self.0.iter().map(|shard| std::mem::take(&mut *shard.lock().unwrap_or_else(PoisonError::into_inner)));
        all.flatten().collect()
    }

    fn give_back(&self, counted: BTreeMap<ApiKeyId, Counted>) {
        for (key, counted) in counted {
            self.shard(key).entry(key).or_default().add(counted);
        }
    }
}

/// Writes down what is counted, for as long as the door stands.
pub async fn run(door: Arc<Door>) {
    let mut looked: Option<Stopwatch> = None;
    loop {
        if looked.as_ref().is_none_or(|since| since.elapsed() >= SELDOM) {
            looked = Some(Stopwatch::start());
            if let Err(error) = look(&door).await {
                tracing::warn!(%error, "keys that end soon could not be looked for; it will be tried again in an hour");
            }
        }
        tokio::time::sleep(EACH).await;
        flush(&door).await;
    }
}

/// Writes down what was counted, in one commit; none if there is nothing.
pub async fn flush(door: &Door) {
    let counted = door.usage.take();
    if counted.is_empty() {
        return;
    }
    let (kept, at_relay) = (counted.clone(), door.is_relay());
    let write = move |tx: &mut Tx<'_>| {
        for (key, counted) in counted {
            let Some(row) = tx.rows().raw(Kind::ApiKey, &key.to_string())? else { continue };
            if at_relay {
                tx.for_account(row.store_id, |tx| write_down(tx, key, row, &counted))?;
            } else {
                write_down(tx, key, row, &counted)?;
            }
        }
        Ok::<_, StoreError>(())
    };
    if let Err(error) = door.store.write(by(door), write).await {
        tracing::warn!(%error, "what keys were used for could not be written; it will be tried again in a minute");
        door.usage.give_back(kept);
    }
}

fn by(door: &Door) -> By {
    let actor = if door.is_relay() { Actor::new(ActorKind::Relay, "relay") } else { Actor::farm(door.home().farm_id) };
    By { clock_ok: is_set(door.now()), ..By::new(actor, door.now()) }
}

fn write_down(tx: &mut Tx<'_>, key: ApiKeyId, row: RawRow, counted: &Counted) -> Result<(), StoreError> {
    for (day, (calls, used_at)) in &counted.days {
        tx.add_key_use(key, KeyDay { day: *day, calls: *calls, used_at: *used_at })?;
    }
    // Where a key comes from first is no news.
    let first_of_all = tx.rows().key_networks(key)?.is_empty();
    let mut new = Vec::new();
    for (network, (first_seen_at, last_seen_at)) in &counted.networks {
        let seen = SeenNetwork { network: *network, first_seen_at: *first_seen_at, last_seen_at: *last_seen_at };
        if tx.see_key_network(key, &seen, NETWORKS)? {
            new.push(*network);
        }
    }
    let calls = counted.calls();
    let news = [
        (
            !new.is_empty() && !first_of_all,
            Named::ApiKeyNewNetwork,
            Document::from_iter([("new_networks".to_owned(), json!(new))]),
        ),
        (calls.throttled > 0, Named::ApiKeyThrottled, Document::new()),
        (calls.refused > 0, Named::ApiKeyRefused, Document::new()),
    ];
    for (is_so, event, more) in news {
        if is_so && tx.may_tell_of_key(key, event.word(), TOLD_AGAIN_MILLIS)? {
            tx.tell_of_key_here(event, &row, more)?;
        }
    }
    let mut record = Row::<ApiKey>::read(row)?.record;
    let used_at = counted.used_at().max(record.last_used_at);
    if used_at != record.last_used_at {
        record.last_used_at = used_at;
        tx.note(&record)?;
    }
    Ok(())
}

/// Tells of keys that end soon, where their home is, and lets go of what is old.
///
/// # Errors
/// What the database says.
pub async fn look(door: &Door) -> Result<(), StoreError> {
    let (now, at_relay) = (door.now(), door.is_relay());
    if !is_set(now) {
        return Ok(());
    }
    let at_home = door.accounts.claim().is_none();
    let write = move |tx: &mut Tx<'_>| {
        tx.trim_key_use(Day::of(now).before(DAYS - 1))?;
        let longest = ENDING.into_iter().max().unwrap_or_default();
        let ending = if at_home { tx.rows().keys_ending(now, now.plus_seconds(longest * DAY_SECONDS))? } else { Vec::new() };
        for row in ending {
            if at_relay {
                tx.for_account(row.store_id, |tx| tell_ending(tx, row))?;
            } else {
                tell_ending(tx, row)?;
            }
        }
        Ok::<_, StoreError>(())
    };
    door.store.write(by(door), write).await
}

fn tell_ending(tx: &mut Tx<'_>, row: RawRow) -> Result<(), StoreError> {
    let key = Row::<ApiKey>::read(row.clone())?.record;
    let Some(end) = key.expires_at else { return Ok(()) };
    // The nearest of the moments that have come counts. One that had passed when the key was made is no news to who made it.
    let come = ENDING.into_iter().filter(|days| end.plus_seconds(-days * DAY_SECONDS) <= tx.now()).min();
    let Some(days) = come.filter(|days| end.plus_seconds(-days * DAY_SECONDS) > key.created_at) else { return Ok(()) };
    let what = format!("{} {days}", Named::ApiKeyExpiring.word());
    if tx.may_tell_of_key_once(key.id, &what, end)? {
        tx.tell_of_copy(Named::ApiKeyExpiring, Kind::ApiKey, &row, &[])?;
    }
    Ok(())
}

/// What this door knows of a key, what is not written down yet with it.
///
/// # Errors
/// What the database says.
pub fn known(door: &Door, key: ApiKeyId) -> Result<DoorUsage, StoreError> {
    let since = Day::of(door.now()).before(DAYS - 1);
    let (days, networks) = door.store.read(|rows| Ok::<_, StoreError>((rows.key_days(key, since)?, rows.key_networks(key)?)))?;
    let mut all = Counted {
        days: days.into_iter().map(|known| (known.day, (known.calls, known.used_at))).collect(),
        networks: BTreeMap::new(),
    };
    let counted = door.usage.of(key);
    let mut seen: BTreeMap<Network, SeenNetwork> = networks.into_iter().map(|seen| (seen.network, seen)).collect();
    for (network, (first_seen_at, last_seen_at)) in &counted.networks {
        let new = SeenNetwork { network: *network, first_seen_at: *first_seen_at, last_seen_at: *last_seen_at };
        seen.entry(*network).or_insert(new).last_seen_at = *last_seen_at;
    }
    all.add(counted);
    let mut networks: Vec<SeenNetwork> = seen.into_values().collect();
    networks.sort_by_key(|seen| std::cmp::Reverse(seen.last_seen_at));
    networks.truncate(NETWORKS);
    Ok(DoorUsage {
        door: door.served_by.to_owned(),
        farm_id: door.farm.is_some().then(|| door.home().farm_id),
        last_used_at: all.used_at(),
        total: all.calls(),
        days: all.days.iter().map(|(day, (calls, _))| DayUsage { day: day.to_string(), calls: *calls }).collect(),
        networks,
    })
}
