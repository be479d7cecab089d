//! Why a printer cannot be reached: each problem says on which address, why, and who mends it how.

/// Why the link is down.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LinkProblem {
    /// Nobody answers at the address.
    #[error("nobody answers at {address}: {detail}. Check the address, the power and the network")]
    Unreachable {
        /// Where.
        address: String,
        /// What happened.
        detail: String,
    },
    /// It answers too slowly.
    #[error("{address} takes too long to answer. Check the network")]
    Silent {
        /// Where.
        address: String,
    },
    /// The key or code is wrong.
    #[error("{address} refuses the key. Enter the right one in the printer's settings")]
    WrongCredential {
        /// Where.
        address: String,
    },
    /// Something else is there.
    #[error("{address} is not {expected}: {found}. Check the address and the driver")]
    OtherKind {
        /// Where.
        address: String,
        /// What was looked for.
        expected: &'static str,
        /// What was found.
        found: String,
    },
    /// The server is there, but the printer is not connected to it.
    #[error("{address} answers, but its printer is not connected: {detail}. Check the printer's power and its USB cable")]
    PrinterDisconnected {
        /// Where.
        address: String,
        /// The server's word for the state.
        detail: String,
    },
    /// Its certificate is not vouched for, and nobody has confirmed it.
    #[error(
        "{address} shows a certificate that nobody has confirmed: it names {names}, its SHA-256 is {sha256}. If that is the \
         printer, confirm it by entering this SHA-256 as the printer's certificate"
    )]
    UnconfirmedCertificate {
        /// Where.
        address: String,
        /// Whom it names.
        names: String,
        /// Its SHA-256 in hex.
        sha256: String,
    },
    /// It shows another certificate than the one that was confirmed.
    #[error(
        "{address} shows another certificate than the one that was confirmed: it names {names}, its SHA-256 is {sha256}. Nothing \
         was sent to it. Another machine may be at that address; if it is the printer all the same, confirm the new certificate"
    )]
    ChangedCertificate {
        /// Where.
        address: String,
        /// Whom it names.
        names: String,
        /// Its SHA-256 in hex.
        sha256: String,
    },
    /// Its certificate is good, but it is another machine's.
    #[error(
        "{address} is another machine: its certificate names {found}, not {expected}. Check the address and the serial number"
    )]
    OtherMachine {
        /// Where.
        address: String,
        /// The serial number that was looked for.
        expected: String,
        /// What was found.
        found: String,
    },
    /// The address or another setting makes no sense.
    #[error("the setting {setting} is not usable: {detail}")]
    BadSetting {
        /// Which.
        setting: &'static str,
        /// Why.
        detail: String,
    },
}

impl LinkProblem {
    /// Nothing but a person's hand ends it: it is tried again only slowly.
    pub const fn needs_a_person(&self) -> bool {
        match self {
            Self::Unreachable { .. } | Self::Silent { .. } | Self::PrinterDisconnected { .. } => false,
            Self::WrongCredential { .. }
            | Self::OtherKind { .. }
            | Self::UnconfirmedCertificate { .. }
            | Self::ChangedCertificate { .. }
            | Self::OtherMachine { .. }
            | Self::BadSetting { .. } => true,
        }
    }

    /// It may be over in a moment.
    pub const fn may_pass(&self) -> bool {
        match self {
            Self::Unreachable { .. } | Self::Silent { .. } => true,
            Self::PrinterDisconnected { .. }
            | Self::WrongCredential { .. }
            | Self::OtherKind { .. }
            | Self::UnconfirmedCertificate { .. }
            | Self::ChangedCertificate { .. }
            | Self::OtherMachine { .. }
            | Self::BadSetting { .. } => false,
        }
    }
}
