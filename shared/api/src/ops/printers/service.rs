//! Printers in and out of service.

use contract::event::Named;
use contract::list::View;
use contract::operation::{Asked, Contract};
use contract::ops::printers::{DisablePrinter, EnablePrinter, EndMaintenance, LiftQuarantine, StartMaintenance};
use contract::problem::{Code, Problem};
use domain::id::PrinterId;
use domain::printer::{Admin, Printer};
use domain::text::Note;

use crate::facts::put_out_of_service;
use crate::operation::{AtHome, By, Failure, Write, Written};
use crate::ops::unprepared;

fn set<C: Contract>(
    by: &By<C>,
    at: &mut AtHome<'_, '_>,
    id: PrinterId,
    admin: Admin,
    note: Option<Note>,
    named: &[Named],
) -> Result<Written<View<Printer>>, Failure> {
    put_out_of_service(at, id, admin, note, named)?;
    Ok(by.view(at.rows(), id)?.into())
}

/// The printer, if it is in that state.
fn in_state<C: Contract>(by: &By<C>, at: &AtHome<'_, '_>, id: PrinterId, allowed: &[Admin], what: &str) -> Result<(), Failure> {
    let printer = by.find_to_change::<Printer>(at.rows(), id)?.record;
    if allowed.contains(&printer.admin) {
        return Ok(());
    }
    Err(Problem::new(Code::IllegalState).detail(format!("the printer is not {what}")).on(id).into())
}

impl Write for EnablePrinter {
    unprepared!();

    fn write(by: &By<Self>, at: &mut AtHome<'_, '_>, asked: Asked<Self>, (): ()) -> Result<Written<View<Printer>>, Failure> {
        in_state(
            by,
            at,
            asked.target.id,
            &[Admin::Disabled, Admin::Enabled],
            "disabled; end its maintenance or lift its quarantine instead",
        )?;
        set(by, at, asked.target.id, Admin::Enabled, None, &[])
    }
}

impl Write for DisablePrinter {
    unprepared!();

    fn write(by: &By<Self>, at: &mut AtHome<'_, '_>, asked: Asked<Self>, (): ()) -> Result<Written<View<Printer>>, Failure> {
        in_state(by, at, asked.target.id, &[Admin::Enabled, Admin::Disabled, Admin::Quarantined, Admin::Maintenance], "there")?;
        set(by, at, asked.target.id, Admin::Disabled, asked.body.note, &[])
    }
}

impl Write for StartMaintenance {
    unprepared!();

    fn write(by: &By<Self>, at: &mut AtHome<'_, '_>, asked: Asked<Self>, (): ()) -> Result<Written<View<Printer>>, Failure> {
        in_state(by, at, asked.target.id, &[Admin::Enabled, Admin::Disabled, Admin::Quarantined], "in service")?;
        set(by, at, asked.target.id, Admin::Maintenance, asked.body.note, &[Named::PrinterMaintenanceStarted])
    }
}

impl Write for EndMaintenance {
    unprepared!();

    fn write(by: &By<Self>, at: &mut AtHome<'_, '_>, asked: Asked<Self>, (): ()) -> Result<Written<View<Printer>>, Failure> {
        in_state(by, at, asked.target.id, &[Admin::Maintenance], "in maintenance")?;
        set(by, at, asked.target.id, Admin::Enabled, None, &[Named::PrinterMaintenanceEnded])
    }
}

impl Write for LiftQuarantine {
    unprepared!();

    fn write(by: &By<Self>, at: &mut AtHome<'_, '_>, asked: Asked<Self>, (): ()) -> Result<Written<View<Printer>>, Failure> {
        in_state(by, at, asked.target.id, &[Admin::Quarantined], "quarantined")?;
        set(by, at, asked.target.id, Admin::Enabled, None, &[])
    }
}
