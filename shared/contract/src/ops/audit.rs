//! The audit log: who changed what, from where, and whether the record of it is whole.

use domain::access::Access;
use domain::actor::{Actor, ActorKind};
use domain::id::FarmId;
use domain::kind::Kind;
use domain::permission::Permission;
use domain::time::Timestamp;
use schemars::{JsonSchema, SchemaGenerator};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::list::{DEFAULT_LIMIT, MAX_LIMIT, once, parameter};
use crate::operation::{Nothing, QueryParts, Streamed};
use crate::problem::Problem;
use crate::record::Document;

/// What was done: what an entry says and its hash covers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RecordedEntry {
    /// When.
    pub at: Timestamp,
    /// Who.
    pub actor: Actor,
    /// From where: the network address, or the door.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// What was done: the operation's name; what a farm does itself begins with `farm.`.
    pub operation: String,
    /// On which thing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// The request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// The request's body without its secrets.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub asked: Value,
    /// The records that changed with it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<AuditChange>,
    /// So many more changed than are named here.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub more_changes: u64,
}

/// How a record was before and after: the fields that differ, without secrets.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AuditChange {
    /// Its kind.
    pub kind: Kind,
    /// Its id.
    pub id: String,
    /// What became of it.
    pub became: Became,
    /// Its fields before, as far as they changed.
    #[serde(default, skip_serializing_if = "Document::is_empty")]
    #[schemars(with = "serde_json::Map<String, Value>")]
    pub before: Document,
    /// Its fields after, as far as they changed.
    #[serde(default, skip_serializing_if = "Document::is_empty")]
    #[schemars(with = "serde_json::Map<String, Value>")]
    pub after: Document,
    /// Something was too long to be kept.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub cut: bool,
}

/// What became of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Became {
    /// It was made.
    Created,
    /// It was changed.
    Updated,
    /// It was removed.
    Deleted,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn is_zero(count: &u64) -> bool {
    *count == 0
}

/// An entry with its place in the chain of its home.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ChainedEntry {
    /// Whose chain: a farm's, or a store's for its accounts.
    pub home: String,
    /// Its number in the chain.
    pub number: u64,
    /// Its hash, which covers every entry before it.
    pub hash: String,
    /// What was done.
    #[serde(flatten)]
    pub entry: RecordedEntry,
}

/// A page of the audit.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct AuditPage {
    /// The entries, newest first. A farm of a newer version may use words that are not known here.
    #[schemars(with = "Vec<ChainedEntry>")]
    pub items: Vec<Document>,
    /// Where the next page begins; absent = that was all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
    /// Farms that are away: their entries are left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing_farms: Vec<FarmId>,
}

/// Which entries.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AuditFilter {
    /// Of that actor, by id.
    pub actor: Option<String>,
    /// Of that kind of actor.
    pub actor_kind: Option<ActorKind>,
    /// Of that operation.
    pub operation: Option<String>,
    /// About that thing.
    pub subject: Option<String>,
    /// From that address.
    pub from: Option<String>,
    /// Of that request.
    pub request_id: Option<String>,
    /// In the chain of that home.
    pub home: Option<String>,
    /// At that moment or later.
    pub since: Option<Timestamp>,
    /// Before that moment.
    pub until: Option<Timestamp>,
}

