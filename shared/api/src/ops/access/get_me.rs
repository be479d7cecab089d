//! Tell who is calling and what they may do.

use contract::operation::Asked;
use contract::ops::access::{GetMe, Me};

use crate::door::Door;
use crate::operation::{By, Failure, Read};

impl Read for GetMe {
    async fn read(by: &By<Self>, _: &Door, _: Asked<Self>) -> Result<Me, Failure> {
        let me = Me { actor: by.actor.clone(), store_id: by.store, grants: by.grants.clone(), expires_at: by.expires_at };
        std::future::ready(Ok(me)).await
    }
}
