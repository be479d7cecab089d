//! What printers show right now, in memory only: for the page's live values and for planning.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use domain::id::PrinterId;
use domain::print_object::PrintObject;
use domain::telemetry::Telemetry;
use tokio::sync::broadcast;

/// Live values that a slow listener may miss before it skips ahead.
const BACKLOG: usize = 1024;

/// The live values of all printers.
pub struct Live {
    latest: Mutex<BTreeMap<PrinterId, Shown>>,
    feed: broadcast::Sender<(PrinterId, Telemetry)>,
}

/// What one printer shows.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Shown {
    /// The live values.
    pub telemetry: Telemetry,
    /// Room for files, if it says.
    pub free_bytes: Option<u64>,
    /// The things in its print, as it tells them apart.
    pub objects: Vec<PrintObject>,
}

impl Default for Live {
    fn default() -> Self {
        Self { latest: Mutex::default(), feed: broadcast::channel(BACKLOG).0 }
    }
}

impl Live {
    /// Takes what a printer shows.
    pub fn put(&self, printer: PrinterId, shown: Shown) {
        let telemetry = shown.telemetry.clone();
        self.latest.lock().unwrap_or_else(PoisonError::into_inner).insert(printer, shown);
        // Nobody listens: that is fine.
        drop(self.feed.send((printer, telemetry)));
    }

    /// What a printer showed last.
    pub fn get(&self, printer: PrinterId) -> Option<Shown> {
        self.latest.lock().unwrap_or_else(PoisonError::into_inner).get(&printer).cloned()
    }

    /// Forgets a printer.
    pub fn forget(&self, printer: PrinterId) {
        self.latest.lock().unwrap_or_else(PoisonError::into_inner).remove(&printer);
    }

    /// Live values as they come.
    pub fn follow(&self) -> broadcast::Receiver<(PrinterId, Telemetry)> {
        self.feed.subscribe()
    }
}
