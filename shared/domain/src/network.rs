//! A network in CIDR notation: where a key may come from, which proxies are believed. An IPv4 address is one address
//! however it is written: `::ffff:10.0.0.1` is `10.0.0.1`.

use std::net::IpAddr;

use ipnet::IpNet;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What callers of one site usually share: a /24 of IPv4, a /48 of IPv6.
const SITE: (u8, u8) = (24, 48);
/// What one caller may have: an address of IPv4, a /64 of IPv6.
const ONE: (u8, u8) = (32, 64);

/// A network. A single address is a network of one; bits of a host are cut off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Network(IpNet);

/// A text that is no network.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("must be a network such as 10.0.0.0/8, 2001:db8::/48 or 192.168.1.7")]
pub struct BadNetwork;

impl Network {
    /// Whether the address is in it.
    pub fn holds(&self, address: IpAddr) -> bool {
        self.0.contains(&address.to_canonical())
    }

    /// The site that an address belongs to.
    pub fn site_of(address: IpAddr) -> Self {
        Self::around(address, SITE)
    }

    /// The addresses that one caller may change between as they like.
    pub fn caller_of(address: IpAddr) -> Self {
        Self::around(address, ONE)
    }

    /// The network around an address, of that length for IPv4 and that for IPv6.
    pub fn around(address: IpAddr, (v4, v6): (u8, u8)) -> Self {
        let address = address.to_canonical();
        let length = if address.is_ipv4() { v4 } else { v6 };
        Self(IpNet::new(address, length).unwrap_or_else(|_| IpNet::from(address)).trunc())
    }
}

impl std::str::FromStr for Network {
    type Err = BadNetwork;
    fn from_str(text: &str) -> Result<Self, BadNetwork> {
        let (address, length) = match text.split_once('/') {
            Some((address, length)) => (address, Some(length)),
            None => (text, None),
        };
        let written: IpAddr = address.parse().map_err(|_| BadNetwork)?;
        let address = written.to_canonical();
        let most = if written.is_ipv4() { 32 } else { 128 };
        let length = length.map_or(Some(most), digits).filter(|length| *length <= most).ok_or(BadNetwork)?;
        // An IPv4 network in the other notation: `::ffff:10.0.0.0/104` is 10.0.0.0/8, and `::ffff:10.0.0.0/8` is a mistake.
        let length = if address == written { Some(length) } else { length.checked_sub(96) };
        let network = length.and_then(|length| IpNet::new(address, length).ok()).ok_or(BadNetwork)?;
        Ok(Self(network.trunc()))
    }
}

/// A length, in the one way to write it.
fn digits(text: &str) -> Option<u8> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    text.parse().ok().filter(|_| plain)
}

impl std::fmt::Display for Network {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl TryFrom<String> for Network {
    type Error = BadNetwork;
    fn try_from(text: String) -> Result<Self, BadNetwork> {
        text.parse()
    }
}

impl From<Network> for String {
    fn from(network: Network) -> Self {
        network.to_string()
    }
}

impl JsonSchema for Network {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Network".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "string", "maxLength": 49, "examples": ["10.0.0.0/8"],
            "description": "A network in CIDR notation, or a single address"
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_network_is_read_in_every_right_notation_and_in_no_other() {
        let right = [
            ("10.0.0.0/8", "10.0.0.0/8"),
            ("10.1.2.3/8", "10.0.0.0/8"),
            ("10.0.0.1", "10.0.0.1/32"),
            ("10.0.0.1/32", "10.0.0.1/32"),
            ("0.0.0.0/0", "0.0.0.0/0"),
            ("255.255.255.255/1", "128.0.0.0/1"),
            ("2001:db8::/32", "2001:db8::/32"),
            ("2001:DB8:0:0::/32", "2001:db8::/32"),
            ("2001:db8::1", "2001:db8::1/128"),
            ("2001:db8::1/64", "2001:db8::/64"),
            ("::/0", "::/0"),
            ("::1", "::1/128"),
            ("::ffff:10.0.0.1", "10.0.0.1/32"),
            ("::ffff:10.0.0.0/104", "10.0.0.0/8"),
            ("::ffff:0a00:0001/128", "10.0.0.1/32"),
            ("::ffff:0:0/96", "0.0.0.0/0"),
        ];
        for (text, shown) in right {
            assert_eq!(text.parse::<Network>().map(|network| network.to_string()).as_deref(), Ok(shown), "{text}");
        }
        let wrong = [
            "",
            "/",
            "/8",
            "10.0.0.0/",
            "10.0.0.0/33",
            "10.0.0.0/-1",
            "10.0.0.0/+8",
            "10.0.0.0/08",
            "10.0.0.0/8/8",
            "10.0.0.0/ 8",
            " 10.0.0.0/8",
            "10.0.0/8",
            "10.0.0.0.0/8",
            "010.0.0.0/8",
            "10.0.0.256",
            "0x0a.0.0.1",
            "167772161",
            "2001:db8::/129",
            "2001:db8::g",
            ":::/0",
            "::ffff:10.0.0.0/8",
            "::ffff:10.0.0.0/95",
            "fe80::1%eth0",
            "[::1]",
            "[::1]/128",
            "localhost",
            "10.0.0.0/8,11.0.0.0/8",
            "10.0.0.0/255.0.0.0",
            "10.0.0.0/٨",
            "*",
        ];
        for text in wrong {
            assert!(text.parse::<Network>().is_err(), "{text}");
        }
    }

