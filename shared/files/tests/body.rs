//! What the moves and the other commands of a file come to, and which files are refused.
#![expect(clippy::unwrap_used, reason = "a test may fail loudly, its helpers too")]

use domain::sliced::{Sliced, WarningCode};
use gantry_files::{Found, Reader, Refusal};

#[test]
fn only_moves_that_lay_something_down_count() {
    bounds("G90\nM83\nG1 X10 Y10 Z.2\nG1 X20 Y20 E1\nG0 X200 Y200\nG1 E5\nG1 X300 E-1\n", [10., 10., 0.2], [20., 20., 0.2]);
}

#[test]
fn an_absolute_e_that_goes_back_is_no_extrusion() {
    bounds("G1 X0 Y0 Z1\nG1 X5 Y5 E10\nG1 X9 Y9 E8\nG92 E0\nG1 X7 Y7 E1\n", [0., 0., 1.], [9., 9., 1.]);
}

#[test]
fn relative_moves_add_up() {
    bounds("G28\nG90\nM83\nG1 X10 Y10 Z1\nG91\nG1 X5 Y-5 E1\nG1 X5 E1\n", [10., 5., 1.], [20., 10., 1.]);
}

#[test]
fn a_renamed_place_stays_where_it_is() {
    bounds("M83\nG1 X100 Y100 Z1\nG92 X0 Y0\nG1 X10 Y10 E1\n", [100., 100., 1.], [110., 110., 1.]);
}

#[test]
fn inches_are_inches() {
    bounds("M83\nG20\nG1 X1 Y1 Z1\nG1 X2 Y2 E1\n", [25.4, 25.4, 25.4], [50.8, 50.8, 25.4]);
}

#[test]
fn an_arc_reaches_further_than_its_ends() {
    let start = "M83\nG1 X10 Y0 Z1\n";
    bounds(&format!("{start}G3 X-10 Y0 I-10 J0 E1\n"), [-10., 0., 1.], [10., 10., 1.]);
    bounds(&format!("{start}G2 X-10 Y0 I-10 J0 E1\n"), [-10., -10., 1.], [10., 0., 1.]);
    bounds(&format!("{start}G3 X0 Y10 R10 E1\n"), [0., 0., 1.], [10., 10., 1.]);
    bounds(&format!("{start}G3 X0 Y10 R-10 E1\n"), [0., 0., 1.], [20., 20., 1.]);
    bounds(&format!("{start}G2 I-10 E1\n"), [-10., -10., 1.], [10., 10., 1.]);
}

#[test]
fn where_a_homed_head_stands_is_not_guessed() {
    bounds("M83\nG1 X50 Y50 Z1\nG28 X Y\nG1 X30 E1\nG1 X40 Y20 E1\n", [30., 20., 1.], [40., 20., 1.]);
}

#[test]
fn a_purge_before_the_first_layer_is_forgotten() {
    bounds("M83\nG1 X0 Y-3 Z1\nG1 X60 E9\n;LAYER_CHANGE\nG1 X10 Y10\nG1 X20 E1\n", [10., 10., 1.], [20., 10., 1.]);
}

#[test]
fn temperatures_are_maxima_and_off_is_none() {
    let heat = read("M104 S150\nM109 R215\nM140 S60\nM104 S0\nM140 S0\nM141 S45\nG1 X1\n").unwrap().temperatures;
    assert_eq!((heat.nozzle_max_celsius, heat.bed_max_celsius), (Some(215.0), Some(60.0)));
    assert_eq!((heat.chamber_max_celsius, heat.first_layer_nozzle_celsius), (Some(45.0), None));
    assert_eq!(read("G1 X1\nM104 S0\n").unwrap().temperatures, Default::default());
}

#[test]
fn dangerous_lines_are_found_however_they_are_written() {
    use WarningCode::*;
    warnings("M302 P1", &[ColdExtrusion]);
    warnings("M302 S0", &[ColdExtrusion]);
    warnings("M302\nM302 P0\nM302 S170", &[]);
    for line in ["M500", "m501 ; load", "N12 M502*33", "  M503", "M 504", "M0500"] {
        warnings(line, &[StoredSettings]);
    }
    warnings("M92 E400\nM851 Z-2\nM997\nM42 P4 S255", &[StepsPerMillimetre, ProbeOffset, FirmwareUpdate, PinSwitch]);
    warnings(
        "SAVE_CONFIG\nrun_shell_command CMD=x\nFIRMWARE_RESTART\nset_pin PIN=x VALUE=1",
        &[SaveConfig, ShellCommand, FirmwareRestart, PinSwitch],
    );
    warnings("; M500\nM117 M500\nM5000\nG500\nSAVE_CONFIGURATION", &[]);
    warnings("G1 X1\0Y1", &[NulByte]);
    warnings(&format!("G1 X{}", "1".repeat(9000)), &[LongLine]);
    warnings(&format!("; start_gcode = {}", "M500\\n".repeat(9000)), &[]);
}

