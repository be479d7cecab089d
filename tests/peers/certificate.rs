//! A relay with a certificate, as its operator starts it: a real curl and a real mosquitto_sub speak TLS with it, while its
//! certificate is renewed under it.

use std::process::{Output, Stdio};

use gantry_tests::farm::{first_line, gantry};
use gantry_tests::until_it_holds;
use serde_json::Value;
use tokio::process::{Child, Command};

use crate::authority::Authority;
use crate::place;

const JSON: [&str; 4] = ["-H", "content-type: application/json", "--cacert", "ca.pem"];

struct Relay {
    child: Child,
    folder: tempfile::TempDir,
    authority: Authority,
    first: Value,
}

impl Relay {
    async fn start() -> Self {
        Self::start_as(&["relay", "--config"]).await
    }

    /// By a command whose last word wants the relay's settings file.
    async fn start_as(line: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let authority = Authority::new(folder.path());
        let settings = format!(
            "certificate = {:?}\nprivate_key = {:?}\nhost_names = [\"localhost\"]\ndata_dir = {:?}\nlisten = \"127.0.0.1:0\"\nmqtt_listen = \"127.0.0.1:0\"\n",
            authority.certificate,
            authority.private_key,
            folder.path().join("data"),
        );
        std::fs::write(folder.path().join("relay.toml"), settings).unwrap();
        let mut command = Command::new(gantry());
        command.args(line).arg("relay.toml").arg("--json").current_dir(folder.path());
        // Where a program finds the authorities of its system.
        command.env("SSL_CERT_FILE", &authority.file);
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).kill_on_drop(true).spawn().unwrap();
        let first = first_line(&mut child).await.expect("the relay starts");
        Self { child, folder, authority, first }
    }

    fn url(&self) -> &str {
        self.first["relay_url"].as_str().unwrap()
    }

    async fn curl(&self, line: &[&str]) -> Output {
        let mut command = Command::new("curl");
        command.args(["--silent", "--show-error", "--max-time", "20", "--noproxy", "*"]).args(line);
        command.current_dir(self.folder.path()).output().await.unwrap()
    }

    /// A store and a key of its owner.
    async fn store(&self) -> (String, String) {
        let mut command = Command::new(gantry());
        command.args(["relay", "store", "create", "Shop", "--json", "--config"]).arg(self.folder.path().join("relay.toml"));
        let made = command.output().await.unwrap();
        let made: Value = serde_json::from_slice(&made.stdout).unwrap();
        self.sign_in(made["sign_in_url"].as_str().unwrap()).await;
        let asked = r#"{"name": "k", "role": "admin"}"#;
        let key = self.signed_in(&["-d", asked], "/v1/api_keys").await;
        (made["store"].as_str().unwrap().to_owned(), key["secret"].as_str().unwrap().to_owned())
    }

    /// curl keeps the cookie as a browser does: by its prefix, its path and that it is for TLS only.
    async fn sign_in(&self, link: &str) {
        assert!(link.starts_with("https://localhost:"), "{link}");
        let token = format!(r#"{{"one_time_token": "{}"}}"#, link.split_once("#token=").unwrap().1);
        let sessions = format!("{}/v1/sessions", self.url());
        let done = self.curl(&[&JSON[..], &["-c", "cookies", "-d", &token, &sessions]].concat()).await;
        assert!(done.status.success(), "{done:?}");
    }

    async fn signed_in(&self, more: &[&str], path: &str) -> Value {
        let (origin, url) = (format!("origin: {}", self.url()), format!("{}{path}", self.url()));
        let done = self.curl(&[&JSON[..], &["-b", "cookies", "-H", &origin], more, &[&url]].concat()).await;
        serde_json::from_slice(&done.stdout).unwrap_or_default()
    }
}

#[tokio::test]
async fn curl_trusts_the_relay_by_its_authority_only_and_sees_a_renewed_certificate_without_a_restart() {
    let mut relay = Relay::start().await;
    let health = format!("{}/healthz", relay.url());
    let untrusted = relay.curl(&[&health]).await;
    assert_eq!(untrusted.status.code(), Some(60), "{untrusted:?}");
    let trusted = ["--cacert", "ca.pem", "-i", &health];
    let seen = relay.curl(&trusted).await;
    let seen = String::from_utf8(seen.stdout).unwrap();
    assert!(seen.starts_with("HTTP/1.1 200") && seen.contains("strict-transport-security:"), "{seen}");
    let old = relay.curl(&["--cacert", "ca.pem", "--tls-max", "1.2", &health]).await;
    assert!(old.status.success(), "{old:?}");

    // Another authority's certificate under the running relay: who trusts only the first is refused now.
    let other = tempfile::tempdir().unwrap();
    let other = Authority::new(other.path());
    for (from, to) in [(&other.private_key, &relay.authority.private_key), (&other.certificate, &relay.authority.certificate)] {
        std::fs::copy(from, to).unwrap();
    }
    // 60: nobody known vouches for it; 35: somebody of a known name, with another key.
    assert!(matches!(relay.curl(&trusted).await.status.code(), Some(35 | 60)));
    let ca = other.file.to_str().unwrap();
    assert!(relay.curl(&["--cacert", ca, &health]).await.status.success());
    relay.child.kill().await.unwrap();
}

#[tokio::test]
async fn mosquitto_sub_hears_over_tls_what_its_key_may_see() {
    let mut relay = Relay::start().await;
    let (store, key) = relay.store().await;
    let address = relay.first["mqtt_address"].as_str().unwrap();
    let port = address.rsplit_once(':').unwrap().1;
    let listen = async |ca: &[&str]| {
        let mut command = Command::new(place("GANTRY_MOSQUITTO_SUB"));
        command.args(["-h", "localhost", "-p", port, "-u", &store, "-P", &key, "-q", "1", "-W", "20", "-C", "1"]).args(ca);
        command.args(["-V", "mqttv5", "-t", "gantry/v1/+/stores/+", "-F", "%t %r"]);
        command.current_dir(relay.folder.path()).output().await.unwrap()
    };
    let heard = listen(&["--cafile", "ca.pem"]).await;
    assert_eq!(String::from_utf8_lossy(&heard.stdout).trim(), format!("gantry/v1/{store}/stores/{store} 1"), "{heard:?}");
    let plain = listen(&[]).await;
    assert!(!plain.status.success() && plain.stdout.is_empty(), "without TLS nothing is said: {plain:?}");
    relay.child.kill().await.unwrap();
}

#[tokio::test]
async fn a_farms_line_to_its_relay_goes_through_the_same_certificate() {
    let line =
        ["up", "--data", "both", "--port", "0", "--relay-port", "0", "--mqtt-port", "0", "--ca-file", "ca.pem", "--relay-config"];
    let mut relay = Relay::start_as(&line).await;
    relay.sign_in(relay.first["sign_in_url"].as_str().unwrap()).await;
    // It is made at the farm, where only the line leads to.
    let part = || relay.signed_in(&["-d", r#"{"name": "Bracket"}"#], "/v1/parts");
    until_it_holds("a part is made over the line", async || {
        let made = part().await;
        made["revision"].as_u64().is_some_and(|revision| revision > 0)
    })
    .await;
    let farms = relay.signed_in(&[], "/v1/farms").await;
    assert_eq!(farms["items"][0]["connection"], "online", "{farms}");
    relay.child.kill().await.unwrap();
}
