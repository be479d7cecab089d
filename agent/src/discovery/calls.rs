//! Calls to all on each network, and what comes back within the time: multicast DNS from a port of our own, so that it stands
//! beside any other program that answers there, and SSDP, asked and overheard.

use std::collections::BTreeSet;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV4};
use std::time::Duration;

use drivers::discovery::{Announcement, Heard, LONGEST, SERVICES, of_announcement, of_service, search};
use futures_util::future::join_all;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::UdpSocket;

use super::{Scanned, Ways};

/// So many datagrams are taken from one socket.
const MOST: usize = 2_000;

/// The group that SSDP is said to.
const GROUP: Ipv4Addr = Ipv4Addr::new(239, 255, 255, 250);

/// What is offered by multicast DNS.
pub(super) async fn services(ways: &Ways, interfaces: &[Ipv4Addr]) -> Scanned {
    gathered(join_all(interfaces.iter().map(|interface| services_at(ways, *interface))).await)
}

async fn services_at(ways: &Ways, interface: Ipv4Addr) -> Result<Scanned, Hindrance> {
    let refused = |error: io::Error| no_call("multicast DNS", interface, &error);
    let socket = caller(interface).map_err(refused)?;
    let mut heard = Heard::default();
    let question = Heard::question(SERVICES);
    // Asked twice, for datagrams get lost; then for what was named and not told.
    for call in [Some(question.clone()), Some(question), None] {
        if let Some(call) = call.or_else(|| heard.further_question()) {
            socket.send_to(&call, ways.services).await.map_err(refused)?;
        }
        listen(&socket, ways.listen / 3, |datagram, from| heard.take(datagram, from)).await;
    }
    Ok(Scanned { sightings: heard.services().iter().filter_map(of_service).collect(), hindrances: Vec::new() })
}

/// What is announced by SSDP: to our search, and unasked to all.
pub(super) async fn announcements(ways: &Ways, interfaces: &[Ipv4Addr]) -> Scanned {
    let ports: BTreeSet<u16> = ways.searches.iter().map(|(_, at)| at.port()).collect();
    let asked = join_all(interfaces.iter().map(|interface| asked_at(ways, *interface)));
    let overheard = join_all(ports.into_iter().map(|port| overheard_at(ways.listen, port, interfaces)));
    let (asked, overheard) = tokio::join!(asked, overheard);
    gathered(asked.into_iter().chain(overheard))
}

async fn asked_at(ways: &Ways, interface: Ipv4Addr) -> Result<Scanned, Hindrance> {
    let refused = |error: io::Error| no_call("search by SSDP", interface, &error);
    let socket = caller(interface).map_err(refused)?;
    let mut sightings = Vec::new();
    let (mut sent, mut failed) = (false, None);
    for _ in 0..2 {
        for (kind, at) in &ways.searches {
            match socket.send_to(&search(kind, &at.to_string()), at).await {
                Ok(_) => sent = true,
                Err(error) => failed = Some(error),
            }
        }
        listen(&socket, ways.listen / 2, |datagram, from| sightings.extend(announced(datagram, from))).await;
    }
    // One way out is enough: a broadcast does not leave by every network.
    match failed.filter(|_| !sent) {
        Some(error) => Err(refused(error)),
        None => Ok(Scanned { sightings, hindrances: Vec::new() }),
    }
}

async fn overheard_at(time: Duration, port: u16, interfaces: &[Ipv4Addr]) -> Result<Scanned, Hindrance> {
    let in_words = |error: io::Error| {
        let what = format!("Announcements on UDP port {port} could not be overheard ({error}).");
        Some(format!("{what} Printers that only announce themselves there are found by their address."))
    };
    let socket = listener(port, interfaces).map_err(in_words)?;
    let mut sightings = Vec::new();
    listen(&socket, time, |datagram, from| sightings.extend(announced(datagram, from))).await;
    Ok(Scanned { sightings, hindrances: Vec::new() })
}

fn announced(datagram: &[u8], from: IpAddr) -> Option<drivers::discovery::Sighting> {
    of_announcement(&Announcement::read(datagram)?, from)
}

async fn listen(socket: &UdpSocket, time: Duration, mut take: impl FnMut(&[u8], IpAddr)) {
    let hear = async {
        let mut datagram = vec![0; LONGEST];
        for _ in 0..MOST {
            // Somebody's "port unreachable" is told here too; the next datagram may be a good one.
            if let Ok((length, from)) = socket.recv_from(&mut datagram).await {
                take(datagram.get(..length).unwrap_or_default(), from.ip());
            }
        }
    };
    // That the time is over is how it ends.
    drop(tokio::time::timeout(time, hear).await);
}

/// A socket that calls into the network of that address.
fn caller(interface: Ipv4Addr) -> io::Result<UdpSocket> {
    let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP))?;
    socket.set_multicast_if_v4(&interface)?;
    socket.set_multicast_ttl_v4(4)?;
    socket.set_broadcast(true)?;
    ready(socket, SocketAddrV4::new(interface, 0))
}

/// A socket that hears what is said to all on that port, beside other programs that listen there.
fn listener(port: u16, interfaces: &[Ipv4Addr]) -> io::Result<UdpSocket> {
    let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP))?;
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(true)?;
    for interface in interfaces {
        // Without the group, broadcasts are heard all the same.
        socket.join_multicast_v4(&GROUP, interface).unwrap_or_default();
    }
    ready(socket, SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, port))
}

fn ready(socket: Socket, at: SocketAddrV4) -> io::Result<UdpSocket> {
    socket.set_nonblocking(true)?;
    socket.bind(&SocketAddr::V4(at).into())?;
    UdpSocket::from_std(socket.into())
}

/// Why one way was closed, in words; none where nobody expects it to be open.
type Hindrance = Option<String>;

fn no_call(what: &str, interface: Ipv4Addr, error: &io::Error) -> Hindrance {
    let text = || format!("No {what} in the network of {interface} ({error}). Printers there are found by their address.");
    (!interface.is_loopback()).then(text)
}

/// All of it; who works on one network is not hindered by another that lets nothing through.
fn gathered(results: impl IntoIterator<Item = Result<Scanned, Hindrance>>) -> Scanned {
    let mut all = Scanned::default();
    for result in results {
        match result {
            Ok(found) => all.sightings.extend(found.sightings),
            Err(hindrance) => all.hindrances.extend(hindrance),
        }
    }
    all
}
