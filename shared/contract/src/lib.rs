//! The public contract: what can be asked, by whom, what is answered, what is told, and what can go
//! wrong. Types and rows only; what an operation does stands in the `api` crate. Routes, OpenAPI, the
//! permission table, the tools for AI agents and the client of the command line are read from here.

pub mod event;
pub mod forward;
pub mod list;
pub mod operation;
pub mod ops;
pub mod patch;
pub mod problem;
pub mod record;
