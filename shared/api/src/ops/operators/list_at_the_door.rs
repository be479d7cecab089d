//! List who may sign in here by PIN.

use contract::operation::Asked;
use contract::ops::Listed;
use contract::ops::operators::{AtTheDoor, ListAtTheDoor};
use domain::actor::ActorKind;
use domain::operator::{Operator, OperatorState, PinState};

use crate::door::Door;
use crate::operation::{By, Failure, Read};

impl Read for ListAtTheDoor {
    async fn read(by: &By<Self>, door: &Door, _: Asked<Self>) -> Result<Listed<AtTheDoor>, Failure> {
        let near = by.browser.at_the_farm || by.actor.kind == ActorKind::Device;
        if !near || door.farm.is_none() {
            return std::future::ready(Ok(Listed { items: Vec::new() })).await;
        }
        let operators = door.store.read(|rows| rows.all_where::<Operator>("state", &[OperatorState::Active.word()]))?;
        let with_pin = operators.into_iter().map(|row| row.record).filter(|operator| operator.pin != PinState::Unset);
        let mut items: Vec<AtTheDoor> = with_pin.map(|Operator { id, name, .. }| AtTheDoor { id, name }).collect();
        items.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(Listed { items })
    }
}
