//! Make a part.

use contract::list::View;
use contract::operation::Asked;
use contract::ops::parts::CreatePart;
use domain::id::PartId;
use domain::part::Part;

use super::check_plates;
use crate::operation::{AtHome, By, Failure, Write, Written};
use crate::ops::unprepared;

impl Write for CreatePart {
    unprepared!();

    fn write(by: &By<Self>, at: &mut AtHome<'_, '_>, asked: Asked<Self>, (): ()) -> Result<Written<View<Part>>, Failure> {
        let body = asked.body;
        check_plates(by, at.rows(), &body.plates)?;
        let id: PartId = at.new_id();
        let part = Part {
            id,
            name: body.name,
            note: body.note,
            plates: body.plates,
            external_id: body.external_id,
            metadata: body.metadata,
            created_at: at.now(),
        };
        at.create(&part)?;
        Ok(by.view(at.rows(), id)?.into())
    }
}
