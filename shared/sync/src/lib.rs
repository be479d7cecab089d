//! The session between a farm's agent and the relay, both sides. A session is a value: it is told what came in and what time it is,
//! and says what is to be done. It opens no socket, reads no clock, touches no database and checks no signature; the shells do that.
//! One session lives as long as one connection; what must outlive it is handed in at its start. See `docs/sync.md`.

pub mod farm;
pub mod feed;
pub mod frame;
pub mod intake;
pub mod relay;

/// Batches of one stream that may be on their way without an acknowledgement.
pub const WINDOW: usize = 4;
/// Items asked for in one read.
pub const ITEMS: usize = 500;
/// After so long without progress what is not acknowledged is sent again.
pub const RESEND_MS: u64 = 15_000;
/// A connection that is not open after so long is given up.
pub const HANDSHAKE_MS: u64 = 20_000;
/// Live values sent at most in one wake-up.
pub const TELEMETRY_AT_ONCE: usize = 64;
