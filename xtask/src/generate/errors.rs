//! errors.md: every code that a problem can have.

use contract::problem::Code;

use super::table::{code, head, table};

pub fn page() -> String {
    let row =
        |error: &Code| vec![code(error.word()), error.status().to_string(), error.title().to_owned(), error.fix().to_owned()];
    [
        head("Errors", "`GET /v1/errors` answers the same."),
        table(&["code", "status", "what is wrong", "what to do"], Code::ALL.iter().map(row)),
    ]
    .concat()
}
