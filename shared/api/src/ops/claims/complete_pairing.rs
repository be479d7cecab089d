//! Take the farm's place in the store that claimed it.

use contract::operation::Asked;
use contract::ops::claims::{CompletePairingOp, MovedKey, PairingApproved};
use contract::problem::{Code, Problem};
use domain::farm::HomeIds;
use domain::hex::unhex;
use domain::id::StoreId;
use domain::key::ApiKey;
use domain::kind::Kind;
use domain::pairing::Passes;
use domain::permission::Permission;
use store::{Credential, CredentialKind, Reached, Tunnel, TunnelState, Tx};

use super::{Approved, at_a_relay, of_device};
use crate::door::Door;
use crate::held::left_of;
use crate::operation::{AtHome, By, Failure, Write, Written};

/// How long an answer can be asked for again, if the agent did not hear it.
const AGAIN_SECONDS: i64 = 24 * 3600;

impl Write for CompletePairingOp {
    type Prepared = StoreId;

    async fn prepare(_: &By<Self>, door: &Door, asked: &Asked<Self>) -> Result<StoreId, Failure> {
        at_a_relay(door)?;
        let (_, asking) = door.store.read(|rows| of_device(rows, asked.body.device_code.expose(), door.now()))?;
        let approved = asking.approved.ok_or_else(|| Problem::new(Code::AuthorizationPending))?;
        std::future::ready(Ok(approved.store_id)).await
    }

    fn store_of(store: &StoreId) -> Option<StoreId> {
        Some(*store)
    }

    fn write(_: &By<Self>, at: &mut AtHome<'_, '_>, asked: Asked<Self>, _: StoreId) -> Result<Written<PairingApproved>, Failure> {
        let (mut pairing, mut asking) = of_device(at.rows(), asked.body.device_code.expose(), at.now())?;
        let approved = asking.approved.clone().ok_or_else(|| Problem::new(Code::AuthorizationPending))?;
        let home = HomeIds { store_id: approved.store_id, farm_id: approved.becomes.unwrap_or(asking.farm.farm_id) };
        let last_number = at.rows().last_number(home)?;
        if asking.done {
            return Ok(approved.shown(last_number).into());
        }
        let before = at.rows().tunnel(home.farm_id)?;
        let fits = |before: &Tunnel| {
            let same = before.state.keys.public_key == asking.farm.public_key && (before.state.revoked || before.home == home);
            same || (approved.replace && before.home == home)
        };
        if before.as_ref().is_some_and(|before| !fits(before)) {
            return Err(Problem::new(Code::AlreadyClaimed).on(home.farm_id).into());
        }
        // The copy begins anew. Numbers of sessions and generations go on, so that nothing of before can still be written.
        let before = before.map(|before| before.state).unwrap_or_default();
        let mut keys = before.keys.clone();
        keys.replace(asking.farm.public_key.clone());
        let state = TunnelState {
            keys,
            simulated: !asking.farm.live,
            passes: Passes::default(),
            refused: None,
            revoked: false,
            session_no: before.session_no + 1,
            generation: before.generation + 1,
            rows: Reached::default(),
            events: Reached::default(),
            ..before
        };
        at.put_tunnel(&Tunnel { home, state })?;
        for key in asked.body.keys {
            take(at, key, &approved)?;
        }
        asking.done = true;
        pairing.expires_at = at.now().plus_seconds(AGAIN_SECONDS);
        at.put_pairing(&asking.kept(pairing)?)?;
        Ok(approved.shown(last_number).into())
    }
}

/// Takes a key that the farm made before. It opens at most what who claimed the farm holds.
fn take(tx: &mut Tx<'_>, moved: MovedKey, approved: &Approved) -> Result<(), Failure> {
    let bad = |_| Problem::field("/keys", "invalid", "a key's record cannot be read");
    let key: ApiKey = serde_json::from_value(moved.record.into()).map_err(bad)?;
    let id = key.id.to_string();
    if tx.rows().home_of(Kind::ApiKey, &id)?.is_some() {
        return Ok(());
    }
    let mut grants = key.grants.and(&approved.grants);
    grants.permissions = grants.permissions.without(Permission::StoreDelete);
    let mut key = ApiKey { grants, sponsor: approved.by.clone(), ..key };
    key.holds = left_of(tx.rows(), &key, tx.now())?;
    tx.create(&key)?;
    let lasting = moved.hashes.into_iter().map(|hash| (hash, None));
    for (hash, expires_at) in lasting.chain(moved.ending.into_iter().map(|(hash, end)| (hash, Some(end)))) {
        let hash = unhex(&hash).and_then(|bytes| bytes.try_into().ok());
        let hash: [u8; 32] = hash.ok_or_else(|| Problem::field("/keys", "invalid", "a hash is 64 hex digits"))?;
        if tx.rows().credential(&hash)?.is_none() {
            tx.put_credential(&hash, &Credential { kind: CredentialKind::ApiKey, owner: id.clone(), expires_at })?;
        }
    }
    Ok(())
}
