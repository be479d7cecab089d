//! The shell over real sockets: against a broker and a file server that do what a test tells them, with the certificate
//! of a machine as they are made: of version 1, without an address, its serial number for a name (`fixtures/`).

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use domain::file::ContentHash;
use domain::secret::Secret;
use domain::text::Fingerprint;
use domain::time::Timestamp;
use proptest::prelude::*;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{HandshakeKind, ServerConfig};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::{Ask, BrokerAddress, FileFault, FileWork, Filed, NoLine, Packing, Place, Refusal, Trust, Wire, certificates, drive};
use crate::contract::{Content, Input, Order, Output, PrinterProtocol};
use crate::{Blobs, Connection, Outside};

const SERIAL: &str = "01P00A123456789";
const CODE: &str = "12345678";
const NOW: i64 = 1_800_000_000;

fn der(pem: &str) -> Vec<u8> {
    certificates(pem.as_bytes()).remove(0)
}

fn machine() -> Vec<u8> {
    der(include_str!("fixtures/machine.pem"))
}

fn trust(confirmed: Option<Fingerprint>, authorities: &[&str]) -> Trust {
    Trust { serial: SERIAL.parse().unwrap(), confirmed, authorities: authorities.iter().map(|pem| der(pem)).collect() }
}

fn vouched() -> Trust {
    trust(None, &[include_str!("fixtures/authority.pem")])
}

/// What a refusal shows.
fn sha256(refusal: Refusal) -> Fingerprint {
    match refusal {
        Refusal::Unconfirmed(shown) | Refusal::Changed(shown) | Refusal::OtherMachine(shown) => shown.sha256,
        Refusal::Unreadable => panic!("unreadable"),
    }
}

// Whether it is the machine.

#[test]
fn a_certificate_of_version_1_is_believed_if_somebody_vouches_for_it_and_it_names_the_serial_number() {
    assert_eq!(vouched().judge(&machine(), &[], NOW), Ok(()));
    let another = Trust { serial: "01P00A000000000".parse().unwrap(), ..vouched() };
    let Err(Refusal::OtherMachine(shown)) = another.judge(&machine(), &[], NOW) else { panic!() };
    assert_eq!(shown.names, SERIAL);
    let strange = trust(None, &[include_str!("fixtures/other_authority.pem")]);
    assert!(matches!(strange.judge(&machine(), &[], NOW), Err(Refusal::Unconfirmed(_))));
    assert!(matches!(vouched().judge(&machine(), &[], 0), Err(Refusal::Unconfirmed(_))), "it is not in force yet");
}

#[test]
fn who_vouches_may_be_vouched_for_but_a_machine_vouches_for_nobody() {
    let (leaf, between) = (der(include_str!("fixtures/machine_by_between.pem")), der(include_str!("fixtures/between.pem")));
    assert_eq!(vouched().judge(&leaf, &[&between], NOW), Ok(()));
    assert!(matches!(vouched().judge(&leaf, &[], NOW), Err(Refusal::Unconfirmed(_))), "the one between was not sent along");
    let forged = der(include_str!("fixtures/forged.pem"));
    assert!(matches!(vouched().judge(&forged, &[&machine()], NOW), Err(Refusal::Unconfirmed(_))));
}

#[test]
fn a_confirmed_certificate_is_believed_alone_and_every_other_is_a_changed_one() {
    let confirmed = sha256(trust(None, &[]).judge(&machine(), &[], NOW).unwrap_err());
    assert_eq!(trust(Some(confirmed.clone()), &[]).judge(&machine(), &[], NOW), Ok(()));
    let other = der(include_str!("fixtures/machine_by_between.pem"));
    let both = trust(Some(confirmed), &[include_str!("fixtures/authority.pem")]);
    let between = der(include_str!("fixtures/between.pem"));
    assert!(matches!(both.judge(&other, &[&between], NOW), Err(Refusal::Changed(_))), "whoever vouches for it");
}

#[test]
fn what_stands_around_the_signed_part_must_say_the_same_as_it() {
    // The certificate's own tag; the outer algorithm's, and its parameters'; the signature's, and its count of unused bits.
    for at in [0, 428, 441, 443, 447] {
        for bit in 0..8 {
            let mut bent = machine();
            bent[at] ^= 1 << bit;
            assert!(vouched().judge(&bent, &[], NOW).is_err(), "bit {bit} of {at}");
        }
    }
}

