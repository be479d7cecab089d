//! Sends one letter over HTTP. Follows no redirect and no proxy, reads little of what comes back, and asks the
//! guard where it may go.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use domain::time::Timestamp;
use reqwest::header::{CONTENT_TYPE, RETRY_AFTER, USER_AGENT};
use reqwest::{Client, Response, redirect};

use super::guard::{Guard, Resolver};
use super::letter::Letter;
use super::sign;

/// Bytes of an answer that are read.
const MOST_READ: usize = 20_000;
/// Bytes that are kept of an answer that was no arrival: it should say why.
const KEPT: usize = 1024;

/// What came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sent {
    /// An answer.
    Answered {
        /// Its status.
        status: u16,
        /// What `Retry-After` asks for.
        retry_after_ms: Option<i64>,
        /// Its beginning, if it was no arrival.
        answer: String,
    },
    /// None, and why.
    NoAnswer(String),
}

/// Sends letters.
pub struct Sender {
    guard: Guard,
    encrypted: Client,
    /// For addresses without encryption: it finds none but in the networks that are allowed.
    plain: Client,
    patience: Duration,
}

impl Sender {
    /// With that guard, and so long for each answer.
    ///
    /// # Errors
    /// Why no client can be made.
    pub fn new(guard: Guard, patience: Duration) -> Result<Self, reqwest::Error> {
        // A second installation is refused and changes nothing.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = |resolver: Resolver| {
            let client = Client::builder().no_proxy().redirect(redirect::Policy::none()).timeout(patience);
            client.pool_max_idle_per_host(2).dns_resolver(Arc::new(resolver)).build()
        };
        let (encrypted, plain) = (client(guard.resolver(true))?, client(guard.resolver(false))?);
        Ok(Self { guard, encrypted, plain, patience })
    }

    /// Sends it.
    pub async fn send(&self, letter: &Letter, now: Timestamp) -> Sent {
        let url = match self.guard.judge(letter.url.as_str()) {
            Ok(url) => url,
            Err(refused) => return Sent::NoAnswer(refused.to_string()),
        };
        let seconds = now.millis() / 1000;
        let signatures = sign::signatures(&letter.secrets, &letter.id, seconds, &letter.body);
        if signatures.is_empty() {
            return Sent::NoAnswer("there is no secret to sign with: roll it".to_owned());
        }
        let client = if url.scheme() == "https" { &self.encrypted } else { &self.plain };
        let request = client
            .post(url)
            .header(CONTENT_TYPE, "application/json")
            .header(USER_AGENT, "Gantry")
            .header("webhook-id", &letter.id)
            .header("webhook-timestamp", seconds.to_string())
            .header("webhook-signature", signatures)
            .body(letter.body.clone());
        match request.send().await {
            Ok(response) => read(response, now).await,
            Err(why) if why.is_timeout() => Sent::NoAnswer(format!("no answer within {} seconds", self.patience.as_secs_f32())),
            Err(why) => Sent::NoAnswer(innermost(&why)),
        }
    }
}

async fn read(mut response: Response, now: Timestamp) -> Sent {
    let status = response.status().as_u16();
    let retry_after = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
    let retry_after_ms = retry_after.and_then(|text| wish(text, now));
    let mut bytes = Vec::new();
    // Its status is its answer, whatever becomes of the rest.
    while let Ok(Some(chunk)) = response.chunk().await {
        let room = MOST_READ - bytes.len();
        bytes.extend_from_slice(&chunk[..chunk.len().min(room)]);
        if bytes.len() == MOST_READ {
            break;
        }
    }
    bytes.truncate(if (200..300).contains(&status) { 0 } else { KEPT });
    let answer = String::from_utf8_lossy(&bytes).chars().filter(|c| !c.is_control() || c.is_whitespace()).collect();
    Sent::Answered { status, retry_after_ms, answer }
}

/// `Retry-After` in milliseconds from now: seconds, or a date.
fn wish(text: &str, now: Timestamp) -> Option<i64> {
    if let Ok(seconds) = text.trim().parse::<u32>() {
        return Some(i64::from(seconds) * 1000);
    }
    let date = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(text.trim()).ok()?;
    Some(Timestamp::from_millis(date.as_millisecond()).millis_since(now).max(0))
}

/// The cause behind the causes: the one that says `connection refused`.
fn innermost(why: &reqwest::Error) -> String {
    let mut cause: &dyn Error = why;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    cause.to_string().chars().take(300).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now = Timestamp::from_millis(1_445_412_480_000 - 60_000);
        assert_eq!(wish("120", now), Some(120_000));
        assert_eq!(wish("Wed, 21 Oct 2015 07:28:00 GMT", now), Some(60_000));
        assert_eq!(wish("soon", now), None);
        assert_eq!(wish("-5", now), None);
    }
}
