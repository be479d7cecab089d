//! What a simulated Moonraker is and what is wrong with it today. Faults are data, so that a test,
//! a demo script and an HTTP call all switch them in the same way.

use serde::{Deserialize, Serialize};

/// How one simulated server and its printer are made.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The only key that is let in.
    pub api_key: String,
    /// Clients without a key are let in too.
    pub trusts_clients: bool,
    /// How many times faster than life heating and printing go.
    pub speed: u32,
    /// Overrides what the file says about its printing time.
    pub fixed_print_ms: Option<u64>,
    /// Printing time of a file that says nothing.
    pub default_print_ms: u64,
    /// How fast the nozzle and the bed climb.
    pub degrees_per_second: u32,
    /// How long Klipper takes to come up.
    pub restart_ms: u64,
    /// Room for uploads.
    pub disk_bytes: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            api_key: "0123456789abcdef0123456789abcdef".into(),
            trusts_clients: true,
            speed: 1,
            fixed_print_ms: None,
            default_print_ms: 600_000,
            degrees_per_second: 10,
            restart_ms: 2_000,
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
    /// A start is accepted and nothing happens.
    pub ignore_starts: bool,
    /// A start is accepted and happens this much later.
    pub late_starts_ms: Option<u64>,
    /// A start is accepted and done, and the connection breaks instead of the answer.
    pub lose_start_answers: bool,
    /// What is told about progress.
    pub progress: ProgressTold,
    /// Every key is refused, and nobody is trusted.
    pub reject_key: bool,
    /// Uploads find no room.
    pub disk_full: bool,
    /// Sockets are closed, new ones too.
    pub drop_push: bool,
    /// Klipper loses its controller when a print has come this far.
    pub unplug_at_percent: Option<u8>,
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
    /// 1 from the start.
    AlwaysHundred,
    /// Every other second it is counted from the wrong end.
    Jumping,
}
