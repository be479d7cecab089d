//! Say yes to a claim code.

use contract::operation::Asked;
use contract::ops::claims::{ClaimFarmOp, PairingShown};
use contract::problem::{Code, Problem};
use domain::farm::HomeIds;

use super::{Approved, asking, at_a_relay, store_name};
use crate::door::Door;
use crate::operation::{AtHome, By, Failure, Write, Written};

impl Write for ClaimFarmOp {
    type Prepared = String;

    async fn prepare(by: &By<Self>, door: &Door, asked: &Asked<Self>) -> Result<String, Failure> {
        at_a_relay(door)?;
        by.whole_farm()?;
        let (pairing, asking) = door.store.read(|rows| asking(door, by.from, rows, &asked.body.user_code))?;
        let words = asking.shown(String::new(), pairing.expires_at).fingerprint;
        if asked.body.fingerprint.trim().to_lowercase() != words {
            return Err(Problem::field("/fingerprint", "invalid", "are not the four words of the farm under this code").into());
        }
        std::future::ready(Ok(pairing.user_code)).await
    }

    fn write(by: &By<Self>, at: &mut AtHome<'_, '_>, _: Asked<Self>, code: String) -> Result<Written<PairingShown>, Failure> {
        let pairing = at.rows().pairing(&code)?.ok_or_else(|| Problem::new(Code::ExpiredToken))?;
        let mut asking = super::Asking::of(&pairing)?;
        let home = HomeIds { store_id: by.store, farm_id: asking.farm.farm_id };
        if let Some(tunnel) = at.rows().tunnel(home.farm_id)? {
            // Whoever had the farm before, the same agent must have come: an id alone is no proof.
            let same = tunnel.state.keys.public_key == asking.farm.public_key;
            if !same || (!tunnel.state.revoked && tunnel.home != home) {
                return Err(Problem::new(Code::AlreadyClaimed).on(home.farm_id).into());
            }
        }
        match &asking.approved {
            Some(approved) if approved.store_id != by.store => return Err(Problem::new(Code::AlreadyClaimed).into()),
            Some(_) => {}
            None => {
                let (store_name, grants) = (store_name(at.rows(), by.store)?, by.grants.clone());
                asking.approved = Some(Approved { store_id: by.store, store_name, by: by.actor.clone(), grants });
            }
        }
        let shown = asking.shown(pairing.user_code.clone(), pairing.expires_at);
        at.put_pairing(&asking.kept(pairing)?)?;
        Ok(shown.into())
    }
}
