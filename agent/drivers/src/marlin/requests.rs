//! What is asked of the line and what comes from it, as plain values; and the commands that are not the file's.

use domain::file::ContentHash;

use super::gcode::{Look, Modes};
use super::wire::Position;
use crate::contract::{Content, SendProblem};

/// What is asked of the line's thread.
#[derive(Debug, PartialEq)]
pub(super) enum Ask {
    /// Open the device, in place of one that is open.
    Open,
    /// Let it go.
    Close,
    /// Begin the numbers anew.
    Hello,
    /// Say this when its turn comes.
    Say {
        /// Under which it is told done.
        id: u64,
        /// The command.
        text: String,
    },
    /// Say this at once.
    Urgent(String),
    /// Begin to print that file.
    Print(Content),
    /// Take nothing more from the file.
    Hold,
    /// Go on with it.
    GoOn,
    /// There is no file any more.
    Forget,
    /// Look a file through; not the line's work, so it has no part in it.
    Look(Content),
}

/// What comes from it.
#[derive(Debug, PartialEq)]
pub(super) enum Wire {
    /// The device is open.
    Opened,
    /// It could not be opened, or it is gone.
    Closed(String),
    /// The numbers agree.
    Ready,
    /// The board said this.
    Heard(String),
    /// The board takes lines: it lives. So many bytes of the file were taken.
    Flows {
        /// Bytes.
        acked: u64,
        /// What the file has set so far.
        modes: Modes,
    },
    /// That command was done, or that move was taken.
    Done(u64),
    /// The file is open, and has so many bytes.
    Began(u64),
    /// It could not be opened: nothing of it was sent.
    NotBegan(String),
    /// Nothing more is taken from the file, and this is how far it has come.
    Held {
        /// Bytes of it that were taken.
        acked: u64,
        /// What it has set so far.
        modes: Modes,
    },
    /// The board took the last line of the file.
    Drained,
    /// The file could not be read on.
    Broken(String),
    /// The board has lost its memory.
    Restarted(String),
    /// The file was looked through.
    Looked(ContentHash, Result<Look, (SendProblem, String)>),
}

/// What a command was for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// Who it is.
    Firmware,
    /// What it does; the last of the greeting.
    Greeted,
    /// What it does, from time to time.
    Poll,
    /// Whether a print may start.
    Fence,
    /// Where the tool stands when all moves are done.
    Place,
    /// The tool is out of the way.
    Parked,
    /// It is back where it was.
    Restored,
    /// All moves of the print are done.
    Over,
    /// All is off.
    Stopped,
    /// Nothing waits for it.
    Aside,
}

/// When all moves are done, where is the tool? The report is a proof that an `ok` is not: those can be miscounted.
pub(super) const PLACE: [&str; 2] = ["M400", "M114"];

/// From this temperature on plastic moves.
const SOFT_CELSIUS: f64 = 170.0;

/// How far the tool is lifted, and how much filament is drawn back.
const LIFT_MM: f64 = 5.0;
const DRAW_MM: f64 = 2.0;

/// Out of the way: the filament drawn back, the tool lifted. Not sideways: the driver does not know the machine.
pub(super) fn park(modes: &Modes, is_hot: bool) -> Vec<String> {
    let mut lines = Vec::new();
    if modes.inches {
        lines.push("G21".to_owned());
    }
    lines.extend(["G91".to_owned(), "M83".to_owned()]);
    if is_hot {
        lines.push(format!("G1 E-{DRAW_MM} F1800"));
    }
    lines.extend([format!("G1 Z{LIFT_MM} F600"), "G90".to_owned(), "M400".to_owned()]);
    lines
}

/// Back to where it was, with all that the file had set.
pub(super) fn restore(modes: &Modes, place: &Position, is_hot: bool) -> Vec<String> {
    let mut lines =
        vec!["G90".to_owned(), format!("G1 X{:.3} Y{:.3} F6000", place.x, place.y), format!("G1 Z{:.3} F600", place.z)];
    if is_hot {
        lines.extend(["M83".to_owned(), format!("G1 E{DRAW_MM} F1800")]);
    }
    lines.push(format!("G92 E{:.5}", place.e));
    if modes.inches {
        lines.push("G20".to_owned());
    }
    lines.push(if modes.relative { "G91" } else { "G90" }.to_owned());
    lines.push(if modes.relative_e { "M83" } else { "M82" }.to_owned());
    if let Some(feedrate) = modes.feedrate {
        lines.push(format!("G1 F{feedrate}"));
    }
    lines
}

/// Nothing is warm any more.
pub(super) fn cool(tools: usize) -> Vec<String> {
    let mut lines: Vec<String> = match tools {
        0 | 1 => vec!["M104 S0".to_owned()],
        more => (0..more).map(|tool| format!("M104 T{tool} S0")).collect(),
    };
    lines.extend(["M140 S0".to_owned(), "M107".to_owned()]);
    lines
}

/// The safe end of a print that is given up: cold first, then off the part, then without force.
pub(super) fn stop(tools: usize, homed: bool, is_hot: bool) -> Vec<String> {
    let mut lines = cool(tools);
    if homed {
        lines.extend(["G21".to_owned(), "G91".to_owned(), "M83".to_owned()]);
        if is_hot {
            lines.push(format!("G1 E-{DRAW_MM} F1800"));
        }
        lines.push(format!("G1 Z{LIFT_MM} F600"));
    }
    lines.extend(["G90", "M82", "M400", "M84"].map(str::to_owned));
    lines
}

/// Filament can be moved.
pub(super) fn is_soft(celsius: f64) -> bool {
    celsius >= SOFT_CELSIUS
}
