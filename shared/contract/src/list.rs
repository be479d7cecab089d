//! Lists: one query for every kind, made from the kind's columns. Cursors only, no offset.

use std::collections::BTreeMap;
use std::marker::PhantomData;

use domain::access::Grants;
use domain::time::Timestamp;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::operation::QueryParts;
use crate::problem::Problem;
use crate::record::{Column, ColumnType, Document, Record};

/// The largest page.
pub const MAX_LIMIT: usize = 200;
/// The most conditions that one query has, and the most words that one condition names: what SQLite
/// takes has an end, and a query beyond it must be the caller's mistake.
const MOST_PAIRS: usize = 50;
const MOST_WORDS: usize = 200;
/// The page where the caller names no limit.
pub const DEFAULT_LIMIT: usize = 50;

/// One condition on a column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    /// One of these words.
    OneOf(&'static str, Vec<String>),
    /// None of these words: also one that is not known here, or no word at all.
    NoneOf(&'static str, Vec<String>),
    /// Equal to that number.
    Is(&'static str, i64),
    /// Later than that.
    After(&'static str, Timestamp),
    /// Earlier than that.
    Before(&'static str, Timestamp),
    /// Has that label.
    Label(String),
    /// Has that metadata pair.
    Metadata(String, String),
    /// Changed at or after that moment.
    ChangedSince(Timestamp),
    /// Contains that text in one of these columns.
    Text(Vec<&'static str>, String),
}

/// What to sort by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sort {
    /// The column.
    pub column: &'static str,
    /// Largest first.
    pub descending: bool,
}

/// A list query as it was understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selection {
    /// All must hold.
    pub conditions: Vec<Condition>,
    /// The order; ties by id.
    pub sort: Sort,
    /// The page's size.
    pub limit: usize,
    /// Where the last page ended, as the store wrote it.
    pub cursor: Option<String>,
    /// Only these fields of each record.
    pub fields: Option<Vec<String>>,
    /// Count all that match.
    pub include_total: bool,
}

impl Selection {
    /// Everything, newest first.
    pub fn all() -> Self {
        Self {
            conditions: Vec::new(),
            sort: Sort { column: "created_at", descending: true },
            limit: DEFAULT_LIMIT,
            cursor: None,
            fields: None,
            include_total: false,
        }
    }

    /// What these grants allow to ask: a search passes over the columns that are not shown, and no filter or order is by one.
    ///
    /// # Errors
    /// The permission that a filter or the order lacks.
    pub fn asked_with(&self, columns: &[Column], grants: &Grants) -> Result<Self, Problem> {
        let mut allowed = self.clone();
        let hidden = columns.iter().filter_map(|column| {
            let permission = column.shown_with.filter(|permission| !grants.permissions.has(*permission))?;
            Some((column.name, permission))
        });
        for (hidden, permission) in hidden {
            let mut named = self.sort.column == hidden;
            for condition in &mut allowed.conditions {
                match condition {
                    Condition::OneOf(column, _)
                    | Condition::NoneOf(column, _)
                    | Condition::Is(column, _)
                    | Condition::After(column, _)
                    | Condition::Before(column, _) => named |= *column == hidden,
                    Condition::Text(searched, _) => searched.retain(|column| *column != hidden),
                    Condition::Label(_) | Condition::Metadata(..) | Condition::ChangedSince(_) => {}
                }
            }
            if named {
                return Err(Problem::missing(permission).on(hidden));
            }
        }
        Ok(allowed)
    }

    /// With one more condition.
    #[must_use]
    pub fn with(mut self, condition: Condition) -> Self {
        self.conditions.push(condition);
        self
    }
}

/// The query of a list of `R`.
#[derive(Debug, Clone)]
pub struct ListQuery<R> {
    /// What it selects.
    pub selection: Selection,
    of: PhantomData<fn() -> R>,
}

impl<R: Record> QueryParts for ListQuery<R> {
    fn parse(pairs: &[(String, String)]) -> Result<Self, Problem> {
        if pairs.len() > MOST_PAIRS {
            return Err(Problem::field("query", "invalid", format!("at most {MOST_PAIRS} parameters")));
        }
        once(pairs)?;
        let mut selection = Selection::all();
        for (name, value) in pairs {
            apply(&mut selection, R::COLUMNS, name, value)?;
        }
        Ok(Self { selection, of: PhantomData })
    }

    fn parameters(_: &mut SchemaGenerator) -> Vec<Value> {
        let sorts: Vec<String> = R::COLUMNS
            .iter()
            .map(|column| column.name)
            .chain(["created_at"])
            .flat_map(|name| [name.to_owned(), format!("-{name}")])
            .collect();
        let mut list = vec![
            parameter(
                "limit",
                json!({"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT}),
                "The page's size.",
            ),
            parameter("cursor", json!({"type": "string"}), "`next_cursor` of the page before."),
            parameter(
                "sort",
                json!({"type": "string", "enum": sorts, "default": "-created_at"}),
                "What to sort by; `-` = largest first.",
            ),
            parameter("q", json!({"type": "string", "maxLength": 200}), "Contains this text."),
            parameter("fields", json!({"type": "string"}), "Only these fields, separated by commas."),
            parameter("include", json!({"type": "string", "enum": ["total"]}), "`total` counts all that match."),
            parameter("changed_since", json!({"type": "string", "format": "date-time"}), "Changed at or after that moment."),
            parameter("tag", json!({"type": "string"}), "Has that tag."),
            parameter("metadata.{name}", json!({"type": "string"}), "Has that metadata pair."),
            parameter("created_after", json!({"type": "string", "format": "date-time"}), "Made after that moment."),
            parameter("created_before", json!({"type": "string", "format": "date-time"}), "Made before that moment."),
        ];
        for column in R::COLUMNS {
            match column.column_type {
                ColumnType::Text => {
                    list.push(parameter(column.name, json!({"type": "string"}), "One of these words, separated by commas."))
                }
                ColumnType::Integer => list.push(parameter(column.name, json!({"type": "integer"}), "Equal to that number.")),
                ColumnType::Time => {
                    let bare = column.name.trim_end_matches("_at");
                    for side in ["after", "before"] {
                        list.push(parameter(
                            &format!("{bare}_{side}"),
                            json!({"type": "string", "format": "date-time"}),
                            "Of that time.",
                        ));
                    }
                }
            }
        }
        list
    }
}

/// One query parameter of an OpenAPI document.
pub fn parameter(name: &str, schema: Value, text: &str) -> Value {
    json!({"name": name, "in": "query", "required": false, "schema": schema, "description": text})
}

fn apply(selection: &mut Selection, columns: &'static [Column], name: &str, value: &str) -> Result<(), Problem> {
    let bad = |detail: &str| Problem::field(format!("query/{name}"), "invalid", detail);
    let moment = || value.parse::<Timestamp>().map_err(|error| bad(&error.to_string()));
    match name {
        "limit" => {
            let limit = value.parse().ok().filter(|limit| (1..=MAX_LIMIT).contains(limit));
            selection.limit = limit.ok_or_else(|| bad("must be a number from 1 to 200"))?;
        }
        "cursor" => selection.cursor = Some(value.to_owned()),
        "sort" => {
            let (bare, descending) = value.strip_prefix('-').map_or((value, false), |bare| (bare, true));
            let column = columns.iter().map(|column| column.name).chain(["created_at"]).find(|column| *column == bare);
            selection.sort = Sort { column: column.ok_or_else(|| bad("there is no such column to sort by"))?, descending };
        }
        "q" if value.chars().count() <= 200 => {
            let searched = columns.iter().filter(|column| column.searched).map(|column| column.name).collect();
            selection.conditions.push(Condition::Text(searched, value.to_owned()));
        }
        "q" => return Err(bad("at most 200 characters")),
        "fields" => selection.fields = Some(value.split(',').map(|field| field.trim().to_owned()).collect()),
        "include" if value == "total" => selection.include_total = true,
        "include" => return Err(bad("only `total` can be included")),
        "changed_since" => selection.conditions.push(Condition::ChangedSince(moment()?)),
        "tag" => selection.conditions.push(Condition::Label(value.to_owned())),
        "created_after" => selection.conditions.push(Condition::After("created_at", moment()?)),
        "created_before" => selection.conditions.push(Condition::Before("created_at", moment()?)),
        other => {
            if let Some(pair) = other.strip_prefix("metadata.") {
                selection.conditions.push(Condition::Metadata(pair.to_owned(), value.to_owned()));
                return Ok(());
            }
            let condition = columns.iter().find_map(|column| of_column(column, other, value));
            selection.conditions.push(
                condition
                    .ok_or_else(|| Problem::field(format!("query/{other}"), "unknown_field", "there is no such filter"))??,
            );
        }
    }
    Ok(())
}

fn of_column(column: &'static Column, name: &str, value: &str) -> Option<Result<Condition, Problem>> {
    let bad = |detail: String| Problem::field(format!("query/{name}"), "invalid", detail);
    match column.column_type {
        ColumnType::Text if column.name == name => {
            Some(words(value).map(|words| Condition::OneOf(column.name, words)).map_err(bad))
        }
        ColumnType::Integer if column.name == name => {
            Some(value.parse().map(|number| Condition::Is(column.name, number)).map_err(|_| bad("must be a whole number".into())))
        }
        ColumnType::Time => {
            let side = name.strip_prefix(column.name.trim_end_matches("_at"))?;
            let moment = || value.parse::<Timestamp>().map_err(|error| bad(error.to_string()));
            match side {
                "_after" => Some(moment().map(|time| Condition::After(column.name, time))),
                "_before" => Some(moment().map(|time| Condition::Before(column.name, time))),
                _ => None,
            }
        }
        ColumnType::Text | ColumnType::Integer => None,
    }
}

/// The words of a filter, separated by commas.
///
/// # Errors
/// What is wrong, if there are too many.
pub fn words(value: &str) -> Result<Vec<String>, String> {
    let words: Vec<String> = value.split(',').map(|word| word.trim().to_owned()).take(MOST_WORDS + 1).collect();
    if words.len() > MOST_WORDS { Err(format!("at most {MOST_WORDS} words")) } else { Ok(words) }
}

/// One record as a caller sees it: its document as far as they may see it, and its envelope.
#[derive(Debug, Clone, PartialEq)]
pub struct View<R> {
    /// The document with `farm_id`, `revision` and `changed_at` in it.
    pub document: Document,
    of: PhantomData<fn() -> R>,
}

impl<R: Record> View<R> {
    /// Wraps a document that has been projected.
    pub fn projected(document: Document) -> Self {
        Self { document, of: PhantomData }
    }

    /// The record's revision.
    pub fn revision(&self) -> Option<u64> {
        self.document.get("revision").and_then(Value::as_u64)
    }
}

impl<R> Serialize for View<R> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.document.serialize(serializer)
    }
}

impl<'de, R> Deserialize<'de> for View<R> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self { document: Document::deserialize(deserializer)?, of: PhantomData })
    }
}

