//! Wires the relay in one place: builds, starts, and stops in reverse.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use api::address::Proxies;
use api::audit::AuditKeeper;
use api::auth::SignInThrottle;
use api::blobs::Blobs;
use api::callers::Callers;
use api::clock::Clock;
use api::disk::Disk;
use api::door::Door;
use api::entropy::SystemEntropy;
use api::floor_people::FloorPeople;
use api::forward::Farms;
use api::keep::Keep;
use api::limits::Limits;
use api::listen::{CertificateFiles, ListenError, Listener};
use api::operation::Failure;
use api::usage::{self, Usage};
use axum::routing::get;
use domain::account::{Store as StoreRecord, User};
use domain::actor::{Actor, ActorKind};
use domain::id::{Id, StoreId, UserId};
use domain::role::Role;
use domain::text::Name;
use store::{By, Entropy, OpenOptions, Row, Sealer, Store, StoreError};
use tokio::task::JoinHandle;

use crate::config::Config;
use crate::tunnel::{self, Tunnels};
use crate::{content, housekeeping, leavers, mqtt, page, ways_in, webhooks};

/// Why a relay could not be started.
#[derive(Debug, thiserror::Error)]
pub enum AssembleError {
    /// The data folder cannot be used.
    #[error("the data folder {0} cannot be used: {1}")]
    Folder(PathBuf, std::io::Error),
    /// Another relay uses it.
    #[error("another relay uses the data folder {0}: stop it first")]
    InUse(PathBuf),
    /// The database cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A setting of an identity provider or of passkeys is of no use.
    #[error("the ways to sign in cannot be set up: {0}")]
    WaysIn(String),
    /// It cannot be listened.
    #[error(transparent)]
    Listen(#[from] ListenError),
}

/// A relay's folder with its database: what is needed to make a store while the relay itself runs or not.
pub struct Accounts {
    /// Its door.
    pub door: Arc<Door>,
    /// The lines to its farms.
    pub tunnels: Arc<Tunnels>,
}

/// A store that was just made.
pub struct CreatedStore {
    /// The store.
    pub store: StoreId,
    /// Its owner.
    pub owner: UserId,
    /// Signs the owner in once, within an hour.
    pub one_time_token: String,
}

impl Accounts {
    /// Opens a relay's folder; a new one gets its key and its database.
    ///
    /// # Errors
    /// What cannot be used.
    pub async fn open(config: &Config, clock: Arc<dyn Clock>) -> Result<Self, AssembleError> {
        let folder = config.data_dir.as_path();
        let at_folder = |error| AssembleError::Folder(folder.to_owned(), error);
        std::fs::create_dir_all(folder).map_err(at_folder)?;
        let sealer = Sealer::new(&api::installation::key(folder).map_err(at_folder)?);
        let blobs = Blobs::open(&folder.join("files")).map_err(at_folder)?;
        let options = OpenOptions { path: None, now: clock.now(), entropy: Box::new(SystemEntropy), live: config.live };
        let store = Store::open(&folder.join("relay.db"), options)?;
        let mib = |mib: u64| mib.saturating_mul(1024 * 1024);
        let keep = Keep {
            disk: Some(Disk::new(folder, mib(config.disk_reserve_mib))),
            store_bytes: mib(config.store_content_mib),
            store_files: config.store_content_files,
            cache_bytes: mib(config.cache_mib),
            ..Keep::default()
        };
        let tunnels = Arc::new(Tunnels::new(store.clone(), Arc::clone(&clock)).await?);
        let door = Door {
            store,
            clock,
            sealer,
            blobs,
            farm: None,
            farms: Arc::clone(&tunnels) as Arc<dyn Farms>,
            keep,
            accounts: Arc::default(),
            served_by: "relay",
            live: config.live,
            host_names: config.host_names.iter().map(|name| name.to_ascii_lowercase()).collect(),
            https: config.certificate.is_some(),
            proxies: Proxies::new(config.trusted_proxies.clone()),
            limits: Limits::new(config.limits),
            usage: Usage::default(),
            throttle: SignInThrottle::default(),
            people: FloorPeople::default(),
            callers: Callers::default(),
            ways_in: ways_in::of(config).map_err(AssembleError::WaysIn)?,
            audit: AuditKeeper::open(folder, config.audit_days).map_err(at_folder)?,
            address: OnceLock::new(),
            webhook_urls: Some(Arc::new(guard(config))),
        };
        Ok(Self { door: Arc::new(door), tunnels })
    }

    /// Makes a store and its owner, and a token that signs the owner in once.
    ///
    /// # Errors
    /// What the database says.
    pub async fn create_store(&self, name: Name) -> Result<CreatedStore, StoreError> {
        let (now, mut random) = (self.door.now(), [0; 10]);
        SystemEntropy.fill(&mut random);
        let store = StoreId::new(now, random);
        let by = By { account_of: Some(store), ..By::new(Actor::new(ActorKind::Relay, "relay"), now) };
        let write = move |tx: &mut store::Tx<'_>| {
            let owner = User::of_role(tx.new_id(), name.clone(), Role::StoreOwner, tx.now());
            tx.create(&StoreRecord { id: store, name, created_at: tx.now() })?;
            tx.create(&owner)?;
            Ok::<_, Failure>(owner.id)
        };
        let owner = self.door.store.write(by.clone(), write).await.map_err(|failure| match failure {
            Failure::Store(error) => error,
            Failure::Problem(problem) => StoreError::NotCommitted(problem.to_string()),
        })?;
        let one_time_token = api::ops::access::one_time_link(&self.door.store, by, Some(owner)).await?;
        Ok(CreatedStore { store, owner, one_time_token })
    }

