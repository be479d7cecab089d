//! What the printer reads in a sliced file (`.gcode.3mf`): one plate's G-code, whether it is whole, and the filaments that it wants.

use super::codes;
use crate::gcode::{self, Hints};
use std::io::{Cursor, Read};
use zip::ZipArchive;

/// A plate is not larger than that, unpacked: a file that says otherwise is no print.
const LARGEST_PLATE: u64 = 1 << 30;

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Plate {
    pub hints: Hints,
    /// Which of the project's filaments it uses, from 0.
    pub filaments: Vec<usize>,
}

/// Reads one plate; the error is the printer's own code.
pub(super) fn read(bytes: &[u8], plate: &str) -> Result<Plate, u32> {
    let mut archive = ZipArchive::new(Cursor::new(bytes)).map_err(|_| codes::UNREADABLE)?;
    let gcode = entry(&mut archive, plate).ok_or(codes::UNREADABLE)?;
    let sum = entry(&mut archive, &format!("{plate}.md5")).ok_or(codes::UNREADABLE)?;
    if !matches(&gcode, &String::from_utf8_lossy(&sum)) {
        return Err(codes::UNREADABLE);
    }
    let filaments =
        entry(&mut archive, "Metadata/slice_info.config").map(|text| filaments(&String::from_utf8_lossy(&text), plate));
    Ok(Plate { hints: gcode::read(&gcode), filaments: filaments.unwrap_or_else(|| vec![0]) })
}

/// Whether a file has this MD5; an empty one asks for nothing.
pub(super) fn matches(bytes: &[u8], md5: &str) -> bool {
    let md5 = md5.trim();
    md5.is_empty() || format!("{:x}", md5::compute(bytes)).eq_ignore_ascii_case(md5)
}

fn entry(archive: &mut ZipArchive<Cursor<&[u8]>>, name: &str) -> Option<Vec<u8>> {
    let file = archive.by_name(name).ok()?;
    let mut content = Vec::new();
    file.take(LARGEST_PLATE).read_to_end(&mut content).ok()?;
    Some(content)
}

/// The filaments of the plate in `slice_info.config`: `<metadata key="index" value="1"/> … <filament id="2" …/>`.
fn filaments(config: &str, plate: &str) -> Vec<usize> {
    let number: String = plate.chars().filter(char::is_ascii_digit).collect();
    let is_it = |part: &&str| part.contains(&format!("key=\"index\" value=\"{number}\""));
    let Some(part) = config.split("<plate>").find(is_it) else { return vec![0] };
    let ids = part.split("<filament ").skip(1).filter_map(|rest| rest.split_once("id=\"")?.1.split('"').next()?.parse().ok());
    ids.filter_map(|id: usize| id.checked_sub(1)).collect()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use std::io::Write;
    use zip::ZipWriter;
    use zip::write::SimpleFileOptions;

    pub(in crate::bambu) const GCODE: &str = "; total layer number: 10\n; model printing time: 6s; total estimated time: 6s\n\
        M140 S55\nM104 S220\nG28\nG1 X1 E1\n";

    /// A file with that G-code on plate 1, which uses these filaments.
    pub(in crate::bambu) fn file(gcode: &str, filaments: &[usize]) -> Vec<u8> {
        let used: String = filaments.iter().map(|id| format!("<filament id=\"{id}\" type=\"PLA\" used_g=\"1\"/>")).collect();
        let config = format!("<config><plate><metadata key=\"index\" value=\"1\"/>{used}</plate></config>");
        let sum = format!("{:X}", md5::compute(gcode));
        let plate = [("Metadata/plate_1.gcode", gcode), ("Metadata/plate_1.gcode.md5", &sum)];
        packed(&[&plate[..], &[("Metadata/slice_info.config", &config)]].concat())
    }

    pub(in crate::bambu) fn packed(entries: &[(&str, &str)]) -> Vec<u8> {
        let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
        for (name, content) in entries {
            writer.start_file(*name, SimpleFileOptions::default()).unwrap();
            writer.write_all(content.as_bytes()).unwrap();
        }
        writer.finish().unwrap().into_inner()
    }

    #[test]
    fn a_plate_says_how_long_it_takes_and_which_filaments_it_uses() {
        let plate = read(&file(GCODE, &[1, 3]), "Metadata/plate_1.gcode").unwrap();
        assert_eq!(plate.filaments, [0, 2]);
        assert_eq!((plate.hints.seconds, plate.hints.layers, plate.hints.nozzle), (Some(6), Some(10), 220.0));
    }

    #[test]
    fn half_a_file_another_plate_and_a_wrong_sum_are_unreadable() {
        let whole = file(GCODE, &[1]);
        let broken = packed(&[("Metadata/plate_1.gcode", GCODE), ("Metadata/plate_1.gcode.md5", "0123")]);
        assert_eq!(read(&whole[..whole.len() / 2], "Metadata/plate_1.gcode"), Err(codes::UNREADABLE));
        assert_eq!(read(&whole, "Metadata/plate_2.gcode"), Err(codes::UNREADABLE));
        assert_eq!(read(&broken, "Metadata/plate_1.gcode"), Err(codes::UNREADABLE));
    }
}
