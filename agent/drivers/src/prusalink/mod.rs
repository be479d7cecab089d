//! PrusaLink: in the firmware of newer Prusa printers (`/usb`), and on a Raspberry Pi beside older ones
//! (`/local`). HTTP that is asked, never told; one question at a time, for the printer itself answers.
//! A print of ours is a file named by the token, uploaded for it: PrusaLink can neither copy nor rename.
//! It keeps no history either, so an end is seen or it is not known.

use domain::secret::Secret;

use crate::contract::{LinkProblem, PrinterProtocol};
use crate::web::{self, WebAddress};
use crate::{Connection, LinkSpec, Outside};

mod acts;
mod auth;
mod core;
mod describe;
mod ends;
mod link;
mod memory;
mod requests;
mod sending;
#[cfg(test)]
mod tests;
mod tidy;
mod view;
mod wire;

pub(crate) use describe::{DESCRIPTION, NAME};

/// The folder on the printer's storage in which everything of ours lies.
const FOLDER: &str = "gantry";

/// Drives the PrusaLink of the spec.
pub(crate) fn connect(spec: &LinkSpec, outside: Outside) -> Result<Connection, LinkProblem> {
    let (core, address) = core(spec)?;
    web::drive(core, address, outside)
}

/// The core alone, and where it wants to be connected to.
pub(crate) fn core(
    spec: &LinkSpec,
) -> Result<(impl PrinterProtocol<Wire = web::Wire, Ask = web::Ask> + use<>, WebAddress), LinkProblem> {
    let address = WebAddress::read(&spec.address)?;
    let bad = |detail: &str| LinkProblem::BadSetting { setting: "credential", detail: detail.to_owned() };
    let secret = spec.credential.as_ref().map(|secret| secret.expose().trim()).filter(|secret| !secret.is_empty());
    let secret = secret.ok_or_else(|| bad("PrusaLink asks for its password or its API key"))?;
    if !secret.chars().all(|letter| letter.is_ascii_graphic() || letter == ' ') {
        return Err(bad("a password or key of PrusaLink has only plain letters, digits and signs"));
    }
    Ok((core::Core::new(&address, Secret::new(secret.to_owned())), address))
}
