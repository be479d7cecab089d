//! The shell of one session: carries what the session says to the socket and the database, and tells it what came of it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use api::clock::Stopwatch;
use api::door::Door;
use api::entropy::SystemEntropy;
use api::mailbox;
use api::socket::{Heard, Line};
use contract::forward::Answered;
use contract::problem::{Code, Problem};
use domain::hex::hex;
use domain::id::PrinterId;
use store::{Entropy, StoreError};
use sync::frame::{ByeCode, Packet, Stream};
use sync::relay::{Admission, End, RelayInput, RelayOutput, RelaySession, RelayStart};
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};
use tokio::time::{MissedTickBehavior, interval};

use super::admit;
use super::copy::{self, Fence};
use super::farms::{Asked, Tunnels};
use super::settle::settle;

/// How often the session looks at the clock.
const TICK: Duration = Duration::from_secs(1);
/// When a farm shall come again after this relay failed.
const COME_AGAIN_MS: u64 = 30_000;

/// What came of something that was begun.
enum Done {
    Input(RelayInput),
    Admitted(Box<Admitted>, Box<Admission>),
    Replied(String, Result<Answered, Problem>),
}

/// What the shell keeps of a session that was let in.
struct Admitted {
    fence: Fence,
    content_token: String,
    nonce: String,
    whole: bool,
}

struct Shell {
    tunnels: Arc<Tunnels>,
    door: Arc<Door>,
    line: Line,
    session: RelaySession,
    clock: Stopwatch,
    done: mpsc::UnboundedSender<Done>,
    knocking: Option<OwnedSemaphorePermit>,
    admitted: Option<Admitted>,
    asks: Option<mpsc::Receiver<Asked>>,
    callers: BTreeMap<String, oneshot::Sender<Result<Answered, Problem>>>,
    proofs: BTreeMap<u64, oneshot::Sender<()>>,
    proofs_asked: u64,
    watching: Vec<PrinterId>,
    keys_head: u64,
    saying: Vec<String>,
    over: bool,
}

/// Carries one line until it ends.
pub async fn run(tunnels: Arc<Tunnels>, door: Arc<Door>, line: Line, place: OwnedSemaphorePermit) {
    let mut random = [0; 32];
    SystemEntropy.fill(&mut random);
    let start = RelayStart { relay: tunnels.relay_id().to_owned(), nonce: hex(&random) };
    let (done, mut doings) = mpsc::unbounded_channel();
    let mut head = door.store.head();
    let mut shell = Shell {
        tunnels,
        door,
        line,
        session: RelaySession::new(start, 0),
        clock: Stopwatch::start(),
        done,
        knocking: Some(place),
        admitted: None,
        asks: None,
        callers: BTreeMap::new(),
        proofs: BTreeMap::new(),
        proofs_asked: 0,
        watching: Vec::new(),
        keys_head: 0,
        saying: Vec::new(),
        over: false,
    };
    let mut tick = interval(TICK);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    shell.input(RelayInput::Connected);
    while !shell.over {
        tokio::select! {
            heard = shell.line.hear() => shell.heard(heard),
            Some(done) = doings.recv() => shell.done(done),
            Some(asked) = next(&mut shell.asks) => shell.asked(asked),
            _ = head.changed() => shell.keys_may_have_moved(),
            _ = tick.tick() => shell.tick(),
        }
    }
    shell.end();
}

async fn next(asks: &mut Option<mpsc::Receiver<Asked>>) -> Option<Asked> {
    match asks {
        Some(asks) => asks.recv().await,
        None => std::future::pending().await,
    }
}

impl Shell {
    fn input(&mut self, input: RelayInput) {
        let outputs = self.session.handle(self.clock.millis(), input);
        outputs.into_iter().for_each(|output| self.carry_out(output));
        // What one wake-up says goes together: the next comes when all of it has left.
        if !self.saying.is_empty() {
            self.line.say(std::mem::take(&mut self.saying));
        }
    }

