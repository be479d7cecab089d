//! `gantry demo`: an agent and six simulated printers over real sockets, with work in the queue. The
//! farm is set up through the public API, like any other.

mod files;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use agent::config::Config;
use agent::fleet::core::Timing;
use agent::{Agent, AssembleError, Running};
use api::clock::SystemClock;
use clap::Args;
use contract::ops::files::UploadFile;
use contract::ops::jobs::CreateJob;
use contract::ops::printers::{ClearBedOp, CreatePrinter, EditPrinterOp};
use reqwest::Url;
use reqwest::multipart::{Form, Part};
use serde_json::{Value, json};
use simulators::octoprint::settings::Settings;
use simulators::octoprint::shell::{OctoPrintSim, Running as Simulated};

use crate::client::{Ask, Client};
use crate::failure::Failure;
use crate::farm::every_printer;
use crate::output::{Output, line, quoted};
use crate::serve::{init_logs, until_stopped};
use crate::session::Session;
use crate::table::words;

/// Options of `gantry demo`.
#[derive(Args)]
pub struct Demo {
    /// Keep the farm in this folder; absent = a new one that is removed afterwards.
    #[arg(long)]
    data: Option<PathBuf>,
    /// The port of the page and the API; 0 = any free one.
    #[arg(long, default_value_t = 7470)]
    port: u16,
    /// How many times faster than life the printers work.
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..))]
    speed: u32,
    /// How many printers.
    #[arg(long, default_value_t = 6)]
    printers: usize,
}

impl Demo {
    /// Runs until stopped. With --json the first line is {"relay_url", "agent_url", "mqtt_url", "store", "owner_key"}.
    pub async fn run(self, out: &Output) -> Result<(), Failure> {
        init_logs("warn");
        let scratch = tempfile::tempdir().map_err(Failure::fail)?;
        let config = Config {
            farm_name: "Demo farm".to_owned(),
            data_dir: self.data.clone().unwrap_or_else(|| scratch.path().to_owned()),
            listen: SocketAddr::from(([127, 0, 0, 1], self.port)),
            live: false,
            ..Config::default()
        };
        let running = Agent::start(&config, Arc::new(SystemClock), Timing::default()).await.map_err(not_started)?;
        let key = running.owner_key("demo").await.map_err(Failure::fail)?;
        let url = running.url();
        let session = Session { client: Client::new(&url, key.clone(), None)?, out: *out };
        let machines = self.set_up(&session).await?;
        self.tell(&running, &url, &key, out).await?;
        until_stopped(running).await;
        for machine in machines {
            machine.stop().await;
        }
        Ok(())
    }

    async fn tell(&self, running: &Running, url: &str, key: &str, out: &Output) -> Result<(), Failure> {
        let link = running.sign_in_link().await.map_err(Failure::fail)?;
        if out.json {
            // Standard output is for the one object; who watches still gets the link.
            eprintln!("{link}");
            let store = running.door.home().store_id;
            let first = json!({"relay_url": null, "agent_url": url, "mqtt_url": null, "store": store, "owner_key": key});
            return line(&first.to_string());
        }
        let again = if self.data.is_some() { "the same --data finds the farm again" } else { "--data FOLDER keeps the farm" };
        line(&format!(
            "A demo farm of {} simulated printers runs, {} times as fast as life.

  The page        {link}
  This command    export GANTRY_URL={url} GANTRY_KEY={key}
                  gantry status
  The API         curl -H 'Authorization: Bearer {key}' {url}/v1/printers

After each print somebody has to clear the bed: on the page, or `gantry printers clear P01`.
Ctrl-C stops it; {again}.",
            self.printers, self.speed
        ))
    }

    /// Adds the printers that are not there yet, and work for a new farm. Printers of a kept farm stand where
    /// they stood, as after a power cut: what they printed is gone, and the agent is left to judge it.
    async fn set_up(&self, session: &Session) -> Result<Vec<Simulated>, Failure> {
        let there = every_printer(session).await?;
        let mut machines = Vec::new();
        for n in 1..=self.printers {
            let name = format!("P{n:02}");
            let known = there.iter().find(|known| known["name"] == name.as_str());
            let settings = Settings { speed: self.speed, ..Settings::default() };
            let key = settings.api_key.clone();
            let machine = start(settings, known.and_then(port)).await?;
            let address = format!("http://{}", machine.address);
            match known {
                Some(known) if known["link"]["address"] == address.as_str() => {}
                Some(known) => moved(session, known, &address).await,
                None => add(session, &name, &address, &key, n % 3 == 0).await?,
            }
            machines.push(machine);
        }
        if there.is_empty() {
            queue_work(session, self.printers.div_ceil(2)).await?;
        }
        Ok(machines)
    }
}

fn not_started(error: AssembleError) -> Failure {
    let hint = match &error {
        AssembleError::Listen(_) => Some("Is a farm running already? `--port 0` takes any free port."),
        AssembleError::Folder(..) | AssembleError::InUse(_) | AssembleError::Store(_) => None,
    };
    let failure = Failure::fail(error);
    match hint {
        Some(hint) => failure.hint(hint),
        None => failure,
    }
}

fn port(printer: &Value) -> Option<u16> {
    Url::parse(printer["link"]["address"].as_str()?).ok()?.port()
}

/// On its old port, if nobody else has taken it.
async fn start(settings: Settings, port: Option<u16>) -> Result<Simulated, Failure> {
    let at = |port| SocketAddr::from(([127, 0, 0, 1], port));
    if let Some(port) = port
        && let Ok(machine) = OctoPrintSim::start(at(port), settings.clone()).await
    {
        return Ok(machine);
    }
    OctoPrintSim::start(at(0), settings).await.map_err(Failure::fail)
}

/// While a job is on it a printer keeps its address: then somebody has to say first what became of the job.
async fn moved(session: &Session, printer: &Value, address: &str) {
    let ask = Ask::of(words(&printer["id"])).body(json!({"link": {"address": address}}));
    if let Err(failure) = session.call::<EditPrinterOp>(ask).await {
        let name = quoted(&words(&printer["name"]));
        let text = format!("{name} is now at {address}, and the farm still looks elsewhere: {}", failure.text);
        session.out.note(&format!("{text}. After its job is resolved: gantry printers edit {name} --address {address}"));
    }
}

async fn add(session: &Session, name: &str, address: &str, key: &str, small: bool) -> Result<(), Failure> {
    let (model, size, tag) = if small { ("MINI", 180.0, "rack-b") } else { ("MK4S", 250.0, "rack-a") };
    let printer = json!({
        "name": name,
        "link": {"driver": "octoprint", "address": address, "credential": key},
        "machine": {"model": model, "nozzle_mm": 0.4, "build_volume_mm": {"x": size, "y": size, "z": size}},
        "tags": [tag],
    });
    let made = session.call::<CreatePrinter>(Ask::all().body(printer)).await?;
    let clear = json!({"bed_use": made["bed_use"], "start_next": true});
    session.call::<ClearBedOp>(Ask::of(words(&made["id"])).body(clear)).await?;
    Ok(())
}

async fn queue_work(session: &Session, copies: usize) -> Result<(), Failure> {
    for sample in files::samples() {
        let form = Form::new().part("file", Part::text(sample.gcode).file_name(sample.name));
        let request = session.client.request::<UploadFile>(Ask::all())?.multipart(form);
        let file: Value = session.client.send(request).await?.json().await?;
        for copy in 1..=copies {
            let job = json!({"file_id": file["id"], "name": format!("{} {copy}", sample.title)});
            session.call::<CreateJob>(Ask::all().body(job)).await?;
        }
    }
    Ok(())
}
