//! That a farm belongs to a store: what is written when it is claimed and when it leaves, at the farm and at the relay.

use contract::event::Named;
use contract::problem::{Code, Problem};
use domain::actor::{Actor, ActorKind};
use domain::attempt::Stage;
use domain::farm::{Claim, HomeIds};
use domain::hex::unhex;
use domain::id::{FarmId, Id, StoreId};
use domain::job::{Job, JobState};
use domain::kind::Kind;
use domain::pairing::{RefusedAgent, WhyRefused};
use domain::time::Timestamp;
use ring::signature::{ED25519, UnparsedPublicKey};
use store::{AuditEntry, By, FeedRow, Rows, Store, StoreError, Tx, is_copied};

use crate::door::{AccountHome, Door};
use crate::operation::Failure;
use crate::{facts, floor_people, mailbox};

/// The setting that holds the claim.
pub const CLAIM: &str = "claim";
/// The setting that holds the claim that was ended at the farm, until its relay has heard of it.
pub const FAREWELL: &str = "farewell";
/// The setting that tells how far the farm's copy of the store's keys is.
pub const KEYS: &str = "keys_of_relay";

/// The setting that holds the pass of the last session with the relay.
pub const PASS: &str = "pass_of_relay";
/// The setting that holds why the relay does not let this agent in, and since when.
pub const REFUSED: &str = "refused_by_relay";
/// The setting that holds when the relay was heard last.
pub const HEARD_AT: &str = "relay_heard_at";

/// Whether that is the key's Ed25519 signature (RFC 8032) of the message. Key and signature are in hex.
pub fn signed_by(public_key: &str, message: &[u8], signature: &str) -> bool {
    let (Some(key), Some(signature)) = (unhex(public_key), unhex(signature)) else { return false };
    UnparsedPublicKey::new(&ED25519, key).verify(message, &signature).is_ok()
}

/// At the farm: it belongs to that store from now on. One transaction: the store's id on every fact, and nothing else changes. If it takes
/// its own place in that store again, another life of this database has told events up to `last_number`: it goes on above them.
///
/// # Errors
/// What the database says.
pub async fn claimed(
    store: &Store,
    accounts: &AccountHome,
    claim: Claim,
    last_number: u64,
    now: Timestamp,
) -> Result<(), StoreError> {
    let by = By::new(Actor::farm(store.home().farm_id), now);
    let kept = claim.clone();
    store
        .write(by, move |tx| {
            if tx.home().store_id == kept.store_id {
                tx.begin_new_log()?;
                tx.go_on_above(last_number)?;
            }
            tx.move_to_store(kept.store_id)?;
            tx.put_setting(FAREWELL, &None::<Claim>)?;
            tx.put_setting(PASS, "")?;
            tx.put_setting(REFUSED, &None::<RefusedAgent>)?;
            tx.put_setting(HEARD_AT, &now)?;
            tx.put_setting(CLAIM, &Some(kept))
        })
        .await?;
    accounts.heard(now);
    accounts.claimed(Some(claim));
    Ok(())
}

/// What an agent is told when it takes the place of a farm whose machine is gone.
pub struct Place {
    /// The claim that the farm had.
    pub claim: Claim,
    /// The farm.
    pub farm: FarmId,
    /// Its numbers go on above this one.
    pub last_number: u64,
    /// What the relay knows of its floor.
    pub rows: Vec<FeedRow>,
}

