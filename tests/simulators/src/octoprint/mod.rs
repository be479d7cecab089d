//! An OctoPrint 1.11 server with one printer on its serial line. What it answers was compared with
//! a real server (`fixtures/octoprint-*.jsonl`); where a real server does something odd, so does this.
//!
//! `core` takes and gives the values of `door`, `shell` puts it on a socket; inside: `rest` (routes), `uploads`
//! (multipart and file commands), `push` (the websocket),
//! `machine` (the printer), `disk` (what survives a power cut).

pub mod core;
mod disk;
pub mod door;
mod machine;
mod push;
mod rest;
pub mod settings;
pub mod shell;

#[cfg(test)]
mod tests;
mod uploads;
mod wire;
