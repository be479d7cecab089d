//! Printers: their settings, their beds, and what is asked of them.

use std::collections::BTreeSet;

use domain::access::Access;
use domain::bed::BedUse;
use domain::command::Command;
use domain::id::PrinterId;
use domain::permission::Permission;
use domain::printer::{Capability, Loaded, Machine, Printer};
use domain::secret::Secret;
use domain::telemetry::Telemetry;
use domain::text::{ExternalId, Fingerprint, Metadata, Name, Note, Serial, Tag};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Listed;
use crate::list::{ListQuery, Page, View};
use crate::operation::{Json, Nothing, Of, given, present};
use crate::patch::Patch;

/// A new printer.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewPrinter {
    /// What people call it.
    pub name: Name,
    /// How it is reached.
    pub link: NewLink,
    /// What it is.
    #[serde(default)]
    pub machine: Machine,
    /// Its labels.
    #[serde(default)]
    pub tags: BTreeSet<Tag>,
    /// What is loaded.
    #[serde(default)]
    pub loaded: Vec<Loaded>,
    /// The id that another system gave to it.
    #[serde(default)]
    pub external_id: Option<ExternalId>,
    /// Your pairs.
    #[serde(default)]
    pub metadata: Metadata,
}
impl Json for NewPrinter {}

/// How a printer is reached.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewLink {
    /// The driver's name, one of `GET /v1/system/drivers`.
    pub driver: String,
    /// Where the printer is, as the driver says.
    pub address: String,
    /// Its serial number. Some drivers need it; with it the printer is found again when its address changes.
    #[serde(default)]
    pub serial: Option<Serial>,
    /// The SHA-256 of its certificate, once you have confirmed that it is the printer's: only for drivers that ask for it.
    #[serde(default)]
    pub certificate: Option<Fingerprint>,
    /// Its key or access code. Written once, never shown.
    #[serde(default)]
    pub credential: Option<Secret<String>>,
}
impl Json for NewLink {}

/// A change to a printer.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EditPrinter {
    /// A new name.
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "Name")]
    pub name: Option<Name>,
    /// Another way to reach it.
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "EditLink")]
    pub link: Option<EditLink>,
    /// What it is; `null` = nothing is known.
    #[serde(default, deserialize_with = "present")]
    #[schemars(with = "Option<Patch<Machine>>")]
    pub machine: Option<Option<Patch<Machine>>>,
    /// Its labels.
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "BTreeSet<Tag>")]
    pub tags: Option<BTreeSet<Tag>>,
    /// What is loaded.
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "Vec<Loaded>")]
    pub loaded: Option<Vec<Loaded>>,
    /// The id that another system gave to it.
    #[serde(default, deserialize_with = "present")]
    #[schemars(with = "Option<ExternalId>")]
    pub external_id: Option<Option<ExternalId>>,
    /// Your pairs; `null` = none.
    #[serde(default, deserialize_with = "present")]
    #[schemars(with = "Option<Patch<Metadata>>")]
    pub metadata: Option<Option<Patch<Metadata>>>,
}
impl Json for EditPrinter {}

/// A change to how a printer is reached; what is not named stays.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EditLink {
    /// The driver's name.
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "String")]
    pub driver: Option<String>,
    /// Where the printer is, as the driver says.
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "String")]
    pub address: Option<String>,
    /// Its serial number; `null` = it is not known.
    #[serde(default, deserialize_with = "present")]
    #[schemars(with = "Option<Serial>")]
    pub serial: Option<Option<Serial>>,
    /// Needed when the serial number changes: the printer's board was changed, and it is still the same machine with the same
    /// history. Another machine is a printer of its own.
    #[serde(default)]
    pub board_changed: bool,
    /// The SHA-256 of its certificate; `null` = none is confirmed.
    #[serde(default, deserialize_with = "present")]
    #[schemars(with = "Option<Fingerprint>")]
    pub certificate: Option<Option<Fingerprint>>,
    /// Its key or access code. Written once, never shown.
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "Secret<String>")]
    pub credential: Option<Secret<String>>,
}

