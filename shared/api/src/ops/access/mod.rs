//! Who is calling, and the sessions of people.

mod create_session;
mod delete_own_session;
mod delete_session;
mod get_me;
mod list_permissions;
mod pin;
mod set_own_pin;
mod set_owner_password;

pub(crate) use create_session::known_as;
pub use create_session::{SESSION_DAYS, one_time_link};
