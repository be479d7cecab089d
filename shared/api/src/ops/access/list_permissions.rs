//! List every permission, what it opens, and the roles that have it.

use contract::operation::Asked;
use contract::ops::Listed;
use contract::ops::access::{ListPermissions, PermissionInfo};
use domain::permission::Permission;
use domain::role::Role;

use crate::door::Door;
use crate::operation::{By, Failure, Read};

impl Read for ListPermissions {
    async fn read(_: &By<Self>, _: &Door, _: Asked<Self>) -> Result<Listed<PermissionInfo>, Failure> {
        let info = |permission: &Permission| PermissionInfo {
            name: *permission,
            text: permission.text().to_owned(),
            roles: Role::ALL.iter().copied().filter(|role| role.permissions().has(*permission)).collect(),
        };
        std::future::ready(Ok(Listed { items: Permission::ALL.iter().map(info).collect() })).await
    }
}
