//! Who may come in: keys and sessions, the store and its people.

use domain::access::Grants;
use domain::account::{Store, User};
use domain::key::{ApiKey, Session, SlicerKey};
use domain::kind::Kind;
use domain::permission::Permission;
use domain::role::OwnRole;
use domain::time::Timestamp;

use super::{id, word};
use crate::record::{Cell, Column, Document, Record, TagScope, searched, text};

impl Record for ApiKey {
    const KIND: Kind = Kind::ApiKey;
    const VIEW: Permission = Permission::ApiKeyView;
    const COLUMNS: &'static [Column] = &[searched("name"), text("state"), text("role").indexed(), text("sponsor").indexed()];
    const TAG_SCOPE: TagScope = TagScope::Free;
    type Id = domain::id::ApiKeyId;

    fn id(&self) -> Self::Id {
        self.id
    }
    fn created_at(&self) -> Timestamp {
        self.created_at
    }
    fn cells(&self) -> Vec<Cell> {
        vec![id(&self.name), word(self.state), word(self.role), id(&self.sponsor)]
    }
    fn project(_: &mut Document, _: &Grants) {}
}

impl Record for SlicerKey {
    const KIND: Kind = Kind::SlicerKey;
    const VIEW: Permission = Permission::ApiKeyView;
    const COLUMNS: &'static [Column] = &[searched("name"), text("state"), text("sponsor").indexed()];
    const TAG_SCOPE: TagScope = TagScope::Free;
    type Id = domain::id::SlicerKeyId;

    fn id(&self) -> Self::Id {
        self.id
    }
    fn created_at(&self) -> Timestamp {
        self.created_at
    }
    fn cells(&self) -> Vec<Cell> {
        vec![id(&self.name), word(self.state), id(&self.sponsor)]
    }
    fn project(_: &mut Document, _: &Grants) {}
}

impl Record for Store {
    const KIND: Kind = Kind::Store;
    const VIEW: Permission = Permission::StoreView;
    const COLUMNS: &'static [Column] = &[searched("name")];
    const TAG_SCOPE: TagScope = TagScope::Free;
    type Id = domain::id::StoreId;

    fn id(&self) -> Self::Id {
        self.id
    }
    fn created_at(&self) -> Timestamp {
        self.created_at
    }
    fn cells(&self) -> Vec<Cell> {
        vec![id(&self.name)]
    }
    fn project(_: &mut Document, _: &Grants) {}
}

impl Record for User {
    const KIND: Kind = Kind::User;
    const VIEW: Permission = Permission::UserView;
    const COLUMNS: &'static [Column] = &[searched("name"), searched("email").indexed(), text("role").indexed(), text("state")];
    const TAG_SCOPE: TagScope = TagScope::Free;
    type Id = domain::id::UserId;

    fn id(&self) -> Self::Id {
        self.id
    }
    fn created_at(&self) -> Timestamp {
        self.created_at
    }
    fn cells(&self) -> Vec<Cell> {
        vec![id(&self.name), self.email_key().into(), word(self.role), word(self.state)]
    }
    fn project(_: &mut Document, _: &Grants) {}
}

impl Record for OwnRole {
    const KIND: Kind = Kind::Role;
    const VIEW: Permission = Permission::RoleView;
    const COLUMNS: &'static [Column] = &[searched("name")];
    const TAG_SCOPE: TagScope = TagScope::Free;
    type Id = domain::id::RoleId;

    fn id(&self) -> Self::Id {
        self.id
    }
    fn created_at(&self) -> Timestamp {
        self.created_at
    }
    fn cells(&self) -> Vec<Cell> {
        vec![id(&self.name)]
    }
    fn project(_: &mut Document, _: &Grants) {}
}

impl Record for Session {
    const KIND: Kind = Kind::Session;
    const VIEW: Permission = Permission::UserView;
    const COLUMNS: &'static [Column] = &[text("actor")];
    const TAG_SCOPE: TagScope = TagScope::Free;
    type Id = domain::id::SessionId;

    fn id(&self) -> Self::Id {
        self.id
    }
    fn created_at(&self) -> Timestamp {
        self.created_at
    }
    fn cells(&self) -> Vec<Cell> {
        vec![id(&self.actor)]
    }
    fn project(_: &mut Document, _: &Grants) {}
}
