//! Let the farm make a new key.

use contract::operation::Asked;
use contract::ops::claims::{RekeyFarm, Rekeying};
use contract::problem::{Code, Problem};
use domain::farm::Farm;
use domain::fingerprint::fingerprint;

use super::at_the_farm::farm;
use crate::door::Door;
use crate::operation::{By, Failure, Read};
use crate::pipeline::entry;

impl Read for RekeyFarm {
    async fn read(by: &By<Self>, door: &Door, asked: Asked<Self>) -> Result<Rekeying, Failure> {
        by.whole_farm()?;
        let farm_id = asked.target.id;
        door.store.read(|rows| by.find::<Farm>(rows, farm_id))?;
        if door.accounts.claim().is_none() {
            return Err(Problem::new(Code::IllegalState).detail("the farm belongs to no store").on(farm_id).into());
        }
        let public_key = farm(door)?.floor().rekey()?;
        let entry = entry(by, door.now(), &serde_json::json!({"path": {"id": farm_id}}));
        let stamp = store::By::new(by.actor.clone(), door.now());
        door.store.write(stamp, move |tx| tx.audit(&entry)).await?;
        Ok(Rekeying { farm_id, fingerprint: fingerprint(&public_key) })
    }
}
