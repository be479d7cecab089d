//! What is known of OctoPrint before one is asked.

use domain::printer::Capability;

use crate::describe::{Description, Setting, SettingKind};

/// The driver's name in a printer's link.
pub(crate) const NAME: &str = "octoprint";

/// The driver.
pub(crate) const DESCRIPTION: Description = Description {
    name: NAME,
    title: "OctoPrint",
    settings: &[
        Setting {
            kind: SettingKind::Address,
            title: "Address",
            hint: "The URL of its page, such as http://octopi.local or http://192.168.1.20:5000",
            required: true,
        },
        Setting {
            kind: SettingKind::Credential,
            title: "API key",
            hint: "In OctoPrint: Settings, Application Keys. Its user must be allowed to print, upload and delete files",
            required: true,
        },
    ],
    capabilities: &[Capability::Pause, Capability::Cancel, Capability::History, Capability::ServerCopy, Capability::Temperatures],
};
