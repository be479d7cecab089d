//! Questions to addresses that somebody named: a connection each, few bytes, and an end.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use drivers::discovery::{LONGEST, Probe, Sighting};
use futures_util::StreamExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::Scanned;

/// So many connections at once: a whole network is asked in seconds, and cheap routers stand in between.
const AT_ONCE: usize = 200;
const CONNECT: Duration = Duration::from_millis(700);
const ANSWER: Duration = Duration::from_millis(2_500);

/// Asks each address every question.
pub(super) async fn ask(probes: &'static [Probe], addresses: &[IpAddr]) -> Scanned {
    let all: Vec<(IpAddr, Probe)> = addresses.iter().flat_map(|address| probes.iter().map(|probe| (*address, *probe))).collect();
    let answers = futures_util::stream::iter(all).map(|(address, probe)| answer(address, probe));
    let sightings = answers.buffer_unordered(AT_ONCE).filter_map(std::future::ready).collect().await;
    Scanned { sightings, hindrances: Vec::new() }
}

async fn answer(address: IpAddr, probe: Probe) -> Option<Sighting> {
    let connect = TcpStream::connect(SocketAddr::new(address, probe.port));
    let mut stream = tokio::time::timeout(CONNECT, connect).await.ok()?.ok()?;
    let mut told = Vec::new();
    let talk = async {
        stream.write_all(&probe.bytes(address)).await?;
        let most = u64::try_from(LONGEST).unwrap_or(u64::MAX);
        (&mut stream).take(most).read_to_end(&mut told).await
    };
    // Who keeps the line open may have said enough already.
    drop(tokio::time::timeout(ANSWER, talk).await);
    probe.read(address, &told)
}
