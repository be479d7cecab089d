//! The door itself: takes connections in, as many as there is room for, each in a task of its own, so that
//! whatever happens in one ends with it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use api::door::Door;
use api::listen::Listener;
use tokio::sync::Notify;
use tokio::task::JoinSet;

use super::connection;

/// Connections in all.
const MOST: usize = 4096;
/// Connections of one key.
const MOST_OF_A_KEY: usize = 32;

/// Serves MQTT on that listener until it is dropped.
pub async fn serve(mut listener: Listener, door: Arc<Door>) {
    let room = Arc::new(Room::default());
    let mut lines = JoinSet::new();
    loop {
        tokio::select! {
            Some(ended) = lines.join_next() => {
                if let Err(error) = ended {
                    tracing::error!(%error, "an MQTT connection broke inside");
                }
            }
            (stream, peer) = listener.accept() => {
                if lines.len() < MOST {
                    lines.spawn(connection::attend(stream, Some(peer.ip()), Arc::clone(&door), Arc::clone(&room)));
                } else {
                    tracing::warn!("an MQTT connection was turned away: there are {MOST}");
                }
            }
        }
    }
}

type Credential = [u8; 32];

/// Who is in, by key and by the name that the client calls itself.
#[derive(Debug, Default)]
pub struct Room(Mutex<Seats>);

#[derive(Debug, Default)]
struct Seats {
    taken: BTreeMap<Credential, BTreeMap<String, (u64, Arc<Notify>)>>,
    count: u64,
}

/// A place in the room; free again when it is dropped.
#[derive(Debug)]
pub struct Seat {
    room: Arc<Room>,
    credential: Credential,
    name: String,
    number: u64,
    taken_over: Arc<Notify>,
}

impl Room {
    /// A place for a client of that key. Who came earlier under the same name has to go, as the protocol
    /// wants it; a client without a name gets one. None if the key has enough.
    pub(super) fn enter(self: &Arc<Self>, credential: Credential, name: &str) -> Option<Seat> {
        let mut seats = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        seats.count += 1;
        let number = seats.count;
        let name = if name.is_empty() { format!("gantry-{number}") } else { name.to_owned() };
        let of_key = seats.taken.entry(credential).or_default();
        if of_key.len() >= MOST_OF_A_KEY && !of_key.contains_key(&name) {
            return None;
        }
        let taken_over = Arc::new(Notify::new());
        if let Some((_, earlier)) = of_key.insert(name.clone(), (number, Arc::clone(&taken_over))) {
            earlier.notify_one();
        }
        Some(Seat { room: Arc::clone(self), credential, name, number, taken_over })
    }
}

impl Seat {
    /// What the client is called.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Waits until somebody else comes under the same name.
    pub(super) async fn taken_over(&self) {
        self.taken_over.notified().await;
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut seats = self.room.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(of_key) = seats.taken.get_mut(&self.credential) {
            if of_key.get(&self.name).is_some_and(|(number, _)| *number == self.number) {
                of_key.remove(&self.name);
            }
            if of_key.is_empty() {
                seats.taken.remove(&self.credential);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_has_so_many_places_and_a_name_only_one() {
        let room = Arc::new(Room::default());
        let mut seats: Vec<_> = (0..MOST_OF_A_KEY).filter_map(|n| room.enter([1; 32], &format!("c{n}"))).collect();
        assert_eq!(seats.len(), MOST_OF_A_KEY);
        assert!(room.enter([1; 32], "one more").is_none());
        assert!(room.enter([2; 32], "of another key").is_some());
        let again = room.enter([1; 32], "c0").unwrap();
        seats.remove(0);
        assert!(room.enter([1; 32], "one more").is_none(), "the later one keeps the place when the earlier has gone");
        drop(again);
        assert!(room.enter([1; 32], "").is_some_and(|seat| seat.name().starts_with("gantry-")));
    }
}
