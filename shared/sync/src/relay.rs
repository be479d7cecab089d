//! The relay's side of a session: it keeps the farm's rows and events, sends account facts, and carries calls and requests down.

mod calls;
mod greeting;
mod mailbox;
mod port;

use std::collections::{BTreeMap, VecDeque};

use contract::forward::{Forwarded, RowItem};
use domain::id::PrinterId;

use self::calls::Calls;
use self::mailbox::Mailbox;
pub use self::port::{Admission, End, RelayInput, RelayOutput, RelayStart};
use crate::feed::Feed;
use crate::frame::{AccountItem, ByeCode, EventItem, Frame, Hello, Packet, Stream, fits};
use crate::intake::{Intake, Verdict};
use crate::{HANDSHAKE_MS, ITEMS};

#[derive(Debug)]
struct Open {
    session_no: u64,
    rows: Intake<RowItem>,
    events: Intake<EventItem>,
    account: Feed<AccountItem>,
    requests: Mailbox,
    telemetry_n: BTreeMap<PrinterId, u64>,
}

#[derive(Debug)]
enum Phase {
    Waiting,
    Challenged,
    Judging(Box<Hello>),
    Open(Box<Open>),
    Closed,
}

/// The relay's side.
#[derive(Debug)]
pub struct RelaySession {
    start: RelayStart,
    phase: Phase,
    began_ms: u64,
    writable: bool,
    acks: BTreeMap<Stream, u64>,
    urgent: VecDeque<Frame>,
    calls: Calls,
    watch: Option<Vec<PrinterId>>,
    out: Vec<RelayOutput>,
}

impl RelaySession {
    /// A session over a connection that just came.
    pub fn new(start: RelayStart, now_ms: u64) -> Self {
        Self {
            start,
            phase: Phase::Waiting,
            began_ms: now_ms,
            writable: true,
            acks: BTreeMap::new(),
            urgent: VecDeque::new(),
            calls: Calls::default(),
            watch: None,
            out: Vec::new(),
        }
    }

    /// Batches that are held in memory: never more than two windows.
    pub fn held(&self) -> usize {
        match &self.phase {
            Phase::Open(open) => open.rows.held() + open.events.held(),
            Phase::Waiting | Phase::Challenged | Phase::Judging(_) | Phase::Closed => 0,
        }
    }

    /// Whether the copy of the farm's rows is whole as of the last head that was heard.
    pub fn is_whole(&self) -> bool {
        match &self.phase {
            Phase::Open(open) => open.rows.whole_at(0),
            Phase::Waiting | Phase::Challenged | Phase::Judging(_) | Phase::Closed => false,
        }
    }

    /// Takes an input and says what is to be done, in this order.
    pub fn handle(&mut self, now_ms: u64, input: RelayInput) -> Vec<RelayOutput> {
        match input {
            RelayInput::Connected => self.connected(now_ms),
            RelayInput::Received(packet) => self.received(now_ms, packet),
            RelayInput::Admitted(admission) => self.admitted(now_ms, admission),
            RelayInput::Refused(code) => self.close(code, None),
            RelayInput::Close(code, retry_ms) => self.close(code, retry_ms),
            RelayInput::Call(call, ttl_ms) => self.call(now_ms, call, ttl_ms),
            RelayInput::Watch(printers) => self.watch = Some(printers),
            RelayInput::WantBlob(sha256) => self.urgent.push_back(Frame::BlobWanted { sha256 }),
            RelayInput::Prove(n) => self.urgent.push_back(Frame::Prove { n }),
            RelayInput::KeyCommitted(public_key) => self.urgent.push_back(Frame::Rekeyed { public_key }),
            RelayInput::WritableAgain => self.writable = true,
            RelayInput::Tick => self.tick(now_ms),
            RelayInput::Lost => self.end(),
            RelayInput::Committed(..)
            | RelayInput::AnswerCommitted(_)
            | RelayInput::AccountRead(_)
            | RelayInput::RequestRead(_)
            | RelayInput::AccountMoved(_)
            | RelayInput::RequestsWait => self.stored(input),
        }
        self.wake(now_ms);
        std::mem::take(&mut self.out)
    }

