//! `gantry jobs`: what is to be printed.

mod look;
mod write;

use clap::{Args, Subcommand, ValueEnum};
use contract::operation::{Contract, Of};
use contract::ops::jobs::{ApproveJob, CancelJobOp, HoldJob, JudgeJobOp, MoveJobOp, ReleaseJob, ResolveJobOp, RetryJob};
use domain::id::JobId;
use domain::job::Job;
use serde_json::{Value, json};

use self::look::{List, attempts, show, why};
use self::write::{Create, Edit};
use crate::client::Ask;
use crate::failure::Failure;
use crate::pages::verb_or_list;
use crate::session::Session;
use crate::table::words;

/// `gantry jobs`.
#[derive(Args)]
pub struct Jobs {
    #[command(subcommand)]
    verb: Option<Verb>,
    #[command(flatten)]
    list: List,
}

#[derive(Subcommand)]
enum Verb {
    /// List the jobs, newest first.
    List(List),
    /// Show one job.
    Show(One),
    /// Put a file into the queue: a file here, or one that the farm has, by its name or id.
    Create(Create),
    /// Change a job that is not on a printer.
    Edit(Edit),
    /// Tell per printer why a job does not run there.
    Why(One),
    /// List the attempts of a job.
    Attempts(One),
    /// Cancel jobs, on a printer or not.
    Cancel(Cancel),
    /// Hold waiting jobs.
    Hold(Several),
    /// Release held jobs.
    Release(Several),
    /// Approve jobs that wait for a person's yes.
    Approve(Several),
    /// Put ended jobs back into the queue.
    Retry(Several),
    /// Move a job in the queue.
    Move(Move),
    /// Say how many items of an ended print are good.
    Judge(Judge),
    /// Decide how a job of unknown state ended.
    Resolve(Resolve),
}

#[derive(Args)]
struct One {
    /// Name or id. Of several jobs of that name the one that is not over is meant.
    job: String,
}

#[derive(Args)]
struct Several {
    /// Names or ids.
    #[arg(required = true)]
    jobs: Vec<String>,
}

#[derive(Args)]
struct Cancel {
    #[command(flatten)]
    jobs: Several,
    /// Why, in words.
    #[arg(long)]
    reason: Option<String>,
    /// Back into the queue afterwards.
    #[arg(long)]
    requeue: bool,
}

#[derive(Args)]
#[group(required = true, multiple = false)]
struct Place {
    /// Before that job, by name or id.
    #[arg(long)]
    before: Option<String>,
    /// To the end of the queue.
    #[arg(long)]
    last: bool,
}

#[derive(Args)]
struct Move {
    #[command(flatten)]
    job: One,
    #[command(flatten)]
    place: Place,
}

#[derive(Args)]
struct Judge {
    #[command(flatten)]
    job: One,
    /// Items that are good.
    #[arg(long)]
    good: u32,
    /// Items for the bin.
    #[arg(long, default_value_t = 0)]
    scrap: u32,
    /// Why, in words.
    #[arg(long)]
    note: Option<String>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Outcome {
    /// It was printed.
    Completed,
    /// It went wrong.
    Failed,
    /// It never started.
    NotStarted,
}

#[derive(Args)]
struct Resolve {
    #[command(flatten)]
    job: One,
    /// What somebody saw.
    outcome: Outcome,
}

impl Jobs {
    /// Does it.
    pub async fn run(self, s: &Session) -> Result<(), Failure> {
        match verb_or_list(self.verb, self.list, Verb::List)? {
            Verb::List(list) => list.run(s).await,
            Verb::Show(one) => show(s, &one.job).await,
            Verb::Create(create) => create.run(s).await,
            Verb::Edit(edit) => edit.run(s).await,
            Verb::Why(one) => why(s, &one.job).await,
            Verb::Attempts(one) => attempts(s, &one.job).await,
            Verb::Cancel(cancel) => cancel.run(s).await,
            Verb::Hold(which) => each::<HoldJob>(s, &which).await,
            Verb::Release(which) => each::<ReleaseJob>(s, &which).await,
            Verb::Approve(which) => each::<ApproveJob>(s, &which).await,
            Verb::Retry(which) => each::<RetryJob>(s, &which).await,
            Verb::Move(place) => {
                let before = match &place.place.before {
                    Some(before) => Some(s.id::<Job>(before).await?),
                    None => None,
                };
                let id = s.id::<Job>(&place.job.job).await?;
                tell(s, &s.call::<MoveJobOp>(Ask::of(id).body(json!({"before": before}))).await?)
            }
            Verb::Judge(judge) => {
                let id = s.id::<Job>(&judge.job.job).await?;
                let body = json!({"good": judge.good, "scrap": judge.scrap, "note": judge.note});
                let attempt = s.call::<JudgeJobOp>(Ask::of(id).body(body)).await?;
                s.out.answer(&attempt, |_| format!("{}: {} good, {} scrap.", judge.job.job, judge.good, judge.scrap))
            }
            Verb::Resolve(resolve) => {
                let id = s.id::<Job>(&resolve.job.job).await?;
                let outcome = match resolve.outcome {
                    Outcome::Completed => "completed",
                    Outcome::Failed => "failed",
                    Outcome::NotStarted => "not_started",
                };
                tell(s, &s.call::<ResolveJobOp>(Ask::of(id).body(json!({"outcome": outcome}))).await?)
            }
        }
    }
}

/// What became of a job.
fn tell(s: &Session, job: &Value) -> Result<(), Failure> {
    s.out.answer(job, |job| {
        let asked = if job.get("cancel_requested").is_some() { ", its cancel is asked for" } else { "" };
        format!("{}: {}{asked}.", words(&job["name"]), words(&job["state"]).replace('_', " "))
    })
}

/// One after the other; the first that is refused ends it.
async fn each<C: Contract<Target = Of<JobId>>>(s: &Session, which: &Several) -> Result<(), Failure> {
    for which in &which.jobs {
        let id = s.id::<Job>(which).await?;
        tell(s, &s.call::<C>(Ask::of(id)).await?)?;
    }
    Ok(())
}

impl Cancel {
    async fn run(self, s: &Session) -> Result<(), Failure> {
        s.out.confirm(&format!("Cancel {}?", self.jobs.jobs.join(", ")))?;
        for which in &self.jobs.jobs {
            let id = s.id::<Job>(which).await?;
            let body = json!({"reason": self.reason, "requeue": self.requeue});
            tell(s, &s.call::<CancelJobOp>(Ask::of(id).body(body)).await?)?;
        }
        Ok(())
    }
}
