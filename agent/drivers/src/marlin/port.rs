//! The thread of one line: reads and writes the device, cuts what comes into lines, reads the file ahead, and
//! lets [`Line`] decide. It waits for nothing but the device: not for the farm, the database or the network,
//! and a disk that is slow for a moment is bridged by what was read ahead.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use domain::time::Timestamp;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::mpsc;
use tokio::time::{Interval, MissedTickBehavior};
use tokio_serial::{SerialPortBuilderExt as _, SerialStream};

use super::feed::Feed;
use super::line::{Event, Line};
use super::requests::{Ask, Wire};
use super::wire::{MAX_LINE_BYTES, Said, Told};
use crate::Blobs;

/// While something is on its way, time is looked at so often.
const TICK: Duration = Duration::from_millis(50);

/// The farm is told at most so often that lines flow.
const TELL_MS: i64 = 500;

/// What the board says beside the flow is dropped when so little room for it is left: what matters more needs it.
const ROOM_KEPT: usize = 128;

/// What waits for the core at most.
pub(super) const WIRES_WAITING: usize = 512;

/// What the thread needs.
pub(super) struct Needs {
    pub path: String,
    pub baud: u32,
    pub blobs: Arc<dyn Blobs>,
    pub now: Arc<dyn Fn() -> Timestamp + Send + Sync>,
    pub asks: mpsc::UnboundedReceiver<Ask>,
    pub wires: mpsc::Sender<Wire>,
}

/// Starts the thread. It ends when nobody asks any more.
pub(super) fn start(needs: Needs) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let thread = std::thread::Builder::new().name("gantry-serial".to_owned());
    thread.spawn(move || {
        runtime.block_on(Port::new(needs).run());
        // A read of the disk that hangs must not hold the thread.
        runtime.shutdown_background();
    })?;
    Ok(())
}

struct Port {
    needs: Needs,
    stream: Option<SerialStream>,
    line: Line,
    feed: Feed,
    heard: Vec<u8>,
    /// The line that is coming is longer than is looked at.
    overlong: bool,
    out: Vec<u8>,
    events: Vec<Event>,
    told_at: Option<Timestamp>,
}

/// What happened.
enum Came {
    Ask(Option<Ask>),
    Read(io::Result<usize>),
    Wrote(io::Result<usize>),
    Chunk,
    Tick,
}

impl Port {
    fn new(needs: Needs) -> Self {
        let (heard, out) = (Vec::new(), Vec::new());
        let (line, feed) = (Line::default(), Feed::default());
        Self { needs, stream: None, line, feed, heard, overlong: false, out, events: Vec::new(), told_at: None }
    }

