//! What keys are used for: their calls by day, the networks that they come from, and what was told of them when, so that it is not
//! told again too soon. No records: nobody changes them, and they are not copied.

use contract::event::Named;
use contract::ops::key_usage::SeenNetwork;
use contract::record::Document;
use domain::id::ApiKeyId;
use domain::kind::Kind;
use domain::network::Network;
use domain::time::Timestamp;
use domain::usage::{Calls, Day};
use rusqlite::params;

use crate::error::StoreError;
use crate::kinds::table;
use crate::rows::{ENVELOPE, RawRow, Rows, columns, read_raw};
use crate::tx::Tx;

/// When a network was seen last is written again after so long.
const SEEN_AGAIN_MILLIS: i64 = 3600 * 1000;

/// What a key did on one day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyDay {
    /// The day.
    pub day: Day,
    /// Its calls.
    pub calls: Calls,
    /// When it was let in last on that day.
    pub used_at: Option<Timestamp>,
}

impl Rows<'_> {
    /// What a key did since that day, oldest first.
    ///
    /// # Errors
    /// What the database says.
    pub fn key_days(&self, key: ApiKeyId, since: Day) -> Result<Vec<KeyDay>, StoreError> {
        let sql = "SELECT day, calls, errors, refused, throttled, used_at FROM key_use WHERE key = ?1 AND day >= ?2 ORDER BY day";
        let mut statement = self.connection.prepare_cached(sql)?;
        let days = statement.query_map(params![key.to_string(), since.0], |r| {
            let calls = Calls { calls: r.get(1)?, errors: r.get(2)?, refused: r.get(3)?, throttled: r.get(4)? };
            let used_at = r.get::<_, Option<i64>>(5)?.map(Timestamp::from_millis);
            Ok(KeyDay { day: Day(r.get(0)?), calls, used_at })
        })?;
        Ok(days.collect::<Result<_, _>>()?)
    }

    /// The networks that a key came from, the latest first.
    ///
    /// # Errors
    /// What the database says.
    pub fn key_networks(&self, key: ApiKeyId) -> Result<Vec<SeenNetwork>, StoreError> {
        let sql = "SELECT network, first_at, last_at FROM key_network WHERE key = ?1 ORDER BY last_at DESC, network";
        let mut statement = self.connection.prepare_cached(sql)?;
        let seen = statement.query_map([key.to_string()], |r| Ok((r.get::<_, String>(0)?, r.get(1)?, r.get(2)?)))?;
        let mut networks = Vec::new();
        for row in seen {
            let (network, first, last) = row?;
            let Ok(network) = network.parse::<Network>() else { continue };
            let [first_seen_at, last_seen_at] = [first, last].map(Timestamp::from_millis);
            networks.push(SeenNetwork { network, first_seen_at, last_seen_at });
        }
        Ok(networks)
    }

    /// Active keys that end after the one moment and not after the other.
    ///
    /// # Errors
    /// What the database says.
    pub fn keys_ending(&self, after: Timestamp, until: Timestamp) -> Result<Vec<RawRow>, StoreError> {
        let sql = format!(
            "SELECT {ENVELOPE} FROM {} WHERE deleted = 0 AND state = 'active' \
             AND document ->> '$.expires_at' > ?1 AND document ->> '$.expires_at' <= ?2 ORDER BY id",
            table(Kind::ApiKey)
        );
        let mut statement = self.connection.prepare_cached(&sql)?;
        let rows = statement.query_map([after.to_string(), until.to_string()], columns)?;
        rows.map(|row| read_raw(Kind::ApiKey, row?)).collect()
    }
}

