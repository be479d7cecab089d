//! What a door listens on, met by a TLS client on real sockets of this machine.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use gantry_api::listen::{CertificateFiles, ListenError, Listener};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, crypto::ring};

use crate::authority::Authority;

const LOCAL: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 0);

fn files(authority: &Authority) -> CertificateFiles {
    CertificateFiles::given(Some(&authority.certificate), Some(&authority.private_key)).unwrap().unwrap()
}

/// A door that says hello over TLS.
struct Served {
    _folder: TempDir,
    authority: Authority,
    address: SocketAddr,
    task: JoinHandle<()>,
}

impl Drop for Served {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Served {
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let authority = Authority::new(folder.path());
        let listener = Listener::bind(LOCAL, Some(&files(&authority)), b"http/1.1").await.unwrap();
        let address = listener.address();
        let task = tokio::spawn(listener.serve(Router::new().route("/", get(|| async { "hello" }))));
        Self { _folder: folder, authority, address, task }
    }

    async fn connect(&self) -> TlsStream<TcpStream> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(&self.authority.file).unwrap()).unwrap();
        let provider = Arc::new(ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let mut config = builder.with_root_certificates(roots).with_no_client_auth();
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        let tcp = TcpStream::connect(self.address).await.unwrap();
        let name = ServerName::try_from("localhost").unwrap();
        tokio::time::timeout(Duration::from_secs(20), TlsConnector::from(Arc::new(config)).connect(name, tcp))
            .await
            .expect("the handshake is answered")
            .unwrap()
    }

    /// The certificate that the next who knocks is shown.
    async fn shown(&self) -> CertificateDer<'static> {
        self.connect().await.get_ref().1.peer_certificates().unwrap()[0].clone().into_owned()
    }
}

async fn asked(mut line: impl AsyncReadExt + AsyncWriteExt + Unpin) -> String {
    line.write_all(b"GET / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    line.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test]
async fn with_a_certificate_http_is_spoken_over_tls() {
    let served = Served::start().await;
    let line = served.connect().await;
    assert_eq!(line.get_ref().1.alpn_protocol(), Some(&b"http/1.1"[..]));
    let answer = asked(line).await;
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("hello"), "{answer}");
    // On a farm's machine another server without TLS may stand behind the same name: that is for the relay to say.
    assert!(!answer.contains("strict-transport-security"), "{answer}");
}

#[tokio::test]
async fn without_a_certificate_plain_http_is_spoken_and_nothing_promised() {
    let listener = Listener::bind(LOCAL, None, b"http/1.1").await.unwrap();
    let address = listener.address();
    let task = tokio::spawn(listener.serve(Router::new().route("/", get(|| async { "hello" }))));
    let answer = asked(TcpStream::connect(address).await.unwrap()).await;
    assert!(answer.starts_with("HTTP/1.1 200") && !answer.contains("strict-transport-security"), "{answer}");
    task.abort();
}

#[tokio::test]
async fn without_a_certificate_no_other_machine_is_listened_to() {
    let open = "0.0.0.0:0".parse().unwrap();
    let refused = Listener::bind(open, None, b"http/1.1").await.unwrap_err();
    assert!(matches!(refused, ListenError::NotLoopback(address) if address == open), "{refused}");
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new(folder.path());
    assert!(Listener::bind(open, Some(&files(&authority)), b"http/1.1").await.is_ok());
}

#[tokio::test]
async fn a_renewed_certificate_is_shown_to_the_next_who_knocks() {
    let served = Served::start().await;
    let first = served.shown().await;
    assert_eq!(served.shown().await, first);
    served.authority.vouch();
    assert_ne!(served.shown().await, first);
}

#[tokio::test]
async fn a_broken_renewal_keeps_the_old_certificate_until_it_is_mended() {
    let served = Served::start().await;
    let first = served.shown().await;
    for broken in ["", "-----BEGIN CERTIFICATE-----\nnonsense\n-----END CERTIFICATE-----\n"] {
        std::fs::write(&served.authority.certificate, broken).unwrap();
        assert_eq!(served.shown().await, first, "{broken}");
    }
    std::fs::remove_file(&served.authority.private_key).unwrap();
    assert_eq!(served.shown().await, first);
    served.authority.vouch();
    assert_ne!(served.shown().await, first);
}

#[tokio::test]
async fn who_says_nothing_keeps_nobody_else_waiting() {
    let served = Served::start().await;
    let mut silent = Vec::new();
    for _ in 0..200 {
        silent.push(TcpStream::connect(served.address).await.unwrap());
    }
    let mut rude = TcpStream::connect(served.address).await.unwrap();
    rude.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
    assert!(asked(served.connect().await).await.ends_with("hello"));
    let mut rest = Vec::new();
    rude.read_to_end(&mut rest).await.ok();
    assert!(!String::from_utf8_lossy(&rest).contains("hello"), "plain HTTP is not answered");
}

#[tokio::test(start_paused = true)]
async fn a_handshake_that_hangs_is_given_up() {
    let served = Served::start().await;
    let mut silent = TcpStream::connect(served.address).await.unwrap();
    // The clock of the test goes on whenever nothing else does.
    let read = tokio::time::timeout(Duration::from_secs(30), silent.read_to_end(&mut Vec::new())).await;
    assert!(matches!(read, Ok(Ok(0))), "{read:?}");
}

#[tokio::test]
async fn a_certificate_that_cannot_be_used_is_refused_at_the_start_with_its_file() {
    let folder = tempfile::tempdir().unwrap();
    let (mine, other) = (folder.path().join("mine"), folder.path().join("other"));
    std::fs::create_dir(&mine).unwrap();
    std::fs::create_dir(&other).unwrap();
    let (mine, other) = (Authority::new(&mine), Authority::new(&other));
    let cases = [
        (&mine.certificate, &other.private_key, "certificate.pem"),
        (&mine.private_key, &mine.private_key, "key.pem"),
        (&mine.certificate, &mine.certificate, "certificate.pem"),
        (&folder.path().join("absent.pem"), &mine.private_key, "absent.pem"),
    ];
    for (certificate, private_key, named) in cases {
        let files = CertificateFiles::given(Some(certificate), Some(private_key)).unwrap();
        let refused = Listener::bind(LOCAL, files.as_ref(), b"http/1.1").await.unwrap_err();
        assert!(matches!(refused, ListenError::Certificate(_)) && refused.to_string().contains(named), "{refused}");
    }
    for half in [(Some(&*mine.certificate), None), (None, Some(&*mine.private_key))] {
        assert!(matches!(CertificateFiles::given(half.0, half.1), Err(ListenError::OneOfTwo)));
    }
}
