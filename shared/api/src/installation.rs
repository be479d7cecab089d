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
    let path = folder.join("secret.key");
    match std::fs::read(&path) {
        Ok(bytes) => bytes.try_into().map_err(|_| std::io::Error::other(format!("{} is not a key of 32 bytes", path.display()))),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let mut key = [0; 32];
            SystemEntropy.fill(&mut key);
            let mut file = private(&path)?;
            file.write_all(&key)?;
            file.sync_all()?;
            Ok(key)
        }
        Err(error) => Err(error),
    }
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
