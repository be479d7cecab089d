//! Packets to bytes and back, for both versions. Only here is the crate `mqtt-protocol-core` known, and of
//! it only the packets: its connection, which answers by itself (`auto_pub_response`) and can be made to
//! panic by that, is not used at all. What it does not check is checked here, before and after it.

pub mod write;

use std::sync::Arc;

use mqtt_protocol_core::mqtt::packet::{Property, SubEntry, v3_1_1, v5_0};
use mqtt_protocol_core::mqtt::result_code::MqttError;

/// The largest packet that a client may send.
pub const LARGEST: usize = 16 * 1024;

/// The version that a client speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    /// 3.1.1.
    V3,
    /// 5.
    V5,
}

/// Why something is refused or ended, as version 5 numbers it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Reason {
    Unspecified = 0x80,
    Malformed = 0x81,
    Protocol = 0x82,
    Version = 0x84,
    ClientId = 0x85,
    BadLogin = 0x86,
    NotAuthorized = 0x87,
    AuthMethod = 0x8c,
    KeepAlive = 0x8d,
    TakenOver = 0x8e,
    Filter = 0x8f,
    TooLarge = 0x95,
    Quota = 0x97,
    Administrative = 0x98,
    Qos = 0x9b,
    SharedSubscription = 0x9e,
}

/// How a client says hello.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hello {
    pub version: Version,
    pub client: String,
    pub clean: bool,
    pub keep_alive_seconds: u16,
    pub user: Option<String>,
    pub password: Option<Vec<u8>>,
    pub has_will: bool,
    pub has_auth_method: bool,
    pub receive_maximum: u16,
    pub largest: Option<u32>,
}

/// One filter that is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wish {
    pub filter: String,
    /// 0 to 2.
    pub qos: u8,
    /// Version 5: live messages keep their retain flag.
    pub as_published: bool,
    /// Version 5: 0 = the present at every subscribing, 1 = at the first, 2 = never.
    pub retain_handling: u8,
}

/// What came in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Incoming {
    Hello(Hello),
    Subscribe { id: u16, identifier: Option<u32>, wishes: Vec<Wish> },
    Unsubscribe { id: u16, filters: Vec<String> },
    Publish { id: Option<u16>, qos: u8 },
    Acknowledged(u16),
    Ping,
    Goodbye,
}

/// Cuts bytes into packets. Holds at most one packet and what was read with it.
#[derive(Debug, Default)]
pub struct Decoder {
    waiting: Vec<u8>,
    version: Option<Version>,
}

impl Decoder {
    /// Takes bytes as they come.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.waiting.extend_from_slice(bytes);
    }

    /// The next packet, if it is whole.
    ///
    /// # Errors
    /// Why the connection must end.
    pub fn next(&mut self) -> Result<Option<Incoming>, Reason> {
        let Some((header, length)) = fixed_header(&self.waiting)? else { return Ok(None) };
        if header + length > LARGEST {
            return Err(Reason::TooLarge);
        }
        if self.waiting.len() < header + length {
            return Ok(None);
        }
        let packet: Vec<u8> = self.waiting.drain(..header + length).collect();
        let (first, body) = (packet[0], &packet[header..]);
        let incoming = match self.version {
            None => hello(first, body)?,
            Some(version) => read(version, first, body)?,
        };
        if let Incoming::Hello(hello) = &incoming {
            self.version = Some(hello.version);
        }
        Ok(Some(incoming))
    }
}

/// The length of the fixed header and of what follows it, once both are there.
fn fixed_header(bytes: &[u8]) -> Result<Option<(usize, usize)>, Reason> {
    let mut length = 0;
    for place in 0..4 {
        let Some(byte) = bytes.get(place + 1) else { return Ok(None) };
        length |= usize::from(byte & 0x7f) << (7 * place);
        if byte & 0x80 == 0 {
            return Ok(Some((place + 2, length)));
        }
    }
    Err(Reason::Malformed)
}

