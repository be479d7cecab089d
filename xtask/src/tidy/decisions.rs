//! Decisions are found by their number, so every number is given once and none is missing. What they say is not looked at.

use super::Fault;
use crate::workspace::SourceFile;

const FOLDER: &str = "docs/decisions/";

pub fn faults(files: &[SourceFile]) -> Vec<Fault> {
    let mut faults = Vec::new();
    let mut expected = 1;
    // The files come sorted by path, hence by number.
    for file in files.iter().filter(|file| file.path.starts_with(FOLDER) && file.path != "docs/decisions/README.md") {
        let Some(number) = number(&file.path) else {
            faults.push(Fault::new(&file.path, 1, "a decision without a number", "name it NNNN-what-was-decided.md"));
            continue;
        };
        if number != expected {
            let what = format!("number {number:04} where {expected:04} comes next");
            faults.push(Fault::new(&file.path, 1, what, "number the decisions one by one, none twice"));
        }
        expected = number + 1;
    }
    faults
}

fn number(path: &str) -> Option<u32> {
    let (digits, rest) = path.strip_prefix(FOLDER)?.strip_suffix(".md")?.split_at_checked(4)?;
    rest.strip_prefix('-').filter(|title| !title.is_empty())?;
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(names: &[&str], expected: &[&str]) {
        let files: Vec<SourceFile> =
            names.iter().map(|name| SourceFile { path: format!("{FOLDER}{name}"), text: String::new() }).collect();
        let told: Vec<String> = faults(&files).into_iter().map(|fault| fault.what).collect();
        assert_eq!(told, expected);
    }

    #[test]
    fn numbers_without_gap_or_double_pass() {
        check(&["0001-rust.md", "0002-sqlite.md", "README.md"], &[]);
        check(&[], &[]);
    }

    #[test]
    fn a_gap_is_told_once() {
        check(&["0001-rust.md", "0003-sqlite.md", "0004-mqtt.md"], &["number 0003 where 0002 comes next"]);
    }

    #[test]
    fn a_number_given_twice_is_told() {
        check(&["0001-rust.md", "0001-sqlite.md"], &["number 0001 where 0002 comes next"]);
    }

    #[test]
    fn a_name_without_a_number_is_told() {
        check(&["0001-rust.md", "sqlite.md"], &["a decision without a number"]);
    }
}
