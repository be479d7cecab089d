//! What a line from the board means. Boards send bytes that are no text, cut lines and many dialects: what is
//! not understood is passed over, and nothing here can fail.

use domain::telemetry::Temperature;

use super::gcode::number;

/// The most bytes of a line that are looked at; what is longer is noise.
pub(super) const MAX_LINE_BYTES: usize = 512;

/// Nozzles that are told of at most.
const MAX_NOZZLES: usize = 8;

/// What a line means for the flow of lines to the board.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Said {
    /// A line was taken.
    Ok(Taken),
    /// The board wants that line, and all after it, again.
    Resend(u32),
    /// A command takes its time.
    Busy(Busy),
    /// It has nothing to do and would like a line.
    Wait,
    /// It has just come up, with an empty memory.
    Start,
    /// It has stopped and answers nothing until it is reset.
    Halted,
    /// Nothing for the flow.
    Other,
}

/// What an `ok` tells.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Taken {
    /// The number of the line.
    pub number: Option<u32>,
    /// Lines that the board has room for.
    pub room: Option<u32>,
    /// It came with temperatures, or a place.
    pub reports: bool,
}

/// Why a command takes its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Busy {
    /// It heats, homes, moves.
    Working,
    /// It waits for a person at the machine.
    ForPerson,
}

impl Said {
    pub(super) fn of(line: &[u8]) -> Self {
        let line = trimmed(line);
        if let Some(rest) = line.strip_prefix(b"ok")
            && rest.first().is_none_or(|byte| !byte.is_ascii_alphabetic())
        {
            return Self::Ok(Taken::read(rest));
        }
        let rest = line.strip_prefix(b"Resend:").or_else(|| line.strip_prefix(b"resend:")).or_else(|| line.strip_prefix(b"rs "));
        if let Some(rest) = rest {
            let digits = trimmed(rest);
            return whole(digits.strip_prefix(b"N").unwrap_or(digits)).map_or(Self::Other, Self::Resend);
        }
        let line = line.strip_prefix(b"echo:").unwrap_or(line);
        if let Some(why) = line.strip_prefix(b"busy:") {
            return Self::Busy(if trimmed(why).starts_with(b"paused for") { Busy::ForPerson } else { Busy::Working });
        }
        match line {
            b"wait" => Self::Wait,
            b"start" => Self::Start,
            _ if has(line, b"kill() called") || line.starts_with(b"!!") || line.starts_with(b"fatal:") => Self::Halted,
            _ => Self::Other,
        }
    }
}

impl Taken {
    fn read(rest: &[u8]) -> Self {
        let mut taken = Self::default();
        for word in rest.split(|byte| *byte == b' ').filter(|word| !word.is_empty()) {
            match word {
                [b'N', digits @ ..] => taken.number = whole(digits),
                [b'B', digits @ ..] if !digits.starts_with(b":") => taken.room = whole(digits),
                [b'T', ..] | [b'X', b':', ..] => taken.reports = true,
                // An old dialect: `ok 12`.
                [b'0'..=b'9', ..] if taken == Self::default() => taken.number = whole(word),
                _ => {}
            }
        }
        if taken.reports { Self { number: None, ..taken } } else { taken }
    }
}

/// Without what boards put around their lines when they come up.
pub(super) fn trimmed(line: &[u8]) -> &[u8] {
    let begin = line.iter().position(u8::is_ascii_graphic).unwrap_or(line.len());
    let end = line.iter().rposition(u8::is_ascii_graphic).map_or(begin, |last| last + 1);
    &line[begin..end]
}

fn has(line: &[u8], word: &[u8]) -> bool {
    line.windows(word.len()).any(|part| part == word)
}

fn whole(digits: &[u8]) -> Option<u32> {
    let end = digits.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(digits.len());
    std::str::from_utf8(&digits[..end]).ok()?.parse().ok()
}

/// What a line tells people, beside the flow.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Told {
    /// Temperatures.
    Readings(Readings),
    /// What the firmware calls itself.
    Firmware(String),
    /// Whether it can do that.
    Cap(String, bool),
    /// A print from the machine's own card is at that byte of so many.
    OnCard(u64, u64),
    /// No print from the card.
    NothingOnCard,
    /// The card's file.
    CardFile(String),
    /// Where the tool is.
    At(Position),
    /// It asks something of its host.
    Action(Action),
    /// It reports a fault.
    Fault(String),
    /// Nothing of use.
    Other,
}

/// What the board asks of its host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Action {
    /// Pause the print.
    Pause,
    /// The board itself has paused: send nothing.
    Paused,
    /// Let it go on.
    Resume,
    /// The board itself has gone on.
    Resumed,
    /// End the print.
    Cancel,
    /// The filament is out.
    OutOfFilament,
    /// Let the line go.
    Disconnect,
    /// A question begins.
    PromptBegin(String),
    /// An answer to it.
    PromptChoice,
    /// The question is shown.
    PromptShow,
    /// The question is gone.
    PromptEnd,
    /// Nothing for us.
    Other,
}

/// Temperatures of one report.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Readings {
    /// In the order of the tools.
    pub nozzles: Vec<Temperature>,
    /// The bed.
    pub bed: Option<Temperature>,
    /// The chamber.
    pub chamber: Option<Temperature>,
}

