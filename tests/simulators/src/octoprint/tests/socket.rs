//! The shell: real sockets, broken ones too.

use crate::octoprint::door::Person;
use crate::octoprint::settings::{Faults, Settings};
use crate::octoprint::shell::{OctoPrintSim, Running};
use std::net::SocketAddr;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const KEY: &str = "X-Api-Key: 0123456789ABCDEF0123456789ABCDEF";

async fn start(address: &str) -> Running {
    let address: SocketAddr = address.parse().unwrap();
    OctoPrintSim::start(address, Settings::default()).await.unwrap()
}

/// Sends a raw request and reads until the connection ends.
async fn exchange(address: SocketAddr, head: &str, body: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let length = body.len();
    let request = format!("{head}\r\nHost: sim\r\n{KEY}\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    // A broken connection may end in an error; what came until then counts.
    drop(stream.read_to_end(&mut answer).await);
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn a_request_over_a_real_socket_is_answered() {
    let sim = start("127.0.0.1:0").await;
    let answer = exchange(sim.address, "GET /api/version HTTP/1.1", "").await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(answer.contains("OctoPrint 1.11.8"), "{answer}");
    sim.stop().await;
}

#[tokio::test]
async fn a_cut_connection_ends_without_a_byte_of_answer() {
    let sim = start("127.0.0.1:0").await;
    sim.control.faults(Faults { cut_uploads_after: Some(10), ..Faults::default() });
    let head = "POST /api/files/local HTTP/1.1\r\nContent-Type: multipart/form-data; boundary=zz";
    assert_eq!(exchange(sim.address, head, &"x".repeat(100_000)).await, "");
    assert_eq!(sim.control.counters().await.uploads, 0);
    sim.stop().await;
}

#[tokio::test]
async fn stopping_breaks_open_connections_and_frees_the_port() {
    let sim = start("127.0.0.1:0").await;
    let address = sim.address;
    let mut idle = TcpStream::connect(address).await.unwrap();
    idle.write_all(b"GET /api/ver").await.unwrap();
    exchange(address, "GET /api/version HTTP/1.1", "").await;
    sim.stop().await;
    let mut rest = Vec::new();
    drop(idle.read_to_end(&mut rest).await);
    assert!(rest.is_empty());
    let again = start(&address.to_string()).await;
    assert_eq!(again.address, address);
    again.stop().await;
}

#[tokio::test]
async fn the_push_socket_upgrades_and_says_connected() {
    let sim = start("127.0.0.1:0").await;
    let mut stream = TcpStream::connect(sim.address).await.unwrap();
    let request = "GET /sockjs/websocket HTTP/1.1\r\nHost: sim\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                   Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut seen = String::new();
    let mut chunk = [0; 1024];
    while !seen.contains("\"connected\"") {
        let read = stream.read(&mut chunk).await.unwrap();
        assert!(read > 0, "{seen}");
        seen.push_str(&String::from_utf8_lossy(&chunk[..read]));
    }
    assert!(seen.starts_with("HTTP/1.1 101 "), "{seen}");
    sim.stop().await;
}

#[tokio::test]
async fn a_test_holds_the_machine_by_its_control() {
    let sim = start("127.0.0.1:0").await;
    sim.control.power_cut(60_000);
    assert_eq!(exchange(sim.address, "GET /api/version HTTP/1.1", "").await, "");
    sim.control.person(Person::Pause);
    assert_eq!(sim.control.state().await, "Offline");
    sim.stop().await;
}
