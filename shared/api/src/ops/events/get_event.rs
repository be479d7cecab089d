//! Show one event.

use contract::event::Event;
use contract::operation::Asked;
use contract::ops::events::GetEvent;
use contract::problem::Problem;
use fanout::Sight;

use crate::door::Door;
use crate::operation::{By, Failure, Read};

impl Read for GetEvent {
    async fn read(by: &By<Self>, door: &Door, asked: Asked<Self>) -> Result<Event, Failure> {
        let id = asked.target.id;
        let sight = Sight { store: by.store, grants: by.grants.clone() };
        let event = door.store.read(|rows| {
            let stored = rows.event(&id.to_string())?.ok_or_else(|| Failure::from(Problem::not_found(id)))?;
            sight.project(rows, stored)?.ok_or_else(|| Failure::from(Problem::not_found(id)))
        })?;
        std::future::ready(Ok(event)).await
    }
}