fn hello(first: u8, body: &[u8]) -> Result<Incoming, Reason> {
    if first != 0x10 {
        return Err(Reason::Protocol);
    }
    // 3.1 calls itself MQIsdp; whoever is too old or too new is told so.
    let level = match body {
        [0, 4, b'M', b'Q', b'T', b'T', level, ..] => *level,
        [0, 6, b'M', b'Q', b'I', b's', b'd', b'p', level, ..] => *level,
        _ => return Err(Reason::Protocol),
    };
    // The lowest flag is reserved; QoS and retain belong to a will alone.
    let flags = *body.get(7).ok_or(Reason::Malformed)?;
    if matches!(level, 4 | 5) && (flags & 1 != 0 || (flags & 4 == 0 && flags & 0x38 != 0)) {
        return Err(Reason::Malformed);
    }
    let text = |text: Option<&str>| text.map(str::to_owned);
    match level {
        4 => {
            let (packet, used) = v3_1_1::Connect::parse(body).map_err(reason)?;
            whole(used, body)?;
            Ok(Incoming::Hello(Hello {
                version: Version::V3,
                client: packet.client_id().to_owned(),
                clean: packet.clean_session(),
                keep_alive_seconds: packet.keep_alive(),
                user: text(packet.user_name()),
                password: packet.password().map(<[u8]>::to_vec),
                has_will: packet.will_flag(),
                has_auth_method: false,
                receive_maximum: u16::MAX,
                largest: None,
            }))
        }
        5 => {
            let (packet, used) = v5_0::Connect::parse(body).map_err(reason)?;
            whole(used, body)?;
            let number = |read: fn(&Property) -> Option<u32>| packet.props().iter().find_map(read);
            let receive = number(|p| if let Property::ReceiveMaximum(v) = p { Some(v.val().into()) } else { None });
            let largest = number(|p| if let Property::MaximumPacketSize(v) = p { Some(v.val()) } else { None });
            Ok(Incoming::Hello(Hello {
                version: Version::V5,
                client: packet.client_id().to_owned(),
                clean: packet.clean_start(),
                keep_alive_seconds: packet.keep_alive(),
                user: text(packet.user_name()),
                password: packet.password().map(<[u8]>::to_vec),
                has_will: packet.will_flag(),
                has_auth_method: packet.props().iter().any(|p| matches!(p, Property::AuthenticationMethod(_))),
                receive_maximum: receive.and_then(|most| u16::try_from(most).ok()).unwrap_or(u16::MAX),
                largest,
            }))
        }
        _ => Err(Reason::Version),
    }
}

fn read(version: Version, first: u8, body: &[u8]) -> Result<Incoming, Reason> {
    let (kind, flags) = (first >> 4, first & 0x0f);
    match (kind, flags) {
        (3, _) => publish(version, flags, body),
        (4, 0) => {
            let (id, used) = match version {
                Version::V3 => v3_1_1::Puback::parse(body).map(|(packet, used)| (packet.packet_id(), used)),
                Version::V5 => v5_0::Puback::parse(body).map(|(packet, used)| (packet.packet_id(), used)),
            }
            .map_err(reason)?;
            whole(used, body)?;
            Ok(Incoming::Acknowledged(id))
        }
        (8, 2) => subscribe(version, body),
        (10, 2) => {
            let (id, filters, used) = match version {
                Version::V3 => v3_1_1::Unsubscribe::parse(body).map(|(p, used)| (p.packet_id(), words(p.entries()), used)),
                Version::V5 => v5_0::Unsubscribe::parse(body).map(|(p, used)| (p.packet_id(), words(p.entries()), used)),
            }
            .map_err(reason)?;
            whole(used, body)?;
            Ok(Incoming::Unsubscribe { id: named(id)?, filters })
        }
        (12, 0) if body.is_empty() => Ok(Incoming::Ping),
        (14, 0) if version == Version::V5 || body.is_empty() => Ok(Incoming::Goodbye),
        (4 | 8 | 10 | 12 | 14, _) => Err(Reason::Malformed),
        _ => Err(Reason::Protocol),
    }
}

fn publish(version: Version, flags: u8, body: &[u8]) -> Result<Incoming, Reason> {
    let whole: Arc<[u8]> = body.into();
    let id = match version {
        Version::V3 => v3_1_1::Publish::parse(flags, whole).map(|(packet, _)| packet.packet_id()),
        Version::V5 => v5_0::Publish::parse(flags, whole).map(|(packet, _)| packet.packet_id()),
    }
    .map_err(reason)?;
    // The crate lets a packet with the id 0 pass.
    match ((flags >> 1) & 3, id) {
        (0, _) => Ok(Incoming::Publish { id: None, qos: 0 }),
        (qos, Some(id)) if id != 0 => Ok(Incoming::Publish { id: Some(id), qos }),
        (_, _) => Err(Reason::Malformed),
    }
}

