//! The lines to the farms: each agent dials this relay and keeps one WebSocket open. Here are the shells around
//! `sync::relay`, which decides what is sent and when: the socket, the clock, the database and the signatures.

mod admit;
mod copy;
mod door;
mod farms;
mod session;
mod settle;

pub use door::{PATH, open};
pub use farms::Tunnels;
