//! DNS messages as multicast DNS uses them (RFC 1035, RFC 6762): a question to write, records to read. What does not make sense
//! ends the reading; what came before it counts.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::LONGEST;

const NAME_LONGEST: usize = 255;
const MOST_RECORDS: usize = 200;
const MOST_PAIRS: usize = 40;

/// What is asked for, and what is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    A = 1,
    Ptr = 12,
    Txt = 16,
    Aaaa = 28,
    Srv = 33,
}

const KINDS: [Kind; 5] = [Kind::A, Kind::Ptr, Kind::Txt, Kind::Aaaa, Kind::Srv];

/// A record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Record {
    /// Whose it is; labels with dots between, as they were written.
    pub name: String,
    /// What it says.
    pub data: Data,
}

/// What a record says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Data {
    Address(IpAddr),
    Pointer(String),
    Server { port: u16, host: String },
    Text(BTreeMap<String, String>),
}

/// One message with these questions, each to be answered straight to who asks.
pub(super) fn question(asked: &[(&str, Kind)]) -> Vec<u8> {
    const ONE_CLASS_UNICAST: u16 = 0x8001;
    let count = u16::try_from(asked.len()).unwrap_or(u16::MAX);
    let mut message = Vec::new();
    for field in [0, 0, count, 0, 0, 0] {
        message.extend(u16::to_be_bytes(field));
    }
    for (name, kind) in asked.iter().take(usize::from(count)) {
        message.extend(written(name));
        message.extend((*kind as u16).to_be_bytes());
        message.extend(ONE_CLASS_UNICAST.to_be_bytes());
    }
    message
}

/// A name in labels. The last three are the service and its domain; an instance before them is one label, dots and all.
fn written(name: &str) -> Vec<u8> {
    let mut out = Vec::new();
    let (instance, service) = match name.find("._") {
        Some(at) if at > 0 => (name.get(..at), name.get(at + 1..).unwrap_or_default()),
        Some(_) | None => (None, name),
    };
    for label in instance.into_iter().chain(service.split('.')).filter(|label| !label.is_empty()) {
        let label = label.as_bytes().get(..63).unwrap_or(label.as_bytes());
        out.push(u8::try_from(label.len()).unwrap_or(0));
        out.extend(label);
    }
    out.push(0);
    out
}

/// The records of an answer; none if it is a question or no such message.
pub(super) fn read(message: &[u8]) -> Vec<Record> {
    let mut records = Vec::new();
    let mut reader = Reader { message: message.get(..LONGEST).unwrap_or(message), at: 0 };
    reader.records(&mut records).unwrap_or_default();
    records
}

struct Reader<'m> {
    message: &'m [u8],
    at: usize,
}

impl<'m> Reader<'m> {
    fn records(&mut self, into: &mut Vec<Record>) -> Option<()> {
        const IS_ANSWER: u16 = 0x8000;
        let [_, flags, questions, answers, authorities, additionals] = [(); 6].map(|()| self.short());
        if flags? & IS_ANSWER == 0 {
            return None;
        }
        for _ in 0..questions? {
            self.name()?;
            self.skip(4)?;
        }
        let count = usize::from(answers?) + usize::from(authorities?) + usize::from(additionals?);
        for _ in 0..count.min(MOST_RECORDS) {
            let name = self.name()?;
            let kind = self.short()?;
            self.skip(6)?;
            let length = usize::from(self.short()?);
            let start = self.at;
            self.skip(length)?;
            if let Some(data) =
                KINDS.into_iter().find(|known| *known as u16 == kind).and_then(|kind| self.data(kind, start, length))
            {
                into.push(Record { name, data });
            }
        }
        Some(())
    }

    fn data(&self, kind: Kind, start: usize, length: usize) -> Option<Data> {
        let bytes = self.message.get(start..start + length)?;
        let mut inside = Reader { message: self.message, at: start };
        Some(match kind {
            Kind::A => Data::Address(Ipv4Addr::from(<[u8; 4]>::try_from(bytes).ok()?).into()),
            Kind::Aaaa => Data::Address(Ipv6Addr::from(<[u8; 16]>::try_from(bytes).ok()?).into()),
            Kind::Ptr => Data::Pointer(inside.name()?),
            Kind::Srv => {
                inside.skip(4)?;
                Data::Server { port: inside.short()?, host: inside.name()? }
            }
            Kind::Txt => Data::Text(pairs(bytes)),
        })
    }

    fn short(&mut self) -> Option<u16> {
        let bytes = self.message.get(self.at..self.at + 2)?;
        self.at += 2;
        Some(u16::from_be_bytes(bytes.try_into().ok()?))
    }

    fn skip(&mut self, bytes: usize) -> Option<()> {
        self.at = self.at.checked_add(bytes).filter(|at| *at <= self.message.len())?;
        Some(())
    }

    /// A name, which may go on earlier in the message: pointers only lead back, and the text has a longest.
    fn name(&mut self) -> Option<String> {
        const POINTER: u8 = 0xC0;
        let (mut at, mut after, mut text) = (self.at, None, String::new());
        loop {
            let length = *self.message.get(at)?;
            if length == 0 {
                self.at = after.unwrap_or(at + 1);
                return Some(text);
            }
            if length & POINTER == POINTER {
                let target = usize::from(u16::from_be_bytes([length & !POINTER, *self.message.get(at + 1)?]));
                if target >= at {
                    return None;
                }
                after.get_or_insert(at + 2);
                at = target;
                continue;
            }
            if length & POINTER != 0 {
                return None;
            }
            let end = at + 1 + usize::from(length);
            let label = String::from_utf8_lossy(self.message.get(at + 1..end)?);
            if !text.is_empty() {
                text.push('.');
            }
            text.push_str(&label);
            if text.len() > NAME_LONGEST * 3 {
                return None;
            }
            at = end;
        }
    }
}

/// `key=value`, each with its length before it.
fn pairs(mut bytes: &[u8]) -> BTreeMap<String, String> {
    let mut pairs = BTreeMap::new();
    while let Some((length, rest)) = bytes.split_first() {
        let Some((pair, rest)) = rest.split_at_checked(usize::from(*length)) else { break };
        let text = String::from_utf8_lossy(pair);
        if let Some((key, value)) = text.split_once('=')
            && pairs.len() < MOST_PAIRS
        {
            pairs.entry(key.to_ascii_lowercase()).or_insert_with(|| value.to_owned());
        }
        bytes = rest;
    }
    pairs
}
