//! Reading a request: from bytes to types, with one problem that says what is wrong where.

use std::collections::BTreeMap;
use std::net::IpAddr;

use axum::body::Body;
use contract::operation::{Asked, BodyForm, BodyParts, Contract, Home, Nature, PathParts, QueryParts};
use contract::problem::{Code, Problem};
use domain::id::FarmId;
use http::HeaderMap;
use serde_json::{Value, json};
use store::credential_hash;

use crate::auth::{cookie, known_cookie_name};
use crate::door::Door;

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
    /// The address that it came from, as far as that is known.
    pub from: Option<IpAddr>,
    /// Whether the caller speaks TLS, to this door or to a trusted proxy.
    pub https: bool,
    /// The body.
    pub body: Body,
}

/// What a browser tells of itself beside its call.
#[derive(Debug, Clone, Default)]
pub struct Browser {
    /// The hash of what it keeps of having been signed in.
    pub known: Option<[u8; 32]>,
    /// What it calls itself.
    pub user_agent: Option<String>,
    /// It is on the farm's own network, as far as can be told.
    pub at_the_farm: bool,
}

impl Browser {
    fn of(door: &Door, incoming: &Incoming) -> Self {
        let text = |name: &str| incoming.headers.get(name).and_then(|value| value.to_str().ok());
        let known = cookie(&incoming.headers, known_cookie_name(door, incoming.https)).map(credential_hash);
        let user_agent = text("user-agent").map(|agent| agent.chars().filter(|c| !c.is_control()).take(200).collect());
        Self { known, user_agent, at_the_farm: door.people.at_the_farm(door, &incoming.headers, incoming.from) }
    }
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
    /// `farm_id=`, where the path names nothing that tells the farm.
    pub farm: Option<FarmId>,
    /// What a browser tells of itself.
    pub browser: Browser,
    /// Whether the caller speaks TLS.
    pub https: bool,
}

/// Reads what belongs to the pipeline; takes `dry_run` and `farm_id` out of the query.
///
/// # Errors
/// `invalid_request` on what cannot be; `not_found` for a farm that is not at this door.
pub fn how<C: Contract>(door: &Door, incoming: &mut Incoming) -> Result<How, Problem> {
    let text = |name: &str| header(&incoming.headers, name);
    let idempotency_key = idempotency_key(&incoming.headers)?;
    let if_match = match text("if-match")? {
        None | Some("*") => None,
        Some(tag) => {
            let bare = tag.strip_prefix('"').and_then(|tag| tag.strip_suffix('"')).unwrap_or(tag);
            Some(bare.parse().map_err(|_| Problem::field("header/if-match", "invalid", "must be the ETag of the thing"))?)
        }
    };
    let wait_seconds = match text("prefer")? {
        None => 5,
        Some(prefer) => {
            prefer.split([',', ';']).find_map(|part| part.trim().strip_prefix("wait=")?.parse::<u64>().ok()).unwrap_or(5).min(60)
        }
    };
    let mut dry_run = false;
    if C::DRY_RUN {
        let bad = |detail| Err(Problem::field("query/dry_run", "invalid", detail));
        let given: Vec<String> = incoming.query.extract_if(.., |(name, _)| name == "dry_run").map(|(_, value)| value).collect();
        dry_run = match given.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
            [] | ["false"] => false,
            ["true"] => true,
            [_] => return bad("must be true or false"),
            _ => return bad("is given twice"),
        };
    }
    let farm = farm::<C>(door, &mut incoming.query)?;
    let (browser, https) = (Browser::of(door, incoming), incoming.https);
    Ok(How { idempotency_key, if_match, dry_run, wait_seconds, farm, browser, https })
}

/// The farm that is asked for. An agent is one farm; a list reads them all.
fn farm<C: Contract>(door: &Door, query: &mut Vec<(String, String)>) -> Result<Option<FarmId>, Problem> {
    let names_one = C::HOME == Home::Farm && C::NATURE != Nature::Read && C::Target::NAMES.is_empty();
    if !names_one {
        return Ok(None);
    }
    let given: Vec<String> = query.extract_if(.., |(name, _)| name == "farm_id").map(|(_, value)| value).collect();
    let farm: FarmId = match given.as_slice() {
        [] => return Ok(None),
        [farm] => farm.parse().map_err(|_| Problem::not_found(farm.chars().take(80).collect::<String>()))?,
        _ => return Err(Problem::field("query/farm_id", "invalid", "is given twice")),
    };
    if door.farm.is_some() && farm != door.home().farm_id {
        return Err(Problem::not_found(farm));
    }
    Ok(Some(farm))
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Result<Option<&'a str>, Problem> {
    let plain = |value: &'a http::HeaderValue| {
        value.to_str().map_err(|_| Problem::field(format!("header/{name}"), "invalid", "must be plain text"))
    };
    headers.get(name).map(plain).transpose()
}

/// The `Idempotency-Key`, if there is one.
///
/// # Errors
/// `invalid_request` if it is empty or too long.
pub fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    match header(headers, "idempotency-key")? {
        Some(key) if key.is_empty() || key.len() > 255 => {
            Err(Problem::field("header/idempotency-key", "invalid", "must have 1 to 255 characters"))
        }
        key => Ok(key.map(str::to_owned)),
    }
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
            let body = parse::<C::Body>(&json)?;
            let sent = serde_json::from_slice(&json).unwrap_or_default();
            check_sizes(&sent, &mut String::new())?;
            (body, sent)
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
        Ok(Err(error)) if is_too_large(&error) => {
            Err(Problem::new(Code::BodyTooLarge).detail(format!("at most {MAX_BODY} bytes")))
        }
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
    B::parse(json).map_err(|error| error.at(""))
}

/// The longest text and the longest list of a body: what is kept is told again in every list and event.
const LONGEST_TEXT: usize = 2000;
const LONGEST_LIST: usize = 500;

/// Texts and lists that no field means: too long, or with a NUL, which other programs take for an end.
fn check_sizes(value: &Value, pointer: &mut String) -> Result<(), Problem> {
    let bad = |pointer: &str, detail: String| Err(Problem::field(pointer, "invalid", detail));
    let length = pointer.len();
    let mut inner = |step: &str, value: &Value| {
        pointer.truncate(length);
        pointer.push('/');
        pointer.push_str(step);
        check_sizes(value, pointer)
    };
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => Ok(()),
        Value::String(text) if text.contains('\0') => bad(pointer, "must not contain NUL".to_owned()),
        Value::String(text) if text.len() > LONGEST_TEXT * 4 || text.chars().count() > LONGEST_TEXT => {
            bad(pointer, format!("at most {LONGEST_TEXT} characters"))
        }
        Value::String(_) => Ok(()),
        Value::Array(items) if items.len() > LONGEST_LIST => bad(pointer, format!("at most {LONGEST_LIST} items")),
        Value::Array(items) => items.iter().enumerate().try_for_each(|(i, item)| inner(&i.to_string(), item)),
        Value::Object(fields) => fields.iter().try_for_each(|(name, field)| inner(name, field)),
    }
}
