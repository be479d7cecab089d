//! One of several things in a print, where the printer tells them apart: it can be left out while the rest goes on.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A thing in a print.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PrintObject {
    /// How it is named to the printer.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// It is left out.
    pub skipped: bool,
    /// It is printed right now.
    pub printing: bool,
}
