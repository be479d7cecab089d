//! MQTT 3.1.1 as the printer's broker speaks it: bytes to packets and back. Only here is the crate `mqtt-protocol-core` known, and of
//! it only the packets.

use mqtt_protocol_core::mqtt::packet::{Qos, v3_1_1};
use mqtt_protocol_core::mqtt::result_code::{ConnectReturnCode, MqttError, SubackReturnCode};
use std::sync::Arc;

/// The largest packet that a client may send.
const LARGEST: usize = 64 * 1024;

/// What a client says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard {
    /// Hello.
    Hello {
        /// Its user name.
        user: String,
        /// Its password.
        password: String,
        /// How long it may be silent; 0 = for ever.
        keep_alive_seconds: u16,
    },
    /// It wants to hear these.
    Subscribe {
        /// The packet's number.
        id: u16,
        /// Topics, wildcards and all.
        filters: Vec<String>,
    },
    /// It wants to hear these no more.
    Unsubscribe {
        /// The packet's number.
        id: u16,
    },
    /// It has something to say.
    Publish {
        /// The packet's number, if an answer is awaited.
        id: Option<u16>,
        /// Where.
        topic: String,
        /// What.
        payload: Vec<u8>,
    },
    /// Still there.
    Ping,
    /// It goes, or is gone.
    Gone,
}

/// What the broker says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told {
    /// Welcome.
    Welcome,
    /// Not welcome: user name or password are wrong (5, as the printers say it).
    Refused,
    /// Subscribed to so many.
    Subscribed(u16, usize),
    /// No longer subscribed.
    Unsubscribed(u16),
    /// A publish has come.
    Acknowledged(u16),
    /// Still there.
    Pong,
    /// A message on a topic.
    Message {
        /// Where.
        topic: String,
        /// What.
        payload: String,
    },
}

/// Bytes that are no MQTT 3.1.1 of a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Nonsense;

impl From<MqttError> for Nonsense {
    fn from(_: MqttError) -> Self {
        Self
    }
}

/// Cuts bytes into packets.
#[derive(Debug, Default)]
pub struct Decoder {
    waiting: Vec<u8>,
}

impl Decoder {
    /// Takes bytes as they come.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.waiting.extend_from_slice(bytes);
    }

    /// The next packet that means something here, if it is whole.
    ///
    /// # Errors
    /// When the connection must end.
    pub fn packet(&mut self) -> Result<Option<Heard>, Nonsense> {
        while let Some((header, length)) = fixed_header(&self.waiting)? {
            if length > LARGEST {
                return Err(Nonsense);
            }
            if self.waiting.len() < header + length {
                return Ok(None);
            }
            let packet: Vec<u8> = self.waiting.drain(..header + length).collect();
            if let Some(heard) = read(packet[0], &packet[header..])? {
                return Ok(Some(heard));
            }
        }
        Ok(None)
    }
}

/// The length of the fixed header and of what follows it, once both are there.
fn fixed_header(bytes: &[u8]) -> Result<Option<(usize, usize)>, Nonsense> {
    let mut length = 0;
    for place in 0..4 {
        let Some(byte) = bytes.get(place + 1) else { return Ok(None) };
        length |= usize::from(byte & 0x7f) << (7 * place);
        if byte & 0x80 == 0 {
            return Ok(Some((place + 2, length)));
        }
    }
    Err(Nonsense)
}