proptest! {
    #[test]
    fn no_certificate_breaks_the_judge(bytes in proptest::collection::vec(any::<u8>(), 0..300), at in 0_usize..700, with in any::<u8>()) {
        prop_assert!(vouched().judge(&bytes, &[&bytes], NOW).is_err());
        let mut bent = machine();
        let at = at % bent.len();
        prop_assume!(bent[at] != with);
        bent[at] = with;
        prop_assert!(vouched().judge(&bent, &[], NOW).is_err(), "one byte at {} makes it another", at);
    }
}

// The line.

#[tokio::test]
async fn a_line_is_opened_with_the_code_and_hears_what_is_published() {
    let mut broker = Machine::start().await;
    let mut bench = Bench::to(&broker, vouched());
    bench.ask(open("one"));
    let mut line = broker.line().await;
    let hello = line.packet().await;
    assert!(hello.windows(8).any(|bytes| bytes == CODE.as_bytes()) && hello.windows(3).any(|bytes| bytes == b"one"));
    assert_eq!(hello[9] & 0b10, 0b10, "a clean session");
    line.take_in().await;
    assert_eq!(bench.wire().await, Wire::Opened);
    line.publish(b"{}").await;
    assert_eq!(bench.wire().await, Wire::Message("{}".into()));
    drop(line);
    assert!(matches!(bench.wire().await, Wire::Closed(NoLine::Cut(_))));
}

#[tokio::test]
async fn a_code_that_the_broker_refuses_is_a_wrong_code() {
    let mut broker = Machine::start().await;
    let mut bench = Bench::to(&broker, vouched());
    bench.ask(open("one"));
    let mut line = broker.line().await;
    line.packet().await;
    line.send(&[0x20, 2, 0, 5]).await;
    assert_eq!(bench.wire().await, Wire::Closed(NoLine::WrongCode));
}

#[tokio::test]
async fn a_machine_that_is_not_believed_gets_neither_name_nor_code() {
    let mut broker = Machine::start().await;
    let mut bench = Bench::to(&broker, trust(None, &[]));
    bench.ask(open("one"));
    assert!(broker.handshake().await.is_err(), "we hang up before anything is said");
    let Wire::Closed(NoLine::Certificate(refusal)) = bench.wire().await else { panic!() };
    let confirmed = sha256(refusal);
    // The same on the way of files.
    bench.ask(Ask::Files { id: 1, work: FileWork::List });
    assert!(matches!(bench.wire().await, Wire::Filed { id: 1, outcome: Err(FileFault::Certificate(_)) }));
    assert!(broker.said().is_empty());
    // And with it confirmed it is the machine.
    let mut bench = Bench::to(&broker, trust(Some(confirmed), &[]));
    bench.ask(open("two"));
    let mut line = broker.line().await;
    line.packet().await;
    line.take_in().await;
    assert_eq!(bench.wire().await, Wire::Opened);
}

#[tokio::test]
async fn nobody_there_and_something_else_there_are_told() {
    let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let mut bench = Bench::at(BrokerAddress { host: "127.0.0.1".to_owned(), broker: nobody, files: nobody }, vouched());
    bench.ask(open("one"));
    assert!(matches!(bench.wire().await, Wire::Closed(NoLine::Unreachable(_))));
    bench.ask(Ask::Files { id: 1, work: FileWork::List });
    assert!(matches!(bench.wire().await, Wire::Filed { outcome: Err(FileFault::Unreachable(_)), .. }));
}