    fn heard(&mut self, heard: Heard) {
        match heard {
            Heard::Text(text) => match Packet::read(&text) {
                Ok(packet) => self.input(RelayInput::Received(packet)),
                Err(error) => {
                    tracing::warn!(%error, "an agent does not keep to the protocol");
                    self.input(RelayInput::Close(ByeCode::Protocol, None));
                }
            },
            Heard::Sent => self.input(RelayInput::WritableAgain),
            Heard::Lost(why) => {
                tracing::debug!(why, "an agent's line is gone");
                self.input(RelayInput::Lost);
                self.over = true;
            }
        }
    }

    fn done(&mut self, done: Done) {
        match done {
            Done::Input(input) => {
                let rows = matches!(input, RelayInput::Committed(Stream::Rows, _));
                self.input(input);
                if let (true, Some(Admitted { fence, .. })) = (rows, &self.admitted) {
                    self.tunnels.whole(fence.home, fence.session_no, self.session.is_whole());
                }
            }
            Done::Admitted(admitted, admission) => {
                self.admitted = Some(*admitted);
                self.keys_head = admission.account_head;
                self.knocking = None;
                self.input(RelayInput::Admitted(*admission));
            }
            Done::Replied(id, reply) => self.reply(&id, reply),
        }
    }

    fn reply(&mut self, id: &str, reply: Result<Answered, Problem>) {
        if let Some(caller) = self.callers.remove(id) {
            // A caller that went away does not need its answer.
            drop(caller.send(reply));
        }
    }

    fn asked(&mut self, asked: Asked) {
        match asked {
            Asked::Call(call, ttl_ms, caller) => {
                self.callers.insert(call.id.clone(), caller);
                self.input(RelayInput::Call(*call, ttl_ms));
            }
            Asked::Mail => self.input(RelayInput::RequestsWait),
            Asked::Prove(tell) => {
                self.proofs_asked += 1;
                self.proofs.retain(|_, waits| !waits.is_closed());
                self.proofs.insert(self.proofs_asked, tell);
                self.input(RelayInput::Prove(self.proofs_asked));
            }
            Asked::Want(sha256) => self.input(RelayInput::WantBlob(sha256.to_string())),
            Asked::Close(code) => self.input(RelayInput::Close(code, None)),
        }
    }

    fn keys_may_have_moved(&mut self) {
        let Some(Admitted { fence, .. }) = &self.admitted else { return };
        let store = fence.home.store_id;
        if let Ok(head) = self.door.store.read(|rows| rows.keys_head(store))
            && head != self.keys_head
        {
            self.keys_head = head;
            self.input(RelayInput::AccountMoved(head));
        }
    }

    fn tick(&mut self) {
        if self.asks.is_some()
            && let Some(Admitted { fence, .. }) = &self.admitted
        {
            let home = fence.home;
            let watched = self.tunnels.watched(home.store_id);
            let wanted = if watched { copy::printers(&self.door.store, home.farm_id).unwrap_or_default() } else { Vec::new() };
            if wanted != self.watching {
                if wanted.is_empty() {
                    self.tunnels.unwatched(home.farm_id);
                }
                self.watching.clone_from(&wanted);
                self.input(RelayInput::Watch(wanted));
            }
        }
        self.input(RelayInput::Tick);
    }

    /// Does something that takes time, and tells the session what came of it.
    fn begin(&self, doing: impl Future<Output = Done> + Send + 'static) {
        let done = self.done.clone();
        tokio::spawn(async move {
            // A session that has ended does not need it.
            drop(done.send(doing.await));
        });
    }

    /// Tells the session what was read.
    fn read(&self, read: RelayInput) {
        // A session that has ended does not need it.
        drop(self.done.send(Done::Input(read)));
    }

