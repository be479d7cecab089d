//! What is known of Bambu Lab printers before one is asked.

use domain::printer::Capability;

use crate::describe::{Description, Setting, SettingKind};

/// The driver's name in a printer's link.
pub(crate) const NAME: &str = "bambu";

/// The driver.
pub(crate) const DESCRIPTION: Description = Description {
    name: NAME,
    title: "Bambu Lab (LAN, Developer Mode)",
    settings: &[
        Setting {
            kind: SettingKind::Address,
            title: "IP address",
            hint: "The printer's IP address, from its screen under Settings, WLAN, such as 192.168.1.20",
            required: true,
        },
        Setting {
            kind: SettingKind::Serial,
            title: "Serial number",
            hint: "From the printer's screen under Settings, Device, or from its label, such as 01P00A123456789",
            required: true,
        },
        Setting {
            kind: SettingKind::Credential,
            title: "Access code",
            hint: "From the printer's screen under Settings, LAN only. It changes whenever LAN mode or Developer Mode is switched",
            required: true,
        },
    ],
    capabilities: &[
        Capability::Pause,
        Capability::Cancel,
        Capability::ServerCopy,
        Capability::Temperatures,
        Capability::FilamentChoice,
    ],
};
