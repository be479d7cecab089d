//! What was begun and waits for its second call: kept in memory, five minutes, and for one call. A relay that restarts forgets
//! them, and people begin again.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use api::entropy::SystemEntropy;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::time::Timestamp;
use store::Entropy;

const SECONDS: i64 = 300;
/// Anybody may begin: of more than that the oldest are forgotten.
const MOST: usize = 10_000;

/// Random text that nobody guesses.
pub fn secret() -> String {
    let mut bytes = [0; 32];
    SystemEntropy.fill(&mut bytes);
    URL_SAFE_NO_PAD.encode(bytes)
}

/// What waits, by the text that was given for it.
pub struct Ceremonies<T>(Mutex<BTreeMap<String, (Timestamp, T)>>);

impl<T> Default for Ceremonies<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T> Ceremonies<T> {
    /// Keeps it: the text to ask for it with.
    pub fn begin(&self, now: Timestamp, state: T) -> String {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.retain(|_, (since, _)| now.millis_since(*since) < SECONDS * 1000);
        if waiting.len() >= MOST
            && let Some(oldest) = waiting.iter().min_by_key(|(_, (since, _))| *since).map(|(key, _)| key.clone())
        {
            waiting.remove(&oldest);
        }
        let key = secret();
        waiting.insert(key.clone(), (now, state));
        key
    }

    /// Takes it, if it is there and not too old.
    pub fn end(&self, now: Timestamp, key: &str) -> Option<T> {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.remove(key).filter(|(since, _)| now.millis_since(*since) < SECONDS * 1000).map(|(_, state)| state)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_begun_ends_once_and_within_five_minutes() {
        let (waiting, start) = (Ceremonies::default(), Timestamp::from_millis(0));
        let (first, second) = (waiting.begin(start, 1), waiting.begin(start, 2));
        assert_eq!(waiting.end(start.plus_seconds(299), &first), Some(1));
        assert_eq!(waiting.end(start.plus_seconds(299), &first), None);
        assert_eq!(waiting.end(start.plus_seconds(300), &second), None);
        assert_eq!(waiting.end(start, "guessed"), None);
    }

    #[test]
    fn of_too_many_the_oldest_is_forgotten() {
        let (waiting, start) = (Ceremonies::default(), Timestamp::from_millis(0));
        let first = waiting.begin(start, 0);
        let later = start.plus_seconds(1);
        let last = (0..MOST).map(|n| waiting.begin(later, n)).last().unwrap();
        assert_eq!(waiting.end(later, &first), None);
        assert_eq!(waiting.end(later, &last), Some(MOST - 1));
    }
}
