//! Where the farm is and which key opens it: from the environment, or from the file that `gantry login`
//! writes. A key never comes from a flag, where every user of the machine could read it.

use std::io::{BufRead, IsTerminal, Read, Write};
use std::path::{Path, PathBuf};

use contract::ops::access::GetMe;
use serde::{Deserialize, Serialize};

use crate::client::{Ask, Client};
use crate::failure::{Exit, Failure};
use crate::output::Output;

/// Where an agent listens if nobody says otherwise.
const DEFAULT_URL: &str = "http://127.0.0.1:7470";

/// What `gantry login` keeps.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Kept {
    url: String,
    key: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ca_file: Option<PathBuf>,
}

/// A client of the farm that the command line, the environment or the file names.
///
/// # Errors
/// There is no key, or the file cannot be read.
pub fn client(url: Option<&str>, ca_file: Option<&Path>) -> Result<Client, Failure> {
    let kept = file().as_deref().map(read).transpose()?.flatten();
    let from_environment = std::env::var("GANTRY_KEY").ok().filter(|key| !key.is_empty());
    let kept_ca_file = kept.as_ref().and_then(|kept| kept.ca_file.clone());
    let (url, key) = choose(url, from_environment, kept)?;
    Client::new(&url, key, ca_file.or(kept_ca_file.as_deref()))
}

/// A key of the file goes to the address of the file only: another address must not get to see it.
fn choose(url: Option<&str>, key: Option<String>, kept: Option<Kept>) -> Result<(String, String), Failure> {
    let none = |url: &str| {
        Failure::new(Exit::Auth, format!("there is no key for {url}"))
            .hint("Run `gantry login`, or set GANTRY_KEY. A key is made on the page, or by `gantry keys create`.")
    };
    match (url, key, kept) {
        (url, Some(key), kept) => {
            let url = url.map(str::to_owned).or_else(|| kept.map(|kept| kept.url)).unwrap_or_else(|| DEFAULT_URL.to_owned());
            Ok((url, key))
        }
        (None, None, Some(kept)) => Ok((kept.url, kept.key)),
        (Some(url), None, Some(kept)) if same_place(url, &kept.url) => Ok((kept.url, kept.key)),
        (Some(url), None, _) => Err(none(url)),
        (None, None, None) => Err(none(DEFAULT_URL)),
    }
}

fn same_place(a: &str, b: &str) -> bool {
    a.trim_end_matches('/') == b.trim_end_matches('/')
}

/// `gantry login`: reads a key from standard input, tries it, and keeps it.
///
/// # Errors
/// The key does not open the farm, or cannot be kept.
pub async fn login(url: Option<&str>, ca_file: Option<&Path>, output: &Output) -> Result<(), Failure> {
    let path = file().ok_or_else(|| Failure::fail("there is no home folder to keep the key in: set XDG_CONFIG_HOME"))?;
    let url = url.unwrap_or(DEFAULT_URL).to_owned();
    let key = ask_for_key(&url)?;
    // Later commands are given from other folders.
    let absolute = |path: &Path| std::path::absolute(path).map_err(Failure::usage);
    let ca_file = ca_file.map(absolute).transpose()?;
    let client = Client::new(&url, key.clone(), ca_file.as_deref())?;
    let me = client.call::<GetMe>(Ask::all()).await?;
    let kept = serde_json::to_string_pretty(&Kept { url: url.clone(), key, ca_file }).map_err(Failure::fail)?;
    write_private(&path, &kept).map_err(|error| Failure::fail(format!("{} cannot be written: {error}", path.display())))?;
    let here = ["127.0.0.1", "localhost", "[::1]"];
    if url.strip_prefix("http://").is_some_and(|host| !here.iter().any(|here| host.starts_with(here))) {
        output.note("Careful: without https everybody on the way can read the key.");
    }
    output.answer(&me, |_| {
        format!("Signed in to {url} as {}. The key is kept in {}.", crate::output::actor(&me["actor"]), path.display())
    })?;
    output.next("gantry status");
    Ok(())
}

