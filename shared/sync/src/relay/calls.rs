//! The calls of a session that somebody waits for. None is sent twice, and none of them outlives the session.

use std::collections::BTreeMap;

use contract::forward::Forwarded;

use super::End;
use crate::frame::Frame;

/// Calls that wait or are on their way at the most: more callers than that are told at once.
const MOST: usize = 1024;

#[derive(Debug)]
struct Unsent {
    call: Forwarded,
    deadline_ms: u64,
}

/// Calls that are to be sent, and those whose answer is awaited.
#[derive(Debug, Default)]
pub struct Calls {
    unsent: Vec<Unsent>,
    sent: u64,
    outstanding: BTreeMap<String, u64>,
}

impl Calls {
    /// Takes a call; gives it back if there are too many.
    pub fn push(&mut self, call: Forwarded, deadline_ms: u64) -> Result<(), Forwarded> {
        if self.unsent.len() + self.outstanding.len() >= MOST {
            return Err(call);
        }
        self.unsent.push(Unsent { call, deadline_ms });
        Ok(())
    }

    pub fn is_unsent(&self) -> bool {
        !self.unsent.is_empty()
    }

    /// All that wait, as frames.
    pub fn take(&mut self, now_ms: u64) -> Vec<Frame> {
        let frame = |Unsent { call, deadline_ms }| {
            self.sent += 1;
            self.outstanding.insert(call.id.clone(), deadline_ms);
            Frame::Call { n: self.sent, ttl_ms: deadline_ms.saturating_sub(now_ms), sent_ms: now_ms, call }
        };
        std::mem::take(&mut self.unsent).into_iter().map(frame).collect()
    }

    /// Whether somebody waited for this answer.
    pub fn answered(&mut self, id: &str) -> bool {
        self.outstanding.remove(id).is_some()
    }

    /// Callers whose time ran out, whether the call was sent or not.
    pub fn expired(&mut self, now_ms: u64) -> Vec<(String, End)> {
        let unsent = self.unsent.extract_if(.., |call| now_ms >= call.deadline_ms).map(|call| (call.call.id, End::FarmOffline));
        let mut ended: Vec<_> = unsent.collect();
        let outstanding = self.outstanding.extract_if(.., |_, deadline_ms| now_ms >= *deadline_ms);
        ended.extend(outstanding.map(|(id, _)| (id, End::NoAnswer)));
        ended
    }

    /// The session ends: every caller is told what is known.
    pub fn end(&mut self) -> Vec<(String, End)> {
        let unsent = std::mem::take(&mut self.unsent).into_iter().map(|unsent| (unsent.call.id, End::FarmOffline));
        let outstanding = std::mem::take(&mut self.outstanding).into_keys().map(|id| (id, End::NoAnswer));
        unsent.chain(outstanding).collect()
    }
}
