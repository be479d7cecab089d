//! Stories over real processes and real sockets: the agent is a child of the test, the printers are
//! ours. Needs nothing installed; what needs real counterparts is told in `peers`.

#![expect(clippy::unwrap_used, reason = "a story that cannot go on has failed")]

mod bed;
#[expect(dead_code, reason = "the API's own tests use more of it")]
#[path = "../../shared/api/tests/it/bodies.rs"]
mod bodies;
mod canary;
mod demo;
mod ends;
mod farm_away;
mod kill_table;
mod marlin;
mod prusalink;
mod relay_away;
mod test_farm;
mod up;
mod uploads;
mod waiting;
mod webhooks;
mod whole_way;
