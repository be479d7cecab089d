//! Harmless questions to one address, for networks in which nobody hears a call to all: what is sent to which port, and which
//! machine gives such an answer.

use std::net::IpAddr;

use domain::text::Serial;
use serde_json::Value;

use super::{LONGEST, Sighting, brands};

/// A question to one port.
#[derive(Debug, Clone, Copy)]
pub struct Probe {
    /// The port.
    pub port: u16,
    ask: Ask,
}

#[derive(Debug, Clone, Copy)]
enum Ask {
    /// An HTTP GET of that path.
    Page(&'static str),
    /// The one-shot identification of a maker: a frame of JSON.
    Identify,
}

/// Every question, in the order in which they are worth asking.
pub const PROBES: &[Probe] = &[
    Probe { port: 3000, ask: Ask::Identify },
    Probe { port: 7125, ask: Ask::Page("/server/info") },
    Probe { port: 5000, ask: Ask::Page("/plugin/appkeys/probe") },
    Probe { port: 80, ask: Ask::Page("/plugin/appkeys/probe") },
    Probe { port: 80, ask: Ask::Page("/api/version") },
    Probe { port: 8080, ask: Ask::Page("/api/version") },
];

const FRAME_BEGINS: [u8; 2] = [0xA5, 0xA5];
const FRAME_ENDS: [u8; 2] = [0xA7, 0xA7];

impl Probe {
    /// The same question to another port.
    #[must_use]
    pub const fn to_port(self, port: u16) -> Self {
        Self { port, ..self }
    }

    /// What is sent to that address.
    pub fn bytes(&self, to: IpAddr) -> Vec<u8> {
        match self.ask {
            Ask::Page(path) => {
                format!("GET {path} HTTP/1.1\r\nHost: {to}\r\nAccept: application/json\r\nConnection: close\r\n\r\n").into_bytes()
            }
            Ask::Identify => {
                let body = br#"{"login":{"command":"detect","sequence_id":"20004"}}"#;
                let length = u16::try_from(body.len() + 6).unwrap_or(u16::MAX);
                [&FRAME_BEGINS, &length.to_le_bytes(), body.as_slice(), &FRAME_ENDS].concat()
            }
        }
    }

    /// The machine that answers so; none if it is no printer.
    pub fn read(&self, from: IpAddr, answer: &[u8]) -> Option<Sighting> {
        let answer = answer.get(..LONGEST).unwrap_or(answer);
        let text = String::from_utf8_lossy(answer);
        match self.ask {
            Ask::Identify => {
                let told = object(&text).filter(|_| answer.starts_with(&FRAME_BEGINS))?;
                let login = told.get("login").unwrap_or(&told);
                let word = |key: &str| login.get(key).and_then(Value::as_str).map(str::to_owned);
                let serial: Serial = word("id")?.parse().ok()?;
                Some(brands::of_identification(from, serial, word("name"), word("model"), word("version")))
            }
            Ask::Page(path) => {
                let (head, body) = text.split_once("\r\n\r\n")?;
                let status = head.split_whitespace().nth(1)?;
                brands::of_page(from, self.port, path, status, head, object(body).as_ref())
            }
        }
    }
}

/// The JSON object in a text that may have something around it: a frame, the lengths of chunks.
fn object(text: &str) -> Option<Value> {
    let (begin, end) = (text.find('{')?, text.rfind('}')?);
    serde_json::from_str(text.get(begin..=end)?).ok()
}
