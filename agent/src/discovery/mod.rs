//! Looks for printers on the farm's network and USB ports: calls to all by multicast DNS and SSDP, questions to addresses that
//! somebody named, and the list of serial ports. Asks only what anybody may ask, sends no credential, and changes nothing.

pub mod again;
mod calls;
pub mod places;
mod ports;
mod questions;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, SocketAddrV4};
use std::path::PathBuf;
use std::time::Duration;

use drivers::contract::LinkProblem;
use drivers::describe::Description;
use drivers::discovery::{PROBES, Probe, SEARCHES, Sighting, merged};

/// Where a scan looks, and for how long.
#[derive(Debug, Clone)]
pub struct Ways {
    /// Where questions of multicast DNS go.
    pub services: SocketAddrV4,
    /// What is searched for by SSDP, and where.
    pub searches: Vec<(&'static str, SocketAddrV4)>,
    /// What is asked of addresses that somebody named.
    pub probes: &'static [Probe],
    /// Where the system lists serial ports by stable names.
    pub devices: PathBuf,
    /// How long answers are waited for.
    pub listen: Duration,
}

impl Default for Ways {
    fn default() -> Self {
        Self {
            services: SocketAddrV4::new(Ipv4Addr::new(224, 0, 0, 251), 5353),
            searches: SEARCHES.iter().filter_map(|(kind, at)| Some((*kind, at.parse().ok()?))).collect(),
            probes: PROBES,
            devices: PathBuf::from("/dev/serial/by-id"),
            listen: Duration::from_secs(6),
        }
    }
}

/// What a scan found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scanned {
    /// Each machine once.
    pub sightings: Vec<Sighting>,
    /// Ways of looking that did not work, each in words.
    pub hindrances: Vec<String>,
}

/// Looks in every way at once, and asks those addresses besides.
pub async fn scan(ways: &Ways, addresses: &[IpAddr]) -> Scanned {
    let interfaces = interfaces();
    let (services, announcements, answers, ports) = tokio::join!(
        calls::services(ways, &interfaces),
        calls::announcements(ways, &interfaces),
        questions::ask(ways.probes, addresses),
        ports::listed(&ways.devices),
    );
    let mut sightings = Vec::new();
    let mut hindrances = BTreeSet::new();
    for found in [services, announcements, answers, ports] {
        sightings.extend(found.sightings);
        hindrances.extend(found.hindrances);
    }
    if interfaces.iter().all(Ipv4Addr::is_loopback) {
        let text = "The agent's machine has no address in a private network (10.x, 172.16.x to 172.31.x, 192.168.x): nobody was \
                    called there. In a container, give it the host's network.";
        hindrances.insert(text.to_owned());
    }
    Scanned { sightings: merged(sightings), hindrances: hindrances.into_iter().collect() }
}

/// What else answers at the place where a printer was looked for in vain, as a sentence to add; empty if that is not known. An
/// address of the farm's own network only: whoever tries connections must not learn what stands elsewhere.
pub async fn beside(problem: &LinkProblem, address: &str, drivers: &[Description]) -> String {
    let (LinkProblem::Unreachable { .. } | LinkProblem::Silent { .. } | LinkProblem::OtherKind { .. }) = problem else {
        return String::new();
    };
    let Some(host) = host(address).filter(|host| places::is_near(*host)) else { return String::new() };
    let found = merged(questions::ask(PROBES, &[host]).await.sightings);
    let title = |name: &str| {
        drivers.iter().find(|driver| driver.name == name).map_or_else(|| name.to_owned(), |driver| driver.title.to_owned())
    };
    let found = found.iter().filter(|one| one.address != address.trim_end_matches('/'));
    let found: Vec<String> = found.map(|one| format!("{} at {}", title(one.driver), one.address)).collect();
    if found.is_empty() { String::new() } else { format!(". What answers there is {}", found.join(", and ")) }
}

/// The host of an address, if it is given by number.
fn host(address: &str) -> Option<IpAddr> {
    let rest = address.split_once("://").map_or(address, |(_, rest)| rest);
    let authority = rest.split('/').next()?;
    if let Some(bracketed) = authority.strip_prefix('[') {
        return bracketed.split(']').next()?.parse().ok();
    }
    authority.parse().ok().or_else(|| authority.rsplit_once(':')?.0.parse().ok())
}

/// The addresses of this machine in private networks, and its loopback, where simulated and forwarded printers are. Into other
/// networks nobody calls.
fn interfaces() -> Vec<Ipv4Addr> {
    let all = if_addrs::get_if_addrs().unwrap_or_default();
    let addresses = all.into_iter().filter_map(|interface| match interface.ip() {
        IpAddr::V4(address) if places::is_near(address.into()) => Some(address),
        IpAddr::V4(_) | IpAddr::V6(_) => None,
    });
    addresses.collect::<BTreeSet<_>>().into_iter().collect()
}
