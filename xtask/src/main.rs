//! What keeps this repository in order: `cargo xtask tidy` checks rules that no compiler knows, `cargo xtask generate` writes the
//! pages of docs/generated out of the code that they describe. Changes nothing else, and needs no network.

mod generate;
#[cfg(test)]
mod law;
mod tidy;
mod workspace;

use std::process::ExitCode;

use generate::Mode;
use workspace::Workspace;

const USAGE: &str = "usage: cargo xtask tidy | cargo xtask generate [--check]";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let task: fn(&Workspace) -> Result<Vec<String>, String> = match words.as_slice() {
        ["tidy"] => |workspace| Ok(tidy::faults(workspace)?.iter().map(ToString::to_string).collect()),
        ["generate"] => |workspace| generate::run(workspace, Mode::Write),
        ["generate", "--check"] => |workspace| generate::run(workspace, Mode::Check),
        _ => return failed(&[USAGE.to_owned()]),
    };
    match Workspace::read().and_then(|workspace| task(&workspace)) {
        Ok(faults) if faults.is_empty() => ExitCode::SUCCESS,
        Ok(faults) => failed(&faults),
        Err(error) => failed(&[error]),
    }
}

fn failed(lines: &[String]) -> ExitCode {
    for line in lines {
        eprintln!("{line}");
    }
    ExitCode::FAILURE
}
