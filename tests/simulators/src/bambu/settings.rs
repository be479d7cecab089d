//! What a simulated printer is and what is wrong with it today. Faults are data, so that a test, a demo script and an HTTP call all
//! switch them in the same way.

use serde::{Deserialize, Serialize};
use std::net::Ipv4Addr;

/// The models that are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Model {
    /// Tells everything in each report.
    X1c,
    /// Tells what has changed.
    P1s,
    /// Tells what has changed.
    A1,
    /// Tells what has changed.
    A1Mini,
}

impl Model {
    /// What the announcement calls it.
    pub const fn code(self) -> &'static str {
        match self {
            Self::X1c => "BL-P001",
            Self::P1s => "C12",
            Self::A1 => "N2S",
            Self::A1Mini => "N1",
        }
    }

    /// What people call it.
    pub const fn product(self) -> &'static str {
        match self {
            Self::X1c => "Bambu Lab X1 Carbon",
            Self::P1s => "Bambu Lab P1S",
            Self::A1 => "Bambu Lab A1",
            Self::A1Mini => "Bambu Lab A1 mini",
        }
    }

    /// How its serial numbers begin.
    pub const fn serial_prefix(self) -> &'static str {
        match self {
            Self::X1c => "00M",
            Self::P1s => "01P",
            Self::A1 => "039",
            Self::A1Mini => "030",
        }
    }

    /// Whether each report is the whole picture.
    pub const fn tells_all(self) -> bool {
        matches!(self, Self::X1c)
    }

    /// Whether port 6000 gives pictures.
    pub const fn shows_pictures(self) -> bool {
        !matches!(self, Self::X1c)
    }
}

/// One spool, in an AMS or outside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tray {
    /// Such as PLA; empty = no spool.
    pub material: String,
    /// RRGGBBAA.
    pub colour: String,
    /// The filament profile, such as GFA00.
    pub profile: String,
    /// What is printed on it, such as PLA Basic.
    pub name: String,
    /// Its tag was read.
    pub tagged: bool,
    /// How much is left, in percent; -1 = unknown.
    pub remain: i8,
}

impl Tray {
    /// No spool.
    pub fn empty() -> Self {
        Self {
            material: String::new(),
            colour: "00000000".into(),
            profile: String::new(),
            name: String::new(),
            tagged: false,
            remain: -1,
        }
    }

    /// A tagged spool of the vendor's PLA.
    pub fn pla(colour: &str) -> Self {
        Self {
            material: "PLA".into(),
            colour: colour.into(),
            profile: "GFA00".into(),
            name: "PLA Basic".into(),
            tagged: true,
            remain: 80,
        }
    }
}

/// How one simulated printer is made.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Which it is.
    pub model: Model,
    /// Its serial number: the topics' and the certificate's name.
    pub serial: String,
    /// What its screen shows as access code.
    pub access_code: String,
    /// What its owner called it.
    pub name: String,
    /// The address that it tells.
    pub address: Ipv4Addr,
    /// Its firmware.
    pub firmware: String,
    /// The AMS units, of four slots each.
    pub ams: Vec<[Tray; 4]>,
    /// The spool that no AMS holds.
    pub external: Tray,
    /// How many times faster than life heating and printing go.
    pub speed: u32,
    /// Overrides what the file says about its printing time.
    pub fixed_print_ms: Option<u64>,
    /// Printing time of a file that says nothing.
    pub default_print_ms: u64,
    /// How fast the nozzle and the bed climb.
    pub degrees_per_second: u32,
    /// How long it looks at a file before it heats.
    pub prepare_ms: u64,
    /// How long pausing, resuming and stopping take.
    pub settle_ms: u64,
    /// How long after the state the code of a cancel follows.
    pub cancel_code_after_ms: u64,
    /// It offers to go on with a print after the power was away.
    pub resumes_after_power_loss: bool,
    /// Room on the card.
    pub card_bytes: u64,
    /// Uploads must resume the control connection's TLS session.
    pub demands_session_reuse: bool,
    /// How many MQTT clients it serves at once.
    pub most_clients: usize,
}

impl Settings {
    /// A printer of that model with one AMS; `number` tells its serial number from others.
    pub fn of(model: Model, number: u32) -> Self {
        let spools = ["FF6A13FF", "00AE42FF", "000000FF"].map(Tray::pla);
        let [orange, green, black] = spools;
        Self {
            model,
            serial: format!("{}00A{number:09}", model.serial_prefix()),
            access_code: "12345678".into(),
            name: format!("3DP-{:03}", number % 1000),
            address: Ipv4Addr::LOCALHOST,
            firmware: "01.08.02.00".into(),
            ams: vec![[orange, green, black, Tray::empty()]],
            external: Tray::empty(),
            speed: 1,
            fixed_print_ms: None,
            default_print_ms: 600_000,
            degrees_per_second: 10,
            prepare_ms: 2000,
            settle_ms: 500,
            cancel_code_after_ms: 0,
            resumes_after_power_loss: false,
            card_bytes: 1 << 40,
            demands_session_reuse: true,
            most_clients: 4,
        }
    }
}

/// What is wrong. The default is a healthy printer.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Faults {
    /// Connections are taken, nothing is answered or done.
    pub silent: bool,
    /// Each answer and report comes this much later than the deed.
    pub slow_ms: Option<u64>,
    /// Reports flow, and no command is done or answered.
    pub half_dead: bool,
    /// The access code is refused.
    pub reject_code: bool,
    /// MQTT clients are dropped, new ones too.
    pub drop_clients: bool,
    /// Developer mode is off: what moves the machine is not verified.
    pub developer_mode_off: bool,
    /// Uploads are refused with this code.
    pub refuse_uploads: Option<u16>,
    /// The data connection breaks when an upload has come this far.
    pub cut_uploads_after: Option<u64>,
    /// An upload is kept whole, and its 226 never comes.
    pub lose_upload_answers: bool,
    /// Data connections that are to be encrypted hang.
    pub deaf_to_protected_data: bool,
    /// A start is accepted and ends as failed with this code.
    pub refuse_starts: Option<u32>,
    /// A start is accepted and nothing happens.
    pub ignore_starts: bool,
    /// A start is accepted and happens this much later.
    pub late_starts_ms: Option<u64>,
    /// A start is accepted and done, and its client is dropped instead of answered.
    pub lose_start_answers: bool,
    /// What is told about progress.
    pub progress: ProgressTold,
    /// The card has no room.
    pub card_full: bool,
    /// There is no card.
    pub no_card: bool,
    /// The card can be written, and not read.
    pub card_broken: bool,
    /// The print fails when it has come this far.
    pub fail_at_percent: Option<u8>,
}

/// How honest the reported progress is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProgressTold {
    /// As it is.
    #[default]
    Truth,
    /// 0 % until the end.
    StuckAtZero,
    /// 100 % from the start.
    AlwaysHundred,
    /// Every other second it is counted from the wrong end.
    Jumping,
}
