//! What was asked of a farm while it was away, in the order in which it was accepted. It leaves the box
//! when the farm has answered, and then only.

use domain::farm::HomeIds;
use domain::id::FarmId;
use domain::kind::Kind;
use rusqlite::params;
use serde_json::Value;

use crate::error::StoreError;
use crate::rows::{Rows, parse_id};
use crate::tx::{Tx, json};

/// A request that waits for its farm.
#[derive(Debug, Clone, PartialEq)]
pub struct Mail {
    /// Its place; later ones wait for it.
    pub seq: u64,
    /// Whose it is.
    pub home: HomeIds,
    /// The command that it is followed by.
    pub command: String,
    /// The thing that it is about.
    pub subject: String,
    /// The call itself.
    pub call: Value,
    /// How often the farm failed over it.
    pub tries: u32,
    /// It is on its way, or was: it may have been done.
    pub sent: bool,
}

impl Rows<'_> {
    /// The oldest request that waits for that farm.
    ///
    /// # Errors
    /// What the database says.
    pub fn next_mail(&self, farm: FarmId) -> Result<Option<Mail>, StoreError> {
        Ok(self.mails("farm_id = ?1 ORDER BY seq LIMIT 1", &farm.to_string())?.pop())
    }

    /// Every request that waits for that farm, in order.
    ///
    /// # Errors
    /// What the database says.
    pub fn all_mail(&self, farm: FarmId) -> Result<Vec<Mail>, StoreError> {
        self.mails("farm_id = ?1 ORDER BY seq", &farm.to_string())
    }

    /// The request that a command follows, if it still waits.
    ///
    /// # Errors
    /// What the database says.
    pub fn mail_of(&self, command: &str) -> Result<Option<Mail>, StoreError> {
        Ok(self.mails("command = ?1", command)?.pop())
    }

    fn mails(&self, which: &str, of: &str) -> Result<Vec<Mail>, StoreError> {
        let sql = format!("SELECT seq, store_id, farm_id, command, subject, call, tries, sent FROM mailbox WHERE {which}");
        let read = |r: &rusqlite::Row<'_>| {
            let words: [String; 5] = [r.get(1)?, r.get(2)?, r.get(3)?, r.get(4)?, r.get(5)?];
            Ok((r.get(0)?, words, r.get(6)?, r.get(7)?))
        };
        let mail = |(seq, words, tries, sent)| {
            let [store, farm, command, subject, call]: [String; 5] = words;
            let home = HomeIds { store_id: parse_id(Kind::Command, &store)?, farm_id: parse_id(Kind::Command, &farm)? };
            let call = serde_json::from_str(&call).map_err(|cause| StoreError::Document { kind: "mailbox", cause })?;
            Ok(Mail { seq, home, command, subject, call, tries, sent })
        };
        let mut statement = self.connection.prepare_cached(&sql)?;
        let found = statement.query_map([of], read)?.collect::<Result<Vec<_>, _>>()?;
        found.into_iter().map(mail).collect()
    }

    /// The commands of the requests about a thing that still wait, in order.
    ///
    /// # Errors
    /// What the database says.
    pub fn mail_about(&self, subject: &str) -> Result<Vec<String>, StoreError> {
        let mut statement = self.connection.prepare_cached("SELECT command FROM mailbox WHERE subject = ?1 ORDER BY seq")?;
        let commands = statement.query_map([subject], |row| row.get(0))?;
        Ok(commands.collect::<Result<_, _>>()?)
    }
}

impl Tx<'_> {
    /// Puts a request into the box of a farm.
    ///
    /// # Errors
    /// What the database says.
    pub fn post_mail(&mut self, home: HomeIds, command: &str, subject: &str, call: &Value) -> Result<(), StoreError> {
        self.sql()?
            .prepare_cached(
                "INSERT INTO mailbox (store_id, farm_id, command, subject, call, tries) VALUES (?1, ?2, ?3, ?4, ?5, 0)",
            )?
            .execute(params![home.store_id.to_string(), home.farm_id.to_string(), command, subject, json("mailbox", call)?])?;
        Ok(())
    }

    /// A request is on its way: from now on nobody can say that it was not done.
    ///
    /// # Errors
    /// What the database says.
    pub fn mail_sent(&mut self, seq: u64) -> Result<(), StoreError> {
        self.sql()?.prepare_cached("UPDATE mailbox SET sent = 1 WHERE seq = ?1")?.execute([seq])?;
        Ok(())
    }

    /// Counts a failure of the farm over a request.
    ///
    /// # Errors
    /// What the database says.
    pub fn mail_failed(&mut self, seq: u64) -> Result<(), StoreError> {
        self.sql()?.prepare_cached("UPDATE mailbox SET tries = tries + 1 WHERE seq = ?1")?.execute([seq])?;
        Ok(())
    }

    /// Takes an answered request out. Says whether it was still there.
    ///
    /// # Errors
    /// What the database says.
    pub fn take_mail(&mut self, seq: u64) -> Result<bool, StoreError> {
        Ok(self.sql()?.prepare_cached("DELETE FROM mailbox WHERE seq = ?1")?.execute([seq])? == 1)
    }
}
