//! Boards with Marlin, or firmware that speaks like it, over USB serial. Here we are the host: a print is a file
//! that we say to the board line by line, so it lives and dies with us, and the board knows no token. The core
//! decides what is printed; a thread of its own ([`port`]) keeps the line moving, whatever else the agent does.
//! Nothing of ours lies at the printer, so there is nothing to tidy; and it speaks by itself, without a socket.

use crate::contract::LinkProblem;
use crate::{Connection, LinkSpec, Outside};

mod acts;
mod core;
mod describe;
mod ends;
mod feed;
mod frame;
mod gcode;
mod line;
mod link;
mod port;
mod requests;
mod sending;
mod shell;
#[cfg(test)]
mod tests;
mod view;
mod wire;

pub(crate) use describe::{DESCRIPTION, NAME};

/// Where nothing else is said.
const USUAL_BAUD: u32 = 115_200;

/// Drives the board of the spec.
pub(crate) fn connect(spec: &LinkSpec, outside: Outside) -> Result<Connection, LinkProblem> {
    let device = Device::read(&spec.address)?;
    shell::drive(core::Core::new(spec.address.trim().to_owned()), device, outside)
}

/// A device and how fast it is spoken to.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Device {
    path: String,
    baud: u32,
}

impl Device {
    /// `/dev/serial/by-id/…`, with `@250000` behind it or not.
    fn read(address: &str) -> Result<Self, LinkProblem> {
        let bad = |detail: &str| LinkProblem::BadSetting { setting: "address", detail: detail.to_owned() };
        let address = address.trim();
        let (path, baud) = match address.rsplit_once('@') {
            Some((path, baud)) => (path, baud.parse().map_err(|_| bad("behind the @ stands the baud rate, such as 250000"))?),
            None => (address, USUAL_BAUD),
        };
        if !path.starts_with('/') || path.contains(char::is_whitespace) || path.contains("/../") {
            return Err(bad("it is the path of a device, such as /dev/serial/by-id/usb-1a86_USB_Serial-if00-port0"));
        }
        if !(1_200..=4_000_000).contains(&baud) {
            return Err(bad("boards speak at 9600 to 2000000 baud, most of them at 115200 or 250000"));
        }
        Ok(Self { path: path.to_owned(), baud })
    }
}
