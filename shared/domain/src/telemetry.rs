//! What a printer shows of itself right now. It lives in memory and never touches the disk.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::time::Timestamp;

/// One temperature in °C.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Temperature {
    /// As measured.
    pub actual_celsius: f64,
    /// As wanted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_celsius: Option<f64>,
}

/// The live values of one printer.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Telemetry {
    /// Nozzles, in the order of the tools.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub nozzles: Vec<Temperature>,
    /// The bed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bed: Option<Temperature>,
    /// The chamber.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chamber: Option<Temperature>,
    /// How much of the print is done, 0 to 1, as the printer tells it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub progress: Option<f64>,
    /// How long the print still takes, in seconds, as the printer tells it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remaining_seconds: Option<u32>,
    /// How long it has printed, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub elapsed_seconds: Option<u32>,
    /// The layer being printed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub layer: Option<u32>,
    /// Layers in all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub layers: Option<u32>,
    /// The file's name as the printer tells it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// When the printer was last heard.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seen_at: Option<Timestamp>,
}
