//! Remove a device: its session ends, or its link.

use contract::operation::{Asked, Nothing};
use contract::ops::devices::DeleteDevice;
use domain::device::Device;

use crate::floor_people;
use crate::operation::{AtHome, By, Failure, Write, Written};
use crate::ops::unprepared;

impl Write for DeleteDevice {
    unprepared!();

    fn write(by: &By<Self>, at: &mut AtHome<'_, '_>, asked: Asked<Self>, (): ()) -> Result<Written<Nothing>, Failure> {
        let device = by.find_to_change::<Device>(at.rows(), asked.target.id)?.record;
        floor_people::remove_device(at, &device)?;
        Ok(Nothing {}.into())
    }
}
