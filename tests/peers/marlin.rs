//! The serial line against boards and hosts of others: our driver prints on OctoPrint's virtual printer, and printrun's printcore, which
//! knows nothing of us, sees no difference between that and our simulated board.

use std::fmt::Write as _;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use domain::attempt::{CancelReason, End, FailureReason, PauseReason};
use domain::id::{CommandId, Id as _};
use domain::printer::Activity;
use drivers::LinkSpec;
use drivers::contract::{LinkProblem, Order, Report};
use gantry_tests::driven::{Driven, Shelf};
use serde_json::{Value, json};
use simulators::marlin::settings::Settings;
use simulators::marlin::shell::MarlinSim;
use tempfile::TempDir;

use crate::{place, script};

/// OctoPrint's virtual printer behind a pseudo-terminal, as long as this value lives.
struct VirtualBoard {
    path: PathBuf,
    owner: Child,
    _folder: TempDir,
}

impl VirtualBoard {
    fn start(settings: &Value) -> Self {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("usb-virtual");
        // Its Python stands beside its program.
        let python = Path::new(&place("GANTRY_OCTOPRINT")).with_file_name("python");
        let mut owner = Command::new(python)
            // Another script beside it has the name of its package.
            .arg("-P")
            .arg(script("virtual_board.py"))
            .arg("--path")
            .arg(&path)
            .args(["--settings", &settings.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(owner.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert!(line.contains("path"), "the virtual printer did not start");
        Self { path, owner, _folder: folder }
    }

    fn address(&self) -> String {
        format!("{}@115200", self.path.display())
    }

    fn reset(&self) {
        let sent = Command::new("kill").args(["-USR1", &self.owner.id().to_string()]).status().unwrap();
        assert!(sent.success());
    }
}

impl Drop for VirtualBoard {
    fn drop(&mut self) {
        drop(self.owner.stdin.take());
        let _ = self.owner.wait();
    }
}

/// What the judge saw, line by line.
async fn judged(path: &Path) -> Vec<String> {
    let judge = Path::new(env!("CARGO_MANIFEST_DIR")).join("simulators/judge_printcore.py");
    let mut command = tokio::process::Command::new(place("GANTRY_PRINTRUN"));
    command.arg(judge).arg(path).stdin(Stdio::null()).stderr(Stdio::inherit()).kill_on_drop(true);
    let done = command.output().await.unwrap();
    let said = String::from_utf8(done.stdout).unwrap();
    assert!(done.status.success(), "the judge is not content:\n{said}");
    said.lines().map(str::to_owned).collect()
}

#[tokio::test]
async fn printcore_sees_no_difference_between_our_simulator_and_octoprints_virtual_printer() {
    let folder = TempDir::new().unwrap();
    let ours =
        MarlinSim::start(&folder.path().join("usb-ours"), Settings { degrees_per_second: 100, ..Settings::default() }).unwrap();
    let theirs = VirtualBoard::start(&json!({}));
    let (of_ours, of_theirs) = tokio::join!(judged(&ours.path), judged(&theirs.path));
    assert!(of_ours.len() > 15, "{of_ours:#?}");
    assert_eq!(of_ours, of_theirs);
    let counters = ours.control.counters().await;
    assert_eq!((counters.resends, counters.overflown), (0, 0));
    ours.stop().await;
}

/// A print of some seconds: moves take the virtual printer no time.
fn file(pauses: u32) -> String {
    let mut text = "; a file\nG21\nG90\nM83\nG28\nM104 S60\nM109 S60\nG1 F1800\n".to_owned();
    for at in 0..pauses {
        writeln!(text, "G1 X{} Y{} E0.0{}\nG4 P100", at % 200, at / 200, at % 9 + 1).unwrap();
    }
    text + "M104 S0\n"
}

#[tokio::test]
async fn octoprints_virtual_printer_is_tested_printed_on_paused_cancelled_and_reset() {
    let board = VirtualBoard::start(&json!({}));
    let shelf = Shelf::new(1);
    let spec =
        |address: String| LinkSpec { driver: "marlin".to_owned(), address, credential: None, serial: None, certificate: None };
    let nobody = drivers::probe(&spec("/dev/serial/by-id/usb-nobody".to_owned()), shelf.outside(), Duration::from_secs(20)).await;
    assert!(matches!(nobody, Err(LinkProblem::Unreachable { .. })), "{nobody:?}");
    let found = drivers::probe(&spec(board.address()), shelf.outside(), Duration::from_secs(20)).await.unwrap();
    assert!(found.firmware.is_some() && found.activity == Activity::Idle, "{found:?}");

    let mut driven = Driven::new("marlin", &board.address(), &shelf);
    driven.sees(|seen| seen.activity == Activity::Idle).await;
    let first = shelf.lay(1, &file(80));
    driven.print(&first).await;
    driven.sees(|seen| seen.activity == Activity::Printing && seen.telemetry.progress > Some(0.1)).await;
    let command = CommandId::derived([9; 32]);
    driven.order(Order::Pause { command, token: first.token.clone() }).await;
    driven.tells(|report| *report == Report::Acted { command, outcome: Ok(()) }).await;
    let seen = driven.sees(|seen| seen.activity == Activity::Paused).await;
    assert_eq!(seen.print.and_then(|print| print.paused), Some(PauseReason::User));
    driven.order(Order::Resume { command, token: first.token.clone() }).await;
    driven.tells(|report| *report == Report::Acted { command, outcome: Ok(()) }).await;
    assert_eq!(driven.ends(&first).await, End::Completed { inferred: false });

    let second = shelf.lay(2, &file(2_000));
    driven.print(&second).await;
    driven.sees(|seen| seen.activity == Activity::Printing).await;
    driven.order(Order::Cancel { command: Some(command), token: second.token.clone() }).await;
    assert_eq!(driven.ends(&second).await, End::Cancelled(CancelReason::Requested));
    // It names no target that is nought.
    let is_off = |target: Option<f64>| target.is_none_or(|target| target == 0.0);
    driven.sees(|seen| seen.telemetry.nozzles.first().is_some_and(|nozzle| is_off(nozzle.target_celsius))).await;

    let third = shelf.lay(3, &file(2_000));
    driven.print(&third).await;
    driven.sees(|seen| seen.activity == Activity::Printing).await;
    board.reset();
    assert_eq!(driven.ends(&third).await, End::Failed(FailureReason::PrinterError));
    driven.sees(|seen| seen.activity == Activity::Idle).await;
    assert_eq!(driven.ends_told(), 3);
}

#[tokio::test]
async fn on_a_line_with_its_own_errors_octoprints_virtual_printer_is_printed_on_to_the_end() {
    let settings = json!({"simulated_errors": ["100:resend", "105:resend_with_timeout", "110:missing_lineno", "115:checksum_mismatch"],
        "okFormatString": "ok", "sendWait": true, "waitInterval": 1.0});
    let board = VirtualBoard::start(&settings);
    // Its errors with a timeout are waited out.
    let shelf = Shelf::new(4);
    let mut driven = Driven::new("marlin", &board.address(), &shelf);
    driven.sees(|seen| seen.activity == Activity::Idle).await;
    let print = shelf.lay(1, &file(100));
    driven.print(&print).await;
    assert_eq!(driven.ends(&print).await, End::Completed { inferred: false });
}
