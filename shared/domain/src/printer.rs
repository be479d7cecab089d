//! A printer: settings that people make, and facets that say where it stands. Never one enum: each
//! facet answers one question, and one display word is derived from them all.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::bed::{Bed, BedToken, BedUse};
use crate::id::{AttemptId, JobId, PrinterId};
use crate::text::{ExternalId, Fingerprint, Metadata, Name, Note, Serial, Tag};
use crate::time::Timestamp;

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
        #[serde(rename_all = "snake_case")]
        pub enum $name { $($(#[$vdoc])* $variant,)* }
        impl $name {
            /// Every word.
            pub const ALL: &'static [$name] = &[$($name::$variant,)*];
        }
    };
}

words! {
    /// Whether the printer is heard.
    Connection {
        /// Heard within its period.
        Online,
        /// Silent for longer than its period.
        Stale,
        /// Not reachable.
        Offline,
        /// The farm is away, or the agent has only just started.
        Unknown,
    }
}

words! {
    /// What the machine does.
    Activity {
        /// Ready for work.
        Idle,
        /// Does something else than printing.
        Busy,
        /// Heats, homes, levels.
        Preparing,
        /// Prints.
        Printing,
        /// Stands still in a print.
        Paused,
        /// Has finished and still shows it.
        Finished,
        /// Asks for a person.
        Attention,
        /// Reports a fault.
        Error,
    }
}

words! {
    /// What people want of it.
    Admin {
        /// In service.
        Enabled,
        /// Taken out by a person.
        Disabled,
        /// Being maintained.
        Maintenance,
        /// Taken out by the agent after failures in a row.
        Quarantined,
    }
}

words! {
    /// Whether it is set up.
    Config {
        /// Everything is set.
        Ok,
        /// Something is missing.
        Incomplete,
    }
}

words! {
    /// Whether the printer lets us drive it.
    Control {
        /// It does.
        Ok,
        /// It shows itself but takes no orders.
        Denied,
    }
}

words! {
    /// The one word that a person reads.
    Display {
        /// Not reachable.
        Offline,
        /// Silent for too long.
        Stale,
        /// Not known yet.
        Unknown,
        /// Out of service.
        Disabled,
        /// Being maintained.
        Maintenance,
        /// Taken out after failures.
        Quarantined,
        /// Not set up.
        Incomplete,
        /// Takes no orders.
        ControlDenied,
        /// Reports a fault.
        Error,
        /// Asks for a person.
        Attention,
        /// Heats, homes, levels.
        Preparing,
        /// Prints.
        Printing,
        /// Stands still in a print.
        Paused,
        /// Something may lie on the bed.
        NeedsClear,
        /// Does something else.
        Busy,
        /// Ready for work.
        Idle,
    }
}

words! {
    /// What a machine can do, known before asking.
    Capability {
        /// A print can be paused and resumed.
        Pause,
        /// A print can be cancelled.
        Cancel,
        /// The printer keeps what became of each print.
        History,
        /// A file's bytes can be sent once and started many times.
        ServerCopy,
        /// Temperatures are reported.
        Temperatures,
        /// Raw G-code can be sent.
        Gcode,
        /// Uploaded files can be listed and deleted.
        FileList,
        /// One of several things in a print can be left out.
        SkipObject,
        /// It tells what is in its slots, and a start says which filament of the file comes from which.
        FilamentChoice,
    }
}

/// A size in mm.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Size {
    /// Width.
    pub x: f64,
    /// Depth.
    pub y: f64,
    /// Height.
    pub z: f64,
}

/// A print that somebody started at the machine. It is shown and never touched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ForeignPrint {
    /// The file's name as the printer tells it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// Since when it is seen.
    pub since: Timestamp,
}

/// A fault that the printer reports.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PrinterFault {
    /// The printer's own code, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// What it says.
    pub text: String,
}

