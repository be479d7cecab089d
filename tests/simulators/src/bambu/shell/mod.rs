//! Puts the core on real sockets. The only room here with a clock, tasks and sockets; it decides nothing.

mod beacon;
mod broker;
mod control;
mod files;
mod pictures;

pub use control::Control;

use super::core::Core;
use super::door::{ClientId, FtpId, FtpOrder, Input, Output};
use super::identity::Identity;
use super::packets::Told;
use super::settings::Settings;
use crate::clock::Clock;
use control::Message;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use std::collections::BTreeMap;
use std::future::Future;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::sync::mpsc;
use tokio::task::{JoinHandle, JoinSet};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// How long somebody may take for the first bytes of a connection.
const GREETING: Duration = Duration::from_secs(20);

/// Starts simulated printers.
#[derive(Debug)]
pub struct BambuSim;

/// Where a printer listens and announces itself.
#[derive(Debug, Clone)]
pub struct Places {
    /// MQTT over TLS.
    pub mqtt: SocketAddr,
    /// FTP over TLS; the data connections come to the same address, at any free port.
    pub ftps: SocketAddr,
    /// Pictures over TLS.
    pub camera: SocketAddr,
    /// Identification.
    pub probe: SocketAddr,
    /// Searches, by UDP.
    pub search: SocketAddr,
    /// Whom it tells of itself every few seconds; none = nobody.
    pub announce_to: Option<SocketAddr>,
    /// The testers' own door.
    pub control: SocketAddr,
}

/// A simulated printer on its sockets. Dropping it leaves it running; `stop` ends it.
#[derive(Debug)]
pub struct Running {
    /// Where it listens.
    pub places: Places,
    /// What a test does to it.
    pub control: Control,
    tasks: Vec<JoinHandle<()>>,
}

impl Places {
    /// The ports that the printers have. They are below 1024 in part, and one printer has them all: each needs an address of its own.
    pub fn standard(address: Ipv4Addr) -> Self {
        let at = |port| SocketAddr::from((address, port));
        Self {
            mqtt: at(8883),
            ftps: at(990),
            camera: at(6000),
            probe: at(3000),
            search: at(2021),
            announce_to: None,
            control: at(0),
        }
    }

    /// Any free ports.
    pub fn free(address: Ipv4Addr) -> Self {
        let any = SocketAddr::from((address, 0));
        Self { mqtt: any, ftps: any, camera: any, probe: any, search: any, announce_to: None, control: any }
    }
}

impl BambuSim {
    /// Listens at these places and serves until stopped. It tells the address of its MQTT as its own.
    ///
    /// # Errors
    /// When one of them cannot be listened at, or TLS refuses the identity.
    pub async fn start(places: Places, identity: &Identity, mut settings: Settings) -> io::Result<Running> {
        if let IpAddr::V4(address) = places.mqtt.ip() {
            settings.address = address;
        }
        let (broker, files) = (TcpListener::bind(places.mqtt).await?, TcpListener::bind(places.ftps).await?);
        let (camera, probe) = (TcpListener::bind(places.camera).await?, TcpListener::bind(places.probe).await?);
        let (search, door) = (UdpSocket::bind(places.search).await?, TcpListener::bind(places.control).await?);
        let places = Places {
            mqtt: broker.local_addr()?,
            ftps: files.local_addr()?,
            camera: camera.local_addr()?,
            probe: probe.local_addr()?,
            search: search.local_addr()?,
            announce_to: places.announce_to,
            control: door.local_addr()?,
        };
        let shows_pictures = settings.model.shows_pictures();
        let clock = Clock::start();
        let core = Core::new(settings, clock.now());
        let (control, inbox) = Control::new();
        // The sessions of one are not resumed at the other.
        let (tls, files_tls) = (acceptor(identity)?, acceptor(identity)?);
        let mut tasks = vec![
            tokio::spawn(run(core, clock, inbox)),
            tokio::spawn(serve(broker, control.clone(), tls.clone(), broker::attend)),
            tokio::spawn(files::serve(files, control.clone(), files_tls)),
            tokio::spawn(beacon::identify(probe, control.clone())),
            tokio::spawn(beacon::announce(search, places.announce_to, control.clone())),
            tokio::spawn(control::serve(door, control.clone())),
        ];
        if shows_pictures {
            tasks.push(tokio::spawn(serve(camera, control.clone(), tls, pictures::show)));
        }
        Ok(Running { places, control, tasks })
    }
}

