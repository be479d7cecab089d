//! A board with Marlin 2 on a serial line. It takes lines as such a board does: numbers and check sums, a queue of four commands
//! behind a receive buffer of 128 bytes, moves that take time in a planner, `busy` while a command blocks, and all that its
//! sources say of `ok`, `Resend` and its emergency parser.
//!
//! `core` takes and gives the values of `door`, `shell` puts it on a pseudo-terminal; inside: `receiver` (bytes to lines),
//! `commands` (what each does), `machine` (heat and moves), `card` (prints from its own card).

mod card;
mod commands;
pub mod core;
pub mod door;
mod machine;
mod receiver;
pub mod settings;
pub mod shell;
#[cfg(test)]
mod tests;