fn subscribe(version: Version, body: &[u8]) -> Result<Incoming, Reason> {
    let (id, identifier, wishes, used) = match version {
        Version::V3 => {
            let (packet, used) = v3_1_1::Subscribe::parse(body).map_err(reason)?;
            (packet.packet_id(), None, wishes(packet.entries()), used)
        }
        Version::V5 => {
            let (packet, used) = v5_0::Subscribe::parse(body).map_err(reason)?;
            let number = |p: &Property| if let Property::SubscriptionIdentifier(v) = p { Some(v.val()) } else { None };
            (packet.packet_id(), packet.props().iter().find_map(number), wishes(packet.entries()), used)
        }
    };
    whole(used, body)?;
    if identifier == Some(0) {
        return Err(Reason::Protocol);
    }
    Ok(Incoming::Subscribe { id: named(id)?, identifier, wishes })
}

fn wishes(entries: &[SubEntry]) -> Vec<Wish> {
    let wish = |entry: &SubEntry| {
        let options = entry.sub_opts();
        Wish {
            filter: entry.topic_filter().to_owned(),
            qos: options.qos() as u8,
            as_published: options.rap(),
            retain_handling: options.rh() as u8,
        }
    };
    entries.iter().map(wish).collect()
}

fn words(entries: &[mqtt_protocol_core::mqtt::packet::MqttString]) -> Vec<String> {
    entries.iter().map(|entry| entry.as_str().to_owned()).collect()
}

const fn named(id: u16) -> Result<u16, Reason> {
    if id == 0 { Err(Reason::Malformed) } else { Ok(id) }
}

const fn whole(used: usize, body: &[u8]) -> Result<(), Reason> {
    if used == body.len() { Ok(()) } else { Err(Reason::Malformed) }
}

fn reason(error: MqttError) -> Reason {
    if matches!(error, MqttError::ProtocolError) { Reason::Protocol } else { Reason::Malformed }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A CONNECT of version 5 without anything.
    const BARE: &[u8] = &[0x10, 13, 0, 4, b'M', b'Q', b'T', b'T', 5, 2, 0, 60, 0, 0, 0];

    fn after_hello(bytes: &[u8]) -> Result<Option<Incoming>, Reason> {
        let mut decoder = Decoder::default();
        decoder.feed(BARE);
        assert!(matches!(decoder.next(), Ok(Some(Incoming::Hello(_)))));
        decoder.feed(bytes);
        decoder.next()
    }

    #[test]
    fn a_packet_waits_until_it_is_whole() {
        let mut decoder = Decoder::default();
        for byte in &BARE[..BARE.len() - 1] {
            decoder.feed(&[*byte]);
            assert_eq!(decoder.next(), Ok(None));
        }
        decoder.feed(&BARE[BARE.len() - 1..]);
        assert!(matches!(decoder.next(), Ok(Some(Incoming::Hello(hello))) if hello.version == Version::V5));
    }

    #[test]
    fn a_packet_that_is_too_large_is_refused_at_its_header() {
        let mut decoder = Decoder::default();
        decoder.feed(&[0x10, 0xff, 0xff, 0x7f]);
        assert_eq!(decoder.next(), Err(Reason::TooLarge));
    }

    #[test]
    fn a_publish_with_qos_and_the_packet_id_0_is_malformed() {
        assert_eq!(after_hello(&[0x32, 6, 0, 1, b'a', 0, 0, 0]), Err(Reason::Malformed));
        assert_eq!(after_hello(&[0x32, 6, 0, 1, b'a', 0, 9, 0]), Ok(Some(Incoming::Publish { id: Some(9), qos: 1 })));
    }

    #[test]
    fn the_first_packet_must_be_a_hello_and_no_second_one_may_come() {
        let mut decoder = Decoder::default();
        decoder.feed(&[0xc0, 0]);
        assert_eq!(decoder.next(), Err(Reason::Protocol));
        assert_eq!(after_hello(BARE), Err(Reason::Protocol));
    }

    #[test]
    fn who_speaks_an_older_version_is_told_so() {
        let mut decoder = Decoder::default();
        decoder.feed(&[0x10, 14, 0, 6, b'M', b'Q', b'I', b's', b'd', b'p', 3, 2, 0, 60, 0, 0]);
        assert_eq!(decoder.next(), Err(Reason::Version));
    }
}
