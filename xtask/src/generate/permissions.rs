//! permissions.md: what each permission opens, who has it by role, and what each operation asks. Read from the catalogue and the
//! registry; the hand-written law of docs/product.md is compared elsewhere.

use contract::operation::OperationRow;
use domain::access::Access;
use domain::permission::Permission;
use domain::role::Role;

use super::table::{code, head, table};

pub fn page(rows: &[OperationRow]) -> String {
    [
        head(
            "Permissions",
            "The catalogue is `shared/domain/src/permission.rs`; the law that it is held to is `docs/product.md`.",
        ),
        "\n## Who has what by role\n".to_owned(),
        table(&titles(), Permission::ALL.iter().map(|permission| roles_of(*permission))),
        "\n## What each operation asks\n".to_owned(),
        table(&["operation", "asks for", "for many at once"], rows.iter().map(asked)),
        "\n## Permissions that no operation asks for by name\n\n".to_owned(),
        "They hide or show fields and events, or wait for their operation.\n\n".to_owned(),
        unasked(rows),
    ]
    .concat()
}

fn titles() -> Vec<&'static str> {
    ["permission", "opens"].into_iter().chain(Role::ALL.iter().map(|role| role.title())).collect()
}

fn roles_of(permission: Permission) -> Vec<String> {
    let marks = Role::ALL.iter().map(|role| if role.permissions().has(permission) { "✓" } else { "" }.to_owned());
    [code(permission), permission.text().to_owned()].into_iter().chain(marks).collect()
}

fn asked(row: &OperationRow) -> Vec<String> {
    vec![code(row.id), access(row.access), if row.bulk.is_some() { "each" } else { "" }.to_owned()]
}

/// What an operation asks of its caller, in words.
pub fn access(access: Access) -> String {
    match access {
        Access::Public => "nothing: anybody".to_owned(),
        Access::Authenticated => "any signed-in caller".to_owned(),
        Access::Needs(permission) => code(permission),
        Access::OwnOrAll(own, all) => format!("{} for one's own, {} for all", code(own), code(all)),
    }
}

fn unasked(rows: &[OperationRow]) -> String {
    let asks = |row: &OperationRow, permission: Permission| match row.access {
        Access::Public | Access::Authenticated => false,
        Access::Needs(needed) => needed == permission,
        Access::OwnOrAll(own, all) => own == permission || all == permission,
    };
    let left = Permission::ALL.iter().filter(|permission| !rows.iter().any(|row| asks(row, **permission)));
    left.map(|permission| format!("- {}\n", code(permission))).collect()
}
