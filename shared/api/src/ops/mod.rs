//! What each operation does: a folder per noun, a file per operation. Lists and looks-up that are
//! nothing but that stand together in `plain`.

pub mod access;
mod account;
mod accounts;
mod audit;
mod claims;
mod commands;
pub mod devices;
pub mod events;
pub mod farms;
pub mod files;
pub mod jobs;
pub mod keys;
pub mod materials;
pub mod operators;
pub mod orders;
pub mod parts;
mod passkeys;
pub mod plain;
pub mod pools;
pub mod printers;
pub mod queue;
mod roles;
pub mod skus;
pub mod spools;
pub mod stock;
pub mod system;
pub mod uploads;
mod ways_in;
pub mod webhooks;

use contract::operation::{Asked, Contract};
use contract::problem::Problem;
use contract::record::Record;
use domain::role::{OwnRole, RoleRef};
use store::Rows;

use crate::door::Door;
use crate::operation::{By, Failure};

/// For writes that need nothing made ready.
pub(crate) async fn nothing<C: Contract>(_: &By<C>, _: &Door, _: &Asked<C>) -> Result<(), Failure> {
    std::future::ready(Ok(())).await
}

/// A record that a body names at that place: a wrong field if there is none.
pub(crate) fn named<C: Contract, R: Record>(by: &By<C>, rows: Rows<'_>, id: R::Id, pointer: &str) -> Result<R, Failure> {
    match by.find::<R>(rows, id) {
        Ok(row) => Ok(row.record),
        Err(Failure::Problem(_)) => Err(Problem::field(pointer, "invalid", format!("there is no such {}", R::KIND)).into()),
        Err(broken @ Failure::Store(_)) => Err(broken),
    }
}

/// A role that a body names: one of another store opens nothing here.
pub(crate) fn role_is_ours<C: Contract>(by: &By<C>, rows: Rows<'_>, role: Option<RoleRef>) -> Result<(), Failure> {
    match role {
        Some(RoleRef::Own(id)) => named::<C, OwnRole>(by, rows, id, "/role").map(drop),
        Some(RoleRef::BuiltIn(_)) | None => Ok(()),
    }
}

/// The head of a write that needs nothing made ready.
macro_rules! unprepared {
    () => {
        type Prepared = ();
        fn prepare(
            by: &crate::operation::By<Self>,
            door: &crate::door::Door,
            asked: &contract::operation::Asked<Self>,
        ) -> impl std::future::Future<Output = Result<(), crate::operation::Failure>> + Send {
            crate::ops::nothing::<Self>(by, door, asked)
        }
    };
}
pub(crate) use unprepared;
