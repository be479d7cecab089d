//! Spools: physical reels, and the slots that they are in.

mod create_spool;
mod delete_spool;
mod edit_spool;
mod list_spool_ledger;
mod load;
mod measure_spool;
