//! What a measure is made of: processor time of another process, places in an order, and whether a bar held.

use std::process::ExitCode;
use std::time::{Duration, Instant};

/// Clock ticks a second in `/proc`: Linux has shown 100 to programs for ever.
const TICKS: f64 = 100.0;

/// Processor time that a process used so far, its own and the kernel's for it, in seconds.
pub fn cpu_seconds(pid: u32) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    // The name in brackets may hold spaces: what counts stands after it (proc_pid_stat(5), fields 14 and 15).
    let (_, fields) = stat.rsplit_once(')').unwrap();
    let fields: Vec<&str> = fields.split_whitespace().collect();
    let ticks: f64 = [11, 12].iter().map(|at| fields[*at].parse::<f64>().unwrap()).sum();
    ticks / TICKS
}

/// The value below which that share of the samples lies; samples are put in order.
pub fn percentile(samples: &mut [Duration], share: f64) -> Duration {
    samples.sort_unstable();
    let last = samples.len() - 1;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "a place in a list")]
    let place = (last as f64 * share).ceil() as usize;
    samples[place.min(last)]
}

/// Which bars held.
#[derive(Default)]
pub struct Verdicts {
    missed: u32,
}

impl Verdicts {
    /// Prints a line and remembers whether its bar was missed.
    pub fn hold(&mut self, what: &str, seen: f64, unit: &str, bar: f64) {
        let held = seen <= bar;
        self.missed += u32::from(!held);
        println!("{} {what}: {seen:.3} {unit} (bar {bar} {unit})", if held { "ok  " } else { "MISS" });
    }

    /// How the program ends.
    pub fn end(self) -> ExitCode {
        if self.missed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }
}

/// Now.
#[expect(clippy::disallowed_methods, reason = "what is measured is real time")]
pub fn now() -> Instant {
    Instant::now()
}
