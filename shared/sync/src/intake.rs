//! The receiver's side of one stream. A batch is taken if it is of the same log and joins what is there; it is acknowledged when the
//! shell says that it is durable, not before. At most a window of batches is held, and one is given to the shell at a time.

use std::collections::VecDeque;

use crate::frame::{Batch, Cursor, NackCode, Numbered};

/// What a reader knows of a stream from before.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Known {
    /// How far it is.
    pub cursor: Cursor,
    /// A new generation was begun and is to be swept when the feed has reached this.
    pub sweep_at: Option<u64>,
}

/// What to say to a batch or a reset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is held, or known: say nothing now.
    Quiet,
    /// It is durable since before: say so again.
    AckAgain(u64),
    /// It cannot be taken.
    Nack(u64, NackCode),
    /// A reset was taken: begin a new generation.
    Begin,
}

/// The receiver's side of one stream.
#[derive(Debug)]
pub struct Intake<T> {
    epoch: String,
    at: u64,
    taken: u64,
    sweep_at: Option<u64>,
    whole: bool,
    queue: VecDeque<Batch<T>>,
    applying: Option<(u64, bool)>,
    window: usize,
    nacked: Option<u64>,
    begun: bool,
    resetting: bool,
}

impl<T: Numbered> Intake<T> {
    /// Goes on from what is known. `head` is where the sender's feed ends, if that is known too.
    pub fn new(known: &Known, head: Option<&Cursor>, window: usize) -> Self {
        let Cursor { epoch, at } = known.cursor.clone();
        let whole = head.is_some_and(|head| head.epoch == epoch && at >= head.at);
        Self {
            epoch,
            at,
            taken: at,
            sweep_at: known.sweep_at,
            whole,
            queue: VecDeque::new(),
            applying: None,
            window,
            nacked: None,
            begun: false,
            resetting: false,
        }
    }

    /// The log that is followed.
    pub fn epoch(&self) -> &str {
        &self.epoch
    }

    /// Whether the copy is whole as of a moment at which the sender's head was at least `head`. The place alone does not say so: a row
    /// that changed again before it was read comes with its later number.
    pub fn whole_at(&self, head: u64) -> bool {
        self.whole && !self.resetting && self.at >= head
    }

    /// Whether everything that came is durable.
    pub fn is_settled(&self) -> bool {
        !self.resetting && self.held() == 0
    }

    /// Batches that are held in memory.
    pub fn held(&self) -> usize {
        self.queue.len() + usize::from(self.applying.is_some())
    }

    /// A batch came.
    pub fn batch(&mut self, mut batch: Batch<T>) -> Verdict {
        if self.resetting {
            return Verdict::Quiet;
        }
        if batch.epoch != self.epoch {
            return Verdict::Nack(self.at, NackCode::Epoch);
        }
        if batch.to <= self.at {
            return Verdict::AckAgain(self.at);
        }
        if batch.to <= self.taken || self.held() >= self.window {
            return Verdict::Quiet;
        }
        if batch.from > self.taken {
            // Once is enough: each batch behind the gap would send the sender back again.
            if self.nacked.replace(self.taken) == Some(self.taken) {
                return Verdict::Quiet;
            }
            return Verdict::Nack(self.taken, NackCode::Gap);
        }
        batch.items.retain(|item| item.place() > self.taken);
        batch.from = self.taken;
        self.taken = batch.to;
        self.nacked = None;
        self.begun = true;
        self.queue.push_back(batch);
        Verdict::Quiet
    }

    /// A reset came. It counts once in a session, before anything else of the stream: a double must not throw away what came since.
    pub fn reset(&mut self, epoch: &str, head: u64) -> Verdict {
        if self.begun {
            return if self.resetting { Verdict::Quiet } else { Verdict::AckAgain(self.at) };
        }
        self.begun = true;
        self.resetting = true;
        epoch.clone_into(&mut self.epoch);
        self.at = 0;
        self.taken = 0;
        self.sweep_at = Some(head);
        self.whole = head == 0;
        Verdict::Begin
    }

    /// The next batch for the shell, if it may be given out.
    pub fn next(&mut self, may: impl FnOnce(&Batch<T>) -> bool) -> Option<Batch<T>> {
        if self.resetting || self.applying.is_some() || !self.queue.front().is_some_and(may) {
            return None;
        }
        let batch = self.queue.pop_front()?;
        self.applying = Some((batch.to, batch.to >= batch.rows_head));
        Some(batch)
    }

    /// The shell says that it is durable. Whether that was awaited, so that it is to be acknowledged.
    pub fn committed(&mut self, at: u64) -> bool {
        if self.resetting && at == 0 {
            self.resetting = false;
            return true;
        }
        match self.applying {
            Some((to, whole)) if to == at => {
                self.applying = None;
                self.at = at;
                self.whole = whole;
                true
            }
            Some(_) | None => false,
        }
    }

    /// Whether the old generation may go now. True once.
    pub fn sweep_due(&mut self) -> bool {
        let due = self.sweep_at.is_some_and(|sweep_at| self.whole_at(sweep_at));
        if due {
            self.sweep_at = None;
        }
        due
    }
}