/// What is loaded at one filament position. `None` fields are not known and are not matched on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Loaded {
    /// `PLA`, `PETG`, …
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub material: Option<String>,
    /// `#RRGGBB`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub colour: Option<String>,
    /// Grams left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grams: Option<f64>,
}

/// What the machine is: its model and what it can take.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Machine {
    /// The model's name as slicers write it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// Nozzle diameter in mm.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nozzle_mm: Option<f64>,
    /// What fits on it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub build_volume_mm: Option<Size>,
    /// The build plate that lies on it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plate_type: Option<String>,
}

impl Machine {
    /// What is missing before a job can be matched to it.
    pub fn missing(&self) -> Vec<&'static str> {
        let mut missing = Vec::new();
        if self.model.is_none() {
            missing.push("model");
        }
        if self.nozzle_mm.is_none() {
            missing.push("nozzle_mm");
        }
        if self.build_volume_mm.is_none() {
            missing.push("build_volume_mm");
        }
        missing
    }
}

/// How the agent reaches it. Secrets are not here: they stand in the sealed table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Link {
    /// The driver's name, one of `GET /v1/system/drivers`.
    pub driver: String,
    /// Where the printer is: a URL, an address, a device, as the driver says.
    pub address: String,
    /// The machine's serial number, as its maker tells it. With it the printer is found again at another address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub serial: Option<Serial>,
    /// The certificate that the owner confirmed as the machine's, for machines that nobody else vouches for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate: Option<Fingerprint>,
    /// When its credential was set; the credential itself is never shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credential_set_at: Option<Timestamp>,
    /// It had a credential, which went with the machine that the agent ran on: it must be entered again.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub credential_lost: bool,
}

/// A printer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Printer {
    /// Its id.
    pub id: PrinterId,
    /// What people call it.
    pub name: Name,
    /// How it is reached.
    pub link: Link,
    /// What it is.
    #[serde(default)]
    pub machine: Machine,
    /// Its labels.
    #[serde(default)]
    pub tags: BTreeSet<Tag>,
    /// What is loaded; empty if nobody said.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub loaded: Vec<Loaded>,
    /// What it can do.
    #[serde(default)]
    pub capabilities: BTreeSet<Capability>,
    /// Whether it is heard.
    pub connection: Connection,
    /// What it does.
    pub activity: Activity,
    /// Whether something may lie on the bed.
    pub bed: Bed,
    /// What people want of it.
    pub admin: Admin,
    /// Why it is out of service, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub admin_note: Option<Note>,
    /// Whether it is set up.
    pub config: Config,
    /// Whether it takes orders.
    pub control: Control,
    /// The one word that a person reads.
    pub display: Display,
    /// What a clear of this bed must name.
    pub bed_use: BedUse,
    /// The statement that makes the bed clear.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bed_token: Option<BedToken>,
    /// The attempt that it is claimed for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempt_id: Option<AttemptId>,
    /// That attempt's job.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job_id: Option<JobId>,
    /// A print that is not ours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub foreign: Option<ForeignPrint>,
    /// A fault that it reports.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fault: Option<PrinterFault>,
    /// What it asks the person at the machine, in its words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prompt: Option<String>,
    /// Why it is not reachable, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connection_problem: Option<String>,
    /// Why it takes no orders, and what to do about it, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub control_problem: Option<String>,
    /// Attempts that failed one after the other.
    #[serde(default)]
    pub failures_in_a_row: u32,
    /// What its firmware or server calls itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub firmware: Option<String>,
    /// The id that another system gave to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_id: Option<ExternalId>,
    /// An integrator's pairs.
    #[serde(default, skip_serializing_if = "Metadata::is_empty")]
    pub metadata: Metadata,
    /// When it was added.
    pub created_at: Timestamp,
}

