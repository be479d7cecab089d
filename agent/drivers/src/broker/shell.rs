//! The link of a core with a broker and a file server: a real line, and real work with files.

use std::collections::VecDeque;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use domain::secret::Secret;
use tokio::sync::{mpsc, oneshot};
use tokio::task::{AbortHandle, JoinSet};

use super::files::{FileServer, Upload};
use super::line::{self, Dial, Line};
use super::trust::{Trust, configuration};
use super::{Ask, BrokerAddress, FileFault, FileWork, Filed, NoLine, Wire};
use crate::contract::PrinterProtocol;
use crate::drive::{self, INPUTS_WAITING, Shell};
use crate::{Connection, Outside};

/// Where the machine is, and how it and we know one another.
pub struct Place {
    /// Where.
    pub address: BrokerAddress,
    /// The name that we sign in with.
    pub user: &'static str,
    /// The code for it.
    pub code: Secret<String>,
    /// By what it is known.
    pub trust: Trust,
}

/// Starts the task. It ends when the connection is dropped.
pub fn drive<P>(core: P, place: Place, outside: Outside) -> Connection
where
    P: PrinterProtocol<Wire = Wire, Ask = Ask> + 'static,
{
    let (came, wires) = mpsc::channel(INPUTS_WAITING);
    let files = FileServer {
        address: place.address.clone(),
        user: place.user,
        code: place.code.clone(),
        trust: place.trust.clone(),
        clear_data: AtomicBool::new(false),
    };
    let link = Link {
        place,
        files: Arc::new(files),
        outside: outside.clone(),
        came,
        tasks: JoinSet::new(),
        line: None,
        lines_opened: 0,
        work: None,
        waiting: VecDeque::new(),
    };
    drive::drive(core, link, wires, outside)
}

/// What the tasks of the link send to the core's loop.
enum Came {
    /// From the line that was opened as the n-th.
    Line(u64, Wire),
    /// From work with files.
    Files(Wire),
    /// The work with that number ends, whether it was given up or not.
    Ended(u64),
}

/// Where one line tells what it hears.
pub(super) struct Ear {
    number: u64,
    came: mpsc::Sender<Came>,
}

impl Ear {
    /// Tells it; nobody listens when the printer is given up.
    pub(super) async fn tell(&self, wire: Wire) {
        let _ = self.came.send(Came::Line(self.number, wire)).await;
    }
}

/// The printer's open connections.
struct Link {
    place: Place,
    files: Arc<FileServer>,
    outside: Outside,
    came: mpsc::Sender<Came>,
    tasks: JoinSet<()>,
    line: Option<OpenLine>,
    lines_opened: u64,
    work: Option<Work>,
    waiting: VecDeque<(u64, FileWork)>,
}

/// A line, as long as it stands. What sends goes with it.
struct OpenLine {
    number: u64,
    line: Line,
    /// The broker took us in.
    opened: bool,
    task: AbortHandle,
}

/// The work with files that is being done.
struct Work {
    id: u64,
    /// Gone once it was given up.
    give_up: Option<oneshot::Sender<()>>,
}

impl Shell for Link {
    type Wire = Wire;
    type Ask = Ask;
    type Came = Came;

    fn carry_out(&mut self, ask: Ask) -> ControlFlow<()> {
        match ask {
            Ask::Open { client_id, topic } => self.open(client_id, topic),
            Ask::Publish { topic, payload } => {
                let sent = self.line.as_ref().is_some_and(|line| line.opened && line.line.publish(topic, payload));
                if !sent {
                    tracing::debug!(address = %self.place.address, "a message was lost: the line is closed or stuck");
                }
            }
            Ask::Close => self.close(),
            Ask::Files { id, work } => {
                self.waiting.push_back((id, work));
                self.begin_work();
            }
            Ask::Abandon(id) => {
                self.waiting.retain(|(waiting, _)| *waiting != id);
                if let Some(work) = self.work.as_mut().filter(|work| work.id == id) {
                    work.give_up = None;
                }
            }
        }
        ControlFlow::Continue(())
    }

    fn tasks(&mut self) -> Option<&mut JoinSet<()>> {
        Some(&mut self.tasks)
    }

