//! The `gantry` command: assembles agent and simulators for `demo`, runs the agent, and is a client of
//! the public API for everything else.

mod demo;
mod serve;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Runs a 3D-print farm.
#[derive(Parser)]
#[command(name = "gantry", version, about)]
struct Command {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Run a whole demo farm: an agent and six simulated printers.
    Demo(demo::Demo),
    /// Run the agent of a farm.
    Agent(serve::Serve),
}

fn main() -> ExitCode {
    // One provider for the whole process; a second installation would only say that it is there.
    drop(rustls::crypto::ring::default_provider().install_default());
    let command = Command::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("gantry: {error}");
            return ExitCode::FAILURE;
        }
    };
    let done = runtime.block_on(async {
        match command.verb {
            Verb::Demo(demo) => demo.run().await,
            Verb::Agent(serve) => serve.run().await,
        }
    });
    runtime.shutdown_background();
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("gantry: {error}");
            ExitCode::FAILURE
        }
    }
}
