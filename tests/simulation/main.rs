//! The farm in one process, on a clock that jumps, with power that goes at any moment. The real store, the
//! real cores and the real dispatch meet simulated printers, people and bad luck; whatever happens,
//! nothing is printed twice and nothing is started on a bed that is not clear.

#[cfg(test)]
mod agent;
#[cfg(test)]
mod book;
#[cfg(test)]
mod dice;
#[cfg(test)]
mod fate;
#[cfg(test)]
mod line;
#[cfg(test)]
mod machine;
#[cfg(test)]
mod owner;
#[cfg(test)]
mod phases;
#[cfg(test)]
mod regressions;
#[cfg(test)]
mod setup;
#[cfg(test)]
mod sim;
#[cfg(test)]
mod world;

use phases::{Phase, Reached};
use sim::Brand;
use world::World;

fn run(seed: u64, brand: Brand) -> Reached {
    let mut world = World::new(seed, brand);
    world.run();
    assert!(world.steps >= 400, "seed {seed}: only {} steps", world.steps);
    world.reached
}

#[test]
fn a_power_cut_at_any_moment_breaks_no_rule() {
    cut_at_any_moment(Brand::OctoPrint);
}

#[test]
fn a_power_cut_at_any_moment_breaks_no_rule_with_prusalinks() {
    cut_at_any_moment(Brand::PrusaLink);
}

/// 50 runs; all of 500 with `GANTRY_FULL=1`; the one of `GANTRY_SEED`.
#[expect(clippy::print_stdout, reason = "what was reached is shown to who runs it")]
fn cut_at_any_moment(brand: Brand) {
    if let Ok(seed) = std::env::var("GANTRY_SEED") {
        let reached = run(seed.parse().expect("GANTRY_SEED is a number"), brand);
        println!("{reached:#?}");
        return;
    }
    let runs = if std::env::var_os("GANTRY_FULL").is_some() { 500 } else { 50 };
    let mut reached = Reached::default();
    for seed in 0..runs {
        let of_run = run(seed, brand);
        assert!(of_run.other.contains_key("cut"), "seed {seed}: the power never went");
        reached.add(&of_run);
    }
    println!("{runs} runs with {brand:?}: {reached:#?}");
    for phase in Phase::ALL {
        assert!(reached.cuts.contains_key(&phase), "the power never went in {phase:?}");
    }
}
