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

    async fn prepare(_: &By<Self>, door: &Door, _: &Asked<Self>) -> Result<(), Failure> {
        std::future::ready(Ok(at_a_relay(door)?)).await
    }

    fn write(by: &By<Self>, at: &mut AtHome<'_, '_>, asked: Asked<Self>, (): ()) -> Result<Written<Dismissed>, Failure> {
        by.whole_farm()?;
        let farm_id = asked.target.id;
        by.find::<Farm>(at.rows(), farm_id)?;
        claims::dismiss_refusal(at, HomeIds { store_id: by.store, farm_id })?;
        Ok(Dismissed { farm_id }.into())
    }
}
