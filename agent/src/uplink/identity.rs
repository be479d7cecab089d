//! The agent's own key pairs (Ed25519): the one that its relay knows, a new one that is to take its place, and those before.
//! Their private halves never leave the machine. All are in one file, which is replaced whole: whatever dies when, a key is
//! left that the relay knows.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use domain::hex::{hex, unhex};
use domain::id::FarmId;
use domain::pairing::KeyRing;
use domain::time::Timestamp;
use ring::rand::SystemRandom;
use ring::signature::{Ed25519KeyPair, KeyPair};
use serde::{Deserialize, Serialize};
use sync::frame::Rekey;
use tokio::sync::Notify;

/// The file. Before the first new key it holds the PKCS#8 document of the only one; afterwards JSON.
const FILE: &str = "agent.key";

/// A key pair as its PKCS#8 document.
#[derive(Clone, PartialEq, Eq)]
struct Pair(Vec<u8>);

impl Pair {
    fn new() -> std::io::Result<Self> {
        let document = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new());
        document.map(|pair| Self(pair.as_ref().to_vec())).map_err(|_| std::io::Error::other("no key could be made"))
    }

    fn open(&self) -> std::io::Result<Ed25519KeyPair> {
        Ed25519KeyPair::from_pkcs8(&self.0).map_err(|_| std::io::Error::other("agent.key holds no Ed25519 key"))
    }

    fn public_key(&self) -> Vec<u8> {
        self.open().map(|pair| pair.public_key().as_ref().to_vec()).unwrap_or_default()
    }

    fn sign(&self, message: &[u8]) -> String {
        self.open().map(|pair| hex(pair.sign(message).as_ref())).unwrap_or_default()
    }
}

/// The file as JSON, keys in hex.
#[derive(Serialize, Deserialize)]
struct Kept {
    current: String,
    made_at: Option<Timestamp>,
    next: Option<String>,
    previous: Vec<String>,
}

struct Keys {
    ring: KeyRing<Pair>,
    made_at: Option<Timestamp>,
    /// Which one is tried.
    place: usize,
}

/// Proves who this agent is.
pub struct Identity {
    folder: PathBuf,
    keys: Mutex<Keys>,
    made: Notify,
}

impl Identity {
    /// The keys of that data folder; a new one is made.
    ///
    /// # Errors
    /// What the file system says; a file that holds no key.
    pub fn open(folder: &Path) -> std::io::Result<Self> {
        let file = api::installation::secret_file(folder, FILE, || Pair::new().map(|pair| pair.0))?;
        let (ring, made_at) = read(file)?;
        for pair in ring.in_order() {
            pair.open()?;
        }
        Ok(Self { folder: folder.to_owned(), keys: Mutex::new(Keys { ring, made_at, place: 0 }), made: Notify::new() })
    }

    /// The public half of the key that the relay knows.
    pub fn public_key(&self) -> Vec<u8> {
        self.keys().ring.current.public_key()
    }

    /// When that key was made; none if it is the first.
    pub fn made_at(&self) -> Option<Timestamp> {
        self.keys().made_at
    }

    /// A signature by that key, in hex.
    pub fn sign(&self, message: &[u8]) -> String {
        self.keys().ring.current.sign(message)
    }

    /// A signature by the key whose turn it is to be tried, in hex.
    pub fn sign_in_turn(&self, message: &[u8]) -> String {
        let keys = self.keys();
        let order = keys.ring.in_order();
        order.get(keys.place).or(order.first()).map(|pair| pair.sign(message)).unwrap_or_default()
    }

    /// The relay did not take that key: the turn is the next one's. False if there is none left; then it begins again.
    pub fn try_another(&self) -> bool {
        let mut keys = self.keys();
        let left = keys.place + 1 < keys.ring.in_order().len();
        keys.place = if left { keys.place + 1 } else { 0 };
        left
    }

    /// The relay took that key.
    ///
    /// # Errors
    /// What the file system says.
    pub fn taken(&self) -> std::io::Result<()> {
        let mut keys = self.keys();
        let (mut ring, place) = (keys.ring.clone(), std::mem::take(&mut keys.place));
        if ring.opened(place) { self.keep(&mut keys, ring, None) } else { Ok(()) }
    }

    /// Makes a new key, unless one waits already, and keeps it durably beside the old one. Its public half.
    ///
    /// # Errors
    /// What the file system says; then there is none.
    pub fn make_next(&self) -> std::io::Result<Vec<u8>> {
        let mut keys = self.keys();
        if let Some(next) = &keys.ring.next {
            return Ok(next.public_key());
        }
        let next = Pair::new()?;
        let public_key = next.public_key();
        let ring = KeyRing { next: Some(next), ..keys.ring.clone() };
        let made_at = keys.made_at;
        self.keep(&mut keys, ring, made_at)?;
        self.made.notify_one();
        Ok(public_key)
    }

    /// Waits until a new key is made.
    pub async fn made(&self) {
        self.made.notified().await;
    }

