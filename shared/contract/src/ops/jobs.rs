//! Jobs: what is to be printed.

use std::collections::BTreeMap;

use domain::access::Access;
use domain::attempt::Attempt;
use domain::id::{FileId, JobId, PartId, PrinterId};
use domain::job::{Job, Needs, Target};
use domain::permission::Permission;
use domain::recovery::Resolution;
use domain::text::{ExternalId, Metadata, Name, Note};
use domain::time::Timestamp;
use domain::waiting::{JobReason, PrinterReason};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Listed;
use crate::list::{ListQuery, Page, View};
use crate::operation::{Json, Nothing, Of, given, present};
use crate::patch::Patch;

/// A new job: a file, or a plate of a part.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewJob {
    /// What people call it; absent = the file's name.
    #[serde(default)]
    pub name: Option<Name>,
    /// The file to print.
    pub file_id: FileId,
    /// The part that it makes.
    #[serde(default)]
    pub part_id: Option<PartId>,
    /// Where it may run.
    #[serde(default)]
    pub target: Target,
    /// What a printer must have; absent = what the file says.
    #[serde(default)]
    pub needs: Option<Needs>,
    /// Higher goes first; 0 is normal.
    #[serde(default)]
    pub priority: i32,
    /// When it should be done.
    #[serde(default)]
    pub due_at: Option<Timestamp>,
    /// Items on the plate.
    #[serde(default)]
    pub items: Option<u32>,
    /// Wait for a person to release it.
    #[serde(default)]
    pub held: bool,
    /// Wait for a person's yes.
    #[serde(default)]
    pub needs_approval: bool,
    /// The id that another system gave to it.
    #[serde(default)]
    pub external_id: Option<ExternalId>,
    /// Your pairs.
    #[serde(default)]
    pub metadata: Metadata,
}
impl Json for NewJob {}

/// A change to a job that is not on a printer.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EditJob {
    /// A new name.
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "Name")]
    pub name: Option<Name>,
    /// Where it may run; `null` = anywhere that fits.
    #[serde(default, deserialize_with = "present")]
    #[schemars(with = "Option<Patch<Target>>")]
    pub target: Option<Option<Patch<Target>>>,
    /// What a printer must have; `null` = nothing.
    #[serde(default, deserialize_with = "present")]
    #[schemars(with = "Option<Patch<Needs>>")]
    pub needs: Option<Option<Patch<Needs>>>,
    /// Higher goes first.
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "i32")]
    pub priority: Option<i32>,
    /// When it should be done; `null` = no date.
    #[serde(default, deserialize_with = "present")]
    #[schemars(with = "Option<Timestamp>")]
    pub due_at: Option<Option<Timestamp>>,
    /// The id that another system gave to it.
    #[serde(default, deserialize_with = "present")]
    #[schemars(with = "Option<ExternalId>")]
    pub external_id: Option<Option<ExternalId>>,
    /// Your pairs; `null` = none.
    #[serde(default, deserialize_with = "present")]
    #[schemars(with = "Option<Patch<Metadata>>")]
    pub metadata: Option<Option<Patch<Metadata>>>,
}
impl Json for EditJob {}

/// Where in the queue a job goes: before that job, or to the very end.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct MoveJob {
    /// The job that comes after it; absent = the end.
    pub before: Option<JobId>,
}
impl Json for MoveJob {}

/// How a job is cancelled.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct CancelJob {
    /// Why, in words.
    pub reason: Option<Note>,
    /// Back into the queue afterwards.
    pub requeue: bool,
}
impl Json for CancelJob {}

/// What the items of an ended print are worth.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct JudgeJob {
    /// Items that are good.
    pub good: u32,
    /// Items for the bin.
    pub scrap: u32,
    /// Why, in words.
    #[serde(default)]
    pub note: Option<Note>,
}
impl Json for JudgeJob {}

/// How a job of unknown state ended, by a person's word.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ResolveJob {
    /// Completed, failed or not started.
    pub outcome: Resolution,
}
impl Json for ResolveJob {}

/// Why a job does not run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Why {
    /// The job.
    pub job_id: JobId,
    /// One sentence that sums it up.
    pub summary: String,
    /// What keeps it from running anywhere.
    pub job: Vec<WhyCode>,
    /// Per printer, what keeps it from running there; none = it could.
    pub printers: Vec<WhyPrinter>,
}

/// One printer's reasons.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct WhyPrinter {
    /// The printer.
    pub printer_id: PrinterId,
    /// Its name.
    pub name: String,
    /// What keeps the job from running there.
    pub reasons: Vec<WhyCode>,
}

/// One reason.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct WhyCode {
    /// The code.
    pub code: String,
    /// One plain sentence.
    pub text: String,
    /// What a person can do about it.
    pub fix: String,
}

impl From<PrinterReason> for WhyCode {
    fn from(reason: PrinterReason) -> Self {
        Self { code: reason.code().into(), text: reason.sentence().into(), fix: reason.fix().into() }
    }
}

impl From<JobReason> for WhyCode {
    fn from(reason: JobReason) -> Self {
        Self { code: reason.code().into(), text: reason.sentence().into(), fix: reason.fix().into() }
    }
}

