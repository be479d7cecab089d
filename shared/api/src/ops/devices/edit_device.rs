//! Change a device.

use std::collections::BTreeSet;

use contract::list::View;
use contract::operation::Asked;
use contract::ops::devices::EditDeviceOp;
use domain::access::Scope;
use domain::device::Device;

use crate::facts::holder_changed;
use crate::floor_people::as_device;
use crate::operation::{AtHome, By, Failure, Write, Written};
use crate::ops::keys::held;
use crate::ops::operators::within;
use crate::ops::unprepared;

impl Write for EditDeviceOp {
    unprepared!();

    fn write(by: &By<Self>, at: &mut AtHome<'_, '_>, asked: Asked<Self>, (): ()) -> Result<Written<View<Device>>, Failure> {
        let mut device = by.find_to_change::<Device>(at.rows(), asked.target.id)?.record;
        held(&by.grants, &device.grants)?;
        device.name = asked.body.name.unwrap_or(device.name);
        if let Some(role) = asked.body.role {
            let tags = match &device.grants.tags {
                Scope::All => None,
                Scope::Only(tags) => Some(tags.clone()),
            };
            device.grants = within(at.rows(), &by.grants, Some(role), &BTreeSet::new(), tags)?;
            device.role = Some(role);
        }
        at.update(&device)?;
        holder_changed(at, &as_device(device.id))?;
        Ok(by.view(at.rows(), device.id)?.into())
    }
}
