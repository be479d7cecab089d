//! Look for printers on the farm's network, and say which of them are added already.

use contract::operation::Asked;
use contract::ops::printer_setup::{FoundPrinter, ScanFound, ScanPrinters};
use contract::ops::printers::GetPrinter;
use contract::problem::{Code, Problem};
use domain::printer::{Link, Printer};

use crate::door::Door;
use crate::operation::{By, Failure, Read};

impl Read for ScanPrinters {
    async fn read(by: &By<Self>, door: &Door, asked: Asked<Self>) -> Result<ScanFound, Failure> {
        let farm = door.farm.as_ref().ok_or_else(|| Problem::new(Code::FarmOffline))?;
        let mut found = farm.floor().scan(asked.body).await?;
        let Ok(looks) = by.also::<GetPrinter>() else { return Ok(found) };
        door.store.read(|rows| {
            for row in rows.all::<Printer>()? {
                let printer = row.record;
                if looks.find::<Printer>(rows, printer.id).is_err() {
                    continue;
                }
                let at_home = |item: &FoundPrinter| place(&item.address) == place(&printer.link.address);
                let mut seen: Vec<&mut FoundPrinter> = found.items.iter_mut().filter(|item| is_it(item, &printer.link)).collect();
                // A machine with two addresses that is reached by one of them has not moved.
                let moved = !seen.iter().any(|item| at_home(item));
                for item in &mut seen {
                    (item.printer_id, item.moved) = (Some(printer.id), moved);
                }
            }
            Ok::<_, Failure>(())
        })?;
        Ok(found)
    }
}

/// Whether the machine that was found is that printer: by its serial number if both have one, else by its place.
fn is_it(found: &FoundPrinter, link: &Link) -> bool {
    let same = match (&found.serial, &link.serial) {
        (Some(one), Some(other)) => one == other,
        (None, _) | (_, None) => place(&found.address) == place(&link.address),
    };
    same && found.driver == link.driver
}

/// An address without what makes no difference.
fn place(address: &str) -> &str {
    address.trim().trim_end_matches('/')
}