fn read(first: u8, body: &[u8]) -> Result<Option<Heard>, Nonsense> {
    let heard = match first >> 4 {
        1 => {
            let [0, 4, b'M', b'Q', b'T', b'T', 4, ..] = body else { return Err(Nonsense) };
            let (packet, _) = v3_1_1::Connect::parse(body)?;
            Heard::Hello {
                user: packet.user_name().unwrap_or_default().to_owned(),
                password: String::from_utf8_lossy(packet.password().unwrap_or_default()).into_owned(),
                keep_alive_seconds: packet.keep_alive(),
            }
        }
        3 => {
            let (packet, _) = v3_1_1::Publish::parse(first & 0x0f, Arc::from(body))?;
            Heard::Publish {
                id: packet.packet_id(),
                topic: packet.topic_name().to_owned(),
                payload: packet.payload().as_slice().to_vec(),
            }
        }
        8 => {
            let (packet, _) = v3_1_1::Subscribe::parse(body)?;
            let filters = packet.entries().iter().map(|entry| entry.topic_filter().to_owned()).collect();
            Heard::Subscribe { id: packet.packet_id(), filters }
        }
        10 => Heard::Unsubscribe { id: v3_1_1::Unsubscribe::parse(body)?.0.packet_id() },
        12 => Heard::Ping,
        14 => Heard::Gone,
        // What acknowledges a message: none is sent with QoS 1 here.
        4 => return Ok(None),
        _ => return Err(Nonsense),
    };
    Ok(Some(heard))
}

/// The bytes of what the broker says.
///
/// # Errors
/// When a packet cannot be made of it, such as of a topic with a wildcard.
pub fn write(told: &Told) -> Result<Vec<u8>, Nonsense> {
    Ok(match told {
        Told::Welcome => connack(ConnectReturnCode::Accepted)?,
        Told::Refused => connack(ConnectReturnCode::NotAuthorized)?,
        Told::Subscribed(id, count) => {
            let granted = vec![SubackReturnCode::SuccessMaximumQos0; *count];
            v3_1_1::Suback::builder().packet_id(*id).return_codes(granted).build()?.to_continuous_buffer()
        }
        Told::Unsubscribed(id) => v3_1_1::Unsuback::builder().packet_id(*id).build()?.to_continuous_buffer(),
        Told::Acknowledged(id) => v3_1_1::Puback::builder().packet_id(*id).build()?.to_continuous_buffer(),
        Told::Pong => vec![0xd0, 0],
        Told::Message { topic, payload } => {
            let packet = v3_1_1::Publish::builder().topic_name(topic.as_str())?.qos(Qos::AtMostOnce).payload(payload.as_bytes());
            packet.build()?.to_continuous_buffer()
        }
    })
}

fn connack(code: ConnectReturnCode) -> Result<Vec<u8>, MqttError> {
    Ok(v3_1_1::Connack::builder().session_present(false).return_code(code).build()?.to_continuous_buffer())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(bytes: &[u8]) -> Result<Vec<Heard>, Nonsense> {
        let mut decoder = Decoder::default();
        let mut heard = Vec::new();
        for byte in bytes {
            decoder.feed(&[*byte]);
            while let Some(next) = decoder.packet()? {
                heard.push(next);
            }
        }
        Ok(heard)
    }

    #[test]
    fn packets_are_heard_however_their_bytes_are_cut() {
        let hello = b"\x10\x18\0\x04MQTT\x04\xc2\0\x1e\0\0\0\x04bblp\0\x04code";
        let publish = b"\x32\x0a\0\x03a/b\0\x07hi!";
        let bytes = [&hello[..], &publish[..], &[0xc0, 0, 0xe0, 0]].concat();
        let expected = [
            Heard::Hello { user: "bblp".into(), password: "code".into(), keep_alive_seconds: 30 },
            Heard::Publish { id: Some(7), topic: "a/b".into(), payload: b"hi!".to_vec() },
            Heard::Ping,
            Heard::Gone,
        ];
        assert_eq!(all(&bytes).unwrap(), expected);
    }

    #[test]
    fn another_version_and_an_endless_length_are_refused() {
        assert_eq!(all(b"\x10\x0d\0\x04MQTT\x05\x02\0\x1e\0\0\0"), Err(Nonsense));
        assert_eq!(all(b"\x30\xff\xff\xff\xff"), Err(Nonsense));
    }
}
