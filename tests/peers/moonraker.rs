//! A real Moonraker with Klipper on a stand-in board, owned by the story that started it; and the
//! third-party client moonraker-api, which knows nothing of us, sees no difference between it and our simulator.

use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};

use gantry_tests::counterpart::Door;
use gantry_tests::until_it_holds;
use simulators::moonraker::settings::Settings;
use simulators::moonraker::shell::MoonrakerSim;
use tempfile::TempDir;

use crate::{place, script};

/// Running, and Klipper ready, as long as this value lives.
pub struct Moonraker {
    pub door: Door,
    owner: Child,
    _folder: TempDir,
}

impl Moonraker {
    pub fn start() -> Self {
        let folder = TempDir::new().unwrap();
        let mut owner = Command::new(place("GANTRY_PYTHON"))
            .arg(script("moonraker.py"))
            .args(["--moonraker", &place("GANTRY_MOONRAKER"), "--kalico", &place("GANTRY_KALICO"), "--folder"])
            .arg(folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(owner.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let door = serde_json::from_str(&line).expect("it says on standard error why it did not start");
        Self { door, owner, _folder: folder }
    }
}

impl Drop for Moonraker {
    fn drop(&mut self) {
        drop(self.owner.stdin.take());
        let _ = self.owner.wait();
    }
}

#[test]
fn a_real_moonraker_runs_for_the_length_of_a_story_and_no_longer() {
    let moonraker = Moonraker::start();
    let address = moonraker.door.url.strip_prefix("http://").unwrap().to_owned();
    assert_eq!(moonraker.door.key.len(), 32);
    assert!(TcpStream::connect(&address).is_ok());
    drop(moonraker);
    assert!(TcpStream::connect(&address).is_err());
}

/// What the judge saw, line by line.
async fn judged(address: &str) -> Vec<String> {
    let judge = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("simulators/judge_moonraker.py");
    let (host, port) = address.split_once(':').unwrap();
    let mut command = tokio::process::Command::new(place("GANTRY_MOONRAKER_API"));
    command.arg(judge).args([host, port]).stdin(Stdio::null()).stderr(Stdio::inherit()).kill_on_drop(true);
    let done = command.output().await.unwrap();
    let said = String::from_utf8(done.stdout).unwrap();
    assert!(done.status.success(), "the judge is not content:\n{said}");
    said.lines().map(str::to_owned).collect()
}

#[tokio::test]
async fn moonraker_api_sees_no_difference_between_our_simulator_and_a_real_moonraker() {
    let ours = MoonrakerSim::start(SocketAddr::from(([127, 0, 0, 1], 0)), Settings::default()).await.unwrap();
    until_it_holds("a simulated Klipper that is ready", async || ours.control.state().await == "standby").await;
    let real = Moonraker::start();
    let (at_ours, at_real) = (ours.address.to_string(), real.door.url.strip_prefix("http://").unwrap());
    let (of_ours, of_real) = tokio::join!(judged(&at_ours), judged(at_real));
    assert!(of_real.len() > 20, "{of_real:#?}");
    assert_eq!(of_ours, of_real);
}
