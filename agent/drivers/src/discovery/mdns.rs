//! What answers to a multicast DNS question tell together: records come in any order and in several datagrams.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use super::dns::{self, Data, Kind, Record};

/// So many names of each kind are kept.
const MOST: usize = 500;

/// A service that somebody offers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Service {
    /// What it is, such as `_http._tcp`.
    pub service: String,
    /// Its name among others of the kind.
    pub instance: String,
    /// The host's name.
    pub host: String,
    /// Where it is.
    pub address: IpAddr,
    /// On which port.
    pub port: u16,
    /// What it says of itself.
    pub text: BTreeMap<String, String>,
}

/// Everything that was told so far.
#[derive(Debug, Default)]
pub struct Heard {
    /// Full names of instances, their service, and who told of them.
    instances: BTreeMap<String, (String, IpAddr)>,
    servers: BTreeMap<String, (u16, String)>,
    texts: BTreeMap<String, BTreeMap<String, String>>,
    addresses: BTreeMap<String, BTreeSet<IpAddr>>,
}

impl Heard {
    /// The question for these services.
    pub fn question(services: &[&str]) -> Vec<u8> {
        let names: Vec<String> = services.iter().map(|service| format!("{service}.local")).collect();
        let asked: Vec<(&str, Kind)> = names.iter().map(|name| (name.as_str(), Kind::Ptr)).collect();
        dns::question(&asked)
    }

    /// The question for what was named and not told yet; none if everything was.
    pub fn further_question(&self) -> Option<Vec<u8>> {
        let missing = self.instances.keys().filter(|name| !self.servers.contains_key(*name));
        let asked: Vec<(&str, Kind)> =
            missing.take(20).flat_map(|name| [(name.as_str(), Kind::Srv), (name.as_str(), Kind::Txt)]).collect();
        if asked.is_empty() { None } else { Some(dns::question(&asked)) }
    }

    /// Takes a datagram from that address.
    pub fn take(&mut self, datagram: &[u8], from: IpAddr) {
        for Record { name, data } in dns::read(datagram) {
            let known = name.trim_end_matches('.').to_lowercase();
            match data {
                Data::Pointer(instance) => {
                    let Some(service) = known.strip_suffix(".local") else { continue };
                    if self.instances.len() < MOST {
                        self.instances.entry(instance).or_insert_with(|| (service.to_owned(), from));
                    }
                }
                Data::Server { port, host } if self.servers.len() < MOST => drop(self.servers.insert(name, (port, host))),
                Data::Text(pairs) if self.texts.len() < MOST => drop(self.texts.insert(name, pairs)),
                Data::Address(address) if self.addresses.len() < MOST => {
                    let addresses = self.addresses.entry(known).or_default();
                    if addresses.len() < 8 {
                        addresses.insert(address);
                    }
                }
                Data::Server { .. } | Data::Text(_) | Data::Address(_) => {}
            }
        }
    }

    /// The services of which enough was told.
    pub fn services(&self) -> Vec<Service> {
        let whole = |(full, (service, from)): (&String, &(String, IpAddr))| {
            let (port, host) = self.servers.get(full)?;
            let end = format!(".{service}.local");
            let instance = full.trim_end_matches('.');
            let at = instance.len().checked_sub(end.len()).filter(|at| instance.is_char_boundary(*at))?;
            let (instance, _) = instance.split_at(at);
            let told = self.addresses.get(&host.trim_end_matches('.').to_lowercase());
            // IPv4 is what printers speak; who told of it is reached for certain.
            let told = told.and_then(|told| told.get(from).or_else(|| told.iter().find(|address| address.is_ipv4())));
            Some(Service {
                service: service.clone(),
                instance: instance.to_owned(),
                host: host.trim_end_matches('.').to_owned(),
                address: told.copied().unwrap_or(*from),
                port: *port,
                text: self.texts.get(full).cloned().unwrap_or_default(),
            })
        };
        self.instances.iter().filter_map(whole).collect()
    }
}
