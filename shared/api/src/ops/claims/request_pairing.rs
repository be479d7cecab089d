//! Ask for a claim code.

use contract::operation::Asked;
use contract::ops::claims::{NewPairing, PairingAsked, RequestPairing};
use contract::problem::Problem;
use store::{Pairing, credential_hash};

use super::{Asking, at_a_relay};
use crate::claims::signed_by;
use crate::door::Door;
use crate::key_text::random_text;
use crate::operation::{AtHome, By, Failure, Write, Written};

/// How long a code holds.
const SECONDS: u32 = 600;
/// How often an agent asks.
const INTERVAL: u32 = 2;
/// Codes at one time.
const MOST: u64 = 1000;
/// Keys that a farm may bring along.
const KEYS: usize = 1000;
/// Letters that are not taken for one another: 32, so that eight of them are 40 bits.
const LETTERS: &[u8; 32] = b"ABCDEFGHJKLMNPQRSTUVWXYZ23456789";

impl Write for RequestPairing {
    type Prepared = String;

    async fn prepare(by: &By<Self>, door: &Door, asked: &Asked<Self>) -> Result<String, Failure> {
        at_a_relay(door)?;
        door.throttle.take(by.from, door.now())?;
        let NewPairing { farm_id, public_key, signature, keys, .. } = &asked.body;
        if keys.len() > KEYS {
            return Err(Problem::field("/keys", "invalid", format!("at most {KEYS}")).into());
        }
        if !signed_by(public_key, &NewPairing::signed(*farm_id, public_key), signature) {
            return Err(Problem::field("/signature", "invalid", "is not that of the key").into());
        }
        door.throttle.give_back(by.from);
        let relay_id = door.store.read(|rows| rows.setting::<String>("relay_id"))?.unwrap_or_default();
        std::future::ready(Ok(relay_id)).await
    }

    fn write(
        _: &By<Self>,
        at: &mut AtHome<'_, '_>,
        asked: Asked<Self>,
        relay_id: String,
    ) -> Result<Written<PairingAsked>, Failure> {
        let now = at.now();
        at.forget_pairings(now)?;
        if at.rows().pairings()? >= MOST {
            let free_at = at.rows().next_pairing_ends()?.unwrap_or(now);
            return Err(Problem::wait(free_at.millis_since(now))
                .detail("too many farms want to be claimed at this moment")
                .into());
        }
        let (device_code, user_code) = (random_text(at, 43), code(at.random()));
        let asking = Asking { farm: asked.body, approved: None, done: false };
        let pairing = Pairing {
            user_code: user_code.clone(),
            device: credential_hash(&device_code),
            document: serde_json::Value::Null,
            expires_at: now.plus_seconds(i64::from(SECONDS)),
        };
        at.put_pairing(&asking.kept(pairing)?)?;
        Ok(Written::secret(PairingAsked { device_code, user_code, expires_in: SECONDS, interval: INTERVAL, relay_id }))
    }
}

fn code(random: [u8; 8]) -> String {
    random.iter().map(|byte| char::from(LETTERS[usize::from(byte % 32)])).collect()
}
