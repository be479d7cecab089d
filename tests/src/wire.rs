//! A TCP line with a fixed address in front of a program that comes back elsewhere after each start. It keeps what passed over it,
//! so that a story can look for what should not have.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// A line that runs.
pub struct Wire {
    /// Where it is found.
    pub address: SocketAddr,
    inner: Arc<Inner>,
    accepting: JoinHandle<()>,
}

#[derive(Default)]
struct Inner {
    end: Mutex<Option<SocketAddr>>,
    passed: Mutex<Vec<Vec<u8>>>,
}

impl Wire {
    /// A line that leads nowhere yet: who calls is hung up on.
    ///
    /// # Panics
    /// When there is no port left.
    pub async fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, inner) = (listener.local_addr().unwrap(), Arc::default());
        let accepting = tokio::spawn(accept(listener, Arc::clone(&inner)));
        Self { address, inner, accepting }
    }

    /// New connections lead there from now on.
    ///
    /// # Panics
    /// Never.
    pub fn lead_to(&self, end: Option<SocketAddr>) {
        *self.inner.end.lock().unwrap() = end;
    }

    /// What passed: of each connection first what its caller said, then what it heard. The masks that a WebSocket's client
    /// puts over its words are taken off.
    ///
    /// # Panics
    /// Never.
    pub fn passed(&self) -> Vec<Vec<u8>> {
        self.inner.passed.lock().unwrap().iter().map(|bytes| unmasked(bytes)).collect()
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(listener: TcpListener, inner: Arc<Inner>) {
    while let Ok((caller, _)) = listener.accept().await {
        let Some(end) = *inner.end.lock().unwrap() else { continue };
        let inner = Arc::clone(&inner);
        tokio::spawn(async move {
            let Ok(called) = TcpStream::connect(end).await else { return };
            let place = {
                let mut passed = inner.passed.lock().unwrap();
                passed.extend([Vec::new(), Vec::new()]);
                passed.len() - 2
            };
            let ((from_caller, to_caller), (from_called, to_called)) = (caller.into_split(), called.into_split());
            tokio::join!(carry(from_caller, to_called, &inner, place), carry(from_called, to_caller, &inner, place + 1));
        });
    }
}

/// Carries one way until it ends; the other end is told.
async fn carry(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, inner: &Inner, place: usize) {
    let mut buffer = vec![0; 16 * 1024];
    while let Ok(read) = from.read(&mut buffer).await {
        if read == 0 {
            break;
        }
        inner.passed.lock().unwrap()[place].extend_from_slice(&buffer[..read]);
        if to.write_all(&buffer[..read]).await.is_err() {
            break;
        }
    }
}

/// What a WebSocket's client said, as it meant it; anything else as it is.
fn unmasked(bytes: &[u8]) -> Vec<u8> {
    let head = bytes.windows(4).position(|window| window == b"\r\n\r\n").map_or(bytes.len(), |at| at + 4);
    let (head, mut rest) = bytes.split_at(head);
    if !String::from_utf8_lossy(head).to_ascii_lowercase().contains("upgrade: websocket") {
        return bytes.to_vec();
    }
    let mut plain = head.to_vec();
    while let Some((payload, after)) = frame(rest) {
        plain.extend(payload);
        rest = after;
    }
    plain
}

/// The first frame's payload, and what follows it.
fn frame(bytes: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let word = usize::from(*bytes.get(1)?);
    let (length, at) = match word & 0x7f {
        126 => (usize::from(u16::from_be_bytes(bytes.get(2..4)?.try_into().ok()?)), 4),
        127 => (usize::try_from(u64::from_be_bytes(bytes.get(2..10)?.try_into().ok()?)).ok()?, 10),
        short => (short, 2),
    };
    let (mask, at) = if word & 0x80 == 0 { (None, at) } else { (Some(bytes.get(at..at + 4)?), at + 4) };
    let payload = bytes.get(at..at + length)?;
    let plain = payload.iter().enumerate().map(|(place, byte)| byte ^ mask.map_or(0, |mask| mask[place % 4])).collect();
    Some((plain, &bytes[at + length..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_passes_is_kept_and_the_far_end_may_move() {
        let wire = Wire::new().await;
        for answer in [b"first", b"other"] {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            wire.lead_to(Some(listener.local_addr().unwrap()));
            let mut caller = TcpStream::connect(wire.address).await.unwrap();
            let (mut called, _) = listener.accept().await.unwrap();
            caller.write_all(b"hello").await.unwrap();
            let mut heard = [0; 5];
            called.read_exact(&mut heard).await.unwrap();
            called.write_all(answer).await.unwrap();
            drop(called);
            let mut told = Vec::new();
            caller.read_to_end(&mut told).await.unwrap();
            assert_eq!((&heard, told.as_slice()), (b"hello", answer.as_slice()));
        }
        assert_eq!(wire.passed(), [b"hello", b"first", b"hello", b"other"]);
    }

    #[test]
    fn the_masks_of_a_websocket_are_taken_off() {
        let head = b"GET /tunnel HTTP/1.1\r\nUpgrade: websocket\r\n\r\n".as_slice();
        let frames = [0x81, 0x83, 1, 2, 3, 4, b'a' ^ 1, b'b' ^ 2, b'c' ^ 3, 0x81, 0x01, b'!'].as_slice();
        assert_eq!(unmasked(&[head, frames].concat()), [head, b"abc!"].concat());
        assert_eq!(unmasked(b"GET / HTTP/1.1\r\n\r\n\x81\x83"), b"GET / HTTP/1.1\r\n\r\n\x81\x83");
    }
}
