//! Every operation of the registry at a relay: what is forbidden, unknown or wrong goes no further than its door, and the things of
//! one store are nothing to another.

use std::collections::BTreeMap;

use api::registry::rows;
use axum::body::Body;
use contract::operation::{BodyForm, Home, Nature, OperationRow};
use domain::access::{Access, Grants};
use domain::account::User;
use domain::farm::HomeIds;
use domain::id::{FarmId, Id, RoleId, UserId, WebhookId};
use domain::permission::{Permission, PermissionSet};
use domain::role::{OwnRole, Role};
use domain::webhook::Webhook;
use gantry_api as api;
use http::Request;
use serde_json::{Value, json};
use store::By;

use crate::bodies::{self, Known};
use crate::farm::{Answer, NOW, owner, request};
use crate::forward::{self, store};
use crate::matrix;

/// A relay with two stores: the first has a farm with one thing of each noun, the second a farm without any.
pub struct World {
    pub relay: forward::World,
    pub ids: BTreeMap<&'static str, String>,
    /// The ids at the farm, where accounts are its own.
    at_the_farm: BTreeMap<&'static str, String>,
    known: Known,
    pub owner: String,
    stranger: String,
}

impl World {
    pub async fn new() -> Self {
        let matrix::World { farm, ids, known } = matrix::World::new().await;
        let relay = forward::World::around(farm, api::keep::Keep::default()).await;
        relay.copy_events().await;
        let owner = relay.key(relay.store, Grants::owner()).await;
        let stranger = relay.key(store(2), Grants::owner()).await;
        let ids: BTreeMap<&str, String> = ids.into_iter().collect();
        let mut world = Self { relay, at_the_farm: ids.clone(), ids, known, owner, stranger };
        world.give_the_second_store_a_farm().await;
        world.make_account_things().await;
        world
    }

    /// So that nothing is refused only because there is no farm that it could go to.
    async fn give_the_second_store_a_farm(&self) {
        let farm = FarmId::new(NOW, [5; 10]);
        let home = self.relay.farm.door.home().store_id;
        let mut row = self.relay.farm.door.store.read(|rows| rows.feed_after(home, 0, 1)).unwrap().remove(0);
        row.id = farm.to_string();
        row.document.insert("id".into(), row.id.clone().into());
        let home = HomeIds { store_id: store(2), farm_id: farm };
        let write = move |tx: &mut store::Tx<'_>| tx.put_copy(home, 1, &row);
        self.relay.relay.store.write(By::new(domain::actor::Actor::farm(farm), NOW), write).await.unwrap();
    }

    /// What is the relay's own of the first store.
    async fn make_account_things(&mut self) {
        let user = User::of_role(UserId::new(NOW, [3; 10]), "V".parse().unwrap(), Role::Viewer, NOW);
        let webhook = WebhookId::new(NOW, [9; 10]);
        let hook: Webhook = serde_json::from_value(json!({
            "id": webhook, "name": "W", "url": "https://hooks.example.com/", "grants": Grants::owner(), "sponsor": owner(),
            "state": "active", "created_at": NOW,
        }))
        .unwrap();
        let role = OwnRole {
            id: RoleId::new(NOW, [4; 10]),
            name: "R".parse().unwrap(),
            permissions: Role::Viewer.permissions(),
            created_at: NOW,
        };
        let role_id = role.id;
        let person = user.clone();
        let by = By { account_of: Some(self.relay.store), ..By::new(owner(), NOW) };
        let write = move |tx: &mut store::Tx<'_>| {
            tx.create(&person)?;
            tx.create(&role)?;
            tx.create(&hook)
        };
        self.relay.relay.store.write(by.clone(), write).await.unwrap();
        let token = api::ops::access::one_time_link(&self.relay.relay.store, by, Some(user.id)).await.unwrap();
        let session = self.owners("POST", "/v1/sessions", json!({"one_time_token": token})).await;
        let key = self.owners("POST", "/v1/api_keys", json!({"name": "K", "role": "viewer"})).await;
        let delivery = self.owners("POST", &format!("/v1/webhooks/{webhook}/test"), json!({})).await;
        let begun = request("POST", "/v1/uploads").header("authorization", format!("Bearer {}", self.owner));
        let begun = begun.header("upload-length", "9").header("upload-metadata", "filename YS5nY29kZQ==");
        let upload = self.relay.send(begun.body(Body::empty()).unwrap()).await.expect(201);
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        self.ids.extend([
            ("users", user.id.to_string()),
            ("roles", role_id.to_string()),
            ("sessions", text(&session["id"])),
            ("api_keys", text(&key["api_key"]["id"])),
            ("webhooks", webhook.to_string()),
            ("deliveries", text(&delivery["id"])),
            ("uploads", text(&upload["id"])),
        ]);
    }

    async fn owners(&self, method: &str, path: &str, body: Value) -> Value {
        self.relay.call(&self.owner, method, path, Some(body), &[]).await.expect(201)
    }

    /// The operation as it is meant, about the first store's thing.
    pub async fn right(&self, key: &str, row: &OperationRow) -> Answer {
        self.relay.send(self.call(key, row, &self.ids)).await
    }

    /// The same at the farm's own door.
    pub async fn right_at_the_farm(&self, key: &str, row: &OperationRow) -> Answer {
        self.relay.farm.send(self.call(key, row, &self.at_the_farm)).await
    }

    fn call(&self, key: &str, row: &OperationRow, ids: &BTreeMap<&'static str, String>) -> Request<Body> {
        let path = row.path.replace("{id}", ids.get(row.noun()).map(String::as_str).unwrap_or_default());
        let call = request(row.method.word(), &path);
        let call = if key.is_empty() { call } else { call.header("authorization", format!("Bearer {key}")) };
        let call = call.header("upload-length", "9").header("upload-metadata", "filename YS5nY29kZQ==");
        let (media, body) = match row.body {
            BodyForm::Json => ("application/json", bodies::valid(row, &self.known, false).unwrap_or_default().to_string()),
            BodyForm::Bytes if row.path_names.is_empty() => ("multipart/form-data; boundary=edge", String::new()),
            BodyForm::Bytes => ("application/offset+octet-stream", String::new()),
            BodyForm::Nothing => return call.body(Body::empty()).unwrap(),
        };
        let call = call.header("content-type", media).header("tus-resumable", "1.0.0").header("upload-offset", "0");
        call.body(Body::from(body)).unwrap()
    }

    /// Calls for many things at once.
    async fn bulk(&self, key: &str, row: &OperationRow, path: &str) -> Answer {
        let body = json!({"ids": [self.ids[row.noun()]], "with": bodies::valid(row, &self.known, false).unwrap_or(json!({}))});
        self.relay.call(key, "POST", path, Some(body), &[]).await
    }

    /// How many calls went over the line or wait for it.
    pub fn gone_on(&self) -> (usize, usize) {
        let mail = self.relay.relay.store.read(|rows| rows.next_mail(self.relay.farm.door.home().farm_id)).unwrap();
        (self.relay.passed(), mail.into_iter().count())
    }
}

