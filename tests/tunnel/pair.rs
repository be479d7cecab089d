//! A farm and a relay, each with its folder and its sockets, and callers of both.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use agent::fleet::core::Timing;
use agent::{Agent, Running as Farm};
use api::clock::{Clock, SystemClock};
use domain::id::FarmId;
use domain::time::Timestamp;
use gantry_tests::stream::Events;
use gantry_tests::{roomy, until_it_holds};
use relay::assemble::{CreatedStore, Relay, Running};
use reqwest::multipart::{Form, Part};
use reqwest::{Client, Method, Response};
use serde_json::{Value, json};
use store::TunnelState;

/// A farm and a relay.
pub struct Pair {
    folder: tempfile::TempDir,
    pub relay: Option<Running>,
    pub farm: Option<Farm>,
    pub relay_url: String,
    farm_id: Option<FarmId>,
    /// The farm's clock.
    pub clock: Arc<AheadClock>,
}

/// A clock that goes right, but may be ahead.
#[derive(Default)]
pub struct AheadClock(AtomicI64);

impl AheadClock {
    /// From now on it is ahead by so many days.
    pub fn set_days(&self, days: i64) {
        self.0.store(days * 24 * 3600, Ordering::Relaxed);
    }
}

impl Clock for AheadClock {
    fn now(&self) -> Timestamp {
        SystemClock.now().plus_seconds(self.0.load(Ordering::Relaxed))
    }
}

/// Somebody who calls one of the two.
#[derive(Clone)]
pub struct Caller {
    pub client: Client,
    pub url: String,
    pub key: String,
}

/// What was answered.
pub struct Answer {
    pub status: u16,
    pub headers: reqwest::header::HeaderMap,
    pub body: Value,
}

impl Answer {
    async fn of(response: Response) -> Self {
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Self { status, headers, body: response.json().await.unwrap_or_default() }
    }

    /// The body of an answer that must be a good one.
    pub fn good(self) -> Value {
        assert!(self.status < 300, "{}: {}", self.status, self.body);
        self.body
    }

    /// The code of a refusal.
    pub fn code(&self) -> (u16, &str) {
        (self.status, self.body["code"].as_str().unwrap_or_default())
    }
}

impl Caller {
    pub fn new(url: &str, key: &str) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        Self { client: Client::builder().no_proxy().build().unwrap(), url: url.to_owned(), key: key.to_owned() }
    }

    pub async fn ask(&self, method: Method, path: &str, body: Option<Value>, headers: &[(&str, &str)]) -> Answer {
        let mut request = self.client.request(method, format!("{}{path}", self.url)).bearer_auth(&self.key);
        request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        if let Some(body) = body {
            request = request.json(&body);
        }
        Answer::of(request.send().await.unwrap()).await
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.ask(Method::GET, path, None, &[]).await
    }

    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.ask(Method::POST, path, Some(body), &[]).await
    }

    /// A request that is more than JSON.
    pub fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.client.request(method, format!("{}{path}", self.url)).bearer_auth(&self.key)
    }

    /// Uploads a file.
    pub async fn upload(&self, name: &str, content: &str) -> Answer {
        let part = Part::text(content.to_owned()).file_name(name.to_owned());
        let request = self.request(Method::POST, "/v1/files").multipart(Form::new().part("file", part));
        Answer::of(request.send().await.unwrap()).await
    }

    /// A stream from that path.
    pub async fn stream(&self, path: &str) -> Events {
        Events::at(&self.client, &format!("{}{path}", self.url), &self.key).await
    }

    /// The ids of a list.
    pub async fn ids(&self, path: &str) -> Vec<String> {
        let page = self.get(path).await.good();
        page["items"].as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect()
    }

    /// A key with these permissions.
    pub async fn key(&self, permissions: &[&str]) -> Self {
        let made = self.post("/v1/api_keys", json!({"name": "key", "permissions": permissions})).await.good();
        Self { key: made["secret"].as_str().unwrap().to_owned(), ..self.clone() }
    }

    /// Another secret at the same door.
    pub fn with(&self, key: &str) -> Self {
        Self { key: key.to_owned(), ..self.clone() }
    }

    /// The same key at another door.
    pub fn at(&self, url: &str) -> Self {
        Self { url: url.to_owned(), ..self.clone() }
    }
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &to.join(entry.file_name()));
        } else {
            std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
        }
    }
}

impl Pair {
    /// Both run; the farm belongs to nobody.
    pub async fn new() -> Self {
        let mut pair = Self {
            folder: tempfile::tempdir().unwrap(),
            relay: None,
            farm: None,
            relay_url: String::new(),
            farm_id: None,
            clock: Arc::default(),
        };
        pair.start_relay().await;
        pair.start_farm().await;
        pair
    }

    pub async fn start_relay(&mut self) {
        let port = self.relay_url.rsplit(':').next().and_then(|port| port.parse().ok()).unwrap_or(0);
        let config = relay::config::Config {
            data_dir: self.folder.path().join("relay"),
            listen: ([127, 0, 0, 1], port).into(),
            mqtt_listen: ([127, 0, 0, 1], 0).into(),
            webhook_networks: vec!["127.0.0.0/8".parse().unwrap()],
            limits: roomy(),
            ..Default::default()
        };
        let running = Relay::start(&config, Arc::new(SystemClock)).await.unwrap();
        self.relay_url = format!("http://{}", running.address);
        self.relay = Some(running);
    }

