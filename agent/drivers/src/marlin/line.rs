//! The line to the board without io: numbers and check sums, how much may be on its way, what is sent again,
//! and what to do about an `ok` that got lost. It knows nothing of prints; a file is a source of commands.
//!
//! What makes it exact is the board: it takes a line only if its number follows that of the last one. So to
//! send a line again never does it twice, and every doubt is settled by doing just that.

use std::collections::VecDeque;

use domain::time::Timestamp;

use super::feed::{Next, Source};
use super::frame::frame;
use super::wire::{Busy, Said, Taken};

/// Lines that are kept to be sent again.
const KEPT: usize = 64;

/// A board that wants so much older a line than it should has forgotten where it was.
const LOOKS_BACK: u32 = 8;

/// Bytes that may be on their way together: the receive buffer of a board is 128.
const BYTES_ON_THE_WAY: usize = 127;

/// Lines that may be on their way together at most, whatever a board promises.
const LINES_ON_THE_WAY: u32 = 16;

/// After a line was refused, the answers to those behind it come within this.
const SETTLES_MS: i64 = 100;

/// A command without a sign for so long: its `ok` is lost. Boards that say `busy` do so every two seconds.
const PATIENCE_MS: i64 = 15_000;
const PATIENCE_WITH_BUSY_MS: i64 = 5_000;

/// A board that has nothing to do says so a second after its last command.
const IDLE_MS: i64 = 1_000;

/// What became of something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Event {
    /// The board took the first line: numbers agree.
    Ready,
    /// It did that command, or took that move.
    Done(u64),
    /// It took the last line of the file.
    Drained,
    /// It lost its memory: whatever was under way is gone.
    Restarted(String),
}

/// The line.
#[derive(Debug, Default)]
pub(super) struct Line {
    /// The number of the next new line.
    next: u32,
    /// The newest lines, up to `next`.
    sent: VecDeque<Sent>,
    /// The first line that was not taken yet.
    open: u32,
    /// The first line that has to be sent, again or for the first time: those from `open` are on their way.
    cursor: u32,
    /// Bytes on their way.
    bytes: usize,
    /// Lines without a number on their way.
    raw: u32,
    /// Room that the board told of; none: one line at a time.
    room: Option<u32>,
    /// Until that line is taken, one at a time.
    careful_until: Option<u32>,
    settling: Option<Settling>,
    /// The oldest line was sent again in doubt.
    doubting: bool,
    says_busy: bool,
    is_up: bool,
    commands: VecDeque<(u64, String)>,
    feeding: bool,
    fed: Option<Fed>,
    /// When the flow last moved.
    moved_at: Option<Timestamp>,
    acked: u64,
    buffer: Vec<u8>,
    pub counts: Counts,
}

/// What was counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Counts {
    /// Lines that the board wanted again.
    pub resends: u64,
    /// Answers that got lost.
    pub doubts: u64,
}

#[derive(Debug)]
struct Sent {
    wire: Vec<u8>,
    what: What,
}

#[derive(Debug, Clone, Copy)]
enum What {
    Hello,
    Command(u64),
    OfFile { upto: u64 },
}

#[derive(Debug)]
struct Settling {
    /// An `ok` follows each wish to have a line again.
    oks: u32,
    /// Lines behind the refused one, each of which will be refused too.
    stale: u32,
    since: Timestamp,
}

/// How far a file is.
#[derive(Debug, Clone, Copy)]
enum Fed {
    Under { last: Option<u32> },
    Whole { last: Option<u32> },
}

impl Line {
    /// Begins anew: numbers agree when this is taken.
    pub(super) fn hello(&mut self, now: Timestamp, out: &mut Vec<u8>) {
        let counts = self.counts;
        *self = Self { is_up: true, counts, ..Self::default() };
        // Ends what another host may have left half said.
        out.push(b'\n');
        self.put(b"M110 N0", What::Hello);
        self.moved_at = Some(now);
    }

    /// A command, before what is left of the file.
    pub(super) fn command(&mut self, id: u64, text: String) {
        self.commands.push_back((id, text));
    }

    /// A command that a board with an emergency parser does at once, whatever else it does.
    pub(super) fn urgent(&mut self, text: &str, out: &mut Vec<u8>) {
        if self.is_up {
            self.raw += 1;
            out.extend_from_slice(text.as_bytes());
            out.push(b'\n');
        }
    }