#[tokio::test]
async fn nothing_that_was_sent_while_the_line_was_down_goes_out_later() {
    let mut broker = Machine::start().await;
    let mut bench = Bench::to(&broker, vouched());
    bench.ask(publish("before there was a line"));
    bench.ask(open("one"));
    let mut first = broker.line().await;
    first.packet().await;
    bench.ask(publish("before we were taken in"));
    first.take_in().await;
    assert_eq!(bench.wire().await, Wire::Opened);
    bench.ask(publish("start"));
    assert!(first.published().await.ends_with(b"start"));
    // It is never acknowledged, and the line breaks.
    drop(first);
    assert!(matches!(bench.wire().await, Wire::Closed(_)));
    bench.ask(publish("while the line was down"));
    bench.ask(open("two"));
    let mut second = broker.line().await;
    let hello = second.packet().await;
    assert!(hello.windows(3).any(|bytes| bytes == b"two"), "a client of its own");
    second.take_in().await;
    assert_eq!(bench.wire().await, Wire::Opened);
    bench.ask(publish("fresh"));
    assert!(second.published().await.ends_with(b"fresh"), "the first and only thing on the new line");
}

#[tokio::test]
async fn a_message_that_is_too_large_ends_the_line() {
    let mut broker = Machine::start().await;
    let mut bench = Bench::to(&broker, vouched());
    bench.ask(open("one"));
    let mut line = broker.line().await;
    line.packet().await;
    line.take_in().await;
    assert_eq!(bench.wire().await, Wire::Opened);
    // A publication of 256 MiB, of which nothing need follow.
    line.send(&[0x30, 0xff, 0xff, 0xff, 0x7f, 0, 1, b'a']).await;
    assert!(matches!(bench.wire().await, Wire::Closed(_)));
}

// Files.

#[tokio::test]
async fn a_file_arrives_whole_on_a_resumed_session_and_is_not_sent_again() {
    let machine = Machine::start().await;
    let mut bench = Bench::to(&machine, vouched());
    let bytes = bench.content(300_000);
    assert_eq!(bench.put("a.3mf").await, Ok(Filed::Stored));
    assert_eq!(machine.files().get("a.3mf"), Some(&bytes));
    assert_eq!(machine.said().iter().filter(|said| *said == "STOR a.3mf").count(), 1);
    assert_eq!(bench.put("a.3mf").await, Ok(Filed::Stored));
    assert_eq!(machine.said().iter().filter(|said| *said == "STOR a.3mf").count(), 1, "it is there already");
    assert_eq!(machine.resumed(), [true]);
    assert!(bench.uploaded > 0);
}

#[tokio::test]
async fn files_are_listed_and_removed() {
    let machine = Machine::start().await;
    let mut bench = Bench::to(&machine, vouched());
    machine.holds("b.3mf", b"b");
    machine.holds("c.3mf", b"c");
    let names = vec!["b.3mf".to_owned(), "not there".to_owned()];
    assert_eq!(bench.files(FileWork::List).await, Ok(Filed::Names(vec!["b.3mf".to_owned(), "c.3mf".to_owned()])));
    assert_eq!(bench.files(FileWork::Remove { names }).await, Ok(Filed::Removed));
    assert_eq!(machine.files().into_keys().collect::<Vec<_>>(), ["c.3mf"]);
}

#[tokio::test]
async fn what_a_file_server_refuses_is_told_by_its_code() {
    for (at, reply, expected) in [
        ("PASS", "530 Login incorrect.", FileFault::WrongCode),
        ("STOR", "553 Could not create file.", FileFault::CannotCreate("553 Could not create file.".to_owned())),
        ("STOR", "552 Full", FileFault::NoRoom("552 Full".to_owned())),
        ("PASV", "500 What?", FileFault::Refused("500 What?".to_owned())),
    ] {
        let machine = Machine::start().await;
        machine.does(Does { refuses: Some((at, reply)), ..Does::default() });
        let mut bench = Bench::to(&machine, vouched());
        bench.content(1000);
        assert_eq!(bench.put("a.3mf").await, Err(expected), "{at}");
    }
}

#[tokio::test]
async fn a_machine_whose_data_does_not_go_under_tls_gets_it_in_the_clear_from_then_on() {
    let machine = Machine::start().await;
    machine.does(Does { no_private_data: true, ..Does::default() });
    let mut bench = Bench::to(&machine, vouched());
    let bytes = bench.content(100_000);
    assert_eq!(bench.put("a.3mf").await, Ok(Filed::Stored));
    assert_eq!(machine.files().get("a.3mf"), Some(&bytes));
    assert_eq!(bench.put("b.3mf").await, Ok(Filed::Stored));
    let prot: Vec<String> = machine.said().into_iter().filter(|said| said.starts_with("PROT")).collect();
    assert_eq!(prot, ["PROT P", "PROT C", "PROT C"]);
}

