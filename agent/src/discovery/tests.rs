//! Scans over real sockets on the loopback, with machines that say what real ones were recorded to say.

use std::net::SocketAddr;
use std::sync::Arc;

use drivers::discovery::{LONGEST, SERVICES};
use tokio::net::UdpSocket;

use super::*;

/// What a machine says of itself unasked.
fn notice() -> String {
    let kind = SEARCHES[0].0;
    format!("NOTIFY * HTTP/1.1\r\nLocation: 127.0.0.31\r\nNT: {kind}\r\nUSN: 01S00A000000001\r\n\r\n")
}

/// Looks nowhere.
fn nowhere() -> Ways {
    let nobody = SocketAddrV4::new(Ipv4Addr::LOCALHOST, 9);
    let devices = PathBuf::from("/nowhere/at/all");
    Ways { services: nobody, searches: Vec::new(), probes: &[], devices, listen: Duration::from_millis(400) }
}

async fn socket() -> (UdpSocket, SocketAddrV4) {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let SocketAddr::V4(at) = socket.local_addr().unwrap() else { panic!("IPv4") };
    (socket, at)
}

/// A machine that gives that answer to whoever asks.
fn answering(socket: UdpSocket, answer: Vec<u8>) -> tokio::task::JoinHandle<()> {
    tokio::spawn(async move {
        let mut asked = vec![0; LONGEST];
        while let Ok((_, from)) = socket.recv_from(&mut asked).await {
            drop(socket.send_to(&answer, from).await);
        }
    })
}

/// An answer of multicast DNS in which one name leads to the next, as zeroconf libraries write it.
fn offer() -> Vec<u8> {
    let label = |text: &str| [&[u8::try_from(text.len()).unwrap()], text.as_bytes()].concat();
    let name = SERVICES[1].split('.').next().unwrap();
    let service = [label(name), label("_tcp"), label("local"), vec![0]].concat();
    let record = |owner: &[u8], kind: u8, data: &[u8]| {
        let length = u16::try_from(data.len()).unwrap().to_be_bytes();
        [owner, &[0, kind, 0, 1, 0, 0, 0, 120], &length, data].concat()
    };
    let instance = [label("One @ voron"), vec![0xC0, 12]].concat();
    let host = [label("voron"), label("local"), vec![0]].concat();
    let records = [
        record(&service, 12, &instance),
        record(&instance, 33, &[&[0, 0, 0, 0, 0x1B, 0xD5], host.as_slice()].concat()),
        record(&instance, 16, &label("uuid=abc")),
        record(&host, 1, &[127, 0, 0, 30]),
    ];
    [vec![0, 0, 0x84, 0, 0, 0, 0, 4, 0, 0, 0, 0], records.concat()].concat()
}

#[tokio::test]
async fn machines_that_answer_to_a_call_or_tell_of_themselves_are_found_each_once() {
    let (services, at) = socket().await;
    let (searched, search_at) = socket().await;
    let (spoken, overheard_at) = socket().await;
    drop(spoken);
    let answer = notice().replace("NOTIFY * HTTP/1.1", "HTTP/1.1 200 OK").replace("NT:", "ST:").replace("000001", "000002");
    let machines = [answering(services, offer()), answering(searched, answer.replace(".31", ".32").into_bytes())];
    let (speaker, _) = socket().await;
    let speaker = Arc::new(speaker);
    let speaking = tokio::spawn(async move {
        let mut every = tokio::time::interval(Duration::from_millis(20));
        loop {
            every.tick().await;
            drop(speaker.send_to(notice().as_bytes(), overheard_at).await);
        }
    });
    let kind = SEARCHES[0].0;
    let ways = Ways { services: at, searches: vec![(kind, search_at), (kind, overheard_at)], ..nowhere() };
    let found = scan(&ways, &[]).await;
    machines.iter().for_each(tokio::task::JoinHandle::abort);
    speaking.abort();
    let addresses: Vec<&str> = found.sightings.iter().map(|one| one.address.as_str()).collect();
    assert_eq!(addresses, ["127.0.0.31", "127.0.0.32", "http://127.0.0.30:7125"], "{found:?}");
    assert_eq!(found.sightings[2].serial.as_ref().map(ToString::to_string).as_deref(), Some("abc"));
    // The port of the machine that is searched for was taken: that is told, and hinders nothing else.
    let taken = format!("UDP port {}", search_at.port());
    assert!(
        found.hindrances.iter().any(|text| text.contains(&taken) && text.contains("by their address")),
        "{:?}",
        found.hindrances
    );
}

#[tokio::test]
async fn a_named_address_is_asked_what_it_is_and_one_without_a_printer_is_no_printer() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let probe = PROBES[1].to_port(port);
    let probes: &'static [Probe] = Vec::leak(vec![probe]);
    let server = tokio::spawn(async move {
        use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut asked = vec![0; 500];
            let length = stream.read(&mut asked).await.unwrap();
            assert!(asked[..length].starts_with(b"GET /server/info HTTP/1.1\r\n"));
            // The line stays open: what was said is enough.
            stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n{\"result\": {\"klippy_state\": \"ready\"}}").await.unwrap();
            drop(stream.shutdown().await);
        }
    });
    let ways = Ways { probes, ..nowhere() };
    let found = scan(&ways, &["127.0.0.1".parse().unwrap(), "127.0.0.2".parse().unwrap()]).await;
    server.abort();
    let addresses: Vec<String> = found.sightings.into_iter().map(|one| one.address).collect();
    assert_eq!(addresses, [format!("http://127.0.0.1:{port}")]);
}

#[tokio::test]
async fn serial_ports_are_listed_by_the_names_that_stay() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["usb-1a86_USB_Serial-if00-port0", "something-else"] {
        std::fs::write(folder.path().join(name), "").unwrap();
    }
    let ways = Ways { devices: folder.path().to_owned(), ..nowhere() };
    let found = scan(&ways, &[]).await;
    let [port] = found.sightings.as_slice() else { panic!("{found:?}") };
    assert_eq!(port.address, folder.path().join("usb-1a86_USB_Serial-if00-port0").to_string_lossy());
    assert_eq!(scan(&nowhere(), &[]).await.sightings, [], "where there is no list there are no ports");
}

#[test]
fn a_host_by_number_is_taken_out_of_every_kind_of_address() {
    let check = |address: &str, expected: Option<&str>| {
        assert_eq!(host(address).map(|host| host.to_string()).as_deref(), expected, "{address}");
    };
    check("http://192.168.1.20:7125/x", Some("192.168.1.20"));
    check("192.168.1.20", Some("192.168.1.20"));
    check("192.168.1.20:8883", Some("192.168.1.20"));
    check("http://[fd00::1]:80", Some("fd00::1"));
    check("http://octopi.local", None);
    check("/dev/serial/by-id/usb-x", None);
}