    /// A file begins.
    pub(super) fn begin(&mut self) {
        self.fed = Some(Fed::Under { last: None });
        self.feeding = true;
        self.acked = 0;
    }

    /// The file's commands are taken from the source, or not.
    pub(super) fn feed(&mut self, feeding: bool) {
        self.feeding = feeding;
    }

    /// There is no file any more.
    pub(super) fn forget_file(&mut self) {
        self.fed = None;
        self.feeding = false;
    }

    /// Nothing is on this line.
    pub(super) fn close(&mut self) {
        *self = Self { counts: self.counts, ..Self::default() };
    }

    /// Bytes of the file whose commands were taken.
    pub(super) const fn acked(&self) -> u64 {
        self.acked
    }

    /// Something is on its way, or time has to pass.
    pub(super) fn is_working(&self) -> bool {
        self.is_up && (self.on_the_way() > 0 || self.raw > 0 || self.settling.is_some())
    }

    fn on_the_way(&self) -> u32 {
        self.cursor - self.open
    }

    /// Takes what the board said.
    pub(super) fn hear(&mut self, now: Timestamp, said: Said, events: &mut Vec<Event>) {
        if !self.is_up {
            return;
        }
        match said {
            Said::Ok(taken) => {
                self.moved_at = Some(now);
                self.ok(taken, events);
            }
            Said::Resend(number) => {
                self.moved_at = Some(now);
                self.resend(now, number, events);
            }
            Said::Busy(busy) => {
                self.says_busy |= busy == Busy::Working;
                self.moved_at = Some(now);
            }
            Said::Wait => {
                if self.moved_at.is_some_and(|moved| now.millis_since(moved) >= IDLE_MS) {
                    self.doubt(now);
                }
            }
            Said::Start => self.restarted("the board came up anew".to_owned(), events),
            Said::Halted => {
                self.is_up = false;
                self.forget_file();
            }
            Said::Other => {}
        }
        self.look_for_end(events);
    }

    /// Time has passed.
    pub(super) fn tick(&mut self, now: Timestamp) {
        if !self.is_up {
            return;
        }
        let quiet = self.moved_at.map_or(0, |moved| now.millis_since(moved));
        if let Some(settling) = &self.settling
            && quiet.min(now.millis_since(settling.since)) >= SETTLES_MS
        {
            self.settling = None;
        }
        let patience = if self.says_busy { PATIENCE_WITH_BUSY_MS } else { PATIENCE_MS };
        if quiet >= patience {
            self.doubt(now);
        }
    }

    /// Puts on the way what may go.
    pub(super) fn fill(&mut self, now: Timestamp, source: &mut impl Source, out: &mut Vec<u8>, events: &mut Vec<Event>) {
        while self.is_up && self.settling.is_none() && (self.cursor < self.next || self.make_next(source)) && self.may_go() {
            let wire = &self.sent[self.place(self.cursor)].wire;
            out.extend_from_slice(wire);
            self.bytes += wire.len();
            self.cursor += 1;
            if self.on_the_way() == 1 {
                self.moved_at = Some(now);
            }
        }
        self.look_for_end(events);
    }

    fn place(&self, number: u32) -> usize {
        let from_the_end = usize::try_from(self.next - number).unwrap_or(usize::MAX);
        self.sent.len().saturating_sub(from_the_end)
    }

    fn may_go(&self) -> bool {
        let lines = match self.room {
            Some(room) if self.careful_until.is_none() => room,
            Some(_) | None => 1,
        };
        let length = self.sent[self.place(self.cursor)].wire.len();
        self.on_the_way() < lines && (self.on_the_way() == 0 || self.bytes + length <= BYTES_ON_THE_WAY)
    }

    /// Makes the next line, if there is something to say.
    fn make_next(&mut self, source: &mut impl Source) -> bool {
        // What would wait for its turn is not taken from the file yet: a pause takes hold at once.
        if self.open == 0 && self.next > 0 || self.next - self.open >= self.room.unwrap_or(1) {
            return false;
        }
        if let Some((id, text)) = self.commands.pop_front() {
            self.put(text.as_bytes(), What::Command(id));
            return true;
        }
        let Some(Fed::Under { last }) = self.fed.filter(|_| self.feeding) else { return false };
        let mut buffer = std::mem::take(&mut self.buffer);
        buffer.clear();
        let next = source.next(&mut buffer);
        match next {
            Next::Command { upto } => {
                self.fed = Some(Fed::Under { last: Some(self.next) });
                self.put(&buffer, What::OfFile { upto });
            }
            Next::NotYet => {}
            Next::End => self.fed = Some(Fed::Whole { last }),
        }
        self.buffer = buffer;
        matches!(next, Next::Command { .. })
    }

