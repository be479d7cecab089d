//! Moonraker's core on a real loopback socket.

use super::core::Core;
use crate::web::shell;

/// Starts simulated Moonraker servers.
pub type MoonrakerSim = shell::Sim<Core>;

/// A simulated Moonraker on a socket.
pub type Running = shell::Running<Core>;
