//! What is known of a board with Marlin before one is asked.

use domain::printer::Capability;

use crate::describe::{Description, Setting, SettingKind};

/// The driver's name in a printer's link.
pub(crate) const NAME: &str = "marlin";

/// The driver.
pub(crate) const DESCRIPTION: Description = Description {
    name: NAME,
    title: "Marlin (USB)",
    settings: &[Setting {
        kind: SettingKind::Address,
        title: "Device",
        hint: "The printer's stable name under /dev/serial/by-id, with @ and its baud rate if that is not 115200: \
               /dev/serial/by-id/usb-1a86_USB_Serial-if00-port0@250000",
        required: true,
    }],
    capabilities: &[Capability::Pause, Capability::Cancel, Capability::Temperatures],
};
