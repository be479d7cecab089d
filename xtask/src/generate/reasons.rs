//! reasons.md: why a job waits, in one sentence and one fix each, and which codes nothing can give yet.

use domain::waiting::{JobReason, PrinterReason};

use super::table::{code, head, table};

/// A code of either list.
struct Reason {
    code: &'static str,
    sentence: &'static str,
    fix: &'static str,
    waits_for: &'static str,
}

pub fn page() -> String {
    let (printers, jobs) = (of_printers(), of_jobs());
    let waiting: Vec<&Reason> = printers.iter().chain(&jobs).filter(|reason| !reason.waits_for.is_empty()).collect();
    [
        head("Why a job waits", "`GET /v1/jobs/{id}/why` gives these codes, new ones may come."),
        "\n## Why it does not run on one printer\n".to_owned(),
        table(&["code", "says", "what to do"], printers.iter().map(row)),
        "\n## Why it runs nowhere\n".to_owned(),
        table(&["code", "says", "what to do"], jobs.iter().map(row)),
        "\n## Codes that wait for their feature\n\nThey are words of the contract already, and nothing gives them yet.\n"
            .to_owned(),
        table(&["code", "waits for"], waiting.into_iter().map(|reason| vec![code(reason.code), reason.waits_for.to_owned()])),
    ]
    .concat()
}

fn row(reason: &Reason) -> Vec<String> {
    vec![code(reason.code), reason.sentence.to_owned(), reason.fix.to_owned()]
}

fn of_printers() -> Vec<Reason> {
    let all = PrinterReason::ALL.iter();
    all.map(|reason| Reason {
        code: reason.code(),
        sentence: reason.sentence(),
        fix: reason.fix(),
        waits_for: reason.waits_for(),
    })
    .collect()
}

fn of_jobs() -> Vec<Reason> {
    let all = JobReason::ALL.iter();
    all.map(|reason| Reason {
        code: reason.code(),
        sentence: reason.sentence(),
        fix: reason.fix(),
        waits_for: reason.waits_for(),
    })
    .collect()
}
