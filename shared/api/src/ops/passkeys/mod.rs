//! One's own passkeys.

mod begin_passkey;
mod create_passkey;
mod delete_passkey;
