//! Typed ids. On the wire an id is `{prefix}_{32 hex digits}` and opaque; inside it is 16 bytes. Ids
//! are made from a time and random bytes that are handed in, or derived from a request, so that the
//! same call at two doors makes one thing (`docs/api.md`, idempotency).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::time::Timestamp;

/// An id that could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not an id of the form {prefix}_…")]
pub struct BadId {
    text: String,
    prefix: &'static str,
}

/// What every typed id can do.
pub trait Id: Sized + Copy + Ord + std::fmt::Display + std::str::FromStr<Err = BadId> {
    /// The part before the underscore on the wire.
    const PREFIX: &'static str;
    /// Wraps the 16 bytes.
    fn from_uuid(uuid: Uuid) -> Self;
    /// The 16 bytes.
    fn uuid(self) -> Uuid;
    /// A UUIDv7 from the time and ten random bytes.
    fn new(now: Timestamp, random: [u8; 10]) -> Self {
        let millis = u64::try_from(now.millis()).unwrap_or(0);
        Self::from_uuid(uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid())
    }
    /// A UUIDv8 from the first 16 bytes of a digest.
    fn derived(digest: [u8; 32]) -> Self {
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&digest[..16]);
        Self::from_uuid(uuid::Builder::from_custom_bytes(bytes).into_uuid())
    }
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident = $prefix:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(Uuid);

        impl Id for $name {
            const PREFIX: &'static str = $prefix;
            fn from_uuid(uuid: Uuid) -> Self {
                Self(uuid)
            }
            fn uuid(self) -> Uuid {
                self.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, concat!($prefix, "_{}"), self.0.simple())
            }
        }

        impl std::str::FromStr for $name {
            type Err = BadId;
            fn from_str(text: &str) -> Result<Self, BadId> {
                read($prefix, text).map(Self)
            }
        }

        impl TryFrom<String> for $name {
            type Error = BadId;
            fn try_from(text: String) -> Result<Self, BadId> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.to_string()
            }
        }

        impl JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }
            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({
                    "type": "string",
                    "pattern": concat!("^", $prefix, "_[0-9a-f]{32}$"),
                })
            }
        }
    )*};
}

ids! {
    /// A store: the tenant.
    StoreId = "store";
    /// A farm: one agent and its printers.
    FarmId = "farm";
    /// A printer.
    PrinterId = "prn";
    /// A pool: a named tag query.
    PoolId = "pool";
    /// An uploaded file's record.
    FileId = "file";
    /// A part.
    PartId = "part";
    /// A job.
    JobId = "job";
    /// One try of a job on one printer.
    AttemptId = "att";
    /// A command.
    CommandId = "cmd";
    /// An event.
    EventId = "evt";
    /// A person with an account at the relay.
    UserId = "usr";
    /// A role of a store's own.
    RoleId = "rol";
    /// An API key.
    ApiKeyId = "key";
    /// A slicer key.
    SlicerKeyId = "slk";
    /// A signed-in browser or phone.
    SessionId = "ses";
    /// A SKU.
    SkuId = "sku";
    /// An order.
    OrderId = "ord";
    /// A line of an order.
    OrderItemId = "itm";
    /// A material.
    MaterialId = "mat";
    /// A spool.
    SpoolId = "spl";
    /// A line of a spool's ledger.
    SpoolEntryId = "spe";
    /// A filament position of a printer.
    SlotId = "slt";
    /// A SKU in a place.
    StockId = "stk";
    /// A line of the stock's ledger.
    StockEntryId = "ste";
    /// A webhook.
    WebhookId = "whk";
    /// One event on its way to one webhook.
    DeliveryId = "dlv";
    /// A person of the floor.
    OperatorId = "opr";
    /// A phone or tablet of the floor.
    DeviceId = "dev";
    /// An upload that comes in pieces.
    UploadId = "upl";
    /// A request as accepted at a door.
    RequestId = "req";
    /// A passkey of a person.
    PasskeyId = "pky";
}

fn read(prefix: &'static str, text: &str) -> Result<Uuid, BadId> {
    let bad = || BadId { text: text.chars().take(80).collect(), prefix };
    let hex = text.strip_prefix(prefix).and_then(|rest| rest.strip_prefix('_')).ok_or_else(bad)?;
    let lower = hex.len() == 32 && hex.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    if !lower {
        return Err(bad());
    }
    Uuid::try_parse(hex).map_err(|_| bad())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_reads_back_as_it_was_written() {
        let id = JobId::new(Timestamp::from_millis(1_700_000_000_000), [7; 10]);
        assert_eq!(id.to_string().parse::<JobId>(), Ok(id));
    }

    #[test]
    fn an_id_of_another_kind_or_form_is_refused() {
        let printer = PrinterId::new(Timestamp::from_millis(5), [1; 10]).to_string();
        assert!(printer.parse::<JobId>().is_err());
        for text in ["", "job_", "job", "job_0", &format!("job_{}", "G".repeat(32)), &format!("JOB_{}", "0".repeat(32))] {
            assert!(text.parse::<JobId>().is_err(), "{text}");
        }
    }
}
