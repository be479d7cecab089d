//! `gantry up`: the smallest installation, an agent and a relay in one process.

use std::path::{Path, PathBuf};

use clap::Args;

use crate::failure::Failure;
use crate::output::{Output, line};
use crate::serve::{init_logs, until_stopped};
use crate::test_farm::{self, Printers};
use crate::together::Together;

/// Options of `gantry up`.
#[derive(Args)]
pub struct Up {
    /// Keep both in this folder, over what the settings say: the agent in `agent`, the relay in `relay`.
    #[arg(long, env = "GANTRY_DATA")]
    data: Option<PathBuf>,
    /// The port of the farm's own page and API; 0 = any free one.
    #[arg(long)]
    port: Option<u16>,
    /// The port of the relay's page and API; 0 = any free one.
    #[arg(long)]
    relay_port: Option<u16>,
    /// The port of MQTT; 0 = any free one.
    #[arg(long)]
    mqtt_port: Option<u16>,
    /// Run a test farm beside them too, in `test-farm` of the data folder: what test keys open.
    #[arg(long)]
    test_farm: bool,
    #[command(flatten)]
    test_printers: Printers,
    /// What the store is called that the first start makes.
    #[arg(long, default_value = "My store")]
    store: String,
    /// The settings file of the agent.
    #[arg(long, env = "GANTRY_CONFIG")]
    config: Option<PathBuf>,
    /// The settings file of the relay.
    #[arg(long, env = "GANTRY_RELAY_CONFIG")]
    relay_config: Option<PathBuf>,
}

impl Up {
    /// Runs until stopped. With --json the first line is {"relay_url", "agent_url", "mqtt_address", "store", "sign_in_url"}, and with a test farm
    /// "test_farm_url".
    pub async fn run(self, ca_file: Option<&Path>, out: &Output) -> Result<(), Failure> {
        init_logs("info");
        let farm = self.config.as_deref().map_or_else(|| Ok(Default::default()), agent::config::Config::read);
        let relay = self.relay_config.as_deref().map_or_else(|| Ok(Default::default()), relay::config::Config::read);
        let (mut farm, mut relay) = (farm.map_err(Failure::usage)?, relay.map_err(Failure::usage)?);
        if let Some(data) = &self.data {
            (farm.data_dir, relay.data_dir) = (data.join("agent"), data.join("relay"));
        }
        let ports =
            [(&mut farm.listen, self.port), (&mut relay.listen, self.relay_port), (&mut relay.mqtt_listen, self.mqtt_port)];
        for (place, port) in ports {
            place.set_port(port.unwrap_or(place.port()));
        }
        let together = Together::start(&farm, &relay, &self.store).await?;
        let parted = together.was_parted()?;
        if !together.is_claimed() && !parted {
            together.claim_for_store(ca_file).await?;
        }
        let test_farm = if self.test_farm {
            let folder = relay.data_dir.with_file_name("test-farm");
            let test_farm = test_farm::Running::start(folder, 0, self.test_printers, out).await?;
            test_farm.join(&together.relay, None, ca_file).await?;
            Some(test_farm)
        } else {
            None
        };
        tell(&together, parted, test_farm.as_ref(), out).await?;
        let test_door = test_farm.as_ref().map(|test_farm| std::sync::Arc::clone(&test_farm.farm.door));
        let doors = together.doors().into_iter().chain(test_door).collect();
        until_stopped((test_farm, together), doors).await;
        Ok(())
    }
}

async fn tell(together: &Together, parted: bool, test_farm: Option<&test_farm::Running>, out: &Output) -> Result<(), Failure> {
    let (store, link) = together.owner_link().await?;
    let mqtt = together.relay.mqtt_address;
    if out.json {
        let mut first = serde_json::json!({
            "relay_url": together.relay_url,
            "agent_url": together.farm.url(),
            "mqtt_address": mqtt,
            "store": store,
            "sign_in_url": link,
        });
        if let Some(test_farm) = test_farm {
            first["test_farm_url"] = test_farm.farm.url().into();
        }
        return line(&first.to_string());
    }
    let farm = if parted { "belongs to no store here: `gantry claim` at it asks for a code" } else { "belongs to the store" };
    line(&format!(
        "The farm and its relay run.

  The store       {link}  (signs its owner in, once, within an hour)
  The farm        {}  ({farm})
  MQTT            {mqtt}",
        together.farm.url()
    ))?;
    test_farm.map_or(Ok(()), |test_farm| {
        line(&format!("  Test farm       {}  (for keys of `gantry keys create --test`)", test_farm.farm.url()))
    })
}
