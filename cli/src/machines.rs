//! Simulated printers over real sockets, and how a farm gets to know them: through the public API, like any other.

mod machine;

use std::net::SocketAddr;

use contract::ops::printers::{ClearBedOp, CreatePrinter, EditPrinterOp};
use reqwest::Url;
use serde_json::{Value, json};

use self::machine::{Machine, driver_of};
use crate::client::Ask;
use crate::failure::Failure;
use crate::farm::every_printer;
use crate::output::quoted;
use crate::session::Session;
use crate::table::words;

/// The printers that a simulated farm is to have.
#[derive(Debug, Clone, Copy)]
pub struct Machines {
    /// How their names begin.
    pub letter: char,
    /// How many.
    pub printers: usize,
    /// How many times faster than life they heat and print.
    pub speed: u32,
}

impl Machines {
    /// Starts them, and adds those to the farm that it does not know yet; each of these has a clear bed.
    /// Printers of a kept farm stand where they stood, as after a power cut: what they printed is gone, and the agent is left to judge it.
    ///
    /// # Errors
    /// What the farm says, or that one cannot be started.
    pub async fn start(self, session: &Session) -> Result<Started, Failure> {
        let there = every_printer(session).await?;
        let mut machines = Vec::new();
        for n in 1..=self.printers {
            let name = format!("{}{n:02}", self.letter);
            let known = there.iter().find(|known| known["name"] == name.as_str());
            let machine = start(known.and_then(driver).unwrap_or(driver_of(n)), self.speed, known.and_then(port)).await?;
            let address = machine.url();
            match known {
                Some(known) if known["link"]["address"] == address.as_str() => {}
                Some(known) => moved(session, known, &address).await,
                None => add(session, &name, &machine, n % 3 == 0).await?,
            }
            machines.push(machine);
        }
        Ok(Started { machines, were_none: there.is_empty() })
    }
}

/// Those that run.
pub struct Started {
    machines: Vec<Machine>,
    /// The farm knew no printer before.
    pub were_none: bool,
}

impl Started {
    /// Switches them off.
    pub async fn stop(self) {
        for machine in self.machines {
            machine.stop().await;
        }
    }
}

/// Of this machine alone.
pub fn here(port: u16) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], port))
}

fn port(printer: &Value) -> Option<u16> {
    Url::parse(printer["link"]["address"].as_str()?).ok()?.port()
}

fn driver(printer: &Value) -> Option<&str> {
    printer["link"]["driver"].as_str()
}

/// On its old port, if nobody else has taken it.
async fn start(driver: &str, speed: u32, port: Option<u16>) -> Result<Machine, Failure> {
    if let Some(port) = port
        && let Ok(machine) = Machine::start(driver, speed, here(port)).await
    {
        return Ok(machine);
    }
    Machine::start(driver, speed, here(0)).await
}

/// While a job is on it a printer keeps its address: then somebody has to say first what became of the job.
async fn moved(session: &Session, printer: &Value, address: &str) {
    let ask = Ask::of(words(&printer["id"])).body(json!({"link": {"address": address}}));
    if let Err(failure) = session.call::<EditPrinterOp>(ask).await {
        let name = quoted(&words(&printer["name"]));
        let text = format!("{name} is now at {address}, and the farm still looks elsewhere: {}", failure.text);
        session.out.note(&format!("{text}. After its job is resolved: gantry printers edit {name} --address {address}"));
    }
}

async fn add(session: &Session, name: &str, machine: &Machine, small: bool) -> Result<(), Failure> {
    let (model, size, tag) = if small { ("MINI", 180.0, "rack-b") } else { ("MK4S", 250.0, "rack-a") };
    let printer = json!({
        "name": name,
        "link": machine.link(),
        "machine": {"model": model, "nozzle_mm": 0.4, "build_volume_mm": {"x": size, "y": size, "z": size}},
        "tags": [tag],
    });
    let made = session.call::<CreatePrinter>(Ask::all().body(printer)).await?;
    let clear = json!({"bed_use": made["bed_use"], "start_next": true});
    session.call::<ClearBedOp>(Ask::of(words(&made["id"])).body(clear)).await?;
    Ok(())
}
