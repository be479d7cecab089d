//! What goes into the simulated printer and what comes out, as values.

use super::packets::{Heard, Told};
use super::settings::{Faults, Tray};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The caller's number for one MQTT connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ClientId(pub u64);

/// The caller's number for one FTP control connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct FtpId(pub u64);

/// What a person does at the printer, or what befalls it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "act", rename_all = "snake_case", deny_unknown_fields)]
pub enum Person {
    /// Starts a file from the card at the screen, with the slots in their order.
    Start {
        /// Its path.
        file: String,
    },
    /// Pauses the print.
    Pause,
    /// Goes on with it.
    Resume,
    /// Cancels it.
    Cancel,
    /// Closes the error that the screen shows.
    ClearError,
    /// The print fails with this code.
    Fail {
        /// As `print_error` has it.
        print_error: u32,
    },
    /// The filament runs out: the print pauses.
    Runout,
    /// Messages that the printer shows from now on, and no others.
    Health {
        /// Each as `attr` and `code` of `hms`.
        messages: Vec<(u32, u32)>,
    },
    /// Puts a spool into a slot, or takes it out.
    Load {
        /// The AMS unit; absent = the external spool.
        unit: Option<usize>,
        /// The slot of the unit.
        slot: usize,
        /// What is there afterwards.
        tray: Tray,
    },
}

/// What happens on an FTP control connection and on the data connection beside it.
#[derive(Debug)]
pub enum FtpHeard {
    /// Somebody connected.
    Opened,
    /// A line came, without its end.
    Line(String),
    /// The data connection stands.
    Accepted,
    /// It may be used; whether it resumed the TLS session, if it has any.
    Ready {
        /// None = clear.
        resumed: Option<bool>,
    },
    /// Bytes came on it.
    Data(Bytes),
    /// It ended: as it should, or broken.
    Ended {
        /// As it should.
        whole: bool,
    },
    /// The control connection is gone.
    Closed,
}

/// What is to be done on an FTP control connection.
#[derive(Debug, PartialEq, Eq)]
pub enum FtpOrder {
    /// Send this line.
    Reply(String),
    /// Listen for a data connection, and say where (227).
    Listen,
    /// Take it and read what comes.
    Take(Channel),
    /// Take it and write this.
    Give(Channel, Bytes),
    /// Break it.
    Stop,
    /// Close the control connection.
    Close,
}

/// How a data connection is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Channel {
    /// Not at all.
    Clear,
    /// By TLS.
    Protected,
    /// It is taken, and then nothing happens.
    Deaf,
}

/// What reaches the printer.
#[derive(Debug)]
pub enum Input {
    /// Something was heard from an MQTT client.
    Client {
        /// Which one.
        client: ClientId,
        /// What.
        heard: Heard,
    },
    /// Something was heard on an FTP connection.
    Ftp {
        /// Which one.
        session: FtpId,
        /// What.
        heard: FtpHeard,
    },
    /// A person at the machine.
    Person(Person),
    /// These faults hold from now on, and no others.
    Faults(Faults),
    /// The MQTT clients of this moment are dropped.
    DropClients,
    /// Everything but the card is lost; the printer is away for this long, then boots.
    PowerCut {
        /// How long.
        off_ms: u64,
    },
    /// Time has passed.
    Wake,
}

/// What the printer does.
#[derive(Debug)]
pub enum Output {
    /// Tells an MQTT client something.
    Tell {
        /// Which one.
        client: ClientId,
        /// What.
        told: Told,
    },
    /// Ends an MQTT connection.
    Drop {
        /// Which one.
        client: ClientId,
    },
    /// Does something on an FTP connection.
    Ftp {
        /// Which one.
        session: FtpId,
        /// What.
        order: FtpOrder,
    },
}

/// What a test wants to count. Not lost in a power cut.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Counters {
    /// Starts that were answered as accepted, per file.
    pub starts_accepted: BTreeMap<String, u64>,
    /// Prints that began, per file, whoever started them.
    pub prints_begun: BTreeMap<String, u64>,
    /// Commands that came, by name.
    pub commands: BTreeMap<String, u64>,
    /// MQTT connections that were welcomed.
    pub clients: u64,
    /// Uploads stored whole.
    pub uploads: u64,
    /// Their bytes.
    pub upload_bytes: u64,
    /// Prints that came to their end.
    pub prints_done: u64,
    /// Prints cancelled.
    pub prints_cancelled: u64,
    /// Prints that failed, lost in a power cut included.
    pub prints_failed: u64,
}
