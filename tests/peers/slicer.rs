//! Files out of the real slicer, with dwells so that a simulated printer takes its time over them.

use std::fs;
use std::process::Command;

use tempfile::TempDir;

use crate::{fixture, place, script};

/// The coin as G-code whose print lasts about so long.
pub fn sliced_coin(seconds: u32) -> String {
    sliced(&fs::read_to_string(fixture("coin.ini")).unwrap(), seconds)
}

/// The coin for a printer that really heats and does not press cold filament: it waits for the nozzle first.
pub fn sliced_for_a_real_nozzle() -> String {
    let ini = fs::read_to_string(fixture("coin.ini")).unwrap();
    let waits = ini.replace("M104 S[first_layer_temperature]", "M109 S[first_layer_temperature]");
    assert_ne!(waits, ini);
    sliced(&waits, 0)
}

fn sliced(settings: &str, seconds: u32) -> String {
    let folder = TempDir::new().unwrap();
    let (ini, file) = (folder.path().join("coin.ini"), folder.path().join("coin.gcode"));
    fs::write(&ini, settings).unwrap();
    let status = Command::new(script("slice.sh"))
        .env("GANTRY_PRUSA_SLICER", place("GANTRY_PRUSA_SLICER"))
        .args(["--seconds", &seconds.to_string(), "--ini"])
        .arg(&ini)
        .arg(fixture("coin.stl"))
        .arg(&file)
        .status()
        .unwrap();
    assert!(status.success(), "the slicer says on standard error why");
    fs::read_to_string(file).unwrap()
}

#[test]
fn the_real_slicer_says_for_which_printer_material_and_heat_it_sliced() {
    let gcode = sliced_coin(0);
    for line in ["; printer_model = MK3S", "; filament_type = PLA", "; nozzle_diameter = 0.4", "; temperature = 210"] {
        assert!(gcode.lines().any(|written| written == line), "{line}");
    }
}

#[test]
fn a_print_can_be_made_to_last() {
    let dwells = |gcode: &str| gcode.lines().filter(|line| *line == "G4 P100").count();
    assert_eq!(dwells(&sliced_coin(0)), 0);
    assert_eq!(dwells(&sliced_coin(3)), 30);
}