    /// What the store says counts only while the session is open.
    fn stored(&mut self, input: RelayInput) {
        let Phase::Open(open) = &mut self.phase else { return };
        match input {
            RelayInput::Committed(stream, at) => {
                let awaited = match stream {
                    Stream::Rows => open.rows.committed(at),
                    Stream::Events => open.events.committed(at),
                    Stream::Account => false,
                };
                if awaited {
                    self.acks.insert(stream, at);
                }
            }
            RelayInput::AnswerCommitted(seq) => open.requests.answer_committed(seq),
            RelayInput::AccountRead(page) => {
                if open.account.read(page, 0).is_err() {
                    self.close(ByeCode::TooBig, None);
                }
            }
            RelayInput::RequestRead(request) => open.requests.read(request),
            RelayInput::AccountMoved(head) => open.account.head_moved(head),
            RelayInput::RequestsWait => open.requests.wait(),
            RelayInput::Connected
            | RelayInput::Received(_)
            | RelayInput::Admitted(_)
            | RelayInput::Refused(_)
            | RelayInput::Call(..)
            | RelayInput::Watch(_)
            | RelayInput::WantBlob(_)
            | RelayInput::Prove(_)
            | RelayInput::KeyCommitted(_)
            | RelayInput::WritableAgain
            | RelayInput::Tick
            | RelayInput::Lost
            | RelayInput::Close(..) => {}
        }
    }

    fn connected(&mut self, now_ms: u64) {
        if matches!(self.phase, Phase::Waiting) {
            self.phase = Phase::Challenged;
            let (nonce, relay) = (self.start.nonce.clone(), self.start.relay.clone());
            let frame = Frame::Challenge { nonce, relay, sent_ms: now_ms };
            self.out.push(RelayOutput::Send(Packet { session_no: 0, frame }));
        }
    }

    fn received(&mut self, now_ms: u64, Packet { session_no, frame }: Packet) {
        let expected = match &self.phase {
            Phase::Open(open) => open.session_no,
            Phase::Waiting | Phase::Challenged | Phase::Judging(_) => 0,
            Phase::Closed => return,
        };
        // What belongs to another session is not of this connection, whatever it says.
        if session_no != expected {
            return;
        }
        match frame {
            Frame::Hello(hello) => self.hello(hello),
            Frame::Bye { code, .. } => {
                self.end();
                self.out.push(RelayOutput::Close(code));
            }
            Frame::Unknown => {}
            Frame::Rows(_)
            | Frame::Events(_)
            | Frame::Ack { .. }
            | Frame::Nack { .. }
            | Frame::Reset { .. }
            | Frame::Answered { .. }
            | Frame::Rekey(_)
            | Frame::Here { .. }
            | Frame::Telemetry { .. } => self.in_session(now_ms, frame),
            Frame::BlobWanted { .. }
            | Frame::Rekeyed { .. }
            | Frame::Prove { .. }
            | Frame::Challenge { .. }
            | Frame::Welcome(_)
            | Frame::Account(_)
            | Frame::Call { .. }
            | Frame::Request { .. }
            | Frame::Watch { .. } => self.close(ByeCode::Protocol, None),
        }
    }

    fn in_session(&mut self, now_ms: u64, frame: Frame) {
        let Phase::Open(open) = &mut self.phase else { return };
        match frame {
            Frame::Rows(batch) => {
                let verdict = open.rows.batch(batch);
                self.judged(Stream::Rows, verdict, None);
            }
            Frame::Events(batch) => {
                let verdict = open.events.batch(batch);
                self.judged(Stream::Events, verdict, None);
            }
            Frame::Reset { stream, epoch, head } => {
                let verdict = match stream {
                    Stream::Rows => open.rows.reset(&epoch, head),
                    Stream::Events => open.events.reset(&epoch, head),
                    Stream::Account => Verdict::Quiet,
                };
                self.judged(stream, verdict, Some((epoch, head)));
            }
            Frame::Ack { stream: Stream::Account, at } => {
                open.account.acked(at, now_ms);
            }
            Frame::Nack { stream: Stream::Account, at, code } => open.account.nacked(at, code, now_ms),
            Frame::Answered { seq: Some(seq), answer, .. } => {
                if open.requests.answered(seq) {
                    self.out.push(RelayOutput::CommitAnswer(seq, answer));
                }
            }
            Frame::Answered { id, seq: None, answer, .. } => {
                let late = !self.calls.answered(&id);
                self.out.push(RelayOutput::Answered { id, answer, late });
            }
            Frame::Telemetry { n, printer, values } => {
                let last = open.telemetry_n.entry(printer).or_default();
                if n > *last {
                    *last = n;
                    self.out.push(RelayOutput::Telemetry(printer, values));
                }
            }
            Frame::Rekey(rekey) => self.out.push(RelayOutput::CommitKey(rekey)),
            Frame::Here { n } => self.out.push(RelayOutput::Here(n)),
            Frame::Ack { .. }
            | Frame::Nack { .. }
            | Frame::Rekeyed { .. }
            | Frame::Prove { .. }
            | Frame::BlobWanted { .. }
            | Frame::Hello(_)
            | Frame::Bye { .. }
            | Frame::Unknown
            | Frame::Challenge { .. }
            | Frame::Welcome(_)
            | Frame::Account(_)
            | Frame::Call { .. }
            | Frame::Request { .. }
            | Frame::Watch { .. } => {}
        }
    }

