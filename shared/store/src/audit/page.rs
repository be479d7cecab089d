//! Reading a chain, newest first. Chains are merged by time, then home, then number: an order in which a place in one is a
//! place in all.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use contract::ops::audit::{AuditFilter, ChainedEntry, RecordedEntry};
use domain::hex::hex;
use domain::id::StoreId;
use domain::time::Timestamp;
use rusqlite::types::Value;

use super::AuditEntry;
use crate::error::StoreError;
use crate::rows::Rows;

/// Entries that are looked at for one page at the most, and the bytes that one holds: a page may be short.
const LOOKED_AT: usize = 20_000;
const BYTES: usize = 128 * 1024;

/// A place among the entries of all chains: what follows is older.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct AuditPosition {
    /// The entry's time.
    pub at: Timestamp,
    /// Its chain.
    pub home: String,
    /// Its number there.
    pub number: u64,
}

impl std::fmt::Display for AuditPosition {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&URL_SAFE_NO_PAD.encode(format!("audit {} {} {}", self.at.millis(), self.home, self.number)))
    }
}

impl std::str::FromStr for AuditPosition {
    type Err = StoreError;
    fn from_str(text: &str) -> Result<Self, StoreError> {
        let bad = || StoreError::BadCursor;
        let text = String::from_utf8(URL_SAFE_NO_PAD.decode(text).map_err(|_| bad())?).map_err(|_| bad())?;
        let parts: Vec<&str> = text.split(' ').collect();
        let ["audit", at, home, number] = parts.as_slice() else { return Err(bad()) };
        let at = Timestamp::from_millis(at.parse().map_err(|_| bad())?);
        Ok(Self { at, home: (*home).to_owned(), number: number.parse().map_err(|_| bad())? })
    }
}

/// A part of a chain as it was read.
#[derive(Debug, Clone, PartialEq)]
pub struct AuditScan {
    /// What matches, newest first.
    pub items: Vec<(AuditPosition, ChainedEntry)>,
    /// How far it was looked; none = to the end.
    pub end: Option<AuditPosition>,
}

