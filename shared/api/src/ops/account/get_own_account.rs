//! Show one's own account.

use contract::operation::Asked;
use contract::ops::account::{GetOwnAccount, OwnAccount};

use super::{person, shown};
use crate::door::Door;
use crate::operation::{By, Failure, Read};

impl Read for GetOwnAccount {
    async fn read(by: &By<Self>, door: &Door, _: Asked<Self>) -> Result<OwnAccount, Failure> {
        let id = person(by, door)?;
        std::future::ready(door.store.read(|rows| shown(by, rows, id))).await
    }
}
