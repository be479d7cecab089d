//! At a relay: the farms that were claimed, by which key they prove themselves, and how far their copy is.

use domain::farm::HomeIds;
use domain::id::FarmId;
use domain::kind::Kind;
use domain::pairing::{FarmKeys, Passes, RefusedAgent};
use domain::time::Timestamp;
use rusqlite::{OptionalExtension, params};
use serde::{Deserialize, Serialize};

use crate::error::StoreError;
use crate::rows::{Rows, parse_id};
use crate::tx::{Tx, json};

/// How far the copy of one feed is.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Reached {
    /// The farm's log; empty if nothing came yet.
    pub epoch: String,
    /// Everything up to here is durable.
    pub at: u64,
    /// A new generation was begun and is to be swept when the feed has reached this.
    pub sweep_at: Option<u64>,
}

/// A claimed farm, as its relay knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tunnel {
    /// The store that claimed it, and the farm.
    pub home: HomeIds,
    /// What only the relay writes.
    pub state: TunnelState,
}

/// What a relay keeps about a farm's line.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct TunnelState {
    /// What the agent proves itself with.
    #[serde(flatten)]
    pub keys: FarmKeys,
    /// Its agent said at the claim that it is a test farm.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub simulated: bool,
    /// What tells it from its copy.
    #[serde(default)]
    pub passes: Passes,
    /// An agent that came with the farm's key and was not let in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<RefusedAgent>,
    /// The pairing was ended: whoever comes with that key is told so.
    pub revoked: bool,
    /// Whether the farm was last told to be connected.
    pub connected: bool,
    /// The copy was whole then.
    pub as_of: Option<Timestamp>,
    /// The number of the newest session.
    pub session_no: u64,
    /// Rows.
    pub rows: Reached,
    /// The generation of the copied rows.
    pub generation: u64,
    /// Events.
    pub events: Reached,
}

impl Rows<'_> {
    /// A claimed farm.
    ///
    /// # Errors
    /// What the database says.
    pub fn tunnel(&self, farm: FarmId) -> Result<Option<Tunnel>, StoreError> {
        let found: Option<(String, String)> = self
            .connection
            .prepare_cached("SELECT store_id, state FROM tunnel WHERE farm_id = ?1")?
            .query_row([farm.to_string()], |r| Ok((r.get(0)?, r.get(1)?)))
            .optional()?;
        let Some((store, state)) = found else { return Ok(None) };
        let state = serde_json::from_str(&state).map_err(|cause| StoreError::Document { kind: "tunnel", cause })?;
        Ok(Some(Tunnel { home: HomeIds { store_id: parse_id(Kind::Farm, &store)?, farm_id: farm }, state }))
    }
}

impl Rows<'_> {
    /// Every farm that was ever claimed here.
    ///
    /// # Errors
    /// What the database says.
    pub fn tunnels(&self) -> Result<Vec<Tunnel>, StoreError> {
        let mut statement = self.connection.prepare_cached("SELECT farm_id FROM tunnel ORDER BY farm_id")?;
        let farms = statement.query_map([], |r| r.get(0))?.collect::<Result<Vec<String>, _>>()?;
        let tunnel = |farm: String| self.tunnel(parse_id(Kind::Farm, &farm)?);
        Ok(farms.into_iter().map(tunnel).collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect())
    }
}

impl Tx<'_> {
    /// Keeps what is known about a claimed farm.
    ///
    /// # Errors
    /// What the database says.
    pub fn put_tunnel(&mut self, tunnel: &Tunnel) -> Result<(), StoreError> {
        self.sql()?
            .prepare_cached(
                "INSERT INTO tunnel (farm_id, store_id, state) VALUES (?1, ?2, ?3) \
                 ON CONFLICT (farm_id) DO UPDATE SET store_id = excluded.store_id, state = excluded.state",
            )?
            .execute(params![
                tunnel.home.farm_id.to_string(),
                tunnel.home.store_id.to_string(),
                json("tunnel", &tunnel.state)?
            ])?;
        Ok(())
    }
}
