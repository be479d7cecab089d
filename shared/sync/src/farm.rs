//! The agent's side of a session: it sends what happened, takes account facts, and has calls and requests run by its shell.

mod port;

use std::collections::{BTreeMap, VecDeque};

use contract::forward::{Answered, Forwarded, RowItem};
use contract::record::Document;
use domain::id::PrinterId;

pub use self::port::{FarmInput, FarmOutput, FarmStart};
use crate::feed::Feed;
use crate::frame::{AccountItem, ByeCode, EventItem, Frame, Hello, Packet, Rekey, Stream, Welcome, fitted};
use crate::intake::{Intake, Known, Verdict};
use crate::{HANDSHAKE_MS, ITEMS, RESEND_MS, TELEMETRY_AT_ONCE, WINDOW};

#[derive(Debug)]
struct Open {
    session_no: u64,
    items: usize,
    rows: Feed<RowItem>,
    events: Feed<EventItem>,
    account: Intake<AccountItem>,
    running: Option<(u64, String)>,
    last_call: u64,
    /// What is asked, until the account facts that came before it are durable.
    held: VecDeque<FarmOutput>,
    /// A new key that the relay has not confirmed, and when it was said.
    rekey: Option<(Rekey, u64)>,
}

#[derive(Debug)]
enum Phase {
    Waiting,
    Signing,
    Greeted,
    Open(Box<Open>),
    Closed,
}

/// The agent's side.
#[derive(Debug)]
pub struct FarmSession {
    start: FarmStart,
    phase: Phase,
    began_ms: u64,
    /// The smallest difference between the clocks: what arrives later than that waited on its way.
    fastest: Option<i128>,
    writable: bool,
    acks: Option<u64>,
    urgent: VecDeque<Frame>,
    telemetry: BTreeMap<PrinterId, Document>,
    telemetry_n: u64,
    out: Vec<FarmOutput>,
}

impl FarmSession {
    /// A session over a connection that just came to stand.
    pub fn new(start: FarmStart, now_ms: u64) -> Self {
        Self {
            start,
            phase: Phase::Waiting,
            began_ms: now_ms,
            fastest: None,
            writable: true,
            acks: None,
            urgent: VecDeque::new(),
            telemetry: BTreeMap::new(),
            telemetry_n: 0,
            out: Vec::new(),
        }
    }

    /// Takes an input and says what is to be done, in this order.
    pub fn handle(&mut self, now_ms: u64, input: FarmInput) -> Vec<FarmOutput> {
        match input {
            FarmInput::Received(packet) => self.received(now_ms, packet),
            FarmInput::Signed(signature) => self.signed(signature),
            FarmInput::Telemetry(printer, values) => {
                self.telemetry.insert(printer, values);
            }
            FarmInput::Rekey(rekey) => {
                if let Phase::Open(open) = &mut self.phase {
                    open.rekey = Some((rekey.clone(), now_ms));
                    self.urgent.push_back(Frame::Rekey(rekey));
                }
            }
            FarmInput::WritableAgain => self.writable = true,
            FarmInput::Tick => self.tick(now_ms),
            FarmInput::Lost => self.phase = Phase::Closed,
            FarmInput::Close(code) => self.close(code),
            FarmInput::CallDone(id, answer) => {
                self.urgent.push_back(Frame::Answered { id, seq: None, answer: fitted(answer) });
            }
            FarmInput::HeadMoved(heads) => {
                self.start.hello.heads = heads;
                if let Phase::Open(open) = &mut self.phase {
                    open.rows.head_moved(heads.rows);
                    open.events.head_moved(heads.events);
                }
            }
            FarmInput::RowsRead(page, rows_head) => self.read(|open| open.rows.read(page, rows_head)),
            FarmInput::EventsRead { mut page, trimmed_to, rows_head } => {
                if trimmed_to > page.after {
                    page.items.insert(0, EventItem::Gap { after: page.after, to: trimmed_to });
                    page.to = page.to.max(trimmed_to);
                }
                self.read(|open| open.events.read(page, rows_head));
            }
            FarmInput::Committed(at) => {
                if let Phase::Open(open) = &mut self.phase
                    && open.account.committed(at)
                {
                    self.acks = Some(at);
                }
            }
            FarmInput::RequestDone(seq, answer) => self.request_done(seq, answer),
        }
        self.wake(now_ms);
        std::mem::take(&mut self.out)
    }

