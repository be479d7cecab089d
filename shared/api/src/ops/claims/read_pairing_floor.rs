//! What the relay knows of a farm, for the agent that takes its place.

use contract::operation::Asked;
use contract::ops::claims::{FloorPage, ReadFloorOp};
use contract::problem::{Code, Problem};
use domain::farm::HomeIds;
use store::FeedRow;

use super::{at_a_relay, of_device};
use crate::door::Door;
use crate::operation::{By, Failure, Read};

/// Rows of a page.
const ROWS: usize = 200;

impl Read for ReadFloorOp {
    async fn read(_: &By<Self>, door: &Door, asked: Asked<Self>) -> Result<FloorPage, Failure> {
        at_a_relay(door)?;
        let page = door.store.read(|rows| {
            let (_, asking) = of_device(rows, asked.body.device_code.expose(), door.now())?;
            let approved = asking.approved.filter(|_| asking.done).ok_or_else(|| Problem::new(Code::AuthorizationPending))?;
            let farm_id = approved.becomes.ok_or_else(|| Problem::not_found("floor"))?;
            let found = rows.floor_after(HomeIds { store_id: approved.store_id, farm_id }, asked.body.after, ROWS)?;
            let next = found.last().filter(|_| found.len() == ROWS).map(|last| last.position);
            let living = found.into_iter().filter(|row: &FeedRow| !row.deleted);
            Ok::<_, Failure>(FloorPage { items: living.map(Into::into).collect(), next })
        })?;
        std::future::ready(Ok(page)).await
    }
}
