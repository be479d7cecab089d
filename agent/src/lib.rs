//! The farm agent: owns the floor, drives the printers, and serves the API on the farm's network. It
//! needs nobody else to keep the floor going.

mod assemble;
pub mod config;
mod discovery;
pub mod dispatch;
mod first_run;
pub mod fleet;
mod floor;
mod housekeeping;
mod page;
pub mod uplink;

pub use assemble::{Agent, AssembleError, Running};
