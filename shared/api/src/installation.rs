//! What every installation has of its own: the key for its secrets.

use std::io::Write;
use std::path::Path;

use store::Entropy;

use crate::entropy::SystemEntropy;

/// The installation's key for secrets: made once, readable by its own user alone.
///
/// # Errors
/// What the file system says.
pub fn key(folder: &Path) -> std::io::Result<[u8; 32]> {
    let make = || {
        let mut key = [0; 32];
        SystemEntropy.fill(&mut key);
        Ok(key.to_vec())
    };
    let key = secret_file(folder, "secret.key", make)?;
    key.try_into().map_err(|_| std::io::Error::other("secret.key is not a key of 32 bytes"))
}

/// A file that is made once and is readable by its own user alone.
///
/// # Errors
/// What the file system says.
pub fn secret_file(folder: &Path, name: &str, make: impl FnOnce() -> std::io::Result<Vec<u8>>) -> std::io::Result<Vec<u8>> {
    let path = folder.join(name);
    match std::fs::read(&path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let secret = make()?;
            let mut file = private(&path)?;
            file.write_all(&secret)?;
            file.sync_all()?;
            Ok(secret)
        }
        read => read,
    }
}

/// Puts another secret in the place of one, whole or not at all, and durable when it returns.
///
/// # Errors
/// What the file system says.
pub fn replace_secret_file(folder: &Path, name: &str, secret: &[u8]) -> std::io::Result<()> {
    let beside = folder.join(format!("{name}.new"));
    match std::fs::remove_file(&beside) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    let mut file = private(&beside)?;
    file.write_all(secret)?;
    file.sync_all()?;
    std::fs::rename(&beside, folder.join(name))?;
    // The name itself is durable only with its folder, where a folder can be opened.
    if cfg!(unix) { std::fs::File::open(folder)?.sync_all() } else { Ok(()) }
}

#[cfg(unix)]
fn private(path: &Path) -> std::io::Result<std::fs::File> {
    use std::os::unix::fs::OpenOptionsExt;
    std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}

#[cfg(not(unix))]
fn private(path: &Path) -> std::io::Result<std::fs::File> {
    std::fs::OpenOptions::new().write(true).create_new(true).open(path)
}
