//! A farm is claimed and leaves again, by the command at both ends.

use std::sync::Arc;
use std::time::Duration;

use api::clock::SystemClock;
use relay::assemble::{Relay, Running};
use serde_json::Value;

use crate::farm::{Farm, Said, run};

/// A farm and a relay that does not know it yet.
pub struct Ends {
    pub farm: Farm,
    relay: Running,
    _folder: tempfile::TempDir,
}

impl Ends {
    pub async fn start() -> Self {
        let farm = Farm::start().await;
        let folder = tempfile::tempdir().unwrap();
        let here = |port| std::net::SocketAddr::from(([127, 0, 0, 1], port));
        let config = relay::config::Config {
            data_dir: folder.path().to_owned(),
            listen: here(0),
            mqtt_listen: here(0),
            live: false,
            ..Default::default()
        };
        let relay = Relay::start(&config, Arc::new(SystemClock)).await.unwrap();
        Self { farm, relay, _folder: folder }
    }

    fn relay_url(&self) -> String {
        format!("http://{}", self.relay.address)
    }

    /// A key of a new store's owner.
    pub async fn store(&self, name: &str) -> String {
        let made = self.relay.accounts.create_store(name.parse().unwrap()).await.unwrap();
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let (url, token) = (self.relay_url(), serde_json::json!({"one_time_token": made.one_time_token}));
        let signed_in = http.post(format!("{url}/v1/sessions")).json(&token).send().await.unwrap();
        let cookie = signed_in.headers()["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
        let key = serde_json::json!({"name": "program", "role": "admin"});
        let request = http.post(format!("{url}/v1/api_keys")).header("cookie", cookie).header("origin", &url).json(&key);
        let made: Value = request.send().await.unwrap().json().await.unwrap();
        made["secret"].as_str().unwrap().to_owned()
    }

    /// Somebody opens the link of that token.
    pub async fn comes_by(&self, token: &str) {
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let token = serde_json::json!({"one_time_token": token});
        let signed_in = http.post(format!("{}/v1/sessions", self.relay_url())).json(&token).send().await.unwrap();
        assert_eq!(signed_in.status(), 201);
    }

    /// The program at the relay.
    pub async fn at_the_relay(&self, key: &str, line: &[&str]) -> Said {
        let mut command = self.farm.command(line);
        command.env("GANTRY_KEY", key).env("GANTRY_URL", self.relay_url());
        run(command, "").await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_farm_is_claimed_by_code_and_words_and_leaves_when_somebody_means_it() {
    let ends = Ends::start().await;
    let owner = ends.store("Shop").await;
    let relay_url = ends.relay_url();
    assert_eq!(ends.farm.gantry(&["claim", "status", "--json"]).await.json()["state"], "unclaimed");

    let waiting = ends.farm.gantry(&["claim", &relay_url, "--no-wait", "--json"]).await.json();
    let (code, words) = (waiting["user_code"].as_str().unwrap(), waiting["fingerprint"].as_str().unwrap());
    let told = ends.farm.gantry(&["claim"]).await.ok();
    assert!(told.contains(&format!("code\t{code}")) && told.contains(&format!("words\t{words}")), "{told}");

    for line in [vec!["farms", "claim", code], vec!["farms", "claim", code, "--yes"]] {
        let asked = ends.at_the_relay(&owner, &line).await;
        assert_eq!(asked.code, 2, "nobody compared the words: {asked:?}");
        assert!(asked.err.contains("--fingerprint"), "{asked:?}");
    }
    let wrong = ends.at_the_relay(&owner, &["farms", "claim", code, "--fingerprint", "babab-babab-babab-babab"]).await;
    assert_eq!(wrong.code, 2, "{wrong:?}");
    let yes = ends.at_the_relay(&owner, &["farms", "claim", code, "--fingerprint", words]).await.ok();
    assert!(yes.contains("is claimed"), "{yes}");
    let listed = until(async || {
        let listed = ends.at_the_relay(&owner, &["farms"]).await.ok();
        listed.contains("online").then_some(listed)
    })
    .await;
    let name = listed.split('\t').next().unwrap();

    let asked = ends.at_the_relay(&owner, &["farms", "unpair", name]).await;
    assert_eq!(asked.code, 2, "nobody was there to ask: {asked:?}");
    assert!(asked.err.contains("jobs, orders"), "{asked:?}");
    ends.at_the_relay(&owner, &["farms", "unpair", name, "--yes"]).await.ok();
    assert!(ends.at_the_relay(&owner, &["farms", "--quiet"]).await.ok().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn who_waits_for_a_claim_hears_that_it_was_done_or_taken_back() {
    let ends = Ends::start().await;
    let owner = ends.store("Shop").await;
    let relay_url = ends.relay_url();
    let waiting = async || {
        until(async || {
            let claim = ends.farm.gantry(&["claim", "status", "--json"]).await.json();
            (claim["state"] == "waiting").then_some(claim)
        })
        .await
    };
    let line = ["claim", relay_url.as_str(), "--json"];
    let (taken_back, ()) = tokio::join!(ends.farm.gantry(&line), async {
        waiting().await;
        ends.farm.gantry(&["claim", "cancel"]).await.ok();
    });
    assert_eq!(taken_back.code, 6, "{taken_back:?}");

    let (done, ()) = tokio::join!(ends.farm.gantry(&line), async {
        let claim = waiting().await;
        let text = |name: &str| claim[name].as_str().unwrap().to_owned();
        let (code, words) = (text("user_code"), text("fingerprint"));
        ends.at_the_relay(&owner, &["farms", "claim", &code, "--fingerprint", &words]).await.ok();
    });
    let lines: Vec<Value> = done.ok().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let states: Vec<&Value> = lines.iter().map(|claim| &claim["state"]).collect();
    assert_eq!(states, ["waiting", "claimed"]);
    assert_eq!(lines[1]["store_name"], "Shop");
}

async fn until<T>(mut seen: impl AsyncFnMut() -> Option<T>) -> T {
    let looking = async {
        loop {
            if let Some(seen) = seen().await {
                return seen;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), looking).await.expect("it never came")
}
