//! Let the farm leave its store.

use contract::operation::Asked;
use contract::ops::claims::{UnpairFarm, Unpaired};
use contract::problem::{Code, Problem};
use domain::farm::{Farm, HomeIds};

use crate::claims;
use crate::door::Door;
use crate::operation::{By, Failure, Read};
use crate::pipeline::entry;

impl Read for UnpairFarm {
    async fn read(by: &By<Self>, door: &Door, asked: Asked<Self>) -> Result<Unpaired, Failure> {
        by.whole_farm()?;
        let farm_id = asked.target.id;
        door.store.read(|rows| by.find::<Farm>(rows, farm_id))?;
        let entry = entry(by, door.now(), &serde_json::json!({"path": {"id": farm_id}}));
        if door.is_relay() {
            claims::left(door, HomeIds { store_id: by.store, farm_id }, Some(entry)).await?;
        } else if door.accounts.claim().is_some() {
            claims::set_free(door, Some(entry)).await?;
        } else {
            return Err(Problem::new(Code::IllegalState).detail("the farm belongs to no store").on(farm_id).into());
        }
        Ok(Unpaired { farm_id })
    }
}
