//! Lists: filter, sort and cursor over a kind's columns, within what a caller may see.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use contract::list::{Condition, Selection};
use contract::record::{ColumnType, KindRow, TagScope};
use domain::access::Scope;
use domain::id::{FarmId, StoreId};
use domain::kind::Kind;
use domain::text::Tag;
use rusqlite::types::Value;
use serde::{Deserialize, Serialize};

use crate::error::StoreError;
use crate::kinds::table;
use crate::rows::{ENVELOPE, RawRow, Rows, columns, read_raw};

/// What a caller may see of the rows.
#[derive(Debug, Clone, Copy)]
pub struct Within<'a> {
    /// The store.
    pub store: StoreId,
    /// The farms.
    pub farms: &'a Scope<FarmId>,
    /// The printer tags.
    pub tags: &'a Scope<Tag>,
}

/// A page as it is stored.
#[derive(Debug, Clone, PartialEq)]
pub struct Listed {
    /// The rows.
    pub rows: Vec<RawRow>,
    /// Where the next page begins.
    pub next_cursor: Option<String>,
    /// How many match in all, if asked.
    pub total: Option<u64>,
}

#[derive(Serialize, Deserialize)]
struct Cursor {
    kind: Kind,
    sort: String,
    down: bool,
    text: Option<String>,
    number: Option<i64>,
    id: String,
}

struct Where {
    sql: String,
    values: Vec<Value>,
}

impl Where {
    fn bind(&mut self, value: Value) -> String {
        self.values.push(value);
        format!("?{}", self.values.len())
    }

    fn bind_all(&mut self, words: impl Iterator<Item = String>) -> String {
        let places: Vec<String> = words.map(|word| self.bind(Value::Text(word))).collect();
        places.join(", ")
    }

    fn and(&mut self, condition: &str) {
        self.sql += " AND ";
        self.sql += condition;
    }
}

impl Rows<'_> {
    /// A page of a kind.
    ///
    /// # Errors
    /// [`StoreError::BadCursor`] for a cursor of another list; else what the database says.
    pub fn list(&self, row: &KindRow, selection: &Selection, within: Within<'_>) -> Result<Listed, StoreError> {
        let mut clause = selected(row, selection, within);
        let total = selection.include_total.then(|| self.count(row, &clause)).transpose()?;
        let sql = page_sql(&mut clause, row, selection)?;
        let mut statement = self.connection.prepare_cached(&sql)?;
        let found =
            statement.query_map(rusqlite::params_from_iter(clause.values), |r| Ok((columns(r)?, r.get::<_, Value>(7)?)))?;
        let mut rows = Vec::new();
        let mut keys = Vec::new();
        for line in found {
            let (raw, key) = line?;
            rows.push(read_raw(row.kind, raw)?);
            keys.push(key);
        }
        let more = rows.len() > selection.limit;
        rows.truncate(selection.limit);
        let next_cursor = match (more, rows.last(), keys.get(selection.limit.saturating_sub(1))) {
            (true, Some(last), Some(key)) => Some(cursor_after(row.kind, selection, &last.id, key)),
            (true | false, _, _) => None,
        };
        Ok(Listed { rows, next_cursor, total })
    }

    /// One record of a kind, if it is within what the caller may see.
    ///
    /// # Errors
    /// What the database says.
    pub fn visible(&self, row: &KindRow, id: &str, within: Within<'_>) -> Result<Option<RawRow>, StoreError> {
        let mut clause = Where { sql: "deleted = 0".to_owned(), values: Vec::new() };
        scope(&mut clause, row, within);
        let place = clause.bind(Value::Text(id.to_owned()));
        clause.and(&format!("id = {place}"));
        let sql = format!("SELECT {ENVELOPE} FROM {} AS r WHERE {}", table(row.kind), clause.sql);
        let mut statement = self.connection.prepare_cached(&sql)?;
        let mut found = statement.query_map(rusqlite::params_from_iter(clause.values), columns)?;
        found.next().map(|raw| read_raw(row.kind, raw?)).transpose()
    }

    /// How many rows there are with each word of a column. What was only asked for is not there yet, and not counted.
    ///
    /// # Errors
    /// What the database says.
    pub fn tally(
        &self,
        row: &KindRow,
        column: &'static str,
        selection: &Selection,
        within: Within<'_>,
    ) -> Result<BTreeMap<String, u64>, StoreError> {
        let clause = selected(row, selection, within);
        let counted = format!("SELECT {column}, count(*) FROM {} AS r WHERE {}", table(row.kind), clause.sql);
        let mut statement = self.connection.prepare_cached(&format!("{counted} AND revision > 0 GROUP BY 1"))?;
        let found = statement.query_map(rusqlite::params_from_iter(clause.values), |r| Ok((r.get(0)?, r.get(1)?)))?;
        Ok(found.collect::<Result<_, _>>()?)
    }

    fn count(&self, row: &KindRow, clause: &Where) -> Result<u64, StoreError> {
        let sql = format!("SELECT count(*) FROM {} AS r WHERE {}", table(row.kind), clause.sql);
        Ok(self.connection.prepare_cached(&sql)?.query_row(rusqlite::params_from_iter(&clause.values), |r| r.get(0))?)
    }
}

