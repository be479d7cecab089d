//! The demo as a newcomer runs it.

use std::collections::BTreeSet;
use std::process::Stdio;

use gantry_tests::farm::{Answer, call, first_line, gantry, sign_in};
use reqwest::Method;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::process::{Child, Command};

struct Demo {
    child: Child,
    url: String,
    relay_url: String,
    key: String,
    first: Value,
}

impl Demo {
    async fn start(folder: &TempDir) -> Self {
        let mut command = Command::new(gantry());
        command.args(["demo", "--json", "--port", "0", "--printers", "3", "--speed", "600", "--data"]).arg(folder.path());
        // No proxy leads to a door of this machine.
        command.env("HTTP_PROXY", "http://127.0.0.1:9").env("http_proxy", "http://127.0.0.1:9");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true);
        let mut child = command.spawn().unwrap();
        let first = first_line(&mut child).await.expect("the demo starts, and says where in one line of JSON");
        let text = |name: &str| first[name].as_str().unwrap().to_owned();
        Self { child, url: text("agent_url"), relay_url: text("relay_url"), key: text("owner_key"), first }
    }

    async fn get(&self, path: &str) -> Answer {
        call(&self.url, &self.key, Method::GET, path, None).await
    }

    async fn attempts(&self) -> Vec<Value> {
        self.get("/v1/attempts?limit=200").await.body["items"].as_array().cloned().unwrap_or_default()
    }
}

#[tokio::test]
async fn the_first_line_is_json_with_five_keys_and_without_a_key_nothing_opens() {
    let folder = TempDir::new().unwrap();
    let demo = Demo::start(&folder).await;
    let keys: BTreeSet<&str> = demo.first.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(keys, BTreeSet::from(["agent_url", "mqtt_url", "owner_key", "relay_url", "store"]));
    let stranger = call(&demo.url, "", Method::GET, "/v1/printers", None).await;
    assert_eq!(stranger.status, 401, "{}", stranger.body);
    assert_eq!(demo.get("/v1/printers").await.body["items"].as_array().map(Vec::len), Some(3));
}

#[tokio::test]
async fn the_demos_one_key_opens_the_farm_and_its_relay_and_webhooks_may_go_to_this_machine() {
    let folder = TempDir::new().unwrap();
    let demo = Demo::start(&folder).await;
    for (url, served_by) in [(&demo.url, "agent"), (&demo.relay_url, "relay")] {
        let version = call(url, &demo.key, Method::GET, "/v1/system/version", None).await.body;
        assert_eq!((&version["served_by"], &version["live"]), (&json!(served_by), &json!(false)), "{version}");
        assert_eq!(version["store_id"], demo.first["store"]);
        let printers = call(url, &demo.key, Method::GET, "/v1/printers", None).await;
        assert_eq!(printers.body["items"].as_array().map(Vec::len), Some(3), "{url}: {}", printers.body);
        let jobs = call(url, &demo.key, Method::GET, "/v1/jobs", None).await;
        assert_eq!(jobs.body["items"].as_array().map(Vec::len), Some(6), "{url}: {}", jobs.body);
    }
    let hook =
        json!({"name": "here", "url": "http://127.0.0.1:9/", "event_types": ["job.completed"], "permissions": ["job.view"]});
    let made = call(&demo.relay_url, &demo.key, Method::POST, "/v1/webhooks", Some(hook)).await;
    assert_eq!(made.status, 201, "{}", made.body);
    let mqtt = demo.first["mqtt_url"].as_str().unwrap().strip_prefix("mqtt://").unwrap();
    tokio::net::TcpStream::connect(mqtt).await.expect("MQTT is served where the demo says");
}

#[tokio::test]
async fn a_sign_in_link_works_once() {
    let farm = gantry_tests::farm::Farm::start().await;
    let used = sign_in(&farm.url, &farm.sign_in_url).await;
    assert_eq!((used.status, &used.body["code"]), (401, &"used_link".into()), "{}", used.body);
    assert!(used.cookie.is_none());
}

#[tokio::test]
async fn killed_and_run_again_on_the_same_folder_the_demo_starts_nothing_twice() {
    let folder = TempDir::new().unwrap();
    let mut demo = Demo::start(&folder).await;
    gantry_tests::until_it_holds("a print", async || demo.attempts().await.iter().any(|one| one["state"] == "printing")).await;
    let before = demo.attempts().await;
    demo.child.kill().await.unwrap();

    let demo = Demo::start(&folder).await;
    // The simulated printers of the first run are gone with it: nothing can be proven of what they printed.
    let settled = |one: &Value| !matches!(one["state"].as_str(), Some("printing" | "starting" | "paused"));
    gantry_tests::until_it_holds("what was printed is settled", async || {
        let now = demo.attempts().await;
        before
            .iter()
            .filter(|old| old["state"] == "printing")
            .all(|old| now.iter().any(|one| one["id"] == old["id"] && settled(one)))
    })
    .await;
    let jobs = demo.get("/v1/jobs?limit=200").await;
    for job in jobs.body["items"].as_array().unwrap() {
        assert_eq!(job["attempts"].as_u64().map(|attempts| attempts <= 1), Some(true), "{job}");
    }
}
