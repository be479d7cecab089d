//! What an operation is on the outside: its row in the registry and its types. A request is three
//! types without flatten: where (target), how (query), what (body). `If-Match`, `Idempotency-Key`,
//! `dry_run` and `Prefer: wait` belong to the pipeline and appear in no row.

mod request;

use domain::access::Access;
use schemars::{JsonSchema, SchemaGenerator};
use serde::Serialize;
use serde_json::Value;

pub use request::{
    BodyForm, BodyParts, Json, JsonError, Nothing, Of, PathParts, QueryParts, Streamed, from_json, given, present,
};

/// HTTP's method.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Method {
    /// Reads.
    Get,
    /// Makes, or does.
    Post,
    /// Changes (JSON Merge Patch, RFC 7396).
    Patch,
    /// Removes.
    Delete,
}

impl Method {
    /// The word on the wire.
    pub const fn word(self) -> &'static str {
        match self {
            Method::Get => "GET",
            Method::Post => "POST",
            Method::Patch => "PATCH",
            Method::Delete => "DELETE",
        }
    }
}

/// Where the facts live that an operation reads or changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Home {
    /// The farm: written by its agent alone.
    Farm,
    /// The account: written by the relay, or by the agent of a farm that was never claimed.
    Account,
    /// Neither: the answer is the same everywhere, or belongs to the door that was asked.
    Door,
}

/// What it does, and what happens at the relay while the farm is away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Nature {
    /// Reads: the relay answers from its copy.
    Read,
    /// Writes: accepted at the relay with the id that the thing will have.
    Mailbox,
    /// Writes: refused at the relay while the farm is away.
    Refused,
    /// Asks the floor itself: never copied, never kept.
    Live,
}

/// What an AI agent gets of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Ai {
    /// A tool to read with.
    Read,
    /// A tool that changes facts but moves nothing.
    Write,
    /// A tool that moves machines: only after a person's yes.
    Approval,
    /// No tool.
    Hidden,
}

/// An operation's row.
pub trait Contract: Send + Sync + Sized + 'static {
    /// Its name: verb and noun.
    const ID: &'static str;
    /// The method.
    const METHOD: Method;
    /// The path, with `{id}` where the target stands.
    const PATH: &'static str;
    /// One sentence.
    const SUMMARY: &'static str;
    /// When to use it, and what to know.
    const ABOUT: &'static str;
    /// Who may call it.
    const ACCESS: Access;
    /// Where its facts live.
    const HOME: Home;
    /// What it does.
    const NATURE: Nature;
    /// What an AI agent gets of it.
    const AI: Ai;
    /// The status of success.
    const STATUS: u16;
    /// `dry_run=true` tells what would happen and changes nothing.
    const DRY_RUN: bool;
    /// The verb of `POST /v1/{noun}/actions/{verb}`, where it can be done to many at once.
    const BULK: Option<&'static str>;
    /// Where.
    type Target: PathParts;
    /// How.
    type Query: QueryParts;
    /// What.
    type Body: BodyParts;
    /// The answer.
    type Reply: Serialize + JsonSchema + Send + 'static;
}

/// An operation's row as data: what routes, documents, tables and tools are made of.
#[derive(Clone, Copy)]
pub struct OperationRow {
    /// Its name.
    pub id: &'static str,
    /// The method.
    pub method: Method,
    /// The path.
    pub path: &'static str,
    /// One sentence.
    pub summary: &'static str,
    /// When to use it.
    pub about: &'static str,
    /// Who may call it.
    pub access: Access,
    /// Where its facts live.
    pub home: Home,
    /// What it does.
    pub nature: Nature,
    /// What an AI agent gets of it.
    pub ai: Ai,
    /// The status of success.
    pub status: u16,
    /// Whether `dry_run=true` is understood.
    pub dry_run: bool,
    /// The verb for many at once.
    pub bulk: Option<&'static str>,
    /// How its body is read.
    pub body: BodyForm,
    /// The names in its path.
    pub path_names: &'static [&'static str],
    /// Its query parameters.
    pub parameters: fn(&mut SchemaGenerator) -> Vec<Value>,
    /// The schema of its body.
    pub body_schema: fn(&mut SchemaGenerator) -> Option<Value>,
    /// The schema of its answer.
    pub reply_schema: fn(&mut SchemaGenerator) -> Value,
}

impl OperationRow {
    /// The row of an operation.
    pub fn of<C: Contract>() -> Self {
        Self {
            id: C::ID,
            method: C::METHOD,
            path: C::PATH,
            summary: C::SUMMARY.trim_ascii(),
            about: C::ABOUT.trim_ascii(),
            access: C::ACCESS,
            home: C::HOME,
            nature: C::NATURE,
            ai: C::AI,
            status: C::STATUS,
            dry_run: C::DRY_RUN,
            bulk: C::BULK,
            body: C::Body::FORM,
            path_names: C::Target::NAMES,
            parameters: C::Query::parameters,
            body_schema: C::Body::schema,
            reply_schema: |generator| generator.subschema_for::<C::Reply>().to_value(),
        }
    }

    /// The plural noun of its path.
    pub fn noun(&self) -> &'static str {
        self.path.split('/').nth(2).unwrap_or_default()
    }

    /// The path for many at once, if there is one.
    pub fn bulk_path(&self) -> Option<String> {
        self.bulk.map(|verb| format!("/v1/{}/actions/{verb}", self.noun()))
    }
}

/// A request that has been read.
#[derive(Debug, Clone)]
pub struct Asked<C: Contract> {
    /// Where.
    pub target: C::Target,
    /// How.
    pub query: C::Query,
    /// What.
    pub body: C::Body,
}

/// Declares operations: one row each.
#[macro_export]
macro_rules! operations {
    ($(
        #[doc = $summary:literal]
        $(#[doc = $about:literal])*
        $name:ident = $id:literal $method:ident $path:literal {
            access: $access:expr, home: $home:ident, nature: $nature:ident, ai: $ai:ident,
            target: $target:ty, query: $query:ty, body: $body:ty, reply: $reply:ty, status: $status:literal
            $(, dry_run: $dry:literal)? $(, bulk: $bulk:literal)? $(,)?
        }
    )*) => {$(
        #[doc = $summary]
        $(#[doc = $about])*
        #[derive(Debug, Clone, Copy)]
        pub struct $name;

        impl $crate::operation::Contract for $name {
            const ID: &'static str = $id;
            const METHOD: $crate::operation::Method = $crate::operation::Method::$method;
            const PATH: &'static str = $path;
            const SUMMARY: &'static str = $summary;
            const ABOUT: &'static str = concat!("" $(, $about, "\n")*);
            const ACCESS: domain::access::Access = $access;
            const HOME: $crate::operation::Home = $crate::operation::Home::$home;
            const NATURE: $crate::operation::Nature = $crate::operation::Nature::$nature;
            const AI: $crate::operation::Ai = $crate::operation::Ai::$ai;
            const STATUS: u16 = $status;
            const DRY_RUN: bool = false $(|| $dry)?;
            const BULK: Option<&'static str> = { #[allow(unused_mut, unused_assignments)] let mut bulk = None; $(bulk = Some($bulk);)? bulk };
            type Target = $target;
            type Query = $query;
            type Body = $body;
            type Reply = $reply;
        }
    )*};
}
