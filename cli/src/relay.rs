//! `gantry relay`: runs the relay until it is told to stop, and makes its stores.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use api::clock::SystemClock;
use clap::{Args, Subcommand};
use domain::id::StoreId;
use relay::assemble::{Accounts, Relay as Assembled};
use relay::config::Config;

use crate::failure::Failure;
use crate::output::{Output, line};
use crate::serve::{init_logs, until_stopped};
use crate::test_farm::{self, Printers};

/// Options of `gantry relay`.
#[derive(Args)]
pub struct Relay {
    #[command(subcommand)]
    verb: Option<Verb>,
    /// The settings file.
    #[arg(long, env = "GANTRY_RELAY_CONFIG", global = true)]
    config: Option<PathBuf>,
    /// Where the database and the files lie; over the settings file.
    #[arg(long, env = "GANTRY_RELAY_DATA", global = true)]
    data: Option<PathBuf>,
    /// Where the API and the page are served; over the settings file.
    #[arg(long, env = "GANTRY_RELAY_LISTEN", global = true)]
    listen: Option<SocketAddr>,
    /// Where MQTT is served; over the settings file.
    #[arg(long, env = "GANTRY_RELAY_MQTT_LISTEN", global = true)]
    mqtt_listen: Option<SocketAddr>,
    /// Run a test farm beside the relay, in `test-farm` of the data folder, for that store; for the only one if none is named.
    #[arg(long, value_name = "STORE", num_args = 0..=1)]
    #[expect(clippy::option_option, reason = "clap: the option may stand alone")]
    test_farm: Option<Option<StoreId>>,
    #[command(flatten)]
    test_printers: Printers,
}

#[derive(Subcommand)]
enum Verb {
    /// The stores of this relay, on the relay's own machine.
    #[command(subcommand)]
    Store(StoreVerb),
}

#[derive(Subcommand)]
enum StoreVerb {
    /// Make a store and print the link that signs its owner in, once.
    Create {
        /// What people call it.
        name: String,
    },
}

impl Relay {
    /// Runs until stopped, or makes a store; the relay may be running meanwhile.
    pub async fn run(self, ca_file: Option<&Path>, out: &Output) -> Result<(), Failure> {
        let config = self.config.as_deref().map_or_else(|| Ok(Config::default()), Config::read);
        let mut config = config.map_err(Failure::usage)?;
        config.data_dir = self.data.unwrap_or(config.data_dir);
        config.listen = self.listen.unwrap_or(config.listen);
        config.mqtt_listen = self.mqtt_listen.unwrap_or(config.mqtt_listen);
        match self.verb {
            None => serve(&config, self.test_farm.map(|store| (store, self.test_printers)), ca_file, out).await,
            Some(Verb::Store(StoreVerb::Create { name })) => create_store(&config, name, out).await,
        }
    }
}

/// With --json the first line is {"relay_url", "mqtt_address"}, and with a test farm "test_farm_url".
async fn serve(
    config: &Config,
    test_farm: Option<(Option<StoreId>, Printers)>,
    ca_file: Option<&Path>,
    out: &Output,
) -> Result<(), Failure> {
    init_logs("info");
    let running = Assembled::start(config, Arc::new(SystemClock)).await.map_err(Failure::fail)?;
    let url = running.accounts.door.url(running.address);
    let test_farm = match test_farm {
        Some((store, printers)) => {
            let test_farm = test_farm::Running::start(config.data_dir.join("test-farm"), 0, printers, out).await?;
            test_farm.join(&running, store, ca_file).await?;
            Some(test_farm)
        }
        None => None,
    };
    let test_farm_url = test_farm.as_ref().map(|test_farm| test_farm.farm.url());
    if out.json {
        let mut first = serde_json::json!({"relay_url": url, "mqtt_address": running.mqtt_address});
        if let Some(url) = test_farm_url {
            first["test_farm_url"] = url.into();
        }
        line(&first.to_string())?;
    } else {
        line(&format!("The relay runs at {url}. Make a store: gantry relay store create NAME"))?;
        test_farm_url
            .map_or(Ok(()), |url| line(&format!("Its test farm runs at {url}, for keys of `gantry keys create --test`")))?;
    }
    let test_door = test_farm.as_ref().map(|test_farm| Arc::clone(&test_farm.farm.door));
    let doors = test_door.into_iter().chain([Arc::clone(&running.accounts.door)]).collect();
    until_stopped((test_farm, running), doors).await;
    Ok(())
}

async fn create_store(config: &Config, name: String, out: &Output) -> Result<(), Failure> {
    let name = name.parse().map_err(Failure::usage)?;
    let accounts = Accounts::open(config, Arc::new(SystemClock)).await.map_err(Failure::fail)?;
    let made = accounts.create_store(name).await.map_err(Failure::fail)?;
    let link = format!("{}/#token={}", accounts.door.url(config.listen), made.one_time_token);
    if out.json {
        return line(&serde_json::json!({"store": made.store, "owner": made.owner, "sign_in_url": link}).to_string());
    }
    line(&format!("{} is made. Its owner signs in once, within an hour: {link}", made.store))
}
