//! What a line of a file is for the board: its command without what the board does not need, whether it may be
//! passed on at all, and what it changes that a pause has to put back.

/// The most bytes of a line on the wire, its number and check sum with it: Marlin's own limit.
pub(super) const MAX_WIRE_BYTES: usize = 95;

/// What a line's number and check sum take of that: `N1234567 ` and `*255`.
const FRAME_BYTES: usize = 13;

/// The most bytes of a command.
pub(super) const MAX_COMMAND_BYTES: usize = MAX_WIRE_BYTES - FRAME_BYTES;

/// The command of a file's line; none if nothing of it is for the board.
pub(super) fn command(line: &[u8]) -> Option<&[u8]> {
    let end = line.iter().position(|byte| *byte == b';').unwrap_or(line.len());
    let command = line[..end].trim_ascii();
    let command = if is_numbered(command) { unnumbered(command) } else { command };
    let first = command.first()?;
    if !first.is_ascii_alphabetic() || !may_pass(command) {
        return None;
    }
    // Only words for the display may be long, and they may be cut.
    let long = command.len() > MAX_COMMAND_BYTES && is_text(command);
    Some(if long { &command[..MAX_COMMAND_BYTES] } else { command })
}

fn is_numbered(command: &[u8]) -> bool {
    matches!(command, [b'N' | b'n', b'0'..=b'9', ..])
}

/// A file that was made for a line: it numbers and checks for itself, which is ours to do.
fn unnumbered(command: &[u8]) -> &[u8] {
    let begin = 1 + command[1..].iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(command.len() - 1);
    let command = command[begin..].trim_ascii();
    match command.iter().rposition(|byte| *byte == b'*') {
        Some(star) if command[star + 1..].iter().all(u8::is_ascii_digit) => command[..star].trim_ascii(),
        Some(_) | None => command,
    }
}

/// Letter and number of a command: `G`, 28.
pub(super) fn code(command: &[u8]) -> (u8, u32) {
    let letter = command.first().copied().unwrap_or_default().to_ascii_uppercase();
    let digits = command.iter().skip(1).take_while(|byte| byte.is_ascii_digit()).take(6);
    (letter, digits.fold(0, |number, digit| number * 10 + u32::from(digit - b'0')))
}

/// Not passed on: what belongs to the line itself (numbers, answers to it), what would end waiting or kill the
/// board, start or write other prints, replace the firmware. A board that finds `M110` anywhere in a line takes
/// its numbers from there.
fn may_pass(command: &[u8]) -> bool {
    if command.windows(4).any(|part| part.eq_ignore_ascii_case(b"M110")) {
        return false;
    }
    match code(command) {
        (b'M', 20..=30 | 32 | 33 | 108 | 112 | 115 | 154 | 155 | 410 | 524 | 876 | 928 | 997 | 999) => false,
        // Its words come back over the line; they must not read as an answer.
        (b'M', 118) => [&b" E1"[..], b" A1", b" //"].iter().any(|safe| command[4..].starts_with(safe)),
        (b'G' | b'M' | b'T', _) => true,
        (_, _) => false,
    }
}

fn is_text(command: &[u8]) -> bool {
    matches!(code(command), (b'M', 117 | 118))
}

/// The number behind a letter of a command.
fn word(command: &[u8], letter: u8) -> Option<f64> {
    let at = command.iter().skip(1).position(|byte| byte.eq_ignore_ascii_case(&letter))? + 2;
    let rest = &command[at..];
    let end = rest.iter().position(|byte| !matches!(byte, b'0'..=b'9' | b'.' | b'-' | b'+')).unwrap_or(rest.len());
    number(std::str::from_utf8(&rest[..end]).ok()?)
}

/// A number that is one.
pub(super) fn number(text: &str) -> Option<f64> {
    text.trim().parse().ok().filter(|number: &f64| number.is_finite())
}

/// What commands leave behind for those after them.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Modes {
    /// Places are counted from the last one.
    pub relative: bool,
    /// Filament is.
    pub relative_e: bool,
    /// Lengths are inches.
    pub inches: bool,
    /// The speed.
    pub feedrate: Option<f64>,
    /// The machine was told to find its zero.
    pub homed: bool,
    /// Filament was laid.
    pub extruded: bool,
    /// Minutes that are left, as the file says.
    pub minutes_left: Option<f64>,
}

impl Modes {
    /// Takes note of a command.
    pub(super) fn pass(&mut self, command: &[u8]) {
        match code(command) {
            (b'G', 0..=3) => {
                if let Some(feedrate) = word(command, b'F') {
                    self.feedrate = Some(feedrate);
                }
                self.extruded |= self.homed && word(command, b'E').is_some() && word(command, b'X').is_some();
            }
            (b'G', 20) => self.inches = true,
            (b'G', 21) => self.inches = false,
            (b'G', 28) => self.homed = true,
            (b'G', 90) => (self.relative, self.relative_e) = (false, false),
            (b'G', 91) => (self.relative, self.relative_e) = (true, true),
            (b'M', 82) => self.relative_e = false,
            (b'M', 83) => self.relative_e = true,
            (b'M', 73) => self.minutes_left = word(command, b'R').or(self.minutes_left),
            (_, _) => {}
        }
    }
}

/// What was found when a whole file was looked through.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Look {
    /// Commands for the board.
    pub commands: u64,
    /// The first line whose command is longer than a board takes.
    pub too_long_at: Option<u64>,
    /// It is no text.
    pub is_binary: bool,
    /// It tells the display itself how far it is.
    pub tells_progress: bool,
    /// Lines so far.
    pub lines: u64,
}

impl Look {
    /// Takes note of the next line of the file.
    pub(super) fn pass(&mut self, line: &[u8]) {
        self.lines += 1;
        self.is_binary |= line.contains(&0);
        let Some(command) = command(line) else { return };
        self.commands += 1;
        if command.len() > MAX_COMMAND_BYTES {
            self.too_long_at.get_or_insert(self.lines);
        }
        self.tells_progress |= matches!(code(command), (b'M', 73 | 117));
    }
}
