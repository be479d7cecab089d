//! Every operation's row, a file per noun.

pub mod access;
pub mod account;
pub mod accounts;
pub mod attempts;
pub mod audit;
pub mod claims;
pub mod commands;
pub mod devices;
pub mod events;
pub mod farms;
pub mod files;
pub mod jobs;
pub mod key_presets;
pub mod key_usage;
pub mod key_work;
pub mod keys;
pub mod materials;
pub mod operators;
pub mod orders;
pub mod parts;
pub mod pools;
pub mod print_objects;
pub mod printer_setup;
pub mod printers;
pub mod queue;
pub mod roles;
pub mod skus;
pub mod spools;
pub mod stock;
pub mod system;
pub mod uploads;
pub mod ways_in;
pub mod webhooks;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Everything that could be listed at once, because there is never much of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Listed<T> {
    /// The items.
    pub items: Vec<T>,
}
