//! The event log, and the live stream of it.

use domain::access::Access;
use domain::id::EventId;
use domain::permission::Permission;
use schemars::{JsonSchema, SchemaGenerator};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::Listed;
use crate::event::{Event, EventType};
use crate::list::{MAX_LIMIT, once, parameter, words};
use crate::operation::{Nothing, Of, QueryParts, Streamed};
use crate::problem::Problem;

/// A page of the log.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct EventPage {
    /// The events, oldest first.
    pub items: Vec<Event>,
    /// Where the next page begins; always there, so that one can wait for more.
    pub next_cursor: String,
    /// Events between the cursor and these were trimmed from the log: read the records anew.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub gap: bool,
}

/// Which part of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventQuery {
    /// The end of the page before; absent = the beginning of the log.
    pub cursor: Option<String>,
    /// The page's size.
    pub limit: usize,
    /// Only these types.
    pub types: Vec<EventType>,
    /// Only about this thing.
    pub subject: Option<String>,
}

fn types(value: &str) -> Result<Vec<EventType>, Problem> {
    let bad = |error: String| Problem::field("query/type", "invalid", error);
    words(value).map_err(bad)?.iter().map(|word| word.parse().map_err(bad)).collect()
}

impl QueryParts for EventQuery {
    fn parse(pairs: &[(String, String)]) -> Result<Self, Problem> {
        let mut query = Self { cursor: None, limit: 50, types: Vec::new(), subject: None };
        for (name, value) in once(pairs)? {
            match name {
                "cursor" => query.cursor = Some(value.to_owned()),
                "limit" => {
                    let limit = value.parse().ok().filter(|limit| (1..=MAX_LIMIT).contains(limit));
                    query.limit =
                        limit.ok_or_else(|| Problem::field("query/limit", "invalid", "must be a number from 1 to 200"))?;
                }
                "type" => query.types = types(value)?,
                "subject" => query.subject = Some(value.to_owned()),
                other => return Err(Problem::field(format!("query/{other}"), "unknown_field", "there is no such parameter")),
            }
        }
        Ok(query)
    }

    fn parameters(_: &mut SchemaGenerator) -> Vec<Value> {
        vec![
            parameter(
                "cursor",
                json!({"type": "string"}),
                "`next_cursor` of the page before; absent = the beginning. `now` = the end.",
            ),
            parameter("limit", json!({"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": 50}), "The page's size."),
            parameter("type", json!({"type": "string"}), "Only these types, separated by commas."),
            parameter("subject", json!({"type": "string"}), "Only about the thing of that id."),
        ]
    }
}

/// What the live stream carries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamQuery {
    /// Where to begin; absent = now. `Last-Event-ID` says the same after a break.
    pub cursor: Option<String>,
    /// Only these types of events.
    pub types: Vec<EventType>,
    /// Telemetry too.
    pub telemetry: bool,
}

impl QueryParts for StreamQuery {
    fn parse(pairs: &[(String, String)]) -> Result<Self, Problem> {
        let mut query = Self { cursor: None, types: Vec::new(), telemetry: true };
        for (name, value) in once(pairs)? {
            match (name, value) {
                ("cursor", cursor) => query.cursor = Some(cursor.to_owned()),
                ("type", words) => query.types = types(words)?,
                ("telemetry", "true") => query.telemetry = true,
                ("telemetry", "false") => query.telemetry = false,
                ("telemetry", _) => return Err(Problem::field("query/telemetry", "invalid", "must be true or false")),
                (other, _) => {
                    return Err(Problem::field(format!("query/{other}"), "unknown_field", "there is no such parameter"));
                }
            }
        }
        Ok(query)
    }

    fn parameters(_: &mut SchemaGenerator) -> Vec<Value> {
        vec![
            parameter("cursor", json!({"type": "string"}), "Where in the log to begin; absent = now."),
            parameter("type", json!({"type": "string"}), "Only these types, separated by commas."),
            parameter("telemetry", json!({"type": "boolean", "default": true}), "Live values of printers too."),
        ]
    }
}

/// An event type and what it says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EventTypeInfo {
    /// The type.
    #[serde(rename = "type")]
    pub event_type: EventType,
    /// What it says.
    pub text: String,
}

crate::operations! {
    /// Read the event log.
    ///
    /// The repair path for everything that a live reader missed: go on from `next_cursor`.
    ListEvents = "list_events" Get "/v1/events" {
        access: Access::Needs(Permission::EventView), home: Farm, nature: Read, ai: Read,
        target: Nothing, query: EventQuery, body: Nothing, reply: EventPage, status: 200
    }
    /// Show one event.
    GetEvent = "get_event" Get "/v1/events/{id}" {
        access: Access::Needs(Permission::EventView), home: Farm, nature: Read, ai: Read,
        target: Of<EventId>, query: Nothing, body: Nothing, reply: Event, status: 200
    }
    /// List the event types.
    ListEventTypes = "list_event_types" Get "/v1/event_types" {
        access: Access::Authenticated, home: Door, nature: Read, ai: Hidden,
        target: Nothing, query: Nothing, body: Nothing, reply: Listed<EventTypeInfo>, status: 200
    }
    /// Follow events and live values as they come (Server-Sent Events).
    ///
    /// Each message is an event of the log (`id:` is its cursor) or, as `event: telemetry`, the live values of one printer. What you may not see does not come.
    Stream = "stream" Get "/v1/stream" {
        access: Access::Authenticated, home: Door, nature: Live, ai: Hidden,
        target: Nothing, query: StreamQuery, body: Streamed, reply: Nothing, status: 200
    }
}