#[test]
fn a_warning_tells_its_first_line_and_how_often() {
    let sliced = read("G1 X1\nM500\nM42 P1 S1\nM500\n").unwrap();
    let told: Vec<_> = sliced.warnings.iter().map(|warning| (warning.code, warning.line, warning.times)).collect();
    assert_eq!(told, [(WarningCode::StoredSettings, 2, 2), (WarningCode::PinSwitch, 3, 1)]);
}

#[test]
fn ten_thousand_switched_pins_do_not_hide_the_line_after_them() {
    warnings(
        &format!("{}SAVE_CONFIG", "SET_PIN PIN=x VALUE=1\n".repeat(10_000)),
        &[WarningCode::PinSwitch, WarningCode::SaveConfig],
    );
}

#[test]
fn a_file_that_is_no_g_code_is_named() {
    let found = |bytes: &[u8], found| assert_eq!(read_bytes(bytes), Err(Refusal::NotGcode { file: name(), found }));
    found(b"PK\x03\x04\x14\0\0\0\x08\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x13\0\0\0[Content_Types].xml", Found::ThreeMf);
    found(b"PK\x03\x04\x14\0\0\0\x08\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x13\0\0\0part.gcode\nG1 X1\n", Found::Zip);
    found(b"GCDE\x01\0\0\0\nG1 X1 E1\n", Found::BinaryGcode);
    found(b"\x1f\x8b\x08\0", Found::Gzip);
    found(b"solid cube\nfacet normal 0 0 0\n", Found::Stl);
    found(b"\xff\xd8\xff\xe0", Found::Picture);
    found(b"\xff\xfeG\x001\0", Found::Utf16);
    found(b"\x7fELF\x02\x01\x01\0\0\0", Found::Binary);
    found("Grüße aus Köln,\nmore tomorrow.\n".as_bytes(), Found::Text);
}

#[test]
fn an_empty_file_and_one_without_moves_are_refused() {
    assert_eq!(read(""), Err(Refusal::Empty { file: name() }));
    assert_eq!(read("M104 S200\nG28\nG1 F3000\n"), Err(Refusal::NoMoves { file: name() }));
    assert_eq!(
        read("; G1 X1\nM400\n").unwrap_err().to_string(),
        "part.gcode has no moves: it was perhaps cut off, or is only a macro"
    );
}

#[test]
fn a_byte_order_mark_does_not_hide_the_first_line() {
    assert_eq!(read("\u{feff}; generated by PrusaSlicer 2.8.1 on x\nG1 X1\n").unwrap().slicer.unwrap().name, "PrusaSlicer");
}

#[test]
fn the_outline_of_a_tall_print_is_small_and_shows_its_whole_height() {
    let mut gcode = String::from("M83\n;LAYER_CHANGE\n");
    for layer in 0..5000 {
        gcode.push_str(&format!(
            "G1 Z{}\n;TYPE:Internal infill\nG1 X-900 Y0\nG1 X900 E1\n;TYPE:External perimeter\nG1 X20 Y0\n",
            layer as f64 * 0.1
        ));
        for degree in 0..360 {
            let (sin, cos) = f64::from(degree).to_radians().sin_cos();
            gcode.push_str(&format!("G1 X{:.3} Y{:.3} E.01\n", 20. * cos, 20. * sin));
        }
    }
    let outline = read(&gcode).unwrap().outline.unwrap();
    assert!(outline.path.len() <= 8000, "{}", outline.path.len());
    assert!(outline.path.matches('m').count() >= 5, "{}", outline.path);
    assert!(outline.width < 60 && outline.height == 484, "the infill was drawn: {outline:?}");
}

#[test]
fn a_print_that_does_not_tell_walls_from_infill_has_an_outline_too() {
    let mut gcode = String::from("M83\n");
    for layer in 1..100 {
        gcode.push_str(&format!("G1 Z{layer}\n"));
        for line in 0..2000 {
            gcode.push_str(&format!("G1 X{} Y{} E1\n", line % 2 * 300, line % 300));
        }
    }
    let outline = read(&gcode).unwrap().outline.unwrap();
    assert!(outline.path.len() > 1000 && outline.path.len() <= 8000, "{}", outline.path.len());
}

fn bounds(gcode: &str, min: [f64; 3], max: [f64; 3]) {
    let bounds = read(gcode).unwrap().bounds.unwrap();
    assert_eq!((bounds.min_mm, bounds.max_mm), (min, max), "{gcode}");
}

fn warnings(lines: &str, expected: &[WarningCode]) {
    let found = read(&format!("G1 X1\n{lines}\n")).unwrap().warnings;
    assert_eq!(found.iter().map(|warning| warning.code).collect::<Vec<_>>(), expected, "{lines:.80}");
}

fn name() -> domain::sliced::FileName {
    "part.gcode".parse().unwrap()
}

fn read(gcode: &str) -> Result<Sliced, Refusal> {
    read_bytes(gcode.as_bytes())
}

fn read_bytes(bytes: &[u8]) -> Result<Sliced, Refusal> {
    let mut reader = Reader::new(name());
    reader.feed(bytes);
    reader.finish()
}