/// Which bed was seen to be clear.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ClearBed {
    /// The printer's `bed_use` as it was seen: a late tap must not clear the next print's bed.
    pub bed_use: BedUse,
    /// Start the next job at once, without the ten seconds for an undo.
    #[serde(default)]
    pub start_next: bool,
}
impl Json for ClearBed {}

/// Why a printer is taken out of service.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Reason {
    /// The reason, in words.
    pub note: Option<Note>,
}
impl Json for Reason {}

/// What a printer shows right now.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PrinterTelemetry {
    /// The printer.
    pub printer_id: PrinterId,
    /// Its live values.
    pub telemetry: Telemetry,
}

/// What a test of the connection found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ConnectionFound {
    /// What its firmware or server calls itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub firmware: Option<String>,
    /// What it does.
    pub activity: domain::printer::Activity,
    /// Whether it takes orders.
    pub control: domain::printer::Control,
    /// Room for files, in bytes, where it tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub free_bytes: Option<u64>,
    /// What will hinder prints although it answers, each in words.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub concerns: Vec<String>,
}

/// A way to drive printers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DriverInfo {
    /// Its name.
    pub name: String,
    /// What people call it.
    pub title: String,
    /// What `address` must be.
    pub address_hint: String,
    /// What `serial` must be; absent if it is not needed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub serial_hint: Option<String>,
    /// What `credential` must be.
    pub credential_hint: String,
    /// What printers behind it can do.
    pub capabilities: Vec<Capability>,
}

/// A tag and how many printers have it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TagCount {
    /// The tag.
    pub tag: String,
    /// Printers.
    pub printers: u32,
}

