//! The sender's side of one stream: what is read, sent and acknowledged. It holds at most one batch that waits for the wire; what is
//! on its way is remembered by its number alone and read again if it must be sent again.

use std::collections::VecDeque;

use serde::Serialize;

use crate::RESEND_MS;
use crate::frame::{Batch, Cursor, Frame, LARGEST_FRAME, NackCode, Numbered, Stream};

/// What a read gave: all facts above `after` and up to `to`. Facts of one number are never split.
#[derive(Debug, Clone, PartialEq)]
pub struct Page<T> {
    /// As asked.
    pub after: u64,
    /// Up to where the read is complete.
    pub to: u64,
    /// In the order of their numbers.
    pub items: Vec<T>,
}

/// A number whose facts fit into no frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unsendable(pub u64);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reset {
    Not,
    Due,
    Sent,
}

/// The sender's side of one stream.
#[derive(Debug)]
pub struct Feed<T> {
    stream: Stream,
    epoch: String,
    window: usize,
    head: u64,
    sent: u64,
    acked: u64,
    on_its_way: VecDeque<u64>,
    reading: Option<u64>,
    ready: Option<Batch<T>>,
    reset: Reset,
    progress_ms: u64,
}

impl<T: Numbered + Serialize> Feed<T> {
    /// A feed to a reader that is at `reader`. What is below `floor` is no longer complete, so a reader below it begins again.
    pub fn new(stream: Stream, epoch: &str, head: u64, floor: u64, reader: &Cursor, window: usize, now_ms: u64) -> Self {
        let follows = reader.epoch == epoch && reader.at <= head && reader.at >= floor;
        let at = if follows { reader.at } else { 0 };
        Self {
            stream,
            epoch: epoch.to_owned(),
            window,
            head,
            sent: at,
            acked: at,
            on_its_way: VecDeque::new(),
            reading: None,
            ready: None,
            reset: if follows { Reset::Not } else { Reset::Due },
            progress_ms: now_ms,
        }
    }

    /// There is more.
    pub fn head_moved(&mut self, head: u64) {
        self.head = self.head.max(head);
    }

    /// The place to read from, if there is something to read and room to send it.
    pub fn wants(&mut self) -> Option<u64> {
        let idle = self.reset == Reset::Not && self.reading.is_none() && self.ready.is_none();
        if !idle || self.sent >= self.head || self.on_its_way.len() >= self.window {
            return None;
        }
        self.reading = Some(self.sent);
        self.reading
    }

    /// Takes what was read, as much as fits into a frame.
    ///
    /// # Errors
    /// Not even the first number fits.
    pub fn read(&mut self, page: Page<T>, rows_head: u64) -> Result<(), Unsendable> {
        if self.reading != Some(page.after) {
            return Ok(());
        }
        self.reading = None;
        if page.after != self.sent || self.reset != Reset::Not || self.ready.is_some() {
            return Ok(());
        }
        if page.to <= page.after {
            // Nothing there after all: wait until the head moves, do not ask in a circle.
            self.head = self.sent;
            return Ok(());
        }
        let (items, to) = cut(page)?;
        self.ready = Some(Batch { epoch: self.epoch.clone(), from: self.sent, to, rows_head, items });
        Ok(())
    }

    /// The reset to send, if one is due.
    pub fn take_reset(&mut self, now_ms: u64) -> Option<Frame> {
        (self.reset == Reset::Due).then(|| {
            self.reset = Reset::Sent;
            self.progress_ms = now_ms;
            Frame::Reset { stream: self.stream, epoch: self.epoch.clone(), head: self.head }
        })
    }

    /// The batch to send, if one waits.
    pub fn take_batch(&mut self, now_ms: u64) -> Option<Batch<T>> {
        let batch = self.ready.take()?;
        if self.on_its_way.is_empty() {
            self.progress_ms = now_ms;
        }
        self.sent = batch.to;
        self.on_its_way.push_back(batch.to);
        Some(batch)
    }

    /// Whether all that there is has been sent.
    pub fn is_told(&self) -> bool {
        self.reset == Reset::Not && self.ready.is_none() && self.sent >= self.head
    }

    /// Whether something waits for the wire.
    pub fn has_something(&self) -> bool {
        self.reset == Reset::Due || self.ready.is_some()
    }

    /// The reader has everything up to here. Whether that is news.
    pub fn acked(&mut self, at: u64, now_ms: u64) -> bool {
        if self.reset == Reset::Due || at > self.head {
            return false;
        }
        if self.reset == Reset::Sent {
            self.reset = Reset::Not;
            self.progress_ms = now_ms;
        }
        if at <= self.acked {
            return false;
        }
        self.acked = at;
        self.progress_ms = now_ms;
        self.on_its_way.retain(|to| *to > at);
        if at > self.sent {
            self.rewind(at);
        }
        true
    }

    /// The reader could not take a batch.
    pub fn nacked(&mut self, at: u64, code: NackCode, now_ms: u64) {
        match code {
            NackCode::Gap if at >= self.acked && at < self.sent => self.rewind(at),
            NackCode::Gap => {}
            NackCode::Epoch => self.begin_again(),
        }
        self.progress_ms = now_ms;
    }

    /// What got no answer for too long goes again.
    pub fn tick(&mut self, now_ms: u64) {
        let waits = !self.on_its_way.is_empty() || self.reset == Reset::Sent;
        if !waits || now_ms.saturating_sub(self.progress_ms) < RESEND_MS {
            return;
        }
        self.progress_ms = now_ms;
        if self.reset == Reset::Sent {
            self.reset = Reset::Due;
        } else {
            self.rewind(self.acked);
        }
    }

    fn rewind(&mut self, at: u64) {
        self.sent = at;
        self.ready = None;
        self.on_its_way.retain(|to| *to <= at);
    }

    fn begin_again(&mut self) {
        if self.reset == Reset::Not {
            self.acked = 0;
            self.rewind(0);
            self.reset = Reset::Due;
        }
    }
}

/// The items that fit, and up to where they are complete.
fn cut<T: Numbered + Serialize>(page: Page<T>) -> Result<(Vec<T>, u64), Unsendable> {
    // The frame around the items: type, epoch, numbers.
    const ROOM: usize = LARGEST_FRAME - 1024;
    let mut bytes = 0;
    let mut fits = 0;
    for (index, item) in page.items.iter().enumerate() {
        bytes += serde_json::to_string(item).map_or(usize::MAX / 2, |text| text.len() + 1);
        if bytes > ROOM {
            break;
        }
        let ends_a_number = page.items.get(index + 1).is_none_or(|next| next.place() != item.place());
        if ends_a_number {
            fits = index + 1;
        }
    }
    if fits == page.items.len() {
        return Ok((page.items, page.to));
    }
    let Some(to) = fits.checked_sub(1).and_then(|last| page.items.get(last)).map(Numbered::place) else {
        return Err(Unsendable(page.items.first().map_or(page.to, Numbered::place)));
    };
    let mut items = page.items;
    items.truncate(fits);
    Ok((items, to))
}
