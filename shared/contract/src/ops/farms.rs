//! Farms, and what concerns all their printers at once.

use domain::access::Access;
use domain::farm::{Dispatch, Farm};
use domain::id::FarmId;
use domain::permission::Permission;
use domain::text::Name;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::list::{BulkReply, ListQuery, Page, View};
use crate::operation::{Json, Nothing, Of, given};

/// A change to a farm.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EditFarm {
    /// A new name.
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "Name")]
    pub name: Option<Name>,
    /// Failures in a row that quarantine a printer; 0 = never.
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "u32")]
    pub quarantine_after: Option<u32>,
    /// Printers on which the same file must fail before its jobs are held; 0 = never.
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "u32")]
    pub hold_file_after: Option<u32>,
}
impl Json for EditFarm {}

/// Whether the farm starts work.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SetDispatch {
    /// Run, drain or stop.
    pub dispatch: Dispatch,
}
impl Json for SetDispatch {}

crate::operations! {
    /// List the farms.
    ListFarms = "list_farms" Get "/v1/farms" {
        access: Access::Needs(Permission::FarmView), home: Farm, nature: Read, ai: Read,
        target: Nothing, query: ListQuery<Farm>, body: Nothing, reply: Page<Farm>, status: 200
    }
    /// Show one farm.
    GetFarm = "get_farm" Get "/v1/farms/{id}" {
        access: Access::Needs(Permission::FarmView), home: Farm, nature: Read, ai: Read,
        target: Of<FarmId>, query: Nothing, body: Nothing, reply: View<Farm>, status: 200
    }
    /// Change a farm.
    EditFarmOp = "edit_farm" Patch "/v1/farms/{id}" {
        access: Access::Needs(Permission::FarmEdit), home: Farm, nature: Refused, ai: Hidden,
        target: Of<FarmId>, query: Nothing, body: EditFarm, reply: View<Farm>, status: 200
    }
    /// Let the farm start work, finish what it has, or start nothing.
    ///
    /// `run` starts work. `drain` claims nothing new. `stop` starts nothing, not even what is already claimed.
    SetFarmDispatch = "set_farm_dispatch" Post "/v1/farms/{id}/dispatch" {
        access: Access::Needs(Permission::FarmDispatch), home: Farm, nature: Refused, ai: Approval,
        target: Of<FarmId>, query: Nothing, body: SetDispatch, reply: View<Farm>, status: 200
    }
    /// Stop everything: cancel every print of ours and start nothing more.
    StopAll = "stop_all" Post "/v1/farms/{id}/stop-all" {
        access: Access::Needs(Permission::FarmDispatch), home: Farm, nature: Refused, ai: Approval,
        target: Of<FarmId>, query: Nothing, body: Nothing, reply: BulkReply, status: 200
    }
    /// Pause every print of ours.
    PauseAll = "pause_all" Post "/v1/farms/{id}/pause-all" {
        access: Access::Needs(Permission::FarmDispatch), home: Farm, nature: Refused, ai: Approval,
        target: Of<FarmId>, query: Nothing, body: Nothing, reply: BulkReply, status: 200
    }
}
