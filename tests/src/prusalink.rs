//! Simulated PrusaLinks for stories: one in a printer, one on a Raspberry Pi.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use simulators::prusalink::door::Person;
use simulators::prusalink::settings::{Faults, Form, Settings};
use simulators::prusalink::shell::{PrusaLinkSim, Running};

use crate::counterpart::{Counterpart, Door, gcode};
use crate::until_it_holds;

/// In a printer's own firmware.
pub struct InPrinter(Running, Settings);

/// On a Raspberry Pi.
pub struct OnPi(Running, Settings);

async fn start(form: Form) -> (Running, Settings) {
    let settings = Settings { form, degrees_per_second: 2_000, settle_ms: 50, ..Settings::default() };
    let address = SocketAddr::from(([127, 0, 0, 1], 0));
    (PrusaLinkSim::start(address, settings.clone()).await.unwrap(), settings)
}

fn door(running: &Running, settings: &Settings) -> Door {
    Door { url: format!("http://{}", running.address), key: settings.api_key.clone() }
}

async fn idle(running: &Running) {
    until_it_holds("a printer without a print", async || {
        matches!(running.control.state().await, "IDLE" | "FINISHED" | "STOPPED")
    })
    .await;
}

impl InPrinter {
    /// A person does something at the machine.
    pub fn person(&self, person: Person) {
        self.0.control.person(person);
    }

    /// These faults hold from now on.
    pub fn faults(&self, faults: Faults) {
        self.0.control.faults(faults);
    }

    /// How many uploads were stored.
    pub async fn uploads(&self) -> u64 {
        self.0.control.counters().await.uploads
    }
}

impl Counterpart for InPrinter {
    const DRIVER: &'static str = "prusalink";

    async fn start() -> Self {
        let (running, settings) = start(Form::Printer).await;
        Self(running, settings)
    }

    fn door(&self) -> Door {
        door(&self.0, &self.1)
    }

    fn gcode(seconds: u32) -> String {
        gcode(seconds)
    }

    async fn idle(&self) {
        idle(&self.0).await;
    }

    async fn prints_of_files(&self) -> BTreeMap<String, u64> {
        self.0.control.counters().await.prints_begun
    }

    async fn die_and_come_back(&mut self) {
        self.0.control.power_cut(300);
        self.idle().await;
    }
}

impl Counterpart for OnPi {
    const DRIVER: &'static str = "prusalink";

    async fn start() -> Self {
        let (running, settings) = start(Form::Pi).await;
        Self(running, settings)
    }

    fn door(&self) -> Door {
        door(&self.0, &self.1)
    }

    fn gcode(seconds: u32) -> String {
        gcode(seconds)
    }

    async fn idle(&self) {
        idle(&self.0).await;
    }

    async fn prints_of_files(&self) -> BTreeMap<String, u64> {
        self.0.control.counters().await.prints_begun
    }

    async fn die_and_come_back(&mut self) {
        self.0.control.power_cut(300);
        self.idle().await;
    }
}
