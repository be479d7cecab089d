//! Events: facts that happened. One envelope for the log, webhooks, MQTT and the stream.

use domain::actor::Actor;
use domain::id::{EventId, FarmId, StoreId};
use domain::kind::Kind;
use domain::time::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::record::Document;

/// What became of a record, where no named event says it better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Change {
    /// It was made.
    Created,
    /// It was changed.
    Updated,
    /// It was removed.
    Deleted,
}

impl Change {
    /// What is told of a kind without a name of its own. How an order was made has one. A delivery is about
    /// an event: if it told another, the log would never rest.
    pub const fn of(kind: Kind) -> &'static [Change] {
        if matches!(kind, Kind::Delivery) {
            &[]
        } else if matches!(kind, Kind::Order) {
            &[Change::Updated, Change::Deleted]
        } else {
            &[Change::Created, Change::Updated, Change::Deleted]
        }
    }
}

macro_rules! named {
    ($($name:ident = $word:literal, $text:literal;)*) => {
        /// An event with a name of its own. A change that has one gives that instead of `updated`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Named { $(#[doc = $text] $name,)* }

        impl Named {
            /// Every named event.
            pub const ALL: &'static [Named] = &[$(Named::$name,)*];
            /// The word on the wire.
            pub const fn word(self) -> &'static str {
                match self { $(Named::$name => $word,)* }
            }
            /// What it says.
            pub const fn text(self) -> &'static str {
                match self { $(Named::$name => $text,)* }
            }
        }
    };
}

named! {
    JobAssigned = "job.assigned", "A job got a printer.";
    JobStarted = "job.started", "Telemetry shows the job's print.";
    JobPaused = "job.paused", "The print stands still.";
    JobResumed = "job.resumed", "The print goes on.";
    JobCompleted = "job.completed", "The printer finished the print.";
    JobFailed = "job.failed", "The print went wrong.";
    JobCancelled = "job.cancelled", "The job was stopped.";
    JobUnknown = "job.unknown", "Contact or proof of the print is missing.";
    JobRecovered = "job.recovered", "The print was found again.";
    JobHeld = "job.held", "The job waits for a person to release it.";
    JobReleased = "job.released", "The job may run again.";
    JobAwaitingApproval = "job.awaiting_approval", "The job waits for a person's yes.";
    JobRequeued = "job.requeued", "The job went back to the queue.";
    JobJudged = "job.judged", "Somebody said how many items are good.";
    AttemptFailed = "attempt.failed", "One try of a job went wrong.";
    PrinterOnline = "printer.online", "The printer is heard.";
    PrinterOffline = "printer.offline", "The printer cannot be reached.";
    PrinterError = "printer.error", "The printer reports a fault.";
    PrinterWarning = "printer.warning", "The printer warns.";
    PrinterErrorCleared = "printer.error_cleared", "The fault is gone.";
    PrinterNeedsClear = "printer.needs_clear", "Something may lie on the bed.";
    PrinterBedCleared = "printer.bed_cleared", "Somebody or something says that the bed is clear.";
    PrinterForeignPrint = "printer.foreign_print", "Somebody started a print at the machine.";
    PrinterQuarantined = "printer.quarantined", "The printer was taken out after failures in a row.";
    PrinterControlLost = "printer.control_lost", "The printer takes no orders any more.";
    PrinterFirmwareChanged = "printer.firmware_changed", "The printer has another firmware.";
    PrinterFabmaticEnabled = "printer.fabmatic_enabled", "Continuous printing was switched on.";
    PrinterFabmaticDisabled = "printer.fabmatic_disabled", "Continuous printing ended.";
    PrinterMaintenanceStarted = "printer.maintenance_started", "The printer is taken out for maintenance.";
    PrinterMaintenanceEnded = "printer.maintenance_ended", "The printer is back from maintenance.";
    SlotChanged = "slot.changed", "Another filament is loaded.";
    SlotRunout = "slot.runout", "A filament ran out.";
    SpoolLow = "spool.low", "A spool is nearly empty.";
    MaterialUsed = "material.used", "Filament was booked.";
    OrderCreatedManual = "order.created_manual", "Somebody made an order.";
    OrderCreatedRetail = "order.created_retail", "An order came from a shop.";
    OrderCancelled = "order.cancelled", "An order was cancelled.";
    OrderClosed = "order.closed", "An order was closed.";
    OrderAutoPrinted = "order.auto_printed", "An order was sent to the printers by rule.";
    OrderItemUnresolved = "order.item_unresolved", "An order's line matches no SKU.";
    OrderReady = "order.ready", "Everything of an order is printed.";
    OrderPartiallyReady = "order.partially_ready", "A part of an order is printed.";
    OrderShipped = "order.shipped", "An order left the house.";
    OrderLate = "order.late", "An order will miss its date.";
    QueueBlocked = "queue.blocked", "Nothing in the queue can run.";
    FarmConnected = "farm.connected", "The farm is heard.";
    FarmDisconnected = "farm.disconnected", "The farm is away.";
    FarmRefused = "farm.refused", "An agent came with a key of the farm and was not let in: it is a copy, or its key was replaced.";
    FarmStorageLow = "farm.storage_low", "The agent's disk is nearly full.";
    FarmBackupFailed = "farm.backup_failed", "A backup failed.";
    CommandCompleted = "command.completed", "A command was carried out.";
    CommandFailed = "command.failed", "A command did not work.";
    CommandExpired = "command.expired", "A command's time ran out.";
    ApiKeyRevoked = "api_key.revoked", "A key was revoked.";
    ApiKeyThrottled = "api_key.throttled", "A key asks too often.";
    ApiKeyRefused = "api_key.refused", "A key was refused.";
    ApiKeyNewNetwork = "api_key.new_network", "A key comes from a new network.";
    ApiKeyExpiring = "api_key.expiring", "A key ends soon.";
    OperatorPinLocked = "operator.pin_locked", "An operator's PIN was guessed at too often.";
    WebhookDisabled = "webhook.disabled", "A webhook was switched off.";
    IntegrationFailed = "integration.failed", "A shop integration failed.";
    IntegrationAuthFailed = "integration.auth_failed", "A shop refused our credentials.";
    MaintenanceDue = "maintenance.due", "A maintenance is due.";
    MaintenanceOverdue = "maintenance.overdue", "A maintenance is overdue.";
    AiActionRequested = "ai_action.requested", "An AI agent asks for a person's yes.";
    EventGap = "event.gap", "Older events were trimmed from the log.";
}

