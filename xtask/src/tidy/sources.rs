//! What every source file looks like: a head that says why it exists, a name that says what it is, a length that can be read, and
//! no stray white space. Judges one file at a time, by its path and text.

use super::Fault;
use crate::workspace::SourceFile;

/// Names that say nothing: a homeless function shows a missing noun.
const BANNED_NAMES: &[&str] = &["util", "utils", "helper", "helpers", "common", "misc", "manager", "handler"];

const LONGEST: usize = 400;
const EXCUSE: &str = "tidy: long because ";

/// What other people wrote, or what must stay as it was recorded.
const NOT_OURS: &[&str] = &["LICENSE", "Cargo.lock", "tests/fixtures/"];

pub fn faults(file: &SourceFile) -> Vec<Fault> {
    if NOT_OURS.iter().any(|place| file.path.starts_with(place)) || components(&file.path).any(|name| name == "vendor") {
        return Vec::new();
    }
    [missing_head(file), banned_name(file), too_long(file), white_space(file)].concat()
}

#[derive(PartialEq)]
enum Language {
    Rust,
    Script,
    Other,
}

fn language(path: &str) -> Language {
    match path.rsplit_once('.').map(|(_, ending)| ending) {
        Some("rs") => Language::Rust,
        Some("js" | "mjs") => Language::Script,
        Some(_) | None => Language::Other,
    }
}

fn components(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').map(|name| name.split_once('.').map_or(name, |(stem, _)| stem))
}

fn missing_head(file: &SourceFile) -> Vec<Fault> {
    let (wants_one, begin) = match language(&file.path) {
        Language::Rust => (file.path.contains("/src/"), "//!"),
        Language::Script => (file.path.starts_with("shared/ui/"), "// or /**"),
        Language::Other => (false, ""),
    };
    if !wants_one || !head(file).trim_matches(['/', '!', '*', ' ', '\n']).is_empty() {
        return Vec::new();
    }
    let mend = format!("begin it with `{begin}`: why the room exists and what it must not do");
    vec![Fault::new(&file.path, 1, "no head comment", mend)]
}

/// The comment that a file begins with.
fn head(file: &SourceFile) -> &str {
    let text = file.text.as_str();
    let length = match language(&file.path) {
        Language::Rust => lines_that_start_with(text, "//!"),
        Language::Script if text.starts_with("/*") => text.find("*/").unwrap_or(text.len()),
        Language::Script => lines_that_start_with(text, "//"),
        Language::Other => 0,
    };
    &text[..length]
}

fn lines_that_start_with(text: &str, mark: &str) -> usize {
    text.split_inclusive('\n').take_while(|line| line.starts_with(mark)).map(str::len).sum()
}

fn banned_name(file: &SourceFile) -> Vec<Fault> {
    let banned = components(&file.path).find(|name| BANNED_NAMES.contains(name));
    banned
        .map(|name| Fault::new(&file.path, 1, format!("`{name}` says nothing"), "name it after the thing that it holds"))
        .into_iter()
        .collect()
}

fn too_long(file: &SourceFile) -> Vec<Fault> {
    if language(&file.path) == Language::Other || is_test(&file.path) {
        return Vec::new();
    }
    let length = lines_before_tests(&file.text);
    if length <= LONGEST || head(file).contains(EXCUSE) {
        return Vec::new();
    }
    let mend = format!("split it, or excuse it in its head: `{EXCUSE}...`");
    vec![Fault::new(&file.path, LONGEST + 1, format!("{length} lines without its tests, more than {LONGEST}"), mend)]
}

/// Simulators live under tests/ but are code that ships with the demo.
fn is_test(path: &str) -> bool {
    !path.starts_with("tests/simulators/src/") && components(path).any(|name| name == "tests")
}

fn lines_before_tests(text: &str) -> usize {
    let lines: Vec<&str> = text.lines().collect();
    let begins_tests = |pair: &[&str]| pair[0] == "#[cfg(test)]" && pair[1].starts_with("mod ");
    lines.windows(2).position(begins_tests).unwrap_or(lines.len())
}