impl<R: Record> JsonSchema for View<R> {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        format!("{}View", R::schema_name()).into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let record = generator.subschema_for::<R>();
        let farm = generator.subschema_for::<domain::id::FarmId>();
        let time = generator.subschema_for::<Timestamp>();
        schemars::json_schema!({
            "allOf": [record, {
                "type": "object",
                "properties": {
                    "farm_id": farm,
                    "revision": {"type": "integer", "description": "Counts the record's changes; the ETag."},
                    "changed_at": time,
                },
                "required": ["revision", "changed_at"],
            }],
        })
    }
}

/// A page of a list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(bound = "")]
pub struct Page<R> {
    /// The records.
    pub items: Vec<View<R>>,
    /// Where the next page begins; absent on the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
    /// How many match in all, if asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total: Option<u64>,
}

impl<R: Record> JsonSchema for Page<R> {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        format!("{}Page", R::schema_name()).into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let item = generator.subschema_for::<View<R>>();
        schemars::json_schema!({
            "type": "object",
            "properties": {
                "items": {"type": "array", "items": item},
                "next_cursor": {"type": "string", "description": "Absent on the last page."},
                "total": {"type": "integer"},
            },
            "required": ["items"],
        })
    }
}

/// The results of a bulk action, one per id, in the order asked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct BulkReply {
    /// The results.
    pub results: Vec<BulkResult>,
}

