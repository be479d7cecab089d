//! One table per record kind, all with the same envelope, made by one generator. List columns are
//! derived from the document: a table whose columns changed is rebuilt from its documents.

use std::collections::BTreeSet;

use contract::record::{Cell, ColumnType, Document, Index, KINDS, KindRow};
use domain::kind::Kind;
use rusqlite::types::ToSqlOutput;
use rusqlite::{Connection, OptionalExtension, ToSql, params};

use crate::error::StoreError;

/// A cell as SQLite takes it.
pub struct Bound<'a>(pub &'a Cell);

impl ToSql for Bound<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        match self.0 {
            Cell::Text(text) => text.to_sql(),
            Cell::Integer(number) => number.to_sql(),
            Cell::Null => rusqlite::types::Null.to_sql(),
        }
    }
}

/// The name of a kind's table.
pub fn table(kind: Kind) -> String {
    format!("rec_{}", kind.word())
}

fn columns_sql(row: &KindRow) -> String {
    row.columns
        .iter()
        .map(|column| match column.column_type {
            ColumnType::Text => format!(", {} TEXT", column.name),
            ColumnType::Integer | ColumnType::Time => format!(", {} INTEGER", column.name),
        })
        .collect()
}

fn create_sql(row: &KindRow) -> String {
    let table = table(row.kind);
    let mut sql = format!(
        "CREATE TABLE {table} (id TEXT PRIMARY KEY, store_id TEXT NOT NULL, farm_id TEXT NOT NULL, revision INTEGER NOT NULL, \
         number INTEGER NOT NULL, position INTEGER NOT NULL, deleted INTEGER NOT NULL, generation INTEGER NOT NULL, \
         changed_at INTEGER NOT NULL, created_at INTEGER NOT NULL, document TEXT NOT NULL{}) STRICT;\
         CREATE INDEX {table}_position ON {table} (position);\
         CREATE INDEX {table}_created ON {table} (store_id, created_at, id);",
        columns_sql(row)
    );
    for column in row.columns.iter().filter(|column| column.indexed) {
        sql += &format!("CREATE INDEX {table}_{0} ON {table} ({0}, created_at, id);", column.name);
    }
    for (column, first) in row.columns.iter().filter_map(|column| Some((column, column.indexed_after?))) {
        sql += &format!("CREATE INDEX {table}_{first}_{0} ON {table} ({first}, {0});", column.name);
    }
    sql
}

fn signature(row: &KindRow) -> String {
    format!("1{}", create_sql(row))
}

/// Makes the tables that are missing and rebuilds those whose columns changed.
pub fn make_tables(connection: &mut Connection) -> Result<(), StoreError> {
    let transaction = connection.transaction()?;
    for row in KINDS {
        let wanted = signature(row);
        let found: Option<String> = transaction
            .query_row("SELECT signature FROM kind_table WHERE kind = ?1", [row.kind.word()], |r| r.get(0))
            .optional()?;
        match found {
            Some(found) if found == wanted => continue,
            Some(_) => rebuild(&transaction, row)?,
            None => transaction.execute_batch(&create_sql(row))?,
        }
        transaction.execute(
            "INSERT INTO kind_table (kind, signature) VALUES (?1, ?2) ON CONFLICT (kind) DO UPDATE SET signature = excluded.signature",
            params![row.kind.word(), wanted],
        )?;
    }
    transaction.commit()?;
    Ok(())
}

fn rebuild(connection: &Connection, row: &KindRow) -> Result<(), StoreError> {
    let table = table(row.kind);
    let indexes: Vec<String> = connection
        .prepare("SELECT name FROM sqlite_schema WHERE type = 'index' AND tbl_name = ?1 AND sql IS NOT NULL")?
        .query_map([&table], |r| r.get(0))?
        .collect::<Result<_, _>>()?;
    for index in indexes {
        connection.execute_batch(&format!("DROP INDEX {index};"))?;
    }
    connection.execute_batch(&format!("ALTER TABLE {table} RENAME TO old_{table};"))?;
    connection.execute_batch(&create_sql(row))?;
    connection.execute_batch(&format!(
        "INSERT INTO {table} (id, store_id, farm_id, revision, number, position, deleted, generation, changed_at, created_at, document) \
         SELECT id, store_id, farm_id, revision, number, position, deleted, generation, changed_at, created_at, document FROM old_{table};\
         DROP TABLE old_{table};"
    ))?;
    let ids: Vec<(String, String)> = connection
        .prepare(&format!("SELECT id, document FROM {table} WHERE deleted = 0"))?
        .query_map([], |r| Ok((r.get(0)?, r.get(1)?)))?
        .collect::<Result<_, _>>()?;
    for (id, document) in ids {
        let document: Document =
            serde_json::from_str(&document).map_err(|cause| StoreError::Document { kind: row.kind.word(), cause })?;
        let index = (row.index)(document).map_err(|cause| StoreError::Document { kind: row.kind.word(), cause })?;
        write_cells(connection, row, &id, &index)?;
        write_labels(connection, row.kind, &id, &index)?;
    }
    Ok(())
}

