//! Prints from the machine's own card: a file is a name and the time that it takes.

use domain::time::Timestamp;

/// Bytes of a second of printing.
const BYTES_A_SECOND: u64 = 100;

#[derive(Debug, Default)]
pub(super) struct Card {
    files: Vec<(String, u64)>,
    selected: Option<usize>,
    /// Since when it prints, and what was printed before.
    since: Option<Timestamp>,
    printed_ms: u64,
}

impl Card {
    pub(super) fn with(files: Vec<(String, u64)>) -> Self {
        Self { files, ..Self::default() }
    }

    pub(super) fn list(&self) -> Vec<String> {
        let files = self.files.iter().map(|(name, seconds)| format!("{name} {}", seconds * BYTES_A_SECOND));
        let ends = |text: &str| std::iter::once(text.to_owned());
        ends("Begin file list").chain(files).chain(ends("End file list")).collect()
    }

    pub(super) fn select(&mut self, name: &str) -> Vec<String> {
        self.stop();
        self.selected = self.files.iter().position(|(known, _)| known.eq_ignore_ascii_case(name));
        match self.selected.and_then(|at| self.files.get(at)) {
            Some((name, seconds)) => {
                vec![format!("File opened: {name} Size: {}", seconds * BYTES_A_SECOND), "File selected".to_owned()]
            }
            None => vec![format!("open failed, File: {name}.")],
        }
    }

    pub(super) fn go_on(&mut self, now: Timestamp) {
        if self.selected.is_some() {
            self.since.get_or_insert(now);
        }
    }

    pub(super) fn pause(&mut self, now: Timestamp, speed: u32) {
        self.printed_ms = self.printed(now, speed);
        self.since = None;
    }

    pub(super) fn stop(&mut self) {
        self.selected = None;
        self.since = None;
        self.printed_ms = 0;
    }

    pub(super) fn name(&self) -> &str {
        self.selected.and_then(|at| self.files.get(at)).map_or("(no file)", |(name, _)| name)
    }

    pub(super) fn status(&self, now: Timestamp, speed: u32) -> String {
        match self.selected.and_then(|at| self.files.get(at)) {
            Some((_, seconds)) => {
                let at = self.printed(now, speed) * BYTES_A_SECOND / 1000;
                format!("SD printing byte {at}/{}", seconds * BYTES_A_SECOND)
            }
            None => "Not SD printing".to_owned(),
        }
    }

    /// When it comes to its end.
    pub(super) fn ends_at(&self, speed: u32) -> Option<Timestamp> {
        let (_, seconds) = self.selected.and_then(|at| self.files.get(at))?;
        let left = (seconds * 1000).saturating_sub(self.printed_ms) / u64::from(speed.max(1));
        Some(self.since?.plus_millis(i64::try_from(left).unwrap_or(i64::MAX)))
    }

    fn printed(&self, now: Timestamp, speed: u32) -> u64 {
        let since = self.since.map_or(0, |since| now.millis_since(since).max(0).unsigned_abs());
        self.printed_ms + since * u64::from(speed)
    }
}