    /// The oldest store with its owner, and a new token for them; a relay without any makes one.
    ///
    /// # Errors
    /// What the database says.
    pub async fn first_store(&self, name: Name) -> Result<CreatedStore, StoreError> {
        match self.stores()?.first() {
            Some((store, owner)) => self.owner_of(*store, *owner).await,
            None => self.create_store(name).await,
        }
    }

    /// Every store with an owner of it, oldest first.
    ///
    /// # Errors
    /// What the database says.
    pub fn stores(&self) -> Result<Vec<(StoreId, UserId)>, StoreError> {
        let mut stores: Vec<(StoreId, UserId)> = Vec::new();
        let owners = |row: &Row<User>| row.record.is_owner();
        for row in self.door.store.read(|rows| rows.all::<User>())?.into_iter().filter(owners) {
            if stores.iter().all(|(store, _)| *store != row.store_id) {
                stores.push((row.store_id, row.record.id));
            }
        }
        Ok(stores)
    }

    /// That store with a new token for its owner.
    ///
    /// # Errors
    /// What the database says.
    pub async fn owner_of(&self, store: StoreId, owner: UserId) -> Result<CreatedStore, StoreError> {
        let by = By { account_of: Some(store), ..By::new(Actor::new(ActorKind::Relay, "relay"), self.door.now()) };
        let one_time_token = api::ops::access::one_time_link(&self.door.store, by, Some(owner)).await?;
        Ok(CreatedStore { store, owner, one_time_token })
    }
}

/// A relay that runs. Dropping it stops it.
pub struct Running {
    /// Where it is served.
    pub address: SocketAddr,
    /// Where it speaks MQTT.
    pub mqtt_address: SocketAddr,
    /// Its accounts.
    pub accounts: Accounts,
    tasks: Vec<JoinHandle<()>>,
    _lock: std::fs::File,
}

/// A relay, ready to run.
pub struct Relay;

impl Relay {
    /// Builds and starts a relay.
    ///
    /// # Errors
    /// Why it could not be started; then nothing runs.
    pub async fn start(config: &Config, clock: Arc<dyn Clock>) -> Result<Running, AssembleError> {
        let lock = lock(&config.data_dir)?;
        let certificate = CertificateFiles::given(config.certificate.as_deref(), config.private_key.as_deref())?;
        let listener = Listener::bind(config.listen, certificate.as_ref(), b"http/1.1").await?;
        let mqtt_listener = Listener::bind(config.mqtt_listen, certificate.as_ref(), b"mqtt").await?;
        let (address, mqtt_address) = (listener.address(), mqtt_listener.address());
        let accounts = Accounts::open(config, clock).await?;
        accounts.door.address.get_or_init(|| address);
        let headers = axum::middleware::map_response(api::http::safe_headers);
        let (tunnels, door) = (Arc::clone(&accounts.tunnels), Arc::clone(&accounts.door));
        let dial = get(move |request| async move { tunnel::open(tunnels, door, request) });
        let content = content::router(Arc::clone(&accounts.tunnels), Arc::clone(&accounts.door));
        let router = api::http::router(Arc::clone(&accounts.door))
            .route(tunnel::PATH, dial)
            .merge(content)
            .fallback(page::serve)
            .layer(headers);
        let strict = axum::middleware::map_response(api::listen::strict_transport);
        let router = if listener.is_encrypted() { router.layer(strict) } else { router };
        accounts.tunnels.started();
        let tasks = vec![
            tokio::spawn(listener.serve(router)),
            tokio::spawn(mqtt::serve(mqtt_listener, Arc::clone(&accounts.door))),
            tokio::spawn(housekeeping::run(Arc::clone(&accounts.door))),
            tokio::spawn(leavers::run(Arc::clone(&accounts.door))),
            tokio::spawn(usage::run(Arc::clone(&accounts.door))),
            tokio::spawn(webhooks::run(Arc::clone(&accounts.door), guard(config), webhooks::Options::default())),
        ];
        tracing::info!(%address, %mqtt_address, "the relay runs");
        Ok(Running { address, mqtt_address, accounts, tasks, _lock: lock })
    }
}

fn guard(config: &Config) -> webhooks::Guard {
    webhooks::Guard::new(config.webhook_networks.clone(), &config.host_names, Arc::new(webhooks::SystemNames))
}

/// One relay a folder.
fn lock(folder: &Path) -> Result<std::fs::File, AssembleError> {
    let created = std::fs::create_dir_all(folder).and_then(|()| std::fs::File::create(folder.join("relay.lock")));
    let file = created.map_err(|error| AssembleError::Folder(folder.to_owned(), error))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(std::fs::TryLockError::WouldBlock) => Err(AssembleError::InUse(folder.to_owned())),
        Err(std::fs::TryLockError::Error(error)) => Err(AssembleError::Folder(folder.to_owned(), error)),
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.accounts.tunnels.stopped();
        for task in self.tasks.iter().rev() {
            task.abort();
        }
    }
}
