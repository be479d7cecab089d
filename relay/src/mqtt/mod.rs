//! The MQTT door: one more sink of the log beside the live stream. It is no broker: clients hear, as far
//! as their key may see, and never publish. What is retained is a query on the current state.
//!
//! `session` is the protocol as a function of values, `topics` the names, `present` what a key may see;
//! `connection` and `listener` are the shell. The codec is another's crate, behind `codec`.

mod codec;
mod connection;
mod listener;
mod outbox;
mod present;
mod queue;
mod session;
mod topics;

pub use connection::attend;
pub use listener::{Room, serve};