    /// A fenced write, and what the session is told when it is durable.
    fn write(&self, then: RelayInput, write: impl Future<Output = Result<bool, StoreError>> + Send + 'static) {
        self.begin(async move { Done::Input(told(write.await, then)) });
    }

    fn carry_out(&mut self, output: RelayOutput) {
        let (store, now) = (self.door.store.clone(), self.door.now());
        match output {
            RelayOutput::Send(packet) => match packet.text() {
                Ok(text) => self.saying.push(text),
                Err(error) => {
                    tracing::error!(%error, "a frame could not be sent");
                    self.over = true;
                }
            },
            RelayOutput::Close(code) => {
                tracing::info!(?code, "a farm's session ends");
                self.over = true;
                if let (ByeCode::Revoked, Some(Admitted { fence, .. })) = (code, &self.admitted) {
                    let (door, home) = (Arc::clone(&self.door), fence.home);
                    tokio::spawn(async move {
                        if let Err(error) = api::claims::left(&door, home, None).await {
                            tracing::error!(%error, "that a farm left could not be written");
                        }
                    });
                }
            }
            RelayOutput::Admit { hello, message } => {
                let tunnels = Arc::clone(&self.tunnels);
                self.begin(async move {
                    match admit::admit(&tunnels, &store, &hello, &message, now).await {
                        Ok(Ok((home, admission))) => {
                            let at = &admission.rows.cursor;
                            let whole = at.epoch == hello.epoch && at.at == hello.heads.rows && admission.rows.sweep_at.is_none();
                            let (content_token, nonce) = (admission.content_token.clone(), hello.session_nonce);
                            let fence = Fence { home, session_no: admission.session_no };
                            Done::Admitted(Box::new(Admitted { fence, content_token, nonce, whole }), Box::new(admission))
                        }
                        Ok(Err(code @ (ByeCode::Clone | ByeCode::OldKey))) => {
                            Done::Input(RelayInput::Close(code, Some(COME_AGAIN_MS)))
                        }
                        Ok(Err(code)) => Done::Input(RelayInput::Refused(code)),
                        Err(error) => Done::Input(failed(&error)),
                    }
                });
            }
            RelayOutput::Opened(session_no) => {
                if let Some(Admitted { fence, content_token, nonce, whole }) = &self.admitted {
                    tracing::info!(farm = %fence.home.farm_id, session_no, "a farm is connected");
                    self.asks = Some(self.tunnels.opened(fence.home, session_no, content_token, nonce.clone(), *whole));
                }
            }
            RelayOutput::Here(n) => {
                // Who asked may no longer wait.
                let _told = self.proofs.remove(&n).map(|tell| tell.send(()));
            }
            inside @ (RelayOutput::ApplyRows(..)
            | RelayOutput::ApplyEvents(..)
            | RelayOutput::GenerationBegin { .. }
            | RelayOutput::Sweep
            | RelayOutput::ReadAccount { .. }
            | RelayOutput::ReadRequest(_)
            | RelayOutput::CommitAnswer(..)
            | RelayOutput::Answered { .. }
            | RelayOutput::CallEnded(..)
            | RelayOutput::CommitKey(_)
            | RelayOutput::Telemetry(..)) => {
                let Some(Admitted { fence, .. }) = self.admitted else { return };
                self.in_session(fence, inside);
            }
        }
    }

