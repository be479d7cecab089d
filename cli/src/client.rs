//! The client of the public API: one way to call every operation of the contract. Method and path come
//! from the operation's row, so no path is written here or in a verb. Requests are checked against the
//! contract before they are sent; answers stay JSON, because a newer agent may say more than this
//! program knows.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use contract::operation::{BodyForm, BodyParts, Contract, Method, PathParts, QueryParts};
use contract::ops::access::{CreateSession, DeleteOwnSession};
use reqwest::{RequestBuilder, Response, Url};
use serde_json::{Value, json};

use crate::failure::{Exit, Failure};

/// How long an answer may take; what is streamed takes as long as it takes.
const PATIENCE: Duration = Duration::from_secs(90);
/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(10);

/// What a call says: where, how and what.
#[derive(Debug, Clone, Default)]
pub struct Ask {
    id: Option<String>,
    query: Vec<(String, String)>,
    body: Option<Value>,
    idempotency_key: Option<String>,
    dry_run: bool,
}

impl Ask {
    /// Of everything.
    pub fn all() -> Self {
        Self::default()
    }

    /// Of that thing.
    pub fn of(id: impl Into<String>) -> Self {
        Self { id: Some(id.into()), ..Self::default() }
    }

    /// With that query parameter, if it has a value.
    #[must_use]
    pub fn query<T: ToString>(mut self, name: &str, value: Option<T>) -> Self {
        self.query.extend(value.map(|value| (name.to_owned(), value.to_string())));
        self
    }

    /// With that body.
    #[must_use]
    pub fn body(mut self, body: Value) -> Self {
        self.body = Some(body);
        self
    }

    /// Only told what would happen.
    #[must_use]
    pub fn dry_run(mut self, dry_run: bool) -> Self {
        self.dry_run = dry_run;
        self
    }

    /// Made at most once under that key.
    #[must_use]
    pub fn once(mut self, key: Option<String>) -> Self {
        self.idempotency_key = key;
        self
    }
}

/// A client of one farm's or relay's API.
#[derive(Debug, Clone)]
pub struct Client {
    http: reqwest::Client,
    url: Url,
    pass: Pass,
}

/// What opens the door.
#[derive(Debug, Clone)]
enum Pass {
    Key(String),
    /// A session's cookie, as a browser sends it.
    Session(String),
}

impl Client {
    /// A client that calls that address with that key. A farm's own authority may vouch for its certificate.
    ///
    /// # Errors
    /// An address that is none, or no certificates in the authority's file.
    pub fn new(url: &str, key: String, ca_file: Option<&Path>) -> Result<Self, Failure> {
        let wrong = || Failure::usage(format!("`{url}` is no address such as http://127.0.0.1:7470"));
        let url = Url::parse(url).ok().filter(|url| ["http", "https"].contains(&url.scheme())).ok_or_else(wrong)?;
        // A key is sent where it was meant to go, and nowhere that an answer points to.
        let redirects = reqwest::redirect::Policy::none();
        let mut http = reqwest::Client::builder().redirect(redirects).connect_timeout(CONNECT);
        // No proxy leads to a door of this machine.
        if url.host_str().is_some_and(is_here) {
            http = http.no_proxy();
        }
        if let Some(path) = ca_file {
            http = http.tls_certs_merge(authorities(path)?);
        }
        let http = http.build()?;
        Ok(Self { http, url, pass: Pass::Key(key) })
    }

    /// Where it calls.
    pub fn url(&self) -> &str {
        self.url.as_str().trim_end_matches('/')
    }

    /// Signs in by a link that works once, as a browser does. [`Self::sign_out`] ends it.
    ///
    /// # Errors
    /// The link is none, or does not hold.
    pub async fn sign_in(link: &str, ca_file: Option<&Path>) -> Result<Self, Failure> {
        let none = || Failure::fail("that is no sign-in link");
        let (url, token) = link.split_once("/#token=").ok_or_else(none)?;
        let mut client = Self::new(url, String::new(), ca_file)?;
        client.pass = Pass::Session(String::new());
        let request = client.request::<CreateSession>(Ask::all().body(json!({"one_time_token": token})))?;
        let answer = client.send(request).await?;
        let cookie = answer.headers().get("set-cookie").and_then(|cookie| cookie.to_str().ok());
        let cookie = cookie.and_then(|cookie| cookie.split(';').next()).ok_or_else(none)?;
        client.pass = Pass::Session(cookie.to_owned());
        Ok(client)
    }

    /// Ends the session.
    ///
    /// # Errors
    /// What the network or the farm says.
    pub async fn sign_out(self) -> Result<(), Failure> {
        self.call::<DeleteOwnSession>(Ask::all()).await.map(drop)
    }

    /// Calls an operation and reads its answer.
    ///
    /// # Errors
    /// What the contract, the network or the farm says.
    pub async fn call<C: Contract>(&self, ask: Ask) -> Result<Value, Failure> {
        let answer = self.send(self.request::<C>(ask)?.timeout(PATIENCE)).await?.text().await?;
        if answer.is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_str(&answer).map_err(|error| Failure::fail(format!("{} answered no JSON: {error}", self.url)))
    }

    /// Calls an operation and leaves its answer to be read.
    ///
    /// # Errors
    /// What the contract, the network or the farm says.
    pub async fn open<C: Contract>(&self, ask: Ask) -> Result<Response, Failure> {
        self.send(self.request::<C>(ask)?).await
    }

