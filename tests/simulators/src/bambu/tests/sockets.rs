//! The shell on real sockets: who connects as a client would finds each door of the printer.

use crate::bambu::door::Person;
use crate::bambu::identity::Identity;
use crate::bambu::packets::{Told, write};
use crate::bambu::settings::{Faults, Model, Settings};
use crate::bambu::shell::{BambuSim, Places, Running};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, ProtocolVersion, SignatureScheme};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpStream, UdpSocket};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// Looks at no certificate, as most clients of these printers.
#[derive(Debug)]
struct Anybody;

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ECDSA_NISTP256_SHA256]
    }
}

/// What it dials with; it resumes its own sessions.
fn connector() -> TlsConnector {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    TlsConnector::from(Arc::new(config.dangerous().with_custom_certificate_verifier(Arc::new(Anybody)).with_no_client_auth()))
}

async fn dial(connector: &TlsConnector, address: SocketAddr) -> TlsStream<TcpStream> {
    let stream = TcpStream::connect(address).await.unwrap();
    connector.connect(ServerName::try_from("printer").unwrap(), stream).await.unwrap()
}

async fn start(model: Model) -> (Running, Identity) {
    let settings = Settings::of(model, 7);
    let identity = Identity::make(&settings.serial).unwrap();
    (BambuSim::start(Places::free(Ipv4Addr::LOCALHOST), &identity, settings).await.unwrap(), identity)
}

/// An FTP session.
struct Session {
    lines: BufReader<TlsStream<TcpStream>>,
    connector: TlsConnector,
}

impl Session {
    async fn open(printer: &Running) -> Self {
        let connector = connector();
        let mut session = Self { lines: BufReader::new(dial(&connector, printer.places.ftps).await), connector };
        assert!(session.reply().await.starts_with("220 "));
        for (line, code) in
            [("USER bblp", "331 "), ("PASS 12345678", "230 "), ("PBSZ 0", "200 "), ("PROT P", "200 "), ("TYPE I", "200 ")]
        {
            assert!(session.ask(line).await.starts_with(code), "{line}");
        }
        session
    }

    async fn ask(&mut self, line: &str) -> String {
        self.lines.write_all(format!("{line}\r\n").as_bytes()).await.unwrap();
        self.reply().await
    }

    async fn reply(&mut self) -> String {
        let mut line = String::new();
        self.lines.read_line(&mut line).await.unwrap();
        line
    }

    /// The data connection's stream, and what was replied before it.
    async fn passive(&mut self, line: &str) -> TcpStream {
        let told = self.ask("PASV").await;
        let numbers: Vec<u16> = told.split(['(', ')', ',']).filter_map(|number| number.parse().ok()).collect();
        assert_eq!(numbers[..4], [127, 0, 0, 1], "{told}");
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, numbers[4] * 256 + numbers[5])).await.unwrap();
        assert!(self.ask(line).await.starts_with("150 "), "{line}");
        stream
    }

    async fn protect(&self, connector: &TlsConnector, stream: TcpStream) -> TlsStream<TcpStream> {
        connector.connect(ServerName::try_from("printer").unwrap(), stream).await.unwrap()
    }
}

#[tokio::test]
async fn a_client_is_welcomed_over_tls_by_the_printers_own_certificate() {
    let (printer, identity) = start(Model::P1s).await;
    let mut stream = dial(&connector(), printer.places.mqtt).await;
    let session = stream.get_ref().1;
    assert_eq!(session.protocol_version(), Some(ProtocolVersion::TLSv1_2));
    assert_eq!(session.peer_certificates().unwrap()[0].as_ref(), identity.leaf);
    let mut expect = async |asked: &[u8], told: &Told| {
        stream.write_all(asked).await.unwrap();
        let expected = write(told).unwrap();
        let mut bytes = vec![0; expected.len()];
        stream.read_exact(&mut bytes).await.unwrap();
        assert_eq!(bytes, expected);
    };
    expect(b"\x10\x1c\0\x04MQTT\x04\xc2\0\x1e\0\0\0\x04bblp\0\x0812345678", &Told::Welcome).await;
    expect(b"\x82\x22\0\x05\0\x1ddevice/01P00A000000007/report\0", &Told::Subscribed(5, 1)).await;
    assert_eq!(printer.control.counters().await.clients, 1);
    printer.control.drop_clients();
    // Whatever report is still under way, the end follows.
    stream.read_to_end(&mut Vec::new()).await.ok();
    printer.stop().await;
}

