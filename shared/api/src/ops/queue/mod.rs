//! Show the queue and why each job waits.

use contract::list::{Condition, Selection};
use contract::operation::Asked;
use contract::ops::queue::{GetQueue, Queue, QueueEntry};
use contract::problem::{Code, Problem};
use contract::record::{Record, kind_row};
use domain::access::Scope;
use domain::job::Job;
use domain::permission::Permission;

use crate::door::Door;
use crate::operation::{By, Failure, Read};

/// Entries that one answer holds at the most.
const MOST: usize = 500;

impl Read for GetQueue {
    async fn read(by: &By<Self>, door: &Door, _: Asked<Self>) -> Result<Queue, Failure> {
        let farm = door.farm.as_ref().ok_or_else(|| Problem::new(Code::FarmOffline))?;
        let waiting = farm.floor().waiting()?;
        let sees_jobs = by.grants.permissions.has(Permission::JobView);
        let sees_all = by.grants.tags == Scope::All && by.grants.farms == Scope::All;
        let queue = door.store.read(|rows| {
            let mut queue = Queue { entries: Vec::new(), waiting: 0, active: 0 };
            for (id, waiting) in waiting {
                if sees_all && queue.entries.len() == MOST {
                    queue.waiting += 1;
                    continue;
                }
                // A job that the caller may not reach, or that was removed since the plan, is no entry.
                let Ok(view) = by.view::<Job>(rows, id) else { continue };
                queue.waiting += 1;
                if queue.entries.len() < MOST {
                    queue.entries.push(QueueEntry { job: sees_jobs.then_some(view), waiting });
                }
            }
            let active = Selection { limit: 1, include_total: true, ..Selection::all() };
            let active = active.with(Condition::OneOf("phase", vec!["active".to_owned()]));
            let total = rows.list(kind_row(Job::KIND), &active, by.sight())?.total;
            queue.active = u32::try_from(total.unwrap_or_default()).unwrap_or(u32::MAX);
            Ok::<_, Failure>(queue)
        })?;
        std::future::ready(Ok(queue)).await
    }
}
