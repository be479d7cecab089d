//! Two clients that other people wrote for Bambu Lab's printers are content with our simulator. There is no real printer to compare
//! with: what they must see is written here. They have the printers' ports built in, so each printer has an address of its own, and the
//! story is told by root.

use std::net::Ipv4Addr;
use std::process::Stdio;

use simulators::bambu::identity::Identity;
use simulators::bambu::settings::{Model, Settings};
use simulators::bambu::shell::{BambuSim, Places};
use tokio::process::Command;

use crate::place;

/// What a judge says of a printer of that model, line by line.
async fn judged(script: &str, model: Model, address: Ipv4Addr) -> Vec<String> {
    let settings = Settings { degrees_per_second: 1000, ..Settings::of(model, 7) };
    let (serial, code) = (settings.serial.clone(), settings.access_code.clone());
    let identity = Identity::make(&serial).unwrap();
    let printer = BambuSim::start(Places::standard(address), &identity, settings).await;
    let printer = printer.expect("the standard ports are there for root alone, and nobody else has them");
    let judge = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("simulators").join(script);
    let mut command = Command::new(place("GANTRY_BAMBU_CLIENTS"));
    command.arg(judge).args([address.to_string(), serial, code]).stdin(Stdio::null()).stderr(Stdio::inherit()).kill_on_drop(true);
    let done = command.output().await.unwrap();
    let said = String::from_utf8(done.stdout).unwrap();
    assert!(done.status.success(), "the judge is not content:\n{said}");
    let counters = printer.control.counters().await;
    assert_eq!((counters.prints_done, counters.prints_cancelled, counters.uploads), (1, 1, 1));
    printer.stop().await;
    said.lines().map(str::to_owned).collect()
}

#[tokio::test]
async fn bambulabs_api_takes_our_simulator_through_uploads_prints_refusals_and_pictures() {
    let said = judged("judge_bambulabs_api.py", Model::P1s, Ipv4Addr::new(127, 0, 9, 1)).await;
    let expected = "wrong code: False
connected: IDLE IDLE 01.08.02.00
spools: {0: ('PLA', 'FF6A13FF', 'GFA00'), 1: ('PLA', '00AE42FF', 'GFA00'), 2: ('PLA', '000000FF', 'GFA00')}
house: on 0.4 100 -45dBm
upload: 226 Transfer complete.
listed: 226 Transfer complete. ['cache', 'image', 'ipcam', 'judge.gcode.3mf', 'logger', 'timelapse']
downloaded: True
running: judge judge.gcode.3mf local
heat: 220.0 55.0
progress: True 12 1
second start: 05004004 RUNNING
paused: PAUSED_USER
resumed: True
cancelled: 0300400C
finished: 100 12 0 00000000
no file: 05008013
an empty slot: 07008011
no mapping: 07008012
deleted: 250 Delete operation successful.
picture: JPEG (160, 120)";
    assert_eq!(said, expected.lines().collect::<Vec<_>>());
}

/// The same of a printer that tells everything each time, and of one that tells what has changed.
#[tokio::test]
async fn bambu_printer_manager_takes_our_simulators_through_uploads_and_prints() {
    let judge = "judge_bambu_printer_manager.py";
    let (of_x1, of_a1) = tokio::join!(
        judged(judge, Model::X1c, Ipv4Addr::new(127, 0, 9, 2)),
        judged(judge, Model::A1, Ipv4Addr::new(127, 0, 9, 3))
    );
    for (said, model) in [(of_x1, "X1C"), (of_a1, "A1")] {
        let expected = format!(
            "connected: IDLE {model} 01.08.02.00
spools: [(0, 'PLA', 'GFA00'), (1, 'PLA', 'GFA00'), (2, 'PLA', 'GFA00')]
house: [(0, 5)] 1 True POINT_FOUR_MM
uploaded: True {{'/cache/': [], '/image/': [], '/ipcam/': [], '/jobs/': ['/jobs/judge.gcode.3mf'], '/logger/': [], '/timelapse/': []}}
running: judge judge.gcode.3mf local 1
known: /jobs/judge.gcode.3mf ['PLA']
fed from: 0 1 LOADED
heat: 220 55
progress: True 12 1
paused: Paused by user
resumed: 3 False
cancelled: 0300400C ['The task was canceled.']
finished: 100 12 0 0
deleted: False
at last: CONNECTED"
        );
        assert_eq!(said, expected.lines().collect::<Vec<_>>());
    }
}
