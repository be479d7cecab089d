//! A relay that is killed over and over loses nothing that it was to tell.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use gantry_tests::farm::{call, first_line, gantry, owner_key};
use gantry_tests::{ROOMY, rounds, until_it_holds};
use reqwest::Method;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::process::{Child, Command};

/// The relay as a process, with proxies in its environment that lead nowhere: webhooks must not take them.
fn relay(folder: &Path) -> Command {
    let mut command = Command::new(gantry());
    command
        .args(["relay", "--json", "--listen", "127.0.0.1:0", "--mqtt-listen", "127.0.0.1:0", "--data"])
        .arg(folder.join("data"));
    command.arg("--config").arg(folder.join("relay.toml"));
    for proxy in ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY", "all_proxy"] {
        command.env(proxy, "http://127.0.0.1:9");
    }
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true);
    command
}

async fn start(folder: &Path) -> (Child, String) {
    let mut child = relay(folder).spawn().unwrap();
    let first = first_line(&mut child).await.expect("the relay starts, and says where in one line of JSON");
    (child, first["relay_url"].as_str().unwrap().to_owned())
}

/// What arrived: how often each name, and under which `webhook-id`.
#[derive(Default)]
struct Receiver {
    /// Takes what comes and never answers.
    holds: AtomicBool,
    held: Mutex<Vec<String>>,
    answered: Mutex<BTreeMap<String, Vec<String>>>,
}

async fn take(State(receiver): State<Arc<Receiver>>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let event: Value = serde_json::from_slice(&body).unwrap();
    let id = headers["webhook-id"].to_str().unwrap().to_owned();
    if receiver.holds.load(Ordering::SeqCst) {
        receiver.held.lock().unwrap().push(id);
        return std::future::pending().await;
    }
    let name = event["data"]["name"].as_str().unwrap().to_owned();
    receiver.answered.lock().unwrap().entry(name).or_default().push(id);
    StatusCode::NO_CONTENT
}

#[tokio::test]
async fn however_often_a_relay_is_killed_while_it_sends_every_event_arrives_and_doubles_have_one_id() {
    let folder = TempDir::new().unwrap();
    std::fs::write(folder.path().join("relay.toml"), format!("webhook_networks = [\"127.0.0.0/8\"]\n{ROOMY}")).unwrap();
    let receiver = Arc::new(Receiver::default());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let hook = format!("http://{}/", listener.local_addr().unwrap());
    let router = Router::new().fallback(take).with_state(Arc::clone(&receiver));
    let serving = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });

    let (mut child, mut url) = start(folder.path()).await;
    let mut create = relay(folder.path());
    create.args(["store", "create", "Anna"]);
    let mut create = create.spawn().unwrap();
    let made = first_line(&mut create).await.unwrap();
    let key = owner_key(&url, made["sign_in_url"].as_str().unwrap()).await;
    let body = json!({"name": "W", "url": hook, "permissions": ["api_key.view"], "event_types": ["api_key.created"]});
    let webhook = call(&url, &key, Method::POST, "/v1/webhooks", Some(body)).await;
    assert_eq!(webhook.status, 201, "{}", webhook.body);

    let mut names = Vec::new();
    for round in 0..3 * rounds() {
        receiver.holds.store(true, Ordering::SeqCst);
        for n in 0..4 {
            let name = format!("Key {round}.{n}");
            let made = call(&url, &key, Method::POST, "/v1/api_keys", Some(json!({"name": name, "role": "viewer"}))).await;
            assert_eq!(made.status, 201, "{}", made.body);
            names.push(name);
        }
        until_it_holds("something is on its way", async || !receiver.held.lock().unwrap().is_empty()).await;
        child.kill().await.unwrap();
        receiver.holds.store(false, Ordering::SeqCst);
        (child, url) = start(folder.path()).await;
        let arrived = async || names.iter().all(|name| receiver.answered.lock().unwrap().contains_key(name));
        until_it_holds("everything has arrived", arrived).await;
        let held = std::mem::take(&mut *receiver.held.lock().unwrap());
        let answered: Vec<String> = receiver.answered.lock().unwrap().values().flatten().cloned().collect();
        assert!(held.iter().all(|id| answered.contains(id)), "what was on its way came again under its id");
    }
    let deliveries = || call(&url, &key, Method::GET, "/v1/deliveries?limit=200", None);
    until_it_holds("all is written down", async || {
        let all = deliveries().await.body["items"].as_array().unwrap().clone();
        all.len() == names.len() && all.iter().all(|one| one["state"] == "delivered")
    })
    .await;
    for ids in receiver.answered.lock().unwrap().values() {
        assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
    }
    serving.abort();
}
