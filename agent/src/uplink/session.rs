//! The shell of one session: carries what the session says to the socket and the store, and tells it what came of it.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use api::clock::Stopwatch;
use api::forward::{Operations, carry_out};
use api::socket::{Heard, Line};
use contract::forward::Forwarded;
use domain::farm::Claim;
use domain::file::ContentHash;
use domain::id::PrinterId;
use domain::telemetry::Telemetry;
use store::StoreError;
use sync::farm::{FarmInput, FarmOutput, FarmSession};
use sync::frame::{ByeCode, Heads, Packet, Welcome};
use tokio::sync::{broadcast, mpsc};
use tokio::time::{MissedTickBehavior, interval};

use super::{OpenSession, Uplink, contact, facts};

/// How often the session looks at the clock.
const TICK: Duration = Duration::from_secs(1);

/// Why a line ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ended {
    /// It broke, or did not come to stand.
    Lost(String),
    /// One side ended it.
    Bye(ByeCode, Option<Duration>),
    /// The pairing was ended at the relay.
    Revoked,
    /// The relay has more of this log than this database.
    RolledBack(u64),
    /// There is a new key, which is to open the next one at once.
    Again,
}

struct Shell<'a> {
    uplink: &'a Uplink,
    claim: &'a Claim,
    line: Line,
    session: FarmSession,
    clock: Stopwatch,
    done: mpsc::UnboundedSender<FarmInput>,
    operations: Arc<Operations>,
    watching: BTreeSet<PrinterId>,
    live: Option<broadcast::Receiver<(PrinterId, Telemetry)>>,
    saying: Vec<String>,
    /// Calls that are being carried out.
    running: usize,
    /// A new key is known to the relay: the line begins again when nobody waits for an answer.
    to_begin_again: bool,
    /// The relay was heard in this session.
    open: bool,
    ended: Option<Ended>,
}

/// Carries one line until it ends.
pub async fn run(uplink: &Uplink, claim: &Claim, line: Line) -> Ended {
    let start = match facts::start(&uplink.door, &uplink.session_nonce) {
        Ok(start) => start,
        Err(error) => return Ended::Lost(error.to_string()),
    };
    let (done, mut doings) = mpsc::unbounded_channel();
    let mut head = uplink.door.store.head();
    let mut shell = Shell {
        uplink,
        claim,
        line,
        session: FarmSession::new(start, 0),
        clock: Stopwatch::start(),
        done,
        operations: Arc::new(Operations::default()),
        watching: BTreeSet::new(),
        live: None,
        saying: Vec::new(),
        running: 0,
        to_begin_again: false,
        open: false,
        ended: None,
    };
    let mut tick = interval(TICK);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        if let Some(ended) = shell.ended {
            return ended;
        }
        tokio::select! {
            heard = shell.line.hear() => shell.heard(heard),
            Some(done) = doings.recv() => shell.done(done),
            () = uplink.identity.made(), if shell.open => shell.tell_new_key(),
            _ = head.changed() => {
                let at = *head.borrow_and_update();
                shell.input(FarmInput::HeadMoved(Heads { rows: at, events: at }));
            }
            Some((printer, telemetry)) = next(&mut shell.live) => shell.shown(printer, &telemetry),
            _ = tick.tick() => shell.tick(),
        }
    }
}

async fn next(live: &mut Option<broadcast::Receiver<(PrinterId, Telemetry)>>) -> Option<(PrinterId, Telemetry)> {
    let Some(receiver) = live else { return std::future::pending().await };
    match receiver.recv().await {
        Ok(shown) => Some(shown),
        // Values that were missed are simply gone.
        Err(broadcast::error::RecvError::Lagged(_)) => None,
        Err(broadcast::error::RecvError::Closed) => {
            *live = None;
            None
        }
    }
}

