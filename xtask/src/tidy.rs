//! The rules of this repository that no compiler knows. Each rule is a function from values to faults; nothing here mends anything.

pub mod arrows;
mod brands;
mod decisions;
mod sources;

use std::fmt;

use crate::workspace::Workspace;

/// One broken rule at one place.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fault {
    pub path: String,
    pub line: usize,
    pub what: String,
    pub mend: String,
}

impl Fault {
    fn new(path: &str, line: usize, what: impl Into<String>, mend: impl Into<String>) -> Self {
        Self { path: path.to_owned(), line, what: what.into(), mend: mend.into() }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}; {}", self.path, self.line, self.what, self.mend)
    }
}

pub fn faults(workspace: &Workspace) -> Result<Vec<Fault>, String> {
    let mut faults = arrows::faults(&workspace.members, |path| workspace.file(path).map_or("", |file| &file.text));
    faults.extend(workspace.files.iter().flat_map(sources::faults));
    faults.extend(brands::faults(&workspace.files));
    faults.extend(decisions::faults(&workspace.files));
    faults.sort();
    Ok(faults)
}