impl Printer {
    /// The one word that a person reads, from the facets: what needs a person first.
    pub fn display_word(&self) -> Display {
        match (self.admin, self.connection, self.config, self.control) {
            (Admin::Disabled, _, _, _) => Display::Disabled,
            (Admin::Maintenance, _, _, _) => Display::Maintenance,
            (_, Connection::Offline, _, _) => Display::Offline,
            (_, Connection::Unknown, _, _) => Display::Unknown,
            (_, Connection::Stale, _, _) => Display::Stale,
            (_, Connection::Online, _, Control::Denied) => Display::ControlDenied,
            (_, Connection::Online, _, Control::Ok) => match self.activity {
                Activity::Error => Display::Error,
                Activity::Attention => Display::Attention,
                Activity::Preparing => Display::Preparing,
                Activity::Printing => Display::Printing,
                Activity::Paused => Display::Paused,
                Activity::Busy => Display::Busy,
                Activity::Idle | Activity::Finished => match (self.admin, self.bed, self.config) {
                    (Admin::Quarantined, _, _) => Display::Quarantined,
                    // What became of the print there is being looked at, or a person has to say.
                    (_, Bed::Unknown, _) => Display::Attention,
                    (_, Bed::NeedsClear, _) if self.attempt_id.is_some() => Display::Busy,
                    (_, Bed::NeedsClear, _) => Display::NeedsClear,
                    (_, Bed::Clear, Config::Incomplete) => Display::Incomplete,
                    (_, Bed::Clear, Config::Ok) => Display::Idle,
                },
            },
        }
    }

    /// Brings the derived facets in line with the rest; called at every write.
    pub fn settle(&mut self) {
        self.config =
            if self.machine.missing().is_empty() && !self.link.credential_lost { Config::Ok } else { Config::Incomplete };
        self.bed = match (&self.bed_token, self.bed) {
            (Some(_), _) => Bed::Clear,
            (None, Bed::Clear) => Bed::NeedsClear,
            (None, bed @ (Bed::NeedsClear | Bed::Unknown)) => bed,
        };
        self.display = self.display_word();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn shown(changes: serde_json::Value) -> Display {
        let mut document = json!({
            "id": "prn_00000000000000000000000000000001", "name": "P", "link": {"driver": "d", "address": "a"},
            "machine": {"model": "M", "nozzle_mm": 0.4, "build_volume_mm": {"x": 1.0, "y": 1.0, "z": 1.0}},
            "connection": "online", "activity": "idle", "bed": "needs_clear", "admin": "enabled", "config": "ok",
            "control": "ok", "display": "unknown", "bed_use": "use_1", "created_at": "2026-01-01T00:00:00.000Z",
        });
        let (Some(document), Some(changes)) = (document.as_object_mut(), changes.as_object()) else { unreachable!() };
        document.extend(changes.clone());
        let mut printer: Printer = serde_json::from_value(document.clone().into()).unwrap();
        printer.settle();
        printer.display
    }

    #[test]
    fn a_bed_to_clear_is_shown_only_once_nothing_is_on_it() {
        let attempt = "att_00000000000000000000000000000001";
        assert_eq!(shown(json!({})), Display::NeedsClear);
        assert_eq!(shown(json!({"attempt_id": attempt, "activity": "printing"})), Display::Printing);
        assert_eq!(shown(json!({"attempt_id": attempt})), Display::Busy);
    }

    #[test]
    fn a_print_of_which_nothing_is_known_asks_for_a_person() {
        assert_eq!(shown(json!({"bed": "unknown"})), Display::Attention);
    }

    #[test]
    fn what_people_decided_comes_before_what_the_machine_says() {
        assert_eq!(shown(json!({"admin": "disabled", "activity": "error"})), Display::Disabled);
        assert_eq!(shown(json!({"admin": "quarantined"})), Display::Quarantined);
        assert_eq!(shown(json!({"connection": "offline", "activity": "printing"})), Display::Offline);
    }

    #[test]
    fn a_bed_without_its_token_is_never_clear() {
        assert_eq!(shown(json!({"bed": "clear"})), Display::NeedsClear);
    }
}
