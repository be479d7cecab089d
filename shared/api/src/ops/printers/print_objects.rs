//! The things in a print: which there are, and leaving one out.

use contract::list::View;
use contract::operation::Asked;
use contract::ops::Listed;
use contract::ops::print_objects::{ListPrintObjects, SkipObject};
use contract::problem::{Code, Problem};
use domain::attempt::{AttemptState, Stage};
use domain::command::Command;
use domain::print_object::PrintObject;
use domain::printer::{Capability, Printer};

use super::acts::{asked_of, illegal, running};
use crate::door::Door;
use crate::facts;
use crate::operation::{AtHome, By, Failure, Read, Write, Written};
use crate::ops::unprepared;

impl Read for ListPrintObjects {
    async fn read(by: &By<Self>, door: &Door, asked: Asked<Self>) -> Result<Listed<PrintObject>, Failure> {
        let id = asked.target.id;
        door.store.read(|rows| by.find::<Printer>(rows, id))?;
        let farm = door.farm.as_ref().ok_or_else(|| Problem::new(Code::FarmOffline))?;
        std::future::ready(Ok(Listed { items: farm.floor().objects(id) })).await
    }
}

impl Write for SkipObject {
    unprepared!();

    fn write(by: &By<Self>, at: &mut AtHome<'_, '_>, asked: Asked<Self>, (): ()) -> Result<Written<View<Command>>, Failure> {
        let id = asked.target.id;
        let attempt = running(by, at, id)?;
        let printer = by.find::<Printer>(at.rows(), id)?.record;
        let floor = at.floor()?;
        if !floor.capabilities(&printer.link.driver).is_some_and(|known| known.contains(&Capability::SkipObject)) {
            let why = "this printer cannot leave out a part of a print";
            return Err(Problem::new(Code::IllegalState).detail(why).on(id).into());
        }
        if !matches!(attempt.state, AttemptState::Active(Stage::Printing | Stage::Paused(_))) {
            return Err(illegal(&attempt, "changed"));
        }
        let objects = floor.objects(id);
        let object = objects.iter().find(|object| object.id == asked.body.object);
        let unknown =
            || Problem::field("/object", "unknown", format!("the print has no such object; GET /v1/printers/{id}/objects"));
        let object = object.ok_or_else(unknown)?;
        let left = objects.iter().filter(|object| !object.skipped).count();
        let why = match (object.skipped, left) {
            (true, _) => "it is left out already",
            (false, 0 | 1) => "it is the last one: cancel the print instead",
            (false, _) => {
                let command = facts::new_skip(at, id, attempt.id, object.id.clone())?;
                return asked_of(by, at, command);
            }
        };
        Err(Problem::new(Code::IllegalState).detail(why).on(id).into())
    }
}
