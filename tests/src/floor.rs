//! The smallest floor: one farm, one printer, and the line between them.

use serde_json::json;

use crate::counterpart::{Counterpart, Door};
use crate::farm::{FAST, Farm};
use crate::proxy::Proxy;

/// One farm with one printer.
pub struct Floor<C> {
    /// The farm.
    pub farm: Farm,
    /// The printer itself.
    pub machine: C,
    /// The line to it.
    pub proxy: Proxy,
    /// Its id at the farm.
    pub printer: String,
    files: u32,
}

impl<C: Counterpart> Floor<C> {
    /// Both run, and the farm hears the printer; its bed is not clear.
    pub async fn start() -> Self {
        Self::start_with(C::start().await, FAST).await
    }

    /// The same with that printer and these settings.
    pub async fn start_with(machine: C, settings: &str) -> Self {
        let Door { url, key } = machine.door();
        let proxy = Proxy::to(&url).await;
        let farm = Farm::start_with(settings).await;
        let printer = farm.add_printer_of(C::DRIVER, "P01", &Door { url: proxy.url.clone(), key }).await;
        farm.printer_until(&printer, "connection", "online").await;
        Self { farm, machine, proxy, printer, files: 0 }
    }

    /// Queues a print of its own content that takes about so long.
    pub async fn queue(&mut self, seconds: u32) -> String {
        self.files += 1;
        let content = format!("{}; file {}\n", C::gcode(seconds), self.files);
        let file = self.farm.upload(&format!("file-{}.gcode", self.files), content).await;
        self.farm.queue(&file).await
    }

    /// A person takes away what lies on the idle printer, and lets the next print start at once.
    pub async fn clear(&self) {
        self.machine_is_idle().await;
        self.farm.clear(&self.printer, true).await;
    }

    /// A job whose print was seen to begin.
    pub async fn printing(&mut self, seconds: u32) -> String {
        self.clear().await;
        let job = self.queue(seconds).await;
        self.farm.until_told("job.started", &job).await;
        job
    }

    /// Waits until the farm sees the printer idle, or with the finish of its last print still on its screen.
    pub async fn machine_is_idle(&self) {
        let free = |printer: &serde_json::Value| printer["activity"] == "idle" || printer["activity"] == "finished";
        self.farm.until(&format!("/v1/printers/{}", self.printer), "a printer without a print", free).await;
    }

    /// A person says what became of a job of unknown state.
    pub async fn resolve(&self, job: &str, outcome: &str) -> serde_json::Value {
        self.farm.post(&format!("/v1/jobs/{job}/resolve"), json!({"outcome": outcome})).await
    }

    /// No attempt was started twice, by the line's count and by the printer's own.
    ///
    /// # Panics
    /// When one was.
    pub async fn nothing_was_started_twice(&self) {
        let passed = self.proxy.starts();
        assert!(passed.iter().all(|starts| *starts <= 1), "starts of each file: {passed:?}");
        let counted = self.machine.prints_of_files().await;
        assert!(counted.values().all(|prints| *prints <= 1), "the printer printed one file twice: {counted:?}");
    }
}
