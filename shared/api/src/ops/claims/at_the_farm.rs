//! The claim as the farm itself knows it.

use contract::operation::Asked;
use contract::ops::claims::{BeginClaimOp, CancelClaim, ClaimShown, GetClaim};
use contract::problem::{Code, Problem};

use crate::door::{Door, FarmHome};
use crate::operation::{By, Failure, Read};

pub(super) fn farm(door: &Door) -> Result<&FarmHome, Problem> {
    door.farm.as_ref().ok_or_else(|| Problem::new(Code::FarmOffline))
}

impl Read for GetClaim {
    async fn read(_: &By<Self>, door: &Door, _: Asked<Self>) -> Result<ClaimShown, Failure> {
        std::future::ready(Ok(farm(door)?.floor().claim())).await
    }
}

impl Read for BeginClaimOp {
    async fn read(by: &By<Self>, door: &Door, asked: Asked<Self>) -> Result<ClaimShown, Failure> {
        by.whole_farm()?;
        Ok(farm(door)?.floor().begin_claim(asked.body.relay_url).await?)
    }
}

impl Read for CancelClaim {
    async fn read(by: &By<Self>, door: &Door, _: Asked<Self>) -> Result<ClaimShown, Failure> {
        by.whole_farm()?;
        std::future::ready(Ok(farm(door)?.floor().cancel_claim())).await
    }
}
