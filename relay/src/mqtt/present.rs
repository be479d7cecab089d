//! What one key may see: the present, page by page, and what follows in the log, as messages. It reads
//! through the same lists and the same projection as the API, so that no topic shows what a call would not.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use api::auth::Caller;
use contract::list::{Condition, MAX_LIMIT, Selection};
use contract::record::{Document, kind_row};
use domain::attempt::AttemptState;
use domain::command::CommandState;
use domain::id::PrinterId;
use domain::kind::Kind;
use domain::order::OrderState;
use domain::telemetry::Telemetry;
use domain::time::Timestamp;
use fanout::Sight;
use serde_json::Value;
use store::{RawRow, Rows, Store, StoreError, StoredEvent, Within};

use super::session::{Message, Subscription};
use super::topics::Topics;

/// Rows of one page: little enough that a page beside others stays small.
const PAGE: usize = 50;
/// What has ended stays for so long.
const STAYS_MILLIS: i64 = 3_600_000;
/// Live values of a printer come at most so often.
const PACE: Duration = Duration::from_secs(1);

/// The eyes of one key, at one moment.
#[derive(Clone, Copy)]
pub struct Eyes<'a> {
    pub store: &'a Store,
    pub caller: &'a Caller,
    pub now: Timestamp,
}

/// The present on its way to one subscription.
#[derive(Debug)]
pub struct Showing {
    pub subscription: Subscription,
    queue: bool,
    left: Vec<(Kind, Selection)>,
}

impl Showing {
    /// Everything that the subscription asks for and the key may see now.
    pub fn new(subscription: Subscription, eyes: Eyes<'_>) -> Self {
        let topics = Topics(eyes.caller.store);
        let asked = Kind::ALL.iter().filter(|kind| eyes.sees(**kind) && topics.asks_documents(&subscription.filter, **kind));
        let left = asked.flat_map(|kind| standing(*kind, eyes.now).into_iter().map(|selection| (*kind, selection))).collect();
        let queue = eyes.sees_queue() && topics.asks_queue(&subscription.filter);
        Self { subscription, queue, left }
    }

    /// Whether all was shown.
    pub const fn is_done(&self) -> bool {
        self.left.is_empty() && !self.queue
    }

    /// Whether the queue is next: it goes before all documents.
    pub const fn takes_queue(&mut self) -> bool {
        std::mem::replace(&mut self.queue, false)
    }

    /// The next page.
    ///
    /// # Errors
    /// What the database says.
    pub fn next(&mut self, eyes: Eyes<'_>) -> Result<Vec<Message>, StoreError> {
        let Some((kind, mut selection)) = self.left.pop() else { return Ok(Vec::new()) };
        // Permissions may have gone since it began.
        if !eyes.sees(kind) {
            return Ok(Vec::new());
        }
        if let Some(id) = self.subscription.filter.literal_id() {
            self.left.retain(|(other, _)| *other != kind);
            let found = eyes.store.read(|rows| rows.visible(kind_row(kind), id, eyes.within()))?;
            return Ok(found.into_iter().filter_map(|raw| eyes.document(kind, raw)).collect());
        }
        let listed = eyes.store.read(|rows| rows.list(kind_row(kind), &selection, eyes.within()))?;
        if listed.next_cursor.is_some() {
            selection.cursor = listed.next_cursor;
            self.left.push((kind, selection));
        }
        let asked = |message: &Message| self.subscription.filter.matches(&message.topic);
        Ok(listed.rows.into_iter().filter_map(|raw| eyes.document(kind, raw)).filter(asked).collect())
    }
}

