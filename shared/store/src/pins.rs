//! Tries that count against a PIN. They outlive a restart: whoever guesses gets no more of them by that.

use rusqlite::params;

use crate::error::StoreError;
use crate::tx::Tx;

impl Tx<'_> {
    /// Takes one of that many tries, before it is known whether it is right. Says which one it is; none if all are taken.
    ///
    /// # Errors
    /// What the database says.
    pub fn take_pin_try(&mut self, who: &str, most: u32) -> Result<Option<u32>, StoreError> {
        let mut statement = self.sql()?.prepare_cached(
            "INSERT INTO pin_try (who, wrong) VALUES (?1, 1) \
             ON CONFLICT (who) DO UPDATE SET wrong = wrong + 1 WHERE wrong < ?2 RETURNING wrong",
        )?;
        let mut taken = statement.query_map(params![who, most], |r| r.get(0))?;
        Ok(taken.next().transpose()?)
    }

    /// Gives all tries back.
    ///
    /// # Errors
    /// What the database says.
    pub fn forget_pin_tries(&mut self, who: &str) -> Result<(), StoreError> {
        self.sql()?.prepare_cached("DELETE FROM pin_try WHERE who = ?1")?.execute([who])?;
        Ok(())
    }
}
