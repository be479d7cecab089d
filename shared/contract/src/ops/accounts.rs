//! The store and its people. They live at the relay; a farm that was never claimed has neither.

use domain::access::Access;
use domain::account::{Store, User};
use domain::id::UserId;
use domain::permission::Permission;

use crate::list::{ListQuery, Page, View};
use crate::operation::{Nothing, Of};

crate::operations! {
    /// List the stores that the caller belongs to.
    ///
    /// A credential belongs to one store, so this is that one; a farm that was never claimed has none.
    ListStores = "list_stores" Get "/v1/stores" {
        access: Access::Needs(Permission::StoreView), home: Account, nature: Read, ai: Read,
        target: Nothing, query: ListQuery<Store>, body: Nothing, reply: Page<Store>, status: 200
    }
    /// List the people of the store.
    ListUsers = "list_users" Get "/v1/users" {
        access: Access::Needs(Permission::UserView), home: Account, nature: Read, ai: Hidden,
        target: Nothing, query: ListQuery<User>, body: Nothing, reply: Page<User>, status: 200
    }
    /// Show one person of the store.
    GetUser = "get_user" Get "/v1/users/{id}" {
        access: Access::Needs(Permission::UserView), home: Account, nature: Read, ai: Hidden,
        target: Of<UserId>, query: Nothing, body: Nothing, reply: View<User>, status: 200
    }
}