    fn put(&mut self, command: &[u8], what: What) {
        let mut wire =
            if self.sent.len() >= KEPT { self.sent.pop_front().map(|old| old.wire).unwrap_or_default() } else { Vec::new() };
        wire.clear();
        frame(self.next, command, &mut wire);
        self.sent.push_back(Sent { wire, what });
        self.next += 1;
    }

    fn ok(&mut self, taken: Taken, events: &mut Vec<Event>) {
        if let Some(room) = taken.room {
            self.room = Some(self.room.unwrap_or(1).max(room.clamp(1, LINES_ON_THE_WAY)));
        }
        match taken.number {
            Some(number) if number >= self.open && number < self.next => self.take_upto(number, events),
            // Of a line from before: nothing new.
            Some(_) => {}
            None => self.bare_ok(taken, events),
        }
        self.settle();
    }

    fn bare_ok(&mut self, taken: Taken, events: &mut Vec<Event>) {
        if let Some(settling) = self.settling.as_mut().filter(|settling| settling.oks > 0 && !taken.reports) {
            settling.oks -= 1;
        } else if self.raw > 0 && !taken.reports {
            self.raw -= 1;
        } else if self.on_the_way() > 0 {
            self.take_upto(self.open, events);
        }
    }

    fn take_upto(&mut self, number: u32, events: &mut Vec<Event>) {
        while self.open <= number {
            let Some(sent) = self.sent.get(self.place(self.open)) else { break };
            if self.open < self.cursor {
                self.bytes -= sent.wire.len();
            }
            match sent.what {
                What::Hello => events.push(Event::Ready),
                What::Command(id) => events.push(Event::Done(id)),
                What::OfFile { upto } => self.acked = upto,
            }
            self.open += 1;
        }
        // It may have been taken although the board wanted it again.
        self.cursor = self.cursor.max(self.open);
        self.doubting = false;
        self.careful_until = self.careful_until.filter(|until| *until >= self.open);
    }

    fn resend(&mut self, now: Timestamp, number: u32, events: &mut Vec<Event>) {
        self.counts.resends += 1;
        let oldest = self.next - u32::try_from(self.sent.len()).unwrap_or(0);
        if number > self.next {
            return; // Garbled: that line was never there.
        }
        if number < oldest || number.saturating_add(LOOKS_BACK) < self.open {
            let words = format!("the board wants line {number} again, long after it took it: it has come up anew");
            return self.restarted(words, events);
        }
        // What stands before it was taken; where room is told, its own `ok` still comes, unless it got lost.
        if number > self.open && (self.room.is_none() || self.doubting) {
            self.take_upto(number - 1, events);
        }
        self.doubting = false;
        let behind = self.cursor.saturating_sub(self.open.max(number + 1));
        self.open = self.open.min(number);
        self.cursor = number;
        self.bytes = (self.open..self.cursor).map(|line| self.sent[self.place(line)].wire.len()).sum();
        self.careful_until = Some(number).filter(|_| number < self.next);
        match &mut self.settling {
            Some(settling) => {
                settling.oks += 1;
                settling.stale = settling.stale.saturating_sub(1);
            }
            None => self.settling = Some(Settling { oks: 1, stale: behind, since: now }),
        }
    }

    /// Goes on when all that was on its way was answered.
    fn settle(&mut self) {
        self.settling.take_if(|settling| settling.oks == 0 && settling.stale == 0);
    }

    /// Was it taken, and the answer lost, or was it lost itself? The board knows when it gets it again.
    fn doubt(&mut self, now: Timestamp) {
        if self.on_the_way() > 0 {
            self.counts.doubts += 1;
            self.cursor = self.open;
            self.bytes = 0;
            self.careful_until = Some(self.open);
            self.doubting = true;
        }
        self.raw = 0;
        self.settling = None;
        self.moved_at = Some(now);
    }

    fn restarted(&mut self, words: String, events: &mut Vec<Event>) {
        self.close();
        events.push(Event::Restarted(words));
    }

    fn look_for_end(&mut self, events: &mut Vec<Event>) {
        if let Some(Fed::Whole { last }) = self.fed
            && last.is_none_or(|last| last < self.open)
        {
            self.forget_file();
            events.push(Event::Drained);
        }
    }
}
