//! Hundreds of bad nights.

use crate::world::World;

#[test]
fn whatever_the_link_does_the_copy_converges_and_nothing_is_lost_doubled_or_late() {
    let mut seen = crate::world::Seen::default();
    for seed in 1..=240 {
        seen.add(&World::night(seed));
    }
    // A simulation in which nothing goes wrong proves nothing.
    assert!(seen.cuts > 300 && seen.crashes > 100 && seen.dropped > 300 && seen.epochs > 10, "{seen:?}");
    assert!(seen.repeated_requests > 10 && seen.calls_run > 300 && seen.unanswered > 100 && seen.sweeps > 10, "{seen:?}");
    assert!(seen.rolled > 100 && seen.tried_again > 3, "{seen:?}");
}
