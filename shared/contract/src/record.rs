//! What makes a noun a record: its kind, who may see it, what its lists filter and sort by, and what
//! of it is shown to whom. The store's tables, the lists and the events are generated from this.

mod kinds;

use domain::access::Grants;
use domain::account::{Store, User};
use domain::actor::Actor;
use domain::attempt::Attempt;
use domain::command::Command;
use domain::device::Device;
use domain::farm::Farm;
use domain::filament::{Material, Slot, Spool, SpoolEntry};
use domain::file::File;
use domain::job::Job;
use domain::key::{ApiKey, Session, SlicerKey};
use domain::kind::Kind;
use domain::operator::Operator;
use domain::order::Order;
use domain::part::{Part, Pool};
use domain::permission::Permission;
use domain::printer::Printer;
use domain::role::OwnRole;
use domain::sku::Sku;
use domain::stock::{Stock, StockEntry};
use domain::webhook::{Delivery, Webhook};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A record's document as JSON.
pub type Document = Map<String, Value>;

/// What a list column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColumnType {
    /// Words and ids; filtered by one or several values.
    Text,
    /// Whole numbers.
    Integer,
    /// Times; filtered by `{name}_after` and `{name}_before` without the `_at`.
    Time,
}

/// A derived column of a record's table: what lists filter, sort and search by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Column {
    /// Its name in the table and in queries.
    pub name: &'static str,
    /// What it holds.
    pub column_type: ColumnType,
    /// `q=` looks into it.
    pub searched: bool,
    /// The table has an index on it.
    pub indexed: bool,
    /// The table has an index on that column and then on this one.
    pub indexed_after: Option<&'static str>,
    /// Only who holds this may filter, sort and search by it: what `project` hides must not be found by asking.
    pub shown_with: Option<Permission>,
}

impl Column {
    /// The same column with an index.
    #[must_use]
    pub const fn indexed(mut self) -> Self {
        self.indexed = true;
        self
    }

    /// The same column with an index of both: it is looked for within one word of the other.
    #[must_use]
    pub const fn indexed_after(mut self, other: &'static str) -> Self {
        self.indexed_after = Some(other);
        self
    }

    /// The same column, for those who hold that permission.
    #[must_use]
    pub const fn shown_with(mut self, permission: Permission) -> Self {
        self.shown_with = Some(permission);
        self
    }
}

/// A filterable and sortable column of words.
pub const fn text(name: &'static str) -> Column {
    Column { name, column_type: ColumnType::Text, searched: false, indexed: false, indexed_after: None, shown_with: None }
}

/// A column of words that `q=` looks into too.
pub const fn searched(name: &'static str) -> Column {
    Column { name, column_type: ColumnType::Text, searched: true, indexed: false, indexed_after: None, shown_with: None }
}

/// A column of whole numbers.
pub const fn integer(name: &'static str) -> Column {
    Column { name, column_type: ColumnType::Integer, searched: false, indexed: false, indexed_after: None, shown_with: None }
}

/// A column of times.
pub const fn time(name: &'static str) -> Column {
    Column { name, column_type: ColumnType::Time, searched: false, indexed: false, indexed_after: None, shown_with: None }
}

/// One value of a list column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cell {
    /// Words.
    Text(String),
    /// Numbers, and times in milliseconds.
    Integer(i64),
    /// Nothing.
    Null,
}

impl<T: Into<Cell>> From<Option<T>> for Cell {
    fn from(value: Option<T>) -> Self {
        value.map_or(Cell::Null, Into::into)
    }
}

impl From<String> for Cell {
    fn from(value: String) -> Self {
        Cell::Text(value)
    }
}

impl From<i64> for Cell {
    fn from(value: i64) -> Self {
        Cell::Integer(value)
    }
}

impl From<domain::time::Timestamp> for Cell {
    fn from(value: domain::time::Timestamp) -> Self {
        Cell::Integer(value.millis())
    }
}

/// How a tag-scoped caller is held to their tags.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TagScope {
    /// The kind has nothing to do with printers: tags do not limit it.
    Free,
    /// The record's own tags count.
    OwnTags,
    /// The printer that the named column holds counts.
    PrinterColumn(&'static str),
    /// A job: its target, and the printers that it ran on.
    JobTarget,
}

/// A record.
pub trait Record: Serialize + DeserializeOwned + JsonSchema + Clone + Send + Sync + 'static {
    /// Its kind.
    const KIND: Kind;
    /// Who may see it.
    const VIEW: Permission;
    /// Its list columns, `created_at` apart, which every kind has.
    const COLUMNS: &'static [Column];
    /// How tags limit who sees it.
    const TAG_SCOPE: TagScope;
    /// The id's type.
    type Id: domain::id::Id + Serialize + DeserializeOwned + JsonSchema + Send + Sync + 'static;

    /// Its id.
    fn id(&self) -> Self::Id;
    /// When it was made.
    fn created_at(&self) -> domain::time::Timestamp;
    /// The values of [`Record::COLUMNS`], in order.
    fn cells(&self) -> Vec<Cell>;
    /// Labels that lists and scopes look for. For jobs: `printer:`, `pool:` and `tag:` references.
    fn labels(&self) -> Vec<String> {
        Vec::new()
    }
    /// An integrator's pairs.
    fn metadata(&self) -> Option<&domain::text::Metadata> {
        None
    }
    /// Who made it, where own and all differ.
    fn owner(&self) -> Option<&Actor> {
        None
    }
    /// Takes out what these grants do not show. Works on JSON, so that it holds for a newer farm's
    /// documents too.
    fn project(document: &mut Document, grants: &Grants);
    /// Takes out what is too heavy for an event.
    fn lighten(_document: &mut Document) {}
}

