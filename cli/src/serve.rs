//! `gantry agent`: runs the agent until it is told to stop.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use agent::Agent;
use agent::config::Config;
use agent::fleet::core::Timing;
use api::clock::SystemClock;
use api::door::Door;
use clap::Args;

use crate::failure::Failure;
use crate::output::{Output, line};

/// Options of `gantry agent`.
#[derive(Args)]
pub struct Serve {
    /// The settings file.
    #[arg(long, env = "GANTRY_CONFIG")]
    config: Option<PathBuf>,
    /// Where the database and the files lie; over the settings file.
    #[arg(long, env = "GANTRY_DATA")]
    data: Option<PathBuf>,
    /// Where the API and the page are served; over the settings file.
    #[arg(long, env = "GANTRY_LISTEN")]
    listen: Option<SocketAddr>,
}

impl Serve {
    /// Runs until stopped. With --json the first line is {"agent_url", "store", "sign_in_url"}.
    pub async fn run(self, out: &Output) -> Result<(), Failure> {
        init_logs("info");
        let config = self.config.as_deref().map_or_else(|| Ok(Config::default()), Config::read);
        let mut config = config.map_err(Failure::usage)?;
        config.data_dir = self.data.unwrap_or(config.data_dir);
        config.listen = self.listen.unwrap_or(config.listen);
        let running = Agent::start(&config, Arc::new(SystemClock), Timing::from(&config.timing)).await.map_err(Failure::fail)?;
        let link = running.sign_in_link().await.map_err(Failure::fail)?;
        if out.json {
            let first = serde_json::json!({
                "agent_url": running.url(),
                "store": running.door.home().store_id,
                "sign_in_url": link,
            });
            line(&first.to_string())?;
        } else {
            line(&format!("The agent runs. Sign in once, within an hour: {link}"))?;
        }
        let door = Arc::clone(&running.door);
        until_stopped(running, vec![door]).await;
        Ok(())
    }
}

/// Waits for a signal, then stops what runs by dropping it, and writes down what its doors still count.
pub async fn until_stopped<R>(running: R, doors: Vec<Arc<Door>>) {
    stopped().await;
    drop(running);
    for door in doors {
        api::usage::flush(&door).await;
    }
}

/// Ends with a signal.
async fn stopped() {
    let interrupted = tokio::signal::ctrl_c();
    #[cfg(unix)]
    {
        let mut terminated = match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
            Ok(terminated) => terminated,
            Err(_) => return drop(interrupted.await),
        };
        tokio::select! {
            _ = interrupted => {}
            _ = terminated.recv() => {}
        }
    }
    #[cfg(not(unix))]
    drop(interrupted.await);
}

/// Logs to standard error; `GANTRY_LOG` says how much.
pub fn init_logs(default: &str) {
    let filter = tracing_subscriber::EnvFilter::try_from_env("GANTRY_LOG").unwrap_or_else(|_| default.into());
    let logs = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // A second subscriber in one process would be a mistake of ours; the first stands.
    drop(logs.try_init());
}
