//! The nouns of a print farm, their states, and who may do what. Values and rules only: this crate
//! knows no clock, no randomness, no network and no database; whatever time or id a rule needs is
//! handed in. The words are those of `docs/product.md`.

pub mod access;
pub mod account;
pub mod actor;
pub mod amount;
pub mod attempt;
pub mod bed;
pub mod command;
pub mod device;
pub mod farm;
pub mod field;
pub mod filament;
pub mod file;
pub mod fingerprint;
pub mod hex;
pub mod id;
pub mod job;
pub mod key;
pub mod kind;
pub mod limit;
pub mod network;
pub mod operator;
pub mod order;
pub mod pairing;
pub mod part;
pub mod permission;
pub mod print_object;
pub mod printer;
pub mod recovery;
pub mod role;
pub mod secret;
pub mod sku;
pub mod sliced;
pub mod state;
pub mod stock;
pub mod telemetry;
pub mod text;
pub mod time;
pub mod usage;
pub mod waiting;
pub mod webhook;
