//! How a farm proves to its relay who it is: keys that roll, and passes that tell one agent from its copy. Rules of both
//! sides; whether a signature is right is asked of whoever can check it.

use serde::{Deserialize, Serialize};

use crate::hex::hex;
use crate::time::Timestamp;

/// For so long the old key still opens a session while the new one waits for its first.
pub const OVERLAP_SECONDS: i64 = 7 * 24 * 3600;
/// Old keys that are remembered, so that who comes with one is told apart from a stranger.
const REMEMBERED: usize = 16;

/// The keys of a farm (Ed25519, in hex), as its relay knows them.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct FarmKeys {
    /// The key that opens its sessions.
    pub public_key: String,
    /// The key that is to take its place, as soon as it has opened a session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_key: Option<NextKey>,
    /// Keys that open nothing any more.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub old_keys: Vec<String>,
}

/// A key that has not opened a session yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NextKey {
    /// The key.
    pub public_key: String,
    /// Since when it is known.
    pub since: Timestamp,
}

/// What a key is to a farm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It opens sessions.
    Current,
    /// It takes the place of the current one with the session that it opens now.
    Next,
    /// It was replaced: whoever has it is not the farm.
    Old,
}

impl FarmKeys {
    /// Which of the farm's keys that is; none if it is a stranger's.
    pub fn standing(&self, is: impl Fn(&str) -> bool, now: Timestamp) -> Option<Standing> {
        let over = |next: &NextKey| now.millis_since(next.since) >= OVERLAP_SECONDS * 1000;
        if is(&self.public_key) {
            return Some(if self.next_key.as_ref().is_some_and(over) { Standing::Old } else { Standing::Current });
        }
        if self.next_key.as_ref().is_some_and(|next| is(&next.public_key)) {
            return Some(Standing::Next);
        }
        self.old_keys.iter().any(|old| is(old)).then_some(Standing::Old)
    }

    /// A key of that standing opens a session.
    pub fn open(&mut self, standing: Standing) {
        match standing {
            Standing::Next => {
                if let Some(next) = self.next_key.take() {
                    self.replace(next.public_key);
                }
            }
            Standing::Current | Standing::Old => {}
        }
    }

    /// The farm made a new key, and signed it with the current one. Said again, it is the same.
    pub fn offer(&mut self, public_key: String, now: Timestamp) {
        let known = self.public_key == public_key || self.next_key.as_ref().is_some_and(|next| next.public_key == public_key);
        if !known {
            self.next_key = Some(NextKey { public_key, since: now });
        }
    }

    /// That key alone is the farm's from now on.
    pub fn replace(&mut self, public_key: String) {
        let before = std::mem::replace(&mut self.public_key, public_key);
        self.old_keys.extend(self.next_key.take().map(|next| next.public_key));
        self.old_keys.push(before);
        let current = &self.public_key;
        self.old_keys.retain(|old| !old.is_empty() && old != current);
        let beyond = self.old_keys.len().saturating_sub(REMEMBERED);
        self.old_keys.drain(..beyond);
    }
}

/// The passes of a farm, as its relay knows them. Each session gives a new one, which the agent shows at its next. It may
/// have been lost on its way, so the one that was shown last still holds too. Any other is an older one: it is shown by a
/// copy of the agent, or by an agent that was set back.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Passes {
    /// Shown by the newest session; empty before the first.
    #[serde(default)]
    proven: String,
    /// Given to the newest session.
    #[serde(default)]
    given: String,
}

impl Passes {
    /// Whether an agent with that pass may open a session. `newest` is the number of the newest session: a pass of one
    /// that is beyond it was given before this relay itself was set back, and that must not shut out its farms.
    pub fn hold(&self, shown: &str, newest: u64) -> bool {
        shown == self.proven || shown == self.given || number(shown) > newest
    }

    /// A session is opened with that pass. Its number, which is above any before.
    pub fn open(&mut self, shown: &str, newest: u64, random: [u8; 16]) -> u64 {
        let session_no = newest.max(number(shown)) + 1;
        shown.clone_into(&mut self.proven);
        self.given = format!("{session_no}-{}", hex(&random));
        session_no
    }

    /// What the newest session is to show next.
    pub fn given(&self) -> &str {
        &self.given
    }
}

/// The number of the session that a pass was given to.
fn number(pass: &str) -> u64 {
    let no = pass.split_once('-').and_then(|(no, _)| no.parse().ok()).unwrap_or(0);
    if no < u64::from(u32::MAX) { no } else { 0 }
}

/// Why an agent that proved itself with a farm's key was not let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum WhyRefused {
    /// Two agents use one identity: this one is the copy, or the one that was copied.
    SecondAgent,
    /// Its key was replaced.
    OldKey,
}

/// An agent that was not let in, until somebody has looked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct RefusedAgent {
    /// Why.
    pub why: WhyRefused,
    /// Since when.
    pub since: Timestamp,
    /// When it came last, within some minutes.
    pub last: Timestamp,
}

/// Keys of before that an agent keeps.
const KEPT: usize = 4;

