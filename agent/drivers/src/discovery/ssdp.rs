//! SSDP: datagrams with the head of an HTTP message. Some makers use its form with ports and headers of their own.

use std::collections::BTreeMap;

use super::LONGEST;

const MOST_HEADERS: usize = 64;

/// A datagram by which a device tells of itself, asked or unasked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Announcement {
    headers: BTreeMap<String, String>,
}

impl Announcement {
    /// Reads a datagram; none if it is something else, such as somebody's search.
    pub fn read(datagram: &[u8]) -> Option<Self> {
        let text = String::from_utf8_lossy(datagram.get(..LONGEST).unwrap_or(datagram));
        let mut lines = text.lines();
        let first = lines.next()?.trim();
        if !first.starts_with("NOTIFY ") && !first.starts_with("HTTP/1") {
            return None;
        }
        let pairs = lines.take(MOST_HEADERS).filter_map(|line| line.split_once(':'));
        let headers = pairs.map(|(name, value)| (name.trim().to_ascii_lowercase(), value.trim().to_owned()));
        Some(Self { headers: headers.collect() })
    }

    /// A header's text; none if it is empty.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// What kind of device it is.
    pub fn kind(&self) -> Option<&str> {
        self.header("nt").or_else(|| self.header("st"))
    }

    /// It says that it leaves.
    pub fn leaves(&self) -> bool {
        self.header("nts") == Some("ssdp:byebye")
    }
}

/// A search for devices of that kind.
pub fn search(kind: &str, group: &str) -> Vec<u8> {
    format!("M-SEARCH * HTTP/1.1\r\nHOST: {group}\r\nMAN: \"ssdp:discover\"\r\nMX: 2\r\nST: {kind}\r\n\r\n").into_bytes()
}
