//! The things in a print, where the printer tells them apart.

use domain::access::Access;
use domain::command::Command;
use domain::id::PrinterId;
use domain::permission::Permission;
use domain::print_object::PrintObject;
use schemars::JsonSchema;
use serde::Deserialize;

use super::Listed;
use crate::list::View;
use crate::operation::{Json, Nothing, Of};

/// What is to be left out.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SkipAsked {
    /// The object's `id`.
    pub object: String,
}
impl Json for SkipAsked {}

crate::operations! {
    /// List the things in the print that is on a printer.
    ///
    /// Empty where nothing is printed, or where the printer or the file does not tell them apart.
    ListPrintObjects = "list_print_objects" Get "/v1/printers/{id}/objects" {
        access: Access::Needs(Permission::PrinterControl), home: Farm, nature: Live, ai: Read,
        target: Of<PrinterId>, query: Nothing, body: Nothing, reply: Listed<PrintObject>, status: 200
    }
    /// Leave one thing out of the print of ours on a printer; the rest goes on.
    ///
    /// It cannot be taken back. For printers with the capability `skip_object`.
    SkipObject = "skip_object" Post "/v1/printers/{id}/skip-object" {
        access: Access::Needs(Permission::PrinterControl), home: Farm, nature: Refused, ai: Approval,
        target: Of<PrinterId>, query: Nothing, body: SkipAsked, reply: View<Command>, status: 200, dry_run: true
    }
}