fn selected(row: &KindRow, selection: &Selection, within: Within<'_>) -> Where {
    let mut clause = Where { sql: "deleted = 0".to_owned(), values: Vec::new() };
    scope(&mut clause, row, within);
    for condition in &selection.conditions {
        filter(&mut clause, row.kind, condition);
    }
    clause
}

fn page_sql(clause: &mut Where, row: &KindRow, selection: &Selection) -> Result<String, StoreError> {
    let sort = sort_sql(row, selection);
    let direction = if selection.sort.descending { "DESC" } else { "ASC" };
    if let Some(cursor) = &selection.cursor {
        after(clause, row.kind, &sort, selection, cursor)?;
    }
    let limit = clause.bind(Value::Integer(i64::try_from(selection.limit.saturating_add(1)).unwrap_or(i64::MAX)));
    Ok(format!(
        "SELECT {ENVELOPE}, {sort} FROM {} AS r WHERE {} ORDER BY {sort} {direction}, id {direction} LIMIT {limit}",
        table(row.kind),
        clause.sql
    ))
}

fn scope(clause: &mut Where, row: &KindRow, within: Within<'_>) {
    let store = clause.bind(Value::Text(within.store.to_string()));
    clause.and(&format!("store_id = {store}"));
    if let (Scope::Only(farms), false) = (within.farms, row.kind.is_account()) {
        let farms = clause.bind_all(farms.iter().map(ToString::to_string));
        clause.and(&format!("farm_id IN ({farms})"));
    }
    let Scope::Only(held) = within.tags else { return };
    if row.tag_scope == TagScope::Free {
        return;
    }
    if held.is_empty() {
        return clause.and("0");
    }
    let tags = clause.bind_all(held.iter().map(ToString::to_string));
    let printers = format!("SELECT id FROM label WHERE kind = 'printer' AND label IN ({tags})");
    match row.tag_scope {
        TagScope::Free => {}
        TagScope::OwnTags => {
            clause.and(&format!("id IN (SELECT id FROM label WHERE kind = '{}' AND label IN ({tags}))", row.kind))
        }
        TagScope::PrinterColumn(column) => clause.and(&format!("{column} IN ({printers})")),
        TagScope::JobTarget => {
            let mine = |prefix: &str, ids: &str| format!("l.label IN (SELECT '{prefix}' || id FROM ({ids}))");
            let pools = format!("SELECT id FROM label WHERE kind = 'pool' AND label IN ({tags})");
            let named = clause.bind_all(held.iter().map(|tag| format!("tag:{tag}")));
            clause.and(&format!(
                "EXISTS (SELECT 1 FROM label AS l WHERE l.kind = 'job' AND l.id = r.id AND (l.label = 'any' OR {} OR {} OR l.label IN ({named})))",
                mine("printer:", &printers),
                mine("pool:", &pools)
            ));
        }
    }
}

