//! The installation itself.

mod get_doctor;
mod get_version;
mod list_drivers;
mod list_errors;
