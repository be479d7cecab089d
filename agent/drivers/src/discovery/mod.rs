//! Machines that tell of themselves on the network, or stand on a USB port: what to ask there, and what the answers mean.
//! Readers only: sockets are the agent's. Everything here comes from whoever shares the network, so it is read leniently,
//! within bounds, and is a proposal to a person, never a proof.

mod brands;
mod dns;
mod mdns;
mod probe;
mod ssdp;
#[cfg(test)]
mod tests;

use domain::text::Serial;

pub use brands::{PROVES, SEARCHES, SERVICES, of_announcement, of_device, of_service};
pub use mdns::{Heard, Service};
pub use probe::{PROBES, Probe};
pub use ssdp::{Announcement, search};

/// The longest datagram or answer that is looked at.
pub const LONGEST: usize = 9_000;

/// A machine that was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sighting {
    /// The driver that it is for.
    pub driver: &'static str,
    /// Where it is, as that driver wants it.
    pub address: String,
    /// What it calls itself.
    pub name: Option<String>,
    /// Its model.
    pub model: Option<String>,
    /// Its serial number.
    pub serial: Option<Serial>,
    /// What its firmware or server calls itself.
    pub firmware: Option<String>,
    /// What has to be done at the machine before it can be driven.
    pub advice: Option<&'static str>,
}

impl Sighting {
    /// Nothing but where it is.
    pub const fn at(driver: &'static str, address: String) -> Self {
        Self { driver, address, name: None, model: None, serial: None, firmware: None, advice: None }
    }

    /// Whether both are of one machine. One that is at two places is told twice: which of them is true is not known here.
    fn is_also(&self, other: &Self) -> bool {
        self.driver == other.driver && self.address == other.address
    }

    fn learn(&mut self, other: Self) {
        self.name = self.name.take().or(other.name);
        self.model = self.model.take().or(other.model);
        self.serial = self.serial.take().or(other.serial);
        self.firmware = self.firmware.take().or(other.firmware);
        self.advice = self.advice.or(other.advice);
    }
}

/// Whether machines behind that driver prove their serial number before they are given a key: else it is only what they say.
pub fn proves_its_serial(driver: &str) -> bool {
    PROVES.contains(&driver)
}

/// Each machine once, however often and in whatever ways it was seen; ordered by driver and address.
pub fn merged(sightings: impl IntoIterator<Item = Sighting>) -> Vec<Sighting> {
    let mut known: Vec<Sighting> = Vec::new();
    for sighting in sightings {
        match known.iter_mut().find(|known| known.is_also(&sighting)) {
            Some(known) => known.learn(sighting),
            None => known.push(sighting),
        }
    }
    // Some announce themselves as another brand besides, for older programs: what is at an address is one machine.
    let own: Vec<String> = known.iter().filter(|one| !brands::is_imitated(one.driver)).map(|one| one.address.clone()).collect();
    known.retain(|one| !brands::is_imitated(one.driver) || !own.contains(&one.address));
    known.sort_by(|one, other| (one.driver, &one.address).cmp(&(other.driver, &other.address)));
    known
}
