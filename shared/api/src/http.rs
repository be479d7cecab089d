//! The HTTP door: routes out of the registry, answers and problems as they go over the wire, and the
//! headers that keep a browser safe.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, FromRequestParts, RawPathParams, Request};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodFilter, any, get, on};
use contract::operation::{Method, OperationRow};
use contract::problem::{Code, Problem};
use domain::access::Access;
use http::{HeaderName, HeaderValue, StatusCode, header};
use serde::Serialize;
use serde_json::Value;
use tracing::Instrument;

use crate::address::Way;
use crate::auth::from_own_page;
use crate::bulk;
use crate::door::Door;
use crate::forward::Freshness;
use crate::limits::{Seen, admit};
use crate::pipeline::Operation;
use crate::presence;
use crate::registry::registry;
use crate::request::Incoming;

/// An answer before it goes over the wire.
#[derive(Debug, Clone, Default)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The body; null = none.
    pub body: Value,
    /// The revision of the thing that is answered: its ETag.
    pub revision: Option<u64>,
    /// What a browser is to keep.
    pub cookies: Vec<String>,
    /// It was given before.
    pub replayed: bool,
    /// How fresh the copy is that it was read from, if it was one.
    pub freshness: Option<Freshness>,
}

impl Answer {
    /// The answer of a reply.
    ///
    /// # Errors
    /// `internal` if it cannot be written as JSON.
    pub fn of<T: Serialize>(status: u16, reply: &T) -> Result<Self, Problem> {
        let body = serde_json::to_value(reply).map_err(|error| crate::auth::internal(&error))?;
        let revision = body.get("revision").and_then(Value::as_u64);
        Ok(Self { status, body, revision, ..Self::default() })
    }
}