#[tokio::test]
async fn a_file_that_is_cut_on_its_way_is_removed_and_another_try_brings_it() {
    let machine = Machine::start().await;
    machine.does(Does { cuts_after: Some(70_000), ..Does::default() });
    let mut bench = Bench::to(&machine, vouched());
    let bytes = bench.content(3_000_000);
    let cut = bench.put("a.3mf").await;
    // As much as fits into the sockets may have gone before the cut is noticed.
    assert!(matches!(cut, Err(FileFault::Cut(_) | FileFault::NotWhole { .. })), "{cut:?}");
    assert_eq!(machine.files().get("a.3mf"), None, "{:?}", machine.said());
    machine.does(Does::default());
    assert_eq!(bench.put("a.3mf").await, Ok(Filed::Stored));
    assert_eq!(machine.files().get("a.3mf"), Some(&bytes));
}

#[tokio::test]
async fn a_last_word_that_is_no_yes_is_held_against_what_is_there() {
    for (loses, expected) in [(0, Ok(Filed::Stored)), (7, Err(FileFault::NotWhole { sent: 100_000, there: 99_993 }))] {
        let machine = Machine::start().await;
        machine.does(Does { last_word: "426 Failure reading network stream.", loses, ..Does::default() });
        let mut bench = Bench::to(&machine, vouched());
        bench.content(100_000);
        assert_eq!(bench.put("a.3mf").await, expected);
        assert_eq!(machine.files().contains_key("a.3mf"), loses == 0);
    }
    // A yes to a file that is not whole is no yes.
    let machine = Machine::start().await;
    machine.does(Does { loses: 7, ..Does::default() });
    let mut bench = Bench::to(&machine, vouched());
    bench.content(100_000);
    assert_eq!(bench.put("a.3mf").await, Err(FileFault::NotWhole { sent: 100_000, there: 99_993 }));
}

#[tokio::test]
async fn a_file_that_is_given_up_on_its_way_leaves_nothing_behind() {
    let machine = Machine::start().await;
    machine.does(Does { reads_no_further: Some(70_000), ..Does::default() });
    let mut bench = Bench::to(&machine, vouched());
    bench.content(20_000_000);
    bench.ask(Ask::Files { id: 1, work: bench.work("a.3mf") });
    machine.until(|machine| machine.files.contains_key("a.3mf")).await;
    bench.ask(Ask::Abandon(1));
    machine.until(|machine| machine.said.contains(&"DELE a.3mf".to_owned())).await;
    // What waits behind it is done, and nothing is heard of it.
    machine.does(Does::default());
    assert_eq!(bench.files(FileWork::List).await, Ok(Filed::Names(vec![])));
}

#[tokio::test]
async fn content_that_is_not_here_or_of_another_size_is_not_sent() {
    let machine = Machine::start().await;
    let mut bench = Bench::to(&machine, vouched());
    assert_eq!(bench.put("a.3mf").await, Err(FileFault::ContentMissing));
    bench.content(1000);
    bench.size += 1;
    assert_eq!(bench.put("a.3mf").await, Err(FileFault::ContentMissing));
    assert!(machine.said().is_empty());
}

fn open(client_id: &str) -> Ask {
    Ask::Open { client_id: client_id.to_owned(), topic: "device/x/report".to_owned() }
}

fn publish(payload: &str) -> Ask {
    Ask::Publish { topic: "device/x/request".to_owned(), payload: payload.to_owned() }
}

// A driver whose core asks what the test asks.

struct Bench {
    asks: mpsc::UnboundedSender<Ask>,
    wires: mpsc::UnboundedReceiver<Wire>,
    connection: Connection,
    folder: tempfile::TempDir,
    size: u64,
    uploaded: u64,
    last: u64,
}

impl Bench {
    fn to(machine: &Machine, trust: Trust) -> Self {
        Self::at(machine.address.clone(), trust)
    }

