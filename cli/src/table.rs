//! Tables: aligned with a head for people, tab-separated without one for programs. Text of a printer or a
//! file never steers the terminal.

use domain::time::Timestamp;
use serde_json::Value;

/// How a cell is meant, where colours are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// As it is.
    Plain,
    /// Goes well.
    Good,
    /// Wants a person.
    Warn,
    /// Is wrong.
    Bad,
    /// Of less weight.
    Faint,
}

impl Tone {
    const fn code(self) -> Option<&'static str> {
        match self {
            Tone::Plain => None,
            Tone::Good => Some("32"),
            Tone::Warn => Some("33"),
            Tone::Bad => Some("31"),
            Tone::Faint => Some("2"),
        }
    }
}

/// One cell: for people and, where that differs, for programs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cell {
    shown: String,
    exact: Option<String>,
    tone: Tone,
}

impl Cell {
    /// A text.
    pub fn text(text: impl ToString) -> Self {
        Self { shown: tame(&text.to_string()), exact: None, tone: Tone::Plain }
    }

    /// A JSON value: a text as it is, nothing as nothing, a list as its items.
    pub fn of(value: &Value) -> Self {
        Self::text(words(value))
    }

    /// An id: there for copying.
    pub fn id(value: &Value) -> Self {
        Self::of(value).toned(Tone::Faint)
    }

    /// A state, coloured by what it means.
    pub fn state(value: &Value) -> Self {
        let cell = Self::of(value);
        let tone = match cell.shown.as_str() {
            "printing" | "preparing" | "completed" | "online" | "ok" | "clear" | "active" => Tone::Good,
            "needs_clear" | "paused" | "attention" | "held" | "awaiting_approval" | "unknown" | "stale" | "quarantined"
            | "incomplete" | "warning" | "maintenance" => Tone::Warn,
            "error" | "failed" | "offline" | "control_denied" | "revoked" => Tone::Bad,
            _ => Tone::Plain,
        };
        cell.toned(tone)
    }

    /// A time: how long ago for people, to the millisecond for programs.
    pub fn time(value: &Value, now: Timestamp) -> Self {
        let exact = words(value);
        let shown = exact.parse().map_or_else(|_| tame(&exact), |time| ago(time, now));
        Self { shown, exact: Some(exact), tone: Tone::Plain }
    }

    /// A duration in seconds.
    pub fn seconds(value: &Value) -> Self {
        let shown = value.as_f64().map(duration).unwrap_or_default();
        Self { shown, exact: Some(words(value)), tone: Tone::Plain }
    }

    /// A number of bytes.
    pub fn bytes(value: &Value) -> Self {
        let shown = value.as_f64().map(size).unwrap_or_default();
        Self { shown, exact: Some(words(value)), tone: Tone::Plain }
    }

    /// The same in that tone.
    #[must_use]
    pub fn toned(mut self, tone: Tone) -> Self {
        self.tone = tone;
        self
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.shown.is_empty()
    }

    fn exact(&self) -> &str {
        self.exact.as_deref().unwrap_or(&self.shown)
    }
}

/// Rows under a head.
#[derive(Debug, Clone)]
pub struct Table {
    head: &'static [&'static str],
    rows: Vec<Vec<Cell>>,
    /// What is said to people if there is nothing.
    empty: &'static str,
}

impl Table {
    /// A table with that head and those rows.
    pub fn new(head: &'static [&'static str], empty: &'static str, rows: impl IntoIterator<Item = Vec<Cell>>) -> Self {
        Self { head, rows: rows.into_iter().collect(), empty }
    }

    /// For people.
    pub fn aligned(&self, colour: bool) -> String {
        if self.rows.is_empty() {
            return self.empty.to_owned();
        }
        let column = |i: usize| self.rows.iter().filter_map(move |row| row.get(i)).map(|cell| cell.shown.chars().count());
        let widths: Vec<usize> =
            self.head.iter().enumerate().map(|(i, head)| column(i).chain([head.len()]).max().unwrap_or(0)).collect();
        let head: Vec<Cell> = self.head.iter().map(|head| Cell::text(head).toned(Tone::Faint)).collect();
        let has_head = self.head.iter().any(|head| !head.is_empty());
        let lines = has_head.then_some(&head).into_iter().chain(&self.rows).map(|row| line(row, &widths, colour));
        lines.collect::<Vec<_>>().join("\n")
    }

    /// For programs.
    pub fn tabbed(&self) -> String {
        let line = |row: &Vec<Cell>| row.iter().map(Cell::exact).collect::<Vec<_>>().join("\t");
        self.rows.iter().map(line).collect::<Vec<_>>().join("\n")
    }
}

