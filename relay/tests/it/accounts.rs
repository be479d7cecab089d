//! Two stores on one relay: each has its owner, its keys and its lists, and knows nothing of the other.

use std::sync::Arc;

use api::clock::Clock;
use axum::Router;
use axum::body::Body;
use domain::id::StoreId;
use domain::time::Timestamp;
use gantry_relay::assemble::Accounts;
use gantry_relay::config::Config;
use http::{Method, Request};
use serde_json::{Value, json};
use tower::ServiceExt;

pub struct Noon;

impl Clock for Noon {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(1_800_000_000_000)
    }
}

pub struct World {
    _folder: tempfile::TempDir,
    pub accounts: Accounts,
    pub router: Router,
}

/// A store as its owner's own key sees it.
struct Tenant {
    id: StoreId,
    key: String,
    key_id: String,
}

impl World {
    pub async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = Config { data_dir: folder.path().to_owned(), ..Config::default() };
        let accounts = Accounts::open(&config, Arc::new(Noon)).await.unwrap();
        let router = api::http::router(Arc::clone(&accounts.door));
        Self { _folder: folder, accounts, router }
    }

    pub async fn send(&self, request: Request<Body>) -> (u16, String, Value) {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let status = response.status().as_u16();
        let cookie = response.headers().get("set-cookie").map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default();
        let bytes = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
        (status, cookie, serde_json::from_slice(&bytes).unwrap_or_default())
    }

    async fn call(&self, key: &str, method: Method, path: &str, body: Option<Value>) -> (u16, Value) {
        let call = Request::builder().method(method).uri(path).header("authorization", format!("Bearer {key}"));
        let call = call.header("content-type", "application/json");
        let (status, _, body) = self.send(call.body(Body::from(body.map(|b| b.to_string()).unwrap_or_default())).unwrap()).await;
        (status, body)
    }

    pub async fn sign_in(&self, token: &str) -> (u16, String, Value) {
        let call = Request::builder().method("POST").uri("/v1/sessions").header("content-type", "application/json");
        self.send(call.body(Body::from(json!({"one_time_token": token}).to_string())).unwrap()).await
    }

    async fn tenant(&self, name: &str) -> Tenant {
        let made = self.accounts.create_store(name.parse().unwrap()).await.unwrap();
        let (status, cookie, session) = self.sign_in(&made.one_time_token).await;
        assert_eq!((status, &session["actor"]["kind"]), (201, &json!("user")), "{session}");
        let call = Request::builder()
            .method("POST")
            .uri("/v1/api_keys")
            .header("cookie", cookie.split(';').next().unwrap())
            .header("host", "localhost")
            .header("origin", "http://localhost")
            .header("content-type", "application/json");
        let body = Body::from(json!({"name": name, "role": "admin"}).to_string());
        let (status, _, made_key) = self.send(call.body(body).unwrap()).await;
        assert_eq!(status, 201, "{made_key}");
        let text = |pointer: &str| made_key.pointer(pointer).and_then(Value::as_str).unwrap().to_owned();
        Tenant { id: made.store, key: text("/secret"), key_id: text("/api_key/id") }
    }
}

fn names(list: &Value) -> Vec<&str> {
    list["items"].as_array().unwrap().iter().map(|item| item["name"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_stores_owner_signs_in_by_the_link_once_and_belongs_to_that_store() {
    let world = World::new().await;
    let made = world.accounts.create_store("Anna".parse().unwrap()).await.unwrap();
    let (status, cookie, _) = world.sign_in(&made.one_time_token).await;
    assert_eq!(status, 201);
    assert_eq!(world.sign_in(&made.one_time_token).await.0, 401);
    let me = Request::builder().uri("/v1/me").header("cookie", cookie.split(';').next().unwrap()).header("host", "localhost");
    let (status, _, me) = world.send(me.body(Body::empty()).unwrap()).await;
    assert_eq!((status, &me["store_id"]), (200, &json!(made.store)));
    assert_eq!(me["actor"], json!({"kind": "user", "id": made.owner}));
}

#[tokio::test]
async fn each_store_lists_its_own_things_alone() {
    let world = World::new().await;
    let (anna, ben) = (world.tenant("Anna").await, world.tenant("Ben").await);
    for (tenant, name) in [(&anna, "Anna"), (&ben, "Ben")] {
        for path in ["/v1/stores", "/v1/users", "/v1/api_keys"] {
            let (status, list) = world.call(&tenant.key, Method::GET, path, None).await;
            assert_eq!((status, names(&list)), (200, vec![name]), "{path}");
        }
        let (_, events) = world.call(&tenant.key, Method::GET, "/v1/events", None).await;
        let stores: Vec<&Value> = events["items"].as_array().unwrap().iter().map(|event| &event["store_id"]).collect();
        assert!(!stores.is_empty() && stores.iter().all(|store| **store == json!(tenant.id)), "{events}");
    }
}

#[tokio::test]
async fn the_other_stores_key_is_not_found_by_any_verb() {
    let world = World::new().await;
    let (anna, ben) = (world.tenant("Anna").await, world.tenant("Ben").await);
    let path = format!("/v1/api_keys/{}", ben.key_id);
    for (method, path, body) in [
        (Method::GET, path.clone(), None),
        (Method::PATCH, path.clone(), Some(json!({"name": "Mine"}))),
        (Method::POST, format!("{path}/pause"), None),
        (Method::POST, format!("{path}/revoke"), None),
    ] {
        let (status, problem) = world.call(&anna.key, method.clone(), &path, body).await;
        assert_eq!((status, &problem["code"]), (404, &json!("not_found")), "{method} {path}");
    }
    assert_eq!(world.call(&ben.key, Method::GET, &path, None).await.1["state"], "active");
}

#[tokio::test]
async fn the_same_idempotency_key_in_two_stores_makes_two_things() {
    let world = World::new().await;
    let (anna, ben) = (world.tenant("Anna").await, world.tenant("Ben").await);
    for tenant in [&anna, &ben] {
        let call = Request::builder()
            .method("POST")
            .uri("/v1/api_keys")
            .header("authorization", format!("Bearer {}", tenant.key))
            .header("idempotency-key", "same")
            .header("content-type", "application/json");
        let body = Body::from(json!({"name": "Shop", "role": "viewer"}).to_string());
        assert_eq!(world.send(call.body(body).unwrap()).await.0, 201);
        assert_eq!(names(&world.call(&tenant.key, Method::GET, "/v1/api_keys?q=Shop", None).await.1), ["Shop"]);
    }
}

#[tokio::test]
async fn a_farms_facts_cannot_be_written_at_the_relay_itself() {
    let world = World::new().await;
    let anna = world.tenant("Anna").await;
    let (status, problem) = world.call(&anna.key, Method::POST, "/v1/pools", Some(json!({"name": "A", "tags": ["a"]}))).await;
    assert_eq!((status, &problem["code"]), (503, &json!("farm_offline")));
}

#[tokio::test]
async fn each_stores_account_has_an_audit_chain_of_its_own() {
    let world = World::new().await;
    let (anna, ben) = (world.tenant("Anna").await, world.tenant("Ben").await);
    for tenant in [&anna, &ben] {
        let chain = world.accounts.door.store.read(|rows| rows.audit_tail(&tenant.id.to_string(), 9)).unwrap();
        let operations: Vec<&str> = chain.iter().map(|entry| entry.operation.as_str()).collect();
        assert_eq!(operations, ["create_api_key", "create_session"]);
    }
}
