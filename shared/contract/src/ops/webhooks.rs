//! Webhooks and their deliveries.

use std::collections::BTreeSet;

use domain::access::Access;
use domain::id::{DeliveryId, FarmId, WebhookId};
use domain::permission::Permission;
use domain::role::Role;
use domain::text::{Name, Tag};
use domain::time::Timestamp;
use domain::webhook::{Delivery, Webhook, WebhookUrl};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::event::EventType;
use crate::list::{ListQuery, Page, View};
use crate::operation::{Json, Nothing, Of, given, present};

/// A new webhook. Role and permissions add up; neither may go beyond the caller's own.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewWebhook {
    /// What people call it.
    pub name: Name,
    /// Where events are sent.
    pub url: WebhookUrl,
    /// Only these types of events; empty = all that its rights show.
    #[serde(default)]
    pub event_types: BTreeSet<EventType>,
    /// Send events of test farms too (`"live": false`).
    #[serde(default)]
    pub test_events: bool,
    /// A built-in role (never `store_owner`).
    #[serde(default)]
    pub role: Option<Role>,
    /// Single permissions.
    #[serde(default)]
    pub permissions: BTreeSet<Permission>,
    /// Only of these farms; absent = all.
    #[serde(default)]
    pub farms: Option<BTreeSet<FarmId>>,
    /// Only of printers with one of these tags; absent = all.
    #[serde(default)]
    pub tags: Option<BTreeSet<Tag>>,
    /// Facts that arrive later than that are not sent.
    #[serde(default)]
    pub max_age_seconds: Option<u32>,
}
impl Json for NewWebhook {}

/// A change to a webhook, within the caller's own rights.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EditWebhook {
    /// A new name.
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "Name")]
    pub name: Option<Name>,
    /// Another address.
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "WebhookUrl")]
    pub url: Option<WebhookUrl>,
    /// Other types; empty = all.
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "BTreeSet<EventType>")]
    pub event_types: Option<BTreeSet<EventType>>,
    /// Whether events of test farms are sent too.
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "bool")]
    pub test_events: Option<bool>,
    /// Other permissions.
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "BTreeSet<Permission>")]
    pub permissions: Option<BTreeSet<Permission>>,
    /// Other farms; `null` = all.
    #[serde(default, deserialize_with = "present")]
    #[schemars(with = "Option<BTreeSet<FarmId>>")]
    pub farms: Option<Option<BTreeSet<FarmId>>>,
    /// Other tags; `null` = all.
    #[serde(default, deserialize_with = "present")]
    #[schemars(with = "Option<BTreeSet<Tag>>")]
    pub tags: Option<Option<BTreeSet<Tag>>>,
    /// Another age; `null` = any.
    #[serde(default, deserialize_with = "present")]
    #[schemars(with = "Option<u32>")]
    pub max_age_seconds: Option<Option<u32>>,
}
impl Json for EditWebhook {}

/// A webhook with a secret that was just made: the only time that it is seen.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct CreatedWebhook {
    /// What the receiver verifies signatures with. It is shown now and never again.
    pub secret: String,
    /// The webhook.
    pub webhook: View<Webhook>,
}

/// How a secret is replaced.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RollSecret {
    /// How long the old secret signs too, up to 30 days; 24 hours if not named.
    #[serde(default)]
    #[schemars(range(max = 2_592_000))]
    pub overlap_seconds: Option<u32>,
}
impl Json for RollSecret {}

/// What a test is about.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TestWebhook {
    /// The type of the event; if not named, the first that the webhook wants.
    #[serde(default)]
    pub event_type: Option<EventType>,
}
impl Json for TestWebhook {}

/// The time whose failures are sent again, by when their deliveries were made.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RecoverWebhook {
    /// Its beginning.
    pub since: Timestamp,
    /// Its end; now if not named.
    #[serde(default)]
    pub until: Option<Timestamp>,
}
impl Json for RecoverWebhook {}

/// How much is sent again.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, JsonSchema)]
pub struct Recovered {
    /// Deliveries that are due again.
    pub requeued: u64,
}

