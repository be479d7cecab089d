//! PrusaLink in its two forms: in a printer's own firmware (a `/usb` drive, digest without `qop`, nonces of five
//! seconds, ends that stay on the screen), and version 0.8.1 on a Raspberry Pi beside an older printer (`/local`, ends
//! that pass). The second was compared with a real one (`fixtures/prusalink-*.jsonl`); the first is written after the
//! firmware's source, for nobody can run it here.
//!
//! `core` takes and gives the values of `door`, `shell` puts it on a socket; inside: `auth` (who may enter), `rest`
//! (routes), `files` (the storage), `picture` (what is told), `machine` (the printer).

mod auth;
pub mod core;
pub mod door;
mod files;
mod machine;
mod picture;
mod rest;
pub mod settings;
pub mod shell;
#[cfg(test)]
mod tests;
mod wire;
