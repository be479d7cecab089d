//! What is known of a sliced file: what its slicer wrote into it and what a reading of its moves found.
//! Values only; how they are read out of bytes is the business of the `files` crate. What a file does not
//! say stays `None`: nothing here is guessed.

use std::borrow::Cow;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What is inside a sliced file.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Sliced {
    /// The program that made the file.
    pub slicer: Option<Slicer>,
    /// The printer model in the slicer's own words, such as `MK4S` or `Bambu Lab P1P`.
    pub printer_model: Option<String>,
    /// Nozzle diameter of each tool, in the order of the tools.
    pub nozzle_diameters_mm: Vec<f64>,
    /// The filaments that the print uses, in the order of their tools.
    pub filaments: Vec<Filament>,
    /// How long the slicer thinks that the print takes.
    pub estimated_seconds: Option<u64>,
    /// Height of the ordinary layers.
    pub layer_height_mm: Option<f64>,
    /// Number of layers.
    pub layer_count: Option<u32>,
    /// What the file heats.
    pub temperatures: Temperatures,
    /// The box around everything that is laid down from the first layer on; the purge before it is left out.
    pub bounds: Option<Bounds>,
    /// The pictures in the file, in the order in which they stand there.
    pub thumbnails: Vec<Thumbnail>,
    /// A line drawing for when there is no picture.
    pub outline: Option<Outline>,
    /// Lines that can harm a machine or its settings, each kind once, in the order of the first line.
    pub warnings: Vec<Warning>,
}

/// The program that made a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Slicer {
    /// Its name, such as `PrusaSlicer`.
    pub name: String,
    /// Its version, as it writes it.
    pub version: Option<String>,
}

/// One filament that a print uses.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Filament {
    /// The tool (slot) that the file asks for, counted from 0.
    pub tool: u32,
    /// The type, such as `PETG`.
    pub material: Option<String>,
    /// The colour as `#RRGGBB`.
    pub colour: Option<String>,
    /// Who made it.
    pub vendor: Option<String>,
    /// The name of the filament settings.
    pub settings_name: Option<String>,
    /// What the print takes of it, by weight.
    pub grams: Option<f64>,
    /// What the print takes of it, by length.
    pub millimetres: Option<f64>,
}

/// Targets that the file sets, in degrees Celsius. A file that heats by a printer's macro has none.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Temperatures {
    /// The highest of any nozzle.
    pub nozzle_max_celsius: Option<f64>,
    /// The highest of the bed.
    pub bed_max_celsius: Option<f64>,
    /// The highest of the chamber.
    pub chamber_max_celsius: Option<f64>,
    /// The nozzle's when the first layer begins.
    pub first_layer_nozzle_celsius: Option<f64>,
    /// The bed's when the first layer begins.
    pub first_layer_bed_celsius: Option<f64>,
}

/// A box in the coordinates of the printer: x, y, z in millimetres.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Bounds {
    /// The lowest corner.
    pub min_mm: [f64; 3],
    /// The highest corner.
    pub max_mm: [f64; 3],
}

/// Where a picture stands in the file: the bytes `offset..offset + length` are its commented base64.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Thumbnail {
    /// Width in pixels, as the file says.
    pub width: u32,
    /// Height in pixels, as the file says.
    pub height: u32,
    /// How the picture is encoded.
    pub format: ThumbnailFormat,
    /// First byte of the block's text in the file.
    pub offset: u64,
    /// Length of the block's text.
    pub length: u64,
}

/// How a picture is encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ThumbnailFormat {
    /// Portable Network Graphics.
    Png,
    /// JPEG.
    Jpg,
    /// Quite OK Image: what small printer screens like; browsers do not draw it.
    Qoi,
}

/// A line drawing of a few layers, seen from above one corner; to be stroked, not filled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Outline {
    /// Width of the view box that begins at 0, 0.
    pub width: u32,
    /// Height of the view box.
    pub height: u32,
    /// SVG path data, at most 8,000 bytes.
    pub path: String,
}

/// A kind of line that can harm a machine or its settings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Warning {
    /// What kind.
    pub code: WarningCode,
    /// The first such line, counted from 1.
    pub line: u64,
    /// How many such lines there are.
    pub times: u64,
}

