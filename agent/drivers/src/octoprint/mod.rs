//! OctoPrint, 1.4 and later: HTTP with an API key, and its push socket. A print of ours is a copy of the
//! uploaded file, made on the server and named by the token, so that every picture of a job and every
//! line of its history says whose it is. The socket only hastens what polling finds anyway.

use domain::secret::Secret;

use crate::contract::{LinkProblem, PrinterProtocol};
use crate::web::{self, WebAddress};
use crate::{Connection, LinkSpec, Outside};

mod acts;
mod core;
mod describe;
mod ends;
mod link;
mod push;
mod requests;
mod sending;
#[cfg(test)]
mod tests;
mod tidy;
mod view;
mod wire;

pub(crate) use describe::{DESCRIPTION, NAME};

/// The folder on the server in which everything of ours lies.
const FOLDER: &str = "gantry";

/// How everything of ours is named there: OctoPrint streams text with this end, and nothing else.
const EXTENSION: &str = "gcode";

/// Drives the OctoPrint of the spec.
pub(crate) fn connect(spec: &LinkSpec, outside: Outside) -> Result<Connection, LinkProblem> {
    let (core, address) = core(spec)?;
    web::drive(core, address, outside)
}

/// The core alone, and where it wants to be connected to.
pub(crate) fn core(
    spec: &LinkSpec,
) -> Result<(impl PrinterProtocol<Wire = web::Wire, Ask = web::Ask> + use<>, WebAddress), LinkProblem> {
    let address = WebAddress::read(&spec.address)?;
    let key = spec.credential.as_ref().map(|key| key.expose().trim()).filter(|key| !key.is_empty());
    let Some(key) = key else {
        return Err(LinkProblem::BadSetting { setting: "credential", detail: "OctoPrint asks for an API key".to_owned() });
    };
    if !key.bytes().all(|byte| byte.is_ascii_graphic()) {
        let detail = "an API key has only letters, digits and signs".to_owned();
        return Err(LinkProblem::BadSetting { setting: "credential", detail });
    }
    Ok((core::Core::new(address.to_string(), Secret::new(key.to_owned())), address))
}