    fn judged(&mut self, stream: Stream, verdict: Verdict, reset: Option<(String, u64)>) {
        match (verdict, reset) {
            (Verdict::Begin, Some((epoch, sweep_at))) => {
                self.out.push(RelayOutput::GenerationBegin { stream, epoch, sweep_at });
            }
            (Verdict::AckAgain(at), _) => {
                self.acks.insert(stream, at);
            }
            (Verdict::Nack(at, code), _) => self.urgent.push_back(Frame::Nack { stream, at, code }),
            (Verdict::Quiet, _) | (Verdict::Begin, None) => {}
        }
    }

    fn call(&mut self, now_ms: u64, call: Forwarded, ttl_ms: u64) {
        if !fits(&call) {
            return self.out.push(RelayOutput::CallEnded(call.id, End::TooBig));
        }
        match &self.phase {
            Phase::Open(_) => {
                if let Err(call) = self.calls.push(call, now_ms.saturating_add(ttl_ms)) {
                    self.out.push(RelayOutput::CallEnded(call.id, End::FarmOffline));
                }
            }
            Phase::Waiting | Phase::Challenged | Phase::Judging(_) | Phase::Closed => {
                self.out.push(RelayOutput::CallEnded(call.id, End::FarmOffline));
            }
        }
    }

    fn tick(&mut self, now_ms: u64) {
        match &mut self.phase {
            Phase::Waiting | Phase::Challenged | Phase::Judging(_) => {
                if now_ms.saturating_sub(self.began_ms) >= HANDSHAKE_MS {
                    self.close(ByeCode::Protocol, None);
                }
            }
            Phase::Open(open) => {
                open.account.tick(now_ms);
                open.requests.tick(now_ms);
            }
            Phase::Closed => {}
        }
    }

    fn tell(&mut self, ended: Vec<(String, End)>) {
        self.out.extend(ended.into_iter().map(|(id, end)| RelayOutput::CallEnded(id, end)));
    }

    fn close(&mut self, code: ByeCode, retry_ms: Option<u64>) {
        let session_no = match &self.phase {
            Phase::Open(open) => open.session_no,
            Phase::Waiting | Phase::Challenged | Phase::Judging(_) => 0,
            Phase::Closed => return,
        };
        self.out.push(RelayOutput::Send(Packet { session_no, frame: Frame::Bye { code, retry_ms } }));
        self.end();
        self.out.push(RelayOutput::Close(code));
    }

    /// Nothing is sent again by a later session but what is in the mailbox: every caller is told what is known.
    fn end(&mut self) {
        let ended = self.calls.end();
        self.tell(ended);
        self.phase = Phase::Closed;
    }

    fn wake(&mut self, now_ms: u64) {
        let expired = self.calls.expired(now_ms);
        self.tell(expired);
        let Phase::Open(open) = &mut self.phase else { return };
        let session_no = open.session_no;
        if let Some(batch) = open.rows.next(|_| true) {
            self.out.push(RelayOutput::ApplyRows(session_no, batch));
        }
        // Rows before the events that tell of them.
        let rows = &open.rows;
        if let Some(batch) = open.events.next(|batch| batch.epoch == rows.epoch() && rows.whole_at(batch.rows_head)) {
            self.out.push(RelayOutput::ApplyEvents(session_no, batch));
        }
        if open.rows.sweep_due() {
            self.out.push(RelayOutput::Sweep);
        }
        let waits = open.account.has_something()
            || !self.acks.is_empty()
            || !self.urgent.is_empty()
            || (open.account.is_told() && (self.calls.is_unsent() || open.requests.is_unsent()))
            || self.watch.is_some();
        if self.writable && waits {
            // One wake-up: account facts; calls and acknowledgements; a request; the rest. Nothing is asked of a farm before all
            // account facts have gone: a farm that was away hears first whose key was taken away.
            let mut frames: Vec<Frame> = Vec::new();
            frames.extend(open.account.take_reset(now_ms));
            frames.extend(open.account.take_batch(now_ms).map(Frame::Account));
            let told = open.account.is_told();
            if told {
                frames.extend(self.calls.take(now_ms));
            }
            let acks = std::mem::take(&mut self.acks);
            frames.extend(acks.into_iter().map(|(stream, at)| Frame::Ack { stream, at }));
            frames.extend(self.urgent.drain(..));
            frames.extend(told.then(|| open.requests.take(now_ms)).flatten());
            frames.extend(self.watch.take().map(|printers| Frame::Watch { printers }));
            self.writable = false;
            self.out.extend(frames.into_iter().map(|frame| RelayOutput::Send(Packet { session_no, frame })));
        }
        self.out.extend(open.account.wants().map(|after| RelayOutput::ReadAccount { after, limit: ITEMS }));
        self.out.extend(open.requests.wants().map(RelayOutput::ReadRequest));
    }
}
