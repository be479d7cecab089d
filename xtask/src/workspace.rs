//! The repository as values: its files and its crates, read once. The rules work on these and touch no disk themselves.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, PackageId};

/// Everything that the rules look at.
pub struct Workspace {
    pub root: PathBuf,
    pub members: Vec<Member>,
    /// Every file that git knows or would add, with its text; those that are not text are left out.
    pub files: Vec<SourceFile>,
}

/// One crate of this repository.
pub struct Member {
    /// `store` for the package `gantry-store`.
    pub room: String,
    pub description: String,
    pub licence: Option<String>,
    /// Its Cargo.toml, relative to the root.
    pub manifest: String,
    /// The rooms that its manifest names, for building, testing or both.
    pub uses: BTreeSet<String>,
    /// Every package that is linked into it, with the chain of names by which it comes in.
    pub links: BTreeMap<String, Vec<String>>,
}

/// A text file, by its path from the root.
pub struct SourceFile {
    pub path: String,
    pub text: String,
}

impl Workspace {
    pub fn read() -> Result<Self, String> {
        let metadata = MetadataCommand::new().exec().map_err(|error| format!("cargo metadata failed: {error}"))?;
        let root = metadata.workspace_root.clone().into_std_path_buf();
        let files = files_below(&root)?;
        Ok(Self { members: members(&metadata), files, root })
    }

    pub fn file(&self, path: &str) -> Option<&SourceFile> {
        self.files.iter().find(|file| file.path == path)
    }
}

fn members(metadata: &Metadata) -> Vec<Member> {
    let mut members: Vec<Member> = metadata
        .workspace_packages()
        .into_iter()
        .map(|package| Member {
            room: room(&package.name),
            description: package.description.clone().unwrap_or_default(),
            licence: package.license.clone(),
            manifest: package.manifest_path.strip_prefix(&metadata.workspace_root).unwrap_or(&package.manifest_path).to_string(),
            uses: package.dependencies.iter().filter(|used| used.path.is_some()).map(|used| room(&used.name)).collect(),
            links: links(metadata, &package.id),
        })
        .collect();
    members.sort_by(|a, b| a.room.cmp(&b.room));
    members
}

fn room(package: &str) -> String {
    match package {
        "gantry" => "cli",
        other => other.strip_prefix("gantry-").unwrap_or(other),
    }
    .to_owned()
}

/// A walk outward over normal dependencies, nearest first, so that each chain is a shortest one.
fn links(metadata: &Metadata, start: &PackageId) -> BTreeMap<String, Vec<String>> {
    let nodes =
        metadata.resolve.iter().flat_map(|resolve| &resolve.nodes).map(|node| (&node.id, node)).collect::<BTreeMap<_, _>>();
    let mut chains: BTreeMap<&PackageId, Vec<String>> = BTreeMap::from([(start, Vec::new())]);
    let mut border = vec![start];
    while !border.is_empty() {
        let mut next = Vec::new();
        for id in border {
            let chain = chains[id].clone();
            let used = nodes.get(id).into_iter().flat_map(|node| &node.deps);
            for dependency in used.filter(|used| used.dep_kinds.iter().any(|kind| kind.kind == DependencyKind::Normal)) {
                if !chains.contains_key(&dependency.pkg) {
                    let mut longer = chain.clone();
                    longer.push(metadata[&dependency.pkg].name.to_string());
                    chains.insert(&dependency.pkg, longer);
                    next.push(&dependency.pkg);
                }
            }
        }
        border = next;
    }
    chains.into_values().filter_map(|chain| Some((chain.last()?.clone(), chain))).collect()
}

fn files_below(root: &PathBuf) -> Result<Vec<SourceFile>, String> {
    let listed = Command::new("git")
        .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
        .current_dir(root)
        .output()
        .map_err(|error| format!("git ls-files could not be run: {error}"))?;
    if !listed.status.success() {
        return Err(format!("git ls-files failed: {}", String::from_utf8_lossy(&listed.stderr)));
    }
    let paths: BTreeSet<String> = listed
        .stdout
        .split(|byte| *byte == 0)
        .filter(|path| !path.is_empty())
        .map(|path| String::from_utf8_lossy(path).into_owned())
        .collect();
    // A file that was deleted but not yet committed is listed too, and is simply not there.
    Ok(paths
        .into_iter()
        .filter_map(|path| fs::read_to_string(root.join(&path)).ok().map(|text| SourceFile { path, text }))
        .collect())
}
