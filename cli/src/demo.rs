//! `gantry demo`: an agent, its relay and six simulated printers of every brand over real sockets, with work in the queue. The
//! farm is set up through the public API, like any other.

mod files;

use std::net::TcpListener;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use contract::ops::access::GetMe;
use contract::ops::files::UploadFile;
use contract::ops::jobs::CreateJob;
use contract::ops::keys::CreateApiKey;
use reqwest::multipart::{Form, Part};
use serde_json::{Value, json};

use crate::client::{Ask, Client};
use crate::failure::{Exit, Failure};
use crate::machines::{Machines, here};
use crate::output::{Output, line};
use crate::serve::{init_logs, until_stopped};
use crate::session::Session;
use crate::table::words;
use crate::together::Together;

/// How long the line may take to bring a new key to the farm.
const KEY_WITHIN: Duration = Duration::from_secs(20);

/// Options of `gantry demo`.
#[derive(Args)]
pub struct Demo {
    /// Keep the farm in this folder; absent = a new one that is removed afterwards.
    #[arg(long)]
    data: Option<PathBuf>,
    /// The port of the farm's own page and API; 0 = any free one.
    #[arg(long, default_value_t = 7470)]
    port: u16,
    /// The port of the relay's page and API; absent = 7480, or any free one if that is taken or --port is 0.
    #[arg(long)]
    relay_port: Option<u16>,
    /// The port of MQTT; absent = 1883, or any free one if that is taken or --port is 0.
    #[arg(long)]
    mqtt_port: Option<u16>,
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
        let data = self.data.clone().unwrap_or_else(|| scratch.path().to_owned());
        let farm = agent::config::Config {
            farm_name: "Demo farm".to_owned(),
            listen: here(self.port),
            live: false,
            data_dir: data.clone(),
            ..Default::default()
        };
        let relay = relay::config::Config {
            data_dir: data.join("relay"),
            listen: here(self.or_free(self.relay_port, 7480)),
            mqtt_listen: here(self.or_free(self.mqtt_port, 1883)),
            live: false,
            // Who tries webhooks out receives them on this machine.
            webhook_networks: ["127.0.0.0/8", "::1/128"].iter().filter_map(|network| network.parse().ok()).collect(),
            ..Default::default()
        };
        let together = Together::start(&farm, &relay, "Demo store").await?;
        if !together.is_claimed() {
            together.claim_for_store(None).await?;
        }
        let key = owner_key(&together).await?;
        let session = Session { client: Client::new(&together.farm.url(), key.clone(), None)?, out: *out };
        opens(&session).await?;
        let machines = Machines { letter: 'P', printers: self.printers, speed: self.speed };
        let machines = machines.start(&session).await?;
        if machines.were_none {
            queue_work(&session, self.printers.div_ceil(2)).await?;
        }
        together.in_step().await;
        self.tell(&together, &key, out).await?;
        let doors = together.doors();
        until_stopped(together, doors).await;
        machines.stop().await;
        Ok(())
    }

    /// A port that was not chosen need not be a certain one.
    fn or_free(&self, chosen: Option<u16>, usual: u16) -> u16 {
        let free = || if self.port != 0 && TcpListener::bind(here(usual)).is_ok() { usual } else { 0 };
        chosen.unwrap_or_else(free)
    }

    async fn tell(&self, together: &Together, key: &str, out: &Output) -> Result<(), Failure> {
        let link = together.farm.sign_in_link().await.map_err(Failure::fail)?;
        let (store, relay_link) = together.owner_link().await?;
        let (relay_url, url, mqtt) = (&together.relay_url, together.farm.url(), together.relay.mqtt_address);
        if out.json {
            // Standard output is for the one object; who watches still gets the links.
            eprintln!("{link}\n{relay_link}");
            let mqtt_url = format!("mqtt://{mqtt}");
            let first = json!({"relay_url": relay_url, "agent_url": url, "mqtt_url": mqtt_url, "store": store, "owner_key": key});
            return line(&first.to_string());
        }
        let again = if self.data.is_some() { "the same --data finds the farm again" } else { "--data FOLDER keeps the farm" };
        line(&format!(
            "A demo farm of {} simulated printers runs, {} times as fast as life.

  The page        {link}
  This command    export GANTRY_URL={url} GANTRY_KEY={key}
                  gantry status
  The API         curl -H 'Authorization: Bearer {key}' {url}/v1/printers

From elsewhere the same farm is reached through its relay, with the same key:

  The page        {relay_link}
  The API         {relay_url}/v1/printers
  MQTT            {mqtt}, any user name, the key as password

After each print somebody has to clear the bed: on the page, or `gantry printers clear P01`.
Ctrl-C stops it; {again}.",
            self.printers, self.speed
        ))
    }
}

/// A key with all that a key can hold. Made at the relay, the home of the store's accounts; it opens both doors.
async fn owner_key(together: &Together) -> Result<String, Failure> {
    let owner = Client::sign_in(&together.owner_link().await?.1, None).await?;
    let mut held = owner.call::<GetMe>(Ask::all()).await?["grants"]["permissions"].take();
    if let Some(held) = held.as_array_mut() {
        held.retain(|permission| permission != "store.delete");
    }
    let key = json!({"name": "demo", "permissions": held});
    let made = owner.call::<CreateApiKey>(Ask::all().body(key)).await?;
    owner.sign_out().await?;
    Ok(words(&made["secret"]))
}

/// Waits until the line has brought the key to the farm.
async fn opens(session: &Session) -> Result<(), Failure> {
    let trying = async {
        while let Err(failure) = session.call::<GetMe>(Ask::all()).await {
            if failure.exit != Exit::Auth {
                return Err(failure);
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Ok(())
    };
    tokio::time::timeout(KEY_WITHIN, trying).await.map_err(|_| Failure::fail("the farm has not heard of its store's key"))?
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
