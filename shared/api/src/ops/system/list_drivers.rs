//! List the drivers for printers.

use contract::operation::Asked;
use contract::ops::Listed;
use contract::ops::printers::DriverInfo;
use contract::ops::system::ListDrivers;
use contract::problem::{Code, Problem};

use crate::door::Door;
use crate::operation::{By, Failure, Read};

impl Read for ListDrivers {
    async fn read(_: &By<Self>, door: &Door, _: Asked<Self>) -> Result<Listed<DriverInfo>, Failure> {
        let farm = door.farm.as_ref().ok_or_else(|| Problem::new(Code::FarmOffline))?;
        std::future::ready(Ok(Listed { items: farm.floor().drivers() })).await
    }
}
