//! The audit: who changed what, read, exported and verified.

mod export_audit;
mod list_audit;
mod verify_audit;
