//! What waits to be sent on one connection: answers first, then messages in order, bounded in number and
//! bytes. QoS 1 waits for the client's acknowledgements, as many at once as it said that it can hold.

use std::collections::{BTreeSet, VecDeque};

use super::codec::{Version, write};

/// Beyond this nothing more is fetched for the connection.
const ENOUGH_BYTES: usize = 512 * 1024;
const ENOUGH_MESSAGES: usize = 1024;
/// Beyond this a message is lost.
const MOST_BYTES: usize = 4 * 1024 * 1024;
/// Answers beyond which nothing more is read from the client.
const MOST_ANSWERS: usize = 64 * 1024;
/// Unacknowledged messages at once, however many the client can hold.
const MOST_IN_FLIGHT: usize = 64;
/// What one message costs beside its topic and payload.
const OVERHEAD: usize = 64;

/// A message for one client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    pub topic: String,
    pub payload: Vec<u8>,
    pub at_least_once: bool,
    pub retain: bool,
    pub identifiers: Vec<u32>,
}

impl Waiting {
    fn cost(&self) -> usize {
        self.topic.len() + self.payload.len() + OVERHEAD
    }
}

/// The outbox.
#[derive(Debug)]
pub struct Outbox {
    version: Version,
    answers: Vec<u8>,
    messages: VecDeque<Waiting>,
    bytes: usize,
    in_flight: BTreeSet<u16>,
    most_in_flight: usize,
    largest: usize,
    last_id: u16,
}

impl Outbox {
    /// For a client that can hold so many unacknowledged messages, and packets of that size.
    pub fn new(version: Version, receive_maximum: u16, largest: Option<u32>) -> Self {
        Self {
            version,
            answers: Vec::new(),
            messages: VecDeque::new(),
            bytes: 0,
            in_flight: BTreeSet::new(),
            most_in_flight: usize::from(receive_maximum).clamp(1, MOST_IN_FLIGHT),
            largest: largest.and_then(|bytes| usize::try_from(bytes).ok()).unwrap_or(usize::MAX),
            last_id: 0,
        }
    }

    /// An answer: it goes before every message.
    pub fn answer(&mut self, bytes: &[u8]) {
        self.answers.extend_from_slice(bytes);
    }

    /// A message; false if there is no room and it is lost.
    pub fn push(&mut self, message: Waiting) -> bool {
        if self.bytes + message.cost() > MOST_BYTES {
            return false;
        }
        self.bytes += message.cost();
        self.messages.push_back(message);
        true
    }

    /// Whether more should be fetched for it.
    pub fn has_room(&self) -> bool {
        self.bytes < ENOUGH_BYTES && self.messages.len() < ENOUGH_MESSAGES
    }

    /// Whether the client takes our answers, so that more may be read from it.
    pub fn may_ask(&self) -> bool {
        self.answers.len() < MOST_ANSWERS
    }

    /// The client has got a message.
    pub fn acknowledged(&mut self, id: u16) {
        self.in_flight.remove(&id);
    }

    /// Whether nothing is owed to the client.
    pub fn is_idle(&self) -> bool {
        self.answers.is_empty() && self.messages.is_empty() && self.in_flight.is_empty()
    }

    /// Bytes that wait.
    #[cfg(test)]
    pub fn queued_bytes(&self) -> usize {
        self.bytes + self.answers.len()
    }

    /// Drops every message that was not sent yet.
    pub fn forget(&mut self) {
        self.messages.clear();
        self.bytes = 0;
    }

    /// The bytes of one write: as many packets as fit, at least one if any may go.
    pub fn take(&mut self, batch: usize) -> Vec<u8> {
        let mut bytes = std::mem::take(&mut self.answers);
        while bytes.len() < batch {
            let Some(message) = self.messages.front() else { break };
            if message.at_least_once && self.in_flight.len() >= self.most_in_flight {
                break;
            }
            let Some(message) = self.messages.pop_front() else { break };
            self.bytes -= message.cost();
            let id = message.at_least_once.then(|| self.next_id());
            let packet = write::message(self.version, &message.topic, &message.payload, id, message.retain, &message.identifiers);
            // What is larger than the client can take is as if it had been sent (MQTT 5, 3.1.2.11.4).
            if packet.len() <= self.largest {
                bytes.extend(packet);
                self.in_flight.extend(id);
            }
        }
        bytes
    }

    fn next_id(&mut self) -> u16 {
        loop {
            self.last_id = self.last_id.checked_add(1).unwrap_or(1);
            if !self.in_flight.contains(&self.last_id) {
                return self.last_id;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(size: usize, at_least_once: bool) -> Waiting {
        Waiting { topic: "t".to_owned(), payload: vec![b'x'; size], at_least_once, retain: false, identifiers: Vec::new() }
    }

    #[test]
    fn what_nobody_takes_stays_below_the_bound_and_the_rest_is_lost() {
        let mut outbox = Outbox::new(Version::V5, 10, None);
        let kept = (0..300_000).filter(|_| outbox.push(message(1024, false))).count();
        assert!(!outbox.has_room());
        assert!(outbox.queued_bytes() <= MOST_BYTES, "{}", outbox.queued_bytes());
        assert!((3_000..4_096).contains(&kept), "{kept}");
    }

    #[test]
    fn no_more_is_in_flight_than_the_client_can_hold_and_order_is_kept() {
        let mut outbox = Outbox::new(Version::V3, 2, None);
        for _ in 0..3 {
            assert!(outbox.push(message(1, true)));
        }
        assert!(outbox.push(message(1, false)));
        let packets = |bytes: &[u8]| bytes.iter().filter(|byte| **byte == b'x').count();
        assert_eq!(packets(&outbox.take(1 << 15)), 2);
        assert_eq!(packets(&outbox.take(1 << 15)), 0);
        outbox.acknowledged(9);
        assert_eq!(packets(&outbox.take(1 << 15)), 0);
        outbox.acknowledged(1);
        assert_eq!(packets(&outbox.take(1 << 15)), 2, "the third and the one without acknowledgement behind it");
        assert!(!outbox.is_idle());
    }

    #[test]
    fn what_is_larger_than_the_client_can_take_is_passed_over() {
        let mut outbox = Outbox::new(Version::V5, 2, Some(100));
        assert!(outbox.push(message(200, true)) && outbox.push(message(10, true)));
        let bytes = outbox.take(1 << 15);
        assert!(bytes.len() < 100 && !bytes.is_empty());
    }

    #[test]
    fn many_messages_are_one_write() {
        let mut outbox = Outbox::new(Version::V5, 2, None);
        for _ in 0..1000 {
            assert!(outbox.push(message(16, false)));
        }
        assert!(outbox.take(32 * 1024).len() > 20_000);
    }
}
