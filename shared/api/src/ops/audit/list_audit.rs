//! List who changed what.

use contract::operation::Asked;
use contract::ops::audit::{AuditPage, ListAudit};

use crate::audit::merge::Merge;
use crate::door::Door;
use crate::operation::{By, Failure, Read};

impl Read for ListAudit {
    async fn read(by: &By<Self>, door: &Door, asked: Asked<Self>) -> Result<AuditPage, Failure> {
        let query = asked.query;
        Merge::new(door, by, query.filter, query.cursor.as_deref(), query.limit)?.page(door, by).await
    }
}
