//! Simulated printers: every brand by turns, each over a real socket.

use std::net::SocketAddr;

use serde_json::{Value, json};
use simulators::{moonraker, octoprint, prusalink};

use crate::failure::Failure;

/// A printer that runs.
pub enum Machine {
    /// Behind an OctoPrint.
    OctoPrint(octoprint::shell::Running, String),
    /// With Klipper, behind a Moonraker.
    Moonraker(moonraker::shell::Running, String),
    /// With PrusaLink in its firmware.
    PrusaLink(prusalink::shell::Running, String),
}

/// The drivers that the n-th printers of a new farm have, by turns.
const BY_TURNS: [&str; 3] = ["octoprint", "moonraker", "prusalink"];

/// The driver of the n-th printer of a new farm.
pub fn driver_of(n: usize) -> &'static str {
    BY_TURNS.get(n % BY_TURNS.len()).copied().unwrap_or("octoprint")
}

impl Machine {
    /// One for that driver, at that address.
    pub async fn start(driver: &str, speed: u32, address: SocketAddr) -> Result<Self, Failure> {
        match driver {
            "moonraker" => {
                use moonraker::settings::Settings;
                let settings = Settings { speed, ..Settings::default() };
                let key = settings.api_key.clone();
                let running = moonraker::shell::MoonrakerSim::start(address, settings).await.map_err(Failure::fail)?;
                Ok(Self::Moonraker(running, key))
            }
            "prusalink" => {
                use prusalink::settings::Settings;
                let settings = Settings { speed, ..Settings::default() };
                let key = settings.api_key.clone();
                let running = prusalink::shell::PrusaLinkSim::start(address, settings).await.map_err(Failure::fail)?;
                Ok(Self::PrusaLink(running, key))
            }
            _ => {
                use octoprint::settings::Settings;
                let settings = Settings { speed, ..Settings::default() };
                let key = settings.api_key.clone();
                let running = octoprint::shell::OctoPrintSim::start(address, settings).await.map_err(Failure::fail)?;
                Ok(Self::OctoPrint(running, key))
            }
        }
    }

    /// Its URL.
    pub fn url(&self) -> String {
        let address = match self {
            Self::OctoPrint(running, _) => running.address,
            Self::Moonraker(running, _) => running.address,
            Self::PrusaLink(running, _) => running.address,
        };
        format!("http://{address}")
    }

    /// How the farm reaches it.
    pub fn link(&self) -> Value {
        let (driver, key) = match self {
            Self::OctoPrint(_, key) => ("octoprint", key),
            Self::Moonraker(_, key) => ("moonraker", key),
            Self::PrusaLink(_, key) => ("prusalink", key),
        };
        json!({"driver": driver, "address": self.url(), "credential": key})
    }

    /// Ends it.
    pub async fn stop(self) {
        match self {
            Self::OctoPrint(running, _) => running.stop().await,
            Self::Moonraker(running, _) => running.stop().await,
            Self::PrusaLink(running, _) => running.stop().await,
        }
    }
}