/// The type of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EventType {
    /// `{kind}.{created,updated,deleted}`.
    Record(Kind, Change),
    /// One with a name of its own.
    Named(Named),
}

impl EventType {
    /// Every type, in a stable order.
    pub fn all() -> Vec<EventType> {
        let of_kind = |kind: &Kind| Change::of(*kind).iter().map(|change| EventType::Record(*kind, *change)).collect::<Vec<_>>();
        let of_records = Kind::ALL.iter().flat_map(of_kind);
        of_records.chain(Named::ALL.iter().copied().map(EventType::Named)).collect()
    }
}

impl std::fmt::Display for EventType {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            EventType::Record(kind, Change::Created) => write!(f, "{kind}.created"),
            EventType::Record(kind, Change::Updated) => write!(f, "{kind}.updated"),
            EventType::Record(kind, Change::Deleted) => write!(f, "{kind}.deleted"),
            EventType::Named(named) => f.write_str(named.word()),
        }
    }
}

impl std::str::FromStr for EventType {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let named = Named::ALL.iter().find(|named| named.word() == text).map(|named| EventType::Named(*named));
        let of_record = || {
            let (kind, change) = text.rsplit_once('.')?;
            let change = match change {
                "created" => Change::Created,
                "updated" => Change::Updated,
                "deleted" => Change::Deleted,
                _ => return None,
            };
            let kind = Kind::from_word(kind)?;
            Change::of(kind).contains(&change).then_some(EventType::Record(kind, change))
        };
        named.or_else(of_record).ok_or_else(|| format!("`{}` is not an event type", text.chars().take(80).collect::<String>()))
    }
}

impl From<Named> for EventType {
    fn from(named: Named) -> Self {
        EventType::Named(named)
    }
}

impl Serialize for EventType {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for EventType {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl JsonSchema for EventType {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "EventType".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let words: Vec<String> = EventType::all().iter().map(ToString::to_string).collect();
        schemars::json_schema!({"type": "string", "enum": words})
    }
}

/// The record that an event is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Subject {
    /// Its kind.
    pub kind: Kind,
    /// Its id.
    pub id: String,
    /// The revision that the event made or saw.
    pub revision: u64,
}

/// An event as it is told.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Event {
    /// The key to tell doubles by, everywhere.
    pub id: EventId,
    /// What happened.
    #[serde(rename = "type")]
    pub event_type: EventType,
    /// The store.
    pub store_id: StoreId,
    /// The farm that it is of; none for account facts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub farm_id: Option<FarmId>,
    /// Its number in the log of its home: the farm's, or the store's for account facts and for what the relay itself tells of a farm.
    pub number: u64,
    /// What it is about.
    pub subject: Subject,
    /// Who did it.
    pub actor: Actor,
    /// When it happened, by the farm's clock.
    pub occurred_at: Timestamp,
    /// When this side got it.
    pub received_at: Timestamp,
    /// Whether the farm's clock was set.
    pub clock_ok: bool,
    /// False for a simulated farm.
    pub live: bool,
    /// The date of the contract that the data follows.
    pub api_version: String,
    /// The record as it was then, as far as the reader may see it.
    #[schemars(with = "serde_json::Value")]
    pub data: Document,
}

/// The date of this contract.
pub const API_VERSION: &str = "2026-11-24";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_an_order_was_made_is_told_by_a_name_of_its_own_only() {
        assert!("order.created".parse::<EventType>().is_err());
        for word in ["order.created_manual", "order.created_retail", "order.updated", "sku.created"] {
            assert!(word.parse::<EventType>().is_ok(), "{word}");
        }
    }

    #[test]
    fn every_event_type_reads_back_by_its_word_and_none_is_twice() {
        let all = EventType::all();
        let mut words: Vec<String> = all.iter().map(ToString::to_string).collect();
        for (event, word) in all.iter().zip(&words) {
            assert_eq!(word.parse().as_ref(), Ok(event));
        }
        words.sort();
        words.dedup();
        assert_eq!(words.len(), all.len());
    }
}
