//! A relay as its operator runs it: a process of its own on a folder of its own. It can be killed like a power cut and started
//! again on what it left; those who call it find it at the same address.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::process::{Child, Command};

use crate::caller::Caller;
use crate::farm::{Farm, first_line, gantry, id_of, owner_key};
use crate::wire::Wire;
use crate::{ROOMY, until_it_holds};

/// A relay whose webhooks may go to this machine.
pub struct Relay {
    child: Option<Child>,
    folder: TempDir,
    log_level: &'static str,
    /// Where its API is.
    pub url: String,
    /// The line to its API.
    pub wire: Wire,
    /// The line to its MQTT.
    pub mqtt: Wire,
}

/// A store at a relay.
pub struct Shop {
    /// Its id.
    pub id: String,
    /// A key of its owner.
    pub owner: Caller,
    /// The token that signed its owner in.
    pub one_time_token: String,
}

impl Relay {
    /// A new relay.
    pub async fn start() -> Self {
        Self::start_logging("info").await
    }

    /// A new relay that says so much in its log.
    ///
    /// # Panics
    /// When it does not start.
    pub async fn start_logging(log_level: &'static str) -> Self {
        let folder = TempDir::new().unwrap();
        std::fs::write(folder.path().join("relay.toml"), format!("webhook_networks = [\"127.0.0.0/8\"]\n{ROOMY}")).unwrap();
        let (wire, mqtt) = (Wire::new().await, Wire::new().await);
        let url = format!("http://{}", wire.address);
        let mut relay = Self { child: None, folder, log_level, url, wire, mqtt };
        relay.start_again().await;
        relay
    }

    /// Ends it as a power cut would.
    ///
    /// # Panics
    /// When it does not run.
    pub async fn kill9(&mut self) {
        self.wire.lead_to(None);
        self.mqtt.lead_to(None);
        self.child.take().unwrap().kill().await.unwrap();
    }

    /// Starts it on what it left.
    ///
    /// # Panics
    /// When it does not start.
    pub async fn start_again(&mut self) {
        self.start_again_with(&[]).await;
    }

    /// The same with more options.
    ///
    /// # Panics
    /// When it does not start.
    pub async fn start_again_with(&mut self, more: &[&str]) {
        let mut child = self.command(more).spawn().unwrap();
        let first = first_line(&mut child).await.unwrap_or_else(|| panic!("the relay did not start:\n{}", self.log()));
        self.child = Some(child);
        let address = |text: &Value| text.as_str().unwrap().trim_start_matches("http://").parse::<SocketAddr>().unwrap();
        self.wire.lead_to(Some(address(&first["relay_url"])));
        self.mqtt.lead_to(Some(address(&first["mqtt_address"])));
    }

    /// Its process.
    ///
    /// # Panics
    /// When it does not run.
    pub fn pid(&self) -> u32 {
        self.child.as_ref().unwrap().id().unwrap()
    }

    fn command(&self, more: &[&str]) -> Command {
        let log = std::fs::OpenOptions::new().create(true).append(true).open(self.folder.path().join("relay.log")).unwrap();
        let mut command = Command::new(gantry());
        command.args(["relay", "--json", "--listen", "127.0.0.1:0", "--mqtt-listen", "127.0.0.1:0"]).args(more);
        command.arg("--data").arg(self.data()).arg("--config").arg(self.folder.path().join("relay.toml"));
        command.env("GANTRY_LOG", self.log_level);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log).kill_on_drop(true);
        command
    }

    /// Where its database and its files lie.
    pub fn data(&self) -> std::path::PathBuf {
        self.folder.path().join("data")
    }

    /// What it wrote on standard error.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("relay.log")).unwrap_or_default()
    }

    /// A new store.
    ///
    /// # Panics
    /// When it cannot be made.
    pub async fn store(&self, name: &str) -> Shop {
        let mut making = self.command(&["store", "create", name]).spawn().unwrap();
        let made = first_line(&mut making).await.unwrap_or_else(|| panic!("no store was made:\n{}", self.log()));
        let link = made["sign_in_url"].as_str().unwrap();
        let owner = Caller { url: self.url.clone(), key: owner_key(&self.url, link).await };
        let one_time_token = link.split_once("#token=").unwrap().1.to_owned();
        Shop { id: made["store"].as_str().unwrap().to_owned(), owner, one_time_token }
    }

    /// That store claims the farm, by code and words, as people do it.
    ///
    /// # Panics
    /// When the words are not the same.
    pub async fn claim(&self, farm: &Farm, owner: &Caller) {
        let shown = farm.post("/v1/claim", json!({"relay_url": self.url})).await;
        let asked = owner.get(&format!("/v1/pairings/{}", shown["user_code"].as_str().unwrap())).await;
        assert_eq!(asked["fingerprint"], shown["fingerprint"]);
        owner.post("/v1/farms/claim", json!({"user_code": shown["user_code"], "fingerprint": shown["fingerprint"]})).await;
        connected(farm).await;
        self.in_step(farm, owner).await;
    }

    /// Waits until this relay shows all that the farm tells.
    pub async fn in_step(&self, farm: &Farm, owner: &Caller) {
        // What a farm told of its own accounts before it was claimed stays there: accounts are the relay's now.
        let told = farm.whole_log().await.into_iter().filter(|event| event["farm_id"].is_string());
        let told: Vec<String> = told.map(|event| id_of(&event)).collect();
        until_it_holds("the relay has what the farm told", async || {
            let here: Vec<String> = owner.all("/v1/events?limit=200").await.iter().map(id_of).collect();
            told.iter().all(|event| here.contains(event))
        })
        .await;
    }
}

/// Waits until the farm's line to its relay stands.
pub async fn connected(farm: &Farm) {
    farm_shows(farm, true).await;
}

/// Waits until the farm's line to its relay is gone.
pub async fn disconnected(farm: &Farm) {
    farm_shows(farm, false).await;
}

async fn farm_shows(farm: &Farm, line: bool) {
    until_it_holds("the line to the relay", async || farm.get("/v1/claim").await["connected"] == line).await;
}

/// Every file below a folder with what is in it.
///
/// # Panics
/// When it cannot be read.
pub fn files_below(folder: &Path) -> Vec<(std::path::PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let place = entry.unwrap().path();
        if place.is_dir() {
            found.extend(files_below(&place));
        } else {
            let bytes = std::fs::read(&place).unwrap();
            found.push((place, bytes));
        }
    }
    found
}
