//! Webhooks: where events are sent, with which rights, and what became of each event on its way. What
//! signs them is sealed apart from these documents.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::access::Grants;
use crate::actor::Actor;
use crate::id::{DeliveryId, EventId, WebhookId};
use crate::text::Name;
use crate::time::Timestamp;

/// The longest address that is taken.
const MAX_URL: usize = 2000;

/// An address that events may be sent to, by its form. Whether it may be dialled is judged when it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct WebhookUrl(String);

/// An address that cannot be sent to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "an address must begin with https:// (or http:// where the relay allows it), name a host, and hold neither credentials nor spaces"
)]
pub struct BadUrl;

impl WebhookUrl {
    /// The address.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for WebhookUrl {
    type Error = BadUrl;
    fn try_from(text: String) -> Result<Self, BadUrl> {
        let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")).ok_or(BadUrl)?;
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let visible = text.chars().all(|c| c.is_ascii_graphic() && c != '\\');
        let ok = text.len() <= MAX_URL && visible && !authority.is_empty() && !authority.contains('@');
        if ok { Ok(Self(text)) } else { Err(BadUrl) }
    }
}

impl std::str::FromStr for WebhookUrl {
    type Err = BadUrl;
    fn from_str(text: &str) -> Result<Self, BadUrl> {
        Self::try_from(text.to_owned())
    }
}

impl From<WebhookUrl> for String {
    fn from(url: WebhookUrl) -> Self {
        url.0
    }
}

impl JsonSchema for WebhookUrl {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "WebhookUrl".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({"type": "string", "format": "uri", "maxLength": MAX_URL})
    }
}

/// Why a webhook was switched off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DisabledReason {
    /// The receiver answered 410: it never wants to hear again.
    Gone,
    /// Nothing arrived for five days.
    Failing,
}

/// Whether events are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum WebhookState {
    /// They are.
    Active,
    /// Not for now: somebody paused it.
    Paused,
    /// Not until somebody resumes it.
    Disabled {
        /// Why.
        reason: DisabledReason,
    },
}

impl WebhookState {
    /// The word of lists.
    pub const fn word(self) -> &'static str {
        match self {
            WebhookState::Active => "active",
            WebhookState::Paused => "paused",
            WebhookState::Disabled { .. } => "disabled",
        }
    }
}

/// An address that events are sent to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Webhook {
    /// Its id.
    pub id: WebhookId,
    /// What people call it.
    pub name: Name,
    /// Where events are sent.
    pub url: WebhookUrl,
    /// Only these types of events; empty = all that its rights show.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub event_types: BTreeSet<String>,
    /// It hears of test farms too.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub test_events: bool,
    /// What it may see, and where: at most what its creator held.
    pub grants: Grants,
    /// Whose rights bound it.
    pub sponsor: Actor,
    /// Whether events are sent.
    #[serde(flatten)]
    pub state: WebhookState,
    /// Facts that arrive later than that are not sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_age_seconds: Option<u32>,
    /// Until when the secret before this one signs too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub old_secret_until: Option<Timestamp>,
    /// When an event arrived last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_success_at: Option<Timestamp>,
    /// When a try failed last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_failure_at: Option<Timestamp>,
    /// Since when every try failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failing_since: Option<Timestamp>,
    /// When it was made.
    pub created_at: Timestamp,
}

/// How far an event came on its way to a webhook.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryState {
    /// Not tried yet.
    Pending,
    /// It arrived.
    Delivered,
    /// The last try failed; another comes.
    Failed,
    /// The last try of all failed.
    Exhausted,
    /// It is not sent; `skipped_because` says why.
    Skipped,
}

/// Why an event is not sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SkipReason {
    /// The webhook was paused.
    Paused,
    /// The webhook was switched off.
    Disabled,
    /// The fact came later than the webhook's `max_age_seconds`.
    Late,
    /// The webhook may not see it any more.
    NotPermitted,
    /// The event was trimmed from the log.
    Trimmed,
    /// Too many waited for the webhook already.
    Backlog,
}

/// One try to deliver.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Try {
    /// When.
    pub at: Timestamp,
    /// The HTTP status, if there was an answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// How long it took.
    pub duration_ms: u64,
    /// Why there was no answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// The beginning of an answer that was no arrival.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub answer: String,
}

/// One event on its way to one webhook.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Delivery {
    /// Its id.
    pub id: DeliveryId,
    /// To whom.
    pub webhook_id: WebhookId,
    /// The event; for a test one that is in no log.
    pub event_id: EventId,
    /// The event's type.
    pub event_type: String,
    /// What the event is about.
    pub subject_id: String,
    /// A test, asked for by a person.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub sample: bool,
    /// How far it came.
    pub state: DeliveryState,
    /// Why it is not sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub skipped_because: Option<SkipReason>,
    /// The last tries, oldest first.
    pub tries: Vec<Try>,
    /// Tries since it was last asked for: the schedule counts these.
    pub tried: u32,
    /// When the next try comes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_try_at: Option<Timestamp>,
    /// When it was made.
    pub created_at: Timestamp,
}

impl Delivery {
    /// A delivery that is due at once.
    pub const fn due(
        id: DeliveryId,
        webhook_id: WebhookId,
        event_id: EventId,
        event_type: String,
        subject_id: String,
        now: Timestamp,
    ) -> Self {
        Self {
            id,
            webhook_id,
            event_id,
            event_type,
            subject_id,
            sample: false,
            state: DeliveryState::Pending,
            skipped_because: None,
            tries: Vec::new(),
            tried: 0,
            next_try_at: Some(now),
            created_at: now,
        }
    }

    /// The same delivery, due again with all its tries before it.
    #[must_use]
    pub fn again(self, now: Timestamp) -> Self {
        Self { state: DeliveryState::Pending, skipped_because: None, tried: 0, next_try_at: Some(now), ..self }
    }

    /// The same delivery, not sent.
    #[must_use]
    pub fn skipped(self, because: SkipReason) -> Self {
        Self { state: DeliveryState::Skipped, skipped_because: Some(because), next_try_at: None, ..self }
    }

    /// Whether asking for all that failed means this one too. What was late stays late.
    pub const fn is_recoverable(&self) -> bool {
        match (self.state, self.skipped_because) {
            (DeliveryState::Failed | DeliveryState::Exhausted, _)
            | (DeliveryState::Skipped, Some(SkipReason::Paused | SkipReason::Disabled | SkipReason::Backlog)) => true,
            (DeliveryState::Skipped, Some(SkipReason::Late | SkipReason::NotPermitted | SkipReason::Trimmed) | None)
            | (DeliveryState::Pending | DeliveryState::Delivered, _) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_with_another_scheme_credentials_or_spaces_is_refused_by_its_form() {
        assert!("https://hooks.example.com/a?b=c".parse::<WebhookUrl>().is_ok());
        let bad =
            ["", "text", "ftp://a", "https://", "https:///path", "https://u:p@a/", "https://a/ b", "https://a\\b", "HTTPS://a"];
        for url in bad {
            assert_eq!(url.parse::<WebhookUrl>(), Err(BadUrl), "{url}");
        }
        assert!(format!("https://a/{}", "x".repeat(MAX_URL)).parse::<WebhookUrl>().is_err());
    }

    #[test]
    fn the_state_of_a_webhook_stands_beside_its_other_fields() {
        let disabled = WebhookState::Disabled { reason: DisabledReason::Gone };
        assert_eq!(serde_json::to_value(disabled).unwrap(), serde_json::json!({"state": "disabled", "reason": "gone"}));
    }
}