/// A kind as data: what the store, the lists and the fan-out need of it without its type.
#[derive(Clone, Copy)]
pub struct KindRow {
    /// The kind.
    pub kind: Kind,
    /// Who may see it.
    pub view: Permission,
    /// Its list columns.
    pub columns: &'static [Column],
    /// How tags limit who sees it.
    pub tag_scope: TagScope,
    /// The cells, labels and creation time of a document, to rebuild its row.
    pub index: fn(Document) -> Result<Index, serde_json::Error>,
    /// Takes out what the grants do not show.
    pub project: fn(&mut Document, &Grants),
}

/// What a row derives from its document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Index {
    /// The list columns.
    pub cells: Vec<Cell>,
    /// Labels.
    pub labels: Vec<String>,
    /// Metadata pairs.
    pub metadata: Vec<(String, String)>,
    /// When the record was made.
    pub created_at: domain::time::Timestamp,
}

impl Index {
    /// The index of a record.
    pub fn of<R: Record>(record: &R) -> Self {
        let pairs = record.metadata().map(|metadata| metadata.pairs().clone()).unwrap_or_default();
        Self {
            cells: record.cells(),
            labels: record.labels(),
            metadata: pairs.into_iter().collect(),
            created_at: record.created_at(),
        }
    }
}

impl KindRow {
    /// The index of a document that may come from a newer farm: a word that is not known here must not
    /// keep the record out of the lists. What cannot be read by its type is read by the columns' names.
    pub fn index_leniently(&self, document: &Document, otherwise_created: domain::time::Timestamp) -> Index {
        (self.index)(document.clone()).unwrap_or_else(|_| {
            let strings = |name: &str| -> Vec<String> {
                let items = document.get(name).and_then(Value::as_array).into_iter().flatten();
                items.filter_map(|item| item.as_str().map(str::to_owned)).collect()
            };
            let pairs = document.get("metadata").and_then(Value::as_object).into_iter().flatten();
            let time = |name: &str| document.get(name).and_then(|at| domain::time::Timestamp::deserialize(at).ok());
            let cell = |column: &Column| match (column.column_type, document.get(column.name)) {
                (ColumnType::Text, Some(Value::String(text))) => Cell::Text(text.clone()),
                (ColumnType::Integer, Some(value)) => value.as_i64().into(),
                (ColumnType::Time, Some(_)) => time(column.name).into(),
                (ColumnType::Text, Some(_)) | (_, None) => Cell::Null,
            };
            Index {
                cells: self.columns.iter().map(cell).collect(),
                labels: match self.tag_scope {
                    TagScope::OwnTags => strings("tags"),
                    // Whom a job of unknown shape concerns cannot be told: only who sees every printer sees it.
                    TagScope::Free | TagScope::PrinterColumn(_) | TagScope::JobTarget => Vec::new(),
                },
                metadata: pairs.filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned()))).collect(),
                created_at: time("created_at").unwrap_or(otherwise_created),
            }
        })
    }
}

const fn row<R: Record>() -> KindRow {
    KindRow {
        kind: R::KIND,
        view: R::VIEW,
        columns: R::COLUMNS,
        tag_scope: R::TAG_SCOPE,
        index: |document| serde_json::from_value::<R>(Value::Object(document)).map(|record| Index::of(&record)),
        project: R::project,
    }
}

/// Every kind, in the order of [`Kind::ALL`].
pub const KINDS: &[KindRow] = &[
    row::<Farm>(),
    row::<Printer>(),
    row::<Pool>(),
    row::<File>(),
    row::<Part>(),
    row::<Job>(),
    row::<Attempt>(),
    row::<Command>(),
    row::<Store>(),
    row::<User>(),
    row::<OwnRole>(),
    row::<ApiKey>(),
    row::<SlicerKey>(),
    row::<Session>(),
    row::<Sku>(),
    row::<Order>(),
    row::<Material>(),
    row::<Spool>(),
    row::<SpoolEntry>(),
    row::<Slot>(),
    row::<Stock>(),
    row::<StockEntry>(),
    row::<Webhook>(),
    row::<Delivery>(),
    row::<Operator>(),
    row::<Device>(),
];

/// The row of a kind.
pub fn kind_row(kind: Kind) -> &'static KindRow {
    &KINDS[kind as usize]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_its_row_in_order_and_no_column_named_as_a_query_word() {
        assert_eq!(KINDS.iter().map(|row| row.kind).collect::<Vec<_>>(), Kind::ALL);
        for row in KINDS {
            for column in row.columns {
                assert!(!["limit", "cursor", "sort", "q", "tag", "fields", "include", "changed_since"].contains(&column.name));
            }
        }
    }
}
