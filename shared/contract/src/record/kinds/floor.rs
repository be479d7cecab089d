//! People and devices of the floor.

use domain::access::Grants;
use domain::device::Device;
use domain::kind::Kind;
use domain::operator::Operator;
use domain::permission::Permission;
use domain::time::Timestamp;

use super::{id, word};
use crate::record::{Cell, Column, Document, Record, TagScope, searched, text};

impl Record for Operator {
    const KIND: Kind = Kind::Operator;
    const VIEW: Permission = Permission::UserView;
    const COLUMNS: &'static [Column] = &[searched("name"), text("role"), text("state"), text("pin")];
    const TAG_SCOPE: TagScope = TagScope::Free;
    type Id = domain::id::OperatorId;

    fn id(&self) -> Self::Id {
        self.id
    }
    fn created_at(&self) -> Timestamp {
        self.created_at
    }
    fn cells(&self) -> Vec<Cell> {
        vec![id(&self.name), self.role.map(word).unwrap_or(Cell::Null), word(self.state), word(self.pin)]
    }
    fn project(_: &mut Document, _: &Grants) {}
}

impl Record for Device {
    const KIND: Kind = Kind::Device;
    const VIEW: Permission = Permission::UserView;
    const COLUMNS: &'static [Column] = &[searched("name"), text("role"), text("state"), text("sponsor")];
    const TAG_SCOPE: TagScope = TagScope::Free;
    type Id = domain::id::DeviceId;

    fn id(&self) -> Self::Id {
        self.id
    }
    fn created_at(&self) -> Timestamp {
        self.created_at
    }
    fn cells(&self) -> Vec<Cell> {
        vec![id(&self.name), self.role.map(word).unwrap_or(Cell::Null), word(self.state), id(&self.sponsor)]
    }
    fn project(_: &mut Document, _: &Grants) {}
}
