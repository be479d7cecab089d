//! The smallest installation: agent and relay in one process.

use std::path::Path;
use std::process::Stdio;

use gantry_tests::farm::{Answer, call, first_line, gantry, owner_key, sign_in};
use gantry_tests::until_it_holds;
use reqwest::Method;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::process::{Child, Command};

fn spawn(folder: &Path) -> Child {
    command(folder).spawn().unwrap()
}

fn command(folder: &Path) -> Command {
    let mut command = Command::new(gantry());
    command.args(["up", "--json", "--port", "0", "--relay-port", "0", "--mqtt-port", "0", "--data"]).arg(folder);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true);
    command
}

struct Up {
    child: Child,
    relay_url: String,
    farm_url: String,
    store: Value,
    link: String,
}

impl Up {
    async fn start(folder: &Path) -> Self {
        let mut child = spawn(folder);
        let first = first_line(&mut child).await.expect("it starts, and says where in one line of JSON");
        Self::of(child, &first)
    }

    fn of(child: Child, first: &Value) -> Self {
        let text = |name: &str| first[name].as_str().unwrap().to_owned();
        assert!(text("mqtt_address").starts_with("127.0.0.1:"));
        let (relay_url, farm_url, link) = (text("relay_url"), text("agent_url"), text("sign_in_url"));
        Self { child, relay_url, farm_url, store: first["store"].clone(), link }
    }

    async fn with_test_farm(folder: &Path) -> Self {
        let mut command = command(folder);
        let mut child = command.arg("--test-farm").spawn().unwrap();
        let first = first_line(&mut child).await.expect("it starts, and says where in one line of JSON");
        assert!(first["test_farm_url"].is_string(), "{first}");
        Self::of(child, &first)
    }

    async fn owner_key(&self) -> String {
        owner_key(&self.relay_url, &self.link).await
    }

    async fn at_the_relay(&self, key: &str, method: Method, path: &str, body: Option<Value>) -> Answer {
        call(&self.relay_url, key, method, path, body).await
    }
}

/// The farms of the store, as its owner's key sees them.
async fn farms(up: &Up, key: &str) -> Vec<Value> {
    let farms = up.at_the_relay(key, Method::GET, "/v1/farms", None).await;
    farms.body["items"].as_array().cloned().unwrap_or_else(|| panic!("{}", farms.body))
}

#[tokio::test]
async fn up_makes_one_store_claims_its_farm_and_is_the_same_after_being_killed() {
    let folder = TempDir::new().unwrap();
    let mut up = Up::start(folder.path()).await;
    let key = up.owner_key().await;
    until_it_holds("the farm is connected", async || farms(&up, &key).await.iter().any(|farm| farm["connection"] == "online"))
        .await;
    assert_eq!(sign_in(&up.relay_url, &up.link).await.status, 401, "the link works once");
    let part = json!({"name": "Bracket"});
    let made = up.at_the_relay(&key, Method::POST, "/v1/parts", Some(part)).await;
    assert_eq!(made.status, 201, "{}", made.body);
    up.child.kill().await.unwrap();

    let again = Up::start(folder.path()).await;
    assert_eq!(again.store, up.store);
    let path = format!("/v1/parts/{}", made.body["id"].as_str().unwrap());
    for url in [&again.farm_url, &again.relay_url] {
        assert_eq!(call(url, &key, Method::GET, &path, None).await.status, 200, "{url}");
    }
    // The relay is at another port by now, and its farm has found it.
    let more = || again.at_the_relay(&key, Method::POST, "/v1/parts", Some(json!({"name": "More"})));
    until_it_holds("the line stands", async || more().await.status == 201).await;
    assert_eq!(farms(&again, &key).await.len(), 1);
}

#[tokio::test]
async fn up_runs_a_test_farm_beside_the_real_one_and_finds_it_again() {
    let folder = TempDir::new().unwrap();
    let mut up = Up::with_test_farm(folder.path()).await;
    let key = up.owner_key().await;
    let live = |farms: &[Value]| farms.iter().map(|farm| (farm["id"].clone(), farm["live"].clone())).collect::<Vec<_>>();
    until_it_holds("the store has both", async || farms(&up, &key).await.len() == 2).await;
    let before = live(&farms(&up, &key).await);
    let real: Vec<_> = before.iter().map(|(_, live)| live == true).collect();
    assert!(real.contains(&true) && real.contains(&false), "{before:?}");
    up.child.kill().await.unwrap();
    let again = Up::with_test_farm(folder.path()).await;
    assert_eq!(live(&farms(&again, &key).await), before);
}

#[tokio::test]
async fn killed_wherever_its_first_start_is_up_ends_with_one_store_and_its_farm_claimed() {
    let folder = TempDir::new().unwrap();
    for trace in ["relay/relay.db", "agent/gantry.db", "agent/agent.key"] {
        let mut child = spawn(folder.path());
        until_it_holds(trace, async || folder.path().join(trace).exists()).await;
        child.kill().await.unwrap();
    }
    let up = Up::start(folder.path()).await;
    let key = up.owner_key().await;
    assert_eq!(farms(&up, &key).await.len(), 1);
    let me = up.at_the_relay(&key, Method::GET, "/v1/me", None).await;
    assert_eq!(me.body["store_id"], up.store);
}

#[tokio::test]
async fn a_farm_that_people_parted_from_its_store_is_not_claimed_again_at_the_next_start() {
    let folder = TempDir::new().unwrap();
    let mut up = Up::start(folder.path()).await;
    let key = up.owner_key().await;
    until_it_holds("the store has a farm", async || farms(&up, &key).await.len() == 1).await;
    let farm = farms(&up, &key).await[0]["id"].as_str().unwrap().to_owned();
    let parted = up.at_the_relay(&key, Method::POST, &format!("/v1/farms/{farm}/unpair"), None).await;
    assert_eq!(parted.status, 200, "{}", parted.body);
    up.child.kill().await.unwrap();
    let again = Up::start(folder.path()).await;
    assert_eq!(again.store, up.store);
    assert_eq!(farms(&again, &key).await, Vec::<Value>::new());
}
