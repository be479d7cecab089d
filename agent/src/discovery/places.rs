//! Which addresses may be asked: those of a farm's own network, and not too many. Whoever may add printers must not make the
//! agent knock at doors elsewhere.

use std::net::IpAddr;

use contract::problem::Problem;
use ipnet::IpNet;

/// The smallest network that is asked address by address.
const PREFIX: u8 = 24;
const MOST: usize = 512;

/// The addresses that these texts name: each an address, or a network of at most 256 addresses.
///
/// # Errors
/// `invalid_request`, at the text that is wrong.
pub fn addresses(texts: &[String]) -> Result<Vec<IpAddr>, Problem> {
    let mut all = Vec::new();
    for (at, text) in texts.iter().enumerate() {
        let bad = |why: &str| Problem::field(format!("/addresses/{at}"), "invalid", why);
        let network = text.trim().parse::<IpNet>().or_else(|_| text.trim().parse::<IpAddr>().map(IpNet::from));
        let network =
            network.map_err(|_| bad("it must be an address such as 192.168.1.20 or a network such as 192.168.1.0/24"))?;
        let small = match network {
            IpNet::V4(network) => network.prefix_len() >= PREFIX,
            IpNet::V6(network) => network.prefix_len() == 128,
        };
        if !small {
            return Err(bad("a network has at most 256 addresses, such as 192.168.1.0/24"));
        }
        if !is_near(network.network()) || !is_near(network.broadcast()) {
            return Err(bad(
                "only addresses of a private network are looked at, such as 10.x, 172.16.x to 172.31.x and 192.168.x",
            ));
        }
        all.extend(network.hosts());
        if all.len() > MOST {
            return Err(bad("at most 512 addresses are looked at in one go"));
        }
    }
    Ok(all)
}

/// Whether it is of a farm's own network or of this machine. Link-local addresses are not: what answers there are no printers,
/// but the insides of clouds.
pub fn is_near(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => address.is_private() || address.is_loopback(),
        IpAddr::V6(address) => address.is_unique_local() || address.is_loopback(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(texts: &[&str]) -> Result<usize, String> {
        let texts: Vec<String> = texts.iter().map(|text| (*text).to_owned()).collect();
        addresses(&texts).map(|all| all.len()).map_err(|problem| problem.errors[0].pointer.clone())
    }

    #[test]
    fn addresses_and_small_networks_of_the_farm_are_taken() {
        assert_eq!(count(&[]), Ok(0));
        assert_eq!(count(&["192.168.1.20", " 10.0.0.0/30 "]), Ok(3));
        assert_eq!(count(&["192.168.1.0/24"]), Ok(254));
        assert_eq!(count(&["fd00::20", "127.0.0.1", "::ffff:10.0.0.1"]), Ok(3));
    }

    #[test]
    fn addresses_elsewhere_and_large_networks_are_refused_each_at_its_place() {
        let far =
            ["8.8.8.8", "169.254.169.254", "100.64.0.1", "0.0.0.0", "255.255.255.255", "224.0.0.251", "2001:db8::1", "fe80::1"];
        for text in far.into_iter().chain(["printer.local", "", "192.168.0.0/23", "fd00::/120", "0.0.0.0/0", "10.0.0.0/8"]) {
            assert_eq!(count(&["10.0.0.1", text]), Err("/addresses/1".to_owned()), "{text}");
        }
        assert_eq!(count(&["10.0.1.0/24", "10.0.2.0/24", "10.0.3.0/24"]), Err("/addresses/2".to_owned()));
    }
}