/// The keys of an agent itself: it tries them in this order, so that whatever it or its relay forgot, one opens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyRing<K> {
    /// The key that the relay knows.
    pub current: K,
    /// A new one that is durable here. Whether the relay knows it is not known yet.
    pub next: Option<K>,
    /// Those before, newest first: a relay that was set back knows only such a one.
    pub previous: Vec<K>,
}

impl<K> KeyRing<K> {
    /// A ring with one key.
    pub const fn of(current: K) -> Self {
        Self { current, next: None, previous: Vec::new() }
    }

    /// The keys in the order in which they are tried.
    pub fn in_order(&self) -> Vec<&K> {
        std::iter::once(&self.current).chain(&self.next).chain(&self.previous).collect()
    }

    /// The relay knows the new key.
    pub fn confirmed(&mut self) {
        if let Some(next) = self.next.take() {
            self.previous.insert(0, std::mem::replace(&mut self.current, next));
            self.previous.truncate(KEPT);
        }
    }

    /// A session was opened with the key at that place of the order. Whether the ring is another now.
    pub fn opened(&mut self, place: usize) -> bool {
        match (place, self.next.is_some()) {
            (0, _) => false,
            (1, true) => {
                self.confirmed();
                true
            }
            // The relay was set back: what it has forgotten is told to it again.
            (_, has_next) => {
                let at = place - 1 - usize::from(has_next);
                if at >= self.previous.len() {
                    return false;
                }
                let known = self.previous.remove(at);
                let forgotten = std::mem::replace(&mut self.current, known);
                self.next.get_or_insert(forgotten);
                true
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Timestamp = Timestamp::from_millis(1_800_000_000_000);

    fn keys() -> FarmKeys {
        FarmKeys { public_key: "a".to_owned(), ..FarmKeys::default() }
    }

    #[test]
    fn both_keys_open_until_the_new_one_has_and_the_old_one_never_again() {
        let mut keys = keys();
        keys.offer("b".to_owned(), START);
        let of = |keys: &FarmKeys, key: &str| keys.standing(|known| known == key, START);
        assert_eq!((of(&keys, "a"), of(&keys, "b"), of(&keys, "x")), (Some(Standing::Current), Some(Standing::Next), None));
        keys.open(Standing::Next);
        assert_eq!((of(&keys, "a"), of(&keys, "b")), (Some(Standing::Old), Some(Standing::Current)));
    }

    #[test]
    fn a_new_key_that_never_came_leaves_the_old_one_seven_days() {
        let mut keys = keys();
        keys.offer("b".to_owned(), START);
        keys.offer("b".to_owned(), START.plus_seconds(OVERLAP_SECONDS));
        let at = |seconds| keys.standing(|known| known == "a", START.plus_seconds(seconds));
        assert_eq!((at(OVERLAP_SECONDS - 1), at(OVERLAP_SECONDS)), (Some(Standing::Current), Some(Standing::Old)));
        let new = keys.standing(|known| known == "b", START.plus_seconds(2 * OVERLAP_SECONDS));
        assert_eq!(new, Some(Standing::Next));
    }

    #[test]
    fn however_many_passes_are_lost_on_their_way_the_one_that_the_agent_has_still_opens() {
        let (mut passes, mut newest) = (Passes::default(), 0);
        newest = passes.open("", newest, [1; 16]);
        let had = passes.given().to_owned();
        for lost in 2..10 {
            assert!(passes.hold(&had, newest), "{lost}");
            newest = passes.open(&had, newest, [lost; 16]);
        }
        assert!(passes.hold(passes.given(), newest) && !passes.hold("", newest) && !passes.hold("3-00", newest));
    }

    #[test]
    fn of_two_agents_with_one_pass_the_second_to_come_back_is_noticed() {
        let mut passes = Passes::default();
        let copied = {
            passes.open("", 0, [1; 16]);
            passes.given().to_owned()
        };
        let mut newest = passes.open(&copied, 1, [2; 16]);
        let of_the_first = passes.given().to_owned();
        // The copy looks like one that lost what it was given; but then the first shows what nobody may have.
        assert!(passes.hold(&copied, newest));
        newest = passes.open(&copied, newest, [3; 16]);
        assert!(!passes.hold(&of_the_first, newest));
    }

    #[test]
    fn a_relay_that_was_set_back_lets_its_farm_in_and_goes_on_above_its_number() {
        let mut passes = Passes::default();
        passes.open("", 4, [1; 16]);
        assert!(passes.hold("30-ff", 5) && !passes.hold("5-ff", 5) && !passes.hold("99999999999999999999-ff", 5));
        assert_eq!(passes.open("30-ff", 5, [2; 16]), 31);
    }

    #[test]
    fn a_ring_tries_what_is_known_then_what_is_new_then_what_was() {
        let mut ring = KeyRing::of('a');
        ring.next = Some('b');
        assert_eq!(ring.in_order(), [&'a', &'b']);
        assert!(!ring.opened(0) && ring.opened(1));
        assert_eq!(ring, KeyRing { current: 'b', next: None, previous: vec!['a'] });
        // The relay knows only what was: the new key is told again.
        assert!(ring.opened(1));
        assert_eq!(ring, KeyRing { current: 'a', next: Some('b'), previous: Vec::new() });
    }
}
