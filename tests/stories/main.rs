//! Stories over real processes and real sockets: the agent is a child of the test, the printers are
//! ours. Needs nothing installed; what needs real counterparts is told in `peers`.

#![expect(clippy::unwrap_used, reason = "a story that cannot go on has failed")]

mod bed;
mod demo;
mod ends;
mod kill_table;
mod up;
mod uploads;
mod waiting;
mod webhooks;
mod whole_way;
