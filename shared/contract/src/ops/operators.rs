//! The people of the floor. They belong to the farm and sign in at its own door by a PIN.

use std::collections::BTreeSet;

use domain::access::Access;
use domain::id::OperatorId;
use domain::operator::Operator;
use domain::permission::Permission;
use domain::role::Role;
use domain::secret::Secret;
use domain::text::{Name, Tag};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Listed;
use crate::list::{ListQuery, Page, View};
use crate::operation::{Json, Nothing, Of, given, present};

/// A new operator. Role and permissions add up; neither may go beyond the caller's own.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewOperator {
    /// What they are called; it stands at the door where they sign in.
    pub name: Name,
    /// A built-in role (never `store_owner`); `operator` if neither this nor permissions are given.
    #[serde(default)]
    pub role: Option<Role>,
    /// Single permissions.
    #[serde(default)]
    pub permissions: BTreeSet<Permission>,
    /// Only for printers with one of these tags; absent = as far as the caller.
    #[serde(default)]
    pub tags: Option<BTreeSet<Tag>>,
}
impl Json for NewOperator {}

/// A change to an operator. What they hold changes at once, also where they are signed in.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EditOperator {
    /// A new name.
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "Name")]
    pub name: Option<Name>,
    /// Another role; `null` = none.
    #[serde(default, deserialize_with = "present")]
    #[schemars(with = "Option<Role>")]
    pub role: Option<Option<Role>>,
    /// Other single permissions.
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "BTreeSet<Permission>")]
    pub permissions: Option<BTreeSet<Permission>>,
    /// Other tags; `null` = as far as the caller.
    #[serde(default, deserialize_with = "present")]
    #[schemars(with = "Option<BTreeSet<Tag>>")]
    pub tags: Option<Option<BTreeSet<Tag>>>,
}
impl Json for EditOperator {}

/// A PIN.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SetPin {
    /// 6 to 12 digits. What is tried first, such as 123456, is refused.
    pub pin: Secret<String>,
}
impl Json for SetPin {}

/// One's own PIN, changed.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SetOwnPinBody {
    /// The one that is set now.
    pub current_pin: Secret<String>,
    /// The new one: 6 to 12 digits. What is tried first, such as 123456, is refused.
    pub pin: Secret<String>,
}
impl Json for SetOwnPinBody {}

/// Somebody who may sign in by PIN.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AtTheDoor {
    /// Their id, for `POST /v1/sessions`.
    pub id: OperatorId,
    /// What they are called.
    pub name: Name,
}

crate::operations! {
    /// List who may sign in here by PIN.
    ///
    /// Names are told where a PIN is taken: on the farm's own network, and to devices that were added. Elsewhere, and at a relay, the list
    /// is empty.
    ListAtTheDoor = "list_at_the_door" Get "/v1/sessions/operators" {
        access: Access::Public, home: Door, nature: Read, ai: Hidden,
        target: Nothing, query: Nothing, body: Nothing, reply: Listed<AtTheDoor>, status: 200
    }
    /// List the operators.
    ListOperators = "list_operators" Get "/v1/operators" {
        access: Access::Needs(Permission::UserView), home: Farm, nature: Read, ai: Hidden,
        target: Nothing, query: ListQuery<Operator>, body: Nothing, reply: Page<Operator>, status: 200
    }
    /// Add an operator.
    ///
    /// They can sign in once they have a PIN.
    CreateOperator = "create_operator" Post "/v1/operators" {
        access: Access::Needs(Permission::UserInvite), home: Farm, nature: Refused, ai: Hidden,
        target: Nothing, query: Nothing, body: NewOperator, reply: View<Operator>, status: 201
    }
    /// Show one operator.
    GetOperator = "get_operator" Get "/v1/operators/{id}" {
        access: Access::Needs(Permission::UserView), home: Farm, nature: Read, ai: Hidden,
        target: Of<OperatorId>, query: Nothing, body: Nothing, reply: View<Operator>, status: 200
    }
    /// Change an operator.
    EditOperatorOp = "edit_operator" Patch "/v1/operators/{id}" {
        access: Access::Needs(Permission::UserEdit), home: Farm, nature: Refused, ai: Hidden,
        target: Of<OperatorId>, query: Nothing, body: EditOperator, reply: View<Operator>, status: 200
    }
    /// Remove an operator. Their sessions end.
    DeleteOperator = "delete_operator" Delete "/v1/operators/{id}" {
        access: Access::Needs(Permission::UserRemove), home: Farm, nature: Refused, ai: Hidden,
        target: Of<OperatorId>, query: Nothing, body: Nothing, reply: Nothing, status: 204
    }
    /// Pause an operator: their sessions end, and their PIN opens nothing until they are resumed.
    PauseOperator = "pause_operator" Post "/v1/operators/{id}/pause" {
        access: Access::Needs(Permission::UserEdit), home: Farm, nature: Refused, ai: Hidden,
        target: Of<OperatorId>, query: Nothing, body: Nothing, reply: View<Operator>, status: 200, bulk: "pause"
    }
    /// Resume a paused operator.
    ResumeOperator = "resume_operator" Post "/v1/operators/{id}/resume" {
        access: Access::Needs(Permission::UserEdit), home: Farm, nature: Refused, ai: Hidden,
        target: Of<OperatorId>, query: Nothing, body: Nothing, reply: View<Operator>, status: 200, bulk: "resume"
    }
    /// Set an operator's PIN.
    ///
    /// It is kept as a hash and never shown. Their sessions end, and a locked PIN is locked no more.
    SetOperatorPin = "set_operator_pin" Post "/v1/operators/{id}/pin" {
        access: Access::Needs(Permission::UserEdit), home: Farm, nature: Refused, ai: Hidden,
        target: Of<OperatorId>, query: Nothing, body: SetPin, reply: View<Operator>, status: 200
    }
    /// Change one's own PIN.
    ///
    /// For operators who are signed in at their farm. They say the one that is set now, and wrong ones count as at the door. Their other
    /// sessions end.
    SetOwnPin = "set_own_pin" Post "/v1/me/pin" {
        access: Access::Authenticated, home: Door, nature: Refused, ai: Hidden,
        target: Nothing, query: Nothing, body: SetOwnPinBody, reply: Nothing, status: 204
    }
}
