//! The farm, and what concerns all its printers at once.

mod edit_farm;
mod pause_all;
mod set_farm_dispatch;
mod stop_all;