/// Where the tool is, in the file's own coordinates.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Position {
    /// mm.
    pub x: f64,
    /// mm.
    pub y: f64,
    /// mm.
    pub z: f64,
    /// mm of filament.
    pub e: f64,
}

impl Told {
    pub(super) fn read(line: &str) -> Self {
        let line = line.trim();
        if let Some(action) = line.strip_prefix("//").map(str::trim_start).and_then(|rest| rest.strip_prefix("action:")) {
            return Self::Action(Action::read(action));
        }
        if let Some(rest) = line.split_once("FIRMWARE_NAME:").map(|(_, rest)| rest) {
            return Self::Firmware(firmware(rest));
        }
        if let Some((name, value)) = line.strip_prefix("Cap:").and_then(|cap| cap.split_once(':')) {
            return Self::Cap(name.chars().take(40).collect(), value.trim() == "1");
        }
        if let Some(fault) = line.strip_prefix("Error:") {
            return Self::Fault(words(fault));
        }
        if line.contains("Not SD printing") || line.contains("Done printing file") {
            return Self::NothingOnCard;
        }
        if let Some((at, of)) = line.strip_prefix("SD printing byte ").and_then(|rest| rest.split_once('/')) {
            return match (at.trim().parse(), of.trim().parse()) {
                (Ok(at), Ok(of)) => Self::OnCard(at, of),
                (Ok(_) | Err(_), Ok(_) | Err(_)) => Self::Other,
            };
        }
        if let Some(file) = line.strip_prefix("Current file:").or_else(|| line.strip_prefix("File opened:")) {
            let name = file.split(" Size:").next().unwrap_or_default();
            return Self::CardFile(words(name));
        }
        if line.contains("X:") && line.contains("Y:") && line.contains("Z:") {
            return Position::read(line).map_or(Self::Other, Self::At);
        }
        Readings::read(line).map_or(Self::Other, Self::Readings)
    }
}

impl Action {
    fn read(text: &str) -> Self {
        let (word, rest) = text.split_once(' ').unwrap_or((text, ""));
        match word {
            "pause" => Self::Pause,
            "paused" => Self::Paused,
            "resume" => Self::Resume,
            "resumed" => Self::Resumed,
            "cancel" => Self::Cancel,
            "out_of_filament" => Self::OutOfFilament,
            "disconnect" => Self::Disconnect,
            "prompt_begin" => Self::PromptBegin(words(rest)),
            "prompt_choice" | "prompt_button" => Self::PromptChoice,
            "prompt_show" => Self::PromptShow,
            "prompt_end" => Self::PromptEnd,
            _ => Self::Other,
        }
    }
}

impl Readings {
    /// `T:21.5 /0.00 B:22.0 /60.00 @:0`, with or without the space, `ok` before it, `T0:` and more for more tools.
    fn read(line: &str) -> Option<Self> {
        let mut readings = Self::default();
        let mut tools: Vec<Temperature> = Vec::new();
        let mut words = line.split_whitespace().peekable();
        while let Some(word) = words.next() {
            let Some((name, value)) = word.split_once(':') else { continue };
            let (actual, target) = match value.split_once('/') {
                Some((actual, target)) => (actual, Some(target)),
                None => (value, words.next_if(|next| next.starts_with('/')).map(|next| &next[1..])),
            };
            let Some(actual_celsius) = number(actual) else { continue };
            let temperature = Temperature { actual_celsius, target_celsius: target.and_then(number) };
            match name {
                "T" => readings.nozzles = vec![temperature],
                "B" => readings.bed = Some(temperature),
                "C" => readings.chamber = Some(temperature),
                _ if is_tool(name) && tools.len() < MAX_NOZZLES => tools.push(temperature),
                _ => {}
            }
        }
        if !tools.is_empty() {
            readings.nozzles = tools;
        }
        (!readings.nozzles.is_empty()).then_some(readings)
    }
}

fn is_tool(name: &str) -> bool {
    name.strip_prefix('T').is_some_and(|digit| digit.len() == 1 && digit.bytes().all(|byte| byte.is_ascii_digit()))
}

impl Position {
    /// `X:10.00 Y:20.00 Z:0.30 E:1.20 Count X:…`: what is counted in steps stands behind.
    fn read(line: &str) -> Option<Self> {
        let place = line.split("Count").next().unwrap_or_default();
        let find = |axis: &str| {
            let word = place.split_whitespace().find_map(|word| word.strip_prefix(axis))?;
            number(word)
        };
        Some(Self { x: find("X:")?, y: find("Y:")?, z: find("Z:")?, e: find("E:").unwrap_or(0.0) })
    }
}

/// The name runs to the next word in capitals with a colon.
fn firmware(rest: &str) -> String {
    let is_key = |word: &&str| word.split_once(':').is_some_and(|(key, _)| key.contains('_') || key == "UUID");
    let name: Vec<&str> = rest.split_whitespace().take_while(|word| !is_key(word)).collect();
    words(&name.join(" "))
}

/// Fit for a person.
fn words(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").chars().filter(|letter| !letter.is_control()).take(200).collect()
}
