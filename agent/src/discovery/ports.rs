//! The serial ports of this machine, by the names that stay when a cable is moved.

use std::path::Path;

use drivers::discovery::of_device;

use super::Scanned;

const MOST: usize = 256;

/// What stands on serial ports. Where there is no such list, no port has a device.
pub(super) async fn listed(folder: &Path) -> Scanned {
    let mut found = Scanned::default();
    let mut entries = match tokio::fs::read_dir(folder).await {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return found,
        Err(error) => {
            found.hindrances.push(format!("The serial ports in {} cannot be listed ({error}).", folder.display()));
            return found;
        }
    };
    for _ in 0..MOST {
        let Ok(Some(entry)) = entries.next_entry().await else { break };
        let (name, path) = (entry.file_name(), entry.path());
        found.sightings.extend(of_device(&name.to_string_lossy(), &path.to_string_lossy()));
    }
    found
}
