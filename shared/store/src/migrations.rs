//! The fixed tables, by migrations that only append; a kind's own table comes from `kinds`.

use rusqlite::Connection;
use rusqlite_migration::{M, Migrations};

use crate::error::StoreError;
use crate::kinds;

const STEPS: &[M<'static>] = &[M::up(include_str!("../migrations/0001_log.sql"))];

/// Brings the database to this version. A database of a newer version is refused.
pub fn run(connection: &mut Connection) -> Result<(), StoreError> {
    Migrations::from_slice(STEPS).to_latest(connection)?;
    kinds::make_tables(connection)
}

/// The whole schema as SQL, for the generated page.
///
/// # Errors
/// What SQLite says.
pub fn schema_sql() -> Result<String, StoreError> {
    let mut connection = Connection::open_in_memory()?;
    run(&mut connection)?;
    let mut statement = connection
        .prepare("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%' ORDER BY type DESC, name")?;
    let lines: Result<Vec<String>, _> = statement.query_map([], |row| row.get::<_, String>(0))?.collect();
    Ok(lines?.into_iter().map(|sql| sql + ";\n").collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_migrations_are_valid_and_make_a_table_for_every_kind() {
        Migrations::from_slice(STEPS).validate().unwrap();
        let schema = schema_sql().unwrap();
        for row in contract::record::KINDS {
            assert!(schema.contains(&format!("CREATE TABLE {}", kinds::table(row.kind))), "{}", row.kind);
        }
    }
}
