//! Compares the code's catalogues with the hand-written docs/product.md. The page is the law: whoever changes a permission, a state, an
//! event or a waiting reason changes the page first. Reads the page only here; nothing is generated from it.

use std::collections::BTreeSet;

use contract::event::Named;
use domain::permission::Permission;
use domain::role::Role;
use domain::state::{Phase, StateWord};
use domain::waiting::{JobReason, PrinterReason};

const LAW: &str = include_str!("../../docs/product.md");

type Words = BTreeSet<String>;

#[test]
fn the_catalogue_of_permissions_is_that_of_the_law() {
    let named = table("### Permissions").iter().flat_map(|row| words(&row[0])).collect();
    check(&named, Permission::ALL.iter().map(|permission| permission.name()));
}

#[test]
fn no_permission_stands_twice_in_the_law() {
    let named: Vec<String> = table("### Permissions").iter().flat_map(|row| words(&row[0])).collect();
    let twice: Vec<&String> = named.iter().filter(|name| named.iter().filter(|other| other == name).count() > 1).collect();
    assert_eq!(twice, Vec::<&String>::new());
}

#[test]
fn the_roles_have_what_the_law_gives_them() {
    for (column, role) in [(1, Role::Operator), (2, Role::PartManager), (3, Role::Viewer)] {
        let rows = table("### Permissions");
        let given = rows.iter().filter(|row| row[column] == "✓").flat_map(|row| words(&row[0])).collect();
        check(&given, role.permissions().iter().map(Permission::name));
    }
}

#[test]
fn the_states_of_a_job_and_their_phases_are_those_of_the_law() {
    let rows = table("## Job states");
    for (name, phase) in [("`waiting`", Phase::Waiting), ("`active`", Phase::Active), ("`done`", Phase::Done)] {
        let named = rows.iter().filter(|row| row[0] == name).flat_map(|row| words(&row[1])).collect();
        check(&named, StateWord::ALL.iter().filter(|word| word.phase() == phase).map(|word| word.name()));
    }
}

#[test]
fn the_events_with_a_name_of_their_own_are_those_of_the_law() {
    check(
        &words(&section("### Events with a name of their own")).into_iter().collect(),
        Named::ALL.iter().map(|named| named.word()),
    );
}

#[test]
fn the_waiting_reasons_are_those_of_the_law() {
    check(&words(&section("### On one printer")).into_iter().collect(), PrinterReason::ALL.iter().map(|reason| reason.code()));
    check(&words(&section("### Anywhere")).into_iter().collect(), JobReason::ALL.iter().map(|reason| reason.code()));
}

#[test]
fn the_shorthand_of_the_law_stands_for_each_of_its_names() {
    assert_eq!(words("`a.view` and `b.{edit,edit_own}`"), ["a.view", "b.edit", "b.edit_own"]);
}

/// What docs/security.md says is tried, is tried.
#[test]
fn the_tests_that_the_page_of_attacks_names_are_there() {
    let workspace = crate::workspace::Workspace::read().unwrap();
    let text: String = workspace.files.iter().map(|file| file.text.as_str()).collect();
    let page = include_str!("../../docs/security.md");
    let (_, table) = page.split_once("## What is tried").unwrap();
    let rows: Vec<&str> = table.lines().filter(|line| line.starts_with("| API")).collect();
    assert_eq!(rows.len(), 10);
    for row in rows {
        let names = words(row.rsplit('|').nth(1).unwrap());
        assert!(!names.is_empty(), "{row}");
        let missing: Vec<&String> = names.iter().filter(|name| !text.contains(&format!("fn {name}("))).collect();
        assert!(missing.is_empty(), "no such tests: {missing:?}");
    }
}

fn check(law: &Words, code: impl Iterator<Item = &'static str>) {
    let code: Words = code.map(str::to_owned).collect();
    let only_law: Vec<&String> = law.difference(&code).collect();
    let only_code: Vec<&String> = code.difference(law).collect();
    assert!(
        only_law.is_empty() && only_code.is_empty(),
        "docs/product.md and the code differ: only the page has {only_law:?}, only the code has {only_code:?}"
    );
    assert!(!law.is_empty(), "docs/product.md names nothing here: was a heading renamed?");
}

/// What stands between a heading and the next.
fn section(heading: &str) -> String {
    let lines = LAW.lines().skip_while(|line| *line != heading).skip(1);
    lines.take_while(|line| !line.starts_with('#')).fold(String::new(), |text, line| text + line + "\n")
}

/// The rows of a section's table without its titles.
fn table(heading: &str) -> Vec<Vec<String>> {
    let section = section(heading);
    let rows = section.lines().filter(|line| line.starts_with('|')).skip(2);
    rows.map(|row| row.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect()).collect()
}

/// What stands in backticks; `resource.{a,b}` is two names.
fn words(text: &str) -> Vec<String> {
    text.split('`').skip(1).step_by(2).flat_map(spelled_out).collect()
}

fn spelled_out(word: &str) -> Vec<String> {
    match word.strip_suffix('}').and_then(|word| word.split_once('{')) {
        Some((stem, ends)) => ends.split(',').map(|end| format!("{stem}{end}")).collect(),
        None => vec![word.to_owned()],
    }
}
