//! The relay: the farm's door to the world. A thin server that gives the outside one permissioned API,
//! signed webhooks and an MQTT stream, and holds a copy of each farm; it never writes a farm's facts.
//! It assembles the same operations as the agent, for the accounts of many stores.

pub mod assemble;
pub mod config;
mod content;
mod housekeeping;
mod leavers;
pub mod mqtt;
mod page;
pub mod tunnel;
mod ways_in;
pub mod webhooks;
