//! Commands: what was asked of printers, and what became of it.

use domain::access::Access;
use domain::command::Command;
use domain::id::CommandId;
use domain::permission::Permission;

use crate::list::{ListQuery, Page, View};
use crate::operation::{Nothing, Of};

crate::operations! {
    /// List the commands.
    ListCommands = "list_commands" Get "/v1/commands" {
        access: Access::Needs(Permission::PrinterView), home: Farm, nature: Read, ai: Read,
        target: Nothing, query: ListQuery<Command>, body: Nothing, reply: Page<Command>, status: 200
    }
    /// Show what became of a command.
    GetCommand = "get_command" Get "/v1/commands/{id}" {
        access: Access::Needs(Permission::PrinterView), home: Farm, nature: Read, ai: Read,
        target: Of<CommandId>, query: Nothing, body: Nothing, reply: View<Command>, status: 200
    }
}