    /// Whether nothing was asked in this session whose answer has not been said.
    pub fn is_quiet(&self) -> bool {
        let open = match &self.phase {
            Phase::Open(open) => open.held.is_empty() && open.running.is_none(),
            Phase::Waiting | Phase::Signing | Phase::Greeted | Phase::Closed => true,
        };
        open && self.urgent.is_empty()
    }

    fn read(&mut self, take: impl FnOnce(&mut Open) -> Result<(), crate::feed::Unsendable>) {
        if let Phase::Open(open) = &mut self.phase
            && take(open).is_err()
        {
            self.close(ByeCode::TooBig);
        }
    }

    fn received(&mut self, now_ms: u64, Packet { session_no, frame }: Packet) {
        let expected = match &self.phase {
            Phase::Open(open) => open.session_no,
            Phase::Waiting | Phase::Signing | Phase::Greeted => 0,
            Phase::Closed => return,
        };
        // What belongs to another session is not of this connection, whatever it says.
        if session_no != expected {
            return;
        }
        match frame {
            Frame::Challenge { nonce, relay, sent_ms } => {
                self.clocked(now_ms, sent_ms);
                if matches!(self.phase, Phase::Waiting) {
                    self.phase = Phase::Signing;
                    self.out.push(FarmOutput::Sign(self.start.hello.signed(&relay, &nonce)));
                }
            }
            Frame::Welcome(welcome) => {
                self.clocked(now_ms, welcome.sent_ms);
                if matches!(self.phase, Phase::Greeted) {
                    self.open(now_ms, welcome);
                }
            }
            Frame::Bye { code, retry_ms } => {
                self.phase = Phase::Closed;
                self.out.push(FarmOutput::Close(code, retry_ms));
            }
            Frame::Ack { stream, at } => self.acked(now_ms, stream, at),
            Frame::Nack { stream, at, code } => {
                if let Phase::Open(open) = &mut self.phase {
                    match stream {
                        Stream::Rows => open.rows.nacked(at, code, now_ms),
                        Stream::Events => open.events.nacked(at, code, now_ms),
                        Stream::Account => {}
                    }
                }
            }
            Frame::Account(batch) => {
                if let Phase::Open(open) = &mut self.phase {
                    let verdict = open.account.batch(batch);
                    self.judged(verdict, None);
                }
            }
            Frame::Reset { stream: Stream::Account, epoch, head } => {
                if let Phase::Open(open) = &mut self.phase {
                    let verdict = open.account.reset(&epoch, head);
                    self.judged(verdict, Some((epoch, head)));
                }
            }
            Frame::Call { n, ttl_ms, sent_ms, call } => self.call(now_ms, n, ttl_ms, sent_ms, call),
            Frame::Request { seq, call } => {
                if let Phase::Open(open) = &mut self.phase
                    && open.running.is_none()
                {
                    open.running = Some((seq, call.id.clone()));
                    open.held.push_back(FarmOutput::RunRequest { seq, call });
                }
            }
            Frame::Watch { printers } => self.out.push(FarmOutput::Watch(printers)),
            Frame::BlobWanted { sha256 } => self.out.push(FarmOutput::BlobWanted(sha256)),
            Frame::Rekeyed { public_key } => {
                if let Phase::Open(open) = &mut self.phase
                    && open.rekey.take_if(|(rekey, _)| rekey.public_key == public_key).is_some()
                {
                    self.out.push(FarmOutput::Rekeyed(public_key));
                }
            }
            Frame::Prove { n } => self.urgent.push_back(Frame::Here { n }),
            Frame::Unknown => {}
            Frame::Hello(_)
            | Frame::Rekey(_)
            | Frame::Here { .. }
            | Frame::Rows(_)
            | Frame::Events(_)
            | Frame::Reset { stream: Stream::Rows | Stream::Events, .. }
            | Frame::Answered { .. }
            | Frame::Telemetry { .. } => self.close(ByeCode::Protocol),
        }
    }

