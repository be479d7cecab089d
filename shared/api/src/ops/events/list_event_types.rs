//! List the event types.

use contract::event::{Change, EventType};
use contract::operation::Asked;
use contract::ops::Listed;
use contract::ops::events::{EventTypeInfo, ListEventTypes};

use crate::door::Door;
use crate::operation::{By, Failure, Read};

impl Read for ListEventTypes {
    async fn read(_: &By<Self>, _: &Door, _: Asked<Self>) -> Result<Listed<EventTypeInfo>, Failure> {
        let text = |event: EventType| match event {
            EventType::Named(named) => named.text().to_owned(),
            EventType::Record(kind, Change::Created) => format!("A {kind} was made."),
            EventType::Record(kind, Change::Updated) => format!("A {kind} was changed."),
            EventType::Record(kind, Change::Deleted) => format!("A {kind} was removed."),
        };
        let items = EventType::all().into_iter().map(|event_type| EventTypeInfo { event_type, text: text(event_type) }).collect();
        std::future::ready(Ok(Listed { items })).await
    }
}
