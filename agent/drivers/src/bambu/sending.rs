//! A file's way to the machine: once per content, under a name of its content. Whether it is there already is
//! looked at by who brings it, so a send that was cut anywhere is simply begun anew. Starts nothing.

use domain::id::AttemptId;
use domain::time::Timestamp;

use super::OURS;
use super::core::Core;
use super::package;
use super::requests::FilePurpose;
use crate::broker::{Ask, FileFault, FileWork, Filed};
use crate::contract::{Content, Report, SendProblem};

/// Progress is told at most so often.
const TELL_MS: i64 = 1_000;

/// How every file of ours ends.
const END: &str = ".gcode.3mf";

/// The file that is on its way.
#[derive(Debug)]
pub(super) struct Sending {
    attempt: AttemptId,
    name: String,
    size_bytes: u64,
    work: u64,
    told_at: Timestamp,
}

impl Core {
    pub(super) fn send(&mut self, now: Timestamp, attempt: AttemptId, content: Content) {
        if let Some(sending) = &self.sending {
            if sending.attempt != attempt {
                let detail = "another file is on its way to this printer".to_owned();
                self.report(Report::SendFailed { attempt, problem: SendProblem::Link, detail });
            }
            return;
        }
        let Some(packing) = package::packing(&content.extension) else {
            let detail = format!("Bambu Lab printers print .gcode.3mf and G-code text, not {} files", content.extension);
            return self.report(Report::SendFailed { attempt, problem: SendProblem::Refused, detail });
        };
        if !self.is_up() {
            let detail = "the printer is not there".to_owned();
            return self.report(Report::SendFailed { attempt, problem: SendProblem::Link, detail });
        }
        let (name, size_bytes) = (content_name(&content), content.size_bytes);
        let (work, ask) = self.requests.files(FilePurpose::Send, FileWork::Put { name: name.clone(), content, packing });
        self.sending = Some(Sending { attempt, name, size_bytes, work, told_at: now });
        self.ask(ask);
    }

    pub(super) fn stop_sending(&mut self, attempt: AttemptId) {
        if let Some(sending) = self.sending.take_if(|sending| sending.attempt == attempt) {
            self.requests.close_files(sending.work);
            self.ask(Ask::Abandon(sending.work));
        }
    }

    /// Bytes go packed; the farm counts those of its file.
    pub(super) fn uploaded(&mut self, now: Timestamp, work: u64, bytes: u64, of: u64) {
        let Some(sending) = self.sending.as_mut().filter(|sending| sending.work == work) else { return };
        if now.millis_since(sending.told_at) < TELL_MS || of == 0 {
            return;
        }
        sending.told_at = now;
        let sent = u128::from(sending.size_bytes) * u128::from(bytes.min(of)) / u128::from(of);
        let (attempt, sent_bytes) = (sending.attempt, u64::try_from(sent).unwrap_or(sending.size_bytes));
        self.report(Report::SendProgress { attempt, sent_bytes });
    }

    pub(super) fn sent(&mut self, work: u64, outcome: Result<Filed, FileFault>) {
        let Some(sending) = self.sending.take_if(|sending| sending.work == work) else { return };
        let attempt = sending.attempt;
        let fault = match outcome {
            Ok(_) => {
                self.is_of_use(sending.name);
                return self.report(Report::Sent { attempt });
            }
            Err(fault) => fault,
        };
        let problem = match &fault {
            FileFault::NoRoom(_) => SendProblem::StorageFull,
            FileFault::ContentMissing => SendProblem::ContentMissing,
            FileFault::WrongCode | FileFault::Certificate(_) | FileFault::CannotCreate(_) | FileFault::Refused(_) => {
                SendProblem::Refused
            }
            FileFault::Unreachable(_) | FileFault::Silent | FileFault::Cut(_) | FileFault::NotWhole { .. } => SendProblem::Link,
        };
        self.report(Report::SendFailed { attempt, problem, detail: fault.to_string() });
    }

    /// The upload of that name is needed now, and perhaps again.
    pub(super) fn is_of_use(&mut self, name: String) {
        self.used.retain(|used| *used != name);
        self.used.push(name);
    }

    /// The name that must not be removed now.
    pub(super) fn is_being_sent(&self, name: &str) -> bool {
        self.sending.as_ref().is_some_and(|sending| sending.name == name)
    }
}

/// The name of content at the printer: half of its SHA-256.
pub(super) fn content_name(content: &Content) -> String {
    let hash = content.sha256.to_string();
    format!("{OURS}{}{END}", hash.get(..32).unwrap_or(&hash))
}

/// Whether an upload of ours has that name.
pub(super) fn is_content_name(name: &str) -> bool {
    let hash = name.strip_prefix(OURS).and_then(|rest| rest.strip_suffix(END));
    hash.is_some_and(|hash| hash.len() == 32 && hash.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f')))
}