    fn in_session(&mut self, fence: Fence, output: RelayOutput) {
        let (door, store, now) = (Arc::clone(&self.door), self.door.store.clone(), self.door.now());
        match output {
            RelayOutput::ApplyRows(_, batch) => {
                let then = RelayInput::Committed(Stream::Rows, batch.to);
                self.write(then, async move { copy::rows(&store, fence, batch, now).await });
            }
            RelayOutput::ApplyEvents(_, batch) => {
                let then = RelayInput::Committed(Stream::Events, batch.to);
                self.write(then, async move { copy::events(&store, fence, batch, now).await });
            }
            RelayOutput::GenerationBegin { stream, epoch, sweep_at } => {
                let then = RelayInput::Committed(stream, 0);
                self.write(then, async move { copy::generation(&store, fence, stream, epoch, sweep_at, now).await });
            }
            RelayOutput::Sweep => {
                self.write(RelayInput::Tick, async move { copy::sweep(&store, fence, now).await });
            }
            RelayOutput::ReadAccount { after, limit } => {
                let read = copy::keys(&store, fence.home, after, limit);
                self.read(read.map_or_else(|error| failed(&error), RelayInput::AccountRead));
            }
            RelayOutput::ReadRequest(_) => {
                let farm = fence.home.farm_id;
                self.begin(async move {
                    let read = mailbox::next(&door, farm).await;
                    Done::Input(read.map_or_else(|error| failed(&error), RelayInput::RequestRead))
                });
            }
            RelayOutput::CommitAnswer(seq, answer) => {
                self.begin(async move { Done::Input(settle(&door, fence, seq, answer).await) });
            }
            RelayOutput::Answered { id, mut answer, late: _ } => self.begin(async move {
                let rows = std::mem::take(&mut answer.rows);
                // The answer stands, whatever becomes of the copy: the feed brings the rows again.
                if let Err(error) = copy::answered_rows(&store, fence, rows, now).await {
                    tracing::warn!(%error, "the rows of an answer could not be written");
                }
                Done::Replied(id, Ok(answer))
            }),
            RelayOutput::CallEnded(id, end) => self.reply(&id, Err(problem(end))),
            RelayOutput::Telemetry(printer, values) => {
                let home = store.read(|rows| rows.home_of(domain::kind::Kind::Printer, &printer.to_string()));
                let own = home.is_ok_and(|home| home == Some((fence.home.store_id, Some(fence.home.farm_id))));
                if own && let Ok(telemetry) = serde_json::from_value(values.into()) {
                    self.tunnels.shown(fence.home, printer, telemetry);
                }
            }
            RelayOutput::CommitKey(rekey) => {
                let relay = self.tunnels.relay_id().to_owned();
                self.begin(async move { Done::Input(admit::commit_key(&store, fence, &relay, rekey, now).await) });
            }
            RelayOutput::Send(_)
            | RelayOutput::Close(_)
            | RelayOutput::Admit { .. }
            | RelayOutput::Opened(_)
            | RelayOutput::Here(_) => {}
        }
    }

    /// Nobody is left waiting.
    fn end(mut self) {
        if let Some(Admitted { fence, .. }) = self.admitted {
            self.tunnels.closed(fence.home, fence.session_no);
        }
        self.input(RelayInput::Lost);
        if let Some(mut asks) = self.asks.take() {
            asks.close();
            while let Ok(asked) = asks.try_recv() {
                if let Asked::Call(_, _, caller) = asked {
                    // It was never sent.
                    drop(caller.send(Err(problem(End::FarmOffline))));
                }
            }
        }
    }
}

fn problem(end: End) -> Problem {
    match end {
        End::FarmOffline => Problem::new(Code::FarmOffline),
        End::NoAnswer => Problem::new(Code::NoAnswer),
        End::TooBig => Problem::new(Code::BodyTooLarge).detail("it is too large for the line to the farm"),
    }
}

/// This relay's database failed: the farm shall come again later, nothing of it was acknowledged.
pub(super) fn failed(error: &StoreError) -> RelayInput {
    tracing::error!(%error, "a farm's session failed inside");
    RelayInput::Close(ByeCode::Shutdown, Some(COME_AGAIN_MS))
}

pub(super) fn told(written: Result<bool, StoreError>, then: RelayInput) -> RelayInput {
    match written {
        Ok(true) => then,
        Ok(false) => RelayInput::Close(ByeCode::Replaced, None),
        Err(error) => failed(&error),
    }
}
