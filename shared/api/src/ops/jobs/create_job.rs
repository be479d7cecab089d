//! Put a job into the queue.

use contract::event::Named;
use contract::list::View;
use contract::operation::Asked;
use contract::ops::jobs::CreateJob;
use contract::problem::{Code, Problem};
use domain::file::File;
use domain::id::JobId;
use domain::job::{HoldReason, Job, JobState};
use domain::part::Part;
use domain::text::Name;

use super::{check_target, last_rank, needs};
use crate::operation::{AtHome, By, Failure, Write, Written};
use crate::ops::unprepared;

impl Write for CreateJob {
    unprepared!();

    fn write(by: &By<Self>, at: &mut AtHome<'_, '_>, asked: Asked<Self>, (): ()) -> Result<Written<View<Job>>, Failure> {
        let body = asked.body;
        if at.floor()?.disk_room().is_none() {
            return Err(Problem::new(Code::DiskFull).into());
        }
        let file = by.find::<File>(at.rows(), body.file_id)?.record;
        if let Some(part) = body.part_id {
            by.find::<Part>(at.rows(), part)?;
        }
        check_target(by, at.rows(), &body.target)?;
        if body.items == Some(0) {
            return Err(Problem::field("/items", "invalid", "must be at least 1").into());
        }
        let name = match body.name {
            Some(name) => name,
            None => Name::try_from(file.name.chars().take(120).collect::<String>())
                .map_err(|error| Problem::field("/name", "invalid", error))?,
        };
        let (state, named) = match (body.needs_approval, body.held) {
            (true, _) => (JobState::AwaitingApproval, Some(Named::JobAwaitingApproval)),
            (false, true) => (JobState::Held(HoldReason::Requested), Some(Named::JobHeld)),
            (false, false) => (JobState::Queued, None),
        };
        let id: JobId = at.new_id();
        let job = Job {
            id,
            name,
            file_id: file.id,
            part_id: body.part_id,
            state,
            target: body.target,
            needs: body.needs.unwrap_or_else(|| needs::of_file(&file.sliced)),
            priority: body.priority,
            rank: last_rank(at)?,
            due_at: body.due_at,
            estimated_seconds: file.sliced.estimated_seconds.and_then(|seconds| u32::try_from(seconds).ok()),
            items: body.items.unwrap_or(1),
            cancel_requested: None,
            attempts: 0,
            printers_tried: Vec::new(),
            detail: None,
            external_id: body.external_id,
            metadata: body.metadata,
            created_by: by.actor.clone(),
            created_at: at.now(),
            started_at: None,
            ended_at: None,
        };
        at.create(&job)?;
        if let Some(named) = named {
            at.tell(named, &job, 1)?;
        }
        Ok(by.view(at.rows(), id)?.into())
    }
}
