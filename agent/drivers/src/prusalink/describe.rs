//! What is known of PrusaLink before one is asked.

use domain::printer::Capability;

use crate::describe::{Description, Setting, SettingKind};

/// The driver's name in a printer's link.
pub(crate) const NAME: &str = "prusalink";

/// The driver.
pub(crate) const DESCRIPTION: Description = Description {
    name: NAME,
    title: "Prusa (PrusaLink)",
    settings: &[
        Setting {
            kind: SettingKind::Address,
            title: "Address",
            hint: "The URL of its page, such as http://192.168.1.20; on the printer: Settings, Network",
            required: true,
        },
        Setting {
            kind: SettingKind::Credential,
            title: "Password",
            hint: "On the printer: Settings, Network, PrusaLink. On a Raspberry Pi: the API key of its page, or name:password",
            required: true,
        },
    ],
    capabilities: &[Capability::Pause, Capability::Cancel, Capability::Temperatures],
};