#[tokio::test]
async fn a_client_that_is_silent_for_too_long_is_dropped_however_much_it_is_told() {
    let settings = Settings { prepare_ms: 600_000, ..Settings::of(Model::P1s, 7) };
    let identity = Identity::make(&settings.serial).unwrap();
    let printer = BambuSim::start(Places::free(Ipv4Addr::LOCALHOST), &identity, settings).await.unwrap();
    // While it is busy it tells something each second.
    printer.control.person(Person::Start { file: "/a.3mf".into() });
    let mut stream = dial(&connector(), printer.places.mqtt).await;
    let hello = b"\x10\x1c\0\x04MQTT\x04\xc2\0\x01\0\0\0\x04bblp\0\x0812345678";
    let subscribe = b"\x82\x22\0\x05\0\x1ddevice/01P00A000000007/report\0";
    stream.write_all(&[&hello[..], subscribe].concat()).await.unwrap();
    let mut told = Vec::new();
    // Closed without a word, as a printer does: an error for TLS, and the end for us.
    let ended = tokio::time::timeout(std::time::Duration::from_secs(30), stream.read_to_end(&mut told)).await;
    assert!(ended.is_ok());
    assert!(String::from_utf8_lossy(&told).contains(r#""gcode_state":"PREPARE""#));
    printer.stop().await;
}

#[tokio::test]
async fn an_upload_that_resumes_the_session_is_stored_and_read_again() {
    let (printer, _) = start(Model::P1s).await;
    let mut session = Session::open(&printer).await;
    let content = vec![7; 300_000];
    let data = session.passive("STOR /a.gcode.3mf").await;
    let mut data = session.protect(&session.connector, data).await;
    data.write_all(&content).await.unwrap();
    data.shutdown().await.unwrap();
    assert_eq!(session.reply().await, "226 Transfer complete.\r\n");
    assert_eq!(session.ask("SIZE /a.gcode.3mf").await, "213 300000\r\n");
    let data = session.passive("RETR /a.gcode.3mf").await;
    let mut read = Vec::new();
    session.protect(&session.connector, data).await.read_to_end(&mut read).await.unwrap();
    assert_eq!(session.reply().await, "226 Transfer complete.\r\n");
    assert_eq!(read, content);
    printer.stop().await;
}

#[tokio::test]
async fn an_upload_in_a_session_of_its_own_leaves_an_empty_file() {
    let (printer, _) = start(Model::P1s).await;
    let mut session = Session::open(&printer).await;
    let data = session.passive("STOR /a.gcode.3mf").await;
    let mut data = session.protect(&connector(), data).await;
    // It may be taken or not: the connection breaks under it.
    data.write_all(&[7; 1000]).await.ok();
    assert!(session.reply().await.starts_with("522 "));
    assert_eq!(printer.control.file_size("/a.gcode.3mf").await, Some(0));
    printer.stop().await;
}

#[tokio::test]
async fn a_search_and_a_probe_find_the_serial_number() {
    let (printer, _) = start(Model::A1Mini).await;
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let search = b"M-SEARCH * HTTP/1.1\r\nHOST: 239.255.255.250:1990\r\nST: urn:bambulab-com:device:3dprinter:1\r\n\r\n";
    socket.send_to(search, printer.places.search).await.unwrap();
    let mut told = [0; 2048];
    let (count, from) = socket.recv_from(&mut told).await.unwrap();
    assert_eq!(from, printer.places.search);
    assert!(String::from_utf8_lossy(&told[..count]).contains("USN: 03000A000000007\r\n"));

    let asked = br#"{"login":{"command":"detect","sequence_id":"20004"}}"#;
    let frame = [&[0xa5, 0xa5, (asked.len() + 6) as u8, 0], &asked[..], &[0xa7, 0xa7]].concat();
    let mut stream = TcpStream::connect(printer.places.probe).await.unwrap();
    stream.write_all(&frame).await.unwrap();
    let mut told = Vec::new();
    stream.read_to_end(&mut told).await.unwrap();
    assert!(String::from_utf8_lossy(&told).contains(r#""id":"03000A000000007""#));
    printer.stop().await;
}

#[tokio::test]
async fn it_tells_of_itself_unasked() {
    let listener = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let settings = Settings::of(Model::X1c, 7);
    let identity = Identity::make(&settings.serial).unwrap();
    let places = Places { announce_to: Some(listener.local_addr().unwrap()), ..Places::free(Ipv4Addr::LOCALHOST) };
    let printer = BambuSim::start(places, &identity, settings).await.unwrap();
    let mut told = [0; 2048];
    let count = listener.recv(&mut told).await.unwrap();
    assert!(String::from_utf8_lossy(&told[..count]).starts_with("NOTIFY * HTTP/1.1\r\n"));
    printer.stop().await;
}

#[tokio::test]
async fn the_camera_shows_pictures_to_who_knows_the_code() {
    let (printer, _) = start(Model::A1).await;
    let mut request = [0; 80];
    request[..8].copy_from_slice(&[0x40, 0, 0, 0, 0, 0x30, 0, 0]);
    request[16..20].copy_from_slice(b"bblp");
    request[48..56].copy_from_slice(b"12345678");
    let mut stream = dial(&connector(), printer.places.camera).await;
    stream.write_all(&request).await.unwrap();
    let mut head = [0; 16];
    stream.read_exact(&mut head).await.unwrap();
    let mut picture = vec![0; u32::from_le_bytes([head[0], head[1], head[2], head[3]]) as usize];
    stream.read_exact(&mut picture).await.unwrap();
    assert!(picture.starts_with(&[0xff, 0xd8]) && picture.ends_with(&[0xff, 0xd9]));

    request[48] = b'9';
    let mut stream = dial(&connector(), printer.places.camera).await;
    stream.write_all(&request).await.unwrap();
    assert_eq!(stream.read(&mut head).await.unwrap(), 0);
    printer.stop().await;
}

/// Status line and body of an answer.
async fn http(address: SocketAddr, line: &str, body: &str) -> (String, String) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let length = body.len();
    let request = format!(
        "{line} HTTP/1.1\r\nhost: sim\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.lines().next().unwrap().to_owned(), body.to_owned())
}

#[tokio::test]
async fn the_testers_door_works_whatever_else_is_broken() {
    let (printer, _) = start(Model::P1s).await;
    let door = printer.places.control;
    assert_eq!(http(door, "POST /sim/faults", r#"{"silent": true}"#).await.0, "HTTP/1.1 204 No Content");
    assert!(http(door, "POST /sim/faults", r#"{"typo": 1}"#).await.0.starts_with("HTTP/1.1 4"));
    assert!(http(door, "GET /sim/faults", "").await.1.contains(r#""silent":true"#));
    assert_eq!(http(door, "POST /sim/screen", r#"{"act": "start", "file": "/x.3mf"}"#).await.0, "HTTP/1.1 204 No Content");
    assert_eq!(printer.control.state().await, "PREPARE");
    assert_eq!(http(door, "POST /sim/power", r#"{"off_ms": 60000}"#).await.0, "HTTP/1.1 204 No Content");
    assert_eq!(http(door, "POST /sim/drop", "").await.0, "HTTP/1.1 204 No Content");
    assert!(http(door, "GET /sim/counters", "").await.1.contains(r#""prints_failed":1"#));
    printer.stop().await;
}

#[tokio::test]
async fn a_stopped_printer_leaves_its_ports_and_its_clients() {
    let (printer, identity) = start(Model::P1s).await;
    let places = printer.places.clone();
    let mut stream = dial(&connector(), places.mqtt).await;
    printer.control.faults(Faults { silent: true, ..Faults::default() });
    printer.stop().await;
    // Broken or closed: it is over.
    assert!(!matches!(stream.read(&mut [0; 10]).await, Ok(1..)));
    let again = BambuSim::start(places, &identity, Settings::of(Model::P1s, 7)).await.unwrap();
    again.stop().await;
}
