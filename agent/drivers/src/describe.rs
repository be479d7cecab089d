//! What is known of a driver before a printer is asked: its name, what it must be told, and what its
//! machines can do. Data only; the page and the API show it as it stands here.

use domain::printer::Capability;

/// A driver.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Description {
    /// Its name in a printer's link.
    pub name: &'static str,
    /// What people call it.
    pub title: &'static str,
    /// What it must be told.
    pub settings: &'static [Setting],
    /// What its machines can do.
    pub capabilities: &'static [Capability],
}

/// Something that a driver must be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Setting {
    /// Which it is.
    pub kind: SettingKind,
    /// What people call it.
    pub title: &'static str,
    /// Where a person finds it, with an example.
    pub hint: &'static str,
    /// The driver does not work without it.
    pub required: bool,
}

/// The settings that there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SettingKind {
    /// Where the printer is.
    Address,
    /// The number that its maker gave to it.
    Serial,
    /// Its key or code: a secret.
    Credential,
}