    /// What the relay is told of a new key, if one waits.
    pub fn rekey(&self, relay: &str, farm: FarmId) -> Option<Rekey> {
        let keys = self.keys();
        let next = keys.ring.next.as_ref()?;
        let public_key = hex(&next.public_key());
        let signed = Rekey::signed(relay, farm, &public_key);
        Some(Rekey { by_old: keys.ring.current.sign(&signed), by_new: next.sign(&signed), public_key })
    }

    /// The relay knows that new key: it opens the next session. False if it is not the one that waits.
    ///
    /// # Errors
    /// What the file system says; then the old one still opens it too.
    pub fn confirmed(&self, public_key: &str, now: Timestamp) -> std::io::Result<bool> {
        let mut keys = self.keys();
        if keys.ring.next.as_ref().is_none_or(|next| hex(&next.public_key()) != public_key) {
            return Ok(false);
        }
        let mut ring = keys.ring.clone();
        ring.confirmed();
        self.keep(&mut keys, ring, Some(now)).map(|()| true)
    }

    fn keep(&self, keys: &mut Keys, ring: KeyRing<Pair>, made_at: Option<Timestamp>) -> std::io::Result<()> {
        let text = |pair: &Pair| hex(&pair.0);
        let kept = Kept {
            current: text(&ring.current),
            made_at,
            next: ring.next.as_ref().map(text),
            previous: ring.previous.iter().map(text).collect(),
        };
        let kept = serde_json::to_vec(&kept).map_err(std::io::Error::other)?;
        api::installation::replace_secret_file(&self.folder, FILE, &kept)?;
        keys.ring = ring;
        keys.made_at = made_at;
        Ok(())
    }

    fn keys(&self) -> MutexGuard<'_, Keys> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn read(file: Vec<u8>) -> std::io::Result<(KeyRing<Pair>, Option<Timestamp>)> {
    if file.first() != Some(&b'{') {
        return Ok((KeyRing::of(Pair(file)), None));
    }
    let Kept { current, made_at, next, previous } = serde_json::from_slice(&file).map_err(std::io::Error::other)?;
    let pair = |text: String| unhex(&text).map(Pair).ok_or_else(|| std::io::Error::other("agent.key holds what is no key"));
    let previous = previous.into_iter().map(pair).collect::<Result<_, _>>()?;
    Ok((KeyRing { current: pair(current)?, next: next.map(pair).transpose()?, previous }, made_at))
}

#[cfg(test)]
mod tests {
    use domain::id::Id;
    use ring::signature::{ED25519, UnparsedPublicKey};

    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_900_000_000_000);

    fn is_by(public_key: &[u8], message: &[u8], signature: &str) -> bool {
        UnparsedPublicKey::new(&ED25519, public_key).verify(message, &unhex(signature).unwrap()).is_ok()
    }

    #[test]
    fn the_key_is_made_once_and_its_signature_is_checked_by_its_public_half() {
        let folder = tempfile::tempdir().unwrap();
        let made = Identity::open(folder.path()).unwrap();
        let again = Identity::open(folder.path()).unwrap();
        assert_eq!(made.public_key(), again.public_key());
        let signature = again.sign(b"hello");
        assert!(is_by(&made.public_key(), b"hello", &signature) && !is_by(&made.public_key(), b"goodbye", &signature));
    }

    #[test]
    fn at_each_moment_of_a_roll_a_restart_finds_the_key_that_the_relay_knows() {
        let folder = tempfile::tempdir().unwrap();
        let (open, farm) = (|| Identity::open(folder.path()).unwrap(), FarmId::new(NOW, [1; 10]));
        let first = open().public_key();
        open().make_next().unwrap();
        // Made and not told: the old one is tried first, and the new one is there to be told.
        let told = open().rekey("relay", farm).unwrap();
        assert_eq!(open().rekey("relay", farm).unwrap().public_key, told.public_key);
        assert!(is_by(&first, b"m", &open().sign_in_turn(b"m")));
        let signed = Rekey::signed("relay", farm, &told.public_key);
        let next = unhex(&told.public_key).unwrap();
        assert!(is_by(&first, &signed, &told.by_old) && is_by(&next, &signed, &told.by_new));
        // Told, and the relay's word did not come: if it takes the old one no more, it takes the new one.
        let restarted = open();
        assert!(restarted.try_another() && is_by(&next, b"m", &restarted.sign_in_turn(b"m")));
        restarted.taken().unwrap();
        assert_eq!((open().public_key(), open().rekey("relay", farm)), (next.clone(), None));
        // A relay that was set back knows only the old one: it opens, and the new one is told again.
        let later = open();
        assert!(later.try_another());
        later.taken().unwrap();
        assert_eq!((open().public_key(), open().rekey("relay", farm).unwrap().public_key), (first, told.public_key.clone()));
        assert!(!open().confirmed("00", NOW).unwrap() && open().confirmed(&told.public_key, NOW).unwrap());
        assert_eq!((open().public_key(), open().made_at()), (next, Some(NOW)));
        assert!(!folder.path().join("agent.key.new").exists());
    }
}
