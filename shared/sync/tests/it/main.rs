//! The rules of a session one by one, and both sides against each other over a bad link.

mod rules;
mod simulation;
mod world;
