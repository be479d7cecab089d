//! Presets of API keys: what a kind of integration needs, and a first call that works with it.

use domain::access::Access;
use domain::permission::{Permission, PermissionSet};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::operation::Nothing;

const DAY_SECONDS: i64 = 24 * 60 * 60;

/// What an integration is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum KeyPreset {
    /// A shop's script brings orders in and follows them.
    OrderAutomation,
    /// A screen on the wall or a home automation looks.
    Dashboard,
    /// Somebody from outside brings files and queues them, and cares for their own.
    Contractor,
}

impl KeyPreset {
    /// All of them.
    pub const ALL: &'static [KeyPreset] = &[KeyPreset::OrderAutomation, KeyPreset::Dashboard, KeyPreset::Contractor];

    /// The name that people see.
    pub const fn title(self) -> &'static str {
        match self {
            KeyPreset::OrderAutomation => "Order automation",
            KeyPreset::Dashboard => "Dashboard",
            KeyPreset::Contractor => "Contractor",
        }
    }

    /// Who it is for.
    pub const fn about(self) -> &'static str {
        match self {
            KeyPreset::OrderAutomation => {
                "A script of a shop: brings orders in, changes and cancels them, follows what becomes of them."
            }
            KeyPreset::Dashboard => {
                "A screen or a home automation: looks at printers, live values and the queue, changes nothing."
            }
            KeyPreset::Contractor => {
                "Somebody from outside: brings files, queues them, and changes or cancels only their own jobs."
            }
        }
    }

    /// What it opens.
    pub fn permissions(self) -> PermissionSet {
        use Permission as P;
        let list: &[Permission] = match self {
            KeyPreset::OrderAutomation => &[
                P::FarmView,
                P::OrderView,
                P::OrderCreate,
                P::OrderEdit,
                P::OrderCancel,
                P::SkuView,
                P::PartView,
                P::StockView,
                P::JobView,
                P::EventView,
            ],
            KeyPreset::Dashboard => &[
                P::StoreView,
                P::FarmView,
                P::PrinterView,
                P::PoolView,
                P::TelemetryView,
                P::QueueView,
                P::JobView,
                P::OrderView,
                P::SpoolView,
                P::MaterialView,
                P::EventView,
            ],
            KeyPreset::Contractor => &[
                P::FarmView,
                P::FileView,
                P::FileUpload,
                P::PrinterView,
                P::PoolView,
                P::QueueView,
                P::JobView,
                P::JobCreate,
                P::JobEditOwn,
                P::JobCancelOwn,
            ],
        };
        list.iter().copied().collect()
    }

    /// After how long it should end; none if it need not.
    pub const fn ends_after_seconds(self) -> Option<i64> {
        match self {
            KeyPreset::OrderAutomation => Some(365 * DAY_SECONDS),
            KeyPreset::Dashboard => None,
            KeyPreset::Contractor => Some(30 * DAY_SECONDS),
        }
    }

    /// A first call, for a shell. `key` is the secret or a variable; `farm` goes along where a store has several.
    pub fn curl(self, url: &str, key: &str, farm: Option<&str>) -> String {
        let signed = format!("curl -H \"Authorization: Bearer {key}\"");
        match self {
            KeyPreset::OrderAutomation => {
                let farm = farm.map(|farm| format!("?farm_id={farm}")).unwrap_or_default();
                format!(
                    "{signed} -H 'Content-Type: application/json' -H 'Idempotency-Key: first-order' -d '{{\"name\":\"First order\"}}' '{url}/v1/orders{farm}'"
                )
            }
            KeyPreset::Dashboard => format!("{signed} '{url}/v1/printers?limit=200'"),
            KeyPreset::Contractor => format!("{signed} '{url}/v1/queue'"),
        }
    }
}

/// A preset as it is offered.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct PresetShown {
    /// Its word, for `preset` of a new key.
    pub preset: KeyPreset,
    /// The name that people see.
    pub title: String,
    /// Who it is for.
    pub about: String,
    /// What it opens.
    pub permissions: PermissionSet,
    /// After how long its keys end, where their end is not named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ends_after_seconds: Option<i64>,
    /// A first call, with the key in the variable `KEY`.
    pub curl: String,
}

/// The presets.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Presets {
    /// Each.
    pub items: Vec<PresetShown>,
}

crate::operations! {
    /// List the presets of API keys.
    ///
    /// Each with the permissions that such an integration needs, and a first call that works.
    ListApiKeyPresets = "list_api_key_presets" Get "/v1/api_key_presets" {
        access: Access::Needs(Permission::ApiKeyView), home: Door, nature: Read, ai: Hidden,
        target: Nothing, query: Nothing, body: Nothing, reply: Presets, status: 200
    }
}
