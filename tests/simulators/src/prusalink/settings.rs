//! What a simulated PrusaLink is and what is wrong with it today. Faults are data, so that a test,
//! a demo script and an HTTP call all switch them in the same way.

use serde::{Deserialize, Serialize};

/// Where the server runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// In the printer's firmware.
    Printer,
    /// On a Raspberry Pi beside it.
    Pi,
}

/// How one simulated server and its printer are made.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where the server runs.
    pub form: Form,
    /// The only key that is let in. In a printer it is the password too.
    pub api_key: String,
    /// The password of a Raspberry Pi.
    pub password: String,
    /// How many times faster than life heating and printing go.
    pub speed: u32,
    /// Overrides what the file says about its printing time.
    pub fixed_print_ms: Option<u64>,
    /// Printing time of a file that says nothing.
    pub default_print_ms: u64,
    /// How fast the nozzle and the bed climb.
    pub degrees_per_second: u32,
    /// How long pausing, resuming, stopping and finishing take.
    pub settle_ms: u64,
    /// How long it takes to come up after the power was away.
    pub boot_ms: u64,
    /// How long a Raspberry Pi shows an end.
    pub end_shown_ms: u64,
    /// Room for files.
    pub disk_bytes: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            form: Form::Printer,
            api_key: "Key4Printer5678".into(),
            password: "Pass1234".into(),
            speed: 1,
            fixed_print_ms: None,
            default_print_ms: 600_000,
            degrees_per_second: 10,
            settle_ms: 500,
            boot_ms: 8_000,
            end_shown_ms: 7_000,
            disk_bytes: 1 << 40,
        }
    }
}

/// What is wrong. The default is a healthy server.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Faults {
    /// Connections are taken, nothing is answered or done.
    pub silent: bool,
    /// Each answer comes this much later than the deed.
    pub slow_ms: Option<u64>,
    /// Uploads are refused with this status.
    pub refuse_uploads: Option<u16>,
    /// Starts are refused with this status.
    pub refuse_starts: Option<u16>,
    /// The connection breaks when an upload's body has come this far.
    pub cut_uploads_after: Option<u64>,
    /// An upload is stored, and refused with this status all the same.
    pub refuse_stored: Option<u16>,
    /// A start is accepted and nothing happens.
    pub ignore_starts: bool,
    /// A start is accepted and happens this much later, if the file is still there.
    pub late_starts_ms: Option<u64>,
    /// A start is accepted and done, and the connection breaks instead of the answer.
    pub lose_start_answers: bool,
    /// What is told about progress.
    pub progress: ProgressTold,
    /// Every key and password is refused.
    pub reject_key: bool,
    /// Uploads find no room.
    pub disk_full: bool,
    /// A finish is never shown: the printer is idle at once.
    pub hide_finish: bool,
    /// The printer fails when a print has come this far.
    pub fail_at_percent: Option<u8>,
}

/// How honest the reported progress is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProgressTold {
    /// As it is.
    #[default]
    Truth,
    /// 0 until the end.
    StuckAtZero,
    /// 100 from the start.
    AlwaysHundred,
    /// Every other second it is counted from the wrong end.
    Jumping,
}
