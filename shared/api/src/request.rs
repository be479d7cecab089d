//! Reading a request: from bytes to types, with one problem that says what is wrong where.

use std::collections::BTreeMap;

use axum::body::Body;
use contract::operation::{Asked, BodyForm, BodyParts, Contract, PathParts, QueryParts};
use contract::problem::{Code, FieldError, Problem};
use http::HeaderMap;
use serde_json::{Value, json};

/// The largest body but for files.
pub const MAX_BODY: usize = 1024 * 1024;
/// How long a body may take to arrive.
const BODY_TIME: std::time::Duration = std::time::Duration::from_secs(30);

/// A request as it came in.
pub struct Incoming {
    /// Names and values of the path.
    pub path: BTreeMap<String, String>,
    /// Pairs of the query.
    pub query: Vec<(String, String)>,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Body,
}

/// What belongs to the pipeline and to no operation.
#[derive(Debug, Clone, Default)]
pub struct How {
    /// `Idempotency-Key`.
    pub idempotency_key: Option<String>,
    /// `If-Match`.
    pub if_match: Option<u64>,
    /// `dry_run=true`.
    pub dry_run: bool,
    /// `Prefer: wait=N`, in seconds.
    pub wait_seconds: u64,
}

/// Reads what belongs to the pipeline; takes `dry_run` out of the query.
///
/// # Errors
/// `invalid_request` on what cannot be.
pub fn how<C: Contract>(incoming: &mut Incoming) -> Result<How, Problem> {
    let text = |name: &str| match incoming.headers.get(name) {
        None => Ok(None),
        Some(value) => value.to_str().map(Some).map_err(|_| Problem::field(format!("header/{name}"), "invalid", "must be plain text")),
    };
    let idempotency_key = text("idempotency-key")?.map(str::to_owned);
    if idempotency_key.as_ref().is_some_and(|key| key.is_empty() || key.len() > 255) {
        return Err(Problem::field("header/idempotency-key", "invalid", "must have 1 to 255 characters"));
    }
    let if_match = match text("if-match")? {
        None | Some("*") => None,
        Some(tag) => {
            let revision = tag.trim_matches('"').parse().map_err(|_| Problem::field("header/if-match", "invalid", "must be the ETag of the thing"))?;
            Some(revision)
        }
    };
    let wait_seconds = match text("prefer")? {
        None => 5,
        Some(prefer) => prefer.split([',', ';']).find_map(|part| part.trim().strip_prefix("wait=")?.parse::<u64>().ok()).unwrap_or(5).min(60),
    };
    let mut dry_run = false;
    if C::DRY_RUN {
        for (_, value) in incoming.query.extract_if(.., |(name, _)| name == "dry_run") {
            dry_run = match value.as_str() {
                "true" => true,
                "false" => false,
                _ => return Err(Problem::field("query/dry_run", "invalid", "must be true or false")),
            };
        }
    }
    Ok(How { idempotency_key, if_match, dry_run, wait_seconds })
}

/// Reads where, how and what. The body's JSON comes along for the idempotency hash and the audit.
///
/// # Errors
/// The problem.
pub async fn read<C: Contract>(incoming: Incoming) -> Result<(Asked<C>, Value), Problem> {
    let target = C::Target::parse(&incoming.path)?;
    let query = C::Query::parse(&incoming.query)?;
    let (body, sent) = match C::Body::FORM {
        BodyForm::Nothing => {
            nothing(incoming.body).await?;
            (parse::<C::Body>(b"{}")?, Value::Null)
        }
        BodyForm::Json => {
            let json = json_bytes(&incoming.headers, incoming.body).await?;
            (parse::<C::Body>(&json)?, serde_json::from_slice(&json).unwrap_or_default())
        }
        BodyForm::Bytes => (parse::<C::Body>(b"{}")?, Value::Null),
    };
    let canonical = json!({"path": incoming.path, "query": incoming.query, "body": sent});
    Ok((Asked { target, query, body }, canonical))
}

/// A body that must not be there.
async fn nothing(body: Body) -> Result<(), Problem> {
    let bytes = bytes(body).await?;
    if bytes.iter().all(u8::is_ascii_whitespace) || serde_json::from_slice(&bytes).is_ok_and(|value: Value| value == json!({})) {
        Ok(())
    } else {
        Err(Problem::new(Code::InvalidRequest).detail("this operation takes no body"))
    }
}

async fn bytes(body: Body) -> Result<Vec<u8>, Problem> {
    let read = tokio::time::timeout(BODY_TIME, axum::body::to_bytes(body, MAX_BODY)).await;
    match read {
        Ok(Ok(bytes)) => Ok(bytes.to_vec()),
        Ok(Err(error)) if is_too_large(&error) => Err(Problem::new(Code::BodyTooLarge).detail(format!("at most {MAX_BODY} bytes"))),
        Ok(Err(_)) => Err(Problem::new(Code::MalformedRequest).detail("the body broke off")),
        Err(_) => Err(Problem::new(Code::MalformedRequest).detail("the body took longer than 30 seconds")),
    }
}

fn is_too_large(error: &axum::Error) -> bool {
    let mut source: Option<&dyn std::error::Error> = Some(error);
    while let Some(cause) = source {
        if cause.to_string().contains("length limit exceeded") {
            return true;
        }
        source = cause.source();
    }
    false
}

/// The bytes of a JSON body; none at all is an empty object.
///
/// # Errors
/// `body_too_large`, `unsupported_media_type` or `malformed_json`.
pub async fn json_bytes(headers: &HeaderMap, body: Body) -> Result<Vec<u8>, Problem> {
    let bytes = bytes(body).await?;
    if bytes.is_empty() {
        return Ok(b"{}".to_vec());
    }
    let media = headers.get(http::header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let media = media.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    if media != "application/json" && media != "application/merge-patch+json" {
        return Err(Problem::new(Code::UnsupportedMediaType).detail("send application/json"));
    }
    serde_json::from_slice::<serde::de::IgnoredAny>(&bytes).map_err(|error| Problem::new(Code::MalformedJson).detail(error))?;
    Ok(bytes)
}

/// A body from JSON, with its errors as a problem.
///
/// # Errors
/// `malformed_json` or `invalid_request`.
pub fn parse<B: BodyParts>(json: &[u8]) -> Result<B, Problem> {
    B::parse(json).map_err(|error| {
        if error.syntax {
            return Problem::new(Code::MalformedJson).detail(error.detail);
        }
        // serde ends its message with a place in the text that means nothing to a caller.
        let detail = error.detail.split(" at line ").next().unwrap_or_default().to_owned();
        let code = if detail.starts_with("unknown field") {
            "unknown_field"
        } else if detail.starts_with("missing field") {
            "missing"
        } else if detail.starts_with("invalid type") {
            "wrong_type"
        } else {
            "invalid"
        };
        let field = FieldError { pointer: error.pointer, code: code.to_owned(), detail };
        let mut problem = Problem::new(Code::InvalidRequest).detail(format!("{}: {}", field.pointer, field.detail));
        problem.errors.push(field);
        problem
    })
}
