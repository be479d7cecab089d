//! An operator: a person of the floor who signs in at the farm's own door by a PIN. And what a PIN must be like.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::access::{Grants, Scope};
use crate::id::{FarmId, OperatorId};
use crate::permission::PermissionSet;
use crate::role::Role;
use crate::text::{Name, Tag};
use crate::time::Timestamp;

/// Whether an operator may come in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OperatorState {
    /// They may.
    Active,
    /// Not for now.
    Paused,
}

impl OperatorState {
    /// The word on the wire.
    pub const fn word(self) -> &'static str {
        match self {
            OperatorState::Active => "active",
            OperatorState::Paused => "paused",
        }
    }
}

/// How it stands with an operator's PIN.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PinState {
    /// There is none yet.
    Unset,
    /// There is one.
    Set,
    /// It was guessed at too often: only at a browser that they used before does it still open the door.
    Locked,
}

/// A person who works on the floor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Operator {
    /// Their id.
    pub id: OperatorId,
    /// What they are called.
    pub name: Name,
    /// Their role.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
    /// Single permissions beside the role's.
    #[serde(default, skip_serializing_if = "PermissionSet::is_empty")]
    pub permissions: PermissionSet,
    /// The farms where that holds.
    pub farms: Scope<FarmId>,
    /// The printer tags for which it holds.
    pub tags: Scope<Tag>,
    /// Whether they may come in.
    pub state: OperatorState,
    /// How it stands with their PIN.
    pub pin: PinState,
    /// Since when they are known.
    pub created_at: Timestamp,
}

impl Operator {
    /// What they may do, and where.
    pub fn grants(&self) -> Grants {
        let role = self.role.map_or(PermissionSet::EMPTY, Role::permissions);
        Grants { permissions: role.or(self.permissions), farms: self.farms.clone(), tags: self.tags.clone() }
    }
}

/// The digits that a PIN may have.
pub const PIN_DIGITS: std::ops::RangeInclusive<usize> = 6..=12;

/// Patterns of the keypad that people choose most and that no rule below finds.
const WELL_WORN: &[&str] = &["112233", "123321", "142536", "147258", "147852", "159357", "159753", "258456", "789456", "852456"];

/// Why a text is no PIN, if it is none: what would be tried first is refused.
pub fn pin_problem(pin: &str) -> Option<&'static str> {
    let digits = pin.as_bytes();
    if !PIN_DIGITS.contains(&digits.len()) || !digits.iter().all(u8::is_ascii_digit) {
        return Some("must be 6 to 12 digits");
    }
    let different: std::collections::BTreeSet<&u8> = digits.iter().collect();
    let steps: std::collections::BTreeSet<u8> = digits.windows(2).map(|two| (two[1] + 10 - two[0]) % 10).collect();
    let repeats = (1..=digits.len() / 2).any(|length| digits.chunks(length).all(|block| digits.starts_with(block)));
    let worn = different.len() < 3 || steps.len() == 1 || repeats || WELL_WORN.contains(&pin);
    worn.then_some("is one of those that are tried first: take digits without a pattern")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pin_has_six_to_twelve_digits_without_a_pattern() {
        for good in ["482913", "907264", "19283746", "482913482917", "004271"] {
            assert_eq!(pin_problem(good), None, "{good}");
        }
        for bad in [
            "",
            "48291",
            "4829134829135",
            "48291a",
            "４８２９１３",
            " 482913",
            "000000",
            "123456",
            "012345",
            "890123",
            "654321",
            "246802",
            "121212",
            "112211",
            "123123",
            "482482",
            "11111111",
            "1234567890",
            "112233",
            "147258",
        ] {
            assert!(pin_problem(bad).is_some(), "{bad}");
        }
    }
}
