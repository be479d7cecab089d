//! The two tables that keep prints honest: acts, written before a device is touched, and bed tokens,
//! of which a start consumes one.

use domain::bed::BedToken;
use domain::id::{AttemptId, PrinterId};
use domain::time::Timestamp;
use rusqlite::{OptionalExtension, params};
use serde::{Deserialize, Serialize};

use crate::error::StoreError;
use crate::rows::Rows;
use crate::tx::{Tx, json};

/// How far an act came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ActState {
    /// Written; the device may or may not have been touched.
    Dispatched,
    /// Telemetry showed its effect.
    Seen,
    /// The device refused it.
    Refused,
}

/// What was seen of an act's effect.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Observed {
    /// The last share of the print worth writing down.
    #[serde(default)]
    pub progress: f64,
    /// What the driver asked to keep.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mark: Option<String>,
    /// How often the printer refused the start.
    #[serde(default)]
    pub refusals: u32,
}

/// The start act of an attempt.
#[derive(Debug, Clone, PartialEq)]
pub struct Act {
    /// How far it came.
    pub state: ActState,
    /// When it was written.
    pub written_at: Timestamp,
    /// Until when telemetry must show it.
    pub deadline: Timestamp,
    /// What was seen.
    pub observed: Observed,
}

impl Rows<'_> {
    /// The start act of an attempt, if one was written.
    ///
    /// # Errors
    /// What the database says.
    pub fn start_act(&self, attempt: AttemptId) -> Result<Option<Act>, StoreError> {
        let found: Option<(String, i64, i64, String)> = self
            .connection
            .prepare_cached("SELECT state, written_at, deadline, observed FROM act WHERE attempt = ?1 AND verb = 'start'")?
            .query_row([attempt.to_string()], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?, r.get(3)?)))
            .optional()?;
        let Some((state, written_at, deadline, observed)) = found else { return Ok(None) };
        let bad = |cause| StoreError::Document { kind: "act", cause };
        Ok(Some(Act {
            state: serde_json::from_value(state.into()).map_err(bad)?,
            written_at: Timestamp::from_millis(written_at),
            deadline: Timestamp::from_millis(deadline),
            observed: serde_json::from_str(&observed).map_err(bad)?,
        }))
    }

    /// The unconsumed token of a printer's bed.
    ///
    /// # Errors
    /// What the database says.
    pub fn bed_token(&self, printer: PrinterId) -> Result<Option<BedToken>, StoreError> {
        let found: Option<String> = self
            .connection
            .prepare_cached("SELECT token FROM bed_token WHERE printer = ?1 AND consumed_by IS NULL")?
            .query_row([printer.to_string()], |r| r.get(0))
            .optional()?;
        found
            .map(|text| serde_json::from_str(&text).map_err(|cause| StoreError::Document { kind: "bed_token", cause }))
            .transpose()
    }
}

impl Tx<'_> {
    /// Writes the start act of an attempt, or what became of it.
    ///
    /// # Errors
    /// What the database says.
    pub fn put_start_act(&mut self, attempt: AttemptId, act: &Act) -> Result<(), StoreError> {
        let state = match act.state {
            ActState::Dispatched => "dispatched",
            ActState::Seen => "seen",
            ActState::Refused => "refused",
        };
        self.sql()?
            .prepare_cached(
                "INSERT INTO act (attempt, verb, state, written_at, deadline, observed) VALUES (?1, 'start', ?2, ?3, ?4, ?5) \
                 ON CONFLICT (attempt, verb) DO UPDATE SET state = excluded.state, written_at = excluded.written_at, \
                 deadline = excluded.deadline, observed = excluded.observed",
            )?
            .execute(params![
                attempt.to_string(),
                state,
                act.written_at.millis(),
                act.deadline.millis(),
                json("act", &act.observed)?
            ])?;
        Ok(())
    }

    /// Gives a bed its token. There is at most one that is not consumed.
    ///
    /// # Errors
    /// What the database says.
    pub fn give_bed_token(&mut self, printer: PrinterId, token: &BedToken) -> Result<(), StoreError> {
        self.drop_bed_token(printer)?;
        self.sql()?
            .prepare_cached(
                "INSERT INTO bed_token (printer, number, token) \
                 SELECT ?1, coalesce(max(number), 0) + 1, ?2 FROM bed_token WHERE printer = ?1",
            )?
            .execute(params![printer.to_string(), json("bed_token", token)?])?;
        Ok(())
    }

    /// Takes an unconsumed token away: an undo, or a print that is not ours.
    ///
    /// # Errors
    /// What the database says.
    pub fn drop_bed_token(&mut self, printer: PrinterId) -> Result<(), StoreError> {
        self.sql()?
            .prepare_cached("DELETE FROM bed_token WHERE printer = ?1 AND consumed_by IS NULL")?
            .execute([printer.to_string()])?;
        Ok(())
    }

    /// Consumes the token for a start. Says whether there was one.
    ///
    /// # Errors
    /// What the database says.
    pub fn consume_bed_token(&mut self, printer: PrinterId, attempt: AttemptId) -> Result<bool, StoreError> {
        let changed = self
            .sql()?
            .prepare_cached("UPDATE bed_token SET consumed_by = ?2 WHERE printer = ?1 AND consumed_by IS NULL")?
            .execute(params![printer.to_string(), attempt.to_string()])?;
        Ok(changed == 1)
    }

    /// Gives the token back that this attempt consumed: only because the printer refused the start.
    /// Not if the bed was given another token since.
    ///
    /// # Errors
    /// What the database says.
    pub fn return_bed_token(&mut self, printer: PrinterId, attempt: AttemptId) -> Result<bool, StoreError> {
        let changed = self
            .sql()?
            .prepare_cached(
                "UPDATE bed_token SET consumed_by = NULL WHERE printer = ?1 AND consumed_by = ?2 \
                 AND number = (SELECT max(number) FROM bed_token WHERE printer = ?1)",
            )?
            .execute(params![printer.to_string(), attempt.to_string()])?;
        Ok(changed == 1)
    }
}
