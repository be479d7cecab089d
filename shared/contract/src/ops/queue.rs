//! The queue: waiting jobs in the order in which they will be tried, each with why it waits.

use domain::access::Access;
use domain::job::Job;
use domain::permission::Permission;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::jobs::WaitingSummary;
use crate::list::View;
use crate::operation::Nothing;

/// A waiting job and why it waits.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct QueueEntry {
    /// The job; absent without `job.view`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job: Option<View<Job>>,
    /// Why it waits.
    pub waiting: WaitingSummary,
}

/// The queue.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Queue {
    /// Waiting jobs, first to be tried first; at most 500.
    pub entries: Vec<QueueEntry>,
    /// How many wait in all.
    pub waiting: u32,
    /// How many are on printers.
    pub active: u32,
}

crate::operations! {
    /// Show the queue and why each job waits.
    GetQueue = "get_queue" Get "/v1/queue" {
        access: Access::Needs(Permission::QueueView), home: Farm, nature: Live, ai: Read,
        target: Nothing, query: Nothing, body: Nothing, reply: Queue, status: 200
    }
}