    fn at(address: BrokerAddress, trust: Trust) -> Self {
        let (asks, asked) = mpsc::unbounded_channel();
        let (came, wires) = mpsc::unbounded_channel();
        let folder = tempfile::tempdir().unwrap();
        let place = Place { address, user: "bblp", code: Secret::new(CODE.to_owned()), trust };
        let outside = Outside {
            blobs: Arc::new(Folder(folder.path().to_owned())),
            now: Arc::new(|| Timestamp::from_millis(0)),
            authorities: Arc::default(),
        };
        Self { asks, wires, connection: drive(Scripted { asked, came }, place, outside), folder, size: 0, uploaded: 0, last: 100 }
    }

    /// Each ask is carried out before the next, for an order wakes the core.
    fn ask(&mut self, ask: Ask) {
        self.asks.send(ask).unwrap();
        self.connection.orders.try_send(Order::Watch(None)).unwrap();
    }

    async fn wire(&mut self) -> Wire {
        loop {
            match tokio::time::timeout(std::time::Duration::from_secs(30), self.wires.recv()).await.unwrap().unwrap() {
                Wire::Uploaded { bytes, .. } => self.uploaded = bytes,
                wire @ (Wire::Opened | Wire::Message(_) | Wire::Closed(_) | Wire::Filed { .. }) => return wire,
            }
        }
    }

    fn content(&mut self, size: usize) -> Vec<u8> {
        let bytes: Vec<u8> = (0..size).map(|n| u8::try_from(n * n % 251).unwrap()).collect();
        std::fs::write(self.folder.path().join("content"), &bytes).unwrap();
        self.size = u64::try_from(size).unwrap();
        bytes
    }

    fn work(&self, name: &str) -> FileWork {
        let content = Content { sha256: ContentHash::new([0; 32]), size_bytes: self.size, extension: "3mf".to_owned() };
        FileWork::Put { name: name.to_owned(), content, packing: Packing::Plain }
    }

    async fn put(&mut self, name: &str) -> Result<Filed, FileFault> {
        let work = self.work(name);
        self.files(work).await
    }

    async fn files(&mut self, work: FileWork) -> Result<Filed, FileFault> {
        self.last += 1;
        self.ask(Ask::Files { id: self.last, work });
        let Wire::Filed { id, outcome } = self.wire().await else { panic!() };
        assert_eq!(id, self.last);
        outcome
    }
}

struct Folder(PathBuf);

impl Blobs for Folder {
    fn path(&self, _: &ContentHash) -> Option<PathBuf> {
        Some(self.0.join("content")).filter(|place| place.exists())
    }
}

struct Scripted {
    asked: mpsc::UnboundedReceiver<Ask>,
    came: mpsc::UnboundedSender<Wire>,
}

impl PrinterProtocol for Scripted {
    type Wire = Wire;
    type Ask = Ask;

    fn handle(&mut self, _: Timestamp, input: Input<Wire>) -> Vec<Output<Ask>> {
        match input {
            Input::Wire(wire) => drop(self.came.send(wire)),
            Input::Wake | Input::Order(_) => {}
        }
        std::iter::from_fn(|| self.asked.try_recv().ok()).map(Output::Ask).collect()
    }
}

// A machine: a broker that a test plays, and a file server that does what a test says.

struct Machine {
    address: BrokerAddress,
    broker: TcpListener,
    acceptor: TlsAcceptor,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    does: Does,
    files: BTreeMap<String, Vec<u8>>,
    said: Vec<String>,
    resumed: Vec<bool>,
}

#[derive(Clone)]
struct Does {
    /// A command and what is said to it.
    refuses: Option<(&'static str, &'static str)>,
    no_private_data: bool,
    cuts_after: Option<usize>,
    reads_no_further: Option<usize>,
    last_word: &'static str,
    loses: usize,
}

impl Default for Does {
    fn default() -> Self {
        Self {
            refuses: None,
            no_private_data: false,
            cuts_after: None,
            reads_no_further: None,
            last_word: "226 Transfer complete.",
            loses: 0,
        }
    }
}