pub fn write_cells(connection: &Connection, row: &KindRow, id: &str, index: &Index) -> Result<(), StoreError> {
    if row.columns.is_empty() {
        return Ok(());
    }
    let sets: Vec<String> = row.columns.iter().enumerate().map(|(i, column)| format!("{} = ?{}", column.name, i + 2)).collect();
    let mut statement =
        connection.prepare_cached(&format!("UPDATE {} SET {} WHERE id = ?1", table(row.kind), sets.join(", ")))?;
    let bound: Vec<Bound<'_>> = index.cells.iter().map(Bound).collect();
    let mut values: Vec<&dyn ToSql> = vec![&id];
    values.extend(bound.iter().map(|cell| cell as &dyn ToSql));
    statement.execute(values.as_slice())?;
    Ok(())
}

/// Brings a record's labels and pairs to what its index says. Those that stay are not touched: most
/// writes change none, and a page that is not written does not wear the card.
pub fn write_labels(connection: &Connection, kind: Kind, id: &str, index: &Index) -> Result<(), StoreError> {
    let labels: BTreeSet<&str> = index.labels.iter().map(String::as_str).collect();
    let mut statement = connection.prepare_cached("SELECT label FROM label WHERE kind = ?1 AND id = ?2")?;
    let found = statement.query_map(params![kind.word(), id], |r| r.get(0))?.collect::<Result<BTreeSet<String>, _>>()?;
    for gone in found.iter().filter(|label| !labels.contains(label.as_str())) {
        let mut statement = connection.prepare_cached("DELETE FROM label WHERE kind = ?1 AND label = ?2 AND id = ?3")?;
        statement.execute(params![kind.word(), gone, id])?;
    }
    for new in labels.into_iter().filter(|label| !found.contains(*label)) {
        let mut statement = connection.prepare_cached("INSERT INTO label (kind, label, id) VALUES (?1, ?2, ?3)")?;
        statement.execute(params![kind.word(), new, id])?;
    }
    let pairs: BTreeSet<&(String, String)> = index.metadata.iter().collect();
    let mut statement = connection.prepare_cached("SELECT name, value FROM pair WHERE kind = ?1 AND id = ?2")?;
    let found = statement.query_map(params![kind.word(), id], |r| Ok((r.get(0)?, r.get(1)?)))?;
    let found = found.collect::<Result<BTreeSet<(String, String)>, _>>()?;
    for (name, value) in found.iter().filter(|pair| !pairs.contains(pair)) {
        let mut statement =
            connection.prepare_cached("DELETE FROM pair WHERE kind = ?1 AND name = ?2 AND value = ?3 AND id = ?4")?;
        statement.execute(params![kind.word(), name, value, id])?;
    }
    for (name, value) in pairs.into_iter().filter(|pair| !found.contains(*pair)) {
        let mut statement = connection.prepare_cached("INSERT INTO pair (kind, name, value, id) VALUES (?1, ?2, ?3, ?4)")?;
        statement.execute(params![kind.word(), name, value, id])?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::migrations;

    #[test]
    fn a_table_with_other_columns_is_rebuilt_from_its_documents() {
        let mut connection = Connection::open_in_memory().unwrap();
        migrations::run(&mut connection).unwrap();
        let pool = r#"{"id":"pool_00000000000000000000000000000001","name":"Rack A","tags":["rack-a"],"created_at":"2026-01-01T00:00:00.000Z"}"#;
        connection
            .execute_batch(&format!(
                "INSERT INTO rec_pool (id, store_id, farm_id, revision, number, position, deleted, generation, changed_at, created_at, document) \
                 VALUES ('pool_00000000000000000000000000000001', 's', 'f', 1, 1, 1, 0, 0, 0, 0, '{pool}');\
                 UPDATE kind_table SET signature = 'old' WHERE kind = 'pool';"
            ))
            .unwrap();
        make_tables(&mut connection).unwrap();
        let name: String = connection.query_row("SELECT name FROM rec_pool", [], |r| r.get(0)).unwrap();
        let label: String = connection.query_row("SELECT label FROM label WHERE kind = 'pool'", [], |r| r.get(0)).unwrap();
        assert_eq!((name.as_str(), label.as_str()), ("Rack A", "rack-a"));
    }
}
