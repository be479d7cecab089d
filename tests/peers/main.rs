//! Stories against real counterparts: programs that other people wrote, started on this machine alone. Only `./test` runs them
//! (feature `peers`), since it knows where it installed them. Nothing here may outlive its story.

#![expect(clippy::unwrap_used, reason = "a story whose counterpart does not start has failed")]

#[path = "../../shared/api/tests/it/authority.rs"]
mod authority;
mod bambu;
mod bambu_whole_way;
mod certificate;
mod judge;
mod kill_table;
mod marlin;
mod moonraker;
mod mosquitto;
mod octoprint;
#[expect(dead_code, reason = "the stories of the line use more of it")]
#[path = "../tunnel/pair.rs"]
mod pair;
mod prusalink;
#[expect(dead_code, reason = "the relay's own tests use more of it")]
#[path = "../../relay/tests/it/farm.rs"]
mod relay_farm;
mod slicer;
mod through_the_relay;
mod tus;
mod webhooks;
mod whole_way;

/// Where `./test` put a program.
fn place(variable: &str) -> String {
    std::env::var(variable).unwrap_or_else(|_| panic!("{variable} is not set; these stories are run by `./test`"))
}

/// A script that stands beside this file.
fn script(name: &str) -> std::path::PathBuf {
    std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("peers").join(name)
}

/// What the stories print.
fn fixture(name: &str) -> std::path::PathBuf {
    std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(name)
}