/// What such a line does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum WarningCode {
    /// Lets a cold nozzle extrude (`M302`).
    ColdExtrusion,
    /// Stores, loads or resets the firmware's settings (`M500` to `M504`).
    StoredSettings,
    /// Changes the steps per millimetre (`M92`).
    StepsPerMillimetre,
    /// Changes the probe's offset (`M851`).
    ProbeOffset,
    /// Starts a firmware update (`M997`).
    FirmwareUpdate,
    /// Switches a pin (`M42`, `SET_PIN`).
    PinSwitch,
    /// Writes the printer's configuration (`SAVE_CONFIG`).
    SaveConfig,
    /// Runs a program on the printer's computer (`RUN_SHELL_COMMAND`).
    ShellCommand,
    /// Restarts the firmware or its host (`FIRMWARE_RESTART`, `RESTART`).
    FirmwareRestart,
    /// A command too long for any firmware.
    LongLine,
    /// A NUL byte in a line.
    NulByte,
}

/// The name of an uploaded file: one path segment of 1 to 255 bytes, safe on every disk and printer.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct FileName(String);

/// A file name that is not one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadFileName {
    /// Nothing, or nothing but blanks.
    #[error("a file name must not be empty")]
    Empty,
    /// Longer than a disk allows.
    #[error("a file name must have at most 255 bytes")]
    TooLong,
    /// `.` or `..`, which name folders.
    #[error("a file name must not be `.` or `..`")]
    Folder,
    /// A separator: it would name a place, not a file.
    #[error("a file name must not contain `/` or `\\`")]
    Separator,
    /// A control character, or one that turns the direction of writing.
    #[error("a file name must not contain control characters")]
    Control,
}

impl FileName {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for FileName {
    type Error = BadFileName;
    fn try_from(name: String) -> Result<Self, BadFileName> {
        let name = name.trim();
        if name.is_empty() {
            return Err(BadFileName::Empty);
        }
        if name.len() > 255 {
            return Err(BadFileName::TooLong);
        }
        if name == "." || name == ".." {
            return Err(BadFileName::Folder);
        }
        if name.contains(['/', '\\']) {
            return Err(BadFileName::Separator);
        }
        if name.chars().any(|c| c.is_control() || turns_writing(c)) {
            return Err(BadFileName::Control);
        }
        Ok(Self(name.to_owned()))
    }
}

/// `part<U+202E>edocg.exe` would be shown as `partexe.gcode`.
fn turns_writing(c: char) -> bool {
    matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

impl std::str::FromStr for FileName {
    type Err = BadFileName;
    fn from_str(name: &str) -> Result<Self, BadFileName> {
        Self::try_from(name.to_owned())
    }
}

impl From<FileName> for String {
    fn from(name: FileName) -> Self {
        name.0
    }
}

impl std::fmt::Display for FileName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl JsonSchema for FileName {
    fn schema_name() -> Cow<'static, str> {
        "FileName".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "string", "minLength": 1, "maxLength": 255,
            "description": "One path segment of 1 to 255 bytes without `/`, `\\` and control characters",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_name_that_names_a_place_is_refused() {
        let check = |name: &str, why| assert_eq!(name.parse::<FileName>(), Err(why), "{name:?}");
        check("", BadFileName::Empty);
        check("  ", BadFileName::Empty);
        check("..", BadFileName::Folder);
        check(" .. ", BadFileName::Folder);
        check("../etc/passwd", BadFileName::Separator);
        check("c:\\part.gcode", BadFileName::Separator);
        check("part\0.gcode", BadFileName::Control);
        check("part\u{202e}edocg.exe", BadFileName::Control);
        check(&"x".repeat(256), BadFileName::TooLong);
    }

    #[test]
    fn a_file_name_may_be_in_any_script_and_have_dots() {
        for name in ["part.gcode", ".hidden", "Löwe 3×.gcode", "零件.g", "...", &"x".repeat(255)] {
            assert_eq!(name.parse::<FileName>().unwrap().as_str(), name);
        }
    }

    #[test]
    fn a_document_of_an_older_reader_still_reads() {
        assert_eq!(serde_json::from_str::<Sliced>("{}").unwrap(), Sliced::default());
    }
}