impl Running {
    /// Ends the printer as a power cut would: every connection breaks, the ports are free again.
    pub async fn stop(self) {
        for task in self.tasks {
            task.abort();
            drop(task.await);
        }
    }
}

/// TLS 1.2, as the printers have it. The library would not take a certificate of version 1 if it were asked to look at it.
fn acceptor(identity: &Identity) -> io::Result<TlsAcceptor> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(identity.key.clone()));
    let key = provider.key_provider.load_private_key(key).map_err(io::Error::other)?;
    let chain = [&identity.leaf, &identity.issuer].map(|certificate| CertificateDer::from(certificate.clone()));
    let shown = SingleCertAndKey::from(CertifiedKey::new(chain.to_vec(), key));
    let config = rustls::ServerConfig::builder_with_provider(provider).with_protocol_versions(&[&rustls::version::TLS12]);
    Ok(TlsAcceptor::from(Arc::new(config.map_err(io::Error::other)?.with_no_client_auth().with_cert_resolver(Arc::new(shown)))))
}

/// Takes connections over TLS; they end with the task.
async fn serve<F>(listener: TcpListener, control: Control, tls: TlsAcceptor, attend: fn(TlsStream<TcpStream>, Control) -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    each(listener, |stream| {
        let (control, tls) = (control.clone(), tls.clone());
        async move {
            if let Ok(Ok(stream)) = tokio::time::timeout(GREETING, tls.accept(stream)).await {
                attend(stream, control).await;
            }
        }
    })
    .await;
}

/// Takes connections, each as a task of its own that ends with this one.
async fn each<F>(listener: TcpListener, mut attend: impl FnMut(TcpStream) -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    let mut tasks = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => if let Ok((stream, _)) = accepted {
                drop(tasks.spawn(attend(stream)));
            },
            Some(_) = tasks.join_next() => {}
        }
    }
}

async fn run(mut core: Core, clock: Clock, mut inbox: mpsc::UnboundedReceiver<Message>) {
    let mut clients: BTreeMap<ClientId, mpsc::UnboundedSender<Told>> = BTreeMap::new();
    let mut sessions: BTreeMap<FtpId, mpsc::UnboundedSender<FtpOrder>> = BTreeMap::new();
    loop {
        let message = tokio::select! {
            message = inbox.recv() => message,
            () = clock.until(core.next_wake()) => Some(Message::Input(Input::Wake)),
        };
        let input = match message {
            Some(Message::Client(client, told)) => {
                clients.insert(client, told);
                continue;
            }
            Some(Message::Session(session, orders)) => {
                sessions.insert(session, orders);
                continue;
            }
            Some(Message::Input(input)) => input,
            Some(Message::Look(see)) => {
                see(&core);
                continue;
            }
            None => return,
        };
        clients.retain(|_, told| !told.is_closed());
        sessions.retain(|_, orders| !orders.is_closed());
        for output in core.handle(clock.now(), input) {
            // Whoever is told may have gone.
            match output {
                Output::Tell { client, told } => {
                    if let Some(line) = clients.get(&client) {
                        drop(line.send(told));
                    }
                }
                Output::Drop { client } => drop(clients.remove(&client)),
                Output::Ftp { session, order } => {
                    let ends = order == FtpOrder::Close;
                    if let Some(line) = sessions.get(&session) {
                        drop(line.send(order));
                    }
                    if ends {
                        sessions.remove(&session);
                    }
                }
            }
        }
    }
}
