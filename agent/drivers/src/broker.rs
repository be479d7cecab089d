//! What brands ask of their link that have a message broker (MQTT over TLS) and a file server (FTP over TLS)
//! in the machine, and hear from it, as plain values. A core deals only in these; the shell below carries
//! them out over real sockets. Nothing here knows a brand.

use bytes::Bytes;
use domain::text::Fingerprint;

use crate::contract::Content;

mod address;
mod archive;
mod files;
mod ftp;
mod line;
mod shell;
mod talk;
#[cfg(test)]
mod tests;
mod trust;

pub use address::BrokerAddress;
pub use archive::{Member, Packing};
pub use shell::{Place, drive};
pub use trust::{Refusal, Trust, certificates};

/// The most bytes of one message that are taken.
pub const MAX_MESSAGE_BYTES: usize = 1024 * 1024;

/// The most bytes of a listing of files that are read.
pub const MAX_LISTING_BYTES: u64 = 1024 * 1024;

/// What is asked of the link.
#[derive(Debug, PartialEq, Eq)]
pub enum Ask {
    /// Open the line to the broker, in place of one that is open: a new client, a clean session.
    Open {
        /// Never used twice.
        client_id: String,
        /// What is listened to.
        topic: String,
    },
    /// Publish this, at least once; lost for good if the line is not open.
    Publish {
        /// Where.
        topic: String,
        /// What.
        payload: String,
    },
    /// Close the line; nothing more is heard of it.
    Close,
    /// Do this with the machine's files. One after the other, in the order of asking.
    Files {
        /// Under which its outcome comes; never used twice.
        id: u64,
        /// What.
        work: FileWork,
    },
    /// Give that up, and remove what it left there; nothing more is heard of it.
    Abandon(u64),
}

/// Something to do with the machine's files.
#[derive(Debug, PartialEq, Eq)]
pub enum FileWork {
    /// The content has to be there, whole, under that name. Nothing is sent if it is.
    Put {
        /// The name.
        name: String,
        /// The content.
        content: Content,
        /// How it is packed.
        packing: Packing,
    },
    /// The names of all files in the folder that one arrives in.
    List,
    /// Remove these; one that is not there is fine.
    Remove {
        /// The names.
        names: Vec<String>,
    },
}

/// What comes back from the link.
#[derive(Debug, PartialEq, Eq)]
pub enum Wire {
    /// The broker took us in, and listens are set up.
    Opened,
    /// Somebody published to what we listen to.
    Message(Bytes),
    /// The line is closed, or could not be opened.
    Closed(NoLine),
    /// So many bytes of a file are at the machine.
    Uploaded {
        /// Which work.
        id: u64,
        /// Bytes.
        bytes: u64,
        /// Bytes in all, as it is packed.
        of: u64,
    },
    /// Work with files is done.
    Filed {
        /// Which.
        id: u64,
        /// What came of it.
        outcome: Result<Filed, FileFault>,
    },
}

/// What came of work with files.
#[derive(Debug, PartialEq, Eq)]
pub enum Filed {
    /// The file is there.
    Stored,
    /// These files are there.
    Names(Vec<String>),
    /// They are gone.
    Removed,
}

/// Why there is no line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoLine {
    /// Nobody answers.
    Unreachable(String),
    /// It did not answer in time.
    Silent,
    /// It refuses the name or the code.
    WrongCode,
    /// It does not let us listen.
    NotHeard(String),
    /// Its certificate is not believed; nothing was sent.
    Certificate(Refusal),
    /// It broke.
    Cut(String),
}

/// Why work with files failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileFault {
    /// Nobody answers.
    Unreachable(String),
    /// Nothing moved for too long.
    Silent,
    /// It refuses the name or the code.
    WrongCode,
    /// Its certificate is not believed; nothing was sent.
    Certificate(Refusal),
    /// There is no room.
    NoRoom(String),
    /// The file cannot be made there: no card, a read-only one, a wrong file system.
    CannotCreate(String),
    /// It refuses something else.
    Refused(String),
    /// The connection broke.
    Cut(String),
    /// What arrived is not what was sent.
    NotWhole {
        /// Bytes that were sent.
        sent: u64,
        /// Bytes that are there.
        there: u64,
    },
    /// The bytes are not here.
    ContentMissing,
}

impl std::fmt::Display for FileFault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Unreachable(why) => write!(f, "its file server does not answer: {why}"),
            Self::Silent => f.write_str("its file server takes too long"),
            Self::WrongCode => f.write_str("its file server refuses the access code"),
            Self::Certificate(refusal) => write!(f, "its file server is not believed: {refusal}"),
            Self::NoRoom(said) => write!(f, "there is no room on its card ({said}): delete files there"),
            Self::CannotCreate(said) => {
                write!(
                    f,
                    "it cannot write the file ({said}): check that a card is in, is not full or write-protected, and is formatted as it wants"
                )
            }
            Self::Refused(said) => write!(f, "its file server refuses: {said}"),
            Self::Cut(why) => write!(f, "the connection to its file server broke: {why}"),
            Self::NotWhole { sent, there } => write!(f, "{there} of {sent} bytes arrived"),
            Self::ContentMissing => f.write_str("the file's bytes are not here"),
        }
    }
}

/// A certificate as it was shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// Its SHA-256.
    pub sha256: Fingerprint,
    /// Whom it names.
    pub names: String,
}
