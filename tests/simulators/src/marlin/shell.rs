//! Puts the core on a real pseudo-terminal, behind a name that can be opened like any serial device. The only room here with a clock,
//! tasks and a line; it decides nothing.

use std::future::pending;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::OFlags;
use rustix::pty::OpenptFlags;
use rustix::termios::OptionalActions;
use tokio::io::unix::AsyncFd;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use super::core::Core;
use super::door::{Counters, Input, Output, Person};
use super::settings::{Faults, Settings};
use crate::clock::Clock;

/// While nobody has the line open, it is looked at so often.
const LOOK: Duration = Duration::from_millis(10);

/// Starts simulated boards.
#[derive(Debug)]
pub struct MarlinSim;

/// A simulated board. Dropping it leaves it running; `stop` ends it.
#[derive(Debug)]
pub struct Running {
    /// What a host opens.
    pub path: PathBuf,
    /// What a test does to it.
    pub control: Control,
    task: JoinHandle<()>,
}

/// The hand on a running board.
#[derive(Debug, Clone)]
pub struct Control {
    messages: mpsc::UnboundedSender<Message>,
}

enum Message {
    Input(Input),
    Look(Box<dyn FnOnce(&Core) + Send>),
}

impl MarlinSim {
    /// Stands behind that name (which must be free) until stopped.
    ///
    /// # Errors
    /// When there is no pseudo-terminal, or the name cannot be made.
    pub fn start(path: &Path, settings: Settings) -> io::Result<Running> {
        let line = Line::plug(path)?;
        let (messages, inbox) = mpsc::unbounded_channel();
        let clock = Clock::start();
        let core = Core::new(settings, clock.now());
        let task = tokio::spawn(run(core, clock, line, path.to_owned(), inbox));
        Ok(Running { path: path.to_owned(), control: Control { messages }, task })
    }
}

impl Running {
    /// Ends the board; its name is gone.
    pub async fn stop(self) {
        self.task.abort();
        drop(self.task.await);
        unname(&self.path);
    }
}

impl Control {
    /// A person does something at the machine.
    pub fn person(&self, person: Person) {
        self.send(Message::Input(Input::Person(person)));
    }

    /// These faults hold from now on, and no others.
    pub fn faults(&self, faults: Faults) {
        self.send(Message::Input(Input::Faults(faults)));
    }

    /// Power is away for this long.
    pub fn power_cut(&self, off_ms: u64) {
        self.send(Message::Input(Input::PowerCut { off_ms }));
    }

    /// What was counted so far.
    pub async fn counters(&self) -> Counters {
        self.look(Core::counters).await.unwrap_or_default()
    }

    /// All commands that it took.
    pub async fn program(&self) -> Vec<String> {
        self.look(|core| core.program().to_vec()).await.unwrap_or_default()
    }

    /// Looks at the board; none once it is stopped.
    pub async fn look<T: Send + 'static>(&self, see: impl FnOnce(&Core) -> T + Send + 'static) -> Option<T> {
        let (seen, answer) = oneshot::channel();
        self.send(Message::Look(Box::new(move |core| {
            // Nobody may be waiting any more.
            drop(seen.send(see(core)));
        })));
        answer.await.ok()
    }

    fn send(&self, message: Message) {
        // Fails only once the board is stopped.
        drop(self.messages.send(message));
    }
}

/// The board's end of the line.
struct Line {
    end: End,
    /// What a host said in the moment of opening.
    early: Option<Vec<u8>>,
}

/// Only while a host has the other end open can it be waited for: one that was let go counts as readable for ever.
enum End {
    Idle(OwnedFd),
    Open(AsyncFd<OwnedFd>),
    /// Between the two, or broken.
    Gone,
}

/// What the line does.
enum Came {
    Opened,
    Closed,
    Bytes(Vec<u8>),
}

