//! What the command says: answers on standard output (JSON as the API gave it, a table for people, tabs for
//! programs), everything else on standard error.

use std::io::{BufRead, IsTerminal, Write};

use domain::time::Timestamp;
use serde_json::Value;

use crate::failure::{Exit, Failure};
use crate::table::{Table, words};

/// How to speak.
#[derive(Debug, Clone, Copy)]
pub struct Output {
    /// The API's JSON instead of tables.
    pub json: bool,
    /// No notes and no next steps.
    pub quiet: bool,
    /// Every question is answered with yes.
    pub yes: bool,
    /// Standard output is read by a person.
    pub terminal: bool,
    /// Colours are welcome.
    pub colour: bool,
    /// The time that ages are told by.
    pub now: Timestamp,
}

impl Output {
    /// As the flags, the terminal and `NO_COLOR` say.
    pub fn new(json: bool, quiet: bool, yes: bool, now: Timestamp) -> Self {
        let terminal = std::io::stdout().is_terminal();
        let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
            || std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        Self { json, quiet, yes, terminal, colour: terminal && !plain, now }
    }

    /// An answer: its JSON, or the table that is made of it.
    ///
    /// # Errors
    /// The reader has gone.
    pub fn table(&self, answer: &Value, table: impl FnOnce(&Value) -> Table) -> Result<(), Failure> {
        if self.json {
            return self.value(answer);
        }
        let table = table(answer);
        let text = if self.terminal { table.aligned(self.colour) } else { table.tabbed() };
        if text.is_empty() { Ok(()) } else { line(&text) }
    }

    /// An answer: its JSON, or the sentence that is made of it.
    ///
    /// # Errors
    /// The reader has gone.
    pub fn answer(&self, answer: &Value, sentence: impl FnOnce(&Value) -> String) -> Result<(), Failure> {
        if self.json { self.value(answer) } else { line(&sentence(answer)) }
    }

    /// JSON: on one line for programs, spread out for people.
    ///
    /// # Errors
    /// The reader has gone.
    pub fn value(&self, answer: &Value) -> Result<(), Failure> {
        if answer.is_null() {
            return Ok(());
        }
        line(&if self.terminal { format!("{answer:#}") } else { answer.to_string() })
    }

    /// A note beside the answer.
    pub fn note(&self, text: &str) {
        if !self.quiet {
            eprintln!("{text}");
        }
    }

    /// The command that most likely comes next, for people only.
    pub fn next(&self, command: &str) {
        if self.terminal && !self.json {
            self.note(&format!("Next: {command}"));
        }
    }

    /// Asks for a yes.
    ///
    /// # Errors
    /// The answer is no, or there is nobody to ask.
    pub fn confirm(&self, question: &str) -> Result<(), Failure> {
        if self.yes {
            return Ok(());
        }
        let stdin = std::io::stdin();
        if !stdin.is_terminal() {
            return Err(Failure::usage(format!("{question} Nobody is here to ask.")).hint("Add --yes to say so."));
        }
        eprint!("{question} [y/N] ");
        let mut said = String::new();
        stdin.lock().read_line(&mut said).map_err(|error| Failure::fail(format!("the answer cannot be read: {error}")))?;
        if ["y", "yes"].contains(&said.trim().to_ascii_lowercase().as_str()) {
            Ok(())
        } else {
            Err(Failure::fail("Nothing was done."))
        }
    }
}

/// Writes a line of output.
///
/// # Errors
/// The reader has gone.
pub fn line(text: &str) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{text}").and_then(|()| out.flush()).map_err(|error| broken(&error))
}

/// Why output cannot be written; a reader that has seen enough is no failure.
pub fn broken(error: &std::io::Error) -> Failure {
    let exit = if error.kind() == std::io::ErrorKind::BrokenPipe { Exit::Closed } else { Exit::Fail };
    Failure::new(exit, format!("the output cannot be written: {error}"))
}

/// An actor as people read it.
pub fn actor(actor: &Value) -> String {
    let kind = words(&actor["kind"]);
    // A farm has one agent; its id says nothing more.
    if kind == "farm" { kind } else { format!("{kind} {}", words(&actor["id"])) }
}

/// A name as a shell takes it. Names come from anybody, and commands that are shown get copied.
pub fn quoted(name: &str) -> String {
    let plain =
        !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || "-_.:".contains(c)) && !name.starts_with('-');
    if plain { name.to_owned() } else { format!("'{}'", name.replace('\'', r"'\''")) }
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn a_name_in_a_shown_command_is_one_harmless_word() {
        assert_eq!(quoted("P01"), "P01");
        assert_eq!(quoted("Vase 1"), "'Vase 1'");
        assert_eq!(quoted("$(reboot)"), "'$(reboot)'");
        assert_eq!(quoted("Anna's"), r"'Anna'\''s'");
    }
}
