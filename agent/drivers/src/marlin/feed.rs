//! A file on its way to the line: read ahead in big pieces by a thread that may wait for the disk, cut into
//! commands by one that may not.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use tokio::sync::mpsc;

use super::gcode::{self, Modes};

/// Bytes of a piece, and pieces that are read ahead: seconds to minutes of printing.
const PIECE_BYTES: usize = 256 * 1024;
const PIECES_AHEAD: usize = 4;

/// A file's line that is longer is none.
const MAX_LINE_BYTES: usize = 64 * 1024;

/// Where commands of a file come from.
pub(super) trait Source {
    /// Puts the next command into the empty buffer.
    fn next(&mut self, command: &mut Vec<u8>) -> Next;
}

/// What a source has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// A command, and the file's bytes up to its end.
    Command {
        /// Bytes.
        upto: u64,
    },
    /// It is still being read.
    NotYet,
    /// No more.
    End,
}

type Piece = Result<Vec<u8>, String>;

/// What is read of a file.
#[derive(Debug, Default)]
pub(super) struct Feed {
    pieces: Option<mpsc::Receiver<Piece>>,
    piece: Vec<u8>,
    at: usize,
    /// A line that goes on in the next piece.
    begun: Vec<u8>,
    upto: u64,
    failure: Option<String>,
    /// The line waits for a piece.
    dry: bool,
    /// What the commands so far have set.
    pub modes: Modes,
}

impl Feed {
    /// Begins to read the file; returns how many bytes it has.
    pub(super) fn open(&mut self, path: &Path) -> io::Result<u64> {
        let mut file = File::open(path)?;
        let size = file.metadata()?.len();
        let (ahead, pieces) = mpsc::channel(PIECES_AHEAD);
        tokio::task::spawn_blocking(move || {
            loop {
                let piece = match read(&mut file) {
                    Ok(piece) if piece.is_empty() => return,
                    read => read.map_err(|error| error.to_string()),
                };
                let is_last = piece.is_err();
                if ahead.blocking_send(piece).is_err() || is_last {
                    return;
                }
            }
        });
        *self = Self { pieces: Some(pieces), ..Self::default() };
        Ok(size)
    }

    /// Gives the file up.
    pub(super) fn close(&mut self) {
        *self = Self { modes: self.modes, ..Self::default() };
    }

    /// Commands are wanted, and none are here yet.
    pub(super) const fn is_dry(&self) -> bool {
        self.dry
    }

    /// Waits for the next piece.
    pub(super) async fn refill(&mut self) {
        let Some(pieces) = &mut self.pieces else { return };
        let piece = pieces.recv().await;
        self.take(piece);
    }

    /// Why reading failed, once.
    pub(super) fn take_failure(&mut self) -> Option<String> {
        self.failure.take()
    }

    fn take(&mut self, piece: Option<Piece>) {
        self.dry = false;
        self.at = 0;
        self.piece.clear();
        match piece {
            Some(Ok(piece)) => self.piece = piece,
            Some(Err(why)) => self.failure = Some(why),
            None => self.pieces = None,
        }
    }

    /// Takes the line's command, if it has one for the board.
    fn has_command(&mut self, line: &[u8], command: &mut Vec<u8>) -> bool {
        let Some(text) = gcode::command(line) else { return false };
        self.modes.pass(text);
        command.extend_from_slice(text);
        true
    }

    /// Whether there is something in hand after looking for it.
    fn has_piece(&mut self) -> bool {
        if self.at < self.piece.len() {
            return true;
        }
        let Some(pieces) = &mut self.pieces else { return false };
        match pieces.try_recv() {
            Ok(piece) => self.take(Some(piece)),
            Err(mpsc::error::TryRecvError::Empty) => self.dry = true,
            Err(mpsc::error::TryRecvError::Disconnected) => self.take(None),
        }
        self.at < self.piece.len()
    }
}

impl Source for Feed {
    fn next(&mut self, command: &mut Vec<u8>) -> Next {
        loop {
            if self.failure.is_some() {
                return Next::NotYet;
            }
            if !self.has_piece() {
                if self.pieces.is_some() {
                    return Next::NotYet;
                }
                // The last line may end with the file.
                let last = std::mem::take(&mut self.begun);
                return if self.has_command(&last, command) { Next::Command { upto: self.upto } } else { Next::End };
            }
            let piece = std::mem::take(&mut self.piece);
            let rest = piece.get(self.at..).unwrap_or_default();
            let end = rest.iter().position(|byte| *byte == b'\n');
            let line = rest.get(..end.unwrap_or(rest.len())).unwrap_or_default();
            let taken = line.len() + usize::from(end.is_some());
            self.at += taken;
            self.upto += u64::try_from(taken).unwrap_or(0);
            let found = if end.is_some() && self.begun.is_empty() {
                self.has_command(line, command)
            } else {
                let room = MAX_LINE_BYTES.saturating_sub(self.begun.len());
                self.begun.extend_from_slice(&line[..line.len().min(room)]);
                let whole = if end.is_some() { std::mem::take(&mut self.begun) } else { Vec::new() };
                self.has_command(&whole, command)
            };
            self.piece = piece;
            if found {
                return Next::Command { upto: self.upto };
            }
        }
    }
}

/// The next piece; empty at the end.
fn read(file: &mut File) -> io::Result<Vec<u8>> {
    let mut piece = Vec::with_capacity(PIECE_BYTES);
    file.by_ref().take(u64::try_from(PIECE_BYTES).unwrap_or(0)).read_to_end(&mut piece)?;
    Ok(piece)
}