/// `gantry logout`: forgets the key. It stays valid until it is revoked.
///
/// # Errors
/// The file cannot be removed.
pub fn logout(output: &Output) -> Result<(), Failure> {
    let Some(path) = file().filter(|path| path.exists()) else {
        output.note("No key is kept here.");
        return Ok(());
    };
    std::fs::remove_file(&path).map_err(|error| Failure::fail(format!("{} cannot be removed: {error}", path.display())))?;
    output.note("The key is forgotten here. It stays valid: `gantry keys revoke` ends it.");
    Ok(())
}

fn ask_for_key(url: &str) -> Result<String, Failure> {
    let stdin = std::io::stdin();
    let cannot = |error| Failure::fail(format!("the key cannot be read: {error}"));
    let text = if stdin.is_terminal() {
        eprint!("Key for {url} (it is not shown): ");
        let text = rpassword::read_password().map_err(cannot)?;
        eprintln!();
        text
    } else {
        let mut line = String::new();
        stdin.lock().take(1000).read_line(&mut line).map_err(cannot)?;
        line
    };
    let key = text.trim().to_owned();
    if key.is_empty() {
        return Err(Failure::usage("no key was given").hint("Type it, or pipe it in: `gantry login < key.txt`."));
    }
    Ok(key)
}

fn file() -> Option<PathBuf> {
    let absolute = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let folder =
        absolute("XDG_CONFIG_HOME").or_else(|| Some(absolute("HOME").or_else(|| absolute("APPDATA"))?.join(".config")))?;
    Some(folder.join("gantry").join("login.json"))
}

fn read(path: &Path) -> Result<Option<Kept>, Failure> {
    match std::fs::read_to_string(path) {
        Ok(text) => serde_json::from_str(&text).map(Some).map_err(|error| {
            Failure::fail(format!("{} is not right: {error}", path.display())).hint("`gantry login` writes it anew.")
        }),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Failure::fail(format!("{} cannot be read: {error}", path.display()))),
    }
}

/// A new file takes the old one's place whole, and was never readable by others.
fn write_private(path: &Path, text: &str) -> std::io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder)?;
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(text.as_bytes())?;
    file.persist(path)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept() -> Option<Kept> {
        Some(Kept { url: "http://farm:1".into(), key: "kept".into(), ca_file: None })
    }

    fn chosen(url: Option<&str>, key: Option<&str>, kept: Option<Kept>) -> Option<(String, String)> {
        choose(url, key.map(str::to_owned), kept).ok()
    }

    #[test]
    fn a_kept_key_never_goes_to_another_address() {
        assert_eq!(chosen(Some("http://elsewhere"), None, kept()), None);
        assert_eq!(chosen(Some("http://farm:1/"), None, kept()), Some(("http://farm:1".into(), "kept".into())));
        assert_eq!(chosen(None, None, kept()), Some(("http://farm:1".into(), "kept".into())));
    }

    #[test]
    fn the_environments_key_is_stronger_than_the_kept_one() {
        assert_eq!(chosen(None, Some("mine"), kept()), Some(("http://farm:1".into(), "mine".into())));
        assert_eq!(chosen(None, Some("mine"), None), Some((DEFAULT_URL.into(), "mine".into())));
        assert_eq!(chosen(Some("http://b"), Some("mine"), kept()), Some(("http://b".into(), "mine".into())));
    }

    #[test]
    fn without_any_key_the_next_step_is_named() {
        let failure = choose(None, None, None).unwrap_err();
        assert_eq!(failure.exit, Exit::Auth);
        assert!(failure.hint.unwrap().contains("gantry login"));
    }

    #[cfg(unix)]
    #[test]
    fn a_kept_key_is_readable_by_its_owner_alone() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("gantry").join("login.json");
        for text in ["a", "b"] {
            write_private(&path, text).unwrap();
            assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
            assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
        }
    }
}
