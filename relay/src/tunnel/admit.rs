//! Who may open a session: an agent that has the farm's key, is not a copy of the one that is there, and shows the pass of the
//! last session. Who has a key of the farm and may not is told of.

use domain::actor::Actor;
use domain::farm::HomeIds;
use domain::fingerprint::fingerprint;
use domain::hex::{hex, unhex};
use domain::pairing::{Standing, WhyRefused};
use domain::time::Timestamp;
use serde_json::json;
use store::{AuditEntry, Reached, Store, StoreError};
use sync::frame::{ByeCode, Cursor, Hello, Rekey};
use sync::intake::Known;
use sync::relay::{Admission, RelayInput};

use super::copy::{Fence, farm, fenced};
use super::farms::Tunnels;
use super::session::failed;

/// Lets a farm in whose signature over `message` is that of a key of its own.
///
/// # Errors
/// What the database says.
pub async fn admit(
    tunnels: &Tunnels,
    store: &Store,
    hello: &Hello,
    message: &[u8],
    now: Timestamp,
) -> Result<Result<(HomeIds, Admission), ByeCode>, StoreError> {
    let is = |key: &str| api::claims::signed_by(key, message, &hello.signature);
    let Some(tunnel) = store.read(|rows| rows.tunnel(hello.farm_id))? else { return Ok(Err(ByeCode::Refused)) };
    let (home, standing) = (tunnel.home, tunnel.state.keys.standing(is, now));
    match standing {
        None => return Ok(Err(ByeCode::Refused)),
        Some(_) if tunnel.state.revoked => return Ok(Err(ByeCode::Revoked)),
        Some(Standing::Old) => {
            api::claims::agent_refused(store, home, WhyRefused::OldKey, now).await?;
            return Ok(Err(ByeCode::OldKey));
        }
        Some(Standing::Current | Standing::Next) => {}
    }
    if tunnels.is_elsewhere(home, &hello.session_nonce, tunnel.state.session_no).await {
        api::claims::agent_refused(store, home, WhyRefused::SecondAgent, now).await?;
        return Ok(Err(ByeCode::Clone));
    }
    let (pass, known) = (hello.pass.clone(), tunnel.state.keys);
    let counted = store
        .write(farm(home, now), move |tx| {
            let Some(mut tunnel) = tx.rows().tunnel(home.farm_id)?.filter(|tunnel| tunnel.home == home) else {
                return Ok(Err(ByeCode::Refused));
            };
            let state = &mut tunnel.state;
            // What was found out before holds only for the keys that it was found out with.
            let Some(standing) = standing.filter(|_| state.keys == known) else { return Ok(Err(ByeCode::Shutdown)) };
            if !state.passes.hold(&pass, state.session_no) {
                return Ok(Err(ByeCode::Clone));
            }
            state.keys.open(standing);
            state.session_no = state.passes.open(&pass, state.session_no, tx.random());
            tx.put_tunnel(&tunnel)?;
            Ok::<_, StoreError>(Ok(tunnel.state))
        })
        .await?;
    let state = match counted {
        Ok(state) => state,
        Err(code) => {
            if code == ByeCode::Clone {
                api::claims::agent_refused(store, home, WhyRefused::SecondAgent, now).await?;
            }
            return Ok(Err(code));
        }
    };
    let content_token = hex(&random());
    let known = |reached: Reached| Known { cursor: Cursor { epoch: reached.epoch, at: reached.at }, sweep_at: reached.sweep_at };
    store.read(|rows| {
        let admission = Admission {
            session_no: state.session_no,
            relay_epoch: rows.log_end()?.epoch,
            rows: known(state.rows),
            events: known(state.events),
            account_head: rows.keys_head(home.store_id)?,
            account_floor: 0,
            answered: 0,
            requests_wait: rows.next_mail(home.farm_id)?.is_some(),
            content_token,
            pass: state.passes.given().to_owned(),
            last_number: rows.last_number(home)?,
        };
        Ok(Ok((home, admission)))
    })
}

fn random() -> [u8; 32] {
    let mut random = [0; 32];
    store::Entropy::fill(&mut api::entropy::SystemEntropy, &mut random);
    random
}

/// Keeps the new key of a farm beside the one that its session was opened with.
pub async fn commit_key(store: &Store, fence: Fence, relay: &str, rekey: Rekey, now: Timestamp) -> RelayInput {
    let Rekey { public_key, by_old, by_new } = rekey;
    let signed = Rekey::signed(relay, fence.home.farm_id, &public_key);
    let tunnel = match store.read(|rows| rows.tunnel(fence.home.farm_id)) {
        Ok(tunnel) => tunnel,
        Err(error) => return failed(&error),
    };
    let Some(current) = tunnel.map(|tunnel| tunnel.state.keys.public_key) else {
        return RelayInput::Close(ByeCode::Refused, None);
    };
    let is = |key: &str, signature: &str| api::claims::signed_by(key, &signed, signature);
    if !is(&current, &by_old) || !is(&public_key, &by_new) {
        tracing::warn!(farm = %fence.home.farm_id, "a new key was not signed as it must be");
        return RelayInput::Close(ByeCode::Protocol, None);
    }
    let offered = public_key.clone();
    let written = fenced(store, fence, now, move |tx, tunnel| {
        if tunnel.state.keys.public_key != current {
            return Ok(());
        }
        let before = tunnel.state.keys.clone();
        tunnel.state.keys.offer(offered.clone(), now);
        if tunnel.state.keys == before {
            return Ok(());
        }
        tx.audit(&AuditEntry {
            at: now,
            actor: Actor::farm(fence.home.farm_id),
            from: None,
            operation: "rekey_farm".to_owned(),
            subject: Some(fence.home.farm_id.to_string()),
            request_id: None,
            asked: json!({"fingerprint": fingerprint(&unhex(&offered).unwrap_or_default())}),
        })
    });
    match written.await {
        Ok(true) => RelayInput::KeyCommitted(public_key),
        Ok(false) => RelayInput::Close(ByeCode::Replaced, None),
        Err(error) => failed(&error),
    }
}
