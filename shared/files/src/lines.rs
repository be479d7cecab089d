//! Cuts a stream into lines. Keeps at most the beginning of one line, so that a file without line ends
//! costs no more than any other.

/// So much of a line is kept; what is longer is a slicer's settings or an attack.
pub(crate) const KEPT: usize = 8192;

/// One line without its end.
pub(crate) struct Line<'a> {
    /// At most [`KEPT`] bytes.
    pub(crate) text: &'a [u8],
    /// Counted from 1.
    pub(crate) number: u64,
    /// Where it begins in the file.
    pub(crate) offset: u64,
    /// Whether it is longer than what was kept.
    pub(crate) cut: bool,
    /// Whether there is a NUL byte anywhere in it.
    pub(crate) nul: bool,
}

#[derive(Default)]
pub(crate) struct Lines {
    begun: Vec<u8>,
    begun_length: u64,
    begun_nul: bool,
    number: u64,
    offset: u64,
}

impl Lines {
    /// Gives every line that these bytes complete.
    pub(crate) fn feed(&mut self, mut bytes: &[u8], mut each: impl FnMut(Line<'_>)) {
        // Once for all: there is almost never one.
        let nul = bytes.contains(&0);
        while let Some(end) = bytes.iter().position(|byte| *byte == b'\n') {
            let line = &bytes[..end];
            bytes = &bytes[end + 1..];
            if self.begun_length == 0 {
                self.number += 1;
                each(Line {
                    text: &line[..line.len().min(KEPT)],
                    number: self.number,
                    offset: self.offset,
                    cut: line.len() > KEPT,
                    nul: nul && line.contains(&0),
                });
                self.offset += line.len() as u64 + 1;
            } else {
                self.begin(line);
                self.complete(&mut each);
                self.offset += 1;
            }
        }
        self.begin(bytes);
    }

    /// Gives the last line, if the file does not end with a line end.
    pub(crate) fn finish(&mut self, mut each: impl FnMut(Line<'_>)) {
        if self.begun_length > 0 {
            self.complete(&mut each);
        }
    }

    fn begin(&mut self, part: &[u8]) {
        let room = KEPT - self.begun.len();
        self.begun.extend_from_slice(&part[..part.len().min(room)]);
        self.begun_length += part.len() as u64;
        self.begun_nul |= part.contains(&0);
    }

    fn complete(&mut self, each: &mut impl FnMut(Line<'_>)) {
        self.number += 1;
        each(Line {
            text: &self.begun,
            number: self.number,
            offset: self.offset,
            cut: self.begun_length > KEPT as u64,
            nul: self.begun_nul,
        });
        self.offset += self.begun_length;
        self.begun.clear();
        self.begun_length = 0;
        self.begun_nul = false;
    }
}