    /// The event, unless its line or its work was given up.
    fn belongs(&mut self, came: Came) -> Option<Wire> {
        match came {
            Came::Line(number, wire) => {
                let line = self.line.as_mut().filter(|line| line.number == number)?;
                match &wire {
                    Wire::Opened => line.opened = true,
                    Wire::Closed(_) => self.line = None,
                    Wire::Message(_) | Wire::Uploaded { .. } | Wire::Filed { .. } => {}
                }
                Some(wire)
            }
            Came::Files(wire) => match wire {
                Wire::Uploaded { id, .. } | Wire::Filed { id, .. } => {
                    let wanted = self.work.as_ref().is_some_and(|work| work.id == id && work.give_up.is_some());
                    wanted.then_some(wire)
                }
                Wire::Opened | Wire::Message(_) | Wire::Closed(_) => None,
            },
            Came::Ended(id) => {
                self.work.take_if(|work| work.id == id);
                self.begin_work();
                None
            }
        }
    }
}

impl Link {
    fn open(&mut self, client_id: String, topic: String) {
        self.close();
        self.lines_opened += 1;
        let ear = Ear { number: self.lines_opened, came: self.came.clone() };
        let number = ear.number;
        // Made anew for each line: a session that is resumed would not be asked for its certificate.
        let (config, refused) = match configuration(&self.place.trust) {
            Ok(made) => made,
            Err(error) => {
                return drop(self.tasks.spawn(async move {
                    ear.tell(Wire::Closed(NoLine::Unreachable(error.to_string()))).await;
                }));
            }
        };
        let (address, user, code) = (self.place.address.clone(), self.place.user, self.place.code.clone());
        let dial = Dial { address, user, code, client_id, topic, config, refused };
        let (line, events) = line::make(&dial);
        let listening = line.for_listening();
        let task = self.tasks.spawn(async move {
            let why = line::run(dial, listening, events, &ear).await;
            ear.tell(Wire::Closed(why)).await;
        });
        self.line = Some(OpenLine { number, line, opened: false, task });
    }

    fn close(&mut self) {
        if let Some(line) = self.line.take() {
            line.task.abort();
        }
    }

    fn begin_work(&mut self) {
        if self.work.is_some() {
            return;
        }
        let Some((id, work)) = self.waiting.pop_front() else { return };
        let (give_up, mut given_up) = oneshot::channel::<()>();
        let (files, came) = (Arc::clone(&self.files), self.came.clone());
        let left_behind = match &work {
            FileWork::Put { name, .. } => vec![name.clone()],
            FileWork::List | FileWork::Remove { .. } => Vec::new(),
        };
        let place = match &work {
            FileWork::Put { content, .. } => self.outside.blobs.path(&content.sha256),
            FileWork::List | FileWork::Remove { .. } => None,
        };
        self.tasks.spawn(async move {
            let progress = came.clone();
            let uploaded = move |bytes, of| {
                // A full queue has progress enough in it.
                let _ = progress.try_send(Came::Files(Wire::Uploaded { id, bytes, of }));
            };
            tokio::select! {
                outcome = carry_out(&files, work, place, uploaded) => {
                    let _ = came.send(Came::Files(Wire::Filed { id, outcome })).await;
                }
                _ = &mut given_up => {
                    let cleaned = tokio::time::timeout(Duration::from_secs(15), files.remove(&left_behind)).await;
                    tracing::debug!(address = %files.address, ?cleaned, "a file was given up on its way");
                }
            }
            let _ = came.send(Came::Ended(id)).await;
        });
        self.work = Some(Work { id, give_up: Some(give_up) });
    }
}

async fn carry_out(
    files: &FileServer,
    work: FileWork,
    place: Option<std::path::PathBuf>,
    uploaded: impl Fn(u64, u64) + Sync,
) -> Result<Filed, FileFault> {
    match work {
        FileWork::Put { name, content, packing } => {
            let place = place.ok_or(FileFault::ContentMissing)?;
            files.put(&Upload { name, place, bytes: content.size_bytes, packing }, uploaded).await.map(|()| Filed::Stored)
        }
        FileWork::List => files.list().await.map(Filed::Names),
        FileWork::Remove { names } => files.remove(&names).await.map(|()| Filed::Removed),
    }
}