/// What of a kind is retained at that time.
fn standing(kind: Kind, now: Timestamp) -> Vec<Selection> {
    let all = || Selection { limit: PAGE, ..Selection::all() };
    let words = |words: Vec<&'static str>| words.into_iter().map(str::to_owned).collect();
    // A state of a newer farm is not known to be an end.
    let unless_ended = |ended: Vec<&'static str>, recently: Condition| {
        let (left, ended) = (Condition::NoneOf("state", words(ended.clone())), Condition::OneOf("state", words(ended)));
        vec![all().with(left), all().with(ended).with(recently)]
    };
    let recently = now.plus_millis(-STAYS_MILLIS);
    match kind {
        Kind::Job => vec![
            all().with(Condition::OneOf("phase", words(vec!["waiting", "active"]))),
            all().with(Condition::After("ended_at", recently)),
        ],
        Kind::Attempt => {
            let ended = AttemptState::SAMPLES.iter().filter_map(|state| match state {
                AttemptState::Active(_) => None,
                AttemptState::Done(_) => Some(state.state_word().name()),
            });
            let ended: BTreeSet<&str> = ended.collect();
            unless_ended(ended.into_iter().collect(), Condition::After("ended_at", recently))
        }
        Kind::Command => unless_ended(ended_commands(), Condition::ChangedSince(recently)),
        Kind::Order => {
            let ended = [OrderState::Cancelled, OrderState::Closed];
            unless_ended(ended.map(OrderState::word).to_vec(), Condition::After("ended_at", recently))
        }
        // A ledger's line is what happened, not what is so: it comes when it is written.
        Kind::SpoolEntry | Kind::StockEntry => Vec::new(),
        // Its changes are told to nobody.
        Kind::Delivery => Vec::new(),
        Kind::Farm
        | Kind::Sku
        | Kind::Material
        | Kind::Spool
        | Kind::Slot
        | Kind::Stock
        | Kind::Printer
        | Kind::Pool
        | Kind::File
        | Kind::Part
        | Kind::Store
        | Kind::User
        | Kind::Role
        | Kind::Webhook
        | Kind::ApiKey
        | Kind::SlicerKey
        | Kind::Session
        | Kind::Operator
        | Kind::Device => vec![all()],
    }
}

fn ended_commands() -> Vec<&'static str> {
    CommandState::ALL.iter().filter(|state| state.is_final()).map(|state| state.word()).collect()
}

impl Eyes<'_> {
    fn sees(&self, kind: Kind) -> bool {
        self.caller.grants.permissions.has(kind_row(kind).view)
    }

    pub(super) const fn within(&self) -> Within<'_> {
        Within { store: self.caller.store, farms: &self.caller.grants.farms, tags: &self.caller.grants.tags }
    }

    pub(super) const fn topics(&self) -> Topics {
        Topics(self.caller.store)
    }

    /// A record as the key may see it; none if it ended so long ago that it is no part of the present, or
    /// was only asked for and its farm has not made it yet (revision 0).
    fn document(&self, kind: Kind, raw: RawRow) -> Option<Message> {
        if raw.revision == 0 || gone_at(&raw.document).is_some_and(|gone| gone <= self.now) {
            return None;
        }
        let topic = self.topics().document(kind, &raw.id);
        let mut document = raw.document;
        (kind_row(kind).project)(&mut document, &self.caller.grants);
        if let Some(farm) = raw.farm_id {
            document.insert("farm_id".into(), farm.to_string().into());
        }
        document.insert("revision".into(), raw.revision.into());
        document.insert("changed_at".into(), raw.changed_at.to_string().into());
        document.insert("as_of".into(), self.now.to_string().into());
        Some(Message { topic, payload: Value::Object(document).to_string().into_bytes(), is_state: true })
    }

    /// What happened, as far as it is wanted and seen: each event, then once the document of each record
    /// that was touched, as it is now.
    ///
    /// # Errors
    /// What the database says.
    pub fn follow(&self, events: Vec<StoredEvent>, wants: impl Fn(&str) -> bool) -> Result<Vec<Message>, StoreError> {
        let sight = Sight { store: self.caller.store, grants: self.caller.grants.clone() };
        self.store.read(|rows| {
            let (mut messages, mut touched) = (Vec::new(), BTreeSet::new());
            for stored in events {
                let (kind, id) = (stored.event.subject.kind, stored.event.subject.id.clone());
                let (topic, of_record) = (self.topics().event(stored.event.event_type), self.topics().document(kind, &id));
                let (told, kept) = (wants(&topic), wants(&of_record));
                if !told && !kept {
                    continue;
                }
                let Some(event) = sight.project(rows, stored)? else { continue };
                if kept {
                    touched.insert((kind, id));
                }
                if told {
                    let payload = serde_json::to_vec(&event).map_err(|cause| StoreError::Document { kind: "event", cause })?;
                    messages.push(Message { topic, payload, is_state: false });
                }
            }
            for (kind, id) in touched {
                messages.extend(self.record_now(rows, kind, &id)?);
            }
            Ok(messages)
        })
    }

    /// A record that the key has heard of: its document, or an empty payload if it is there no more.
    fn record_now(&self, rows: Rows<'_>, kind: Kind, id: &str) -> Result<Option<Message>, StoreError> {
        Ok(match rows.visible(kind_row(kind), id, self.within())? {
            Some(raw) => self.document(kind, raw),
            None => Some(gone(self.topics().document(kind, id))),
        })
    }

    /// Empty payloads for what stops being part of the present after `since` and until now.
    ///
    /// # Errors
    /// What the database says.
    pub fn faded(&self, since: Timestamp, wants: impl Fn(&str) -> bool) -> Result<Vec<Message>, StoreError> {
        let (from, to) = (since.plus_millis(-STAYS_MILLIS), self.now.plus_millis(1 - STAYS_MILLIS));
        let all = || Selection { limit: MAX_LIMIT, ..Selection::all() };
        let ended = || all().with(Condition::After("ended_at", from)).with(Condition::Before("ended_at", to));
        let words = ended_commands().into_iter().map(str::to_owned).collect();
        let done = all().with(Condition::OneOf("state", words)).with(Condition::ChangedSince(from));
        let mut messages = Vec::new();
        let fading = [(Kind::Job, ended()), (Kind::Attempt, ended()), (Kind::Order, ended()), (Kind::Command, done)];
        for (kind, mut selection) in fading {
            if !self.sees(kind) {
                continue;
            }
            loop {
                let listed = self.store.read(|rows| rows.list(kind_row(kind), &selection, self.within()))?;
                let fades = |raw: &RawRow| gone_at(&raw.document).is_some_and(|gone| gone > since && gone <= self.now);
                let topics = listed.rows.iter().filter(|raw| fades(raw)).map(|raw| self.topics().document(kind, &raw.id));
                messages.extend(topics.filter(|topic| wants(topic)).map(gone));
                selection.cursor = listed.next_cursor;
                if selection.cursor.is_none() {
                    break;
                }
            }
        }
        Ok(messages)
    }
}

