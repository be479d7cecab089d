//! Simulated printers. Each one is a core without io (`handle(now, input)` → outputs), so that a
//! test can drive it on a virtual clock, and a thin shell that puts the core on a real loopback
//! socket for the demo and for foreign clients. Nothing here may know how the agent works: a
//! simulator speaks the wire and is judged by recordings of the real thing (`fixtures/`).

pub mod bambu;
mod clock;
mod form;
mod gcode;
mod heat;
mod line;
pub mod marlin;
pub mod moonraker;
pub mod octoprint;
pub mod prusalink;
pub mod web;
