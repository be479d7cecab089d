//! What a new installation needs: its key, its farm. Also what must hold at every start.

use std::io::Write;
use std::path::Path;

use api::entropy::SystemEntropy;
use domain::actor::Actor;
use domain::farm::{Dispatch, Farm};
use domain::printer::Connection;
use domain::text::Name;
use domain::time::Timestamp;
use store::{By, Entropy, Store, StoreError};

/// The installation's key for secrets: made once, readable by the agent alone.
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

/// Makes the farm's record if there is none, and says that its agent is there.
///
/// # Errors
/// What the database says.
pub async fn farm(store: &Store, name: &str, now: Timestamp) -> Result<(), StoreError> {
    let id = store.home().farm_id;
    let name = Name::try_from(name.to_owned()).or_else(|_| "Farm".parse());
    store
        .write(By::new(Actor::farm(id), now), move |tx| {
            if let Some(row) = tx.get::<Farm>(id)? {
                let farm = Farm { connection: Connection::Online, ..row.record };
                tx.update(&farm)?;
                return Ok(());
            }
            let Ok(name) = name else { return Err(StoreError::Closed) };
            tx.create(&Farm {
                id,
                name,
                dispatch: Dispatch::Run,
                connection: Connection::Online,
                quarantine_after: 3,
                hold_file_after: 2,
                created_at: tx.now(),
            })
        })
        .await
}
