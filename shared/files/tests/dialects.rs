//! What each slicer writes is read, told by a short text per file. `prusaslicer.gcode` is the real thing,
//! shortened to three layers; the others were made by hand in the words of those slicers.
#![expect(clippy::unwrap_used, reason = "a test may fail loudly, its helpers too")]

use std::fmt::Write;

use domain::sliced::{Sliced, ThumbnailFormat};
use gantry_files::{Reader, decode_thumbnail};

#[test]
fn prusaslicer_tells_everything_but_a_thumbnail() {
    check(
        "prusaslicer",
        "PrusaSlicer 2.5.0 for MK4S, nozzles [0.4]
         T0 PETG #FF8000 Prusa Polymers/Prusament PETG 2.48 g 810.46 mm
         693 s, 3 layers of 0.2 mm, nozzle 240 then 250, bed 80 then 85
         [108.643, 88.643, 0.2] to [141.357, 121.357, 10.0]",
    );
}

#[test]
fn bambustudio_lists_only_the_filaments_that_are_used_and_its_purge_line_is_no_part_of_the_print() {
    check(
        "bambustudio",
        "BambuStudio 01.09.00.70 for Bambu Lab A1, nozzles [0.4]
         T0 PLA #1E88E5 eSUN/eSUN PLA+ @BBL A1 12.02 g 4031.26 mm
         T2 PETG #1A1A1A Generic/Generic PETG @BBL A1 0.36 g 120.5 mm
         5260 s, 120 layers of 0.2 mm, nozzle 220 then 220, bed 65 then 65
         [120.0, 120.0, 0.2] to [136.0, 144.0, 0.4]
         line 44 StoredSettings",
    );
}

#[test]
fn orcaslicer_for_klipper_hides_its_temperatures_in_a_macro() {
    check(
        "orcaslicer",
        "OrcaSlicer 2.3.1 for Voron 2.4 350, nozzles [0.4]
         T0 PLA #F2754E Generic/Generic PLA @Voron 3.5 g 1174.8 mm
         93784 s, 2 layers of 0.2 mm, nozzle ? then ?, bed ? then ?
         [100.0, 100.0, 0.2] to [120.0, 120.0, 0.4]
         picture 1x1 Png",
    );
}

#[test]
fn a_weight_is_computed_only_where_the_density_is_known() {
    check(
        "superslicer",
        "SuperSlicer 2.5.59 for MK3S, nozzles [0.4, 0.4, 0.6]
         T0 PLA #FF0000 ?/PLA 2.98 g 1000 mm
         T2 ABS #0000FF ?/ABS; black ? g 500 mm
         2100 s, 1 layers of 0.2 mm, nozzle 215 then 215, bed 60 then 60
         [50.0, 50.0, 0.2] to [60.0, 60.0, 0.2]",
    );
}

#[test]
fn cura_counts_in_metres_and_knows_no_material() {
    check(
        "cura",
        "Cura 5.2.1 for Creality Ender-3, nozzles []
         T0 ? ? ?/? ? g 2500 mm
         6666 s, 2 layers of 0.12 mm, nozzle 200 then 200, bed 60 then 60
         [83.78, 77.541, 0.3] to [116.22, 122.47, 0.42]",
    );
}

#[test]
fn simplify3d_tells_sums() {
    check(
        "simplify3d",
        "Simplify3D 4.1.2 for ?, nozzles [0.5]
         T0 ? ? ?/PLA 10.65 g 3542.7 mm
         5640 s, 2 layers of 0.3 mm, nozzle 210 then 210, bed 70 then 70
         [79.0, 79.0, 0.3] to [121.0, 90.0, 0.6]",
    );
}

#[test]
fn ideamaker_tells_length_and_density_and_leaves_the_weight_to_us() {
    check(
        "ideamaker",
        "ideaMaker 5.4.2.8790 for RAISE3D Pro2 Plus, nozzles [0.4, 0.4]
         T0 PLA ? ?/[Raise3D] PLA 2.59 g 868 mm
         1234 s, 2 layers of 0.2 mm, nozzle 230 then 230, bed 60 then 60
         [100.0, 100.0, 0.25] to [130.0, 140.0, 0.45]",
    );
}

