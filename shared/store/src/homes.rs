//! Facts that change their store: a farm is claimed, and leaves again. And what is told here of a home that is elsewhere.

use contract::event::Named;
use contract::record::Document;
use domain::farm::HomeIds;
use domain::id::StoreId;
use domain::kind::Kind;

use crate::copies::{FeedRow, Place, is_copied};
use crate::error::StoreError;
use crate::kinds::table;
use crate::rows::{RawRow, Rows};
use crate::tx::{Tx, json};

/// The kinds that belong to the floor itself, whoever it prints for.
const fn describes_the_floor(kind: Kind) -> bool {
    match kind {
        Kind::Farm
        | Kind::Printer
        | Kind::Pool
        | Kind::Material
        | Kind::Spool
        | Kind::SpoolEntry
        | Kind::Slot
        | Kind::SlicerKey
        | Kind::Session
        | Kind::Operator
        | Kind::Device => true,
        Kind::File
        | Kind::Part
        | Kind::Job
        | Kind::Attempt
        | Kind::Command
        | Kind::Store
        | Kind::User
        | Kind::Role
        | Kind::ApiKey
        | Kind::Sku
        | Kind::Order
        | Kind::Stock
        | Kind::StockEntry
        | Kind::Webhook
        | Kind::Delivery => false,
    }
}

impl Rows<'_> {
    /// The highest number of an event that is known of that home.
    ///
    /// # Errors
    /// What the database says.
    pub fn last_number(&self, home: HomeIds) -> Result<u64, StoreError> {
        let Place { store, farm } = Place::of(home);
        let sql = "SELECT coalesce(max(number), 0) FROM event WHERE store_id = ?1 AND farm_id = ?2";
        Ok(self.connection.prepare_cached(sql)?.query_row([store, farm], |row| row.get(0))?)
    }
}