impl Rows<'_> {
    /// A part of a home's chain: what is of that store, matches, and comes after that place. An entry that cannot be read is left
    /// out; [`crate::ChainCheck`] finds it.
    ///
    /// # Errors
    /// What the database says.
    pub fn audit_scan(
        &self,
        home: &str,
        store: StoreId,
        filter: &AuditFilter,
        after: Option<&AuditPosition>,
        limit: usize,
    ) -> Result<AuditScan, StoreError> {
        let mut sql = "SELECT n, at, entry, hash FROM audit WHERE home = ?1".to_owned();
        let mut values = vec![Value::Text(home.to_owned())];
        let mut and = |condition: &str, value: Vec<Value>| {
            let places: Vec<String> = (1..=value.len()).map(|n| format!("?{}", values.len() + n)).collect();
            values.extend(value);
            sql += &format!(" AND {condition} ({})", places.join(", "));
        };
        if let Some(place) = after {
            let number = match place.home.as_str().cmp(home) {
                std::cmp::Ordering::Less => 0,
                std::cmp::Ordering::Equal => i64::try_from(place.number).unwrap_or(i64::MAX),
                std::cmp::Ordering::Greater => i64::MAX,
            };
            and("(at, n) <", vec![place.at.to_string().into(), number.into()]);
        }
        for (condition, value) in [
            ("actor =", filter.actor.clone()),
            ("subject =", filter.subject.clone()),
            ("at >=", filter.since.map(String::from)),
            ("at <", filter.until.map(String::from)),
        ] {
            if let Some(value) = value {
                and(condition, vec![value.into()]);
            }
        }
        sql += &self.of_store(home, store)?;
        sql += " ORDER BY at DESC, n DESC";
        let mut statement = self.connection.prepare_cached(&sql)?;
        let mut rows = statement.query(rusqlite::params_from_iter(values))?;
        let (mut items, mut bytes, mut looked_at) = (Vec::new(), 0, 0);
        while let Some(row) = rows.next()? {
            let number: u64 = row.get(0)?;
            let at: Option<Timestamp> = row.get::<_, Option<String>>(1)?.and_then(|at| at.parse().ok());
            let text = row.get_ref(2)?.as_bytes().unwrap_or_default();
            looked_at += 1;
            let Some(at) = at else { continue };
            let position = AuditPosition { at, home: home.to_owned(), number };
            let entry = serde_json::from_slice::<RecordedEntry>(text).ok().filter(|entry| matches(entry, filter));
            if let Some(entry) = entry {
                let hash = hex(row.get_ref(3)?.as_bytes().unwrap_or_default());
                bytes += text.len();
                items.push((position.clone(), ChainedEntry { home: home.to_owned(), number, hash, entry }));
            }
            if items.len() >= limit || bytes >= BYTES || looked_at >= LOOKED_AT {
                return Ok(AuditScan { items, end: Some(position) });
            }
        }
        Ok(AuditScan { items, end: None })
    }

    /// The condition that an entry was made for that store.
    fn of_store(&self, home: &str, store: StoreId) -> Result<String, StoreError> {
        let store = store.to_string();
        if home == store {
            return Ok(String::new());
        }
        let mut statement = self.connection.prepare_cached("SELECT n, store_id FROM audit_owner WHERE home = ?1 ORDER BY n")?;
        let mut owners: Vec<(u64, String)> =
            statement.query_map([home], |r| Ok((r.get(0)?, r.get(1)?)))?.collect::<Result<_, _>>()?;
        if owners.is_empty() {
            owners.extend(self.setting::<String>("store_id")?.map(|now| (1, now)));
        }
        let ends = owners.iter().skip(1).map(|(n, _)| n.saturating_sub(1)).chain([i64::MAX.unsigned_abs()]);
        let spans = owners.iter().zip(ends).filter(|((_, owner), _)| *owner == store);
        let spans: Vec<String> = spans.map(|((first, _), last)| format!("n BETWEEN {first} AND {last}")).collect();
        Ok(format!(" AND ({})", if spans.is_empty() { "0".to_owned() } else { spans.join(" OR ") }))
    }

    /// The newest entries of a home's chain, whoever they are of.
    ///
    /// # Errors
    /// What the database says.
    pub fn audit_tail(&self, home: &str, limit: usize) -> Result<Vec<AuditEntry>, StoreError> {
        let mut statement = self.connection.prepare_cached("SELECT entry FROM audit WHERE home = ?1 ORDER BY n DESC LIMIT ?2")?;
        let texts = statement.query_map(rusqlite::params![home, limit as u64], |r| r.get::<_, String>(0))?;
        texts.map(|text| serde_json::from_str(&text?).map_err(|cause| StoreError::Document { kind: "audit", cause })).collect()
    }
}

/// What of the filter no index answers.
fn matches(entry: &RecordedEntry, filter: &AuditFilter) -> bool {
    filter.actor_kind.is_none_or(|kind| entry.actor.kind == kind)
        && filter.operation.as_ref().is_none_or(|operation| entry.operation == *operation)
        && filter.from.as_ref().is_none_or(|from| entry.from.as_ref() == Some(from))
        && filter.request_id.as_ref().is_none_or(|id| entry.request_id.as_ref() == Some(id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_read_back_and_nothing_else_is() {
        let position = AuditPosition { at: Timestamp::from_millis(-5), home: "farm_1".to_owned(), number: 7 };
        assert_eq!(position.to_string().parse::<AuditPosition>().unwrap(), position);
        for wrong in
            ["", "x", "YXVkaXQ", &URL_SAFE_NO_PAD.encode("audit 1 farm_1 x"), &URL_SAFE_NO_PAD.encode("event 1 farm_1 1")]
        {
            assert!(matches!(wrong.parse::<AuditPosition>(), Err(StoreError::BadCursor)), "{wrong}");
        }
    }
}
