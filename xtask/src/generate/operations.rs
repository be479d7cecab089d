//! operations.md: the registry as a table, one line an operation.

use contract::operation::OperationRow;

use super::permissions::access;
use super::table::{code, head, table, word};

pub fn page(rows: &[OperationRow]) -> String {
    let says = "`home` is whose facts they are; `offline` is what a relay does while the farm is away; `ai` is what an AI agent gets of it; `many` is the path for up to 200 at once. Details are in `openapi.json`.";
    let titles = ["operation", "method", "path", "asks for", "home", "offline", "ai", "many"];
    [head("Operations", says), table(&titles, rows.iter().map(line))].concat()
}

fn line(row: &OperationRow) -> Vec<String> {
    vec![
        code(row.id),
        row.method.word().to_owned(),
        code(row.path),
        access(row.access),
        word(row.home),
        word(row.nature),
        word(row.ai),
        row.bulk_path().map(code).unwrap_or_default(),
    ]
}
