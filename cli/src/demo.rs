//! `gantry demo`: an agent and six simulated printers over real sockets, with work in the queue. The
//! farm is set up through the public API, like any other.

mod files;

use std::error::Error;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use agent::Agent;
use agent::config::Config;
use agent::fleet::core::Timing;
use api::clock::SystemClock;
use clap::Args;
use reqwest::multipart::{Form, Part};
use serde_json::{Value, json};
use simulators::octoprint::settings::Settings;
use simulators::octoprint::shell::{OctoPrintSim, Running as Simulated};

use crate::serve::{init_logs, say, until_stopped};

/// Options of `gantry demo`.
#[derive(Args)]
pub struct Demo {
    /// Keep the farm in this folder; absent = a new one that is removed afterwards.
    #[arg(long)]
    data: Option<PathBuf>,
    /// The port of the page and the API; 0 = any free one.
    #[arg(long, default_value_t = 7470)]
    port: u16,
    /// Print one JSON line first: {"relay_url", "agent_url", "mqtt_url", "store", "owner_key"}.
    #[arg(long)]
    json: bool,
    /// How many times faster than life the printers work.
    #[arg(long, default_value_t = 60)]
    speed: u32,
    /// How many printers.
    #[arg(long, default_value_t = 6)]
    printers: usize,
}

type Done<T> = Result<T, Box<dyn Error>>;

impl Demo {
    /// Runs until stopped.
    pub async fn run(self) -> Done<()> {
        init_logs("warn");
        let scratch = tempfile::tempdir()?;
        let config = Config {
            farm_name: "Demo farm".to_owned(),
            data_dir: self.data.clone().unwrap_or_else(|| scratch.path().to_owned()),
            listen: SocketAddr::from(([127, 0, 0, 1], self.port)),
            live: false,
            ..Config::default()
        };
        let machines = self.machines().await?;
        let running = Agent::start(&config, Arc::new(SystemClock), Timing::default()).await?;
        let owner_key = running.owner_key("demo").await?;
        let url = format!("http://{}", running.address);
        let farm = Client { http: reqwest::Client::new(), url: url.clone(), key: owner_key.clone() };
        farm.set_up(&machines).await?;
        if self.json {
            let line = json!({
                "relay_url": null, "agent_url": url, "mqtt_url": null,
                "store": running.door.home().store_id, "owner_key": owner_key,
            });
            say(&line.to_string());
        } else {
            say(&format!("A demo farm of {} simulated printers runs, {} times as fast as life.", machines.len(), self.speed));
            say(&format!("Look at it:    {}", running.sign_in_link().await?));
            say(&format!("Call its API:  curl -H 'Authorization: Bearer {owner_key}' {url}/v1/printers"));
            say("Stop it with Ctrl-C.");
        }
        until_stopped(running).await;
        for machine in machines {
            machine.simulated.stop().await;
        }
        Ok(())
    }

    async fn machines(&self) -> Done<Vec<Machine>> {
        let mut machines = Vec::new();
        for n in 1..=self.printers {
            let settings = Settings { speed: self.speed.max(1), ..Settings::default() };
            let key = settings.api_key.clone();
            let simulated = OctoPrintSim::start(SocketAddr::from(([127, 0, 0, 1], 0)), settings).await?;
            machines.push(Machine { name: format!("P{n:02}"), simulated, key, small: n % 3 == 0 });
        }
        Ok(machines)
    }
}

struct Machine {
    name: String,
    simulated: Simulated,
    key: String,
    small: bool,
}

struct Client {
    http: reqwest::Client,
    url: String,
    key: String,
}

impl Client {
    /// Adds the printers that are not there yet, clears their beds and queues some work. On a farm that
    /// was kept, the printers are found under new ports.
    async fn set_up(&self, machines: &[Machine]) -> Done<()> {
        let there = self.get("/v1/printers?limit=200").await?;
        let there = there["items"].as_array().cloned().unwrap_or_default();
        for machine in machines {
            let link = json!({
                "driver": "octoprint",
                "address": format!("http://{}", machine.simulated.address),
                "credential": machine.key,
            });
            match there.iter().find(|known| known["name"] == machine.name.as_str()) {
                Some(known) => {
                    let id = known["id"].as_str().unwrap_or_default();
                    // A print that was under way on the old port is gone with its simulator.
                    drop(self.send(reqwest::Method::PATCH, &format!("/v1/printers/{id}"), json!({"link": link})).await);
                }
                None => {
                    let (model, size) = if machine.small { ("MINI", 180.0) } else { ("MK4S", 250.0) };
                    let printer = json!({
                        "name": machine.name,
                        "link": link,
                        "machine": {"model": model, "nozzle_mm": 0.4, "build_volume_mm": {"x": size, "y": size, "z": size}},
                        "tags": [if machine.small { "rack-b" } else { "rack-a" }],
                    });
                    let made = self.send(reqwest::Method::POST, "/v1/printers", printer).await?;
                    let id = made["id"].as_str().unwrap_or_default();
                    let clear = json!({"bed_use": made["bed_use"], "start_next": true});
                    self.send(reqwest::Method::POST, &format!("/v1/printers/{id}/clear-bed"), clear).await?;
                }
            }
        }
        if there.is_empty() {
            self.queue_work(machines.len()).await?;
        }
        Ok(())
    }

    async fn queue_work(&self, printers: usize) -> Done<()> {
        for sample in files::samples() {
            let form = Form::new().part("file", Part::text(sample.gcode).file_name(sample.name));
            let answer = self.http.post(format!("{}/v1/files", self.url)).bearer_auth(&self.key).multipart(form).send().await?;
            let file = body(answer).await?;
            for copy in 1..=printers.div_ceil(2) {
                let job = json!({"file_id": file["id"], "name": format!("{} {copy}", sample.title)});
                self.send(reqwest::Method::POST, "/v1/jobs", job).await?;
            }
        }
        Ok(())
    }

    async fn get(&self, path: &str) -> Done<Value> {
        body(self.http.get(format!("{}{path}", self.url)).bearer_auth(&self.key).send().await?).await
    }

    async fn send(&self, method: reqwest::Method, path: &str, json: Value) -> Done<Value> {
        let request = self.http.request(method, format!("{}{path}", self.url)).bearer_auth(&self.key);
        body(request.json(&json).send().await?).await
    }
}

async fn body(answer: reqwest::Response) -> Done<Value> {
    let good = answer.status().is_success();
    let text = answer.text().await?;
    if good { Ok(serde_json::from_str(&text)?) } else { Err(text.into()) }
}
