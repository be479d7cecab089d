//! What a door listens on: plain TCP that this machine alone can reach, or TLS with a certificate that was
//! given. A handshake is a task of its own with a limit, so that who knocks and says nothing keeps nobody
//! else waiting; a certificate whose files changed is taken up by the next who knocks.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use axum::Router;
use axum::response::Response;
use axum::serve::ListenerExt;
use http::{HeaderValue, header};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::pem::{self, PemObject};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{self, ServerConfig, crypto::ring};
use tokio_rustls::server::TlsStream;
use tokio_util::either::Either;

/// How long a handshake may take.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// Handshakes at once; who knocks beyond that is turned away.
const MOST_HANDSHAKES: usize = 1024;
/// How long it is waited when a connection could not be taken: mostly, files have run out.
const BREATH: Duration = Duration::from_millis(100);
/// A browser that was here over TLS comes by TLS only, for a year.
const STRICT_TRANSPORT: HeaderValue = HeaderValue::from_static("max-age=31536000");

/// A line to somebody: plain, or through TLS.
pub type Line = Either<TcpStream, TlsStream<TcpStream>>;

/// Why it cannot be listened.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// The address cannot be listened on.
    #[error("{0} cannot be listened on: {1}")]
    Address(SocketAddr, std::io::Error),
    /// Without a certificate only this machine may reach a door.
    #[error(
        "{0} can be reached from other machines, and there is no certificate: listen on 127.0.0.1, or set `certificate` and `private_key`"
    )]
    NotLoopback(SocketAddr),
    /// One file of two is set.
    #[error("`certificate` and `private_key` belong together: set both, or none")]
    OneOfTwo,
    /// The certificate cannot be used.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
}

/// Why a certificate cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// A file cannot be read, or there is no such thing in it.
    #[error("{0} cannot be read as PEM: {1}")]
    Unreadable(PathBuf, pem::Error),
    /// It is none, or the key is of another.
    #[error("the certificate {0} and its private key cannot be used: {1}")]
    Unusable(PathBuf, rustls::Error),
}

/// Where a certificate and its key lie.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateFiles {
    certificate: PathBuf,
    private_key: PathBuf,
}

impl CertificateFiles {
    /// Of the two settings; none if neither is set.
    ///
    /// # Errors
    /// `OneOfTwo`.
    pub fn given(certificate: Option<&Path>, private_key: Option<&Path>) -> Result<Option<Self>, ListenError> {
        match (certificate, private_key) {
            (Some(certificate), Some(private_key)) => {
                Ok(Some(Self { certificate: certificate.to_owned(), private_key: private_key.to_owned() }))
            }
            (None, None) => Ok(None),
            (Some(_), None) | (None, Some(_)) => Err(ListenError::OneOfTwo),
        }
    }

    fn read(&self, protocol: &[u8]) -> Result<Arc<ServerConfig>, CertificateError> {
        let unreadable = |path: &Path| {
            let path = path.to_owned();
            move |error| CertificateError::Unreadable(path, error)
        };
        let chain = CertificateDer::pem_file_iter(&self.certificate).and_then(Iterator::collect::<Result<Vec<_>, _>>);
        let chain = chain.map_err(unreadable(&self.certificate))?;
        let key = PrivateKeyDer::from_pem_file(&self.private_key).map_err(unreadable(&self.private_key))?;
        let provider = Arc::new(ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, key));
        let mut config = config.map_err(|error| CertificateError::Unusable(self.certificate.clone(), error))?;
        config.alpn_protocols = vec![protocol.to_vec()];
        Ok(Arc::new(config))
    }

    /// Changes when a file is written anew; through links, as those that renew certificates turn them.
    fn stamp(&self) -> Stamp {
        [&self.certificate, &self.private_key].map(|path| {
            let file = std::fs::metadata(path).ok()?;
            Some((file.modified().ok()?, file.len()))
        })
    }
}

type Stamp = [Option<(SystemTime, u64)>; 2];

/// A certificate as it was last read.
#[derive(Debug)]
struct Certificate {
    files: CertificateFiles,
    protocol: &'static [u8],
    stamp: Stamp,
    config: Arc<ServerConfig>,
}

impl Certificate {
    fn read(files: CertificateFiles, protocol: &'static [u8]) -> Result<Self, CertificateError> {
        // Before the files are read: what is written meanwhile shows at the next look.
        let stamp = files.stamp();
        let config = files.read(protocol)?;
        Ok(Self { files, protocol, stamp, config })
    }

