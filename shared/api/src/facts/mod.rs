//! What follows from what on the floor, inside one transaction: an attempt moves, and its job, its
//! printer, its bed and their events move with it. Operations and the fleet both write through here, so
//! that there is one place where these rules stand.

mod access;
mod attempt;
mod bed;
mod cancel;
mod catalogue;
mod content;
mod filament;
mod replaced;
mod service;

pub use access::{
    Sponsored, end_sessions, hand_over_key, hand_over_webhook, holder_changed, revoke_key, revoke_slicer_key, role_changed,
};
pub use attempt::{adopt, assign, move_attempt};
pub use bed::{clear, foreign_print_seen, undo_clear, use_bed_again};
pub use cancel::{Cancelled, ask_cancel, command_ended, new_command, new_skip};
pub(crate) use catalogue::{free, open_order, sku_of};
pub use content::{content_came, content_failed, no_content_comes};
pub(crate) use filament::{load, remove_slots, unload};
pub use replaced::take_place_of;
pub use service::{put_out_of_service, put_printer};

use contract::problem::Problem;
use contract::record::Record;
use domain::access::Scope;
use domain::farm::HomeIds;
use store::{Row, Tx, Within};

use crate::operation::Failure;

/// All rows of this home: for rules that hold whoever asks.
pub(crate) const fn everything(home: HomeIds) -> Within<'static> {
    Within { store: home.store_id, farms: &Scope::All, tags: &Scope::All }
}

/// A record that must be there.
pub(crate) fn must<R: Record>(tx: &Tx<'_>, id: R::Id) -> Result<Row<R>, Failure> {
    tx.get::<R>(id)?.ok_or_else(|| Problem::not_found(id).into())
}