fn white_space(file: &SourceFile) -> Vec<Fault> {
    let lines = file.text.lines().enumerate().map(|(index, line)| (index + 1, line));
    lines
        .flat_map(|(number, line)| {
            let trailing = (line.trim_end() != line)
                .then(|| Fault::new(&file.path, number, "white space at the end of the line", "take it out"));
            let tab = (language(&file.path) == Language::Rust && line.contains('\t'))
                .then(|| Fault::new(&file.path, number, "a tab", "use spaces, or `\\t` in a string"));
            trailing.into_iter().chain(tab)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(path: &str, text: &str, expected: &[&str]) {
        let file = SourceFile { path: path.to_owned(), text: text.to_owned() };
        let told: Vec<String> = faults(&file).into_iter().map(|fault| format!("{}: {}", fault.line, fault.what)).collect();
        assert_eq!(told, expected, "{path}");
    }

    fn long(head: &str, lines: usize, tail: &str) -> String {
        format!("{head}\n{}{tail}", "fn f() {}\n".repeat(lines - 1))
    }

    #[test]
    fn a_rust_module_begins_with_its_head() {
        check("relay/src/lib.rs", "//! The relay.\n", &[]);
        check("relay/src/lib.rs", "use a::b;\n//! Late.\n", &["1: no head comment"]);
        check("relay/src/lib.rs", "//!\n", &["1: no head comment"]);
        check("relay/build.rs", "fn main() {}\n", &[]);
    }

    #[test]
    fn a_module_of_the_page_begins_with_a_comment_unless_it_is_vendored() {
        check("shared/ui/page/queue.js", "// The queue.\n", &[]);
        check("shared/ui/page/queue.js", "/** The queue. */\n", &[]);
        check("shared/ui/page/queue.js", "export {}\n", &["1: no head comment"]);
        check("shared/ui/page/vendor/preact.js", "export {}  \n", &[]);
    }

    #[test]
    fn a_name_that_says_nothing_is_refused_for_files_and_folders() {
        check("relay/src/utils.rs", "//! Things.\n", &["1: `utils` says nothing"]);
        check("relay/src/common/mod.rs", "//! Things.\n", &["1: `common` says nothing"]);
        check("shared/ui/page/handler.test.js", "// Things.\n", &["1: `handler` says nothing"]);
        check("relay/src/commons.rs", "//! Lawns.\n", &[]);
    }

    #[test]
    fn a_long_file_is_refused_at_the_first_line_too_many() {
        check("relay/src/a.rs", &long("//! A.", 400, ""), &[]);
        check("relay/src/a.rs", &long("//! A.", 401, ""), &["401: 401 lines without its tests, more than 400"]);
    }

    #[test]
    fn tests_do_not_count_and_a_head_can_excuse() {
        check("relay/src/a.rs", &long("//! A.", 400, "#[cfg(test)]\nmod tests {\n}\n"), &[]);
        check("relay/src/a.rs", &long("//! A; tidy: long because it is one table.", 900, ""), &[]);
        check("tests/src/story.rs", &long("//! A.", 900, ""), &[]);
        check("tests/simulators/src/a.rs", &long("//! A.", 401, ""), &["401: 401 lines without its tests, more than 400"]);
    }

    #[test]
    fn a_function_for_tests_in_the_middle_does_not_end_the_count() {
        let text = format!("//! A.\n#[cfg(test)]\nfn f() {{}}\n{}", "fn f() {}\n".repeat(400));
        check("relay/src/a.rs", &text, &["401: 403 lines without its tests, more than 400"]);
    }

    #[test]
    fn stray_white_space_is_told_by_line() {
        check("relay/src/a.rs", "//! A.\nfn f() {} \n\tfn g() {}\n", &["2: white space at the end of the line", "3: a tab"]);
        check("README.md", "a\tb\n", &[]);
        check("tests/fixtures/a.gcode", "G1 \n", &[]);
    }
}
