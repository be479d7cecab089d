//! What went wrong, for a person and for a script: a sentence, what to do, and the exit code. The one
//! place that knows exit codes.

use std::fmt::Display;
use std::process::ExitCode;

use contract::problem::{Code, Problem};
use serde_json::Value;

/// The exit codes, as `gantry --help` documents them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Nothing is wrong: whoever read the output has gone.
    Closed,
    /// It went wrong.
    Fail,
    /// The command makes no sense.
    Usage,
    /// There is no such thing.
    NotFound,
    /// Nobody is signed in, or a permission is missing.
    Auth,
    /// The farm does not answer.
    Unreachable,
    /// The farm said no: the state of things does not allow it.
    Refused,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        ExitCode::from(match exit {
            Exit::Closed => 0,
            Exit::Fail => 1,
            Exit::Usage => 2,
            Exit::NotFound => 3,
            Exit::Auth => 4,
            Exit::Unreachable => 5,
            Exit::Refused => 6,
        })
    }
}

/// What went wrong.
#[derive(Debug)]
pub struct Failure {
    /// For scripts.
    pub exit: Exit,
    /// For people.
    pub text: String,
    /// What they can do.
    pub hint: Option<String>,
    /// The problem as the API gave it.
    pub problem: Option<Value>,
}

impl Failure {
    /// A failure of that kind.
    pub fn new(exit: Exit, text: impl Display) -> Self {
        Self { exit, text: text.to_string(), hint: None, problem: None }
    }

    /// Something went wrong here.
    pub fn fail(text: impl Display) -> Self {
        Self::new(Exit::Fail, text)
    }

    /// The command makes no sense.
    pub fn usage(text: impl Display) -> Self {
        Self::new(Exit::Usage, text)
    }

    /// Says what can be done.
    #[must_use]
    pub fn hint(mut self, hint: impl Display) -> Self {
        self.hint = Some(hint.to_string());
        self
    }

    /// Whether the API gave that code.
    pub fn has_code(&self, code: Code) -> bool {
        self.problem.as_ref().is_some_and(|problem| problem["code"] == code.word())
    }

    /// An answer that is no success. Words in it may be newer than this program, so it is read as JSON.
    pub fn answered(status: u16, body: &str) -> Self {
        let Ok(problem) = serde_json::from_str::<Value>(body) else {
            return Self::new(of_status(status, ""), format!("the farm answered {status}"));
        };
        let text = |name: &str| problem.get(name).and_then(Value::as_str).map(str::to_owned);
        let code = text("code").unwrap_or_default();
        let said = text("detail").or_else(|| text("title")).unwrap_or_else(|| format!("the farm answered {status}"));
        let errors = problem.get("errors").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let more = errors
            .iter()
            .skip(1)
            .filter_map(|error| Some(format!("\n  {}: {}", error["pointer"].as_str()?, error["detail"].as_str()?)));
        let exit = of_status(status, &code);
        let asks_for = text("permission").map(|permission| format!("Ask somebody who holds {permission}."));
        // The general hints of these two point at JSON that a person at a terminal does not see.
        let hint = text("hint").filter(|_| exit != Exit::Usage && exit != Exit::NotFound);
        let said = if code.is_empty() { said } else { format!("{said} ({code})") };
        Self { exit, text: said + &more.collect::<String>(), hint: asks_for.or(hint), problem: Some(problem) }
    }
}

fn of_status(status: u16, code: &str) -> Exit {
    match status {
        401 | 403 => Exit::Auth,
        404 => Exit::NotFound,
        503 => Exit::Unreachable,
        422 if code == Code::InvalidRequest.word() || code == Code::FarmRequired.word() => Exit::Usage,
        409 | 412 | 413 | 422 | 429 | 501 | 507 => Exit::Refused,
        _ => Exit::Fail,
    }
}

impl From<Problem> for Failure {
    /// A request that the contract does not take, found before it was sent.
    fn from(problem: Problem) -> Self {
        Self::answered(problem.status, &serde_json::to_string(&problem).unwrap_or_default())
    }
}

impl From<reqwest::Error> for Failure {
    fn from(error: reqwest::Error) -> Self {
        let mut cause: &dyn std::error::Error = &error;
        while let Some(inner) = cause.source() {
            cause = inner;
        }
        let place = error.url().map(|url| url.origin().ascii_serialization()).unwrap_or_else(|| "the farm".to_owned());
        let cause = cause.to_string();
        let failure = Self::new(Exit::Unreachable, format!("{place} does not answer: {cause}"));
        if cause.contains("invalid peer certificate") {
            return failure
                .hint("If an authority of your own vouches for the farm, name its certificate: --ca-file or GANTRY_CA.");
        }
        failure.hint("Is the agent running? `gantry agent` starts one; --url or GANTRY_URL says where it is.")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exit(problem: Problem) -> Exit {
        Failure::from(problem).exit
    }

    #[test]
    fn every_code_of_the_catalogue_has_the_exit_code_of_its_kind() {
        assert_eq!(exit(Problem::new(Code::BadCredential)), Exit::Auth);
        assert_eq!(exit(Problem::new(Code::PermissionMissing)), Exit::Auth);
        assert_eq!(exit(Problem::new(Code::NotFound)), Exit::NotFound);
        assert_eq!(exit(Problem::new(Code::FarmOffline)), Exit::Unreachable);
        assert_eq!(exit(Problem::new(Code::InvalidRequest)), Exit::Usage);
        assert_eq!(exit(Problem::new(Code::Internal)), Exit::Fail);
        for refused in
            [Code::IllegalState, Code::InUse, Code::BedUseOutdated, Code::StaleRevision, Code::FileRefused, Code::DiskFull]
        {
            assert_eq!(exit(Problem::new(refused)), Exit::Refused, "{}", refused.word());
        }
    }

    #[test]
    fn a_problem_tells_what_is_wrong_its_code_and_what_to_do() {
        let failure = Failure::from(Problem::new(Code::InUse).detail("the file is printed by 2 jobs"));
        assert_eq!(failure.text, "the file is printed by 2 jobs (in_use)");
        assert_eq!(failure.hint.as_deref(), Some("Remove what uses it first."));
    }

    #[test]
    fn a_code_that_is_newer_than_this_program_is_told_all_the_same() {
        let failure = Failure::answered(409, r#"{"status":409,"code":"moon_phase","detail":"not tonight"}"#);
        assert_eq!((failure.exit, failure.text.as_str()), (Exit::Refused, "not tonight (moon_phase)"));
    }

    #[test]
    fn an_answer_that_is_no_problem_still_has_a_sentence() {
        assert_eq!(Failure::answered(502, "<html>").text, "the farm answered 502");
    }
}
