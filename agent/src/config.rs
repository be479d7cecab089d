//! The agent's settings: parsed once, wholly. Unknown keys refuse.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use api::audit::AuditDays;
use api::limits::LimitSettings;
use domain::network::Network;
use ipnet::IpNet;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::fleet::core::Timing;

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
    /// The certificate (PEM, with those that vouch for it) that the page and the API are served with over TLS.
    pub certificate: Option<PathBuf>,
    /// The certificate's private key (PEM). Both files are read anew when they change.
    pub private_key: Option<PathBuf>,
    /// Names besides addresses and `*.local` under which the page may be called; the first stands in printed links over TLS.
    pub host_names: Vec<String>,
    /// Networks that operators may sign in from by PIN, and where their names are shown at the door. The default is every address that no
    /// internet carries; none = nobody signs in by PIN.
    #[schemars(with = "Vec<String>")]
    pub pin_networks: Vec<IpNet>,
    /// Networks of the proxies in front of the page, such as 127.0.0.1: what they say of the caller's address and of TLS is believed.
    pub trusted_proxies: Vec<Network>,
    /// False for a test farm, of simulated printers: its events say so, and test keys open it. Said at its first start, and never changed.
    pub live: bool,
    /// Below this room on the disk new work is refused, so that the floor's facts still fit.
    pub disk_reserve_mib: u64,
    /// After so many days the agent makes a new key for its line to the relay; 0 = only when somebody asks for it.
    pub rekey_days: u32,
    /// For so many days without having heard the relay the store's API keys are still believed here.
    pub account_copy_days: u32,
    /// How long entries of the audit are kept, in days: at least 30. What is left of older ones is a signed checkpoint.
    pub audit_days: AuditDays,
    /// How often somebody may call.
    pub limits: LimitSettings,
    /// Files (PEM) with the certificates of those that vouch for printers by their serial numbers, such as a maker's own. A printer
    /// that nobody vouches for needs its certificate confirmed.
    pub printer_authorities: Vec<PathBuf>,
    /// How long to wait for printers.
    pub timing: TimingSection,
}

/// `[timing]`: how long to wait for printers, in seconds. The defaults fit printers on a normal network.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct TimingSection {
    /// A print is started only on what was heard within this.
    pub fresh_seconds: u32,
    /// Silent for so long: stale.
    pub stale_seconds: u32,
    /// Silent for so long: offline.
    pub offline_seconds: u32,
    /// A broken line is only stale for so long.
    pub grace_seconds: u32,
    /// A start must show within this.
    pub start_seconds: u32,
    /// After a start that did not show, the printer is watched for so long.
    pub give_up_seconds: u32,
    /// After a restart, the printer is observed for so long before a print is given up as unknown.
    pub observe_seconds: u32,
}

impl Default for TimingSection {
    fn default() -> Self {
        let Timing { fresh_ms, stale_ms, offline_ms, lost_grace_ms, start_ms, give_up_ms, window_ms } = Timing::default();
        let seconds = |millis: i64| u32::try_from(millis / 1000).unwrap_or(u32::MAX);
        Self {
            fresh_seconds: seconds(fresh_ms),
            stale_seconds: seconds(stale_ms),
            offline_seconds: seconds(offline_ms),
            grace_seconds: seconds(lost_grace_ms),
            start_seconds: seconds(start_ms),
            give_up_seconds: seconds(give_up_ms),
            observe_seconds: seconds(window_ms),
        }
    }
}

impl From<&TimingSection> for Timing {
    fn from(section: &TimingSection) -> Self {
        let millis = |seconds: u32| i64::from(seconds) * 1000;
        Self {
            fresh_ms: millis(section.fresh_seconds),
            stale_ms: millis(section.stale_seconds),
            offline_ms: millis(section.offline_seconds),
            lost_grace_ms: millis(section.grace_seconds),
            start_ms: millis(section.start_seconds),
            give_up_ms: millis(section.give_up_seconds),
            window_ms: millis(section.observe_seconds),
        }
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            farm_name: "Farm".to_owned(),
            data_dir: PathBuf::from("/var/lib/gantry"),
            listen: SocketAddr::from(([127, 0, 0, 1], 7470)),
            certificate: None,
            private_key: None,
            host_names: Vec::new(),
            pin_networks: api::floor_people::own_networks(),
            trusted_proxies: Vec::new(),
            live: true,
            limits: LimitSettings::default(),
            disk_reserve_mib: 64,
            rekey_days: 90,
            account_copy_days: api::door::COPY_DAYS,
            audit_days: AuditDays::default(),
            printer_authorities: Vec::new(),
            timing: TimingSection::default(),
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

    /// The certificates (DER) in the files of `printer_authorities`.
    ///
    /// # Errors
    /// A file that cannot be read, or has none in it.
    pub fn read_printer_authorities(&self) -> Result<Vec<Vec<u8>>, ConfigError> {
        let mut all = Vec::new();
        for path in &self.printer_authorities {
            let text = std::fs::read(path).map_err(|error| ConfigError::Unreadable(path.clone(), error))?;
            let found = drivers::broker::certificates(&text);
            if found.is_empty() {
                return Err(ConfigError::Wrong(path.clone(), "there is no certificate in it".to_owned()));
            }
            all.extend(found);
        }
        Ok(all)
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
        let config = Config::parse("").unwrap();
        assert_eq!(config.listen.port(), 7470);
        assert_eq!(Timing::from(&config.timing), Timing::default());
    }

    #[test]
    fn a_file_that_vouches_for_printers_must_have_a_certificate_in_it() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let config = Config { printer_authorities: vec![file.path().to_owned()], ..Config::default() };
        assert!(matches!(config.read_printer_authorities(), Err(ConfigError::Wrong(..))));
        std::fs::write(file.path(), "words\n-----BEGIN CERTIFICATE-----\nAQID\n-----END CERTIFICATE-----\n").unwrap();
        assert_eq!(config.read_printer_authorities().unwrap(), [vec![1, 2, 3]]);
        let config = Config { printer_authorities: vec![PathBuf::from("/nowhere")], ..Config::default() };
        assert!(matches!(config.read_printer_authorities(), Err(ConfigError::Unreadable(..))));
    }

    #[test]
    fn a_wait_can_be_set_alone() {
        let timing = Timing::from(&Config::parse("[timing]\nobserve_seconds = 2\n").unwrap().timing);
        assert_eq!(timing, Timing { window_ms: 2_000, ..Timing::default() });
    }
}