crate::operations! {
    /// List the webhooks.
    ListWebhooks = "list_webhooks" Get "/v1/webhooks" {
        access: Access::Needs(Permission::WebhookView), home: Account, nature: Read, ai: Hidden,
        target: Nothing, query: ListQuery<Webhook>, body: Nothing, reply: Page<Webhook>, status: 200
    }
    /// Make a webhook.
    ///
    /// The answer holds the secret that signs its events, once. Webhooks are sent by relays alone: an agent refuses with `relay_only`.
    CreateWebhook = "create_webhook" Post "/v1/webhooks" {
        access: Access::Needs(Permission::WebhookManage), home: Account, nature: Refused, ai: Hidden,
        target: Nothing, query: Nothing, body: NewWebhook, reply: CreatedWebhook, status: 201
    }
    /// Show one webhook.
    GetWebhook = "get_webhook" Get "/v1/webhooks/{id}" {
        access: Access::Needs(Permission::WebhookView), home: Account, nature: Read, ai: Hidden,
        target: Of<WebhookId>, query: Nothing, body: Nothing, reply: View<Webhook>, status: 200
    }
    /// Change a webhook.
    EditWebhookOp = "edit_webhook" Patch "/v1/webhooks/{id}" {
        access: Access::Needs(Permission::WebhookManage), home: Account, nature: Refused, ai: Hidden,
        target: Of<WebhookId>, query: Nothing, body: EditWebhook, reply: View<Webhook>, status: 200
    }
    /// Delete a webhook and its deliveries; nothing more is sent to it.
    DeleteWebhook = "delete_webhook" Delete "/v1/webhooks/{id}" {
        access: Access::Needs(Permission::WebhookManage), home: Account, nature: Refused, ai: Hidden,
        target: Of<WebhookId>, query: Nothing, body: Nothing, reply: Nothing, status: 204
    }
    /// Pause a webhook: what happens meanwhile is noted and not sent.
    PauseWebhook = "pause_webhook" Post "/v1/webhooks/{id}/pause" {
        access: Access::Needs(Permission::WebhookManage), home: Account, nature: Refused, ai: Hidden,
        target: Of<WebhookId>, query: Nothing, body: Nothing, reply: View<Webhook>, status: 200, bulk: "pause"
    }
    /// Resume a webhook that was paused or switched off.
    ///
    /// What it missed is sent with `recover`.
    ResumeWebhook = "resume_webhook" Post "/v1/webhooks/{id}/resume" {
        access: Access::Needs(Permission::WebhookManage), home: Account, nature: Refused, ai: Hidden,
        target: Of<WebhookId>, query: Nothing, body: Nothing, reply: View<Webhook>, status: 200, bulk: "resume"
    }
    /// Replace a webhook's secret.
    ///
    /// The answer holds the new one, once. Until the overlap ends, events are signed with both.
    RollWebhookSecret = "roll_webhook_secret" Post "/v1/webhooks/{id}/roll-secret" {
        access: Access::Needs(Permission::WebhookManage), home: Account, nature: Refused, ai: Hidden,
        target: Of<WebhookId>, query: Nothing, body: RollSecret, reply: CreatedWebhook, status: 200
    }
    /// Send a sample event to a webhook now.
    TestWebhookOp = "test_webhook" Post "/v1/webhooks/{id}/test" {
        access: Access::Needs(Permission::WebhookManage), home: Account, nature: Refused, ai: Hidden,
        target: Of<WebhookId>, query: Nothing, body: TestWebhook, reply: View<Delivery>, status: 201
    }
    /// Send everything again that did not reach a webhook in some time.
    ///
    /// What failed, what was used up, and what was noted while it was paused, switched off or far behind. What was late stays unsent.
    RecoverWebhookOp = "recover_webhook" Post "/v1/webhooks/{id}/recover" {
        access: Access::Needs(Permission::WebhookRedeliver), home: Account, nature: Refused, ai: Hidden,
        target: Of<WebhookId>, query: Nothing, body: RecoverWebhook, reply: Recovered, status: 200
    }
    /// List deliveries, with every try and what was answered.
    ListDeliveries = "list_deliveries" Get "/v1/deliveries" {
        access: Access::Needs(Permission::WebhookView), home: Account, nature: Read, ai: Hidden,
        target: Nothing, query: ListQuery<Delivery>, body: Nothing, reply: Page<Delivery>, status: 200
    }
    /// Show one delivery.
    GetDelivery = "get_delivery" Get "/v1/deliveries/{id}" {
        access: Access::Needs(Permission::WebhookView), home: Account, nature: Read, ai: Hidden,
        target: Of<DeliveryId>, query: Nothing, body: Nothing, reply: View<Delivery>, status: 200
    }
    /// Send one delivery again, whatever became of it.
    Redeliver = "redeliver" Post "/v1/deliveries/{id}/redeliver" {
        access: Access::Needs(Permission::WebhookRedeliver), home: Account, nature: Refused, ai: Hidden,
        target: Of<DeliveryId>, query: Nothing, body: Nothing, reply: View<Delivery>, status: 200, bulk: "redeliver"
    }
}