    async fn run(mut self) {
        let mut buffer = vec![0; 4096];
        let mut ticks = tokio::time::interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            match self.wait(&mut buffer, &mut ticks).await {
                Came::Ask(Some(ask)) => self.ask(ask),
                Came::Ask(None) => return,
                Came::Read(Ok(0)) => self.lost("it is gone"),
                Came::Read(Ok(count)) => self.take(buffer.get(..count).unwrap_or_default()),
                Came::Read(Err(error)) | Came::Wrote(Err(error)) => self.lost(&error.to_string()),
                Came::Wrote(Ok(count)) => drop(self.out.drain(..count)),
                Came::Chunk => {}
                Came::Tick => {
                    let now = (self.needs.now)();
                    self.line.tick(now);
                }
            }
            self.go_on();
        }
    }

    async fn wait(&mut self, buffer: &mut [u8], ticks: &mut Interval) -> Came {
        let waits_for_file = self.stream.is_some() && self.feed.is_dry();
        let is_working = self.line.is_working();
        let Some(stream) = &mut self.stream else { return Came::Ask(self.needs.asks.recv().await) };
        if self.out.is_empty() {
            tokio::select! {
                biased;
                ask = self.needs.asks.recv() => Came::Ask(ask),
                read = stream.read(buffer) => Came::Read(read),
                () = self.feed.refill(), if waits_for_file => Came::Chunk,
                _ = ticks.tick(), if is_working => Came::Tick,
            }
        } else {
            // A device that takes nothing must still be let go.
            let (mut reading, mut writing) = tokio::io::split(stream);
            tokio::select! {
                biased;
                ask = self.needs.asks.recv() => Came::Ask(ask),
                wrote = writing.write(&self.out) => Came::Wrote(wrote),
                read = reading.read(buffer) => Came::Read(read),
            }
        }
    }

    fn ask(&mut self, ask: Ask) {
        let now = (self.needs.now)();
        match ask {
            Ask::Open => self.open(),
            Ask::Close => self.close(),
            Ask::Hello => {
                self.feed.close();
                self.line.hello(now, &mut self.out);
            }
            Ask::Say { id, text } => self.line.command(id, text),
            Ask::Urgent(text) => self.line.urgent(&text, &mut self.out),
            Ask::Print(content) => {
                let path = self.needs.blobs.path(&content.sha256).ok_or_else(|| io::Error::from(io::ErrorKind::NotFound));
                match path.and_then(|path: PathBuf| self.feed.open(&path)) {
                    Ok(size) => {
                        self.line.begin();
                        self.tell(Wire::Began(size));
                    }
                    Err(error) => self.tell(Wire::NotBegan(error.to_string())),
                }
            }
            Ask::Hold => {
                self.line.feed(false);
                self.tell(Wire::Held { acked: self.line.acked(), modes: self.feed.modes });
            }
            Ask::GoOn => self.line.feed(true),
            Ask::Forget => {
                self.line.forget_file();
                self.feed.close();
            }
            Ask::Look(_) => {}
        }
    }

    fn open(&mut self) {
        self.close();
        match tokio_serial::new(&self.needs.path, self.needs.baud).open_native_async() {
            Ok(stream) => {
                self.stream = Some(stream);
                self.tell(Wire::Opened);
            }
            Err(error) => {
                let words = if Path::new(&self.needs.path).exists() {
                    error.to_string()
                } else {
                    "there is no such device; is the printer on, and its USB cable in?".to_owned()
                };
                self.tell(Wire::Closed(words));
            }
        }
    }

    fn close(&mut self) {
        self.stream = None;
        self.line.close();
        self.feed.close();
        self.heard.clear();
        self.out.clear();
    }

    fn lost(&mut self, why: &str) {
        self.close();
        self.tell(Wire::Closed(why.to_owned()));
    }

    /// Takes bytes from the device.
    fn take(&mut self, bytes: &[u8]) {
        let now = (self.needs.now)();
        let mut heard = std::mem::take(&mut self.heard);
        for part in bytes.split_inclusive(|byte| *byte == b'\n') {
            let room = MAX_LINE_BYTES.saturating_sub(heard.len());
            self.overlong |= part.len() > room;
            heard.extend_from_slice(&part[..part.len().min(room)]);
            if part.ends_with(b"\n") {
                if !std::mem::take(&mut self.overlong) {
                    self.hear(now, &heard);
                }
                heard.clear();
            }
        }
        self.heard = heard;
    }

    fn hear(&mut self, now: Timestamp, line: &[u8]) {
        let said = Said::of(line);
        self.line.hear(now, said, &mut self.events);
        let has_words = match said {
            Said::Ok(taken) => taken.reports,
            Said::Resend(_) | Said::Wait => false,
            Said::Busy(_) | Said::Start | Said::Halted | Said::Other => true,
        };
        if has_words {
            let text = String::from_utf8_lossy(line).trim().to_owned();
            let matters =
                matches!(said, Said::Start | Said::Halted) || matches!(Told::read(&text), Told::Fault(_) | Told::Action(_));
            if matters || self.needs.wires.capacity() > ROOM_KEPT {
                self.tell(Wire::Heard(text));
            }
        }
        let due = self.told_at.is_none_or(|told| now.millis_since(told) >= TELL_MS);
        if due && self.needs.wires.capacity() > ROOM_KEPT {
            self.told_at = Some(now);
            self.tell(Wire::Flows { acked: self.line.acked(), modes: self.feed.modes });
        }
    }

    /// Sends what may go, and tells what became of what went.
    fn go_on(&mut self) {
        if self.stream.is_some() {
            let now = (self.needs.now)();
            self.line.fill(now, &mut self.feed, &mut self.out, &mut self.events);
            if !self.out.is_empty() {
                self.write();
            }
        }
        for event in std::mem::take(&mut self.events) {
            self.tell(match event {
                Event::Ready => Wire::Ready,
                Event::Done(id) => Wire::Done(id),
                Event::Drained => Wire::Drained,
                Event::Restarted(words) => Wire::Restarted(words),
            });
        }
        if let Some(why) = self.feed.take_failure() {
            self.line.forget_file();
            self.tell(Wire::Broken(why));
        }
    }

    /// Most of the time the device takes all at once.
    fn write(&mut self) {
        let Some(stream) = &mut self.stream else { return };
        match stream.try_write(&self.out) {
            Ok(count) => drop(self.out.drain(..count)),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => self.lost(&error.to_string()),
        }
    }

    /// What must not be lost always finds room: there is never more of it than the core has asked for.
    fn tell(&self, wire: Wire) {
        if self.needs.wires.try_send(wire).is_err() {
            tracing::debug!(device = self.needs.path, "nobody takes what the line tells");
        }
    }
}
