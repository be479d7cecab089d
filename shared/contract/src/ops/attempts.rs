//! Attempts: what was tried on which printer.

use domain::access::Access;
use domain::attempt::Attempt;
use domain::id::AttemptId;
use domain::permission::Permission;

use crate::list::{ListQuery, Page, View};
use crate::operation::{Nothing, Of};

crate::operations! {
    /// List the attempts.
    ListAttempts = "list_attempts" Get "/v1/attempts" {
        access: Access::Needs(Permission::JobView), home: Farm, nature: Read, ai: Read,
        target: Nothing, query: ListQuery<Attempt>, body: Nothing, reply: Page<Attempt>, status: 200
    }
    /// Show one attempt.
    GetAttempt = "get_attempt" Get "/v1/attempts/{id}" {
        access: Access::Needs(Permission::JobView), home: Farm, nature: Read, ai: Read,
        target: Of<AttemptId>, query: Nothing, body: Nothing, reply: View<Attempt>, status: 200
    }
}
