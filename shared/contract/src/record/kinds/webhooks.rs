//! Webhooks and what is on its way to them.

use domain::access::Grants;
use domain::kind::Kind;
use domain::permission::Permission;
use domain::time::Timestamp;
use domain::webhook::{Delivery, Webhook};

use super::{id, word};
use crate::record::{Cell, Column, Document, Record, TagScope, searched, text, time};

impl Record for Webhook {
    const KIND: Kind = Kind::Webhook;
    const VIEW: Permission = Permission::WebhookView;
    const COLUMNS: &'static [Column] = &[searched("name"), searched("url"), text("state"), text("sponsor").indexed()];
    const TAG_SCOPE: TagScope = TagScope::Free;
    type Id = domain::id::WebhookId;

    fn id(&self) -> Self::Id {
        self.id
    }
    fn created_at(&self) -> Timestamp {
        self.created_at
    }
    fn cells(&self) -> Vec<Cell> {
        vec![id(&self.name), id(self.url.as_str()), id(self.state.word()), id(&self.sponsor)]
    }
    fn project(_: &mut Document, _: &Grants) {}
}

impl Record for Delivery {
    const KIND: Kind = Kind::Delivery;
    const VIEW: Permission = Permission::WebhookView;
    const COLUMNS: &'static [Column] = &[
        text("webhook_id").indexed(),
        text("event_id"),
        text("event_type"),
        text("subject_id"),
        text("state"),
        time("next_try_at").indexed_after("webhook_id"),
    ];
    const TAG_SCOPE: TagScope = TagScope::Free;
    type Id = domain::id::DeliveryId;

    fn id(&self) -> Self::Id {
        self.id
    }
    fn created_at(&self) -> Timestamp {
        self.created_at
    }
    fn cells(&self) -> Vec<Cell> {
        vec![
            id(self.webhook_id),
            id(self.event_id),
            id(&self.event_type),
            id(&self.subject_id),
            word(self.state),
            self.next_try_at.into(),
        ]
    }
    fn project(_: &mut Document, _: &Grants) {}
}
