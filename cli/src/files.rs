//! `gantry files`: sliced content.

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use contract::ops::files::{DeleteFile, DownloadFile, ListFiles, UploadFile};
use domain::file::File;
use reqwest::multipart::{Form, Part};
use serde_json::Value;

use crate::client::Ask;
use crate::failure::{Exit, Failure};
use crate::output::broken;
use crate::pages::{Pages, details, verb_or_list};
use crate::session::Session;
use crate::table::{Cell, Table, words};

/// `gantry files`.
#[derive(Args)]
pub struct Files {
    #[command(subcommand)]
    verb: Option<Verb>,
    #[command(flatten)]
    list: List,
}

#[derive(Subcommand)]
enum Verb {
    /// List the files, newest first.
    List(List),
    /// Show what was read out of a file.
    Show(One),
    /// Upload sliced files. The same content under the same name is the same file.
    Upload(Upload),
    /// Download a file.
    Download(Download),
    /// Delete files. Refused while a job or a part uses one.
    Delete(Several),
}

#[derive(Args, Default, PartialEq)]
struct List {
    /// Only with this text in the name.
    #[arg(long)]
    search: Option<String>,
    /// Only for that printer model.
    #[arg(long)]
    model: Option<String>,
    #[command(flatten)]
    pages: Pages,
}

#[derive(Args)]
struct One {
    /// Name or id.
    file: String,
}

#[derive(Args)]
struct Several {
    /// Names or ids.
    #[arg(required = true)]
    files: Vec<String>,
}

#[derive(Args)]
struct Upload {
    /// Files here.
    #[arg(required = true)]
    paths: Vec<PathBuf>,
}

#[derive(Args)]
struct Download {
    #[command(flatten)]
    file: One,
    /// Where to; `-` = standard output. Else the file's own name in this folder.
    #[arg(long, short)]
    output: Option<PathBuf>,
    /// Write over what is there.
    #[arg(long)]
    force: bool,
}

impl Files {
    /// Does it.
    pub async fn run(self, s: &Session) -> Result<(), Failure> {
        match verb_or_list(self.verb, self.list, Verb::List)? {
            Verb::List(list) => list.run(s).await,
            Verb::Show(one) => show(s, &one.file).await,
            Verb::Upload(what) => {
                let mut last = None;
                for path in what.paths {
                    let file = upload(s, &path).await?;
                    s.out.answer(&file, |file| format!("{} is here ({}).", words(&file["name"]), words(&file["id"])))?;
                    last = Some(words(&file["id"]));
                }
                s.out.next(&format!("gantry jobs create {}", last.unwrap_or_default()));
                Ok(())
            }
            Verb::Download(what) => what.run(s).await,
            Verb::Delete(which) => {
                s.out.confirm(&format!("Delete {} for ever?", which.files.join(", ")))?;
                for which in which.files {
                    let id = s.id::<File>(&which).await?;
                    s.call::<DeleteFile>(Ask::of(id)).await?;
                    s.out.note(&format!("{which} is deleted."));
                }
                Ok(())
            }
        }
    }
}

/// Brings a file from here to the farm.
///
/// # Errors
/// It cannot be read, or the farm refuses it.
pub async fn upload(s: &Session, path: &Path) -> Result<Value, Failure> {
    let part = Part::file(path).await.map_err(|error| {
        let exit = if error.kind() == std::io::ErrorKind::NotFound { Exit::NotFound } else { Exit::Fail };
        Failure::new(exit, format!("{} cannot be read: {error}", path.display()))
    })?;
    let request = s.client.request::<UploadFile>(Ask::all())?.multipart(Form::new().part("file", part));
    let answer = s.client.send(request).await.map_err(|mut failure| {
        failure.text = format!("{}: {}", path.display(), failure.text);
        failure
    })?;
    Ok(answer.json().await?)
}

