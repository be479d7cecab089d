//! Tell what is running here.

use contract::event::API_VERSION;
use contract::operation::Asked;
use contract::ops::system::{GetVersion, Version};

use crate::door::Door;
use crate::operation::{By, Failure, Read};

impl Read for GetVersion {
    async fn read(by: &By<Self>, door: &Door, _: Asked<Self>) -> Result<Version, Failure> {
        let version = Version {
            name: "gantry".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            api_version: API_VERSION.to_owned(),
            served_by: door.served_by.to_owned(),
            store_id: Some(by.store),
            farm_id: door.farm.is_some().then(|| door.home().farm_id),
            live: door.live,
        };
        std::future::ready(Ok(version)).await
    }
}