    #[test]
    fn an_address_is_in_a_network_however_either_is_written() {
        let cases = [
            ("10.0.0.0/8", "10.255.255.255", true),
            ("10.0.0.0/8", "11.0.0.0", false),
            ("10.0.0.0/8", "::ffff:10.1.2.3", true),
            ("::ffff:10.0.0.0/104", "10.1.2.3", true),
            ("::ffff:10.0.0.0/104", "::ffff:11.1.2.3", false),
            ("10.0.0.0/8", "::10.1.2.3", false),
            ("0.0.0.0/0", "8.8.8.8", true),
            ("0.0.0.0/0", "2001:db8::1", false),
            ("::/0", "2001:db8::1", true),
            ("::/0", "::ffff:10.0.0.1", false),
            ("2001:db8::/32", "2001:db8:ffff::1", true),
            ("2001:db8::/32", "2001:db9::1", false),
            ("192.168.1.7", "192.168.1.7", true),
            ("192.168.1.7", "192.168.1.8", false),
            ("192.168.1.0/31", "192.168.1.1", true),
            ("192.168.1.0/31", "192.168.1.2", false),
        ];
        for (network, address, held) in cases {
            let network: Network = network.parse().unwrap();
            assert_eq!(network.holds(address.parse().unwrap()), held, "{address} in {network}");
        }
    }

    #[test]
    fn an_address_belongs_to_a_site_and_to_a_caller() {
        let shown = |address: &str| {
            let address = address.parse().unwrap();
            (Network::site_of(address).to_string(), Network::caller_of(address).to_string())
        };
        assert_eq!(shown("203.0.113.77"), ("203.0.113.0/24".to_owned(), "203.0.113.77/32".to_owned()));
        assert_eq!(shown("::ffff:203.0.113.77"), ("203.0.113.0/24".to_owned(), "203.0.113.77/32".to_owned()));
        assert_eq!(shown("2001:db8:1:2:3::4"), ("2001:db8:1::/48".to_owned(), "2001:db8:1:2::/64".to_owned()));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(if std::env::var_os("GANTRY_FULL").is_some() { 400_000 } else { 4_000 }))]

        #[test]
        fn any_text_is_refused_or_is_a_network_that_reads_back_as_itself(text in like_a_network()) {
            if let Ok(network) = text.parse::<Network>() {
                prop_assert_eq!(network.to_string().parse::<Network>(), Ok(network));
                let address = text.split('/').next().unwrap().parse::<IpAddr>().unwrap();
                prop_assert!(network.holds(address), "{} holds {}", network, address);
            }
        }
    }

    fn like_a_network() -> impl Strategy<Value = String> {
        let v4 = "[0-9]{1,3}(\\.[0-9]{1,3}){3}";
        let v6 =
            prop_oneof![any::<[u8; 16]>().prop_map(|octets| std::net::Ipv6Addr::from(octets).to_string()), "[0-9a-f:.]{0,20}"];
        let mapped = any::<[u8; 4]>().prop_map(|octets| format!("::ffff:{}", std::net::Ipv4Addr::from(octets)));
        let address = prop_oneof![v4, v6, mapped];
        prop_oneof![(address, "(/[0-9]{0,3})?").prop_map(|(address, length)| address + &length), any::<String>()]
    }
}