fn gone(topic: String) -> Message {
    Message { topic, payload: Vec::new(), is_state: true }
}

/// When something that has ended leaves the present.
fn gone_at(document: &Document) -> Option<Timestamp> {
    let ended: Timestamp = document.get("ended_at")?.as_str()?.parse().ok()?;
    Some(ended.plus_millis(STAYS_MILLIS))
}

/// Slows live values down to the pace; the newest of each printer is never lost.
#[derive(Debug, Default)]
pub struct Pace(BTreeMap<PrinterId, (Duration, Option<Telemetry>)>);

impl Pace {
    /// Values that came; given back if they may go at once.
    pub fn heard(&mut self, now: Duration, printer: PrinterId, telemetry: Telemetry) -> Option<Telemetry> {
        match self.0.get_mut(&printer) {
            Some((last, kept)) if now.saturating_sub(*last) < PACE => {
                *kept = Some(telemetry);
                None
            }
            Some(_) | None => {
                self.0.insert(printer, (now, None));
                Some(telemetry)
            }
        }
    }

    /// Values whose time has come.
    pub fn due(&mut self, now: Duration) -> Vec<(PrinterId, Telemetry)> {
        let mut due = Vec::new();
        for (printer, (last, kept)) in &mut self.0 {
            if now.saturating_sub(*last) >= PACE
                && let Some(telemetry) = kept.take()
            {
                *last = now;
                due.push((*printer, telemetry));
            }
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use domain::id::Id;

    use super::*;

    #[test]
    fn live_values_come_once_a_second_and_the_newest_is_not_lost() {
        let (mut pace, printer) = (Pace::default(), PrinterId::new(Timestamp::from_millis(0), [1; 10]));
        let at = |layer| Telemetry { layer: Some(layer), ..Telemetry::default() };
        let seconds = Duration::from_secs_f64;
        assert_eq!(pace.heard(seconds(0.0), printer, at(1)), Some(at(1)));
        assert_eq!(pace.heard(seconds(0.4), printer, at(2)), None);
        assert_eq!(pace.heard(seconds(0.8), printer, at(3)), None);
        assert_eq!(pace.due(seconds(0.9)), []);
        assert_eq!(pace.due(seconds(1.0)), [(printer, at(3))]);
        assert_eq!(pace.heard(seconds(1.5), printer, at(4)), None);
        assert_eq!(pace.heard(seconds(2.5), printer, at(5)), Some(at(5)));
    }
}
