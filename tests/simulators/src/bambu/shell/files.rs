//! FTP connections: lines on one, bytes on another beside it.

use super::{Control, GREETING, each};
use crate::bambu::door::{Channel, FtpHeard, FtpId, FtpOrder, Input};
use bytes::{Bytes, BytesMut};
use rustls::HandshakeKind;
use std::future::pending;
use std::io;
use std::net::{IpAddr, SocketAddr};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

const CHUNK: usize = 64 * 1024;

/// Takes control connections; they end with the task.
pub(super) async fn serve(listener: TcpListener, control: Control, tls: TlsAcceptor) {
    each(listener, |stream| {
        let (control, tls) = (control.clone(), tls.clone());
        async move {
            let address = stream.local_addr();
            if let (Ok(address), Ok(Ok(stream))) = (address, timeout(GREETING, tls.accept(stream)).await) {
                attend(stream, address.ip(), control, tls).await;
            }
        }
    })
    .await;
}

async fn attend(stream: TlsStream<TcpStream>, address: IpAddr, control: Control, tls: TlsAcceptor) {
    let session = FtpId(control.next());
    let mut orders = control.session(session);
    let hear = |heard| control.input(Input::Ftp { session, heard });
    let (reader, mut writer) = tokio::io::split(stream);
    let mut lines = BufReader::new(reader).lines();
    let mut listener = None;
    // At most one, and it ends with this connection.
    let mut transfer = JoinSet::new();
    hear(FtpHeard::Opened);
    loop {
        let reply = tokio::select! {
            line = lines.next_line() => match line {
                Ok(Some(line)) => {
                    hear(FtpHeard::Line(line));
                    continue;
                }
                Ok(None) | Err(_) => break,
            },
            order = orders.recv() => match order {
                Some(FtpOrder::Reply(text)) => text,
                Some(FtpOrder::Listen) => match TcpListener::bind(SocketAddr::from((address, 0))).await {
                    Ok(bound) => {
                        let port = bound.local_addr().map_or(0, |address| address.port());
                        listener = Some(bound);
                        passive(address, port)
                    }
                    Err(_) => "425 Could not listen.".into(),
                },
                Some(FtpOrder::Take(channel)) => {
                    if let Some(listener) = listener.take() {
                        drop(transfer.spawn(carry(listener, channel, None, session, control.clone(), tls.clone())));
                    }
                    continue;
                }
                Some(FtpOrder::Give(channel, bytes)) => {
                    if let Some(listener) = listener.take() {
                        drop(transfer.spawn(carry(listener, channel, Some(bytes), session, control.clone(), tls.clone())));
                    }
                    continue;
                }
                Some(FtpOrder::Stop) => {
                    transfer.shutdown().await;
                    continue;
                }
                Some(FtpOrder::Close) | None => break,
            },
            Some(_) = transfer.join_next() => continue,
        };
        if writer.write_all(format!("{reply}\r\n").as_bytes()).await.is_err() || writer.flush().await.is_err() {
            break;
        }
    }
    // A goodbye is not awaited, as nothing follows it.
    drop(writer.shutdown().await);
    hear(FtpHeard::Closed);
}

fn passive(address: IpAddr, port: u16) -> String {
    let [high, low] = port.to_be_bytes();
    format!("227 Entering Passive Mode ({},{high},{low}).", address.to_string().replace('.', ","))
}

/// One data connection, from its beginning to its end.
async fn carry(listener: TcpListener, channel: Channel, give: Option<Bytes>, session: FtpId, control: Control, tls: TlsAcceptor) {
    let hear = |heard| control.input(Input::Ftp { session, heard });
    let Ok(Ok((stream, _))) = timeout(GREETING, listener.accept()).await else {
        hear(FtpHeard::Ended { whole: false });
        return;
    };
    hear(FtpHeard::Accepted);
    let moved = match channel {
        Channel::Clear => {
            hear(FtpHeard::Ready { resumed: None });
            moved(stream, give, hear).await
        }
        Channel::Protected => match timeout(GREETING, tls.accept(stream)).await {
            Ok(Ok(stream)) => {
                let resumed = stream.get_ref().1.handshake_kind() == Some(HandshakeKind::Resumed);
                hear(FtpHeard::Ready { resumed: Some(resumed) });
                moved(stream, give, hear).await
            }
            Ok(Err(error)) => Err(error),
            Err(_) => Err(io::ErrorKind::TimedOut.into()),
        },
        Channel::Deaf => pending().await,
    };
    hear(FtpHeard::Ended { whole: moved.is_ok() });
}

async fn moved<S: AsyncRead + AsyncWrite + Unpin>(mut stream: S, give: Option<Bytes>, hear: impl Fn(FtpHeard)) -> io::Result<()> {
    if let Some(bytes) = give {
        stream.write_all(&bytes).await?;
        return stream.shutdown().await;
    }
    loop {
        let mut chunk = BytesMut::with_capacity(CHUNK);
        match stream.read_buf(&mut chunk).await {
            Ok(0) => break,
            Ok(_) => hear(FtpHeard::Data(chunk.freeze())),
            // Many clients just close, and the printers do not mind.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => break,
            Err(error) => return Err(error),
        }
    }
    // The client may be gone already.
    drop(stream.shutdown().await);
    Ok(())
}
