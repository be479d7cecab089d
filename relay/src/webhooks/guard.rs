//! Which addresses a webhook may reach. Names are judged by the addresses that they resolve to, inside the
//! resolver, so that what is connected to is what was judged; addresses in the URL never get there and are judged
//! before. Nothing else stands between a stranger's URL and the relay's own network.

use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;

use api::door::WebhookUrls;
use domain::webhook::WebhookUrl;
use ipnet::IpNet;
use reqwest::Url;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

/// Never dialled, whatever is allowed: clouds tell a machine its secrets there.
const METADATA: &[&str] = &["169.254.169.254/32", "fd00:ec2::254/128", "100.100.100.200/32"];

/// Not the open internet: IANA's special-purpose registries.
const CLOSED: &[&str] = &[
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.0.0.0/24",
    "192.0.2.0/24",
    "192.88.99.0/24",
    "192.168.0.0/16",
    "198.18.0.0/15",
    "198.51.100.0/24",
    "203.0.113.0/24",
    "224.0.0.0/4",
    "240.0.0.0/4",
    // Teredo, ORCHID and their like; documentation; 6to4, which hides an IPv4 address.
    "2001::/23",
    "2001:db8::/32",
    "2002::/16",
    "3fff::/20",
];

/// Where IPv6 is the open internet at all: neither loopback, mapped, NAT64, 5f00::/16, ULA, link-local nor multicast.
const OPEN_IPV6: &str = "2000::/3";

/// Why an address is not dialled.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// It is no address of the web.
    #[error("the address cannot be read")]
    NoUrl,
    /// Not encrypted.
    #[error("the address must begin with https://")]
    NotEncrypted,
    /// A name and password in it.
    #[error("the address holds credentials")]
    Credentials,
    /// A name that is not of the open internet.
    #[error("the name is not one of the open internet")]
    Name,
    /// An address that is not of the open internet.
    #[error("the address leads to a network that webhooks may not reach")]
    Network,
}

/// What a looked-up name gave, in time.
pub type Looked = Pin<Box<dyn Future<Output = std::io::Result<Vec<IpAddr>>> + Send>>;

/// Looks names up.
pub trait Names: Send + Sync {
    /// The addresses of a name.
    fn look_up(&self, name: &str) -> Looked;
}

/// As the machine does it.
#[derive(Debug, Clone, Copy)]
pub struct SystemNames;

impl Names for SystemNames {
    fn look_up(&self, name: &str) -> Looked {
        let name = name.to_owned();
        Box::pin(async move { Ok(tokio::net::lookup_host((name, 0)).await?.map(|found| found.ip()).collect()) })
    }
}

/// Judges addresses.
#[derive(Clone)]
pub struct Guard {
    allowed: Vec<IpNet>,
    own_names: Vec<String>,
    names: Arc<dyn Names>,
    metadata: Vec<IpNet>,
    closed: Vec<IpNet>,
    open_ipv6: Option<IpNet>,
}

impl Guard {
    /// Allows those networks too, which would be refused otherwise; never these names, which are the relay's own.
    pub fn new(allowed: Vec<IpNet>, own_names: &[String], names: Arc<dyn Names>) -> Self {
        let networks = |texts: &[&str]| texts.iter().filter_map(|text| text.parse().ok()).collect();
        Self {
            allowed,
            own_names: own_names.iter().map(|name| plain(name)).collect(),
            names,
            metadata: networks(METADATA),
            closed: networks(CLOSED),
            open_ipv6: OPEN_IPV6.parse().ok(),
        }
    }

    /// The URL in its one form, if its form may be dialled. A name in it is judged once more when it is resolved.
    ///
    /// # Errors
    /// Why not.
    pub fn judge(&self, text: &str) -> Result<Url, Refused> {
        let url = Url::parse(text).map_err(|_| Refused::NoUrl)?;
        let encrypted = match url.scheme() {
            "https" => true,
            "http" if !self.allowed.is_empty() => false,
            _ => return Err(Refused::NotEncrypted),
        };
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Refused::Credentials);
        }
        let host = url.host_str().ok_or(Refused::NoUrl)?;
        match host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>() {
            Ok(address) if !self.open(address, encrypted) => Err(Refused::Network),
            Ok(_) => Ok(url),
            Err(_) if self.closed_name(host) => Err(Refused::Name),
            Err(_) => Ok(url),
        }
    }

    /// What looks names up for connections that are encrypted, or not.
    pub fn resolver(&self, encrypted: bool) -> Resolver {
        Resolver { guard: self.clone(), encrypted }
    }

    fn closed_name(&self, host: &str) -> bool {
        let name = plain(host);
        name.is_empty() || name == "internal" || name.ends_with(".internal") || self.own_names.contains(&name)
    }

    /// Whether that very address may be connected to. Without encryption only in networks that were allowed.
    fn open(&self, address: IpAddr, encrypted: bool) -> bool {
        // An IPv4 address in the clothes of IPv6 is that address.
        let address = address.to_canonical();
        let within = |networks: &[IpNet]| networks.iter().any(|network| network.contains(&address));
        let ipv6_is_open = address.is_ipv4() || self.open_ipv6.is_some_and(|open| open.contains(&address));
        !within(&self.metadata) && (within(&self.allowed) || (encrypted && ipv6_is_open && !within(&self.closed)))
    }
}

impl WebhookUrls for Guard {
    fn judge(&self, url: &WebhookUrl) -> Result<(), String> {
        Guard::judge(self, url.as_str()).map(drop).map_err(|refused| refused.to_string())
    }
}

fn plain(name: &str) -> String {
    name.trim_end_matches('.').to_ascii_lowercase()
}

/// Finds for a name only addresses that may be connected to.
#[derive(Clone)]
pub struct Resolver {
    guard: Guard,
    encrypted: bool,
}

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let Self { guard, encrypted } = self.clone();
        Box::pin(async move {
            if guard.closed_name(name.as_str()) {
                return Err(Refused::Name.into());
            }
            let found = guard.names.look_up(name.as_str()).await?;
            let open = found.into_iter().filter(|address| guard.open(*address, encrypted));
            let open: Vec<SocketAddr> = open.map(|address| SocketAddr::new(address, 0)).collect();
            if open.is_empty() {
                return Err(Refused::Network.into());
            }
            Ok(Box::new(open.into_iter()) as Addrs)
        })
    }
}
