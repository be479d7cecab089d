//! A real PrusaLink with a stand-in for its printer, owned by the story that started it; and the third-party client
//! pyprusalink, which knows nothing of us, sees no difference between it and our simulator.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};

use gantry_tests::counterpart::{Counterpart, Door};
use gantry_tests::floor::Floor;
use gantry_tests::{kill_table, until_it_holds, whole_way};
use serde::Deserialize;
use serde_json::{Value, json};
use simulators::prusalink::settings::{Form, Settings};
use simulators::prusalink::shell::PrusaLinkSim;
use tempfile::TempDir;

use crate::{place, script};

/// The password of the user `maker`, which pyprusalink shows.
const PASSWORD: &str = "Pass1234";

/// Running, and its printer idle, as long as this value lives.
pub struct PrusaLink {
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

/// Starts one on that folder, and its owner with it.
fn own(folder: &TempDir, more: &[&str]) -> (Child, Running) {
    let mut owner = Command::new(place("GANTRY_PYTHON"))
        .arg(script("prusalink.py"))
        .args(["--prusalink", &place("GANTRY_PRUSALINK"), "--password", PASSWORD, "--folder"])
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

impl PrusaLink {
    pub fn start() -> Self {
        // Not in the system's own place for such folders: PrusaLink keeps no files there.
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let (owner, running) = own(&folder, &[]);
        Self { running, owner, folder }
    }

    async fn state(&self) -> Option<String> {
        let Door { url, key } = &self.running.door;
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let answer = client.get(format!("{url}/api/v1/status")).header("x-api-key", key).send().await.ok()?;
        let status: Value = serde_json::from_slice(&answer.bytes().await.ok()?).ok()?;
        status["printer"]["state"].as_str().map(str::to_owned)
    }
}

impl Drop for PrusaLink {
    fn drop(&mut self) {
        drop(self.owner.stdin.take());
        let _ = self.owner.wait();
    }
}

impl Counterpart for PrusaLink {
    const DRIVER: &'static str = "prusalink";

    async fn start() -> Self {
        PrusaLink::start()
    }

    fn door(&self) -> Door {
        self.running.door.clone()
    }

    fn gcode(seconds: u32) -> String {
        // Shorter ones are over before they are asked about twice.
        let seconds = seconds.max(20);
        let steps = (0..seconds * 10).map(|step| {
            let percent = step * 10 / seconds;
            format!("M73 P{percent} R1\nG1 X{} Y10 E1 F3000\nG4 P80\n", step % 50)
        });
        format!("; printer_model = MK3S\n; nozzle_diameter = 0.4\nG28\n{}M73 P100 R0\n", steps.collect::<String>())
    }

    async fn idle(&self) {
        until_it_holds("an idle PrusaLink", async || self.state().await.as_deref() == Some("IDLE")).await;
    }

    /// It keeps no count; the line to it does.
    async fn prints_of_files(&self) -> BTreeMap<String, u64> {
        BTreeMap::new()
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

#[test]
fn a_real_prusalink_runs_for_the_length_of_a_story_and_no_longer() {
    let prusalink = PrusaLink::start();
    let address = prusalink.door().url.strip_prefix("http://").unwrap().to_owned();
    assert!(TcpStream::connect(&address).is_ok());
    drop(prusalink);
    assert!(TcpStream::connect(&address).is_err());
}

#[tokio::test]
async fn a_file_goes_the_whole_way_through_a_real_prusalink_and_the_next_job_waits_for_the_bed() {
    whole_way::two_jobs::<PrusaLink>().await;
}

#[tokio::test]
async fn a_print_at_a_real_prusalink_is_paused_resumed_and_cancelled() {
    let mut floor = Floor::<PrusaLink>::start().await;
    let link = |credential: &str| json!({"driver": "prusalink", "address": floor.proxy.url, "credential": credential});
    let tested = floor.farm.call(reqwest::Method::POST, "/v1/printers/test-connection", Some(link("wrong"))).await;
    assert!(tested.body["detail"].as_str().is_some_and(|detail| detail.contains("refuses the key")), "{}", tested.body);
    let found = floor.farm.post("/v1/printers/test-connection", link(&format!("maker:{PASSWORD}"))).await;
    assert_eq!(found["firmware"], "PrusaLink 0.8.1, firmware 3.14.0-8094");

    let job = floor.printing(60).await;
    for (verb, state) in [("pause", "paused"), ("resume", "printing")] {
        floor.farm.verb(&format!("/v1/printers/{}/{verb}", floor.printer)).await;
        floor.farm.job_until(&job, state).await;
    }
    floor.farm.post(&format!("/v1/jobs/{job}/cancel"), json!({})).await;
    let cancelled = floor.farm.job_until(&job, "cancelled").await;
    assert_eq!(cancelled["cancel_reason"], "requested");
    floor.nothing_was_started_twice().await;
}

#[tokio::test]
async fn killed_while_sending_to_a_real_prusalink_the_same_attempt_goes_on() {
    kill_table::sending::<PrusaLink>().await;
}

#[tokio::test]
async fn killed_before_a_real_prusalinks_answer_to_the_start_the_print_is_adopted() {
    kill_table::start_answer_lost::<PrusaLink>().await;
}

#[tokio::test]
async fn killed_while_a_real_prusalink_prints_the_print_is_adopted_and_nothing_else_is_told() {
    kill_table::printing::<PrusaLink>().await;
}

#[tokio::test]
async fn killed_together_with_a_real_prusalink_nobody_knows() {
    kill_table::printer_died_too::<PrusaLink>().await;
}

/// What the judge saw, line by line.
async fn judged(url: &str, password: &str, storage: &str) -> Vec<String> {
    let judge = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("simulators/judge_pyprusalink.py");
    let mut command = tokio::process::Command::new(place("GANTRY_PYPRUSALINK"));
    command.arg(judge).args([url, "maker", password, storage]).stdin(Stdio::null()).stderr(Stdio::inherit()).kill_on_drop(true);
    let done = command.output().await.unwrap();
    let said = String::from_utf8(done.stdout).unwrap();
    assert!(done.status.success(), "the judge is not content:\n{said}");
    said.lines().map(str::to_owned).collect()
}

async fn simulated(form: Form) -> (String, Settings) {
    let settings = Settings { form, ..Settings::default() };
    let running = PrusaLinkSim::start(SocketAddr::from(([127, 0, 0, 1], 0)), settings.clone()).await.unwrap();
    (format!("http://{}", running.address), settings)
}

#[tokio::test]
async fn pyprusalink_sees_no_difference_between_our_simulated_pi_and_a_real_prusalink() {
    let (ours, settings) = simulated(Form::Pi).await;
    let real = PrusaLink::start();
    let url = real.door().url;
    let (of_ours, of_real) = tokio::join!(judged(&ours, &settings.password, "local"), judged(&url, PASSWORD, "local"));
    assert!(of_real.len() > 20, "{of_real:#?}");
    assert_eq!(of_ours, of_real);
}

#[tokio::test]
async fn pyprusalink_is_content_with_our_simulated_printer() {
    let (ours, settings) = simulated(Form::Printer).await;
    let said = judged(&ours, &settings.api_key, "usb").await;
    for step in ["wrong password: InvalidAuth", "storage: ['usb']", "paused: PAUSED PAUSED Conflict", "done: FINISHED None"] {
        assert!(said.iter().any(|line| line == step), "{step} is not among {said:#?}");
    }
}
