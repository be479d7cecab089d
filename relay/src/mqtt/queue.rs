//! The queue in numbers, as one key may see it: counted from the rows at this door, told when it changed, and
//! at most once a second, however much happens.

use std::collections::BTreeMap;

use contract::list::{Condition, Selection};
use contract::record::kind_row;
use domain::kind::Kind;
use domain::permission::Permission;
use serde_json::json;
use store::{StoreError, StoredEvent};

use super::present::Eyes;
use super::session::Message;

/// How many jobs there are in each state that is not done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Numbers {
    waiting: BTreeMap<String, u64>,
    active: BTreeMap<String, u64>,
}

/// What a client was told of the queue.
#[derive(Debug, Default)]
pub struct Told {
    last: Option<Numbers>,
    /// Something happened since.
    stale: bool,
}

impl Told {
    /// It was shown to one who subscribed. What others were told before stays what they know.
    pub fn shown(&mut self, numbers: Numbers) {
        self.last.get_or_insert(numbers);
    }

    /// All will be shown anew.
    pub fn forget(&mut self) {
        *self = Self::default();
    }

    /// These happened: a job went on, or stands now where other eyes see it.
    pub fn happened(&mut self, events: &[StoredEvent]) {
        self.stale |= events.iter().any(|stored| matches!(stored.event.subject.kind, Kind::Job | Kind::Printer | Kind::Pool));
    }

    /// It may have changed without an event: a copy was brought in.
    pub fn doubt(&mut self) {
        self.stale = true;
    }

    /// What is to be told now, if it is news.
    ///
    /// # Errors
    /// What the database says.
    pub fn news(&mut self, eyes: Eyes<'_>) -> Result<Option<Message>, StoreError> {
        // Until it was shown there is nobody to tell.
        if !self.stale || self.last.is_none() {
            return Ok(None);
        }
        self.stale = false;
        let now = eyes.queue()?;
        if self.last.as_ref() == Some(&now) {
            return Ok(None);
        }
        let message = eyes.queue_message(&now);
        self.last = Some(now);
        Ok(Some(message))
    }
}

impl Eyes<'_> {
    /// Whether the queue may be seen.
    pub fn sees_queue(&self) -> bool {
        self.caller.grants.permissions.has(Permission::QueueView)
    }

    /// The queue as it is.
    ///
    /// # Errors
    /// What the database says.
    pub fn queue(&self) -> Result<Numbers, StoreError> {
        let in_phase = |phase: &str| Selection::all().with(Condition::OneOf("phase", vec![phase.to_owned()]));
        self.store.read(|rows| {
            let tally = |phase| rows.tally(kind_row(Kind::Job), "state", &in_phase(phase), self.within());
            Ok(Numbers { waiting: tally("waiting")?, active: tally("active")? })
        })
    }

    /// It as a message.
    pub fn queue_message(&self, numbers: &Numbers) -> Message {
        let Numbers { waiting, active } = numbers;
        let sum = |states: &BTreeMap<String, u64>| states.values().sum::<u64>();
        let states: BTreeMap<&String, &u64> = waiting.iter().chain(active).collect();
        let payload = json!({"waiting": sum(waiting), "active": sum(active), "states": states, "as_of": self.now.to_string()});
        Message { topic: self.topics().queue(), payload: payload.to_string().into_bytes(), is_state: true }
    }
}