    pub async fn start_farm(&mut self) {
        let farm = self.start_agent(&self.farm_folder()).await;
        self.farm_id = Some(farm.door.home().farm_id);
        self.farm = Some(farm);
    }

    /// An agent with that folder.
    pub async fn start_agent(&self, folder: &Path) -> Farm {
        let config = agent::config::Config {
            data_dir: folder.to_owned(),
            listen: ([127, 0, 0, 1], 0).into(),
            limits: roomy(),
            ..Default::default()
        };
        let clock: Arc<dyn Clock> = Arc::clone(&self.clock) as Arc<dyn Clock>;
        Agent::start(&config, clock, Timing::default()).await.unwrap()
    }

    /// What the relay knows of the farm's line.
    pub fn tunnel(&self) -> TunnelState {
        let farm_id = self.farm_id.unwrap();
        let store = &self.relay.as_ref().unwrap().accounts.door.store;
        store.read(|rows| rows.tunnel(farm_id)).unwrap().unwrap().state
    }

    pub fn farm_url(&self) -> String {
        format!("http://{}", self.farm.as_ref().unwrap().address)
    }

    pub fn farm_folder(&self) -> std::path::PathBuf {
        self.folder.path().join("farm")
    }

    pub fn farm_id(&self) -> String {
        self.farm_id.unwrap().to_string()
    }

    /// Who may do everything at the farm, as long as it belongs to nobody.
    pub async fn farm_owner(&self) -> Caller {
        Caller::new(&self.farm_url(), &self.farm.as_ref().unwrap().owner_key("owner").await.unwrap())
    }

    /// A store at the relay, and a key that may do everything in it.
    pub async fn store(&self, name: &str) -> (CreatedStore, Caller) {
        let accounts = &self.relay.as_ref().unwrap().accounts;
        let made = accounts.create_store(name.parse().unwrap()).await.unwrap();
        let caller = Caller::new(&self.relay_url, "");
        let token = json!({"one_time_token": made.one_time_token});
        let request = caller.client.post(format!("{}/v1/sessions", self.relay_url)).json(&token);
        let signed_in = request.send().await.unwrap();
        let cookie = signed_in.headers()["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
        let permissions = caller.client.get(format!("{}/v1/me", self.relay_url)).header("cookie", &cookie).send().await.unwrap();
        let permissions: Value = permissions.json().await.unwrap();
        let mut permissions = permissions["grants"]["permissions"].as_array().unwrap().clone();
        permissions.retain(|permission| permission != "store.delete");
        let key = json!({"name": "owner's program", "permissions": permissions});
        let request = caller.client.post(format!("{}/v1/api_keys", self.relay_url)).header("cookie", cookie);
        let made_key: Value = request.header("origin", &self.relay_url).json(&key).send().await.unwrap().json().await.unwrap();
        (made, Caller::new(&self.relay_url, made_key["secret"].as_str().unwrap_or_else(|| panic!("{made_key}"))))
    }

    /// The store claims the farm, by code and words, as people do it.
    pub async fn claim(&self, farm_owner: &Caller, store_owner: &Caller) {
        let shown = farm_owner.post("/v1/claim", json!({"relay_url": self.relay_url})).await.good();
        let code = shown["user_code"].as_str().unwrap();
        let asked = store_owner.get(&format!("/v1/pairings/{code}")).await.good();
        assert_eq!(asked["fingerprint"], shown["fingerprint"]);
        let yes = json!({"user_code": code, "fingerprint": asked["fingerprint"]});
        store_owner.post("/v1/farms/claim", yes).await.good();
        self.connected().await;
        self.in_step().await;
    }

    /// Waits until the line stands.
    pub async fn connected(&self) {
        let home = || self.farm.as_ref().unwrap().door.home();
        until_it_holds("the line stands", async || self.relay.as_ref().unwrap().accounts.tunnels.is_connected(home())).await;
    }

    /// Waits until that agent's line stands.
    pub async fn connected_as(&self, agent: &Farm) {
        let relay = &self.relay.as_ref().unwrap().accounts.tunnels;
        let home = agent.door.home();
        until_it_holds("the line stands", async || relay.is_connected(home) && agent.uplink.open.borrow().is_some()).await;
    }

    /// Waits until the line is gone.
    pub async fn gone(&self) {
        let tunnels = &self.relay.as_ref().unwrap().accounts.tunnels;
        until_it_holds("the line is gone", async || tunnels.lines() == 0).await;
    }

    /// The farm's folder as it is now, while it stands still.
    pub fn save_farm(&self) -> PathBuf {
        let image = self.folder.path().join("image");
        copy(&self.folder.path().join("farm"), &image);
        // Held by the agent that runs, not by its copy.
        drop(std::fs::remove_file(image.join("agent.lock")));
        image
    }

    /// Sets the farm's folder back.
    pub fn restore_farm(&self, image: &Path) {
        let farm = self.folder.path().join("farm");
        std::fs::remove_dir_all(&farm).unwrap();
        copy(image, &farm);
    }

    /// Waits until the relay has everything that the farm has.
    pub async fn in_step(&self) {
        let (farm, relay) = (&self.farm.as_ref().unwrap().door, &self.relay.as_ref().unwrap().accounts.door);
        until_it_holds("the copy is whole", async || {
            let head = farm.store.read(|rows| rows.log_end()).unwrap().position;
            let tunnel = relay.store.read(|rows| rows.tunnel(farm.home().farm_id)).unwrap();
            tunnel.is_some_and(|tunnel| tunnel.state.rows.at >= head && tunnel.state.events.at >= head)
        })
        .await;
    }
}
