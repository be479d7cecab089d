//! What each operation does: a folder per noun, a file per operation. Lists and looks-up that are
//! nothing but that stand together in `plain`.

pub mod access;
pub mod events;
pub mod farms;
pub mod files;
pub mod jobs;
pub mod keys;
pub mod parts;
pub mod plain;
pub mod pools;
pub mod printers;
pub mod queue;
pub mod system;

use contract::operation::{Asked, Contract};

use crate::door::Door;
use crate::operation::{By, Failure};

/// For writes that need nothing made ready.
pub(crate) async fn nothing<C: Contract>(_: &By<C>, _: &Door, _: &Asked<C>) -> Result<(), Failure> {
    std::future::ready(Ok(())).await
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
