//! Roles of a store's own at its relay: who may make them, and that what they open follows at once.

use domain::access::{Grants, Scope};
use domain::account::User;
use domain::actor::{Actor, ActorKind};
use domain::id::{Id, UserId};
use domain::permission::{Permission, PermissionSet};
use domain::role::{Role, RoleRef};
use gantry_api as api;
use serde_json::{Value, json};
use store::By;

use crate::farm::{NOW, owner};
use crate::forward::World;

async fn as_admin() -> (World, String) {
    let world = World::new().await;
    let admin = world.key(world.store, Grants::unscoped(Role::Admin.permissions())).await;
    (world, admin)
}

/// A person of that role, and a session of theirs made into a key: what the person themselves holds.
async fn person(world: &World, role: RoleRef) -> Actor {
    let user = User { role: Some(role), ..User::of_role(UserId::new(NOW, [7; 10]), "P".parse().unwrap(), Role::Viewer, NOW) };
    let actor = Actor::new(ActorKind::User, user.id);
    let by = By { account_of: Some(world.store), ..By::new(owner(), NOW) };
    world.relay.store.write(by, move |tx| tx.create(&user).map(drop)).await.unwrap();
    actor
}

async fn key_sponsored_by(world: &World, sponsor: Actor, body: Value) -> String {
    let asked = serde_json::from_value(body).unwrap();
    let by = By { account_of: Some(world.store), ..By::new(owner(), NOW) };
    let grants = Grants::unscoped(Role::Operator.permissions());
    let write = move |tx: &mut store::Tx<'_>| {
        Ok::<_, api::operation::Failure>(api::ops::keys::insert_api_key(tx, asked, grants, sponsor)?.0)
    };
    world.relay.store.write(by, write).await.unwrap()
}

async fn held(world: &World, key: &str) -> Value {
    world.call(key, "GET", "/v1/me", None, &[]).await.expect(200)["grants"]["permissions"].clone()
}

#[tokio::test]
async fn a_key_follows_its_role_down_and_back_but_never_beyond_what_it_was_given() {
    let (world, admin) = as_admin().await;
    let body = json!({"name": "Packer", "permissions": ["job.view", "printer.view"]});
    let role = world.call(&admin, "POST", "/v1/roles", Some(body), &[]).await.expect(201);
    let path = format!("/v1/roles/{}", role["id"].as_str().unwrap());
    let body = json!({"name": "n", "role": role["id"], "permissions": ["part.view"]});
    let made = world.call(&admin, "POST", "/v1/api_keys", Some(body), &[]).await.expect(201);
    let key = made["secret"].as_str().unwrap();
    assert_eq!(held(&world, key).await, json!(["printer.view", "part.view", "job.view"]));
    let narrower = json!({"permissions": ["job.view"]});
    world.call(&admin, "PATCH", &path, Some(narrower), &[]).await.expect(200);
    assert_eq!(held(&world, key).await, json!(["part.view", "job.view"]));
    let wider = json!({"permissions": ["job.view", "printer.view", "job.create"]});
    world.call(&admin, "PATCH", &path, Some(wider), &[]).await.expect(200);
    assert_eq!(held(&world, key).await, json!(["printer.view", "part.view", "job.view"]));
    world.call(&admin, "DELETE", &path, None, &[]).await.refused(409, "in_use");
}

#[tokio::test]
async fn the_keys_of_a_person_and_the_keys_made_with_those_follow_the_persons_role() {
    let (world, admin) = as_admin().await;
    let body = json!({"name": "Packer", "permissions": ["job.view", "printer.view"]});
    let role = world.call(&admin, "POST", "/v1/roles", Some(body), &[]).await.expect(201);
    let id = role["id"].as_str().unwrap().parse().unwrap();
    let theirs = person(&world, RoleRef::Own(id)).await;
    let key = key_sponsored_by(&world, theirs, json!({"name": "k"})).await;
    let me = world.call(&key, "GET", "/v1/me", None, &[]).await.expect(200);
    let child = key_sponsored_by(&world, serde_json::from_value(me["actor"].clone()).unwrap(), json!({"name": "c"})).await;
    for key in [&key, &child] {
        assert_eq!(held(&world, key).await, json!(["printer.view", "job.view"]));
    }
    let path = format!("/v1/roles/{}", role["id"].as_str().unwrap());
    world.call(&admin, "PATCH", &path, Some(json!({"permissions": ["job.view"]})), &[]).await.expect(200);
    for key in [&key, &child] {
        assert_eq!(held(&world, key).await, json!(["job.view"]));
    }
    world.call(&admin, "DELETE", &path, None, &[]).await.refused(409, "in_use");
}

#[tokio::test]
async fn nobody_makes_or_changes_a_role_that_opens_what_they_lack_or_where_they_hold_nothing() {
    let (world, admin) = as_admin().await;
    let permissions: PermissionSet = [Permission::RoleManage, Permission::JobView].into_iter().collect();
    let narrow = world.key(world.store, Grants::unscoped(permissions)).await;
    let tagged = Grants { tags: Scope::Only(["rack-a".parse().unwrap()].into()), ..Grants::unscoped(PermissionSet::all()) };
    let tagged = world.key(world.store, tagged).await;
    let body = |permissions: &[&str]| Some(json!({"name": "R", "permissions": permissions}));
    world.call(&narrow, "POST", "/v1/roles", body(&["job.view"]), &[]).await.expect(201);
    world.call(&narrow, "POST", "/v1/roles", body(&["job.view", "job.create"]), &[]).await.refused(403, "grants_exceeded");
    world.call(&tagged, "POST", "/v1/roles", body(&["job.view"]), &[]).await.refused(403, "grants_exceeded");
    world.call(&admin, "POST", "/v1/roles", body(&[]), &[]).await.refused(422, "invalid_request");
    let strong = world.call(&admin, "POST", "/v1/roles", body(&["printer.gcode"]), &[]).await.expect(201);
    let path = format!("/v1/roles/{}", strong["id"].as_str().unwrap());
    world.call(&narrow, "PATCH", &path, Some(json!({"permissions": ["job.view"]})), &[]).await.refused(403, "grants_exceeded");
    world.call(&narrow, "DELETE", &path, None, &[]).await.refused(403, "grants_exceeded");
    world.call(&admin, "DELETE", &path, None, &[]).await.expect(204);
}

#[tokio::test]
async fn a_farm_that_was_never_claimed_has_no_roles_of_its_own() {
    let world = World::new().await;
    let body = json!({"name": "R", "permissions": ["job.view"]});
    world.farm.post("/v1/roles", body).await.refused(409, "relay_only");
}
