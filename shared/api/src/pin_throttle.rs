//! Slows down who guesses PINs: each wrong one makes the next wait longer, for the address that it came from and for the
//! operator that it was meant for. The owner's password is not concerned. How many tries there are at all is counted in the database.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use contract::problem::Problem;
use domain::id::OperatorId;
use domain::time::Timestamp;

use crate::auth::network;

/// Whose wrong PINs are counted together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tries {
    /// All that came from an address.
    Address(Option<IpAddr>),
    /// All for an operator, from browsers that they did not use before.
    Operator(OperatorId),
    /// All from a browser that they used before.
    Known([u8; 32]),
}

/// Wrong PINs and how long to wait for the next.
#[derive(Debug, Default)]
pub struct PinThrottle(Mutex<BTreeMap<Tries, Wrong>>);

#[derive(Debug, Clone, Copy)]
struct Wrong {
    times: u32,
    next_at: Timestamp,
}

/// So many wrong ones without a wait.
const FREE: u32 = 3;
/// The first wait; each further one is twice as long.
const FIRST_WAIT_SECONDS: i64 = 5;
/// The longest wait.
const LONGEST_WAIT_SECONDS: i64 = 300;
/// After so long without a try all is forgotten.
const FORGET_SECONDS: i64 = 3600;

impl PinThrottle {
    /// What is counted of a try. A browser that the operator used before stands apart from everybody else.
    pub fn counted(operator: OperatorId, known: Option<[u8; 32]>, from: Option<IpAddr>) -> Vec<Tries> {
        match known {
            Some(hash) => vec![Tries::Known(hash)],
            None => vec![Tries::Address(from.map(network)), Tries::Operator(operator)],
        }
    }

    /// Takes a try, before it is known whether it is right.
    ///
    /// # Errors
    /// `rate_limited` while one of them has to wait; then none is taken.
    pub fn take(&self, counted: &[Tries], now: Timestamp) -> Result<(), Problem> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|_, wrong| now.millis_since(wrong.next_at) < FORGET_SECONDS * 1000);
        let wait = counted.iter().filter_map(|tries| all.get(tries)).map(|wrong| wrong.next_at.millis_since(now)).max();
        if let Some(millis) = wait.filter(|millis| *millis > 0) {
            let problem = Problem::wait(millis);
            let seconds = problem.retry_after_seconds.unwrap_or_default();
            return Err(problem.detail(format!("too many wrong PINs: try again in {seconds} s")));
        }
        for tries in counted {
            let wrong = all.entry(*tries).or_insert(Wrong { times: 0, next_at: now });
            wrong.times += 1;
            wrong.next_at = now.plus_seconds(wait_after(wrong.times));
        }
        Ok(())
    }

    /// It was right. What was wrong before is forgotten, but for the address: with a right PIN of one's own nobody wins tries
    /// for another's.
    pub fn right(&self, counted: &[Tries], now: Timestamp) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for tries in counted {
            match tries {
                Tries::Operator(_) | Tries::Known(_) => drop(all.remove(tries)),
                Tries::Address(_) => {
                    if let Some(wrong) = all.get_mut(tries) {
                        *wrong = Wrong { times: wrong.times.saturating_sub(1), next_at: now };
                    }
                }
            }
        }
    }
}

fn wait_after(wrong: u32) -> i64 {
    let doubled = wrong.checked_sub(FREE).map(|more| FIRST_WAIT_SECONDS << more.min(16));
    doubled.map_or(0, |seconds| seconds.min(LONGEST_WAIT_SECONDS))
}

#[cfg(test)]
mod tests {
    use domain::id::Id;

    use super::*;

    fn start() -> Timestamp {
        Timestamp::from_millis(1_000_000)
    }

    fn operator(n: u8) -> OperatorId {
        OperatorId::new(start(), [n; 10])
    }

    fn from(n: u8) -> Option<IpAddr> {
        Some(IpAddr::from([192, 168, 1, n]))
    }

    #[test]
    fn the_wait_after_a_wrong_pin_grows_up_to_five_minutes() {
        let waits: Vec<i64> = (1..12).map(wait_after).collect();
        assert_eq!(waits, [0, 0, 5, 10, 20, 40, 80, 160, 300, 300, 300]);
        assert_eq!(wait_after(u32::MAX), 300);
    }

    #[test]
    fn an_operator_who_is_guessed_at_from_many_addresses_waits_and_another_does_not() {
        let throttle = PinThrottle::default();
        for n in 0..3 {
            throttle.take(&PinThrottle::counted(operator(1), None, from(n)), start()).unwrap();
        }
        assert!(throttle.take(&PinThrottle::counted(operator(1), None, from(9)), start()).is_err());
        assert!(throttle.take(&PinThrottle::counted(operator(2), None, from(9)), start()).is_ok());
        assert!(throttle.take(&PinThrottle::counted(operator(1), None, from(9)), start().plus_seconds(5)).is_ok());
    }

    #[test]
    fn an_address_that_guesses_at_many_operators_waits_and_another_does_not() {
        let throttle = PinThrottle::default();
        for n in 0..3 {
            throttle.take(&PinThrottle::counted(operator(n), None, from(1)), start()).unwrap();
        }
        assert!(throttle.take(&PinThrottle::counted(operator(9), None, from(1)), start()).is_err());
        assert!(throttle.take(&PinThrottle::counted(operator(9), None, from(2)), start()).is_ok());
    }

    #[test]
    fn a_browser_that_was_used_before_does_not_wait_for_the_guesses_of_others() {
        let throttle = PinThrottle::default();
        while throttle.take(&PinThrottle::counted(operator(1), None, from(1)), start()).is_ok() {}
        let known = PinThrottle::counted(operator(1), Some([1; 32]), from(1));
        for _ in 0..3 {
            throttle.take(&known, start()).unwrap();
        }
        assert!(throttle.take(&known, start()).is_err());
    }

    #[test]
    fn a_right_pin_forgets_the_operators_wrong_ones_and_not_the_addresss() {
        let throttle = PinThrottle::default();
        for n in [1, 1, 2] {
            throttle.take(&PinThrottle::counted(operator(n), None, from(1)), start()).unwrap();
        }
        throttle.right(&PinThrottle::counted(operator(2), None, from(1)), start());
        throttle.take(&PinThrottle::counted(operator(2), None, from(1)), start()).unwrap();
        assert!(throttle.take(&PinThrottle::counted(operator(2), None, from(1)), start()).is_err(), "three of that address");
    }
}
