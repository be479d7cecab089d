//! Try to reach a printer, and say in words what is wrong.

use contract::operation::Asked;
use contract::ops::printers::{ConnectionFound, TestConnection};
use contract::problem::{Code, Problem};

use crate::door::Door;
use crate::operation::{By, Failure, Read};

impl Read for TestConnection {
    async fn read(_: &By<Self>, door: &Door, asked: Asked<Self>) -> Result<ConnectionFound, Failure> {
        let farm = door.farm.as_ref().ok_or_else(|| Problem::new(Code::FarmOffline))?;
        Ok(farm.floor().test_connection(asked.body).await?)
    }
}