impl Line {
    fn plug(path: &Path) -> io::Result<Self> {
        let board = rustix::pty::openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC)?;
        rustix::pty::grantpt(&board)?;
        rustix::pty::unlockpt(&board)?;
        let name = rustix::pty::ptsname(&board, Vec::new())?;
        let host = rustix::fs::open(&name, OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC, rustix::fs::Mode::empty())?;
        let mut how = rustix::termios::tcgetattr(&host)?;
        how.make_raw();
        rustix::termios::tcsetattr(&host, OptionalActions::Now, &how)?;
        let flags = rustix::fs::fcntl_getfl(&board)?;
        rustix::fs::fcntl_setfl(&board, flags | OFlags::NONBLOCK)?;
        let target = name.to_str().map_err(|_| io::Error::from(io::ErrorKind::InvalidData))?;
        std::os::unix::fs::symlink(target, path)?;
        // From here on nobody has the other end open, and reading says so.
        drop(host);
        Ok(Self { end: End::Idle(board), early: None })
    }

    #[expect(deprecated, reason = "its successor is unsafe for types that may lie about what they own; `OwnedFd` does not")]
    async fn came(&mut self) -> io::Result<Came> {
        let mut buffer = [0; 4096];
        loop {
            if let Some(early) = self.early.take() {
                return Ok(Came::Bytes(early));
            }
            match &self.end {
                End::Idle(board) => {
                    let read = rustix::io::read(board, &mut buffer);
                    if read == Err(rustix::io::Errno::IO) {
                        tokio::time::sleep(LOOK).await;
                        continue;
                    }
                    let End::Idle(board) = std::mem::replace(&mut self.end, End::Gone) else { continue };
                    self.end = End::Open(AsyncFd::new(board)?);
                    self.early = read.ok().map(|count| buffer[..count].to_vec());
                    return Ok(Came::Opened);
                }
                End::Open(board) => {
                    let mut guard = board.readable().await?;
                    match rustix::io::read(board, &mut buffer) {
                        Ok(count) => return Ok(Came::Bytes(buffer[..count].to_vec())),
                        Err(rustix::io::Errno::AGAIN) => guard.clear_ready(),
                        Err(_) => {
                            drop(guard);
                            if let End::Open(board) = std::mem::replace(&mut self.end, End::Gone) {
                                self.end = End::Idle(board.into_inner());
                            }
                            return Ok(Came::Closed);
                        }
                    }
                }
                End::Gone => pending().await,
            }
        }
    }

    /// Says it; a host that takes nothing, or is gone, misses it.
    async fn say(&self, mut bytes: &[u8]) {
        let End::Open(board) = &self.end else { return };
        while !bytes.is_empty() {
            match rustix::io::write(board, bytes) {
                Ok(count) => bytes = bytes.get(count..).unwrap_or_default(),
                Err(rustix::io::Errno::AGAIN) => tokio::time::sleep(LOOK).await,
                Err(_) => return,
            }
        }
    }
}

async fn run(mut core: Core, clock: Clock, line: Line, path: PathBuf, mut inbox: mpsc::UnboundedReceiver<Message>) {
    let mut line = Some(line);
    loop {
        let came = async {
            match &mut line {
                Some(line) => line.came().await,
                None => pending().await,
            }
        };
        let message = tokio::select! {
            biased;
            message = inbox.recv() => message,
            came = came => Some(Message::Input(match came {
                Ok(Came::Bytes(bytes)) => Input::Bytes(bytes),
                Ok(Came::Opened) => Input::Opened,
                Ok(Came::Closed) | Err(_) => Input::Closed,
            })),
            () = clock.until(core.next_wake()) => Some(Message::Input(Input::Wake)),
        };
        let input = match message {
            Some(Message::Input(input)) => input,
            Some(Message::Look(see)) => {
                see(&core);
                continue;
            }
            None => return unname(&path),
        };
        let mut said = Vec::new();
        for output in core.handle(clock.now(), input) {
            match output {
                Output::Bytes(bytes) => said.extend(bytes),
                Output::Unplugged => {
                    line = None;
                    unname(&path);
                }
                Output::Plugged => line = Line::plug(&path).ok(),
            }
        }
        if let Some(line) = &line
            && !said.is_empty()
        {
            line.say(&said).await;
        }
    }
}

/// The name may be gone already.
fn unname(path: &Path) {
    drop(std::fs::remove_file(path));
}
