//! The relay's settings: parsed once, wholly. Unknown keys refuse.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use api::audit::AuditDays;
use api::limits::LimitSettings;
use domain::network::Network;
use ipnet::IpNet;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The relay's settings file.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Where the database, the files and the installation's key lie.
    pub data_dir: PathBuf,
    /// Where the API and the page are served. Without a certificate only this machine can reach it.
    pub listen: SocketAddr,
    /// Where MQTT is served; the same holds for it.
    pub mqtt_listen: SocketAddr,
    /// Networks of the proxies in front of the page and the API, such as 127.0.0.1: what they say of the caller's address and of TLS
    /// is believed. MQTT goes by the address of the connection.
    pub trusted_proxies: Vec<Network>,
    /// False for a relay where nothing is real: its own events say so, and webhooks get the events of test farms unasked.
    pub live: bool,
    /// Networks of your own that webhooks may reach, such as 10.1.0.0/16: also without encryption, and although they are not of
    /// the open internet.
    #[schemars(with = "Vec<String>")]
    pub webhook_networks: Vec<IpNet>,
    /// Below this room on the disk no content is taken in, so that facts still fit.
    pub disk_reserve_mib: u64,
    /// Content of one store that its farms have not fetched yet: at most so much.
    pub store_content_mib: u64,
    /// And at most so many files.
    pub store_content_files: u64,
    /// Copies of content that only save a way: at most so much of them all.
    pub cache_mib: u64,
    /// How long entries of the audit are kept, in days: at least 30. What is left of older ones is a signed checkpoint.
    pub audit_days: AuditDays,
    /// The certificate (PEM, with those that vouch for it) that the page, the API and MQTT are served with over TLS.
    pub certificate: Option<PathBuf>,
    /// The certificate's private key (PEM). Both files are read anew when they change.
    pub private_key: Option<PathBuf>,
    /// Names besides addresses and `*.local` under which the page may be called; the first stands in printed links over TLS, and passkeys
    /// hold for it.
    pub host_names: Vec<String>,
    /// Identity providers (OpenID Connect) that people can sign in by.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub oidc: Vec<Provider>,
    /// How often somebody may call.
    pub limits: LimitSettings,
}

/// An identity provider.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Provider {
    /// What people call it; it stands on the button.
    pub name: String,
    /// Its issuer, such as `https://accounts.example`: what it says of verified e-mail addresses is believed.
    pub issuer: String,
    /// What it knows this relay by.
    pub client_id: String,
    /// A file with the secret that goes with it.
    pub client_secret_file: PathBuf,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            data_dir: PathBuf::from("/var/lib/gantry-relay"),
            listen: SocketAddr::from(([127, 0, 0, 1], 7480)),
            mqtt_listen: SocketAddr::from(([127, 0, 0, 1], 1883)),
            trusted_proxies: Vec::new(),
            live: true,
            limits: LimitSettings::default(),
            webhook_networks: Vec::new(),
            disk_reserve_mib: 64,
            store_content_mib: 8192,
            store_content_files: 1000,
            cache_mib: 2048,
            audit_days: AuditDays::default(),
            certificate: None,
            private_key: None,
            host_names: Vec::new(),
            oidc: Vec::new(),
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
    Wrong(PathBuf, toml::de::Error),
}

impl Config {
    /// Reads a settings file.
    ///
    /// # Errors
    /// What is wrong with it, and where.
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(path).map_err(|error| ConfigError::Unreadable(path.to_owned(), error))?;
        toml::from_str(&text).map_err(|error| ConfigError::Wrong(path.to_owned(), error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sample_of_the_settings_is_the_default_and_names_every_key() {
        let sample = include_str!("../../config/relay.toml");
        let shown: String = sample
            .lines()
            .filter_map(|line| line.strip_prefix('#'))
            .filter(|line| line.contains(" = ") || line.starts_with('['))
            .fold(String::new(), |all, line| all + line + "\n");
        let (mut shown, default): (toml::Table, toml::Table) =
            (toml::from_str(&shown).unwrap(), toml::Table::try_from(Config::default()).unwrap());
        for without_default in ["certificate", "private_key", "oidc"] {
            assert!(shown.remove(without_default).is_some(), "{without_default}");
        }
        assert_eq!(shown, default);
        assert!(toml::from_str::<Config>(sample).is_ok());
        assert!(toml::from_str::<Config>("listen_to = 5").is_err());
    }
}
