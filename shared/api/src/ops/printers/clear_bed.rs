//! Say that a printer's bed is clear. Only who sees the bed may say so.

use contract::list::View;
use contract::operation::Asked;
use contract::ops::printers::ClearBedOp;
use contract::problem::{Code, Problem};
use domain::bed::{ClearedBy, can_see_a_bed};
use domain::printer::Printer;

use crate::facts;
use crate::operation::{AtHome, By, Failure, Write, Written};
use crate::ops::unprepared;

impl Write for ClearBedOp {
    unprepared!();

    fn write(by: &By<Self>, at: &mut AtHome<'_, '_>, asked: Asked<Self>, (): ()) -> Result<Written<View<Printer>>, Failure> {
        let id = by.find_to_change::<Printer>(at.rows(), asked.target.id)?.record.id;
        if !can_see_a_bed(by.actor.kind) {
            return Err(Problem::new(Code::IllegalState)
                .detail("who calls cannot see the bed: a person must say that it is clear")
                .on(id)
                .into());
        }
        let how = if asked.body.start_next { ClearedBy::PersonAtOnce } else { ClearedBy::Person };
        facts::clear(at, id, &asked.body.bed_use, how)?;
        Ok(by.view(at.rows(), id)?.into())
    }
}
