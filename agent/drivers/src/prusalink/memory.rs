//! What must be known of a print after the agent was away, kept with its attempt as a mark: PrusaLink has no
//! history, but a printer tells whether a job of that number was its last one, and a stop that it took is a
//! proof of how the print ended.

use domain::attempt::Token;

/// What is remembered of the attempt in flight.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Memory {
    /// Its token.
    pub token: Token,
    /// PrusaLink's number for its job.
    pub job: Option<u64>,
    /// Whether we asked for its end.
    pub cancel: Cancel,
}

/// How far a cancel of ours came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Cancel {
    /// Not asked.
    No,
    /// Asked; whether it came through is not known.
    Asked,
    /// The printer took it.
    Taken,
}

impl Memory {
    /// Reads a mark; what makes no sense in it is passed over.
    pub(super) fn read(token: Token, mark: &str) -> Self {
        let mut memory = Self { token, job: None, cancel: Cancel::No };
        for word in mark.split_whitespace() {
            match word.split_once('=') {
                Some(("job", id)) => memory.job = id.parse().ok(),
                Some(("cancel", "asked")) => memory.cancel = Cancel::Asked,
                Some(("cancel", "taken")) => memory.cancel = Cancel::Taken,
                Some(_) | None => {}
            }
        }
        memory
    }

    /// As it is kept.
    pub(super) fn mark(&self) -> String {
        let job = self.job.map(|id| format!("job={id}"));
        let cancel = match self.cancel {
            Cancel::No => None,
            Cancel::Asked => Some("cancel=asked".to_owned()),
            Cancel::Taken => Some("cancel=taken".to_owned()),
        };
        job.into_iter().chain(cancel).collect::<Vec<_>>().join(" ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_remembered_comes_back_as_it_was() {
        for (job, cancel) in [(None, Cancel::No), (Some(17), Cancel::No), (Some(3), Cancel::Asked), (None, Cancel::Taken)] {
            let memory = Memory { token: Token::new([7; 10]), job, cancel };
            assert_eq!(Memory::read(memory.token.clone(), &memory.mark()), memory);
        }
    }
}
