//! How others find the printer: announcements and searches by UDP, and the identification by TCP.

use super::{Control, GREETING, each};
use crate::bambu::announce;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};

const PACE: Duration = Duration::from_secs(5);

/// Tells of itself now and then, and answers searches.
pub(super) async fn announce(socket: UdpSocket, to: Option<SocketAddr>, control: Control) {
    // Where broadcasts are not allowed, the one address is still told.
    drop(socket.set_broadcast(true));
    let mut buffer = [0; 2048];
    let mut pace = tokio::time::interval(PACE);
    loop {
        let (told, to) = tokio::select! {
            _ = pace.tick() => (control.look(|core| core.is_on().then(|| announce::notify(core.settings()))).await, to),
            asked = socket.recv_from(&mut buffer) => match asked {
                Ok((count, from)) => {
                    let search = buffer[..count].to_vec();
                    let told = control.look(move |core| announce::answer(core.settings(), &search).filter(|_| core.is_on()));
                    (told.await, Some(from))
                }
                Err(_) => continue,
            },
        };
        if let (Some(Some(told)), Some(to)) = (told, to) {
            // Nobody may be there.
            drop(socket.send_to(told.as_bytes(), to).await);
        }
    }
}

/// Says once per connection who it is.
pub(super) async fn identify(listener: TcpListener, control: Control) {
    each(listener, |stream| {
        let control = control.clone();
        async move {
            // It ends in the same way, however far it came.
            drop(tokio::time::timeout(GREETING, tell(stream, control)).await);
        }
    })
    .await;
}

async fn tell(mut stream: TcpStream, control: Control) -> std::io::Result<()> {
    let mut head = [0; 4];
    stream.read_exact(&mut head).await?;
    let Some(length) = announce::frame_length(head) else { return Ok(()) };
    let mut frame = head.to_vec();
    frame.resize(length, 0);
    stream.read_exact(&mut frame[4..]).await?;
    let told = control.look(move |core| announce::identify(core.settings(), &frame).filter(|_| core.is_on())).await;
    if let Some(Some(told)) = told {
        stream.write_all(&told).await?;
    }
    stream.shutdown().await
}