crate::operations! {
    /// List the printers.
    ListPrinters = "list_printers" Get "/v1/printers" {
        access: Access::Needs(Permission::PrinterView), home: Farm, nature: Read, ai: Read,
        target: Nothing, query: ListQuery<Printer>, body: Nothing, reply: Page<Printer>, status: 200
    }
    /// Add a printer.
    ///
    /// Its bed is `needs_clear` until somebody clears it. Test the settings first with POST /v1/printers/test-connection.
    CreatePrinter = "create_printer" Post "/v1/printers" {
        access: Access::Needs(Permission::PrinterCreate), home: Farm, nature: Refused, ai: Hidden,
        target: Nothing, query: Nothing, body: NewPrinter, reply: View<Printer>, status: 201
    }
    /// Show one printer.
    GetPrinter = "get_printer" Get "/v1/printers/{id}" {
        access: Access::Needs(Permission::PrinterView), home: Farm, nature: Read, ai: Read,
        target: Of<PrinterId>, query: Nothing, body: Nothing, reply: View<Printer>, status: 200
    }
    /// Change a printer's settings.
    EditPrinterOp = "edit_printer" Patch "/v1/printers/{id}" {
        access: Access::Needs(Permission::PrinterEdit), home: Farm, nature: Refused, ai: Hidden,
        target: Of<PrinterId>, query: Nothing, body: EditPrinter, reply: View<Printer>, status: 200
    }
    /// Remove a printer.
    ///
    /// Refused while it has a job.
    DeletePrinter = "delete_printer" Delete "/v1/printers/{id}" {
        access: Access::Needs(Permission::PrinterDelete), home: Farm, nature: Refused, ai: Hidden,
        target: Of<PrinterId>, query: Nothing, body: Nothing, reply: Nothing, status: 204
    }
    /// Try to reach a printer with these settings, and say in words what is wrong.
    TestConnection = "test_connection" Post "/v1/printers/test-connection" {
        access: Access::Needs(Permission::PrinterCreate), home: Farm, nature: Live, ai: Hidden,
        target: Nothing, query: Nothing, body: NewLink, reply: ConnectionFound, status: 200
    }
    /// Show a printer's live values.
    GetTelemetry = "get_telemetry" Get "/v1/printers/{id}/telemetry" {
        access: Access::Needs(Permission::TelemetryView), home: Farm, nature: Live, ai: Read,
        target: Of<PrinterId>, query: Nothing, body: Nothing, reply: PrinterTelemetry, status: 200
    }
    /// Say that a printer's bed is clear.
    ///
    /// Only somebody who sees the bed may say so. It can be undone for ten seconds; a start waits those out unless `start_next` is set.
    ClearBedOp = "clear_bed" Post "/v1/printers/{id}/clear-bed" {
        access: Access::Needs(Permission::PrinterClearBed), home: Farm, nature: Refused, ai: Approval,
        target: Of<PrinterId>, query: Nothing, body: ClearBed, reply: View<Printer>, status: 200, bulk: "clear-bed"
    }
    /// Take back a clear within ten seconds.
    UndoClearBed = "undo_clear_bed" Post "/v1/printers/{id}/undo-clear-bed" {
        access: Access::Needs(Permission::PrinterClearBed), home: Farm, nature: Refused, ai: Hidden,
        target: Of<PrinterId>, query: Nothing, body: Nothing, reply: View<Printer>, status: 200, bulk: "undo-clear-bed"
    }
    /// Pause the print of ours on a printer.
    PausePrinter = "pause_printer" Post "/v1/printers/{id}/pause" {
        access: Access::Needs(Permission::PrinterControl), home: Farm, nature: Refused, ai: Approval,
        target: Of<PrinterId>, query: Nothing, body: Nothing, reply: View<Command>, status: 200, dry_run: true, bulk: "pause"
    }
    /// Resume the paused print of ours on a printer.
    ResumePrinter = "resume_printer" Post "/v1/printers/{id}/resume" {
        access: Access::Needs(Permission::PrinterControl), home: Farm, nature: Refused, ai: Approval,
        target: Of<PrinterId>, query: Nothing, body: Nothing, reply: View<Command>, status: 200, dry_run: true, bulk: "resume"
    }
    /// Cancel the print of ours on a printer, and with it its job.
    CancelPrinter = "cancel_printer" Post "/v1/printers/{id}/cancel" {
        access: Access::Needs(Permission::PrinterControl), home: Farm, nature: Refused, ai: Approval,
        target: Of<PrinterId>, query: Nothing, body: Reason, reply: View<Command>, status: 200, dry_run: true, bulk: "cancel"
    }
    /// Put a printer into service.
    EnablePrinter = "enable_printer" Post "/v1/printers/{id}/enable" {
        access: Access::Needs(Permission::PrinterMaintenance), home: Farm, nature: Refused, ai: Hidden,
        target: Of<PrinterId>, query: Nothing, body: Nothing, reply: View<Printer>, status: 200, bulk: "enable"
    }
    /// Take a printer out of service. A print on it goes on.
    DisablePrinter = "disable_printer" Post "/v1/printers/{id}/disable" {
        access: Access::Needs(Permission::PrinterMaintenance), home: Farm, nature: Refused, ai: Hidden,
        target: Of<PrinterId>, query: Nothing, body: Reason, reply: View<Printer>, status: 200, bulk: "disable"
    }
    /// Begin maintenance of a printer.
    StartMaintenance = "start_maintenance" Post "/v1/printers/{id}/start-maintenance" {
        access: Access::Needs(Permission::PrinterMaintenance), home: Farm, nature: Refused, ai: Hidden,
        target: Of<PrinterId>, query: Nothing, body: Reason, reply: View<Printer>, status: 200, bulk: "start-maintenance"
    }
    /// End maintenance of a printer.
    EndMaintenance = "end_maintenance" Post "/v1/printers/{id}/end-maintenance" {
        access: Access::Needs(Permission::PrinterMaintenance), home: Farm, nature: Refused, ai: Hidden,
        target: Of<PrinterId>, query: Nothing, body: Nothing, reply: View<Printer>, status: 200, bulk: "end-maintenance"
    }
    /// Lift the quarantine of a printer.
    LiftQuarantine = "lift_quarantine" Post "/v1/printers/{id}/lift-quarantine" {
        access: Access::Needs(Permission::PrinterMaintenance), home: Farm, nature: Refused, ai: Hidden,
        target: Of<PrinterId>, query: Nothing, body: Nothing, reply: View<Printer>, status: 200, bulk: "lift-quarantine"
    }
    /// List the tags of printers, and how many printers have each.
    ListTags = "list_tags" Get "/v1/tags" {
        access: Access::Needs(Permission::PrinterView), home: Farm, nature: Read, ai: Read,
        target: Nothing, query: Nothing, body: Nothing, reply: Listed<TagCount>, status: 200
    }
}