    /// For the next handshake: with the files as they are now, unless they are of no use.
    fn acceptor(&mut self) -> TlsAcceptor {
        let stamp = self.files.stamp();
        if stamp != self.stamp {
            self.stamp = stamp;
            match self.files.read(self.protocol) {
                Ok(config) => {
                    tracing::info!(certificate = %self.files.certificate.display(), "the certificate was renewed");
                    self.config = config;
                }
                Err(error) => tracing::error!(%error, "the new certificate is of no use: the old one stays"),
            }
        }
        TlsAcceptor::from(Arc::clone(&self.config))
    }
}

/// What a door listens on.
#[derive(Debug)]
pub struct Listener {
    tcp: TcpListener,
    address: SocketAddr,
    certificate: Option<Certificate>,
    handshakes: JoinSet<Option<(Line, SocketAddr)>>,
}

impl Listener {
    /// Listens there. `protocol` is what is spoken over TLS, by its registered name.
    ///
    /// # Errors
    /// Why it cannot be listened.
    pub async fn bind(on: SocketAddr, files: Option<&CertificateFiles>, protocol: &'static [u8]) -> Result<Self, ListenError> {
        if files.is_none() && !on.ip().is_loopback() {
            return Err(ListenError::NotLoopback(on));
        }
        let certificate = files.map(|files| Certificate::read(files.clone(), protocol)).transpose()?;
        let failed = |error| ListenError::Address(on, error);
        let tcp = TcpListener::bind(on).await.map_err(failed)?;
        let address = tcp.local_addr().map_err(failed)?;
        Ok(Self { tcp, address, certificate, handshakes: JoinSet::new() })
    }

    /// Where it listens.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// The next line that stands.
    pub async fn accept(&mut self) -> (Line, SocketAddr) {
        loop {
            tokio::select! {
                Some(done) = self.handshakes.join_next() => {
                    if let Ok(Some(line)) = done {
                        return line;
                    }
                }
                taken = self.tcp.accept() => match taken {
                    Ok((stream, peer)) => {
                        // Our writes are batches already.
                        stream.set_nodelay(true).ok();
                        match &mut self.certificate {
                            None => return (Either::Left(stream), peer),
                            Some(certificate) if self.handshakes.len() < MOST_HANDSHAKES => {
                                self.handshakes.spawn(shake_hands(certificate.acceptor(), stream, peer));
                            }
                            Some(_) => tracing::warn!(%peer, "turned away: there are {MOST_HANDSHAKES} handshakes"),
                        }
                    }
                    Err(error) => {
                        tracing::warn!(%error, "a connection could not be taken");
                        tokio::time::sleep(BREATH).await;
                    }
                },
            }
        }
    }

    /// Whether it speaks TLS.
    pub const fn is_encrypted(&self) -> bool {
        self.certificate.is_some()
    }

    /// Serves HTTP until it is dropped.
    pub async fn serve(self, router: Router) {
        let service = router.into_make_service_with_connect_info::<SocketAddr>();
        // The tap does nothing: axum knows the address of its own kinds of listener only.
        if let Err(error) = axum::serve(self.tap_io(|_| {}), service).await {
            tracing::error!(%error, "the door has closed");
        }
    }
}

async fn shake_hands(acceptor: TlsAcceptor, stream: TcpStream, peer: SocketAddr) -> Option<(Line, SocketAddr)> {
    match tokio::time::timeout(HANDSHAKE, acceptor.accept(stream)).await {
        Ok(Ok(line)) => return Some((Either::Right(line), peer)),
        Ok(Err(error)) => tracing::debug!(%peer, %error, "a handshake failed"),
        Err(_) => tracing::debug!(%peer, "a handshake took too long"),
    }
    None
}

/// Tells browsers to come by TLS only. It holds for every port of a name, so it is for a name that serves nothing else.
pub async fn strict_transport(mut response: Response) -> Response {
    response.headers_mut().insert(header::STRICT_TRANSPORT_SECURITY, STRICT_TRANSPORT);
    std::future::ready(response).await
}

impl axum::serve::Listener for Listener {
    type Io = Line;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Line, SocketAddr) {
        Self::accept(self).await
    }

    fn local_addr(&self) -> std::io::Result<SocketAddr> {
        Ok(self.address)
    }
}
