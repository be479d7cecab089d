//! The agent's settings: parsed once, wholly. Unknown keys refuse.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The agent's settings file.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The farm's name when it is first started; afterwards it is changed on the page.
    pub farm_name: String,
    /// Where the database, the files and the installation's key lie.
    pub data_dir: PathBuf,
    /// Where the API and the page are served. Without a certificate only this machine can reach it.
    pub listen: SocketAddr,
    /// Names besides addresses and `*.local` under which the page may be called.
    pub host_names: Vec<String>,
    /// False for a farm of simulated printers: its events say so.
    pub live: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            farm_name: "Farm".to_owned(),
            data_dir: PathBuf::from("/var/lib/gantry"),
            listen: SocketAddr::from(([127, 0, 0, 1], 7470)),
            host_names: Vec::new(),
            live: true,
        }
    }
}

/// Settings that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("the settings file {0} cannot be read: {1}")]
    Unreadable(PathBuf, std::io::Error),
    /// The file makes no sense.
    #[error("the settings file {0} is not right: {1}")]
    Wrong(PathBuf, String),
}

impl Config {
    /// Reads a settings file.
    ///
    /// # Errors
    /// What is wrong with it, and where.
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(path).map_err(|error| ConfigError::Unreadable(path.to_owned(), error))?;
        Self::parse(&text).map_err(|error| ConfigError::Wrong(path.to_owned(), error))
    }

    /// Settings from the text of a file.
    ///
    /// # Errors
    /// What is wrong with it, and where.
    pub fn parse(text: &str) -> Result<Self, String> {
        toml::from_str(text).map_err(|error| error.to_string())
    }

    /// The JSON schema of the file.
    pub fn schema() -> serde_json::Value {
        schemars::schema_for!(Self).to_value()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_key_is_refused_with_its_place() {
        let error = Config::parse("farm_name = \"A\"\nlisten_to = 5\n").unwrap_err();
        assert!(error.contains("listen_to") && error.contains("line 2"), "{error}");
    }

    #[test]
    fn an_empty_file_is_the_default() {
        assert_eq!(Config::parse("").unwrap().listen.port(), 7470);
    }
}
