//! Log reader → projection by permission → sink. Everything that tells the world what happened (the
//! live stream, webhooks, MQTT, notifications) reads the log through here; nobody publishes by hand.

mod projection;
mod reader;

pub use projection::Sight;
pub use reader::{Batch, LogReader};
