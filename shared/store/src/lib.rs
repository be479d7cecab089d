//! Records, events, cursors and requests in SQLite. A row, its event and its number are written in one
//! transaction; what follows from it happens only after the commit. Knows no HTTP, no permission and no
//! clock: time and randomness are handed in.

mod accounts;
mod audit;
mod copies;
mod credentials;
mod db;
mod entropy;
mod error;
mod events;
mod floor;
mod homes;
mod kept;
mod key_use;
mod kinds;
mod list;
mod mailbox;
mod migrations;
mod pairings;
mod people;
mod pins;
mod requests;
mod rows;
mod seal;
mod settings;
mod tunnels;
mod tx;
mod untold;
mod uploads;
mod writer;

pub use accounts::{KeyFact, Opener};
pub use audit::AuditEntry;
pub use audit::page::{AuditPosition, AuditScan};
pub use audit::verify::ChainCheck;
pub use copies::{Copied, FeedRow, is_copied};
pub use credentials::{Credential, CredentialKind, credential_hash};
pub use db::{Db, OpenOptions, ReadOnly};
pub use entropy::{Entropy, SeededEntropy};
pub use error::StoreError;
pub use events::{EventCursor, EventsRead, StoredEvent};
pub use floor::{Act, ActState, Observed};
pub use kept::Kept;
pub use key_use::KeyDay;
pub use list::{Listed, Within};
pub use mailbox::Mail;
pub use migrations::schema_sql;
pub use pairings::Pairing;
pub use people::{Identity, Passkey, PasskeyState};
pub use requests::{Outcome, RequestKey};
pub use rows::{RawRow, Row, Rows};
pub use seal::Sealer;
pub use tunnels::{Reached, Tunnel, TunnelState};
pub use tx::{By, Tx, derived_id};
pub use uploads::{Unfinished, Upload, UploadState};
pub use writer::Store;