fn filter(clause: &mut Where, kind: Kind, condition: &Condition) {
    match condition {
        Condition::OneOf(column, words) => {
            let places = clause.bind_all(words.iter().cloned());
            clause.and(&format!("{column} IN ({places})"));
        }
        Condition::NoneOf(column, words) => {
            let places = clause.bind_all(words.iter().cloned());
            clause.and(&format!("({column} IS NULL OR {column} NOT IN ({places}))"));
        }
        Condition::Is(column, number) => {
            let place = clause.bind(Value::Integer(*number));
            clause.and(&format!("{column} = {place}"));
        }
        Condition::After(column, time) => {
            let place = clause.bind(Value::Integer(time.millis()));
            clause.and(&format!("{column} > {place}"));
        }
        Condition::Before(column, time) => {
            let place = clause.bind(Value::Integer(time.millis()));
            clause.and(&format!("{column} < {place}"));
        }
        Condition::ChangedSince(time) => {
            let place = clause.bind(Value::Integer(time.millis()));
            clause.and(&format!("changed_at >= {place}"));
        }
        Condition::Label(label) => {
            let label = if kind == Kind::Job { format!("tag:{label}") } else { label.clone() };
            let place = clause.bind(Value::Text(label));
            clause.and(&format!("id IN (SELECT id FROM label WHERE kind = '{kind}' AND label = {place})"));
        }
        Condition::Metadata(name, value) => {
            let (name, value) = (clause.bind(Value::Text(name.clone())), clause.bind(Value::Text(value.clone())));
            clause.and(&format!("id IN (SELECT id FROM pair WHERE kind = '{kind}' AND name = {name} AND value = {value})"));
        }
        Condition::Text(columns, text) => {
            let escaped = text.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
            let place = clause.bind(Value::Text(format!("%{escaped}%")));
            let any: Vec<String> = columns.iter().map(|column| format!("{column} LIKE {place} ESCAPE '\\'")).collect();
            clause.and(&if any.is_empty() { "0".to_owned() } else { format!("({})", any.join(" OR ")) });
        }
    }
}

/// The sort key: what is absent comes last, whichever way. SQLite puts numbers before texts before
/// blobs, so that no text is mistaken for an absent one.
fn sort_sql(row: &KindRow, selection: &Selection) -> String {
    let sort = selection.sort;
    let column = row.columns.iter().find(|column| column.name == sort.column);
    match column.map(|column| column.column_type) {
        None => sort.column.to_owned(),
        Some(ColumnType::Text) if sort.descending => format!("coalesce({}, 0)", sort.column),
        Some(ColumnType::Text) => format!("coalesce({}, x'')", sort.column),
        Some(ColumnType::Integer | ColumnType::Time) if sort.descending => format!("coalesce({}, {})", sort.column, i64::MIN + 1),
        Some(ColumnType::Integer | ColumnType::Time) => format!("coalesce({}, {})", sort.column, i64::MAX),
    }
}

fn cursor_after(kind: Kind, selection: &Selection, id: &str, key: &Value) -> String {
    let (text, number) = match key {
        Value::Text(text) => (Some(text.clone()), None),
        Value::Integer(number) => (None, Some(*number)),
        Value::Null | Value::Real(_) | Value::Blob(_) => (None, None),
    };
    let cursor =
        Cursor { kind, sort: selection.sort.column.to_owned(), down: selection.sort.descending, text, number, id: id.to_owned() };
    URL_SAFE_NO_PAD.encode(serde_json::to_vec(&cursor).unwrap_or_default())
}