fn line(row: &[Cell], widths: &[usize], colour: bool) -> String {
    let mut line = String::new();
    for (i, (cell, width)) in row.iter().zip(widths).enumerate() {
        match cell.tone.code().filter(|_| colour && !cell.shown.is_empty()) {
            Some(code) => line.push_str(&format!("\u{1b}[{code}m{}\u{1b}[0m", cell.shown)),
            None => line.push_str(&cell.shown),
        }
        if i + 1 < row.len() {
            line.push_str(&" ".repeat(width.saturating_sub(cell.shown.chars().count()) + 2));
        }
    }
    line.trim_end().to_owned()
}

/// A JSON value as words.
pub fn words(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => tame(text),
        Value::Array(items) => items.iter().map(words).collect::<Vec<_>>().join(","),
        Value::Bool(_) | Value::Number(_) | Value::Object(_) => tame(&value.to_string()),
    }
}

/// Names come from strangers' printers and files: an escape sequence or a tab in one stays a blank.
pub fn tame(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

fn ago(time: Timestamp, now: Timestamp) -> String {
    match now.millis_since(time) {
        past @ 0.. if past < 1000 => "now".to_owned(),
        past @ 0.. => format!("{} ago", duration(past as f64 / 1000.0)),
        future => format!("in {}", duration(-future as f64 / 1000.0)),
    }
}

/// A duration in its largest one or two units.
pub fn duration(seconds: f64) -> String {
    let seconds = seconds.round().max(0.0) as u64;
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, _) => format!("{minutes} min"),
        (0, _, 0) => format!("{hours} h"),
        (0, _, _) => format!("{hours} h {minutes} min"),
        (_, 0, _) => format!("{days} d"),
        (_, _, _) => format!("{days} d {hours} h"),
    }
}

fn size(bytes: f64) -> String {
    let steps = [("GB", 1e9), ("MB", 1e6), ("kB", 1e3)];
    steps
        .iter()
        .find(|(_, step)| bytes >= *step)
        .map_or_else(|| format!("{bytes} B"), |(unit, step)| format!("{:.1} {unit}", bytes / step))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn table() -> Table {
        let row = |name: &str, state: &str| {
            vec![
                Cell::of(&json!(name)),
                Cell::state(&json!(state)),
                Cell::time(&json!("2026-01-01T00:00:00.000Z"), Timestamp::from_millis(1_767_225_780_000)),
            ]
        };
        Table::new(&["NAME", "STATE", "SEEN"], "No printers.", [row("P1", "printing"), row("Drucker 2", "idle")])
    }

    #[test]
    fn people_get_aligned_columns_under_a_head() {
        assert_eq!(
            table().aligned(false),
            "NAME       STATE     SEEN\nP1         printing  3 min ago\nDrucker 2  idle      3 min ago"
        );
    }

    #[test]
    fn programs_get_tabs_exact_times_and_no_head() {
        assert_eq!(table().tabbed(), "P1\tprinting\t2026-01-01T00:00:00.000Z\nDrucker 2\tidle\t2026-01-01T00:00:00.000Z");
    }

    #[test]
    fn colour_does_not_move_a_column() {
        assert!(table().aligned(true).contains("\u{1b}[32mprinting\u{1b}[0m  3 min ago"));
    }

    #[test]
    fn an_empty_table_says_so_to_people_and_nothing_to_programs() {
        let table = Table::new(&["NAME"], "No printers.", []);
        assert_eq!((table.aligned(true).as_str(), table.tabbed().as_str()), ("No printers.", ""));
    }

    #[test]
    fn a_name_cannot_steer_the_terminal_or_break_a_row() {
        assert_eq!(Cell::of(&json!("a\u{1b}[2J\tb\nc")).shown, "a [2J b c");
    }

    #[test]
    fn durations_and_sizes_are_told_in_their_largest_units() {
        let told: Vec<String> = [0.4, 59.0, 60.0, 3600.0, 5400.0, 90_000.0].into_iter().map(duration).collect();
        assert_eq!(told, ["0 s", "59 s", "1 min", "1 h", "1 h 30 min", "1 d 1 h"]);
        assert_eq!([size(999.0), size(1_500.0), size(2.5e9)], ["999 B", "1.5 kB", "2.5 GB"]);
    }
}