impl Machine {
    async fn start() -> Self {
        let key = PrivateKeyDer::from_pem_slice(include_bytes!("fixtures/machine.key")).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let key = provider.key_provider.load_private_key(key).unwrap();
        let certified = CertifiedKey::new(vec![CertificateDer::from(machine())], key);
        let config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(rustls::ALL_VERSIONS)
            .unwrap()
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(SingleCertAndKey::from(certified)));
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let (broker, files) = tokio::join!(TcpListener::bind("127.0.0.1:0"), TcpListener::bind("127.0.0.1:0"));
        let (broker, files) = (broker.unwrap(), files.unwrap());
        let port = |listener: &TcpListener| listener.local_addr().unwrap().port();
        let address = BrokerAddress { host: "127.0.0.1".to_owned(), broker: port(&broker), files: port(&files) };
        let state: Arc<Mutex<State>> = Arc::default();
        tokio::spawn(serve_files(files, acceptor.clone(), Arc::clone(&state)));
        Self { address, broker, acceptor, state }
    }

    fn does(&self, does: Does) {
        self.state.lock().unwrap().does = does;
    }

    fn holds(&self, name: &str, bytes: &[u8]) {
        self.state.lock().unwrap().files.insert(name.to_owned(), bytes.to_vec());
    }

    fn files(&self) -> BTreeMap<String, Vec<u8>> {
        self.state.lock().unwrap().files.clone()
    }

    fn said(&self) -> Vec<String> {
        self.state.lock().unwrap().said.clone()
    }

    fn resumed(&self) -> Vec<bool> {
        self.state.lock().unwrap().resumed.clone()
    }

    async fn until(&self, holds: impl Fn(&State) -> bool) {
        let wait = async {
            while !holds(&self.state.lock().unwrap()) {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(std::time::Duration::from_secs(30), wait).await.unwrap();
    }

    async fn handshake(&mut self) -> std::io::Result<TlsStream<TcpStream>> {
        let (stream, _) = self.broker.accept().await.unwrap();
        let mut line = self.acceptor.accept(stream).await?;
        // Whoever is not believed notices at the first byte.
        line.flush().await.map(|()| line)
    }

    async fn line(&mut self) -> Line {
        Line(self.handshake().await.unwrap())
    }
}

/// One client at the broker, packet by packet.
struct Line(TlsStream<TcpStream>);

impl Line {
    async fn packet(&mut self) -> Vec<u8> {
        let mut packet = vec![self.0.read_u8().await.unwrap()];
        let length = self.0.read_u8().await.unwrap();
        assert!(length < 0x80, "the test's packets are short");
        packet.push(length);
        let mut body = vec![0; usize::from(length)];
        self.0.read_exact(&mut body).await.unwrap();
        packet.extend(body);
        packet
    }

    async fn send(&mut self, bytes: &[u8]) {
        self.0.write_all(bytes).await.unwrap();
        self.0.flush().await.unwrap();
    }

    /// Accepts it, and its wish to listen.
    async fn take_in(&mut self) {
        self.send(&[0x20, 2, 0, 0]).await;
        let wish = self.packet().await;
        assert_eq!(wish[0], 0x82);
        self.send(&[0x90, 3, wish[2], wish[3], 0]).await;
    }

    async fn publish(&mut self, payload: &[u8]) {
        let mut packet = vec![0x30, u8::try_from(payload.len() + 3).unwrap(), 0, 1, b'a'];
        packet.extend(payload);
        self.send(&packet).await;
    }

    async fn published(&mut self) -> Vec<u8> {
        let packet = self.packet().await;
        assert_eq!(packet[0], 0x32, "a first publication, to be acknowledged");
        packet
    }
}

async fn serve_files(listener: TcpListener, acceptor: TlsAcceptor, state: Arc<Mutex<State>>) {
    while let Ok((stream, _)) = listener.accept().await {
        let (acceptor, state) = (acceptor.clone(), Arc::clone(&state));
        tokio::spawn(async move {
            let Ok(control) = acceptor.accept(stream).await else { return };
            // A client that goes away in the middle is not this server's trouble.
            let _ = serve_session(control, &acceptor, &state).await;
        });
    }
}

async fn serve_session(control: TlsStream<TcpStream>, acceptor: &TlsAcceptor, state: &Mutex<State>) -> std::io::Result<()> {
    let mut control = BufReader::new(control);
    let (mut data, mut private) = (None, false);
    control.write_all(b"220-Welcome\r\n220 ready\r\n").await?;
    loop {
        let mut line = String::new();
        if control.read_line(&mut line).await? == 0 {
            return Ok(());
        }
        let line = line.trim_end();
        let (verb, argument) = line.split_once(' ').unwrap_or((line, ""));
        let does = {
            let mut state = state.lock().unwrap();
            state.said.push(line.to_owned());
            state.does.clone()
        };
        let refused = does.refuses.filter(|(refused, _)| *refused == verb).map(|(_, reply)| reply.to_owned());
        let size = state.lock().unwrap().files.get(argument).map(Vec::len);
        let reply = match verb {
            _ if refused.is_some() => refused.unwrap(),
            "USER" => "331 Password?".to_owned(),
            "PASS" if argument == CODE => "230 In.".to_owned(),
            "PASS" => "530 Login incorrect.".to_owned(),
            "PROT" => {
                private = argument == "P";
                "200 So be it.".to_owned()
            }
            "SIZE" => size.map_or("550 No.".to_owned(), |size| format!("213 {size}")),
            "DELE" => match state.lock().unwrap().files.remove(argument) {
                Some(_) => "250 Gone.".to_owned(),
                None => "550 No.".to_owned(),
            },
            "PASV" => {
                let listener = TcpListener::bind("127.0.0.1:0").await?;
                let port = listener.local_addr()?.port();
                data = Some(listener);
                format!("227 Entering Passive Mode (10,9,8,7,{},{}).", port / 256, port % 256)
            }
            "STOR" | "NLST" => {
                let (stream, _) = data.take().unwrap().accept().await?;
                if does.no_private_data && private {
                    drop(stream);
                    control.write_all(b"425 Failed to establish connection.\r\n").await?;
                    continue;
                }
                let transfer = Transfer { verb, name: argument, does, private };
                transfer.serve(stream, &mut control, acceptor, state).await?
            }
            "QUIT" => return control.write_all(b"221 Bye.\r\n").await,
            _ => "200 Fine.".to_owned(),
        };
        control.write_all(format!("{reply}\r\n").as_bytes()).await?;
        control.flush().await?;
    }
}

struct Transfer<'a> {
    verb: &'a str,
    name: &'a str,
    does: Does,
    private: bool,
}

