//! At a relay: which content lies here for which farm. The same bytes may lie here for several farms, and each
//! sees only its own row: a hash alone opens nothing.

use domain::farm::HomeIds;
use domain::file::ContentHash;
use domain::id::StoreId;
use domain::kind::Kind;
use domain::time::Timestamp;
use rusqlite::{OptionalExtension, Row, params};

use crate::error::StoreError;
use crate::rows::{Rows, parse_id};
use crate::tx::Tx;

/// Content that lies here for a farm.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// For whom.
    pub home: HomeIds,
    /// Which.
    pub sha256: ContentHash,
    /// Bytes.
    pub size_bytes: u64,
    /// It was taken in for the farm, which does not have it yet. Else it is only a copy that saves a way.
    pub promised: bool,
    /// Since when it lies here, or was promised.
    pub since: Timestamp,
    /// When it was asked for last.
    pub used_at: Timestamp,
}

const COLUMNS: &str = "store_id, farm_id, sha256, size_bytes, promised, since, used_at";

type Read = (String, String, String, u64, bool, i64, i64);

fn read(r: &Row<'_>) -> rusqlite::Result<Read> {
    Ok((r.get(0)?, r.get(1)?, r.get(2)?, r.get(3)?, r.get(4)?, r.get(5)?, r.get(6)?))
}

fn kept((store, farm, sha256, size_bytes, promised, since, used_at): Read) -> Result<Kept, StoreError> {
    let home = HomeIds { store_id: parse_id(Kind::File, &store)?, farm_id: parse_id(Kind::File, &farm)? };
    let sha256 = ContentHash::try_from(sha256)
        .map_err(|error| StoreError::Document { kind: "kept", cause: <serde_json::Error as serde::de::Error>::custom(error) })?;
    let (since, used_at) = (Timestamp::from_millis(since), Timestamp::from_millis(used_at));
    Ok(Kept { home, sha256, size_bytes, promised, since, used_at })
}

impl Rows<'_> {
    /// Content that lies here for that farm of that store.
    ///
    /// # Errors
    /// What the database says.
    pub fn kept(&self, home: HomeIds, sha256: &ContentHash) -> Result<Option<Kept>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM kept WHERE store_id = ?1 AND farm_id = ?2 AND sha256 = ?3");
        let values = params![home.store_id.to_string(), home.farm_id.to_string(), sha256.to_string()];
        self.connection.prepare_cached(&sql)?.query_row(values, read).optional()?.map(kept).transpose()
    }

    /// Everything that lies here, what was not asked for longest first.
    ///
    /// # Errors
    /// What the database says.
    pub fn all_kept(&self, promised: bool) -> Result<Vec<Kept>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM kept WHERE promised = ?1 ORDER BY used_at, sha256");
        let mut statement = self.connection.prepare_cached(&sql)?;
        let found: Vec<Read> = statement.query_map([promised], read)?.collect::<Result<_, _>>()?;
        found.into_iter().map(kept).collect()
    }

    /// How much was promised to a store's farms: number and bytes.
    ///
    /// # Errors
    /// What the database says.
    pub fn promised_to(&self, store: StoreId) -> Result<(u64, u64), StoreError> {
        let sql = "SELECT count(*), coalesce(sum(size_bytes), 0) FROM kept WHERE store_id = ?1 AND promised = 1";
        Ok(self.connection.prepare_cached(sql)?.query_row([store.to_string()], |r| Ok((r.get(0)?, r.get(1)?)))?)
    }

    /// Whether that content lies here for anybody.
    ///
    /// # Errors
    /// What the database says.
    pub fn is_kept(&self, sha256: &ContentHash) -> Result<bool, StoreError> {
        Ok(self.connection.prepare_cached("SELECT 1 FROM kept WHERE sha256 = ?1")?.exists([sha256.to_string()])?)
    }
}

impl Tx<'_> {
    /// Writes what lies here.
    ///
    /// # Errors
    /// What the database says.
    pub fn put_kept(&mut self, kept: &Kept) -> Result<(), StoreError> {
        let sql = format!(
            "INSERT INTO kept ({COLUMNS}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT (store_id, farm_id, sha256) DO UPDATE SET \
             promised = excluded.promised, since = excluded.since, used_at = excluded.used_at"
        );
        self.sql()?.prepare_cached(&sql)?.execute(params![
            kept.home.store_id.to_string(),
            kept.home.farm_id.to_string(),
            kept.sha256.to_string(),
            kept.size_bytes,
            kept.promised,
            kept.since.millis(),
            kept.used_at.millis()
        ])?;
        Ok(())
    }

    /// Forgets all that lies here for a farm: it is no longer the store's.
    ///
    /// # Errors
    /// What the database says.
    pub fn forget_kept_of(&mut self, home: HomeIds) -> Result<(), StoreError> {
        let values = params![home.store_id.to_string(), home.farm_id.to_string()];
        self.sql()?.prepare_cached("DELETE FROM kept WHERE store_id = ?1 AND farm_id = ?2")?.execute(values)?;
        Ok(())
    }

    /// Forgets that content lies here for that farm.
    ///
    /// # Errors
    /// What the database says.
    pub fn remove_kept(&mut self, home: HomeIds, sha256: &ContentHash) -> Result<(), StoreError> {
        let values = params![home.store_id.to_string(), home.farm_id.to_string(), sha256.to_string()];
        self.sql()?.prepare_cached("DELETE FROM kept WHERE store_id = ?1 AND farm_id = ?2 AND sha256 = ?3")?.execute(values)?;
        Ok(())
    }
}