#[test]
fn a_thumbnail_can_be_taken_out_of_the_file_by_its_place() {
    let bytes = fixture("orcaslicer");
    let sliced = read(&bytes);
    let place = &sliced.thumbnails[0];
    let block = &bytes[place.offset as usize..(place.offset + place.length) as usize];
    let picture = decode_thumbnail(place.format, block).unwrap();
    assert_eq!(picture[12..24], *b"IHDR\0\0\0\x01\0\0\0\x01");
    assert!(decode_thumbnail(ThumbnailFormat::Qoi, block).is_err());
    assert!(decode_thumbnail(place.format, b"; <script>").is_err());
}

#[test]
fn a_thumbnail_that_is_shorter_than_it_promises_is_not_offered() {
    let cut = String::from_utf8(fixture("orcaslicer")).unwrap().replace("; awAAAABJRU5ErkJggg==\n", "");
    assert_eq!(read(cut.as_bytes()).thumbnails, []);
}

#[test]
fn a_file_with_windows_line_ends_reads_the_same_but_for_the_place_of_its_thumbnail() {
    for name in ["prusaslicer", "bambustudio", "orcaslicer", "superslicer", "cura", "simplify3d", "ideamaker"] {
        let unix = fixture(name);
        let windows = String::from_utf8(unix.clone()).unwrap().replace('\n', "\r\n");
        assert_eq!(told(&read(&unix)), told(&read(windows.as_bytes())), "{name}");
    }
}

fn check(name: &str, expected: &str) {
    let expected: String = expected.lines().map(|line| format!("{}\n", line.trim_start())).collect();
    assert_eq!(told(&read(&fixture(name))), expected);
}

fn fixture(name: &str) -> Vec<u8> {
    std::fs::read(format!("{}/fixtures/{name}.gcode", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

fn read(bytes: &[u8]) -> Sliced {
    let mut reader = Reader::new("part.gcode".parse().unwrap());
    reader.feed(bytes);
    reader.finish().unwrap()
}

fn told(sliced: &Sliced) -> String {
    fn or<T: ToString>(value: Option<T>) -> String {
        value.map_or("?".to_owned(), |value| value.to_string())
    }
    let mut text = String::new();
    let slicer = sliced.slicer.as_ref().unwrap();
    let model = or(sliced.printer_model.as_ref());
    let version = or(slicer.version.as_ref());
    writeln!(text, "{} {version} for {model}, nozzles {:?}", slicer.name, sliced.nozzle_diameters_mm).unwrap();
    for filament in &sliced.filaments {
        let material = or(filament.material.as_ref());
        let (colour, vendor) = (or(filament.colour.as_ref()), or(filament.vendor.as_ref()));
        let settings = or(filament.settings_name.as_ref());
        let (grams, millimetres) = (or(filament.grams), or(filament.millimetres));
        let tool = filament.tool;
        writeln!(text, "T{tool} {material} {colour} {vendor}/{settings} {grams} g {millimetres} mm").unwrap();
    }
    let seconds = or(sliced.estimated_seconds);
    let (layers, height) = (or(sliced.layer_count), or(sliced.layer_height_mm));
    let heat = &sliced.temperatures;
    let nozzle = format!("{} then {}", or(heat.first_layer_nozzle_celsius), or(heat.nozzle_max_celsius));
    let bed = format!("{} then {}", or(heat.first_layer_bed_celsius), or(heat.bed_max_celsius));
    writeln!(text, "{seconds} s, {layers} layers of {height} mm, nozzle {nozzle}, bed {bed}").unwrap();
    let bounds = sliced.bounds.unwrap();
    writeln!(text, "{:?} to {:?}", bounds.min_mm, bounds.max_mm).unwrap();
    for picture in &sliced.thumbnails {
        writeln!(text, "picture {}x{} {:?}", picture.width, picture.height, picture.format).unwrap();
    }
    for warning in &sliced.warnings {
        writeln!(text, "line {} {:?}", warning.line, warning.code).unwrap();
    }
    text
}
