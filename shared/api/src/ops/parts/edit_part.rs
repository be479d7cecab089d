//! Change a part.

use contract::list::View;
use contract::operation::Asked;
use contract::ops::parts::EditPartOp;
use contract::patch::patched;
use domain::part::Part;

use super::check_plates;
use crate::operation::{AtHome, By, Failure, Write, Written};
use crate::ops::unprepared;

impl Write for EditPartOp {
    unprepared!();

    fn write(by: &By<Self>, at: &mut AtHome<'_, '_>, asked: Asked<Self>, (): ()) -> Result<Written<View<Part>>, Failure> {
        let mut part = by.find_to_change::<Part>(at.rows(), asked.target.id)?.record;
        let body = asked.body;
        part.name = body.name.unwrap_or(part.name);
        part.note = body.note.unwrap_or(part.note);
        if let Some(plates) = body.plates {
            check_plates(by, at.rows(), &plates)?;
            part.plates = plates;
        }
        part.external_id = body.external_id.unwrap_or(part.external_id);
        part.metadata = patched(part.metadata, body.metadata, "/metadata")?;
        at.update(&part)?;
        Ok(by.view(at.rows(), part.id)?.into())
    }
}
