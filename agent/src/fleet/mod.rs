//! The fleet: a task per printer. Each is a core without io ([`core::PrinterCore`]) under a thin shell;
//! one printer's slowness or death never touches another's.

pub mod acts;
mod changes;
pub mod core;
mod facets;
mod facts;
mod feeds;
mod flight;
mod live;
mod supervisor;
mod task;

pub use changes::{Change, apply};
pub use facts::{Facts, read_facts};
pub use live::Live;
pub use supervisor::{Fleet, Outside};
