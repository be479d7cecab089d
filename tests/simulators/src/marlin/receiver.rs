//! From bytes to commands, as Marlin's `queue.cpp` does it: a receive buffer, a check of number and sum, and the words for what is
//! not right.

use super::settings::Faults;

/// Bytes that wait to be read.
const BUFFER: usize = 128;

/// Bytes of a line; what is longer is cut off, and its sum with it.
const LONGEST: usize = 95;

/// A command that was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Command {
    pub number: Option<i64>,
    pub text: String,
}

/// What became of a line.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Read {
    Taken(Command),
    /// Refused, in these words; that line is wanted next.
    Refused {
        words: String,
        wanted: i64,
    },
}

#[derive(Debug, Default)]
pub(super) struct Receiver {
    buffer: Vec<u8>,
    last: i64,
    /// What the emergency parser reads along.
    along: Vec<u8>,
    seen: u64,
    pub overflown: u64,
}

impl Receiver {
    /// A byte came. At the end of a line: the code that an emergency parser would see in it.
    pub(super) fn push(&mut self, byte: u8) -> Option<String> {
        if self.buffer.len() < BUFFER {
            self.buffer.push(byte);
        } else {
            self.overflown += 1;
        }
        if byte != b'\n' {
            self.along.push(byte);
            return None;
        }
        let line = String::from_utf8_lossy(&std::mem::take(&mut self.along)).into_owned();
        let text = line.trim_start();
        let text = match text.strip_prefix('N') {
            Some(rest) => rest.trim_start_matches(is_of_number).trim_start(),
            None => text,
        };
        Some(text.split('*').next().unwrap_or_default().trim().to_owned())
    }

    /// The next whole line, if one is there.
    pub(super) fn next(&mut self, faults: &Faults) -> Option<Read> {
        loop {
            let end = self.buffer.iter().position(|byte| *byte == b'\n')?;
            let rest = self.buffer.split_off(end + 1);
            let mut line = std::mem::replace(&mut self.buffer, rest);
            line.pop();
            if line.len() > LONGEST {
                line.truncate(LONGEST);
            }
            let mut text = String::from_utf8_lossy(&line).trim().to_owned();
            if text.is_empty() {
                continue;
            }
            self.seen += 1;
            let is_due = |every: Option<u64>| every.is_some_and(|every| self.seen.is_multiple_of(every));
            if is_due(faults.lose_every) {
                continue;
            }
            if is_due(faults.garble_every) {
                text = text.replacen(' ', "!", 1);
            }
            return Some(self.judge(&text));
        }
    }

    fn judge(&mut self, text: &str) -> Read {
        let Some(numbered) = text.strip_prefix('N') else {
            let command = text.split('*').next().unwrap_or_default().trim().to_owned();
            return Read::Taken(Command { number: None, text: command });
        };
        // Whatever stands behind an M110 in the line is its number.
        let resets = text.find("M110").and_then(|at| text[at..].find('N').map(|n| &text[at + n + 1..]));
        let number = digits(resets.unwrap_or(numbered));
        if number != self.last + 1 && !text.contains("M110") {
            return self.refuse("Line Number is not Last Line Number+1");
        }
        let Some((checked, sum)) = text.rsplit_once('*') else { return self.refuse("No Checksum with line number") };
        if checked.bytes().fold(0, |sum, byte| sum ^ i64::from(byte)) != digits(sum) {
            return self.refuse("checksum mismatch");
        }
        self.last = number;
        let text = checked[1..].trim_start_matches(is_of_number).trim().to_owned();
        Read::Taken(Command { number: Some(number), text })
    }

    /// What waits in the buffer is thrown away with it.
    fn refuse(&mut self, words: &str) -> Read {
        self.buffer.clear();
        Read::Refused { words: format!("{words}, Last Line: {}", self.last), wanted: self.last + 1 }
    }
}

/// Some hosts begin at minus one, so that the first line is number nought.
fn is_of_number(letter: char) -> bool {
    letter.is_ascii_digit() || letter == '-'
}

fn digits(text: &str) -> i64 {
    let end = text.find(|letter| !is_of_number(letter)).unwrap_or(text.len());
    text[..end].parse().unwrap_or(0)
}
