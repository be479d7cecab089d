//! PrusaLink's core on a real loopback socket.

use super::core::Core;
use crate::web::shell;

/// Starts simulated PrusaLink servers.
pub type PrusaLinkSim = shell::Sim<Core>;

/// A simulated PrusaLink on a socket.
pub type Running = shell::Running<Core>;
