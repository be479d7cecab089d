//! The requests of a session: one at a time, so that order and "exactly once" need no further rule.

use contract::forward::Forwarded;

use crate::RESEND_MS;
use crate::frame::Frame;

/// Requests go one by one: the next is sent when the answer of the one before is durable.
#[derive(Debug)]
pub struct Mailbox {
    answered: u64,
    waits: bool,
    reading: bool,
    current: Option<(u64, Forwarded)>,
    unsent: bool,
    committing: bool,
    sent_ms: u64,
}

impl Mailbox {
    pub fn new(answered: u64, waits: bool) -> Self {
        Self { answered, waits, reading: false, current: None, unsent: false, committing: false, sent_ms: 0 }
    }

    pub fn wait(&mut self) {
        self.waits = true;
    }

    pub fn is_unsent(&self) -> bool {
        self.unsent
    }

    pub fn wants(&mut self) -> Option<u64> {
        let wants = self.waits && !self.reading && self.current.is_none();
        self.reading |= wants;
        self.waits &= !wants;
        wants.then_some(self.answered)
    }

    pub fn read(&mut self, request: Option<(u64, Forwarded)>) {
        self.reading = false;
        if self.current.is_none() {
            self.unsent = request.is_some();
            self.current = request;
        }
    }

    pub fn take(&mut self, now_ms: u64) -> Option<Frame> {
        let (seq, call) = self.current.as_ref().filter(|_| self.unsent)?;
        self.unsent = false;
        self.sent_ms = now_ms;
        Some(Frame::Request { seq: *seq, call: call.clone() })
    }

    pub fn answered(&mut self, seq: u64) -> bool {
        let awaited = !self.committing && self.current.as_ref().is_some_and(|(current, _)| *current == seq);
        self.committing |= awaited;
        awaited
    }

    pub fn answer_committed(&mut self, seq: u64) {
        if self.committing && self.current.as_ref().is_some_and(|(current, _)| *current == seq) {
            self.committing = false;
            self.unsent = false;
            self.current = None;
            self.answered = seq;
            self.waits = true;
        }
    }

    pub fn tick(&mut self, now_ms: u64) {
        if self.current.is_some() && !self.committing && now_ms.saturating_sub(self.sent_ms) >= RESEND_MS {
            self.unsent = true;
        }
    }
}
