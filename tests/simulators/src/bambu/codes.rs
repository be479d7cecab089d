//! The numbers of `print_error`, as the printers' own list of messages has them.

/// The task was cancelled.
pub(super) const CANCELLED: u32 = 0x0300_400C;
/// Unsupported file path or name.
pub(super) const BAD_PATH: u32 = 0x0500_4002;
/// The file cannot be parsed.
pub(super) const UNREADABLE: u32 = 0x0500_4003;
/// Busy; finish the current task first.
pub(super) const BUSY: u32 = 0x0500_4004;
/// Insert a card and start again.
pub(super) const NO_CARD: u32 = 0x0500_400C;
/// Reading or writing the card failed.
pub(super) const CARD_BROKEN: u32 = 0x0500_C010;
/// The print file is not there.
pub(super) const NO_FILE: u32 = 0x0500_8013;
/// The mapping of the AMS cannot be had.
pub(super) const NO_MAPPING: u32 = 0x0700_8012;
/// The same, without an AMS.
pub(super) const NO_AMS: u32 = 0x07FF_8012;
/// The filament of an AMS slot ran out.
pub(super) const RUNOUT: u32 = 0x0700_8011;
/// The filament of the external spool ran out.
pub(super) const EXTERNAL_RUNOUT: u32 = 0x07FF_8011;
/// An unfinished print is there since the power was lost.
pub(super) const POWER_LOST: u32 = 0x0300_8007;
/// A command was not signed, and this firmware wants that.
pub(super) const NOT_VERIFIED: u32 = 0x0502_4007;