/// The answer as a response.
pub fn respond(answer: Answer) -> Response {
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = if status == StatusCode::NO_CONTENT {
        status.into_response()
    } else {
        (status, axum::Json(&answer.body)).into_response()
    };
    let headers = response.headers_mut();
    if let Some(etag) = answer.revision.and_then(|revision| HeaderValue::from_str(&format!("\"{revision}\"")).ok()) {
        headers.insert(header::ETAG, etag);
    }
    for cookie in answer.cookies.iter().filter_map(|cookie| HeaderValue::from_str(cookie).ok()) {
        headers.append(header::SET_COOKIE, cookie);
    }
    if answer.replayed {
        headers.insert(HeaderName::from_static("idempotent-replayed"), HeaderValue::from_static("true"));
    }
    if let Some(Freshness { as_of, away_since }) = answer.freshness {
        let mut put = |name: &'static str, value: String| {
            if let Ok(value) = HeaderValue::from_str(&value) {
                headers.insert(HeaderName::from_static(name), value);
            }
        };
        put("gantry-as-of", as_of.to_string());
        if let Some(since) = away_since {
            put("gantry-farm", format!("offline; since={since}"));
        }
    }
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// A problem as a response.
pub fn refuse(problem: &Problem) -> Response {
    let status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let body = serde_json::to_vec(problem).unwrap_or_default();
    let mut response = (status, [(header::CONTENT_TYPE, "application/problem+json")], body).into_response();
    if problem.code == Code::Unauthenticated || problem.code == Code::BadCredential {
        response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    if let Some(seconds) = problem.retry_after_seconds {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    if problem.code == Code::ContentOnItsWay {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
    }
    response
}

/// The whole door.
pub fn router(door: Arc<Door>) -> Router {
    let mut router = Router::new();
    for operation in registry() {
        let operation: Arc<dyn Operation> = Arc::from(operation);
        let row = *operation.row();
        if let Some(path) = row.bulk_path() {
            let (door, operation) = (Arc::clone(&door), Arc::clone(&operation));
            router = router.route(&path, on(MethodFilter::POST, move |request| bulk::serve(door, operation, request)));
        }
        let call_door = Arc::clone(&door);
        router = router.route(row.path, on(filter(row.method), move |request| serve(call_door, operation, request)));
    }
    router
        .route("/v1/", any(no_such_path))
        .route("/v1/{*rest}", any(no_such_path))
        .route("/healthz", get(|| async { "ok" }))
        .route("/openapi.json", get(|| async { ([(header::CONTENT_TYPE, "application/json")], crate::openapi::text()) }))
        .method_not_allowed_fallback(other_method)
        .layer(axum::middleware::from_fn(crate::ops::uploads::speak_tus))
        .layer(axum::middleware::map_response(safe_headers))
}

async fn no_such_path() -> Response {
    refuse(&Problem::new(Code::NoSuchPath))
}

/// What a path answers to a method that it does not take; axum adds `Allow`.
async fn other_method(method: http::Method) -> Response {
    if method == http::Method::OPTIONS {
        return StatusCode::NO_CONTENT.into_response();
    }
    refuse(&Problem::new(Code::MethodNotAllowed))
}

const fn filter(method: Method) -> MethodFilter {
    match method {
        Method::Get => MethodFilter::GET,
        Method::Post => MethodFilter::POST,
        Method::Patch => MethodFilter::PATCH,
        Method::Delete => MethodFilter::DELETE,
    }
}

async fn serve(door: Arc<Door>, operation: Arc<dyn Operation>, request: Request) -> Response {
    let row = *operation.row();
    carry(&Arc::clone(&door), &row, request, move |request, request_id, seen| async move {
        let (method, incoming) = open(&door, request).await?;
        if row.access == Access::Public {
            from_own_page(&door, &method, &incoming)?;
        }
        let caller = admit(&door, row.access == Access::Public, &method, &incoming, &seen)?;
        let kept = presence::used(&door, caller.as_ref(), &incoming.headers, incoming.https).await;
        let mut response = operation.call(&door, caller, &request_id, incoming).await?;
        if let Some(cookie) = kept.and_then(|cookie| HeaderValue::from_str(&cookie).ok()) {
            response.headers_mut().entry(header::SET_COOKIE).or_insert(cookie);
        }
        Ok(response)
    })
    .await
}

/// Carries one request: its id, its span, its problem, and what is counted of it.
pub async fn carry<F, R>(door: &Door, row: &OperationRow, request: Request, run: F) -> Response
where
    F: FnOnce(Request, String, Arc<Seen>) -> R,
    R: Future<Output = Result<Response, Problem>>,
{
    let mut random = [0; 8];
    store::Entropy::fill(&mut crate::entropy::SystemEntropy, &mut random);
    let request_id = format!("req_{:016x}", u64::from_be_bytes(random));
    let span = tracing::info_span!("call", operation = row.id, request_id);
    let seen = Arc::new(Seen::default());
    let mut response = match run(request, request_id.clone(), Arc::clone(&seen)).instrument(span).await {
        Ok(response) => response,
        Err(mut problem) => {
            problem.request_id = Some(request_id.clone());
            refuse(&problem)
        }
    };
    seen.settle(door, &mut response);
    if let Ok(id) = HeaderValue::from_str(&request_id) {
        response.headers_mut().insert(HeaderName::from_static("request-id"), id);
    }
    response
}

/// Takes a request apart.
///
/// # Errors
/// `malformed_request` if its path or query is no text.
pub async fn open(door: &Door, request: Request) -> Result<(http::Method, Incoming), Problem> {
    let (mut parts, body) = request.into_parts();
    let malformed = || Problem::new(Code::MalformedRequest);
    let params = RawPathParams::from_request_parts(&mut parts, &()).await.map_err(|_| malformed())?;
    let path: BTreeMap<String, String> = params.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    let query = axum::extract::Query::<Vec<(String, String)>>::try_from_uri(&parts.uri).map_err(|_| malformed())?.0;
    let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip());
    let Way { from, https } = peer.map_or_else(Way::default, |peer| door.proxies.way(peer, &parts.headers));
    let https = https.unwrap_or(door.https);
    Ok((parts.method, Incoming { path, query, headers: parts.headers, from, https, body }))
}

/// What a page may load and run: its own door's, and nothing of elsewhere.
const POLICY: &str = "default-src 'self'; img-src 'self' data: blob:; frame-ancestors 'none'; base-uri 'none'; object-src 'none'; form-action 'self'";
/// The same for a page whose libraries write styles as they go. No script is let in by that.
pub(crate) const POLICY_WITH_STYLES: &str = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; frame-ancestors 'none'; base-uri 'none'; object-src 'none'; form-action 'self'";

/// What a browser needs to be told, on every answer: also on those of a fallback that is added to the router.
pub async fn safe_headers(mut response: Response<Body>) -> Response<Body> {
    let headers = response.headers_mut();
    for (name, value) in [
        ("content-security-policy", POLICY),
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "no-referrer"),
        ("cross-origin-resource-policy", "same-origin"),
    ] {
        headers.entry(HeaderName::from_static(name)).or_insert(HeaderValue::from_static(value));
    }
    response
}
