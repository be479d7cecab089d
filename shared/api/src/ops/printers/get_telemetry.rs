//! Show a printer's live values.

use contract::operation::Asked;
use contract::ops::printers::{GetTelemetry, PrinterTelemetry};
use contract::problem::{Code, Problem};
use domain::permission::Permission;
use domain::printer::Printer;

use crate::door::Door;
use crate::operation::{By, Failure, Read};

impl Read for GetTelemetry {
    async fn read(by: &By<Self>, door: &Door, asked: Asked<Self>) -> Result<PrinterTelemetry, Failure> {
        let id = asked.target.id;
        door.store.read(|rows| by.find::<Printer>(rows, id))?;
        let farm = door.farm.as_ref().ok_or_else(|| Problem::new(Code::FarmOffline))?;
        let mut telemetry = farm.floor().telemetry(id).unwrap_or_default();
        if !by.grants.permissions.has(Permission::JobView) {
            telemetry.file = None;
        }
        std::future::ready(Ok(PrinterTelemetry { printer_id: id, telemetry })).await
    }
}