fn without(permissions: &[Permission]) -> Grants {
    Grants::unscoped(permissions.iter().fold(PermissionSet::all(), |set, permission| set.without(*permission)))
}

#[tokio::test]
async fn nothing_that_is_forbidden_reaches_the_tunnel_or_the_mailbox_whatever_it_is_and_whether_the_farm_is_there() {
    let world = World::new().await;
    for cut in [false, true] {
        world.relay.cut(cut);
        for row in rows() {
            let missing = match row.access {
                Access::Public | Access::Authenticated => continue,
                Access::Needs(permission) => vec![permission],
                Access::OwnOrAll(own, all) => vec![own, all],
            };
            let key = world.relay.key(world.relay.store, without(&missing)).await;
            let refused = world.right(&key, &row).await.refused(403, "permission_missing");
            assert_eq!(refused["permission"], missing.last().unwrap().name(), "{}", row.id);
            if let Some(path) = row.bulk_path() {
                world.bulk(&key, &row, &path).await.refused(403, "permission_missing");
            }
            assert_eq!(world.right("", &row).await.status, 401, "{}", row.id);
            assert_eq!(world.right("gty_live_wrong", &row).await.status, 401, "{}", row.id);
            assert_eq!(world.gone_on(), (0, 0), "{}", row.id);
        }
    }
    // It is counted: the same calls with the permission do go on.
    world.relay.cut(false);
    for row in rows() {
        let goes = row.home == Home::Farm && row.nature != Nature::Read && row.body != BodyForm::Bytes;
        // Content has a way of its own, and an upload is taken in here first.
        if goes && !["download_file", "get_thumbnail", "create_upload"].contains(&row.id) {
            let before = world.relay.passed();
            let answer = world.right(&world.owner, &row).await;
            assert_eq!(world.relay.passed(), before + 1, "{}: {}", row.id, String::from_utf8_lossy(&answer.bytes));
        }
    }
    world.relay.cut(true);
    world.relay.call(&world.owner, "POST", "/v1/parts", Some(json!({"name": "P"})), &[]).await.expect(202);
    assert_eq!(world.gone_on().1, 1);
}

#[tokio::test]
async fn another_stores_thing_is_not_found_by_any_operation_and_nothing_of_it_goes_on() {
    let world = World::new().await;
    let before = world.relay.counts();
    let mut asked = 0;
    for cut in [false, true] {
        world.relay.cut(cut);
        for row in rows() {
            if row.path_names.is_empty() {
                continue;
            }
            world.right(&world.stranger, &row).await.refused(404, "not_found");
            if let Some(path) = row.bulk_path() {
                let answer = world.bulk(&world.stranger, &row, &path).await;
                assert_eq!(answer.json()["results"][0]["problem"]["code"], "not_found", "{}: {}", row.id, answer.json());
            }
            assert_eq!(world.gone_on(), (0, 0), "{}", row.id);
            asked += 1;
        }
    }
    assert!(asked > 100, "{asked}");
    assert_eq!(world.relay.counts(), before, "nothing was changed");
    // Nor does any list or query show it.
    for row in rows() {
        if row.nature == Nature::Read && row.path_names.is_empty() && row.method == contract::operation::Method::Get {
            let shown = world.right(&world.stranger, &row).await;
            let shown = String::from_utf8_lossy(&shown.bytes).into_owned();
            for (noun, id) in &world.ids {
                assert!(!shown.contains(id.as_str()), "{} shows the other store's {noun}: {shown}", row.id);
            }
        }
    }
    // They are there: their own store finds every one.
    world.relay.cut(false);
    for row in rows() {
        if row.nature == Nature::Read && !row.path_names.is_empty() && row.noun() != "pairings" {
            let shown = world.right(&world.owner, &row).await;
            assert!(shown.status < 300, "{}: {}", row.id, String::from_utf8_lossy(&shown.bytes));
        }
    }
}
