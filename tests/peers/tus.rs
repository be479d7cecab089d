//! The tus project's own client, tus-js-client, against either door: it breaks off when the agent is killed or the relay
//! stops, and goes on with a new process of each.

use std::process::Stdio;

use gantry_tests::farm::Farm;
use gantry_tests::until_it_holds;
use gantry_tests::uploads::long_gcode;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

use crate::pair::Pair;
use crate::{place, script};

struct Client {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Client {
    fn start(file: &std::path::Path, url: &str, key: &str, upload: Option<&str>) -> Self {
        let mut command = Command::new("node");
        command.arg(script("tus.mjs")).arg(file).args([url, key]).args(upload);
        command.env("GANTRY_TUS_PACKAGES", place("GANTRY_TUS_PACKAGES"));
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).kill_on_drop(true).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines }
    }

    /// The next thing of that name that it tells.
    async fn tells(&mut self, name: &str) -> Value {
        let telling = async {
            while let Some(line) = self.lines.next_line().await.unwrap() {
                let told: Value = serde_json::from_str(&line).unwrap();
                assert!(name == "broke" || told.get("broke").is_none(), "{told}");
                if let Some(what) = told.get(name) {
                    return what.clone();
                }
            }
            panic!("it never told `{name}`")
        };
        tokio::time::timeout(gantry_tests::PATIENCE, telling).await.unwrap()
    }
}

#[tokio::test]
async fn tus_js_client_goes_on_with_an_upload_that_a_killed_agent_broke_off() {
    let mut farm = Farm::start().await;
    let folder = tempfile::tempdir().unwrap();
    let (file, content) = (folder.path().join("long.gcode"), long_gcode(6 << 20));
    std::fs::write(&file, &content).unwrap();
    let mut client = Client::start(&file, &farm.url, &farm.key, None);
    let upload = client.tells("place").await;
    let accepted = client.tells("accepted").await.as_u64().unwrap();
    farm.kill9().await;
    client.tells("broke").await;
    assert!(!client.child.wait().await.unwrap().success());
    farm.start_again().await;
    let mut client = Client::start(&file, &farm.url, &farm.key, upload.as_str());
    let from = client.tells("from").await.as_u64().unwrap();
    assert!(from >= accepted && from < content.len() as u64, "{from} after {accepted} were accepted");
    let made = client.tells("made").await;
    client.tells("done").await;
    assert!(client.child.wait().await.unwrap().success());
    let file = farm.get(&format!("/v1/files/{}", made.as_str().unwrap())).await;
    assert_eq!((&file["name"], file["size_bytes"].as_u64()), (&Value::from("long.gcode"), Some(content.len() as u64)));
    let bytes =
        farm.request(reqwest::Method::GET, &format!("/v1/files/{}/content", made.as_str().unwrap())).send().await.unwrap();
    assert!(bytes.bytes().await.unwrap() == content.as_bytes(), "the bytes are others");
}

#[tokio::test]
async fn tus_js_client_goes_on_at_a_relay_that_was_started_anew_and_the_farm_gets_the_file() {
    let mut pair = Pair::new().await;
    let (_, owner) = pair.store("Shop").await;
    pair.claim(&pair.farm_owner().await, &owner).await;
    let folder = tempfile::tempdir().unwrap();
    let (file, content) = (folder.path().join("long.gcode"), long_gcode(6 << 20));
    std::fs::write(&file, &content).unwrap();
    let mut client = Client::start(&file, &pair.relay_url, &owner.key, None);
    let upload = client.tells("place").await;
    client.tells("accepted").await;
    pair.relay = None;
    client.tells("broke").await;
    pair.start_relay().await;
    pair.connected().await;
    let mut client = Client::start(&file, &pair.relay_url, &owner.key, upload.as_str());
    assert!(client.tells("from").await.as_u64().unwrap() > 0);
    let made = format!("/v1/files/{}", client.tells("made").await.as_str().unwrap());
    client.tells("done").await;
    let floor = owner.at(&pair.farm_url());
    until_it_holds("the bytes are at the farm", async || floor.get(&made).await.body["content"] == "here").await;
    let bytes = floor.request(reqwest::Method::GET, &format!("{made}/content")).send().await.unwrap().bytes().await.unwrap();
    assert!(bytes == content.as_bytes(), "the bytes are others");
}
