//! A file's way to a board: there is none, for it is said line by line as it is printed. So it is only looked
//! through, that what cannot be printed is refused before somebody's bed is waited for.

use domain::file::ContentHash;
use domain::id::AttemptId;

use super::core::Core;
use super::gcode::{Look, MAX_COMMAND_BYTES};
use super::requests::Ask;
use crate::contract::{Content, Report, SendProblem};

/// Ends of names that a board's files have.
const SPOKEN: [&str; 3] = ["gcode", "gco", "g"];

/// What is known of files.
#[derive(Debug, Default)]
pub(super) struct Sending {
    /// The one that is being looked through.
    under_way: Option<(AttemptId, ContentHash)>,
    /// The last one that was.
    looked: Option<(ContentHash, Look)>,
}

impl Sending {
    /// Whether the file tells the display itself how far it is; if that is not known, it is left to it.
    pub(super) fn tells_progress(&self, hash: &ContentHash) -> bool {
        self.looked.as_ref().is_none_or(|(looked, look)| looked != hash || look.tells_progress)
    }
}

impl Core {
    pub(super) fn send(&mut self, attempt: AttemptId, content: Content) {
        if !SPOKEN.contains(&content.extension.to_ascii_lowercase().as_str()) {
            let detail = format!("the board prints G-code text, not {} files", content.extension);
            return self.report(Report::SendFailed { attempt, problem: SendProblem::Refused, detail });
        }
        if !self.is_up() {
            let detail = "the board is not there".to_owned();
            return self.report(Report::SendFailed { attempt, problem: SendProblem::Link, detail });
        }
        self.sending.under_way = Some((attempt, content.sha256));
        self.ask(Ask::Look(content));
    }

    pub(super) fn stop_sending(&mut self, attempt: AttemptId) {
        self.sending.under_way.take_if(|(under_way, _)| *under_way == attempt);
    }

    pub(super) fn looked(&mut self, hash: &ContentHash, found: Result<Look, (SendProblem, String)>) {
        let Some((attempt, hash)) = self.sending.under_way.take_if(|(_, wanted)| wanted == hash) else { return };
        let refused = |detail: String| Err((SendProblem::Refused, detail));
        let found = found.and_then(|look| match look {
            Look { is_binary: true, .. } => refused("the file is no text; the board prints plain G-code".to_owned()),
            Look { commands: 0, .. } => refused("there is no command in the file".to_owned()),
            Look { too_long_at: Some(line), .. } => {
                refused(format!("line {line} of the file is longer than the {MAX_COMMAND_BYTES} characters that the board takes"))
            }
            look => Ok(look),
        });
        match found {
            Ok(look) => {
                self.sending.looked = Some((hash, look));
                self.report(Report::Sent { attempt });
            }
            Err((problem, detail)) => self.report(Report::SendFailed { attempt, problem, detail }),
        }
    }
}
