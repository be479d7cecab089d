//! Decides which job goes to which printer, and says of everything else why it waits. Knows nothing of
//! networks, clocks or the database: the same snapshot always gives the same plan, whatever the order
//! of its lists.
//!
//! `snapshot` is what goes in, `plan` what comes out. `planner` decides; it asks `standing` what keeps a
//! printer from any job, `demand` what keeps it from this job, and `index` holds the answers as bit sets.

mod bits;
mod demand;
pub mod feeds;
mod index;
pub mod plan;
pub mod planner;
pub mod snapshot;
mod standing;
