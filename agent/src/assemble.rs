//! Wires the agent in one place: builds, starts, and stops in reverse.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};

use api::address::Proxies;
use api::audit::AuditKeeper;
use api::auth::SignInThrottle;
use api::blobs::Blobs;
use api::callers::Callers;
use api::clock::Clock;
use api::disk::Disk;
use api::door::{AccountHome, Door, FarmHome};
use api::entropy::SystemEntropy;
use api::floor_people::FloorPeople;
use api::keep::Keep;
use api::limits::Limits;
use api::listen::{CertificateFiles, ListenError, Listener};
use api::operation::Failure;
use api::ops::keys::insert_api_key;
use api::usage::{self, Usage};
use contract::ops::keys::NewApiKey;
use domain::access::Grants;
use domain::actor::{Actor, ActorKind};
use domain::permission::{Permission, PermissionSet};
use store::{By, OpenOptions, Sealer, Store, StoreError, Tx};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::config::Config;
use crate::fleet::core::Timing;
use crate::fleet::{Fleet, Live};
use crate::floor::AgentFloor;
use crate::uplink::Uplink;
use crate::uplink::claim::{self, Claiming};
use crate::uplink::identity::Identity;
use crate::{discovery, dispatch, first_run, fleet, housekeeping, page, uplink};