/// The grouped summary of a waiting job.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct WaitingSummary {
    /// What keeps it from running anywhere.
    pub job: Vec<JobReason>,
    /// How many printers cannot take it, by their first reason.
    pub printers: BTreeMap<String, u32>,
    /// One sentence that sums it up.
    pub summary: String,
}

crate::operations! {
    /// List the jobs.
    ListJobs = "list_jobs" Get "/v1/jobs" {
        access: Access::Needs(Permission::JobView), home: Farm, nature: Read, ai: Read,
        target: Nothing, query: ListQuery<Job>, body: Nothing, reply: Page<Job>, status: 200
    }
    /// Put a job into the queue.
    ///
    /// The agent matches it to a printer. A file that does not say for which model it was made needs a target.
    CreateJob = "create_job" Post "/v1/jobs" {
        access: Access::Needs(Permission::JobCreate), home: Farm, nature: Mailbox, ai: Write,
        target: Nothing, query: Nothing, body: NewJob, reply: View<Job>, status: 201, dry_run: true
    }
    /// Show one job.
    GetJob = "get_job" Get "/v1/jobs/{id}" {
        access: Access::Needs(Permission::JobView), home: Farm, nature: Read, ai: Read,
        target: Of<JobId>, query: Nothing, body: Nothing, reply: View<Job>, status: 200
    }
    /// Change a job that is not on a printer.
    EditJobOp = "edit_job" Patch "/v1/jobs/{id}" {
        access: Access::OwnOrAll(Permission::JobEditOwn, Permission::JobEditAll), home: Farm, nature: Mailbox, ai: Write,
        target: Of<JobId>, query: Nothing, body: EditJob, reply: View<Job>, status: 200
    }
    /// Move a job in the queue.
    MoveJobOp = "move_job" Post "/v1/jobs/{id}/move" {
        access: Access::Needs(Permission::QueueManage), home: Farm, nature: Refused, ai: Write,
        target: Of<JobId>, query: Nothing, body: MoveJob, reply: View<Job>, status: 200
    }
    /// Hold a waiting job.
    HoldJob = "hold_job" Post "/v1/jobs/{id}/hold" {
        access: Access::Needs(Permission::QueueManage), home: Farm, nature: Mailbox, ai: Write,
        target: Of<JobId>, query: Nothing, body: Nothing, reply: View<Job>, status: 200, bulk: "hold"
    }
    /// Release a held job.
    ReleaseJob = "release_job" Post "/v1/jobs/{id}/release" {
        access: Access::Needs(Permission::QueueManage), home: Farm, nature: Refused, ai: Approval,
        target: Of<JobId>, query: Nothing, body: Nothing, reply: View<Job>, status: 200, bulk: "release"
    }
    /// Approve a job that waits for a person's yes.
    ApproveJob = "approve_job" Post "/v1/jobs/{id}/approve" {
        access: Access::Needs(Permission::JobApprove), home: Farm, nature: Refused, ai: Hidden,
        target: Of<JobId>, query: Nothing, body: Nothing, reply: View<Job>, status: 200, bulk: "approve"
    }
    /// Cancel a job, on a printer or not.
    ///
    /// A job on a printer carries `cancel_requested` until the printer has stopped.
    CancelJobOp = "cancel_job" Post "/v1/jobs/{id}/cancel" {
        access: Access::OwnOrAll(Permission::JobCancelOwn, Permission::JobCancelAll), home: Farm, nature: Refused, ai: Approval,
        target: Of<JobId>, query: Nothing, body: CancelJob, reply: View<Job>, status: 200, dry_run: true, bulk: "cancel"
    }
    /// Put an ended job back into the queue.
    RetryJob = "retry_job" Post "/v1/jobs/{id}/retry" {
        access: Access::Needs(Permission::JobCreate), home: Farm, nature: Refused, ai: Approval,
        target: Of<JobId>, query: Nothing, body: Nothing, reply: View<Job>, status: 200, dry_run: true, bulk: "retry"
    }
    /// Say how many items of an ended print are good.
    JudgeJobOp = "judge_job" Post "/v1/jobs/{id}/judge" {
        access: Access::Needs(Permission::JobJudge), home: Farm, nature: Refused, ai: Hidden,
        target: Of<JobId>, query: Nothing, body: JudgeJob, reply: View<Attempt>, status: 200
    }
    /// Decide how a job of unknown state ended.
    ResolveJobOp = "resolve_job" Post "/v1/jobs/{id}/resolve" {
        access: Access::Needs(Permission::JobResolve), home: Farm, nature: Refused, ai: Hidden,
        target: Of<JobId>, query: Nothing, body: ResolveJob, reply: View<Job>, status: 200
    }
    /// List the attempts of a job.
    ListJobAttempts = "list_job_attempts" Get "/v1/jobs/{id}/attempts" {
        access: Access::Needs(Permission::JobView), home: Farm, nature: Read, ai: Read,
        target: Of<JobId>, query: Nothing, body: Nothing, reply: Listed<View<Attempt>>, status: 200
    }
    /// Tell per printer why a job does not run there.
    WhyJob = "why_job" Get "/v1/jobs/{id}/why" {
        access: Access::Needs(Permission::QueueView), home: Farm, nature: Live, ai: Read,
        target: Of<JobId>, query: Nothing, body: Nothing, reply: Why, status: 200
    }
}
