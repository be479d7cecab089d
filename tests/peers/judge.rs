//! The third-party client octorest, which knows nothing of us, is content with our simulator and with a
//! real OctoPrint, and sees no difference between them.

use std::process::Stdio;

use gantry_tests::counterpart::{Counterpart, Door, Simulated};
use simulators::octoprint::settings::Settings;
use tokio::process::Command;

use crate::octoprint::OctoPrint;
use crate::place;

/// What the judge saw, line by line.
async fn judged(door: Door) -> Vec<String> {
    let judge = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("simulators/judge_octorest.py");
    let mut command = Command::new(place("GANTRY_OCTOREST"));
    command.arg(judge).args([door.url, door.key]).stdin(Stdio::null()).stderr(Stdio::inherit()).kill_on_drop(true);
    let done = command.output().await.unwrap();
    let said = String::from_utf8(done.stdout).unwrap();
    assert!(done.status.success(), "the judge is not content:\n{said}");
    said.lines().map(str::to_owned).collect()
}

#[tokio::test]
async fn octorest_sees_no_difference_between_our_simulator_and_a_real_octoprint() {
    let ours = Simulated::start_with(Settings::default()).await;
    let real = OctoPrint::start();
    let (of_ours, of_real) = tokio::join!(judged(ours.door()), judged(real.door()));
    assert!(of_real.len() > 20, "{of_real:#?}");
    assert_eq!(of_ours, of_real);
}
