//! Passwords of people: argon2id, 19 MiB, two rounds. Slow on purpose, so never on the writer's thread.

use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Argon2, PasswordHash};
use contract::problem::{Code, Problem};
use domain::secret::Secret;
use store::Entropy;
use tokio::sync::Semaphore;

use crate::entropy::SystemEntropy;

/// The shortest password.
const SHORTEST: usize = 10;
/// The longest password: enough for any sentence.
const LONGEST: usize = 200;

/// How many are worked on at once: each takes 19 MiB and a core, and anybody may ask for one.
static AT_ONCE: Semaphore = Semaphore::const_new(2);

async fn slowly<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    let _turn = AT_ONCE.acquire().await.ok()?;
    tokio::task::spawn_blocking(work).await.ok()
}

/// Hashes a password that somebody chose.
///
/// # Errors
/// `invalid_request` if it is too short or too long.
pub async fn chosen(password: &Secret<String>) -> Result<String, Problem> {
    if !(SHORTEST..=LONGEST).contains(&password.expose().chars().count()) {
        return Err(Problem::field("/password", "invalid", format!("must have {SHORTEST} to {LONGEST} characters")));
    }
    let mut salt = [0; 16];
    SystemEntropy.fill(&mut salt);
    hash(password.expose().clone(), salt).await
}

/// Hashes a password.
///
/// # Errors
/// `internal` if the hash cannot be made.
pub async fn hash(password: String, salt: [u8; 16]) -> Result<String, Problem> {
    let hashed =
        slowly(move || Argon2::default().hash_password_with_salt(password.as_bytes(), &salt).ok().map(|hash| hash.to_string()));
    hashed.await.flatten().ok_or_else(|| Problem::new(Code::Internal).detail("the password could not be hashed"))
}

/// Whether a password fits its hash. Without a hash it takes as long, and does not fit.
pub async fn fits(password: String, hash: Option<String>) -> bool {
    let known = hash.is_some();
    // The hash of nothing anybody can type: so that a farm without a password answers as slowly.
    let hash = hash.unwrap_or_else(|| {
        "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA".to_owned()
    });
    let checked = slowly(move || {
        PasswordHash::new(&hash).is_ok_and(|hash| Argon2::default().verify_password(password.as_bytes(), &hash).is_ok())
    });
    checked.await.unwrap_or(false) && known
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_the_same_password_fits() {
        let hash = hash("correct horse".into(), [7; 16]).await.unwrap();
        assert!(fits("correct horse".into(), Some(hash.clone())).await);
        assert!(!fits("wrong horse".into(), Some(hash)).await);
        assert!(!fits("anything".into(), None).await);
    }
}
