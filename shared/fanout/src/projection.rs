//! What one reader may see of an event: the subject's view permission, farm and tag scope, and the
//! fields that the grants show.

use contract::event::Event;
use contract::record::{TagScope, kind_row};
use domain::access::{Grants, Scope};
use domain::id::StoreId;
use domain::kind::Kind;
use domain::text::Tag;
use serde_json::Value;
use store::{Rows, StoreError, StoredEvent};

/// The eyes of one reader.
#[derive(Debug, Clone)]
pub struct Sight {
    /// The store.
    pub store: StoreId,
    /// What the reader holds.
    pub grants: Grants,
}

impl Sight {
    /// The event as this reader may see it, or nothing.
    ///
    /// # Errors
    /// What the database says.
    pub fn project(&self, rows: Rows<'_>, stored: StoredEvent) -> Result<Option<Event>, StoreError> {
        let StoredEvent { labels, mut event, .. } = stored;
        let row = kind_row(event.subject.kind);
        // What a relay itself tells of a farm, such as that it is away, stands in no farm's log.
        let of_farm = || (event.subject.kind == Kind::Farm).then(|| event.subject.id.parse().ok()).flatten();
        let farm_ok = event.farm_id.or_else(of_farm).is_none_or(|farm| self.grants.farms.holds(&farm));
        if event.store_id != self.store || !farm_ok || !self.grants.permissions.has(row.view) {
            return Ok(None);
        }
        if let Scope::Only(tags) = &self.grants.tags {
            let within = match row.tag_scope {
                TagScope::Free => true,
                TagScope::OwnTags => has(tags, &labels),
                TagScope::PrinterColumn(column) => match event.data.get(column).and_then(Value::as_str) {
                    Some(printer) => has(tags, &rows.labels_of(Kind::Printer, printer)?),
                    None => false,
                },
                // An empty scope holds nothing, not even what may run anywhere.
                TagScope::JobTarget => !tags.is_empty() && job_within(rows, tags, &labels)?,
            };
            if !within {
                return Ok(None);
            }
        }
        (row.project)(&mut event.data, &self.grants);
        Ok(Some(event))
    }
}

fn has(tags: &std::collections::BTreeSet<Tag>, labels: &[String]) -> bool {
    labels.iter().any(|label| tags.iter().any(|tag| tag.as_str() == label))
}

fn job_within(rows: Rows<'_>, tags: &std::collections::BTreeSet<Tag>, labels: &[String]) -> Result<bool, StoreError> {
    for label in labels {
        let within = match label.split_once(':') {
            None => label == "any",
            Some(("tag", tag)) => tags.iter().any(|mine| mine.as_str() == tag),
            Some(("printer", printer)) => has(tags, &rows.labels_of(Kind::Printer, printer)?),
            Some(("pool", pool)) => has(tags, &rows.labels_of(Kind::Pool, pool)?),
            Some(_) => false,
        };
        if within {
            return Ok(true);
        }
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use contract::event::{Change, EventType, Subject};
    use domain::actor::{Actor, ActorKind};
    use domain::id::{EventId, Id};
    use domain::role::Role;
    use domain::time::Timestamp;
    use store::{Db, OpenOptions, SeededEntropy};

    use super::*;

    fn sees(tags: &[&str], labels: &[&str]) -> bool {
        let now = Timestamp::from_millis(0);
        let db = Db::open(OpenOptions { path: None, now, entropy: Box::new(SeededEntropy(1)), live: false }).unwrap();
        let tags: BTreeSet<Tag> = tags.iter().map(|tag| tag.parse().unwrap()).collect();
        let grants = Grants { tags: Scope::Only(tags), ..Grants::unscoped(Role::Viewer.permissions()) };
        let event = Event {
            id: EventId::new(now, [0; 10]),
            event_type: EventType::Record(Kind::Job, Change::Created),
            store_id: db.home().store_id,
            farm_id: Some(db.home().farm_id),
            number: 1,
            subject: Subject { kind: Kind::Job, id: "job".into(), revision: 1 },
            actor: Actor::new(ActorKind::Floor, "owner"),
            occurred_at: now,
            received_at: now,
            clock_ok: true,
            live: false,
            api_version: String::new(),
            data: serde_json::Map::new(),
        };
        let labels = labels.iter().map(|label| (*label).to_owned()).collect();
        let sight = Sight { store: db.home().store_id, grants };
        sight.project(db.rows(), StoredEvent { position: 1, labels, event }).unwrap().is_some()
    }

    #[test]
    fn a_job_is_told_to_whom_its_target_concerns() {
        assert!(sees(&["rack-a"], &["tag:rack-a"]));
        assert!(sees(&["rack-a"], &["any"]));
        assert!(!sees(&["rack-a"], &["tag:rack-b"]));
        assert!(!sees(&["rack-a"], &["printer:prn_1"]));
    }

    #[test]
    fn an_empty_scope_is_told_nothing_not_even_of_a_job_that_may_run_anywhere() {
        assert!(!sees(&[], &["any"]));
    }
}
