//! A Moonraker 0.11 server with one Klipper printer. What it answers was compared with a real server
//! (`fixtures/moonraker-*.jsonl`); where a real server does something odd, so does this.
//!
//! `core` takes and gives the values of `door`, `shell` puts it on a socket; inside: `rest` (routes, who may
//! enter), `calls` (what both doors can be asked), `files` (uploads, copies, listings), `push` (the
//! websocket), `machine` (Klipper), `disk` and `history` (what survives a power cut).

mod calls;
pub mod core;
mod disk;
pub mod door;
mod files;
mod history;
mod machine;
mod push;
mod rest;
pub mod settings;
pub mod shell;
#[cfg(test)]
mod tests;
