//! A Bambu Lab printer made of real parts: Mosquitto for its broker, vsftpd for its file server, both as the printers have them;
//! behind the broker a small machine of ours, which does what it is told and tells it. Told with a farm that is a process.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use domain::file::ContentHash;
use domain::secret::Secret;
use domain::time::Timestamp;
use drivers::contract::LinkProblem;
use drivers::{Blobs, LinkSpec, Outside};
use gantry_tests::counterpart::gcode;
use gantry_tests::farm::{FAST, Farm, id_of, machine};
use gantry_tests::until_it_holds;
use reqwest::Method;
use rumqttc::{AsyncClient, Event, MqttOptions, Packet, QoS};
use serde::Deserialize;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{place, script};

/// The programs, as long as this value lives.
struct Parts {
    door: Door,
    owner: Child,
    _folder: TempDir,
}

#[derive(Deserialize)]
struct Door {
    broker: u16,
    inside: u16,
    files: u16,
    serial: String,
    code: String,
    home: PathBuf,
    authority: String,
}

impl Parts {
    fn start() -> Self {
        let folder = TempDir::new().unwrap();
        let mut owner = Command::new(place("GANTRY_PYTHON"))
            .arg(script("bambu.py"))
            .arg("--folder")
            .arg(folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(owner.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let door = serde_json::from_str(&line).expect("it says on standard error why it did not start");
        Self { door, owner, _folder: folder }
    }

    fn address(&self) -> String {
        format!("127.0.0.1:{}+{}", self.door.broker, self.door.files)
    }

    fn link(&self) -> Value {
        json!({"driver": "bambu", "address": self.address(), "serial": self.door.serial, "credential": self.door.code})
    }

    /// The names of the files on its card.
    fn card(&self) -> Vec<String> {
        let mut names: Vec<String> =
            std::fs::read_dir(&self.door.home).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

impl Drop for Parts {
    fn drop(&mut self) {
        drop(self.owner.stdin.take());
        let _ = self.owner.wait();
    }
}

/// The machine behind the broker.
#[derive(Clone)]
struct Machine {
    state: Arc<Mutex<State>>,
    client: AsyncClient,
    report: String,
}

#[derive(Default)]
struct State {
    shown: serde_json::Map<String, Value>,
    /// What it was told, without questions.
    told: Vec<Value>,
    percent: u32,
    step: u32,
}

impl Machine {
    async fn start(parts: &Parts) -> Self {
        let mut options = MqttOptions::new("machine", "127.0.0.1", parts.door.inside);
        options.set_credentials("machine", "inside");
        options.set_max_packet_size(256 * 1024, 256 * 1024);
        let (client, mut events) = AsyncClient::new(options, 100);
        let topic = format!("device/{}/", parts.door.serial);
        let shown = json!({
            "gcode_state": "IDLE", "subtask_name": "", "mc_percent": 0, "mc_remaining_time": "0", "print_error": 0, "hms": [],
            "layer_num": 0, "total_layer_num": 0, "nozzle_temper": 25, "bed_temper": "25", "stg_cur": 255,
            "ams": {"ams": [{"id": "0", "tray": [
                {"id": "0", "tray_type": "PETG", "tray_color": "000000FF"}, {"id": "1"},
                {"id": "2", "tray_type": "PLA", "tray_color": "FF0000FF", "remain": 80, "tray_weight": "1000"}, {"id": "3"},
            ]}]},
            "vt_tray": {"id": "254", "tray_type": ""},
        });
        let Value::Object(shown) = shown else { unreachable!() };
        let state = Arc::new(Mutex::new(State { shown, step: 5, ..State::default() }));
        let machine = Self { state, client: client.clone(), report: format!("{topic}report") };
        client.subscribe(format!("{topic}request"), QoS::AtLeastOnce).await.unwrap();
        let (listening, home) = (machine.clone(), parts.door.home.clone());
        tokio::spawn(async move {
            while let Ok(event) = events.poll().await {
                if let Event::Incoming(Packet::Publish(message)) = event {
                    listening.asked(&serde_json::from_slice(&message.payload).unwrap(), &home);
                }
            }
        });
        let working = machine.clone();
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(Duration::from_millis(200)).await;
                working.goes_on();
            }
        });
        machine
    }

    fn tell(&self, message: &Value) {
        self.client.try_publish(&self.report, QoS::AtMostOnce, false, message.to_string()).unwrap();
    }

    /// Shows that from now on, and tells the change.
    fn shows(&self, change: &Value) {
        let fields = change.as_object().unwrap().clone();
        self.state.lock().unwrap().shown.extend(fields.clone());
        let mut report = json!({"command": "push_status", "msg": 1});
        report.as_object_mut().unwrap().extend(fields);
        self.tell(&json!({"print": report}));
    }

    fn asked(&self, message: &Value, home: &std::path::Path) {
        let (class, body) = message.as_object().unwrap().iter().next().unwrap();
        let command = body["command"].as_str().unwrap().to_owned();
        let answer = |fields: Value| {
            let mut answer = json!({"command": command, "sequence_id": body["sequence_id"]});
            answer.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
            self.tell(&json!({class.as_str(): answer}));
        };
        match command.as_str() {
            "get_version" => return answer(json!({"module": [{"name": "ota", "sw_ver": "01.08.02.00"}], "result": "success"})),
            "pushall" => {
                let mut report = json!({"command": "push_status", "msg": 0});
                report.as_object_mut().unwrap().extend(self.state.lock().unwrap().shown.clone());
                return self.tell(&json!({"print": report}));
            }
            _ => self.state.lock().unwrap().told.push(body.clone()),
        }
        match command.as_str() {
            "project_file" => {
                let name = body["url"].as_str().unwrap().strip_prefix("ftp:///").unwrap();
                let there = std::fs::read(home.join(name)).is_ok_and(|bytes| bytes.starts_with(b"PK"));
                answer(json!({"result": if there { "success" } else { "failed" }, "reason": "no such file"}));
                if there {
                    self.state.lock().unwrap().percent = 0;
                    self.shows(&json!({"gcode_state": "PREPARE", "subtask_name": body["subtask_name"], "mc_percent": 0, "print_error": 0}));
                }
            }
            "pause" => {
                answer(json!({"result": "success"}));
                self.shows(&json!({"gcode_state": "PAUSE", "stg_cur": 16}));
            }
            "resume" => {
                answer(json!({"result": "success"}));
                self.shows(&json!({"gcode_state": "RUNNING", "stg_cur": 0}));
            }
            "stop" => {
                answer(json!({"result": "success"}));
                self.stops();
            }
            _ => answer(json!({"result": "failed", "reason": "unknown"})),
        }
    }

    /// As the printers do when a print is cancelled: it has failed, and a code says the rest for a moment.
    fn stops(&self) {
        self.shows(&json!({"gcode_state": "FAILED"}));
        self.shows(&json!({"print_error": 50_348_044}));
        self.shows(&json!({"print_error": 0}));
    }

    fn goes_on(&self) {
        let (state, percent) = {
            let mut state = self.state.lock().unwrap();
            let word = state.shown["gcode_state"].as_str().unwrap().to_owned();
            if word == "RUNNING" {
                state.percent = (state.percent + state.step).min(100);
            }
            (word, state.percent)
        };
        match state.as_str() {
            "PREPARE" => self.shows(&json!({"gcode_state": "RUNNING", "stg_cur": 0, "layer_num": 1, "total_layer_num": 20})),
            "RUNNING" if percent == 100 => self.shows(&json!({"gcode_state": "FINISH", "mc_percent": 100})),
            "RUNNING" => self.shows(&json!({"mc_percent": percent.to_string(), "layer_num": percent / 5})),
            _ => self.shows(&json!({"wifi_signal": "-45dBm"})),
        }
    }

    fn pace(&self, step: u32) {
        self.state.lock().unwrap().step = step;
    }

    /// The commands that it was told.
    fn told(&self, command: &str) -> Vec<Value> {
        self.state.lock().unwrap().told.iter().filter(|told| told["command"] == command).cloned().collect()
    }
}

struct NoBlobs;

impl Blobs for NoBlobs {
    fn path(&self, _: &ContentHash) -> Option<PathBuf> {
        None
    }
}

/// What a test of the connection finds where the authority vouches for machines.
async fn probed(parts: &Parts, serial: &str, code: &str) -> Result<domain::printer::Activity, LinkProblem> {
    let spec = LinkSpec {
        driver: "bambu".to_owned(),
        address: parts.address(),
        serial: Some(serial.parse().unwrap()),
        certificate: None,
        credential: Some(Secret::new(code.to_owned())),
    };
    let now = || Timestamp::from_millis(i64::try_from(std::time::UNIX_EPOCH.elapsed().unwrap().as_millis()).unwrap());
    let authorities = drivers::broker::certificates(parts.door.authority.as_bytes()).into();
    let outside = Outside { blobs: Arc::new(NoBlobs), now: Arc::new(now), authorities };
    drivers::probe(&spec, outside, Duration::from_secs(20)).await.map(|seen| seen.activity)
}

#[tokio::test]
async fn jobs_go_through_a_real_mosquitto_and_a_real_vsftpd_from_the_first_test_to_every_end() {
    let parts = Parts::start();
    let real = Machine::start(&parts).await;

    // Vouched for by an authority: the right machine, another one, a wrong code.
    assert!(probed(&parts, &parts.door.serial, &parts.door.code).await.is_ok());
    let other = probed(&parts, "01P00A000000000", &parts.door.code).await;
    assert!(matches!(other, Err(LinkProblem::OtherMachine { .. })), "{other:?}");
    let wrong = probed(&parts, &parts.door.serial, "87654321").await;
    assert!(matches!(wrong, Err(LinkProblem::WrongCredential { .. })), "{wrong:?}");

    // At a farm that trusts no authority, the owner confirms the certificate.
    let mut farm = Farm::start_with(FAST).await;
    let test = "/v1/printers/test-connection";
    let unconfirmed = farm.call(Method::POST, test, Some(parts.link())).await;
    assert_eq!((unconfirmed.status, &unconfirmed.body["code"]), (422, &json!("certificate_unconfirmed")));
    let mut link = parts.link();
    link["certificate"] = unconfirmed.body["errors"][0]["detail"].clone();
    let found = farm.call(Method::POST, test, Some(link.clone())).await;
    assert_eq!((found.status, &found.body["firmware"]), (200, &json!("01.08.02.00")), "{}", found.body);
    let mut changed = link.clone();
    changed["certificate"] = json!("0".repeat(64));
    let refused = farm.call(Method::POST, test, Some(changed)).await;
    assert!(refused.body["detail"].as_str().unwrap().contains("another certificate"), "{}", refused.body);
    let printer = id_of(&farm.post("/v1/printers", json!({"name": "P01", "link": link, "machine": machine()})).await);
    let seen = farm.printer_until(&printer, "connection", "online").await;
    assert_eq!(seen["capabilities"].as_array().unwrap().iter().filter(|can| *can == "filament_choice").count(), 1);
    let path = format!("/v1/printers/{printer}");
    let loaded = farm.until(&path, "its slots", |seen| !seen["loaded"].is_null()).await;
    assert_eq!(
        loaded["loaded"],
        json!([{"material": "PETG", "colour": "#000000"}, {"material": "PLA", "colour": "#FF0000", "grams": 800.0}])
    );

    // Sent once, started, seen, paused, resumed, completed.
    let file = farm.upload("coin.gcode", gcode(20)).await;
    let first = farm.queue(&file).await;
    farm.clear(&printer, true).await;
    farm.until_told("job.started", &first).await;
    let start = real.told("project_file").remove(0);
    assert_eq!((&start["use_ams"], &start["ams_mapping"]), (&json!(true), &json!([2])), "PLA is in the third slot");
    let verb = async |farm: &Farm, verb: &str| drop(farm.verb(&format!("{path}/{verb}")).await);
    verb(&farm, "pause").await;
    farm.printer_until(&printer, "activity", "paused").await;
    verb(&farm, "resume").await;
    farm.printer_until(&printer, "activity", "printing").await;
    let telemetry = format!("{path}/telemetry");
    farm.until(&telemetry, "progress", |seen| seen["telemetry"]["progress"].as_f64().is_some_and(|share| share > 0.1)).await;
    let completed = farm.job_until(&first, "completed").await;
    assert_eq!(completed.get("inferred"), None);
    let card = parts.card();
    assert_eq!(card.len(), 1, "{card:?}");

    // The same bytes are there already. Cancelled by us.
    real.pace(0);
    let printing = async |farm: &Farm| {
        let job = farm.queue(&file).await;
        farm.printer_until(&printer, "activity", "finished").await;
        farm.clear(&printer, true).await;
        farm.until_told("job.started", &job).await;
        job
    };
    let second = printing(&farm).await;
    farm.post(&format!("/v1/jobs/{second}/cancel"), json!({})).await;
    assert_eq!(farm.job_until(&second, "cancelled").await["cancel_reason"], "requested");
    assert_eq!(parts.card(), card);

    // Cancelled at the screen.
    let third = printing(&farm).await;
    real.stops();
    assert_eq!(farm.job_until(&third, "cancelled").await["cancel_reason"], "at_printer");

    // The agent is killed in the middle of a print: it is found again, and nothing is started anew.
    let fourth = printing(&farm).await;
    farm.kill9().await;
    farm.start_again().await;
    farm.until_told("job.recovered", &fourth).await;
    real.pace(20);
    farm.job_until(&fourth, "completed").await;

    // And killed over the end: what ran and is finished is believed.
    real.pace(0);
    let fifth = printing(&farm).await;
    until_it_holds("what is kept with the attempt is written", async || farm.job(&fifth).await["state"] == "printing").await;
    farm.kill9().await;
    real.pace(100);
    until_it_holds("the print ends", async || real.state.lock().unwrap().shown["gcode_state"] == "FINISH").await;
    farm.start_again().await;
    farm.job_until(&fifth, "completed").await;
    assert_eq!(real.told("project_file").len(), 5, "each job was started once");
}
