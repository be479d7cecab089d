//! Read the event log, oldest first.

use contract::operation::Asked;
use contract::ops::events::{EventPage, ListEvents};
use fanout::Sight;
use store::{EventCursor, StoreError};

use crate::door::Door;
use crate::operation::{By, Failure, Read};

/// Events looked at for one page: who may see little of a long log gets short pages and a cursor.
const LOOKED_AT: usize = 2000;

impl Read for ListEvents {
    async fn read(by: &By<Self>, door: &Door, asked: Asked<Self>) -> Result<EventPage, Failure> {
        let query = asked.query;
        let sight = Sight { store: by.store, grants: by.grants.clone() };
        let page = door.store.read(|rows| {
            let end = rows.log_end()?;
            let mut cursor = match query.cursor.as_deref() {
                None => EventCursor { epoch: end.epoch.clone(), position: 0 },
                Some("now") => end.clone(),
                Some(text) => text.parse()?,
            };
            if cursor.epoch != end.epoch || cursor.position > end.position {
                return Err(Failure::from(StoreError::BadCursor));
            }
            let trimmed = rows.log_trimmed_to()?;
            let gap = query.cursor.is_some() && cursor.position < trimmed;
            let mut items = Vec::new();
            let mut looked_at = 0;
            'page: while items.len() < query.limit && looked_at < LOOKED_AT {
                let found = rows.events_after(cursor.position, &query.types, query.subject.as_deref(), query.limit)?;
                let (read_to, more) = (found.last, found.full);
                for stored in found.events {
                    if items.len() == query.limit {
                        break 'page;
                    }
                    looked_at += 1;
                    cursor.position = stored.position;
                    items.extend(sight.project(rows, stored)?);
                }
                match read_to.filter(|_| more) {
                    Some(position) => cursor.position = position,
                    None => {
                        cursor.position = end.position;
                        break;
                    }
                }
            }
            Ok(EventPage { items, next_cursor: cursor.to_string(), gap })
        })?;
        std::future::ready(Ok(page)).await
    }
}
