//! What became of a print while nobody watched: the verdict from what is written and what is seen.
//! Never guesses. What cannot be proven is left to a person, and nothing is ever sent again.

use crate::attempt::{CancelReason, End, FailureReason, PauseReason, Stage, UnknownReason};

/// From this share of the print on, an idle printer that holds our token is believed to have finished.
pub const NEARLY_DONE: f64 = 0.95;

/// What the printer shows, as far as our attempt is concerned.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Seen {
    /// What it prints right now.
    pub active: ActivePrint,
    /// What its own history says of our token.
    pub history: History,
    /// The token of the last print it shows is ours although it prints nothing.
    pub token_shown: bool,
}

/// What the printer prints right now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ActivePrint {
    /// Nothing.
    Nothing,
    /// Our attempt, by its token.
    Ours,
    /// Our attempt, standing still.
    OursPaused(PauseReason),
    /// Something else.
    Other,
}

/// What the printer's history says of our attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum History {
    /// It keeps none, or cannot be asked.
    Silent,
    /// It knows nothing of our token.
    NeverSaw,
    /// It ended so.
    Ended(End),
}

/// The verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is still ours and prints: the same attempt goes on.
    Adopt,
    /// It is still ours and stands still.
    AdoptPaused(PauseReason),
    /// It ended so.
    Ended(End),
    /// Nothing proves anything: a person decides.
    Unknown(UnknownReason),
}

/// The verdict on an attempt whose start was written, after the agent or the contact was away.
/// `stage` is what was written last, `last_progress` the last written share of the print.
pub fn verdict(stage: Stage, last_progress: f64, seen: Seen) -> Verdict {
    match (seen.active, seen.history) {
        (ActivePrint::Ours, _) => Verdict::Adopt,
        (ActivePrint::OursPaused(reason), _) => Verdict::AdoptPaused(reason),
        (ActivePrint::Nothing | ActivePrint::Other, History::Ended(end)) => Verdict::Ended(end),
        (ActivePrint::Nothing | ActivePrint::Other, History::Silent | History::NeverSaw) => {
            let finished = seen.active == ActivePrint::Nothing && seen.token_shown && last_progress >= NEARLY_DONE;
            if finished {
                return Verdict::Ended(End::Completed { inferred: true });
            }
            Verdict::Unknown(match stage {
                Stage::Assigned
                | Stage::Slicing
                | Stage::Sending
                | Stage::Starting
                | Stage::Unknown(UnknownReason::StartUnproven) => UnknownReason::StartUnproven,
                Stage::Printing | Stage::Paused(_) | Stage::Unknown(UnknownReason::ContactLost | UnknownReason::EndUnproven) => {
                    UnknownReason::EndUnproven
                }
            })
        }
    }
}

/// What a person says of an attempt of unknown state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Resolution {
    /// It was printed.
    Completed,
    /// It went wrong.
    Failed,
    /// It never started.
    NotStarted,
}

impl Resolution {
    /// The end that the attempt gets.
    pub const fn end(self) -> End {
        match self {
            Resolution::Completed => End::Completed { inferred: true },
            Resolution::Failed => End::Failed(FailureReason::Judged),
            Resolution::NotStarted => End::Cancelled(CancelReason::NotStarted),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOTHING: Seen = Seen { active: ActivePrint::Nothing, history: History::NeverSaw, token_shown: false };

    #[test]
    fn a_print_that_still_shows_our_token_is_adopted() {
        let seen = Seen { active: ActivePrint::Ours, ..NOTHING };
        assert_eq!(verdict(Stage::Starting, 0.0, seen), Verdict::Adopt);
        assert_eq!(verdict(Stage::Printing, 0.3, seen), Verdict::Adopt);
    }

    #[test]
    fn an_idle_printer_that_never_saw_the_start_proves_nothing() {
        assert_eq!(verdict(Stage::Starting, 0.0, NOTHING), Verdict::Unknown(UnknownReason::StartUnproven));
    }

    #[test]
    fn the_printers_history_is_believed() {
        let seen = Seen { history: History::Ended(End::Completed { inferred: false }), ..NOTHING };
        assert_eq!(verdict(Stage::Printing, 0.1, seen), Verdict::Ended(End::Completed { inferred: false }));
    }

    #[test]
    fn an_end_is_inferred_only_from_our_token_and_nearly_all_of_the_print() {
        let seen = Seen { token_shown: true, ..NOTHING };
        assert_eq!(verdict(Stage::Printing, 0.95, seen), Verdict::Ended(End::Completed { inferred: true }));
        assert_eq!(verdict(Stage::Printing, 0.949, seen), Verdict::Unknown(UnknownReason::EndUnproven));
        assert_eq!(verdict(Stage::Printing, 0.99, NOTHING), Verdict::Unknown(UnknownReason::EndUnproven));
    }

    #[test]
    fn a_foreign_print_says_nothing_of_ours() {
        let seen = Seen { active: ActivePrint::Other, token_shown: true, ..NOTHING };
        assert_eq!(verdict(Stage::Printing, 0.99, seen), Verdict::Unknown(UnknownReason::EndUnproven));
    }
}