impl AuditFilter {
    /// Takes a parameter, if it is one of the filter's. Says whether it was.
    fn take(&mut self, name: &str, value: &str) -> Result<bool, Problem> {
        let moment = || value.parse().map_err(|error| Problem::field(format!("query/{name}"), "invalid", error));
        match name {
            "actor" => self.actor = Some(value.to_owned()),
            "actor_kind" => {
                let kind = ActorKind::deserialize(Value::from(value));
                self.actor_kind = Some(kind.map_err(|error| Problem::field("query/actor_kind", "invalid", error))?);
            }
            "operation" => self.operation = Some(value.to_owned()),
            "subject" => self.subject = Some(value.to_owned()),
            "from" => self.from = Some(value.to_owned()),
            "request_id" => self.request_id = Some(value.to_owned()),
            "home" => self.home = Some(value.to_owned()),
            "since" => self.since = Some(moment()?),
            "until" => self.until = Some(moment()?),
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// The filter as parameters of a query.
    pub fn pairs(&self) -> Vec<(String, String)> {
        let kind = self.actor_kind.and_then(|kind| serde_json::to_value(kind).ok()?.as_str().map(str::to_owned));
        let pairs = [
            ("actor", self.actor.clone()),
            ("actor_kind", kind),
            ("operation", self.operation.clone()),
            ("subject", self.subject.clone()),
            ("from", self.from.clone()),
            ("request_id", self.request_id.clone()),
            ("home", self.home.clone()),
            ("since", self.since.map(String::from)),
            ("until", self.until.map(String::from)),
        ];
        pairs.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
    }

    fn parameters(generator: &mut SchemaGenerator) -> Vec<Value> {
        let word = || json!({"type": "string"});
        let moment = || json!({"type": "string", "format": "date-time"});
        vec![
            parameter("actor", word(), "Of the actor with that id."),
            parameter("actor_kind", generator.subschema_for::<ActorKind>().to_value(), "Of that kind of actor."),
            parameter("operation", word(), "Of that operation."),
            parameter("subject", word(), "About the thing of that id."),
            parameter("from", word(), "From that address."),
            parameter("request_id", word(), "Of that request."),
            parameter("home", word(), "In the chain of that home: a farm's id, or the store's for its accounts."),
            parameter("since", moment(), "At that moment or later."),
            parameter("until", moment(), "Before that moment."),
        ]
    }
}

fn unknown(name: &str) -> Problem {
    Problem::field(format!("query/{name}"), "unknown_field", "there is no such parameter")
}

/// Which page of the audit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditQuery {
    /// Which entries.
    pub filter: AuditFilter,
    /// The end of the page before.
    pub cursor: Option<String>,
    /// The most entries of a page; it may have fewer, and another after it.
    pub limit: usize,
}

impl QueryParts for AuditQuery {
    fn parse(pairs: &[(String, String)]) -> Result<Self, Problem> {
        let mut query = Self { filter: AuditFilter::default(), cursor: None, limit: DEFAULT_LIMIT };
        for (name, value) in once(pairs)? {
            match name {
                "cursor" => query.cursor = Some(value.to_owned()),
                "limit" => {
                    let limit = value.parse().ok().filter(|limit| (1..=MAX_LIMIT).contains(limit));
                    query.limit =
                        limit.ok_or_else(|| Problem::field("query/limit", "invalid", "must be a number from 1 to 200"))?;
                }
                name if query.filter.take(name, value)? => {}
                name => return Err(unknown(name)),
            }
        }
        Ok(query)
    }

    fn parameters(generator: &mut SchemaGenerator) -> Vec<Value> {
        let limit = json!({"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT});
        let mut list = vec![
            parameter("limit", limit, "The most entries of a page; it may have fewer, and another after it."),
            parameter("cursor", json!({"type": "string"}), "`next_cursor` of the page before."),
        ];
        list.extend(AuditFilter::parameters(generator));
        list
    }
}

/// How an export is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AuditFormat {
    /// One document with a list.
    Json,
    /// A line of JSON for each entry.
    Jsonl,
    /// A table for spreadsheets (RFC 4180).
    Csv,
}

impl AuditFormat {
    /// The media type.
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Jsonl => "application/jsonl",
            Self::Csv => "text/csv",
        }
    }

    /// The first of an `Accept` header that is known here.
    pub fn accepted(accept: &str) -> Option<Self> {
        accept.split(',').find_map(|part| match part.split(';').next().unwrap_or_default().trim() {
            "application/json" => Some(Self::Json),
            "application/jsonl" | "application/x-ndjson" => Some(Self::Jsonl),
            "text/csv" => Some(Self::Csv),
            _ => None,
        })
    }
}

/// What is exported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExportQuery {
    /// Which entries.
    pub filter: AuditFilter,
    /// How; else as `Accept` says; else JSON.
    pub format: Option<AuditFormat>,
}

impl QueryParts for ExportQuery {
    fn parse(pairs: &[(String, String)]) -> Result<Self, Problem> {
        let mut query = Self { filter: AuditFilter::default(), format: None };
        for (name, value) in once(pairs)? {
            match name {
                "format" => {
                    let format = AuditFormat::deserialize(Value::from(value));
                    let bad = |_| Problem::field("query/format", "invalid", "must be json, jsonl or csv");
                    query.format = Some(format.map_err(bad)?);
                }
                name if query.filter.take(name, value)? => {}
                name => return Err(unknown(name)),
            }
        }
        Ok(query)
    }

    fn parameters(generator: &mut SchemaGenerator) -> Vec<Value> {
        let formats = json!({"type": "string", "enum": ["json", "jsonl", "csv"]});
        let mut list = vec![parameter("format", formats, "How it is written; absent = as `Accept` says, else JSON.")];
        list.extend(AuditFilter::parameters(generator));
        list
    }
}