impl Tx<'_> {
    /// Changes what a copy says without being its home: only what the home itself cannot know, such as that it is away. The
    /// home's next revision replaces it.
    ///
    /// # Errors
    /// What the database says.
    pub fn overlay_copy(
        &mut self,
        kind: Kind,
        id: &str,
        change: impl FnOnce(&mut Document),
    ) -> Result<Option<RawRow>, StoreError> {
        let Some(mut raw) = self.rows().raw(kind, id)? else { return Ok(None) };
        change(&mut raw.document);
        let Some(known) = self.rows().known(kind, id)? else { return Ok(None) };
        let place = Place { store: known.store_id, farm: known.farm_id };
        let row = FeedRow {
            kind,
            id: raw.id.clone(),
            revision: raw.revision,
            number: raw.number,
            position: 0,
            deleted: false,
            changed_at: raw.changed_at,
            document: raw.document.clone(),
        };
        self.copy(&place, known.generation, &row)?;
        Ok(Some(raw))
    }

    /// Tells an event about a record that has its home elsewhere, as a fact of the account: that a farm went away is known
    /// to its relay alone.
    ///
    /// # Errors
    /// What the database says.
    pub fn tell_of_copy(&mut self, event: Named, kind: Kind, about: &RawRow, labels: &[String]) -> Result<(), StoreError> {
        let body = json(kind.word(), &about.document)?;
        // Of a test farm nothing is told as if it were real, whoever tells it.
        let live = self.live;
        self.live = live && about.document.get("live") != Some(&false.into());
        let told = self.event(event.into(), kind, &about.id, about.revision, &body, labels);
        self.live = live;
        told.map(drop)
    }

    /// Every fact of this database moves to another store: its farm was claimed, or set free. A column
    /// only: no document, no event body, no audit entry, no revision and no number changes with it.
    ///
    /// # Errors
    /// What the database says.
    pub fn move_to_store(&mut self, store: StoreId) -> Result<(), StoreError> {
        if store == self.home.store_id {
            return Ok(());
        }
        let (word, own) = (store.to_string(), self.home.store_id.to_string());
        for kind in Kind::ALL {
            let sql = format!("UPDATE {} SET store_id = ?1 WHERE store_id = ?2", table(*kind));
            self.sql()?.execute(&sql, [&word, &own])?;
        }
        for table in ["event", "upload"] {
            self.sql()?.execute(&format!("UPDATE {table} SET store_id = ?1 WHERE store_id = ?2"), [&word, &own])?;
        }
        // A store that had the farm before goes on in its own numbers, which those in between went on from.
        self.sql()?.execute("DELETE FROM home WHERE store_id = ?1", [&word])?;
        self.sql()?.execute("UPDATE home SET store_id = ?1 WHERE store_id = ?2", [&word, &own])?;
        self.sql()?.execute("UPDATE audit_owner SET store_id = ?1 WHERE store_id = ?2", [&word, &own])?;
        self.put_setting("store_id", &store)?;
        self.home.store_id = store;
        Ok(())
    }

    /// This database's farm leaves its store for another, its own: what describes the floor goes along, what was done for the store
    /// stays behind with it.
    ///
    /// # Errors
    /// What the database says.
    pub fn leave_store(&mut self, store: StoreId) -> Result<(), StoreError> {
        let (word, left) = (store.to_string(), self.home.store_id.to_string());
        for kind in Kind::ALL.iter().copied().filter(|kind| describes_the_floor(*kind)) {
            let sql = format!("UPDATE {} SET store_id = ?1 WHERE store_id = ?2", table(kind));
            self.sql()?.execute(&sql, [&word, &left])?;
        }
        // Numbers go on, so that none is given twice if the store comes back.
        self.sql()?.execute("INSERT INTO home SELECT ?1, farm_id, number FROM home WHERE store_id = ?2", [&word, &left])?;
        self.next_entries_are_of(store)?;
        self.put_setting("store_id", &store)?;
        self.home.store_id = store;
        Ok(())
    }

    /// At a relay: a farm left its store. What describes the floor goes with it; the rest of the copy stays with the store.
    ///
    /// # Errors
    /// What the database says.
    pub fn drop_floor_copies(&mut self, home: HomeIds) -> Result<(), StoreError> {
        let Place { store, farm } = Place::of(home);
        for kind in Kind::ALL.iter().copied().filter(|kind| is_copied(*kind)) {
            let all = if describes_the_floor(kind) { "" } else { "AND revision = 0" };
            let gone = format!("SELECT id FROM {} WHERE store_id = ?1 AND farm_id = ?2 {all}", table(kind));
            for of in ["label", "pair"] {
                self.sql()?
                    .execute(&format!("DELETE FROM {of} WHERE kind = ?3 AND id IN ({gone})"), [&store, &farm, kind.word()])?;
            }
            self.sql()?.execute(&format!("DELETE FROM {} WHERE id IN ({gone})", table(kind)), [&store, &farm])?;
        }
        self.next_position()?;
        Ok(())
    }

    /// This empty database becomes another farm, whose machine is gone: what its relay knows of it is written as it came, and everything
    /// that is written from here on is that farm's. Nothing of what this database was before is ever told.
    ///
    /// # Errors
    /// What the database says.
    pub fn become_farm(&mut self, home: HomeIds, last_number: u64, rows: &[FeedRow]) -> Result<(), StoreError> {
        self.move_to_store(home.store_id)?;
        let (before, farm) = (self.home.farm_id.to_string(), home.farm_id.to_string());
        for kind in Kind::ALL {
            let sql = format!("UPDATE {} SET farm_id = ?1 WHERE farm_id = ?2", table(*kind));
            self.sql()?.execute(&sql, [&farm, &before])?;
        }
        self.sql()?.execute(&format!("DELETE FROM {} WHERE id = ?1", table(Kind::Farm)), [&before])?;
        self.sql()?.execute("DELETE FROM event WHERE farm_id = ?1", [&before])?;
        self.sql()?.execute("UPDATE home SET farm_id = ?1 WHERE farm_id = ?2", [&farm, &before])?;
        self.put_setting("farm_id", &home.farm_id)?;
        self.home = home;
        let place = Place::of(home);
        for row in rows.iter().filter(|row| is_copied(row.kind) && !row.deleted) {
            self.copy(&place, 0, row)?;
        }
        let told = rows.iter().map(|row| row.number).max().unwrap_or(0);
        self.go_on_above(last_number.max(told))?;
        self.begin_new_log()
    }

    /// The numbers of this database's home go on above that one: whoever has a copy of another life of it knows them so far.
    ///
    /// # Errors
    /// What the database says.
    pub fn go_on_above(&mut self, number: u64) -> Result<(), StoreError> {
        let Place { store, farm } = Place::of(self.home);
        self.sql()?.execute(
            "INSERT INTO home (store_id, farm_id, number) VALUES (?1, ?2, ?3) \
             ON CONFLICT (store_id, farm_id) DO UPDATE SET number = max(number, excluded.number)",
            rusqlite::params![store, farm, number],
        )?;
        Ok(())
    }

    /// Begins a log of its own: what was told before was told by a life of this database that is gone.
    ///
    /// # Errors
    /// What the database says.
    pub fn begin_new_log(&mut self) -> Result<(), StoreError> {
        let random: [u8; 10] = self.random();
        self.sql()?.execute("UPDATE log SET epoch = ?1", [domain::hex::hex(&random)])?;
        Ok(())
    }
}
