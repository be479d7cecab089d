//! `./bench`: speed and cost, measured on real processes. Each measure prints what it saw and the bar that it is held to; a missed bar
//! ends the program with an error.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a measure that cannot go on has failed, and what it saw is printed"
)]

mod access;
mod measure;
mod serial;

use std::process::ExitCode;

use crate::measure::Verdicts;

#[tokio::main]
async fn main() -> ExitCode {
    let asked = std::env::args().nth(1).unwrap_or_default();
    let mut verdicts = Verdicts::default();
    match asked.as_str() {
        "revoke" => access::revoke(&mut verdicts).await,
        "keys" => access::keys(&mut verdicts).await,
        "isolation" => access::isolation(&mut verdicts).await,
        "access" => {
            access::revoke(&mut verdicts).await;
            access::keys(&mut verdicts).await;
            access::isolation(&mut verdicts).await;
        }
        "serial" => serial::serial(&mut verdicts).await,
        other => {
            println!("there is no measure `{other}`");
            return ExitCode::from(2);
        }
    }
    verdicts.end()
}