/// Whether the chains are whole.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct AuditVerification {
    /// Each chain.
    pub chains: Vec<ChainVerified>,
    /// Farms that are away: their chains were not looked at.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing_farms: Vec<FarmId>,
}

/// Whether one chain is whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ChainVerified {
    /// Whose chain.
    pub home: String,
    /// Whether every entry that should be there is there, unchanged.
    pub whole: bool,
    /// The number of the first entry that does not fit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub broken_at: Option<u64>,
    /// What is wrong, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
    /// Entries that were looked at.
    pub entries: u64,
    /// The number of the newest entry.
    pub last: u64,
    /// Its hash. Who wrote it down elsewhere can tell later that nothing before it was changed.
    pub hash: String,
    /// What was trimmed, and when; the newest last.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub trimmed: Vec<AuditCheckpoint>,
}

/// What is left of entries that were trimmed: signed, so that nobody else can trim.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AuditCheckpoint {
    /// The last entry that was removed.
    pub number: u64,
    /// Its hash.
    pub hash: String,
    /// When it was removed.
    pub at: Timestamp,
    /// How many were removed at that time.
    pub removed: u64,
    /// The Ed25519 signature of the door that removed them.
    pub signature: String,
}

impl AuditCheckpoint {
    /// What is signed.
    pub fn message(&self, home: &str) -> Vec<u8> {
        let Self { number, hash, at, removed, signature: _ } = self;
        format!("gantry audit checkpoint 1\n{home}\n{number}\n{hash}\n{at}\n{removed}\n").into_bytes()
    }
}

crate::operations! {
    /// List who changed what, newest first.
    ///
    /// Each home has a chain of its own: every farm, and the store for its accounts. They are read as one list. A relay asks the
    /// farms; one that is away is named in `missing_farms`, and its entries are left out.
    ListAudit = "list_audit" Get "/v1/audit_entries" {
        access: Access::Needs(Permission::AuditView), home: Farm, nature: Read, ai: Hidden,
        target: Nothing, query: AuditQuery, body: Nothing, reply: AuditPage, status: 200
    }
    /// Write the audit into a file: JSON, a line of JSON for each entry, or a table.
    ///
    /// It is written as it is read, however long it is. `Gantry-Missing-Farms` names the farms that are away; an export that breaks
    /// off is not whole.
    ExportAudit = "export_audit" Get "/v1/audit_entries/export" {
        access: Access::Needs(Permission::AuditView), home: Farm, nature: Read, ai: Hidden,
        target: Nothing, query: ExportQuery, body: Streamed, reply: Nothing, status: 200
    }
    /// Tell whether every entry is there, unchanged.
    ///
    /// Reads the chains whole: it may take seconds. What was trimmed is told by its signed checkpoint.
    VerifyAudit = "verify_audit" Get "/v1/audit_entries/verification" {
        access: Access::Needs(Permission::AuditView), home: Farm, nature: Read, ai: Hidden,
        target: Nothing, query: Nothing, body: Nothing, reply: AuditVerification, status: 200
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_is_read_back_from_its_own_pairs() {
        let pairs: Vec<(String, String)> = [
            ("actor", "usr_1"),
            ("actor_kind", "user"),
            ("operation", "create_part"),
            ("subject", "part_1"),
            ("from", "10.0.0.1"),
            ("request_id", "req_1"),
            ("home", "farm_1"),
            ("since", "2026-11-24T06:00:00.000Z"),
            ("until", "2026-11-25T06:00:00.000Z"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .to_vec();
        let filter = AuditQuery::parse(&pairs).unwrap().filter;
        assert_eq!(filter.pairs(), pairs);
    }

    #[test]
    fn what_makes_no_sense_is_refused_with_its_place() {
        for (name, value) in [("limit", "201"), ("limit", "0"), ("actor_kind", "ghost"), ("since", "yesterday"), ("who", "me")] {
            let problem = AuditQuery::parse(&[(name.to_owned(), value.to_owned())]).unwrap_err();
            assert_eq!(problem.errors[0].pointer, format!("query/{name}"), "{name}={value}");
        }
        assert!(ExportQuery::parse(&[("format".to_owned(), "xml".to_owned())]).is_err());
    }

    #[test]
    fn the_first_known_word_of_accept_tells_the_format() {
        for (accept, expected) in [
            ("text/html, text/csv;q=0.9", Some(AuditFormat::Csv)),
            ("application/x-ndjson", Some(AuditFormat::Jsonl)),
            ("*/*", None),
        ] {
            assert_eq!(AuditFormat::accepted(accept), expected, "{accept}");
        }
    }
}
