//! A receiver with the package of Standard Webhooks verifies what a relay sends, and finds the thing as it was told.

use std::process::Stdio;
use std::sync::Arc;

use api::clock::SystemClock;
use gantry_tests::farm::{call, owner_key};
use gantry_tests::{PATIENCE, roomy};
use relay::assemble::{Relay, Running};
use relay::config::Config;
use reqwest::Method;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

use crate::{place, script};

/// A process that knows the standard and the API, and nothing else of us.
pub struct Receiver {
    _child: Child,
    /// Where it listens.
    pub url: String,
    stdin: ChildStdin,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Receiver {
    pub async fn start() -> Self {
        let mut command = Command::new(place("GANTRY_STANDARDWEBHOOKS"));
        command.arg(script("webhooks.py")).stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().unwrap();
        let (stdin, lines) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()).lines());
        let mut receiver = Self { _child: child, url: String::new(), stdin, lines };
        receiver.url = receiver.next().await["url"].as_str().unwrap().to_owned();
        receiver
    }

    /// Tells it the webhook's secret, and where it may look at what it is told of.
    pub async fn knows(&mut self, secret: &Value, api: &str, key: &str) {
        let given = json!({"secret": secret, "api": api, "key": key});
        self.stdin.write_all(format!("{given}\n").as_bytes()).await.unwrap();
    }

    /// What it was told next, and what it was shown right then.
    pub async fn next(&mut self) -> Value {
        let line = tokio::time::timeout(PATIENCE, self.lines.next_line()).await.expect("it says nothing").unwrap().unwrap();
        serde_json::from_str(&line).unwrap()
    }
}

struct World {
    _folder: TempDir,
    _running: Running,
    url: String,
    key: String,
}

impl World {
    async fn start() -> Self {
        let folder = TempDir::new().unwrap();
        let here = "127.0.0.1:0".parse().unwrap();
        let webhook_networks = vec!["127.0.0.0/8".parse().unwrap()];
        let data_dir = folder.path().to_owned();
        let config = Config { data_dir, listen: here, mqtt_listen: here, webhook_networks, limits: roomy(), ..Config::default() };
        let running = Relay::start(&config, Arc::new(SystemClock)).await.unwrap();
        let made = running.accounts.create_store("Anna".parse().unwrap()).await.unwrap();
        let url = format!("http://{}", running.address);
        let key = owner_key(&url, &format!("{url}/#token={}", made.one_time_token)).await;
        Self { _folder: folder, _running: running, url, key }
    }

    async fn post(&self, path: &str, body: impl Into<Option<Value>>) -> Value {
        let made = call(&self.url, &self.key, Method::POST, path, body.into()).await;
        assert!(made.status < 300, "{path}: {}", made.body);
        made.body
    }
}

#[tokio::test]
async fn the_standards_own_package_verifies_each_event_and_a_get_right_then_shows_what_was_told() {
    let (world, mut receiver) = (World::start().await, Receiver::start().await);
    let types = ["api_key.created", "api_key.updated", "api_key.revoked"];
    let body = json!({"name": "W", "url": receiver.url, "event_types": types, "permissions": ["api_key.view"]});
    let webhook = world.post("/v1/webhooks", body).await;
    receiver.knows(&webhook["secret"], &world.url, &world.key).await;

    let key = world.post("/v1/api_keys", json!({"name": "Shop", "role": "viewer"})).await;
    let key = key["api_key"]["id"].as_str().unwrap();
    let path = format!("/v1/webhooks/{}/roll-secret", webhook["webhook"]["id"].as_str().unwrap());
    world.post(&path, json!({"overlap_seconds": 3600})).await;
    world.post(&format!("/v1/api_keys/{key}/revoke"), None).await;
    for word in ["api_key.created", "api_key.revoked"] {
        let saw = receiver.next().await;
        assert_eq!((&saw["told"]["type"], &saw["told"]["subject"]["id"]), (&json!(word), &json!(key)), "{saw}");
        assert!(saw["shown"]["revision"].as_u64() >= saw["told"]["subject"]["revision"].as_u64(), "{saw}");
        assert!(word == "api_key.created" || saw["shown"]["state"] == "revoked", "{saw}");
    }
    // Only the old secret is known there: once it holds no more, nothing is believed.
    world.post(&path, json!({"overlap_seconds": 0})).await;
    world.post("/v1/api_keys", json!({"name": "Another", "role": "viewer"})).await;
    assert_eq!(receiver.next().await["refused"], "No matching signature found");
}
