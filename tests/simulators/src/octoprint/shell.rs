//! OctoPrint's core on a real loopback socket.

use super::core::Core;
use crate::web::shell;

/// Starts simulated OctoPrint servers.
pub type OctoPrintSim = shell::Sim<Core>;

/// A simulated OctoPrint on a socket.
pub type Running = shell::Running<Core>;