    fn clocked(&mut self, now_ms: u64, sent_ms: u64) {
        let difference = i128::from(now_ms) - i128::from(sent_ms);
        self.fastest = Some(self.fastest.map_or(difference, |fastest| fastest.min(difference)));
    }

    fn signed(&mut self, signature: String) {
        if matches!(self.phase, Phase::Signing) {
            self.phase = Phase::Greeted;
            let hello = Hello { signature, ..self.start.hello.clone() };
            self.out.push(FarmOutput::Send(Packet { session_no: 0, frame: Frame::Hello(hello) }));
        }
    }

    fn open(&mut self, now_ms: u64, welcome: Welcome) {
        let Hello { epoch, heads, got, .. } = &self.start.hello;
        let ahead = |cursor: &crate::frame::Cursor, head| cursor.epoch == *epoch && cursor.at > head;
        if ahead(&welcome.got.rows, heads.rows) || ahead(&welcome.got.events, heads.events) {
            self.out.push(FarmOutput::RolledBack { last_number: welcome.last_number });
            self.phase = Phase::Closed;
            let frame = Frame::Bye { code: ByeCode::RolledBack, retry_ms: None };
            self.out.push(FarmOutput::Send(Packet { session_no: welcome.session_no, frame }));
            self.out.push(FarmOutput::Close(ByeCode::RolledBack, None));
            return;
        }
        let window = welcome.limits.window.clamp(1, WINDOW);
        let known = Known { cursor: got.account.clone(), sweep_at: self.start.account_sweep_at };
        self.phase = Phase::Open(Box::new(Open {
            session_no: welcome.session_no,
            items: welcome.limits.items.clamp(1, ITEMS),
            rows: Feed::new(Stream::Rows, epoch, heads.rows, self.start.rows_floor, &welcome.got.rows, window, now_ms),
            events: Feed::new(Stream::Events, epoch, heads.events, 0, &welcome.got.events, window, now_ms),
            account: Intake::new(&known, None, WINDOW),
            running: None,
            last_call: 0,
            held: VecDeque::new(),
            rekey: None,
        }));
        self.out.push(FarmOutput::Opened(welcome));
    }

    fn acked(&mut self, now_ms: u64, stream: Stream, at: u64) {
        let Phase::Open(open) = &mut self.phase else { return };
        let news = match stream {
            Stream::Rows => open.rows.acked(at, now_ms),
            Stream::Events => open.events.acked(at, now_ms),
            Stream::Account => false,
        };
        if news {
            self.out.push(FarmOutput::Acked(stream, at));
        }
    }

    fn judged(&mut self, verdict: Verdict, reset: Option<(String, u64)>) {
        match (verdict, reset) {
            (Verdict::Begin, Some((epoch, sweep_at))) => self.out.push(FarmOutput::GenerationBegin { epoch, sweep_at }),
            (Verdict::AckAgain(at), _) => self.acks = Some(at),
            (Verdict::Nack(at, code), _) => self.urgent.push_back(Frame::Nack { stream: Stream::Account, at, code }),
            (Verdict::Quiet, _) | (Verdict::Begin, None) => {}
        }
    }

    fn call(&mut self, now_ms: u64, n: u64, ttl_ms: u64, sent_ms: u64, call: Forwarded) {
        self.clocked(now_ms, sent_ms);
        let Phase::Open(open) = &mut self.phase else { return };
        if n <= open.last_call {
            return;
        }
        open.last_call = n;
        let waited = i128::from(now_ms) - i128::from(sent_ms) - self.fastest.unwrap_or(0);
        let left = ttl_ms.saturating_sub(u64::try_from(waited).unwrap_or(0));
        // What was stuck on its way is not run late; its caller was told so by the relay's own clock.
        if left > 0 {
            open.held.push_back(FarmOutput::RunCall { call, deadline_ms: now_ms.saturating_add(left) });
        }
    }