/// What became of one id of a bulk action.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct BulkResult {
    /// The id.
    pub id: String,
    /// Whether it worked.
    pub ok: bool,
    /// What is wrong, if it did not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<Problem>,
}

/// The pairs of a query by name, doubles refused.
///
/// # Errors
/// A problem that names the double.
pub fn once(pairs: &[(String, String)]) -> Result<BTreeMap<&str, &str>, Problem> {
    let mut map = BTreeMap::new();
    for (name, value) in pairs {
        if map.insert(name.as_str(), value.as_str()).is_some() {
            return Err(Problem::field(format!("query/{name}"), "invalid", "is given twice"));
        }
    }
    Ok(map)
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::job::Job;

    fn parse(query: &[(&str, &str)]) -> Result<Selection, Problem> {
        let pairs: Vec<_> = query.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect();
        ListQuery::<Job>::parse(&pairs).map(|query| query.selection)
    }

    #[test]
    fn filters_come_from_the_kinds_columns() {
        let selection =
            parse(&[("state", "queued,printing"), ("due_before", "2026-01-01T00:00:00Z"), ("metadata.shop", "a")]).unwrap();
        assert_eq!(selection.conditions.len(), 3);
        assert_eq!(selection.conditions[0], Condition::OneOf("state", vec!["queued".into(), "printing".into()]));
    }

    #[test]
    fn an_unknown_filter_or_a_wild_limit_is_refused_by_name() {
        for (name, value) in
            [("stat", "x"), ("limit", "0"), ("limit", "201"), ("sort", "banana"), ("offset", "3"), ("priority", "x")]
        {
            let problem = parse(&[(name, value)]).unwrap_err();
            assert_eq!(problem.errors[0].pointer, format!("query/{name}"));
        }
    }

    #[test]
    fn a_parameter_that_is_given_twice_is_refused_by_name() {
        let problem = parse(&[("limit", "1"), ("limit", "2")]).unwrap_err();
        assert_eq!(problem.errors[0].pointer, "query/limit");
        assert!(parse(&[("metadata.a", "1"), ("metadata.b", "2")]).is_ok());
    }

    #[test]
    fn more_conditions_or_words_than_a_database_takes_are_the_callers_mistake() {
        assert!(parse(&[("state", &vec!["x"; 201].join(","))]).is_err());
        assert!(parse(&[("state", &vec!["x"; 200].join(","))]).is_ok());
        let names: Vec<String> = (0..51).map(|n| format!("metadata.{n}")).collect();
        let many: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "x")).collect();
        assert!(parse(&many).is_err());
    }
}
