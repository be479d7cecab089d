//! What only the agent can do: look at printers, plan, test a connection. The relay has none.

use std::collections::BTreeMap;

use async_trait::async_trait;
use contract::ops::claims::ClaimShown;
use contract::ops::jobs::{WaitingSummary, Why};
use contract::ops::printer_setup::{ScanAsked, ScanFound};
use contract::ops::printers::{ConnectionFound, DriverInfo, NewLink};
use contract::ops::system::Finding;
use contract::problem::Problem;
use domain::id::{JobId, PrinterId};
use domain::print_object::PrintObject;
use domain::printer::Capability;
use domain::telemetry::Telemetry;
use tokio::sync::broadcast;

/// The live floor.
#[async_trait]
pub trait Floor: Send + Sync {
    /// What a printer shows right now; none if nothing was heard yet.
    fn telemetry(&self, printer: PrinterId) -> Option<Telemetry>;

    /// The things in the print that is on a printer, as it tells them apart; none where it does not.
    fn objects(&self, _printer: PrinterId) -> Vec<PrintObject> {
        Vec::new()
    }

    /// Live values as they come.
    fn follow_telemetry(&self) -> broadcast::Receiver<(PrinterId, Telemetry)>;

    /// Why a job does not run, per printer; none if the job does not wait.
    ///
    /// # Errors
    /// A problem if the floor cannot be read.
    fn why(&self, job: JobId) -> Result<Option<Why>, Problem>;

    /// The waiting jobs in the order in which they will be tried, with why they wait.
    ///
    /// # Errors
    /// A problem if the floor cannot be read.
    fn waiting(&self) -> Result<Vec<(JobId, WaitingSummary)>, Problem>;

    /// Tries to reach a printer.
    ///
    /// # Errors
    /// `connection_failed` with what is wrong, in words.
    async fn test_connection(&self, link: NewLink) -> Result<ConnectionFound, Problem>;

    /// Looks for printers on the network and the USB ports. Which of them are added already is not known here.
    ///
    /// # Errors
    /// `invalid_request` if an address makes no sense.
    async fn scan(&self, asked: ScanAsked) -> Result<ScanFound, Problem>;

    /// The ways to drive printers.
    fn drivers(&self) -> Vec<DriverInfo>;

    /// What printers behind a driver can do; none if there is no such driver.
    fn capabilities(&self, driver: &str) -> Option<Vec<Capability>> {
        self.drivers().into_iter().find(|known| known.name == driver).map(|known| known.capabilities)
    }

    /// How far the claim of this farm is.
    fn claim(&self) -> ClaimShown;

    /// Asks that relay for a claim code.
    ///
    /// # Errors
    /// `already_claimed`, or why the relay gave none.
    async fn begin_claim(&self, relay_url: String) -> Result<ClaimShown, Problem>;

    /// Takes the claim code back.
    fn cancel_claim(&self) -> ClaimShown;

    /// Makes a new key for the line to the relay, unless one waits already, and tells its public half.
    ///
    /// # Errors
    /// It could not be kept.
    fn rekey(&self) -> Result<Vec<u8>, Problem>;

    /// What is well and what is not.
    fn examine(&self) -> Vec<Finding>;

    /// Bytes left on the agent's disk above the reserve; none = full.
    fn disk_room(&self) -> Option<u64>;

    /// Names of jobs and printers that a summary may use.
    fn names(&self) -> BTreeMap<PrinterId, String>;
}
