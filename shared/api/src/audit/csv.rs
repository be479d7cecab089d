//! Entries as rows of a table (RFC 4180). Everything is quoted; what a spreadsheet would take for a formula is not one.

use contract::record::Document;
use serde_json::Value;

/// The first row.
pub const HEAD: &str = "at,home,number,actor_kind,actor,from,operation,subject,request_id,asked,changes,hash\r\n";

/// One entry.
pub fn row(entry: &Document) -> String {
    let actor = |name: &str| entry.get("actor").and_then(|actor| actor.get(name));
    let own = |name: &str| entry.get(name);
    let cells = [
        own("at"),
        own("home"),
        own("number"),
        actor("kind"),
        actor("id"),
        own("from"),
        own("operation"),
        own("subject"),
        own("request_id"),
        own("asked"),
        own("changes"),
        own("hash"),
    ];
    let cells: Vec<String> = cells.into_iter().map(cell).collect();
    cells.join(",") + "\r\n"
}

fn cell(value: Option<&Value>) -> String {
    let text = match value {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(value @ (Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_))) => value.to_string(),
    };
    let formula =
        text.trim_start().starts_with(['=', '+', '-', '@', '＝', '＋', '－', '＠']) || text.starts_with(['\t', '\r', '\n']);
    format!("\"{}{}\"", if formula { "'" } else { "" }, text.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn quotes_are_doubled_and_formulas_are_text() {
        for (value, expected) in [
            (json!("plain"), "\"plain\""),
            (json!("a \"b\", c\r\nd"), "\"a \"\"b\"\", c\r\nd\""),
            (json!("=1+1"), "\"'=1+1\""),
            (json!(" @SUM(A1)"), "\"' @SUM(A1)\""),
            (json!("\t=1"), "\"'\t=1\""),
            (json!("-2"), "\"'-2\""),
            (json!(7), "\"7\""),
            (json!({"a": "b"}), "\"{\"\"a\"\":\"\"b\"\"}\""),
            (json!(null), "\"\""),
        ] {
            assert_eq!(cell(Some(&value)), expected);
        }
    }
}