/// Why an agent could not be started.
#[derive(Debug, thiserror::Error)]
pub enum AssembleError {
    /// The data folder cannot be used.
    #[error("the data folder {0} cannot be used: {1}")]
    Folder(std::path::PathBuf, std::io::Error),
    /// Another agent uses it.
    #[error("another agent uses the data folder {0}: stop it first")]
    InUse(std::path::PathBuf),
    /// The farm was made for the other kind of printers.
    #[error("the farm of this data folder was made {}, and stays that: give the other one a folder of its own", if *live { "for real printers" } else { "as a test farm" })]
    OtherKind {
        /// What it was made as.
        live: bool,
    },
    /// The database cannot be used.
    #[error(transparent)]
    Store(#[from] store::StoreError),
    /// A setting cannot be used.
    #[error(transparent)]
    Config(#[from] crate::config::ConfigError),
    /// It cannot be listened.
    #[error(transparent)]
    Listen(#[from] ListenError),
}

/// An agent, ready to run.
pub struct Agent;

/// An agent that runs. Dropping it stops it.
pub struct Running {
    /// Where it is served.
    pub address: SocketAddr,
    /// Its door, for who assembles more around it.
    pub door: Arc<Door>,
    /// Its line to the relay.
    pub uplink: Arc<Uplink>,
    claiming: Arc<Claiming>,
    tasks: Vec<JoinHandle<()>>,
    _lock: std::fs::File,
}

impl Agent {
    /// Builds and starts an agent.
    ///
    /// # Errors
    /// Why it could not be started; then nothing runs.
    pub async fn start(config: &Config, clock: Arc<dyn Clock>, timing: Timing) -> Result<Running, AssembleError> {
        let folder = config.data_dir.as_path();
        let at_folder = |error| AssembleError::Folder(folder.to_owned(), error);
        std::fs::create_dir_all(folder).map_err(at_folder)?;
        let lock = lock(folder)?;
        let certificate = CertificateFiles::given(config.certificate.as_deref(), config.private_key.as_deref())?;
        let listener = Listener::bind(config.listen, certificate.as_ref(), b"http/1.1").await?;
        let address = listener.address();
        let sealer = Sealer::new(&api::installation::key(folder).map_err(at_folder)?);
        let blobs = Blobs::open(&folder.join("files")).map_err(at_folder)?;
        let options = OpenOptions { path: None, now: clock.now(), entropy: Box::new(SystemEntropy), live: config.live };
        let store = Store::open(&folder.join("gantry.db"), options)?;
        let (claimed, heard_at) = store.read(|rows| {
            let claimed = rows.setting(api::claims::CLAIM)?.flatten();
            Ok::<_, StoreError>((claimed, rows.setting(api::claims::HEARD_AT)?))
        })?;
        first_run::farm(&store, &config.farm_name, config.live, clock.now()).await?;

        let live = Arc::new(Live::default());
        let disk = Arc::new(Disk::new(folder, config.disk_reserve_mib.saturating_mul(1024 * 1024)));
        let for_fleet = fleet::Outside {
            store: store.clone(),
            clock: Arc::clone(&clock),
            blobs: blobs.clone(),
            sealer: sealer.clone(),
            live: Arc::clone(&live),
            authorities: config.read_printer_authorities()?.into(),
            timing,
        };
        let for_dispatch = dispatch::Outside { store: store.clone(), clock: Arc::clone(&clock), live, disk };
        let accounts = Arc::new(AccountHome::believing(claimed, heard_at, config.account_copy_days));
        let identity = Arc::new(Identity::open(folder).map_err(at_folder)?);
        let (open, is_open) = watch::channel(None);
        let claiming = Claiming::start(claim::Outside {
            store: store.clone(),
            clock: Arc::clone(&clock),
            sealer: sealer.clone(),
            accounts: Arc::clone(&accounts),
            identity: Arc::clone(&identity),
            live: config.live,
            open: is_open,
        })?;
        let for_finding = for_fleet.clone();
        let floor = AgentFloor {
            claiming: Arc::clone(&claiming),
            fleet: for_fleet.clone(),
            dispatch: for_dispatch.clone(),
            planned: Mutex::default(),
            scanning: tokio::sync::Mutex::default(),
        };
        let door = Arc::new(Door {
            store: store.clone(),
            clock: Arc::clone(&clock),
            sealer,
            blobs: blobs.clone(),
            farm: Some(FarmHome::new(Arc::new(floor))),
            farms: Arc::new(api::forward::NoFarms),
            keep: Keep::default(),
            accounts,
            served_by: "agent",
            live: config.live,
            host_names: config.host_names.iter().map(|name| name.to_ascii_lowercase()).collect(),
            https: config.certificate.is_some(),
            proxies: Proxies::new(config.trusted_proxies.clone()),
            limits: Limits::new(config.limits),
            usage: Usage::default(),
            throttle: SignInThrottle::default(),
            people: FloorPeople::at(config.pin_networks.clone()),
            callers: Callers::default(),
            ways_in: api::ways_in::WaysIn::default(),
            audit: AuditKeeper::open(folder, config.audit_days).map_err(at_folder)?,
            address: address.into(),
            webhook_urls: None,
        });
        let uplink = Arc::new(Uplink::new(Arc::clone(&door), identity, open, config.rekey_days));
        let headers = axum::middleware::map_response(api::http::safe_headers);
        let router = api::http::router(Arc::clone(&door)).fallback(page::serve).layer(headers);
        let tasks = vec![
            tokio::spawn(listener.serve(router)),
            tokio::spawn(dispatch::run(for_dispatch)),
            tokio::spawn(Fleet::new(for_fleet).run()),
            tokio::spawn(discovery::again::run(for_finding)),
            tokio::spawn(housekeeping::run(Arc::clone(&door))),
            tokio::spawn(usage::run(Arc::clone(&door))),
            tokio::spawn(Arc::clone(&uplink).run()),
            tokio::spawn(uplink::content::fetch(Arc::clone(&uplink))),
            tokio::spawn(uplink::content::bring(Arc::clone(&uplink))),
        ];
        tracing::info!(%address, farm = %door.home().farm_id, "the agent runs");
        Ok(Running { address, door, uplink, claiming, tasks, _lock: lock })
    }
}

/// One agent a folder: two would each think that the printers are theirs.
fn lock(folder: &Path) -> Result<std::fs::File, AssembleError> {
    let path = folder.join("agent.lock");
    let file = std::fs::File::create(&path).map_err(|error| AssembleError::Folder(folder.to_owned(), error))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(std::fs::TryLockError::WouldBlock) => Err(AssembleError::InUse(folder.to_owned())),
        Err(std::fs::TryLockError::Error(error)) => Err(AssembleError::Folder(folder.to_owned(), error)),
    }
}

impl Running {
    /// Where people find it.
    pub fn url(&self) -> String {
        self.door.url(self.address)
    }

    /// A link that signs the owner in once, within an hour.
    ///
    /// # Errors
    /// What the database says.
    pub async fn sign_in_link(&self) -> Result<String, AssembleError> {
        let by = By::new(Actor::farm(self.door.home().farm_id), self.door.now());
        let token = api::ops::access::one_time_link(&self.door.store, by, None).await?;
        Ok(format!("{}/#token={token}", self.url()))
    }

    /// Makes a key with all that a key can hold, for whoever starts the agent by hand.
    ///
    /// # Errors
    /// What the database says.
    pub async fn owner_key(&self, name: &str) -> Result<String, AssembleError> {
        let home = self.door.home();
        let by = By::new(Actor::farm(home.farm_id), self.door.now());
        let sponsor = Actor::new(ActorKind::Floor, "owner");
        let asked = NewApiKey::named(name.parse().map_err(|_| StoreError::Closed)?);
        let grants = Grants::unscoped(PermissionSet::all().without(Permission::StoreDelete));
        let write = move |tx: &mut Tx<'_>| insert_api_key(tx, asked, grants, sponsor).map(|(secret, _)| secret);
        self.door.store.write(by, write).await.map_err(|failure: Failure| match failure {
            Failure::Store(error) => error.into(),
            Failure::Problem(problem) => StoreError::NotCommitted(problem.to_string()).into(),
        })
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.claiming.stop();
        for task in self.tasks.iter().rev() {
            task.abort();
        }
    }
}
