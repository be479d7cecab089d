//! A TCP listener whose connections can be broken from inside, in the middle of a request: the one
//! thing that an HTTP server never does by itself and a dying machine does all the time.

use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use futures_util::task::AtomicWaker;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};

/// Breaks one connection.
#[derive(Debug, Clone, Default)]
pub(crate) struct Scissors(Arc<Blade>);

#[derive(Debug, Default)]
struct Blade {
    closed: AtomicBool,
    waker: AtomicWaker,
}

/// The scissors of all connections, for the end of the server.
#[derive(Debug, Clone, Default)]
pub(crate) struct AllLines(Arc<Mutex<Vec<Weak<Blade>>>>);

pub(crate) struct Lines {
    listener: TcpListener,
    all: AllLines,
}

pub(crate) struct Line {
    stream: TcpStream,
    scissors: Scissors,
}

impl Scissors {
    pub(crate) fn cut(&self) {
        self.0.cut();
    }

    fn check(&self, context: &Context<'_>) -> io::Result<()> {
        self.0.waker.register(context.waker());
        if self.0.closed.load(Ordering::Acquire) {
            return Err(io::ErrorKind::ConnectionReset.into());
        }
        Ok(())
    }
}

impl Blade {
    fn cut(&self) {
        self.closed.store(true, Ordering::Release);
        self.waker.wake();
    }
}

impl AllLines {
    pub(crate) fn cut(&self) {
        if let Ok(mut blades) = self.0.lock() {
            blades.drain(..).filter_map(|blade| blade.upgrade()).for_each(|blade| blade.cut());
        }
    }

    fn remember(&self, scissors: &Scissors) {
        if let Ok(mut blades) = self.0.lock() {
            blades.retain(|blade| blade.strong_count() > 0);
            blades.push(Arc::downgrade(&scissors.0));
        }
    }
}

impl Lines {
    pub(crate) fn new(listener: TcpListener, all: AllLines) -> Self {
        Self { listener, all }
    }
}

impl Listener for Lines {
    type Io = Line;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Line, SocketAddr) {
        let (stream, address) = Listener::accept(&mut self.listener).await;
        let scissors = Scissors::default();
        self.all.remember(&scissors);
        (Line { stream, scissors }, address)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

impl Connected<IncomingStream<'_, Lines>> for Scissors {
    fn connect_info(stream: IncomingStream<'_, Lines>) -> Self {
        stream.io().scissors.clone()
    }
}

impl AsyncRead for Line {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.scissors.check(cx)?;
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Line {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.scissors.check(cx)?;
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
