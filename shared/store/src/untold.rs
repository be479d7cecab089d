//! What is written without being told: what is noted on a record beside its facts, and rows of kinds
//! whose changes are no events. A log of such rows is kept small here, for no reader misses what goes.

use contract::event::Change;
use contract::record::Record;
use domain::id::StoreId;
use domain::time::Timestamp;
use rusqlite::params;

use crate::error::StoreError;
use crate::kinds::table;
use crate::rows::{ENVELOPE, Row, Rows, columns, read_raw};
use crate::tx::{Tx, json};

impl Tx<'_> {
    /// Does a part of this write for that store's account: what one reader of the log does for many stores stands together.
    pub fn for_account<T>(&mut self, store: StoreId, write: impl FnOnce(&mut Self) -> T) -> T {
        let before = self.by.account_of.replace(store);
        let done = write(self);
        self.by.account_of = before;
        done
    }

    /// Writes on a record what is no fact of its own, such as when it was last reached: the revision stays, nothing is told, and
    /// whoever means to change the record is not disturbed. What lists filter and sort by must not change with it.
    ///
    /// # Errors
    /// What the database says.
    pub fn note<R: Record>(&mut self, record: &R) -> Result<(), StoreError> {
        let sql = format!("UPDATE {} SET document = ?2 WHERE id = ?1 AND store_id = ?3 AND deleted = 0", table(R::KIND));
        let text = json(R::KIND.word(), record)?;
        self.sql()?.prepare_cached(&sql)?.execute(params![record.id().to_string(), text, self.store().to_string()])?;
        Ok(())
    }

    /// Removes the rows of an untold kind that have that word in the column.
    ///
    /// # Errors
    /// What the database says.
    pub fn remove_untold<R: Record>(&mut self, (column, word): (&'static str, &str)) -> Result<(), StoreError> {
        debug_assert_eq!(Change::of(R::KIND), &[]);
        let sql = format!("DELETE FROM {} WHERE {column} = ?1", table(R::KIND));
        self.sql()?.prepare_cached(&sql)?.execute([word])?;
        Ok(())
    }

    /// Removes of the rows of an untold kind that have that word in the column and wait for no moment any more those beyond the
    /// newest so many, and those that were made before then.
    ///
    /// # Errors
    /// What the database says.
    pub fn trim_untold<R: Record>(
        &mut self,
        (column, word): (&'static str, &str),
        moment: &'static str,
        most: usize,
        made_before: Timestamp,
    ) -> Result<(), StoreError> {
        debug_assert_eq!(Change::of(R::KIND), &[]);
        let table = table(R::KIND);
        let ended = format!("{column} = ?1 AND {moment} IS NULL");
        let surplus = format!("SELECT rowid FROM {table} WHERE {ended} ORDER BY rowid DESC LIMIT 1 OFFSET ?2");
        let sql = format!("DELETE FROM {table} WHERE {ended} AND (created_at < ?3 OR rowid <= ({surplus}))");
        self.sql()?.prepare_cached(&sql)?.execute(params![word, most as u64, made_before.millis()])?;
        Ok(())
    }
}

impl Rows<'_> {
    /// Records with that word in the column whose moment has come: the earliest first, and of one moment in the order in which
    /// they were written.
    ///
    /// # Errors
    /// What the database says.
    pub fn due<R: Record>(
        &self,
        (column, word): (&'static str, &str),
        moment: &'static str,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<Row<R>>, StoreError> {
        let sql = format!(
            "SELECT {ENVELOPE} FROM {} WHERE deleted = 0 AND {column} = ?1 AND {moment} <= ?2 ORDER BY {moment}, rowid LIMIT ?3",
            table(R::KIND)
        );
        let mut statement = self.connection.prepare_cached(&sql)?;
        let rows = statement.query_map(params![word, now.millis(), limit as u64], columns)?;
        rows.map(|row| Row::read(read_raw(R::KIND, row?)?)).collect()
    }

    /// How many records with that word in the column wait for their moment.
    ///
    /// # Errors
    /// What the database says.
    pub fn waiting<R: Record>(&self, (column, word): (&'static str, &str), moment: &'static str) -> Result<usize, StoreError> {
        let sql = format!("SELECT count(*) FROM {} WHERE {column} = ?1 AND {moment} IS NOT NULL", table(R::KIND));
        let count: u64 = self.connection.prepare_cached(&sql)?.query_row([word], |row| row.get(0))?;
        Ok(usize::try_from(count).unwrap_or(usize::MAX))
    }
}
