//! Klipper through Moonraker, 0.8 and later: calls over HTTP, with an API key where one is needed, and its
//! WebSocket for what changes. A print of ours is a copy of the uploaded file, made on the server and named
//! by the token, so that every picture and every line of its history says whose it is. The socket only
//! hastens what polling finds anyway.

use domain::secret::Secret;

use crate::contract::{LinkProblem, PrinterProtocol};
use crate::web::{self, WebAddress};
use crate::{Connection, LinkSpec, Outside};

mod acts;
mod core;
mod describe;
mod ends;
mod link;
mod objects;
mod prompt;
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

/// How everything of ours is named there.
const EXTENSION: &str = "gcode";

/// Drives the Moonraker of the spec.
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
    if key.is_some_and(|key| !key.bytes().all(|byte| byte.is_ascii_graphic())) {
        let detail = "an API key has only letters, digits and signs".to_owned();
        return Err(LinkProblem::BadSetting { setting: "credential", detail });
    }
    let key = key.map(|key| Secret::new(key.to_owned()));
    Ok((core::Core::new(address.to_string(), key), address))
}
