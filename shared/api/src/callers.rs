//! Callers that were looked up lately, so that a key that calls often is not read out of the database each time. What is kept counts only
//! as long as nothing was committed since it was read: whoever is revoked or narrowed is looked up again at the next call.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use domain::network::Network;
use domain::time::Timestamp;

use crate::auth::Caller;

/// Callers that are kept at the most. With more of them all are looked up again: no order is worth its bookkeeping here.
const MOST: usize = 16_384;

/// Somebody as they were found.
#[derive(Debug, Clone)]
pub struct Known {
    /// From where they may come; empty = from anywhere.
    pub networks: Vec<Network>,
    /// Who it is, and what they may do.
    pub caller: Caller,
    /// What was found changes by commits and by the end of the credential alone.
    pub keeps: bool,
}

#[derive(Default)]
struct Kept {
    commits: u64,
    found: HashMap<[u8; 32], Known>,
}

/// Who was looked up since the last commit.
#[derive(Default)]
pub struct Callers(Mutex<Kept>);

impl Callers {
    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Who that credential is, if it was looked up at that count of commits and has not ended.
    pub fn find(&self, commits: u64, hash: &[u8; 32], now: Timestamp) -> Option<Known> {
        let kept = self.lock();
        let found = kept.found.get(hash).filter(|_| kept.commits == commits);
        found.filter(|found| found.caller.expires_at.is_none_or(|end| now < end)).cloned()
    }

    /// Keeps who was looked up after that count was read.
    pub fn keep(&self, commits: u64, hash: [u8; 32], found: &Known) {
        if !found.keeps {
            return;
        }
        let mut kept = self.lock();
        if kept.commits != commits || kept.found.len() >= MOST {
            // A slow reader must not bring back what stood before a commit.
            if kept.commits > commits {
                return;
            }
            kept.commits = commits;
            kept.found.clear();
        }
        kept.found.insert(hash, found.clone());
    }
}

#[cfg(test)]
mod tests {
    use domain::access::Grants;
    use domain::actor::{Actor, ActorKind};
    use domain::id::{Id, StoreId};

    use super::*;

    const START: Timestamp = Timestamp::from_millis(1_800_000_000_000);

    fn found(ends: Option<Timestamp>) -> Known {
        let caller = Caller {
            actor: Actor::new(ActorKind::ApiKey, "key_1"),
            grants: Grants::owner(),
            store: StoreId::new(START, [1; 10]),
            session: None,
            expires_at: ends,
            credential: [1; 32],
            from: None,
            limit: None,
            test: false,
        };
        Known { networks: Vec::new(), caller, keeps: true }
    }

    #[test]
    fn a_caller_is_kept_until_the_next_commit_and_no_longer_than_its_credential() {
        let callers = Callers::default();
        callers.keep(7, [1; 32], &found(Some(START.plus_seconds(10))));
        assert!(callers.find(7, &[1; 32], START).is_some());
        assert!(callers.find(7, &[2; 32], START).is_none());
        assert!(callers.find(8, &[1; 32], START).is_none(), "something was committed");
        assert!(callers.find(7, &[1; 32], START.plus_seconds(10)).is_none(), "it has ended");
    }

    #[test]
    fn what_was_read_before_a_commit_is_not_kept_after_it() {
        let callers = Callers::default();
        callers.keep(8, [2; 32], &found(None));
        callers.keep(7, [1; 32], &found(None));
        assert!(callers.find(7, &[1; 32], START).is_none());
        assert!(callers.find(8, &[1; 32], START).is_none());
        assert!(callers.find(8, &[2; 32], START).is_some());
    }

    #[test]
    fn who_depends_on_more_than_commits_is_looked_up_each_time() {
        let callers = Callers::default();
        callers.keep(7, [1; 32], &Known { keeps: false, ..found(None) });
        assert!(callers.find(7, &[1; 32], START).is_none());
    }

    #[test]
    fn no_flood_of_keys_takes_memory_without_end() {
        let callers = Callers::default();
        for n in 0..MOST + 10 {
            let mut hash = [0; 32];
            hash.iter_mut().zip(n.to_be_bytes()).for_each(|(to, from)| *to = from);
            callers.keep(7, hash, &found(None));
        }
        assert!(callers.lock().found.len() <= MOST);
    }
}
