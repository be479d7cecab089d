//! Keeps a task for every printer that there is, with the link that it has, and wakes the tasks that an
//! event concerns. Asks the store first, then follows its log.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use api::blobs::Blobs;
use api::clock::Clock;
use contract::event::Event;
use domain::file::ContentHash;
use domain::id::PrinterId;
use domain::kind::Kind;
use domain::printer::{Link, Printer};
use domain::secret::Secret;
use domain::time::Timestamp;
use drivers::LinkSpec;
use fanout::LogReader;
use store::{Sealer, Store, StoreError};
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use super::core::Timing;
use super::{Live, task};

/// What the fleet needs of the agent.
#[derive(Clone)]
pub struct Outside {
    /// The store.
    pub store: Store,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// Content.
    pub blobs: Blobs,
    /// The key for secrets.
    pub sealer: Sealer,
    /// Live values.
    pub live: Arc<Live>,
    /// The certificates (DER) of those that vouch for machines.
    pub authorities: Arc<[Vec<u8>]>,
    /// Windows of time.
    pub timing: Timing,
}

impl Outside {
    /// Now.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// What drivers need.
    pub fn for_drivers(&self) -> drivers::Outside {
        let clock = Arc::clone(&self.clock);
        drivers::Outside {
            blobs: Arc::new(Content(self.blobs.clone())),
            now: Arc::new(move || clock.now()),
            authorities: Arc::clone(&self.authorities),
        }
    }
}

struct Content(Blobs);

impl drivers::Blobs for Content {
    fn path(&self, hash: &ContentHash) -> Option<std::path::PathBuf> {
        self.0.find(hash)
    }
}

struct Tended {
    link: Link,
    wake: Arc<Notify>,
    task: JoinHandle<()>,
}

/// The tasks of all printers.
pub struct Fleet {
    outside: Outside,
    printers: BTreeMap<PrinterId, Tended>,
}

impl Fleet {
    /// A fleet that tends nothing yet.
    pub const fn new(outside: Outside) -> Self {
        Self { outside, printers: BTreeMap::new() }
    }

    /// Tends the printers for as long as the store is open. Dropping it ends every task.
    pub async fn run(mut self) {
        let mut reader = match LogReader::new(self.outside.store.clone(), None, Vec::new()) {
            Ok(reader) => reader,
            Err(error) => return tracing::error!(%error, "the fleet cannot follow the log"),
        };
        self.tend();
        loop {
            match reader.read() {
                Ok(batch) => {
                    let changed = batch.events.iter().any(|stored| stored.event.subject.kind == Kind::Printer);
                    if changed || batch.gap {
                        self.tend();
                    }
                    batch.events.iter().for_each(|stored| self.wake(&stored.event));
                    if batch.gap {
                        self.wake_all();
                    }
                }
                Err(error) => {
                    tracing::error!(%error, "the log cannot be read");
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
            }
            if !reader.behind() && !reader.changed().await {
                return;
            }
        }
    }

    /// Starts, restarts and ends tasks, so that they are those of the printers that there are.
    fn tend(&mut self) {
        let printers = match self.outside.store.read(|rows| rows.all::<Printer>()) {
            Ok(printers) => printers,
            Err(error) => return tracing::error!(%error, "the printers cannot be read"),
        };
        let there: BTreeMap<PrinterId, Link> = printers.into_iter().map(|row| (row.record.id, row.record.link)).collect();
        let live = Arc::clone(&self.outside.live);
        self.printers.retain(|id, tended| {
            let same = there.get(id) == Some(&tended.link) && !tended.task.is_finished();
            if !same {
                tended.task.abort();
            }
            if !there.contains_key(id) {
                live.forget(*id);
            }
            same
        });
        for (id, link) in there {
            if !self.printers.contains_key(&id) {
                match self.start(id, &link) {
                    Ok(tended) => drop(self.printers.insert(id, tended)),
                    Err(error) => tracing::error!(printer = %id, %error, "the printer's credential cannot be read"),
                }
            }
        }
    }

    fn start(&self, id: PrinterId, link: &Link) -> Result<Tended, StoreError> {
        let owner = id.to_string();
        let credential = self.outside.store.read(|rows| rows.secret(&self.outside.sealer, &owner, "credential"))?;
        let spec = LinkSpec {
            driver: link.driver.clone(),
            address: link.address.clone(),
            serial: link.serial.clone(),
            certificate: link.certificate.clone(),
            credential: credential.map(Secret::new),
        };
        let connection = match drivers::connect(&spec, self.outside.for_drivers()) {
            Ok(connection) => connection,
            Err(problem) => never(problem),
        };
        let wake = Arc::new(Notify::new());
        let task = tokio::spawn(task::run(id, connection, self.outside.clone(), Arc::clone(&wake)));
        Ok(Tended { link: link.clone(), wake, task })
    }

    fn wake(&self, event: &Event) {
        let id = match event.subject.kind {
            Kind::Printer => Some(event.subject.id.as_str()),
            Kind::Attempt | Kind::Command | Kind::Job => event.data.get("printer_id").and_then(|id| id.as_str()),
            Kind::Farm => return self.wake_all(),
            Kind::Pool
            | Kind::File
            | Kind::Part
            | Kind::Store
            | Kind::User
            | Kind::Role
            | Kind::ApiKey
            | Kind::SlicerKey
            | Kind::Session
            | Kind::Sku
            | Kind::Order
            | Kind::Material
            | Kind::Spool
            | Kind::SpoolEntry
            | Kind::Slot
            | Kind::Stock
            | Kind::StockEntry
            | Kind::Webhook
            | Kind::Delivery
            | Kind::Operator
            | Kind::Device => None,
        };
        if let Some(tended) = id.and_then(|id| id.parse().ok()).and_then(|id: PrinterId| self.printers.get(&id)) {
            tended.wake.notify_one();
        }
    }

    fn wake_all(&self) {
        self.printers.values().for_each(|tended| tended.wake.notify_one());
    }
}

impl Drop for Fleet {
    fn drop(&mut self) {
        self.printers.values().for_each(|tended| tended.task.abort());
    }
}

/// A connection that only ever says why there is none: a setting that makes no sense is the owner's to
/// mend, and until then the printer is shown as offline with that reason.
fn never(problem: drivers::contract::LinkProblem) -> drivers::Connection {
    let (orders, mut asked) = tokio::sync::mpsc::channel(8);
    let (tell, reports) = tokio::sync::mpsc::channel(8);
    tokio::spawn(async move {
        if tell.send(drivers::contract::Report::Lost(problem)).await.is_ok() {
            // Orders for a link that is down have no effect; the reports stay open until it is dropped.
            while asked.recv().await.is_some() {}
        }
    });
    drivers::Connection { orders, reports }
}
