//! The address of a machine with a broker, read once. Opens nothing.

use crate::contract::LinkProblem;

/// Ports as they stand on the machines.
const BROKER: u16 = 8883;
const FILES: u16 = 990;

/// A host, and the ports of its broker and its file server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BrokerAddress {
    /// A name or an IPv4 address.
    pub host: String,
    /// The port of the broker.
    pub broker: u16,
    /// The port of the file server.
    pub files: u16,
}

impl BrokerAddress {
    /// Reads what a person entered: `host`, or `host:8883+990` where the ports are others.
    ///
    /// # Errors
    /// [`LinkProblem::BadSetting`] if it is neither.
    pub fn read(text: &str) -> Result<Self, LinkProblem> {
        let bad = |detail: &str| LinkProblem::BadSetting { setting: "address", detail: detail.to_owned() };
        let text = text.trim();
        let (host, ports) = text.split_once(':').map_or((text, None), |(host, ports)| (host, Some(ports)));
        let is_host = !host.is_empty()
            && host.len() <= 253
            && !host.starts_with(['-', '.'])
            && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_'));
        if !is_host {
            return Err(bad("it must be the printer's IP address or name alone, such as 192.168.1.20"));
        }
        let host = host.to_owned();
        let Some(ports) = ports else { return Ok(Self { host, broker: BROKER, files: FILES }) };
        let port = |text: &str| text.parse::<u16>().ok().filter(|port| *port != 0);
        let both = ports.split_once('+').and_then(|(broker, files)| Some((port(broker)?, port(files)?)));
        let (broker, files) = both.ok_or_else(|| bad("ports are written as host:8883+990"))?;
        Ok(Self { host, broker, files })
    }
}

impl std::fmt::Display for BrokerAddress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.host)?;
        if (self.broker, self.files) != (BROKER, FILES) {
            write!(f, ":{}+{}", self.broker, self.files)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_has_the_usual_ports_unless_it_names_others() {
        let check = |text: &str, broker, files, shown: &str| {
            let address = BrokerAddress::read(text).unwrap();
            assert_eq!((address.broker, address.files, address.to_string().as_str()), (broker, files, shown));
        };
        check(" 192.168.1.20 ", 8883, 990, "192.168.1.20");
        check("p1s-4.local:8883+990", 8883, 990, "p1s-4.local");
        check("127.0.0.1:18883+10990", 18_883, 10_990, "127.0.0.1:18883+10990");
    }

    #[test]
    fn a_url_half_a_port_or_a_command_is_refused() {
        for bad in ["", "http://192.168.1.20", "192.168.1.20:8883", "h:1+0", "h:1+99999", "a b", "h\r\nDELE x", "::1", "-h"] {
            assert!(matches!(BrokerAddress::read(bad), Err(LinkProblem::BadSetting { setting: "address", .. })), "{bad}");
        }
    }
}