impl Shell<'_> {
    fn input(&mut self, input: FarmInput) {
        let outputs = self.session.handle(self.clock.millis(), input);
        outputs.into_iter().for_each(|output| self.carry_out(output));
        // What one wake-up says goes together: the next comes when all of it has left.
        if !self.saying.is_empty() {
            self.line.say(std::mem::take(&mut self.saying));
        }
    }

    fn done(&mut self, done: FarmInput) {
        if matches!(done, FarmInput::CallDone(..) | FarmInput::RequestDone(..)) {
            self.running = self.running.saturating_sub(1);
        }
        self.input(done);
        self.begin_again();
    }

    fn tick(&mut self) {
        self.input(FarmInput::Tick);
        self.begin_again();
        if !self.open {
            return;
        }
        let uplink = self.uplink;
        if uplink.key_is_due(self.claim)
            && let Err(error) = uplink.identity.make_next()
        {
            tracing::warn!(%error, "a new key could not be kept; the old one stays");
        }
        if contact::to_note(uplink.door.accounts.heard_at(), uplink.door.now(), true).is_some() {
            let door = Arc::clone(&uplink.door);
            self.begin(async move {
                if let Err(error) = facts::heard_of_relay(&door, true).await {
                    tracing::warn!(%error, "that the relay was heard could not be written");
                }
                FarmInput::Tick
            });
        }
    }

    /// A new key that is durable here is told to the relay.
    fn tell_new_key(&mut self) {
        let farm = self.uplink.door.home().farm_id;
        if let Some(rekey) = self.uplink.identity.rekey(&self.claim.relay_id, farm) {
            self.input(FarmInput::Rekey(rekey));
        }
    }

    /// The relay has the new key. The old one opens sessions until the new one has, so that is to be soon.
    fn new_key_is_known(&mut self, public_key: &str) {
        // A small file, once in weeks: that nothing else is heard meanwhile is no matter.
        match self.uplink.identity.confirmed(public_key, self.uplink.door.now()) {
            Ok(true) => self.to_begin_again = true,
            Ok(false) => {}
            Err(error) => tracing::warn!(%error, "a new key could not take its place; the old one stays"),
        }
        self.begin_again();
    }

    fn begin_again(&mut self) {
        if self.to_begin_again && self.running == 0 && self.session.is_quiet() {
            self.to_begin_again = false;
            self.ended.get_or_insert(Ended::Again);
            self.input(FarmInput::Close(ByeCode::Shutdown));
        }
    }

    fn heard(&mut self, heard: Heard) {
        match heard {
            Heard::Text(text) => match Packet::read(&text) {
                Ok(packet) => self.input(FarmInput::Received(packet)),
                Err(error) => {
                    tracing::warn!(%error, "the relay does not keep to the protocol");
                    self.input(FarmInput::Close(ByeCode::Protocol));
                }
            },
            Heard::Sent => self.input(FarmInput::WritableAgain),
            Heard::Lost(why) => {
                self.input(FarmInput::Lost);
                self.ended.get_or_insert(Ended::Lost(why));
            }
        }
    }

    fn shown(&mut self, printer: PrinterId, telemetry: &Telemetry) {
        if self.watching.contains(&printer)
            && let Ok(serde_json::Value::Object(values)) = serde_json::to_value(telemetry)
        {
            self.input(FarmInput::Telemetry(printer, values));
        }
    }

    /// Does something that takes time, and tells the session what came of it.
    fn begin(&self, doing: impl Future<Output = FarmInput> + Send + 'static) {
        let done = self.done.clone();
        tokio::spawn(async move {
            // A session that has ended does not need it.
            drop(done.send(doing.await));
        });
    }

    /// Reads, and tells the session what was read.
    fn read(&self, read: Result<FarmInput, StoreError>) {
        let read = read.unwrap_or_else(|error| failed(&error));
        // A session that has ended does not need it.
        drop(self.done.send(read));
    }

    fn carry_out(&mut self, output: FarmOutput) {
        let (door, claim) = (Arc::clone(&self.uplink.door), self.claim.clone());
        match output {
            FarmOutput::Send(packet) => match packet.text() {
                Ok(text) => self.saying.push(text),
                Err(error) => self.ended = Some(Ended::Lost(error.to_string())),
            },
            FarmOutput::Sign(message) => self.sign(&message),
            FarmOutput::Opened(welcome) => self.opened(welcome),
            FarmOutput::ReadRows { after, limit } => {
                self.read(facts::rows(&door, after, limit).map(|(page, head)| FarmInput::RowsRead(page, head)));
            }
            FarmOutput::ReadEvents { after, limit } => {
                let read = facts::events(&door, after, limit);
                self.read(read.map(|(page, trimmed_to, rows_head)| FarmInput::EventsRead { page, trimmed_to, rows_head }));
            }
            FarmOutput::ApplyAccount(batch) => {
                let to = batch.to;
                self.begin(async move { told(facts::apply_keys(&door, &claim, batch).await, FarmInput::Committed(to)) });
            }
            FarmOutput::GenerationBegin { epoch, sweep_at } => {
                self.begin(async move { told(facts::begin_keys(&door, &claim, epoch, sweep_at).await, FarmInput::Committed(0)) });
            }
            FarmOutput::Sweep => {
                self.begin(async move { told(facts::sweep_keys(&door, &claim).await, FarmInput::Tick) });
            }
            FarmOutput::RunCall { call, deadline_ms: _ } => {
                self.running += 1;
                let (operations, id) = (Arc::clone(&self.operations), call.id.clone());
                self.begin(async move { FarmInput::CallDone(id, carry_out(&door, &operations, call).await) });
            }
            FarmOutput::RunRequest { seq, call } => {
                self.running += 1;
                let operations = Arc::clone(&self.operations);
                self.begin(async move { FarmInput::RequestDone(seq, carry_out(&door, &operations, keyed(call)).await) });
            }
            FarmOutput::Acked(..) => {}
            FarmOutput::Watch(printers) => self.watch(printers),
            FarmOutput::BlobWanted(hash) => drop(ContentHash::try_from(hash).map(|hash| self.uplink.wanted.send(hash))),
            FarmOutput::Rekeyed(public_key) => self.new_key_is_known(&public_key),
            FarmOutput::RolledBack { last_number } => self.ended = Some(Ended::RolledBack(last_number)),
            FarmOutput::Close(code, again) => {
                let ended = match code {
                    ByeCode::Revoked => Ended::Revoked,
                    ByeCode::Refused
                    | ByeCode::Replaced
                    | ByeCode::Clone
                    | ByeCode::OldKey
                    | ByeCode::Upgrade
                    | ByeCode::Shutdown
                    | ByeCode::RolledBack
                    | ByeCode::TooBig
                    | ByeCode::Protocol
                    | ByeCode::Other => Ended::Bye(code, again.map(Duration::from_millis)),
                };
                self.ended.get_or_insert(ended);
            }
        }
    }

    /// Signs only what is meant for the relay that this farm was claimed at: another could pass its challenge on.
    fn sign(&mut self, message: &[u8]) {
        let relay = message.split(|byte| *byte == b'\n').nth(1);
        if relay == Some(self.claim.relay_id.as_bytes()) {
            let signature = self.uplink.identity.sign_in_turn(message);
            drop(self.done.send(FarmInput::Signed(signature)));
        } else {
            self.ended = Some(Ended::Lost("another relay answers at that address".to_owned()));
        }
    }

    fn opened(&mut self, welcome: Welcome) {
        // A farm that has left came only to say so.
        if self.uplink.door.accounts.claim().as_ref() != Some(self.claim) {
            drop(self.done.send(FarmInput::Close(ByeCode::Revoked)));
            return;
        }
        tracing::info!(relay = self.claim.relay_url, session = welcome.session_no, "the line to the relay stands");
        if let Err(error) = self.uplink.identity.taken() {
            tracing::warn!(%error, "which key the relay knows could not be written; it is found out again");
        }
        self.open = true;
        self.tell_new_key();
        let (relay_url, content_token, pass) = (self.claim.relay_url.clone(), welcome.content_token, welcome.pass);
        self.uplink.open.send_replace(Some(OpenSession { relay_url, content_token }));
        let door = Arc::clone(&self.uplink.door);
        self.begin(async move {
            // If it is lost now, the one before still holds.
            if let Err(error) = facts::opened(&door, pass).await {
                tracing::warn!(%error, "the pass for the next session could not be written");
            }
            FarmInput::Tick
        });
    }

    fn watch(&mut self, printers: Vec<PrinterId>) {
        let new: Vec<PrinterId> = printers.iter().copied().filter(|printer| !self.watching.contains(printer)).collect();
        self.watching = printers.into_iter().collect();
        let door = &self.uplink.door;
        if self.watching.is_empty() {
            self.live = None;
        } else if self.live.is_none() {
            self.live = Some(door.follow_telemetry(self.claim.store_id));
        }
        // What it shows now comes first: who looks need not wait for the next sign of life.
        for printer in new {
            let values = door.telemetry(printer).and_then(|telemetry| serde_json::to_value(telemetry).ok());
            if let Some(serde_json::Value::Object(values)) = values {
                drop(self.done.send(FarmInput::Telemetry(printer, values)));
            }
        }
    }
}

/// A request without a key could be done twice if its answer is lost: its own name on the line is one.
fn keyed(mut call: Forwarded) -> Forwarded {
    call.idempotency_key.get_or_insert_with(|| call.id.clone());
    call
}

fn failed(error: &StoreError) -> FarmInput {
    tracing::error!(%error, "the session with the relay failed inside");
    FarmInput::Close(ByeCode::Shutdown)
}

fn told(written: Result<bool, StoreError>, then: FarmInput) -> FarmInput {
    match written {
        Ok(true) => then,
        // The farm is no longer that store's: this line is over.
        Ok(false) => FarmInput::Close(ByeCode::Shutdown),
        Err(error) => failed(&error),
    }
}