impl Transfer<'_> {
    async fn serve(
        self,
        stream: TcpStream,
        control: &mut BufReader<TlsStream<TcpStream>>,
        acceptor: &TlsAcceptor,
        state: &Mutex<State>,
    ) -> std::io::Result<String> {
        let begin = b"150 Go.\r\n";
        if self.private {
            let data = acceptor.accept(stream).await?;
            let resumed = data.get_ref().1.handshake_kind() == Some(HandshakeKind::Resumed);
            state.lock().unwrap().resumed.push(resumed);
            control.write_all(begin).await?;
            control.flush().await?;
            self.move_bytes(data, state).await
        } else {
            control.write_all(begin).await?;
            control.flush().await?;
            self.move_bytes(stream, state).await
        }
    }

    async fn move_bytes(
        self,
        mut data: impl tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
        state: &Mutex<State>,
    ) -> std::io::Result<String> {
        if self.verb == "NLST" {
            let names: String = state.lock().unwrap().files.keys().map(|name| format!("/{name}\r\n")).collect();
            data.write_all(names.as_bytes()).await?;
            data.shutdown().await?;
            return Ok("226 Done.".to_owned());
        }
        let mut bytes = Vec::new();
        let mut chunk = vec![0; 16 * 1024];
        loop {
            let read = data.read(&mut chunk).await?;
            if read == 0 {
                break;
            }
            bytes.extend_from_slice(&chunk[..read]);
            state.lock().unwrap().files.insert(self.name.to_owned(), bytes.clone());
            if self.does.cuts_after.is_some_and(|after| bytes.len() > after) {
                return Ok("426 Connection closed.".to_owned());
            }
            if self.does.reads_no_further.is_some_and(|after| bytes.len() > after) {
                std::future::pending::<()>().await;
            }
        }
        bytes.truncate(bytes.len() - self.does.loses);
        state.lock().unwrap().files.insert(self.name.to_owned(), bytes);
        Ok(self.does.last_word.to_owned())
    }
}
