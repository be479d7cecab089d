//! Commands: what was asked of printers, and what became of it.

use domain::access::Access;
use domain::command::Command;
use domain::id::CommandId;
use domain::permission::Permission;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::list::{ListQuery, Page, View};
use crate::operation::{Nothing, Of};

/// It was taken back.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Withdrawn {
    /// The command.
    pub id: CommandId,
}

crate::operations! {
    /// List the commands.
    ListCommands = "list_commands" Get "/v1/commands" {
        access: Access::Needs(Permission::PrinterView), home: Farm, nature: Read, ai: Read,
        target: Nothing, query: ListQuery<Command>, body: Nothing, reply: Page<Command>, status: 200
    }
    /// Take back what still waits for a farm that is away.
    ///
    /// Only who asked for it, or who may edit the farm. What was sent already may have been done, and is not taken back.
    WithdrawCommand = "withdraw_command" Post "/v1/commands/{id}/withdraw" {
        access: Access::OwnOrAll(Permission::JobCancelOwn, Permission::FarmEdit), home: Door, nature: Refused, ai: Hidden,
        target: Of<CommandId>, query: Nothing, body: Nothing, reply: Withdrawn, status: 200
    }
    /// Show what became of a command.
    GetCommand = "get_command" Get "/v1/commands/{id}" {
        access: Access::Needs(Permission::PrinterView), home: Farm, nature: Read, ai: Read,
        target: Of<CommandId>, query: Nothing, body: Nothing, reply: View<Command>, status: 200
    }
}
