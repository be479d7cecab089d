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
        let farm_ok = event.farm_id.is_none_or(|farm| self.grants.farms.holds(&farm));
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
                TagScope::JobTarget => job_within(rows, tags, &labels)?,
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
