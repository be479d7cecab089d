//! Bambu Lab in the local network: its broker for reports and commands, its file server for files, both in the
//! machine and both behind a certificate of its own. A print of ours is named by the token (`subtask_name`), so
//! that every report says whose it is. The machine keeps no history; what proves an end is what is seen.

use domain::secret::Secret;

use crate::broker::{self, BrokerAddress, Place, Trust};
use crate::contract::{LinkProblem, PrinterProtocol};
use crate::{Connection, LinkSpec, Outside};

mod acts;
mod core;
mod describe;
mod ends;
mod link;
mod package;
mod requests;
mod sending;
mod slots;
#[cfg(test)]
mod tests;
mod tidy;
mod view;
mod wire;
mod words;

pub(crate) use describe::{DESCRIPTION, NAME};

/// How everything of ours is named at the printer.
const OURS: &str = "gantry_";

/// The one name that the machine knows.
const USER: &str = "bblp";

/// Drives the printer of the spec.
pub(crate) fn connect(spec: &LinkSpec, outside: Outside) -> Result<Connection, LinkProblem> {
    let (core, address) = core(spec)?;
    let bad = |setting, detail: &str| LinkProblem::BadSetting { setting, detail: detail.to_owned() };
    let serial = spec.serial.clone().ok_or_else(|| bad("serial", "a Bambu Lab printer needs its serial number"))?;
    let code = spec.credential.as_ref().map(|code| code.expose().trim()).unwrap_or_default();
    if code.is_empty() || code.len() > 64 || !code.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(bad("credential", "the access code stands on the printer's screen; it has only letters and digits"));
    }
    let trust = Trust { serial, confirmed: spec.certificate.clone(), authorities: outside.authorities.clone() };
    let place = Place { address, user: USER, code: Secret::new(code.to_owned()), trust };
    Ok(broker::drive(core, place, outside))
}

/// The core alone, and where it wants to be connected to.
pub(crate) fn core(
    spec: &LinkSpec,
) -> Result<(impl PrinterProtocol<Wire = broker::Wire, Ask = broker::Ask> + use<>, BrokerAddress), LinkProblem> {
    let address = BrokerAddress::read(&spec.address)?;
    let serial = spec.serial.as_ref().filter(|serial| serial.as_str().bytes().all(|byte| byte.is_ascii_alphanumeric()));
    let detail = || "it has only letters and digits, such as 01P00A123456789".to_owned();
    let serial = serial.ok_or_else(|| LinkProblem::BadSetting { setting: "serial", detail: detail() })?;
    Ok((core::Core::new(address.to_string(), serial), address))
}
