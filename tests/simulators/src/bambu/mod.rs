//! A Bambu Lab printer on the LAN: an MQTT broker, FTPS, camera and announcements of its own, and the printer behind them. There is no
//! real printer to compare with; it keeps to what is published about them, and two programs that other people wrote are its judges.
//!
//! `core` takes and gives the values of `door`, `shell` puts it on sockets; inside: `packets` (MQTT's bytes), `clients` (who is
//! connected), `requests` (what they ask), `ftp` (the upload's side), `machine` (the printer), `card` (what survives a power cut), `project` (what is in a
//! sliced file), `announce` (how it is found), `camera`, `identity` (its certificate).

mod announce;
mod camera;
mod card;
mod clients;
mod codes;
pub mod core;
pub mod door;
mod ftp;
pub mod identity;
mod machine;
pub mod packets;
mod project;
mod requests;
pub mod settings;
pub mod shell;

#[cfg(test)]
mod tests;
