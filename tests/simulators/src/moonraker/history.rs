//! Moonraker's history of jobs. It survives a power cut, after which the job that ran is interrupted.

use super::disk::seconds;
use domain::time::Timestamp;
use serde_json::{Value, json};

#[derive(Debug, Default)]
pub(super) struct History {
    jobs: Vec<Job>,
}

#[derive(Debug, Clone)]
pub(super) struct Job {
    number: usize,
    pub file: String,
    status: &'static str,
    began: Timestamp,
    ended: Option<Timestamp>,
    printed_ms: u64,
    total_ms: u64,
}

impl History {
    pub(super) fn add(&mut self, file: &str, now: Timestamp) -> &Job {
        let number = self.jobs.len() + 1;
        let job =
            Job { number, file: file.to_owned(), status: "in_progress", began: now, ended: None, printed_ms: 0, total_ms: 0 };
        self.jobs.push(job);
        &self.jobs[number - 1]
    }

    /// Closes the job that runs; none if none does.
    pub(super) fn finish(&mut self, status: &'static str, printed_ms: u64, total_ms: u64, now: Timestamp) -> Option<&Job> {
        let job = self.jobs.last_mut().filter(|job| job.ended.is_none())?;
        job.status = status;
        job.ended = Some(now);
        job.printed_ms = printed_ms;
        job.total_ms = total_ms;
        Some(job)
    }

    /// Moonraker came up and finds a job that nobody closed.
    pub(super) fn interrupt(&mut self, now: Timestamp) {
        self.finish("interrupted", 0, 0, now);
    }

    pub(super) fn list(&self, limit: usize, newest_first: bool, exists: impl Fn(&str) -> bool) -> Value {
        let told = |job: &Job| job.told(exists(&job.file));
        let jobs: Vec<Value> = if newest_first {
            self.jobs.iter().rev().take(limit).map(told).collect()
        } else {
            self.jobs.iter().take(limit).map(told).collect()
        };
        json!({ "count": jobs.len(), "jobs": jobs })
    }
}

impl Job {
    pub(super) fn told(&self, exists: bool) -> Value {
        json!({
            "auxiliary_data": [], "end_time": self.ended.map(seconds), "exists": exists, "filament_used": 0.0,
            "filename": self.file, "job_id": format!("{:06X}", self.number), "metadata": {},
            "print_duration": self.printed_ms as f64 / 1000.0, "start_time": seconds(self.began), "status": self.status,
            "total_duration": self.total_ms as f64 / 1000.0, "user": "_TRUSTED_USER_",
        })
    }
}
