//! What is known of Moonraker before one is asked.

use domain::printer::Capability;

use crate::describe::{Description, Setting, SettingKind};

/// The driver's name in a printer's link.
pub(crate) const NAME: &str = "moonraker";

/// The driver.
pub(crate) const DESCRIPTION: Description = Description {
    name: NAME,
    title: "Klipper (Moonraker)",
    settings: &[
        Setting {
            kind: SettingKind::Address,
            title: "Address",
            hint: "The URL of Moonraker or of the page in front of it, such as http://192.168.1.20:7125 or http://mainsailos.local",
            required: true,
        },
        Setting {
            kind: SettingKind::Credential,
            title: "API key",
            hint: "Not needed where Moonraker trusts the farm PC's address (trusted_clients). Else from its page: Settings, API key",
            required: false,
        },
    ],
    capabilities: &[
        Capability::Pause,
        Capability::Cancel,
        Capability::History,
        Capability::ServerCopy,
        Capability::Temperatures,
        Capability::SkipObject,
    ],
};
