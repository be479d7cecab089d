//! Dismiss what is said of an agent that was not let in.

use contract::operation::Asked;
use contract::ops::claims::{DismissRefusal, Dismissed};
use domain::farm::{Farm, HomeIds};

use super::at_a_relay;
use crate::claims;
use crate::door::Door;
use crate::operation::{AtHome, By, Failure, Write, Written};

impl Write for DismissRefusal {
    type Prepared = ();

    async fn prepare(by: &By<Self>, door: &Door, asked: &Asked<Self>) -> Result<(), Failure> {
        by.whole_farm()?;
        door.store.read(|rows| by.find::<Farm>(rows, asked.target.id))?;
        std::future::ready(Ok(at_a_relay(door)?)).await
    }

    fn write(by: &By<Self>, at: &mut AtHome<'_, '_>, asked: Asked<Self>, (): ()) -> Result<Written<Dismissed>, Failure> {
        let farm_id = asked.target.id;
        claims::dismiss_refusal(at, HomeIds { store_id: by.store, farm_id })?;
        Ok(Dismissed { farm_id }.into())
    }
}