fn after(clause: &mut Where, kind: Kind, sort: &str, selection: &Selection, cursor: &str) -> Result<(), StoreError> {
    let bytes = URL_SAFE_NO_PAD.decode(cursor).map_err(|_| StoreError::BadCursor)?;
    let cursor: Cursor = serde_json::from_slice(&bytes).map_err(|_| StoreError::BadCursor)?;
    if cursor.kind != kind || cursor.sort != selection.sort.column || cursor.down != selection.sort.descending {
        return Err(StoreError::BadCursor);
    }
    let key = match (cursor.text, cursor.number) {
        (Some(text), None) => Value::Text(text),
        (None, Some(number)) => Value::Integer(number),
        (None, None) => Value::Blob(Vec::new()),
        (Some(_), Some(_)) => return Err(StoreError::BadCursor),
    };
    let (key, id) = (clause.bind(key), clause.bind(Value::Text(cursor.id)));
    let side = if cursor.down { "<" } else { ">" };
    clause.and(&format!("({sort}, id) {side} ({key}, {id})"));
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use contract::list::Sort;
    use contract::record::kind_row;
    use domain::id::Id;
    use domain::time::Timestamp;
    use rusqlite::Connection;

    use super::*;
    use crate::migrations;

    fn plan(connection: &Connection, sql: &str, values: &[Value]) -> String {
        let mut statement = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
        let lines = statement.query_map(rusqlite::params_from_iter(values), |r| r.get::<_, String>(3)).unwrap();
        lines.collect::<Result<Vec<_>, _>>().unwrap().join("\n")
    }

    fn list_plan(kind: Kind, selection: &Selection, tags: &Scope<Tag>) -> String {
        let mut connection = Connection::open_in_memory().unwrap();
        migrations::run(&mut connection).unwrap();
        let store = StoreId::new(Timestamp::from_millis(0), [0; 10]);
        let row = kind_row(kind);
        let mut clause = selected(row, selection, Within { store, farms: &Scope::All, tags });
        let sql = page_sql(&mut clause, row, selection).unwrap();
        plan(&connection, &sql, &clause.values)
    }

    fn check(kind: Kind, selection: &Selection, needles: &[&str]) {
        let plan = list_plan(kind, selection, &Scope::All);
        for needle in needles {
            assert!(plan.contains(needle), "{kind} {:?}: no `{needle}` in\n{plan}", selection.conditions);
        }
    }

    #[test]
    fn the_newest_jobs_come_from_the_index_without_sorting() {
        check(Kind::Job, &Selection::all(), &["USING INDEX rec_job_created"]);
        assert!(!list_plan(Kind::Job, &Selection::all(), &Scope::All).contains("TEMP B-TREE"));
    }

    #[test]
    fn jobs_of_a_phase_a_printer_or_an_external_id_are_found_by_index() {
        for (column, index) in
            [("phase", "rec_job_phase"), ("printer_id", "rec_job_printer_id"), ("external_id", "rec_job_external_id")]
        {
            let selection = Selection::all().with(Condition::OneOf(column, vec!["x".to_owned()]));
            check(Kind::Job, &selection, &[index]);
            let sorted = Selection { sort: Sort { column: "priority", descending: true }, ..selection };
            check(Kind::Job, &sorted, &[index]);
        }
    }

    #[test]
    fn the_newest_jobs_of_one_phase_or_printer_come_without_sorting() {
        for column in ["phase", "printer_id"] {
            let selection = Selection::all().with(Condition::OneOf(column, vec!["x".to_owned()]));
            assert!(!list_plan(Kind::Job, &selection, &Scope::All).contains("TEMP B-TREE"), "{column}");
        }
    }

    #[test]
    fn pages_of_every_size_and_place_share_one_prepared_statement() {
        let row = kind_row(Kind::Job);
        let within = Within { store: StoreId::new(Timestamp::from_millis(0), [0; 10]), farms: &Scope::All, tags: &Scope::All };
        let sql = |limit, cursor: Option<String>| {
            let selection = Selection { limit, cursor, ..Selection::all() };
            page_sql(&mut selected(row, &selection, within), row, &selection).unwrap()
        };
        assert_eq!(sql(1, None), sql(200, None));
        let cursor = |number| Some(cursor_after(Kind::Job, &Selection::all(), "job_1", &Value::Integer(number)));
        assert_eq!(sql(1, cursor(1)), sql(50, cursor(2)));
    }

    #[test]
    fn labels_and_pairs_are_looked_up_not_scanned() {
        check(
            Kind::Printer,
            &Selection::all().with(Condition::Label("rack-a".into())),
            &["SEARCH label USING PRIMARY KEY (kind=? AND label=?)"],
        );
        check(
            Kind::Printer,
            &Selection::all().with(Condition::Metadata("a".into(), "b".into())),
            &["SEARCH pair USING PRIMARY KEY (kind=? AND name=? AND value=?)"],
        );
    }

    #[test]
    fn no_tag_scope_scans_the_labels() {
        let tags = Scope::Only(BTreeSet::from(["rack-a".parse().unwrap()]));
        for kind in [Kind::Printer, Kind::Pool, Kind::Job, Kind::Attempt, Kind::Command] {
            let plan = list_plan(kind, &Selection::all(), &tags);
            assert!(!plan.contains("SCAN label") && !plan.contains("SCAN l"), "{kind}\n{plan}");
        }
    }

    #[test]
    fn the_feeds_of_events_and_rows_are_read_by_position() {
        let mut connection = Connection::open_in_memory().unwrap();
        migrations::run(&mut connection).unwrap();
        for (sql, index) in [
            ("SELECT * FROM event WHERE position > ?1 ORDER BY position LIMIT ?2", "INTEGER PRIMARY KEY"),
            ("SELECT * FROM event WHERE position > ?1 AND subject_id = ?2 ORDER BY position LIMIT ?3", "event_of"),
            ("SELECT * FROM rec_job WHERE position > ?1 ORDER BY position LIMIT ?2", "rec_job_position"),
            ("SELECT * FROM rec_job WHERE deleted = 0 AND phase IN (?1, ?2) ORDER BY created_at, id", "rec_job_phase"),
            ("DELETE FROM request WHERE created_at <= ?1", "request_age"),
            ("SELECT token FROM bed_token WHERE printer = ?1 AND consumed_by IS NULL", "bed_token_unused"),
        ] {
            let places = sql.matches('?').count();
            let plan = plan(&connection, sql, &vec![Value::Integer(1); places]);
            assert!(plan.contains(index), "{sql}\n{plan}");
        }
    }
}
