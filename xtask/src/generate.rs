//! Writes docs/generated out of the code, so that a change of a permission, a state or an error shows as a diff of a page that
//! anyone can read. A page is a pure function of the code: no clock, no machine, no order of a hash map in it.

use std::fs;
use std::path::Path;

use crate::tidy::arrows;
use crate::workspace::Workspace;

const FOLDER: &str = "docs/generated";

/// Written by `./test full`, which is the only one to know them.
const RECORDED: &[&str] = &["full-test.md"];

/// Every generated page: its name under docs/generated, and what stands in it. A new page is a new line here.
fn pages(workspace: &Workspace) -> Vec<(&'static str, String)> {
    vec![("crates.md", arrows::page(&workspace.members))]
}

/// Whether the pages are written or only compared.
#[derive(Clone, Copy)]
pub enum Mode {
    Write,
    Check,
}

/// What stays wrong afterwards, one line each.
pub fn run(workspace: &Workspace, mode: Mode) -> Result<Vec<String>, String> {
    let pages = pages(workspace);
    match mode {
        Mode::Write => {
            for (name, content) in &pages {
                write(&workspace.root.join(FOLDER).join(name), content)?;
            }
            Ok(orphans(workspace, &pages))
        }
        Mode::Check => Ok([stale(workspace, &pages), orphans(workspace, &pages)].concat()),
    }
}

fn write(path: &Path, content: &str) -> Result<(), String> {
    let folder = path.parent().unwrap_or(path);
    fs::create_dir_all(folder)
        .and_then(|()| fs::write(path, content))
        .map_err(|error| format!("{}: not written: {error}", path.display()))
}

fn stale(workspace: &Workspace, pages: &[(&str, String)]) -> Vec<String> {
    let is_current = |path: &str, content: &str| workspace.file(path).is_some_and(|file| file.text == content);
    pages
        .iter()
        .map(|(name, content)| (format!("{FOLDER}/{name}"), content))
        .filter(|(path, content)| !is_current(path, content))
        .map(|(path, _)| format!("{path}:1: no longer says what the code says; run `cargo xtask generate` and commit it"))
        .collect()
}

fn orphans(workspace: &Workspace, pages: &[(&str, String)]) -> Vec<String> {
    let is_known = |name: &str| RECORDED.contains(&name) || pages.iter().any(|(page, _)| *page == name);
    workspace
        .files
        .iter()
        .filter_map(|file| file.path.strip_prefix(FOLDER)?.strip_prefix('/'))
        .filter(|name| !is_known(name))
        .map(|name| format!("{FOLDER}/{name}:1: nothing generates it; delete it, or list it in xtask/src/generate.rs"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace::SourceFile;

    fn repository(files: &[(&str, &str)]) -> Workspace {
        let files = files.iter().map(|(path, text)| SourceFile { path: (*path).to_owned(), text: (*text).to_owned() }).collect();
        Workspace { root: "/nowhere".into(), members: Vec::new(), files }
    }

    #[test]
    fn a_page_that_differs_or_is_missing_is_named() {
        let workspace = repository(&[("docs/generated/a.md", "old"), ("docs/generated/b.md", "same")]);
        let pages = [("a.md", "new".to_owned()), ("b.md", "same".to_owned()), ("c.md", "never written".to_owned())];
        let named: Vec<String> =
            stale(&workspace, &pages).iter().map(|line| line.split(':').next().unwrap().to_owned()).collect();
        assert_eq!(named, ["docs/generated/a.md", "docs/generated/c.md"]);
    }

    #[test]
    fn a_page_that_nothing_generates_is_named() {
        let workspace =
            repository(&[("docs/generated/left-over.md", ""), ("docs/generated/full-test.md", ""), ("docs/other.md", "")]);
        assert_eq!(
            orphans(&workspace, &[]),
            ["docs/generated/left-over.md:1: nothing generates it; delete it, or list it in xtask/src/generate.rs"]
        );
    }
}