/// Whether the farm has nothing of its own that could be lost or done twice: no printer, nothing to print and no history.
///
/// # Errors
/// What the database says.
pub fn is_empty(rows: Rows<'_>) -> Result<bool, StoreError> {
    let things = Kind::ALL.iter().copied().filter(|kind| is_copied(*kind) && *kind != Kind::Farm);
    for kind in things {
        if rows.has_any(kind)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// At an empty farm: it takes that place, in one transaction.
///
/// # Errors
/// It is empty no more; or what the database says.
pub async fn took_place(store: &Store, accounts: &AccountHome, place: Place, now: Timestamp) -> Result<(), Problem> {
    let by = By::new(Actor::farm(place.farm), now);
    let claim = place.claim.clone();
    store
        .write(by, move |tx| {
            let Place { claim, farm, last_number, rows } = place;
            if !is_empty(tx.rows())? {
                let why = "this agent has things of its own by now: only an empty one takes another farm's place";
                return Err(Failure::from(Problem::new(Code::InUse).detail(why)));
            }
            facts::take_place_of(tx, HomeIds { store_id: claim.store_id, farm_id: farm }, last_number, &rows)?;
            tx.audit(&AuditEntry {
                at: now,
                actor: tx.actor().clone(),
                from: None,
                operation: "farm.took_place".to_owned(),
                subject: Some(farm.to_string()),
                request_id: None,
                asked: serde_json::json!({"rows": rows.len()}),
            })?;
            tx.put_setting(FAREWELL, &None::<Claim>)?;
            tx.put_setting(PASS, "")?;
            tx.put_setting(REFUSED, &None::<RefusedAgent>)?;
            tx.put_setting(HEARD_AT, &now)?;
            Ok(tx.put_setting(CLAIM, &Some(claim))?)
        })
        .await?;
    accounts.heard(now);
    accounts.claimed(Some(claim));
    Ok(())
}

/// At the farm: its relay is found at another address from now on. It proves to be the same: sessions sign its name.
///
/// # Errors
/// What the database says.
pub async fn relay_moved(door: &Door, relay_url: String) -> Result<(), StoreError> {
    let Some(claim) = door.accounts.claim() else { return Ok(()) };
    let moved = Claim { relay_url, ..claim };
    let kept = moved.clone();
    let by = By::new(Actor::farm(door.home().farm_id), door.now());
    let still = door
        .store
        .write(by, move |tx| {
            let known: Option<Claim> = tx.rows().setting(CLAIM)?.flatten();
            let still = known.is_some_and(|known| (known.store_id, &known.relay_id) == (kept.store_id, &kept.relay_id));
            if still { tx.put_setting(CLAIM, &Some(kept)) } else { Ok(()) }.map(|()| still)
        })
        .await?;
    if still {
        door.accounts.claimed(Some(moved));
    }
    Ok(())
}

/// Whether a printer may have begun it.
const fn may_be_on_a_bed(state: JobState) -> bool {
    match state {
        JobState::Active(_, Stage::Starting | Stage::Printing | Stage::Paused(_) | Stage::Unknown(_)) => true,
        JobState::Active(_, Stage::Assigned | Stage::Slicing | Stage::Sending)
        | JobState::Queued
        | JobState::Held(_)
        | JobState::AwaitingApproval
        | JobState::Done(..) => false,
    }
}

/// At the farm: it belongs to no store any more. The store's keys open nothing from now on. What describes the floor stays:
/// the printers, their filament, the pools. What was done for the store stays behind with it: its jobs and orders, files
/// and history are seen again only if it claims the farm again. What waited is cancelled; a print that runs is not stopped.
///
/// # Errors
/// What the database says.
pub async fn set_free(door: &Door, entry: Option<AuditEntry>) -> Result<(), StoreError> {
    let by = By::new(Actor::farm(door.home().farm_id), door.now());
    let told = entry.is_none();
    let write = move |tx: &mut Tx<'_>| {
        for job in tx.rows().all_where::<Job>("phase", &["waiting", "active"])? {
            if !may_be_on_a_bed(job.record.state) {
                facts::ask_cancel(tx, job.record.id, "the farm was unpaired from its store".parse().ok(), false)?;
            }
        }
        facts::no_content_comes(tx, "the farm left the store whose relay had it")?;
        let claim: Option<Claim> = tx.rows().setting(CLAIM)?.flatten();
        let random = tx.random();
        let own = StoreId::new(tx.now(), random);
        tx.forget_key_copies()?;
        floor_people::leave_store(tx)?;
        // What was done for the store stays with it; the next one learns only that the floor came.
        let came = AuditEntry {
            at: tx.now(),
            actor: tx.actor().clone(),
            from: None,
            operation: "farm.left_store".to_owned(),
            subject: Some(tx.home().farm_id.to_string()),
            request_id: None,
            asked: serde_json::Value::Null,
        };
        tx.audit(entry.as_ref().unwrap_or(&came))?;
        tx.leave_store(own)?;
        tx.audit(&came)?;
        tx.put_setting(CLAIM, &None::<Claim>)?;
        tx.put_setting(KEYS, &serde_json::Value::Null)?;
        // Whoever ended it here, the relay is still to hear of it.
        tx.put_setting(FAREWELL, &claim.filter(|_| !told))?;
        Ok::<_, Failure>(())
    };
    door.store.write(by, write).await.map_err(|failure| match failure {
        Failure::Store(error) => error,
        Failure::Problem(problem) => StoreError::NotCommitted(problem.to_string()),
    })?;
    door.accounts.claimed(None);
    Ok(())
}

/// At the relay: a farm left its store. Its line ends; what waited for it is ended; what describes the floor goes with it, and
/// the store keeps its jobs, orders and history.
///
/// # Errors
/// What the database says.
pub async fn left(door: &Door, home: HomeIds, entry: Option<AuditEntry>) -> Result<(), StoreError> {
    let actor = Actor::new(ActorKind::Relay, "relay");
    let by = By { account_of: Some(home.store_id), ..By::new(actor, door.now()) };
    door.store
        .write(by, move |tx| {
            let Some(mut tunnel) = tx.rows().tunnel(home.farm_id)?.filter(|tunnel| tunnel.home == home) else { return Ok(()) };
            if tunnel.state.revoked {
                return Ok(());
            }
            tunnel.state.revoked = true;
            tunnel.state.connected = false;
            tx.put_tunnel(&tunnel)?;
            mailbox::end_all(tx, home)?;
            tx.drop_floor_copies(home)?;
            tx.forget_kept_of(home)?;
            entry.iter().try_for_each(|entry| tx.audit(entry))
        })
        .await?;
    door.farms.revoked(home);
    Ok(())
}

/// That somebody still comes is written this often.
const AGAIN_MS: i64 = 600_000;

/// At the relay: an agent came with a key of that farm and was not let in. The store is told once, until somebody dismisses it.
///
/// # Errors
/// What the database says.
pub async fn agent_refused(store: &Store, home: HomeIds, why: WhyRefused, now: Timestamp) -> Result<(), StoreError> {
    let by = By { account_of: Some(home.store_id), ..By::new(Actor::new(ActorKind::Relay, "relay"), now) };
    store
        .write(by, move |tx| {
            let Some(mut tunnel) = tx.rows().tunnel(home.farm_id)?.filter(|tunnel| tunnel.home == home) else { return Ok(()) };
            let before = tunnel.state.refused.take().filter(|before| before.why == why);
            if before.as_ref().is_some_and(|before| now.millis_since(before.last) < AGAIN_MS) {
                return Ok(());
            }
            let refused = RefusedAgent { why, since: before.as_ref().map_or(now, |before| before.since), last: now };
            tunnel.state.refused = Some(refused.clone());
            tx.put_tunnel(&tunnel)?;
            let farm = tx.overlay_copy(Kind::Farm, &home.farm_id.to_string(), |farm| {
                farm.insert("refused".into(), serde_json::json!(refused));
            })?;
            if before.is_some() {
                return Ok(());
            }
            if let Some(farm) = farm {
                tx.tell_of_copy(Named::FarmRefused, Kind::Farm, &farm, &[])?;
            }
            tx.audit(&AuditEntry {
                at: now,
                actor: Actor::new(ActorKind::Relay, "relay"),
                from: None,
                operation: "refuse_agent".to_owned(),
                subject: Some(home.farm_id.to_string()),
                request_id: None,
                asked: serde_json::json!({"why": why}),
            })
        })
        .await
}

/// At the relay: somebody has looked at the agent that was not let in.
///
/// # Errors
/// What the database says.
pub fn dismiss_refusal(tx: &mut Tx<'_>, home: HomeIds) -> Result<(), StoreError> {
    let Some(mut tunnel) = tx.rows().tunnel(home.farm_id)?.filter(|tunnel| tunnel.home == home) else { return Ok(()) };
    tunnel.state.refused = None;
    tx.put_tunnel(&tunnel)?;
    tx.overlay_copy(Kind::Farm, &home.farm_id.to_string(), |farm| drop(farm.remove("refused"))).map(drop)
}
