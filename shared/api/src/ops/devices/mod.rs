//! Phones and tablets of the floor.

mod create_device;
mod delete_device;
mod edit_device;
