//! Tell who is calling and what they may do.

use contract::operation::Asked;
use contract::ops::access::{GetMe, Me};
use domain::account::User;
use domain::actor::{Actor, ActorKind};
use domain::device::Device;
use domain::key::ApiKey;
use domain::operator::Operator;
use domain::text::Name;
use store::{Rows, StoreError};

use crate::door::Door;
use crate::held::record_of;
use crate::operation::{By, Failure, Read};

impl Read for GetMe {
    async fn read(by: &By<Self>, door: &Door, _: Asked<Self>) -> Result<Me, Failure> {
        let name = door.store.read(|rows| name_of(rows, &by.actor))?;
        let actor = by.actor.clone();
        let me = Me { actor, name, store_id: by.store, grants: by.grants.clone(), expires_at: by.expires_at };
        std::future::ready(Ok(me)).await
    }
}

fn name_of(rows: Rows<'_>, Actor { kind, id }: &Actor) -> Result<Option<Name>, StoreError> {
    Ok(match kind {
        ActorKind::User => record_of::<User>(rows, id)?.map(|(_, user)| user.name),
        ActorKind::Floor => record_of::<Operator>(rows, id)?.map(|(_, operator)| operator.name),
        ActorKind::ApiKey => record_of::<ApiKey>(rows, id)?.map(|(_, key)| key.name),
        ActorKind::Device => record_of::<Device>(rows, id)?.map(|(_, device)| device.name),
        ActorKind::Slicer | ActorKind::Ai | ActorKind::WebhookIn | ActorKind::Scheduler | ActorKind::Farm | ActorKind::Relay => {
            None
        }
    })
}