    fn request_done(&mut self, seq: u64, answer: Answered) {
        let Phase::Open(open) = &mut self.phase else { return };
        let Some((_, id)) = open.running.take_if(|(running, _)| *running == seq) else { return };
        self.urgent.push_back(Frame::Answered { id, seq: Some(seq), answer: fitted(answer) });
    }

    fn tick(&mut self, now_ms: u64) {
        match &mut self.phase {
            Phase::Waiting | Phase::Signing | Phase::Greeted => {
                if now_ms.saturating_sub(self.began_ms) >= HANDSHAKE_MS {
                    self.close(ByeCode::Protocol);
                }
            }
            Phase::Open(open) => {
                open.rows.tick(now_ms);
                open.events.tick(now_ms);
                if let Some((rekey, said_ms)) = &mut open.rekey
                    && now_ms.saturating_sub(*said_ms) >= RESEND_MS
                {
                    *said_ms = now_ms;
                    self.urgent.push_back(Frame::Rekey(rekey.clone()));
                }
            }
            Phase::Closed => {}
        }
    }

    fn close(&mut self, code: ByeCode) {
        let session_no = match &self.phase {
            Phase::Open(open) => open.session_no,
            Phase::Waiting | Phase::Signing | Phase::Greeted => 0,
            Phase::Closed => return,
        };
        self.phase = Phase::Closed;
        self.out.push(FarmOutput::Send(Packet { session_no, frame: Frame::Bye { code, retry_ms: None } }));
        self.out.push(FarmOutput::Close(code, None));
    }

    fn wake(&mut self, now_ms: u64) {
        let Phase::Open(open) = &mut self.phase else { return };
        if let Some(batch) = open.account.next(|_| true) {
            self.out.push(FarmOutput::ApplyAccount(batch));
        }
        if open.account.sweep_due() {
            self.out.push(FarmOutput::Sweep);
        }
        // Nobody is served by facts of the account that are older than what came before their call.
        if open.account.is_settled() {
            let late = |held: &FarmOutput| matches!(held, FarmOutput::RunCall { deadline_ms, .. } if *deadline_ms <= now_ms);
            self.out.extend(open.held.drain(..).filter(|held| !late(held)));
        }
        let waits = self.acks.is_some()
            || !self.urgent.is_empty()
            || open.rows.has_something()
            || open.events.has_something()
            || !self.telemetry.is_empty();
        if self.writable && waits {
            // One wake-up: acknowledgements and answers, one batch of events, one of rows, then what may be lost.
            let mut frames: Vec<Frame> = Vec::new();
            frames.extend(self.acks.take().map(|at| Frame::Ack { stream: Stream::Account, at }));
            frames.extend(self.urgent.drain(..));
            frames.extend(open.events.take_reset(now_ms));
            frames.extend(open.rows.take_reset(now_ms));
            frames.extend(open.events.take_batch(now_ms).map(Frame::Events));
            frames.extend(open.rows.take_batch(now_ms).map(Frame::Rows));
            for _ in 0..TELEMETRY_AT_ONCE {
                let Some((printer, values)) = self.telemetry.pop_first() else { break };
                self.telemetry_n += 1;
                frames.push(Frame::Telemetry { n: self.telemetry_n, printer, values });
            }
            self.writable = false;
            let session_no = open.session_no;
            self.out.extend(frames.into_iter().map(|frame| FarmOutput::Send(Packet { session_no, frame })));
        }
        let limit = open.items;
        self.out.extend(open.events.wants().map(|after| FarmOutput::ReadEvents { after, limit }));
        self.out.extend(open.rows.wants().map(|after| FarmOutput::ReadRows { after, limit }));
    }
}
