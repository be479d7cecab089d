//! A real OctoPrint with its virtual printer, owned by the story that started it. Knows how to begin,
//! kill and end one, and how to ask it what it printed.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

use gantry_tests::counterpart::{Counterpart, Door};
use gantry_tests::until_it_holds;
use serde::Deserialize;
use serde_json::Value;
use tempfile::TempDir;

use crate::slicer::sliced_coin;
use crate::{place, script};

/// Running and Operational as long as this value lives.
pub struct OctoPrint {
    running: Running,
    owner: Child,
    folder: TempDir,
}

#[derive(Deserialize)]
struct Running {
    pid: u32,
    #[serde(flatten)]
    door: Door,
}

impl OctoPrint {
    pub fn start() -> Self {
        let folder = TempDir::new().unwrap();
        let (owner, running) = own(&folder, &[]);
        Self { running, owner, folder }
    }

    async fn ask(&self, path: &str) -> Value {
        let Door { url, key } = &self.running.door;
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let answer = client.get(format!("{url}{path}")).header("x-api-key", key).send().await.unwrap();
        serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap()
    }
}

/// Starts one on that folder, and its owner with it.
fn own(folder: &TempDir, more: &[&str]) -> (Child, Running) {
    let mut owner = Command::new(place("GANTRY_PYTHON"))
        .arg(script("octoprint.py"))
        .args(["--octoprint", &place("GANTRY_OCTOPRINT"), "--folder"])
        .arg(folder.path())
        .args(more)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(owner.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let running = serde_json::from_str(&line).expect("it says on standard error why it did not start");
    (owner, running)
}

impl Counterpart for OctoPrint {
    async fn start() -> Self {
        OctoPrint::start()
    }

    fn door(&self) -> Door {
        self.running.door.clone()
    }

    fn gcode(seconds: u32) -> String {
        sliced_coin(seconds)
    }

    async fn idle(&self) {
        until_it_holds("an idle OctoPrint", async || self.ask("/api/job").await["state"] == "Operational").await;
    }

    async fn prints_of_files(&self) -> BTreeMap<String, u64> {
        let files = self.ask("/api/files/local/gantry?recursive=false").await;
        let count = |file: &Value, kind: &str| file["prints"][kind].as_u64().unwrap_or(0);
        let prints = |file: &Value| {
            (file["name"].as_str().unwrap_or_default().to_owned(), count(file, "success") + count(file, "failure"))
        };
        files["children"].as_array().into_iter().flatten().map(prints).collect()
    }

    async fn die_and_come_back(&mut self) {
        let killed = Command::new("kill").args(["-9", &self.running.pid.to_string()]).status().unwrap();
        assert!(killed.success());
        // Its owner says that it ended by itself, and goes.
        self.owner.wait().unwrap();
        let Door { url, key } = &self.running.door;
        let port = url.rsplit(':').next().unwrap();
        (self.owner, self.running) = own(&self.folder, &["--port", port, "--key", key]);
    }
}

impl Drop for OctoPrint {
    fn drop(&mut self) {
        drop(self.owner.stdin.take());
        let _ = self.owner.wait();
    }
}

#[test]
fn a_real_octoprint_runs_for_the_length_of_a_story_and_no_longer() {
    let octoprint = OctoPrint::start();
    let door = octoprint.door();
    let address = door.url.strip_prefix("http://").unwrap().to_owned();
    assert_eq!(door.key.len(), 32);
    assert!(TcpStream::connect(&address).is_ok());
    drop(octoprint);
    assert!(TcpStream::connect(&address).is_err());
}
