//! How printers come to a farm: found on its network, added like another one, or many at once out of a table.

use std::collections::BTreeSet;

use domain::access::Access;
use domain::id::PrinterId;
use domain::permission::Permission;
use domain::printer::Printer;
use domain::secret::Secret;
use domain::text::{ExternalId, Name, Serial, Tag};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Listed;
use crate::list::View;
use crate::operation::{Json, Nothing, Of};

/// Where to look for printers.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ScanAsked {
    /// Addresses and small networks (at most 256 addresses each) to ask besides, such as `192.168.1.0/24`: for printers that
    /// announce themselves to nobody, or in a network that calls to all do not reach.
    pub addresses: Vec<String>,
}
impl Json for ScanAsked {}

/// Something that only a person can tell of a found printer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum StillNeeded {
    /// Its key or access code.
    Credential,
    /// Its serial number.
    Serial,
}

/// A printer that was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FoundPrinter {
    /// The driver that it is for.
    pub driver: String,
    /// What people call that driver.
    pub driver_title: String,
    /// Where it is, as that driver wants it.
    pub address: String,
    /// What it calls itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Its model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// Its serial number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub serial: Option<Serial>,
    /// What its firmware or server calls itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub firmware: Option<String>,
    /// What is still to be told before it can be added.
    pub still_needed: Vec<StillNeeded>,
    /// What has to be done at the machine first, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub advice: Option<String>,
    /// The printer that it is already added as, if you may see that one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub printer_id: Option<PrinterId>,
    /// It is added, but with another address: correct that one.
    #[serde(default)]
    pub moved: bool,
}

/// What a scan found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ScanFound {
    /// Each machine once.
    pub items: Vec<FoundPrinter>,
    /// Ways of looking that did not work, each in words.
    pub hindrances: Vec<String>,
}

/// A printer with the settings of another.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ClonedPrinter {
    /// What people call the new one.
    pub name: Name,
    /// Where the new one is, as the driver says.
    pub address: String,
    /// Its serial number.
    #[serde(default)]
    pub serial: Option<Serial>,
    /// Its key or access code. Written once, never shown. The other printer's is not taken over.
    #[serde(default)]
    pub credential: Option<Secret<String>>,
    /// Its labels; those of the other printer if they are not given.
    #[serde(default)]
    pub tags: Option<BTreeSet<Tag>>,
    /// The id that another system gave to it.
    #[serde(default)]
    pub external_id: Option<ExternalId>,
}
impl Json for ClonedPrinter {}

/// A table of printers.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PrinterTable {
    /// CSV with a head: `name`, `driver` and `address`, and as far as you have them `serial`, `credential`, `model`, `nozzle_mm`,
    /// `build_volume_mm` (such as `250x210x220`), `plate_type`, `tags` (separated by blanks), `external_id`. Separated by commas,
    /// semicolons or tabs; at most 200 printers. Keys and access codes in it are written once and never shown.
    pub csv: Secret<String>,
}
impl Json for PrinterTable {}

crate::operations! {
    /// Look for printers on the farm's network and USB ports.
    ///
    /// Takes some seconds. Changes nothing, and sends no key to anybody. What is found is what machines say of themselves: test
    /// the connection before you believe it.
    ScanPrinters = "scan_printers" Post "/v1/printers/scan" {
        access: Access::Needs(Permission::PrinterCreate), home: Farm, nature: Live, ai: Hidden,
        target: Nothing, query: Nothing, body: ScanAsked, reply: ScanFound, status: 200
    }
    /// Add a printer with the driver, machine and tags of another.
    ///
    /// What only that one has is not taken over: its address, key, loaded filament, metadata.
    ClonePrinter = "clone_printer" Post "/v1/printers/{id}/clone" {
        access: Access::Needs(Permission::PrinterCreate), home: Farm, nature: Refused, ai: Hidden,
        target: Of<PrinterId>, query: Nothing, body: ClonedPrinter, reply: View<Printer>, status: 201
    }
    /// Add many printers out of a table.
    ///
    /// All or none: every mistake is told with its line, and then no printer is added. Try it with `dry_run` first.
    ImportPrinters = "import_printers" Post "/v1/printers/import" {
        access: Access::Needs(Permission::PrinterCreate), home: Farm, nature: Refused, ai: Hidden,
        target: Nothing, query: Nothing, body: PrinterTable, reply: Listed<View<Printer>>, status: 201, dry_run: true
    }
}
