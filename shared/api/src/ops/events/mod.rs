//! The event log.

mod get_event;
mod list_event_types;
mod list_events;
