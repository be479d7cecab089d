//! Phones and tablets of the floor: added once by a link, signed in for as long as they are used.

use std::collections::BTreeSet;

use domain::access::Access;
use domain::device::Device;
use domain::id::DeviceId;
use domain::permission::Permission;
use domain::role::Role;
use domain::text::{Name, Tag};
use domain::time::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::list::{ListQuery, Page, View};
use crate::operation::{Json, Nothing, Of, given};

/// A device to be added. Role and permissions add up; neither may go beyond the caller's own.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewDevice {
    /// What people call it; whoever opens the link may give another name.
    #[serde(default)]
    pub name: Option<Name>,
    /// A built-in role (never `store_owner`); `operator` if neither this nor permissions are given.
    #[serde(default)]
    pub role: Option<Role>,
    /// Single permissions.
    #[serde(default)]
    pub permissions: BTreeSet<Permission>,
    /// Only for printers with one of these tags; absent = as far as the caller.
    #[serde(default)]
    pub tags: Option<BTreeSet<Tag>>,
    /// The address at which the device reaches the page, such as `http://192.168.1.5:7470`: then the answer has the whole link, and as a
    /// QR code.
    #[serde(default)]
    pub page: Option<String>,
}
impl Json for NewDevice {}

/// A device that waits for its link to be opened: the only time that the link is seen.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct InvitedDevice {
    /// The token, for `POST /v1/sessions`. It works once, until `link_ends_at`.
    pub token: String,
    /// The link, if `page` was given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<String>,
    /// The link as a QR code, as SVG.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub qr_svg: Option<String>,
    /// When it ends.
    pub link_ends_at: Timestamp,
    /// Its record.
    pub device: View<Device>,
}

/// A change to a device. What it holds changes at once, also where it is signed in.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EditDevice {
    /// A new name.
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "Name")]
    pub name: Option<Name>,
    /// Another role, with no single permissions beside it; never beyond the caller's own.
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "Role")]
    pub role: Option<Role>,
}
impl Json for EditDevice {}

crate::operations! {
    /// List the phones and tablets that were added.
    ListDevices = "list_devices" Get "/v1/devices" {
        access: Access::Needs(Permission::UserView), home: Farm, nature: Read, ai: Hidden,
        target: Nothing, query: ListQuery<Device>, body: Nothing, reply: Page<Device>, status: 200
    }
    /// Add a phone or tablet: make the link that signs it in.
    ///
    /// The answer holds the token of the link, once. It works once, within five minutes. The device then holds at most what it was given here, and no
    /// more than whoever added it still does.
    CreateDevice = "create_device" Post "/v1/devices" {
        access: Access::Needs(Permission::UserInvite), home: Farm, nature: Refused, ai: Hidden,
        target: Nothing, query: Nothing, body: NewDevice, reply: InvitedDevice, status: 201
    }
    /// Show one device.
    GetDevice = "get_device" Get "/v1/devices/{id}" {
        access: Access::Needs(Permission::UserView), home: Farm, nature: Read, ai: Hidden,
        target: Of<DeviceId>, query: Nothing, body: Nothing, reply: View<Device>, status: 200
    }
    /// Change a device.
    EditDeviceOp = "edit_device" Patch "/v1/devices/{id}" {
        access: Access::Needs(Permission::UserEdit), home: Farm, nature: Refused, ai: Hidden,
        target: Of<DeviceId>, query: Nothing, body: EditDevice, reply: View<Device>, status: 200
    }
    /// Remove a device. Its session ends, or its link.
    DeleteDevice = "delete_device" Delete "/v1/devices/{id}" {
        access: Access::Needs(Permission::UserRemove), home: Farm, nature: Refused, ai: Hidden,
        target: Of<DeviceId>, query: Nothing, body: Nothing, reply: Nothing, status: 204
    }
}