impl List {
    async fn run(self, s: &Session) -> Result<(), Failure> {
        let ask = Ask::all().query("q", self.search).query("model", self.model);
        let row = |file: &Value| {
            vec![
                Cell::of(&file["name"]),
                Cell::bytes(&file["size_bytes"]),
                Cell::of(&file["sliced"]["printer_model"]),
                Cell::seconds(&file["sliced"]["estimated_seconds"]),
                Cell::time(&file["created_at"], s.out.now),
                Cell::id(&file["id"]),
            ]
        };
        let head = &["NAME", "SIZE", "MODEL", "TAKES", "CAME", "ID"];
        let none = "No files. `gantry files upload FILE` brings one.";
        self.pages.list::<ListFiles>(s, ask, |page| Table::new(head, none, page.iter().map(row))).await
    }
}

async fn show(s: &Session, which: &str) -> Result<(), Failure> {
    let file = s.find::<File>(which).await?;
    s.out.table(&file, |file| {
        let sliced = &file["sliced"];
        let of_filaments = |field: &str| {
            let filaments = sliced["filaments"].as_array().into_iter().flatten();
            Cell::text(filaments.map(|filament| words(&filament[field])).collect::<Vec<_>>().join(","))
        };
        let warnings = sliced["warnings"].as_array().into_iter().flatten().map(|warning| words(&warning["code"]));
        details([
            ("name", Cell::of(&file["name"])),
            ("size", Cell::bytes(&file["size_bytes"])),
            ("model", Cell::of(&sliced["printer_model"])),
            ("nozzles", Cell::of(&sliced["nozzle_diameters_mm"])),
            ("material", of_filaments("material")),
            ("grams", of_filaments("grams")),
            ("takes", Cell::seconds(&sliced["estimated_seconds"])),
            ("layers", Cell::of(&sliced["layer_count"])),
            ("slicer", Cell::of(&sliced["slicer"]["name"])),
            ("warnings", Cell::text(warnings.collect::<Vec<_>>().join(","))),
            ("sha256", Cell::id(&file["sha256"])),
            ("came", Cell::time(&file["created_at"], s.out.now)),
            ("id", Cell::id(&file["id"])),
        ])
    })?;
    s.out.next(&format!("gantry jobs create {}", words(&file["id"])));
    Ok(())
}

impl Download {
    async fn run(self, s: &Session) -> Result<(), Failure> {
        let file = s.find::<File>(&self.file.file).await?;
        let mut answer = s.client.open::<DownloadFile>(Ask::of(words(&file["id"]))).await?;
        if self.output.as_deref() == Some(Path::new("-")) {
            let mut out = std::io::stdout().lock();
            while let Some(piece) = answer.chunk().await? {
                out.write_all(&piece).map_err(|error| broken(&error))?;
            }
            return out.flush().map_err(|error| broken(&error));
        }
        // Only the last part of a name that a farm gave: it names a file, never a place.
        let own = || Path::new(file["name"].as_str().unwrap_or_default()).file_name().map(PathBuf::from);
        let path = self
            .output
            .or_else(own)
            .ok_or_else(|| Failure::usage("the file has no name here").hint("Name one with --output."))?;
        let cannot = |error: &dyn std::fmt::Display| Failure::fail(format!("{} cannot be written: {error}", path.display()));
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let mut partial = tempfile::NamedTempFile::new_in(folder).map_err(|error| cannot(&error))?;
        while let Some(piece) = answer.chunk().await? {
            partial.write_all(&piece).map_err(|error| cannot(&error))?;
        }
        // Whole or not at all.
        let kept = if self.force { partial.persist(&path) } else { partial.persist_noclobber(&path) };
        match kept {
            Ok(_) => {
                s.out.note(&format!("{} is here.", path.display()));
                Ok(())
            }
            Err(error) if error.error.kind() == std::io::ErrorKind::AlreadyExists => {
                Err(Failure::new(Exit::Refused, format!("{} is there already", path.display())).hint("--force writes over it."))
            }
            Err(error) => Err(cannot(&error.error)),
        }
    }
}
