//! The three parts of a request: where, how, what; and how each is read.

use std::collections::BTreeMap;

use schemars::{JsonSchema, SchemaGenerator};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_path_to_error::Segment;

use crate::problem::{Code, Problem};

/// The part of a request that stands in the path.
pub trait PathParts: Clone + Send + Sync + 'static {
    /// Reads it. What cannot be an id is a thing that does not exist.
    ///
    /// # Errors
    /// `not_found`.
    fn parse(parts: &BTreeMap<String, String>) -> Result<Self, Problem>;
    /// The names that stand in the path.
    const NAMES: &'static [&'static str];
}

/// The part of a request that stands behind the question mark.
pub trait QueryParts: Clone + Send + Sync + 'static {
    /// Reads it.
    ///
    /// # Errors
    /// `invalid_request` with the parameter that is unknown or wrong.
    fn parse(pairs: &[(String, String)]) -> Result<Self, Problem>;
    /// Its parameters for the OpenAPI document.
    fn parameters(generator: &mut SchemaGenerator) -> Vec<Value>;
}

/// The body of a request.
pub trait BodyParts: Clone + Send + Sync + 'static {
    /// How it is read.
    const FORM: BodyForm;
    /// Reads it from JSON.
    ///
    /// # Errors
    /// Where and how the JSON does not fit.
    fn parse(json: &[u8]) -> Result<Self, JsonError>;
    /// Its schema, if it is JSON.
    fn schema(generator: &mut SchemaGenerator) -> Option<Value>;
}

/// How a body is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyForm {
    /// There is none.
    Nothing,
    /// JSON.
    Json,
    /// Streamed by the operation itself.
    Bytes,
}

/// Why JSON was not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JsonError {
    /// JSON pointer to the place.
    pub pointer: String,
    /// What is wrong.
    pub detail: String,
    /// It is not JSON at all.
    pub syntax: bool,
}

impl JsonError {
    /// The error as a problem of a body, whose part at `pointer` was read.
    pub fn at(self, pointer: &str) -> Problem {
        if self.syntax {
            return Problem::new(Code::MalformedJson).detail(self.detail);
        }
        // serde ends its message with a place in the text that means nothing to a caller.
        let detail = self.detail.split(" at line ").next().unwrap_or_default();
        let code = if detail.starts_with("unknown field") {
            "unknown_field"
        } else if detail.starts_with("missing field") {
            "missing"
        } else if detail.starts_with("invalid type") || detail.starts_with("expected value") {
            "wrong_type"
        } else {
            "invalid"
        };
        Problem::field(format!("{pointer}{}", self.pointer), code, detail)
    }
}

/// Nothing at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Nothing {}

impl PathParts for Nothing {
    const NAMES: &'static [&'static str] = &[];
    fn parse(_: &BTreeMap<String, String>) -> Result<Self, Problem> {
        Ok(Self {})
    }
}

impl QueryParts for Nothing {
    fn parse(pairs: &[(String, String)]) -> Result<Self, Problem> {
        match pairs.first() {
            None => Ok(Self {}),
            Some((name, _)) => {
                Err(Problem::field(format!("query/{name}"), "unknown_field", "this operation has no such parameter"))
            }
        }
    }
    fn parameters(_: &mut SchemaGenerator) -> Vec<Value> {
        Vec::new()
    }
}

impl BodyParts for Nothing {
    const FORM: BodyForm = BodyForm::Nothing;
    fn parse(_: &[u8]) -> Result<Self, JsonError> {
        Ok(Self {})
    }
    fn schema(_: &mut SchemaGenerator) -> Option<Value> {
        None
    }
}

/// A body that the operation itself reads as a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Streamed;

impl BodyParts for Streamed {
    const FORM: BodyForm = BodyForm::Bytes;
    fn parse(_: &[u8]) -> Result<Self, JsonError> {
        Ok(Self)
    }
    fn schema(_: &mut SchemaGenerator) -> Option<Value> {
        None
    }
}

/// The one thing that the path names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Of<Id> {
    /// Its id.
    pub id: Id,
}

impl<I: domain::id::Id + Send + Sync + 'static> PathParts for Of<I> {
    const NAMES: &'static [&'static str] = &["id"];
    fn parse(parts: &BTreeMap<String, String>) -> Result<Self, Problem> {
        let text = parts.get("id").map(String::as_str).unwrap_or_default();
        let id = text.parse().map_err(|_| Problem::not_found(text.chars().take(80).collect::<String>()))?;
        Ok(Self { id })
    }
}

/// A JSON body.
pub trait Json: DeserializeOwned + JsonSchema + Clone + Send + Sync + 'static {}

impl<T: Json> BodyParts for T {
    const FORM: BodyForm = BodyForm::Json;

    fn parse(json: &[u8]) -> Result<Self, JsonError> {
        // serde reads a struct from a list too, by position: no document says so, so nobody shall rely on it.
        let object = json.trim_ascii_start().starts_with(b"{");
        if !object && serde_json::from_slice::<serde::de::IgnoredAny>(json).is_ok() {
            return Err(JsonError {
                pointer: String::new(),
                detail: "invalid type: the body must be an object".to_owned(),
                syntax: false,
            });
        }
        let mut deserializer = serde_json::Deserializer::from_slice(json);
        let value = from_json(&mut deserializer).map_err(|error| {
            // serde_json calls a list where a word is expected a fault of syntax.
            let syntax = error.syntax && serde_json::from_slice::<Value>(json).is_err();
            JsonError { syntax, ..error }
        })?;
        deserializer.end().map_err(|error| JsonError { pointer: String::new(), detail: error.to_string(), syntax: true })?;
        Ok(value)
    }

    fn schema(generator: &mut SchemaGenerator) -> Option<Value> {
        Some(generator.subschema_for::<T>().to_value())
    }
}

/// Reads JSON, and says where it does not fit.
///
/// # Errors
/// Where and how.
pub fn from_json<'de, T: Deserialize<'de>, D>(json: D) -> Result<T, JsonError>
where
    D: serde::Deserializer<'de, Error = serde_json::Error>,
{
    serde_path_to_error::deserialize(json).map_err(|error| {
        let steps = error.path().iter().map(|step| match step {
            Segment::Seq { index } => format!("/{index}"),
            Segment::Map { key } | Segment::Enum { variant: key } => format!("/{}", key.replace('~', "~0").replace('/', "~1")),
            Segment::Unknown => "/?".to_owned(),
        });
        let pointer = steps.collect();
        let inner = error.into_inner();
        let syntax = match inner.classify() {
            serde_json::error::Category::Data => false,
            serde_json::error::Category::Io | serde_json::error::Category::Syntax | serde_json::error::Category::Eof => true,
        };
        JsonError { pointer, detail: inner.to_string(), syntax }
    })
}

/// For fields of a merge patch that cannot be taken away: `null` is refused, not overlooked.
///
/// # Errors
/// What the field's own type says.
pub fn given<'de, T: Deserialize<'de>, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

/// For fields of a merge patch that may be `null`: outer none = not named, inner none = taken away.
///
/// # Errors
/// What the field's own type says.
pub fn present<'de, T: Deserialize<'de>, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Option<T>>, D::Error> {
    Option::<T>::deserialize(deserializer).map(Some)
}
