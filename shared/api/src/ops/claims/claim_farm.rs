//! Say yes to a claim code.

use contract::operation::Asked;
use contract::ops::claims::{ClaimFarmOp, PairingShown};
use contract::problem::{Code, Problem};
use domain::farm::HomeIds;

use super::{Approved, asking, at_a_relay, needs_replace, store_name};
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

    fn write(by: &By<Self>, at: &mut AtHome<'_, '_>, asked: Asked<Self>, code: String) -> Result<Written<PairingShown>, Failure> {
        let pairing = at.rows().pairing(&code)?.ok_or_else(|| Problem::new(Code::ExpiredToken))?;
        let mut asking = super::Asking::of(&pairing)?;
        let asks = asking.farm.farm_id;
        let home = HomeIds { store_id: by.store, farm_id: asked.body.replace.unwrap_or(asks) };
        let tunnel = at.rows().tunnel(home.farm_id)?;
        let replace = asked.body.replace.is_some();
        if replace && tunnel.as_ref().is_none_or(|tunnel| tunnel.home != home) {
            return Err(Problem::field("/replace", "invalid", "is no farm of this store").into());
        }
        let becomes = asked.body.replace.filter(|farm| *farm != asks);
        if becomes.is_some() && (!asking.farm.empty || tunnel.as_ref().is_some_and(|tunnel| tunnel.state.revoked)) {
            let why = "the agent under the code is another farm: only an empty one takes the place of a farm that is still this store's";
            return Err(Problem::field("/replace", "invalid", why).into());
        }
        if replace && tunnel.as_ref().is_some_and(|tunnel| tunnel.state.simulated == asking.farm.live) {
            let why = "is a farm of the other kind: a test farm takes no real farm's place, nor a real farm that of a test farm";
            return Err(Problem::field("/replace", "invalid", why).into());
        }
        if let Some(tunnel) = tunnel.filter(|_| !replace) {
            // Whoever had the farm before, the same agent must have come: an id alone is no proof.
            if needs_replace(&tunnel, &asking) || (!tunnel.state.revoked && tunnel.home != home) {
                let mine = tunnel.home == home;
                let problem = Problem::new(Code::AlreadyClaimed).on(home.farm_id);
                let how = "another agent has this farm, or had: say with `replace` that this one takes its place";
                return Err(if mine { problem.detail(how) } else { problem }.into());
            }
        }
        match &asking.approved {
            Some(approved) if approved.store_id != by.store => return Err(Problem::new(Code::AlreadyClaimed).into()),
            Some(_) => {}
            None => {
                let (store_name, grants) = (store_name(at.rows(), by.store)?, by.grants.clone());
                asking.approved =
                    Some(Approved { store_id: by.store, store_name, by: by.actor.clone(), grants, replace, becomes });
            }
        }
        let shown = asking.shown(pairing.user_code.clone(), pairing.expires_at);
        at.put_pairing(&asking.kept(pairing)?)?;
        Ok(shown.into())
    }
}