impl Tx<'_> {
    /// Adds to what a key did on a day.
    ///
    /// # Errors
    /// What the database says.
    pub fn add_key_use(&mut self, key: ApiKeyId, more: KeyDay) -> Result<(), StoreError> {
        let Calls { calls, errors, refused, throttled } = more.calls;
        let used_at = more.used_at.map(Timestamp::millis);
        self.sql()?
            .prepare_cached(
                "INSERT INTO key_use (key, day, calls, errors, refused, throttled, used_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) \
                 ON CONFLICT (key, day) DO UPDATE SET calls = calls + excluded.calls, errors = errors + excluded.errors, \
                 refused = refused + excluded.refused, throttled = throttled + excluded.throttled, \
                 used_at = coalesce(max(used_at, excluded.used_at), used_at, excluded.used_at)",
            )?
            .execute(params![key.to_string(), more.day.0, calls, errors, refused, throttled, used_at])?;
        Ok(())
    }

    /// A key came from a network. Says whether it is new among the so many that it came from last.
    ///
    /// # Errors
    /// What the database says.
    pub fn see_key_network(&mut self, key: ApiKeyId, seen: &SeenNetwork, most: usize) -> Result<bool, StoreError> {
        let (key, network) = (key.to_string(), seen.network.to_string());
        let (first, last) = (seen.first_seen_at.millis(), seen.last_seen_at.millis());
        let again = "UPDATE key_network SET last_at = ?3 WHERE key = ?1 AND network = ?2 AND last_at <= ?3 - ?4";
        self.sql()?.prepare_cached(again)?.execute(params![key, network, last, SEEN_AGAIN_MILLIS])?;
        let sql = "INSERT OR IGNORE INTO key_network (key, network, first_at, last_at) VALUES (?1, ?2, ?3, ?4)";
        let is_new = self.sql()?.prepare_cached(sql)?.execute(params![key, network, first, last])? == 1;
        if is_new {
            let surplus = "DELETE FROM key_network WHERE key = ?1 AND network IN \
                           (SELECT network FROM key_network WHERE key = ?1 ORDER BY last_at DESC, network = ?2 DESC, network LIMIT -1 OFFSET ?3)";
            self.sql()?.prepare_cached(surplus)?.execute(params![key, network, most as u64])?;
        }
        Ok(is_new)
    }

    /// Whether that may be told of a key: it was not within so long before. Then it counts as told.
    ///
    /// # Errors
    /// What the database says.
    pub fn may_tell_of_key(&mut self, key: ApiKeyId, what: &str, not_within_millis: i64) -> Result<bool, StoreError> {
        // A clock that was set back must not keep it silent.
        let sql = "INSERT INTO key_told (key, what, at) VALUES (?1, ?2, ?3) ON CONFLICT (key, what) \
                   DO UPDATE SET at = excluded.at WHERE excluded.at >= at + ?4 OR excluded.at < at";
        let now = self.now().millis();
        Ok(self.sql()?.prepare_cached(sql)?.execute(params![key.to_string(), what, now, not_within_millis])? == 1)
    }

    /// Whether that was not told of a key yet about that moment. Then it counts as told.
    ///
    /// # Errors
    /// What the database says.
    pub fn may_tell_of_key_once(&mut self, key: ApiKeyId, what: &str, about: Timestamp) -> Result<bool, StoreError> {
        let sql = "INSERT INTO key_told (key, what, at) VALUES (?1, ?2, ?3) ON CONFLICT (key, what) \
                   DO UPDATE SET at = excluded.at WHERE excluded.at <> at";
        Ok(self.sql()?.prepare_cached(sql)?.execute(params![key.to_string(), what, about.millis()])? == 1)
    }

    /// Tells an event about a key, and more than its record says, as a fact of the door that saw it: at a farm it is the farm's, also
    /// where the key is its relay's.
    ///
    /// # Errors
    /// What the database says.
    pub fn tell_of_key_here(&mut self, event: Named, key: &RawRow, more: Document) -> Result<(), StoreError> {
        let mut about = key.clone();
        about.document.extend(more);
        let before = std::mem::replace(&mut self.seen_here, true);
        let told = self.tell_of_copy(event, Kind::ApiKey, &about, &[]);
        self.seen_here = before;
        told
    }

    /// Removes what keys did before that day.
    ///
    /// # Errors
    /// What the database says.
    pub fn trim_key_use(&mut self, before: Day) -> Result<(), StoreError> {
        self.sql()?.prepare_cached("DELETE FROM key_use WHERE day < ?1")?.execute([before.0])?;
        Ok(())
    }

    /// Removes what is known of keys that are not here any more.
    pub(crate) fn forget_use_of_gone_keys(&mut self) -> Result<(), StoreError> {
        for of in ["key_use", "key_network", "key_told"] {
            self.sql()?
                .execute(&format!("DELETE FROM {of} WHERE key NOT IN (SELECT id FROM rec_api_key WHERE deleted = 0)"), [])?;
        }
        Ok(())
    }
}