    /// A request of an operation, for whoever adds to it before it is sent.
    ///
    /// # Errors
    /// What the contract says.
    pub fn request<C: Contract>(&self, mut ask: Ask) -> Result<RequestBuilder, Failure> {
        let parts: BTreeMap<String, String> = ask.id.iter().map(|id| ("id".to_owned(), id.clone())).collect();
        C::Target::parse(&parts)?;
        C::Query::parse(&ask.query)?;
        if C::Body::FORM == BodyForm::Json {
            let body = ask.body.as_ref().map_or_else(|| "{}".to_owned(), Value::to_string);
            C::Body::parse(body.as_bytes()).map_err(|error| error.at(""))?;
        }
        // The pipeline's own, in no operation's query.
        if ask.dry_run {
            ask.query.push(("dry_run".to_owned(), "true".to_owned()));
        }
        Ok(self.raw(C::METHOD, C::PATH, &parts, &ask.query, ask.body.as_ref(), ask.idempotency_key.as_deref()))
    }

    /// A request that no type vouches for.
    pub fn raw(
        &self,
        method: Method,
        path: &str,
        parts: &BTreeMap<String, String>,
        query: &[(String, String)],
        body: Option<&Value>,
        idempotency_key: Option<&str>,
    ) -> RequestBuilder {
        let mut url = self.url.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            let named = |segment: &str| parts.get(segment.strip_prefix('{')?.strip_suffix('}')?).cloned();
            segments.pop_if_empty();
            segments.extend(path.split('/').skip(1).map(|segment| named(segment).unwrap_or_else(|| segment.to_owned())));
        }
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        let method = match method {
            Method::Get => reqwest::Method::GET,
            Method::Post => reqwest::Method::POST,
            Method::Patch => reqwest::Method::PATCH,
            Method::Delete => reqwest::Method::DELETE,
        };
        let request = self.http.request(method, url);
        let mut request = match &self.pass {
            Pass::Key(key) => request.bearer_auth(key),
            Pass::Session(cookie) => request.header("cookie", cookie).header("origin", self.url.origin().ascii_serialization()),
        };
        if let Some(body) = body {
            request = request.json(body);
        }
        if let Some(key) = idempotency_key {
            request = request.header("idempotency-key", key);
        }
        request
    }

    /// Sends a request; an answer that is no success is a failure.
    ///
    /// # Errors
    /// What the network or the farm says.
    pub async fn send(&self, request: RequestBuilder) -> Result<Response, Failure> {
        let answer = request.send().await?;
        let status = answer.status();
        if status.is_success() {
            return Ok(answer);
        }
        if status.is_redirection() {
            let text = format!("{} points elsewhere; the key is not sent there", self.url);
            return Err(Failure::new(Exit::Unreachable, text).hint("Use the address that it points to."));
        }
        let failure = Failure::answered(status.as_u16(), &answer.text().await?);
        if status.as_u16() == 401 { Err(failure.hint("`gantry login` stores another key.")) } else { Err(failure) }
    }
}

fn is_here(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<std::net::IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

fn authorities(path: &Path) -> Result<Vec<reqwest::Certificate>, Failure> {
    let wrong = |error: &dyn std::fmt::Display| Failure::usage(format!("{}: {error}", path.display()));
    let text = std::fs::read(path).map_err(|error| wrong(&error))?;
    let found = reqwest::Certificate::from_pem_bundle(&text).map_err(|error| wrong(&error))?;
    if found.is_empty() {
        return Err(wrong(&"there is no certificate in it, as PEM"));
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use contract::ops::jobs::{CreateJob, GetJob, ListJobs};

    fn client(url: &str) -> Client {
        // Another test may have installed it.
        drop(rustls::crypto::ring::default_provider().install_default());
        Client::new(url, "gty_test_x".into(), None).unwrap()
    }

    fn address(request: RequestBuilder) -> String {
        request.build().unwrap().url().to_string()
    }

    #[test]
    fn a_path_is_the_rows_with_the_thing_in_it_below_the_given_address() {
        let id = format!("job_{}", "0".repeat(32));
        let request = client("https://example.test/farm/").request::<GetJob>(Ask::of(&id)).unwrap();
        assert_eq!(address(request), format!("https://example.test/farm/v1/jobs/{id}"));
        let states = Ask::all().query("state", Some("queued,held")).query("q", None::<String>);
        let request = client("http://127.0.0.1:7470").request::<ListJobs>(states).unwrap();
        assert_eq!(address(request), "http://127.0.0.1:7470/v1/jobs?state=queued%2Cheld");
    }

    #[test]
    fn a_request_that_the_contract_does_not_take_is_not_sent() {
        let client = client("http://127.0.0.1:7470");
        assert_eq!(client.request::<GetJob>(Ask::of("prn_1")).unwrap_err().exit, Exit::NotFound);
        assert_eq!(client.request::<ListJobs>(Ask::all().query("stat", Some("x"))).unwrap_err().exit, Exit::Usage);
        let job = serde_json::json!({"file": "x"});
        assert_eq!(client.request::<CreateJob>(Ask::all().body(job)).unwrap_err().exit, Exit::Usage);
    }

    #[test]
    fn what_is_no_web_address_is_refused() {
        for wrong in ["farm", "ftp://farm", "127.0.0.1:7470"] {
            assert_eq!(Client::new(wrong, String::new(), None).unwrap_err().exit, Exit::Usage, "{wrong}");
        }
    }
}
