//! What a key was used for: its calls by day and door, and where they came from.

use clap::Args;
use contract::ops::key_usage::GetKeyUsage;
use domain::key::ApiKey;
use serde_json::Value;

use crate::client::Ask;
use crate::failure::Failure;
use crate::session::Session;
use crate::table::{Cell, Table, words};

/// `gantry keys usage`.
#[derive(Args)]
pub struct Usage {
    /// Name or id.
    key: String,
}

impl Usage {
    /// Does it.
    pub async fn run(self, s: &Session) -> Result<(), Failure> {
        let id = s.id::<ApiKey>(&self.key).await?;
        let usage = s.call::<GetKeyUsage>(Ask::of(id)).await?;
        let doors = usage["doors"].as_array().map(Vec::as_slice).unwrap_or_default();
        let days = doors.iter().flat_map(|door| door["days"].as_array().into_iter().flatten().map(move |day| (door, day)));
        let row = |(door, day): (&Value, &Value)| {
            let calls = &day["calls"];
            let mut cells = vec![Cell::of(&day["day"]), Cell::of(&door["door"]), Cell::id(&door["farm_id"])];
            cells.extend(["calls", "errors", "refused", "throttled"].map(|what| Cell::of(&calls[what])));
            cells
        };
        let head = &["DAY", "DOOR", "FARM", "CALLS", "ERRORS", "REFUSED", "THROTTLED"];
        s.out.table(&usage, |_| Table::new(head, "It was not used in the last 30 days.", days.map(row)))?;
        for door in doors {
            for seen in door["networks"].as_array().into_iter().flatten() {
                let (network, last) = (words(&seen["network"]), words(&seen["last_seen_at"]));
                s.out.note(&format!("It came to the {} from {network}, last at {last}.", words(&door["door"])));
            }
        }
        for farm in usage["missing_farms"].as_array().into_iter().flatten() {
            s.out.note(&format!("{} is away: what came through its own door is left out.", words(farm)));
        }
        Ok(())
    }
}
