//! A receiver of webhooks on a real socket, and a relay that sends to it by a clock that a test sets.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use api::clock::{Clock, SystemClock};
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use domain::access::Grants;
use domain::actor::{Actor, ActorKind};
use domain::id::{ApiKeyId, StoreId, UserId};
use domain::permission::{Permission, PermissionSet};
use domain::time::Timestamp;
use gantry_relay::assemble::Accounts;
use gantry_relay::config::Config;
use gantry_relay::webhooks::{self, Guard, Options, SystemNames};
use http::{HeaderMap, Method, Request, StatusCode};
use serde_json::{Value, json};
use store::By;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinHandle;
use tower::ServiceExt;

/// Longer than anything here takes.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// The network that these relays may send to.
const LOOPBACK: &str = "127.0.0.0/8";

/// What a receiver got.
pub struct Got {
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Got {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers[name].to_str().unwrap()
    }
}

type Answers = Arc<Mutex<VecDeque<(u16, &'static [(&'static str, &'static str)])>>>;

/// A receiver; answers 204 once its answers are used up, nothing at all to `/silent`, to `/gate` only what
/// it is let, and to `/flood` without an end.
pub struct Receiver {
    pub address: SocketAddr,
    answers: Answers,
    gate: Arc<Semaphore>,
    got: tokio::sync::Mutex<mpsc::UnboundedReceiver<Got>>,
    task: JoinHandle<()>,
}

async fn take(
    State((answers, gate, told)): State<(Answers, Arc<Semaphore>, mpsc::UnboundedSender<Got>)>,
    uri: http::Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    told.send(Got { headers, body }).ok();
    match uri.path() {
        "/silent" => std::future::pending::<()>().await,
        "/gate" => gate.acquire().await.unwrap().forget(),
        "/flood" => {
            let endless = futures_util::stream::repeat(Ok::<_, std::convert::Infallible>(Bytes::from_static(&[b'x'; 4096])));
            return (StatusCode::INTERNAL_SERVER_ERROR, Body::from_stream(endless)).into_response();
        }
        _ => {}
    }
    let (status, headers) = answers.lock().unwrap().pop_front().unwrap_or((204, &[]));
    let mut answer = (StatusCode::from_u16(status).unwrap(), "seen").into_response();
    for (name, value) in headers {
        answer.headers_mut().insert(*name, value.parse().unwrap());
    }
    answer
}

impl Receiver {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (told, got) = mpsc::unbounded_channel();
        let answers = Answers::default();
        let gate = Arc::new(Semaphore::new(0));
        let router = Router::new().fallback(take).with_state((Arc::clone(&answers), Arc::clone(&gate), told));
        let task = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { address, answers, gate, got: tokio::sync::Mutex::new(got), task }
    }

    pub fn url(&self) -> String {
        self.url_of("hook")
    }

    pub fn url_of(&self, path: &str) -> String {
        format!("http://{}/{path}", self.address)
    }

    /// Lets it answer so many at `/gate`.
    pub fn let_through(&self, count: usize) {
        self.gate.add_permits(count);
    }

    pub fn answer(&self, status: u16, headers: &'static [(&'static str, &'static str)]) {
        self.answers.lock().unwrap().push_back((status, headers));
    }

    pub async fn next(&self) -> Got {
        let next = async { self.got.lock().await.recv().await };
        tokio::time::timeout(PATIENCE, next).await.expect("nothing arrived").unwrap()
    }

    /// Whether everything that arrived was taken.
    pub async fn is_quiet(&self) -> bool {
        self.got.lock().await.try_recv().is_err()
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// The machine's time, and what a test puts before it: an independent verifier looks at its own clock.
pub struct ShiftedClock(AtomicI64);

impl Clock for ShiftedClock {
    fn now(&self) -> Timestamp {
        SystemClock.now().plus_millis(self.0.load(Ordering::SeqCst))
    }
}

/// A relay that sends.
pub struct World {
    pub folder: tempfile::TempDir,
    pub accounts: Accounts,
    clock: Arc<ShiftedClock>,
    router: Router,
    engine: Mutex<Option<JoinHandle<()>>>,
}

/// A store with a key that holds everything.
pub struct Tenant {
    pub id: StoreId,
    pub owner: UserId,
    pub key: String,
}

impl World {
    pub async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(ShiftedClock(AtomicI64::new(0)));
        let webhook_networks = vec![LOOPBACK.parse().unwrap()];
        // The story asks without a pause what became of its deliveries.
        let limits = serde_json::from_value(
            json!({"key": {"per_minute": 60_000, "burst": 10_000}, "store": {"per_minute": 60_000, "burst": 10_000}}),
        )
        .unwrap();
        let config = Config { data_dir: folder.path().to_owned(), webhook_networks, limits, ..Config::default() };
        let accounts = Accounts::open(&config, clock.clone()).await.unwrap();
        let router = api::http::router(Arc::clone(&accounts.door));
        let world = Self { folder, accounts, clock, router, engine: Mutex::default() };
        world.start();
        world
    }

    pub fn start(&self) {
        self.start_with(Options::default());
    }

    pub fn start_with(&self, options: Options) {
        self.start_guarded(options, Guard::new(vec![LOOPBACK.parse().unwrap()], &[], Arc::new(SystemNames)));
    }

    pub fn start_guarded(&self, options: Options, guard: Guard) {
        let options = Options { tick: Duration::from_millis(10), ..options };
        let engine = tokio::spawn(webhooks::run(Arc::clone(&self.accounts.door), guard, options));
        *self.engine.lock().unwrap() = Some(engine);
    }

    /// Stops the engine wherever it is, as a crash does.
    pub async fn stop(&self) {
        let engine = self.engine.lock().unwrap().take().unwrap();
        engine.abort();
        engine.await.ok();
    }

    pub fn later(&self, seconds: i64) {
        self.clock.0.fetch_add(seconds * 1000, Ordering::SeqCst);
    }

    /// A write of that store's account, by hand.
    pub fn by(&self, store: StoreId) -> By {
        By { account_of: Some(store), ..By::new(Actor::new(ActorKind::Floor, "owner"), self.clock.now()) }
    }

    pub async fn tenant(&self, name: &str) -> Tenant {
        let made = self.accounts.create_store(name.parse().unwrap()).await.unwrap();
        let grants = Grants::unscoped(PermissionSet::all().without(Permission::StoreDelete));
        let (key, _) = self.key(made.store, grants).await;
        Tenant { id: made.store, owner: made.owner, key }
    }

    pub async fn key(&self, store: StoreId, grants: Grants) -> (String, ApiKeyId) {
        self.key_of(Actor::new(ActorKind::Floor, "owner"), store, grants).await
    }

    pub async fn key_of(&self, owner: Actor, store: StoreId, grants: Grants) -> (String, ApiKeyId) {
        let by = self.by(store);
        let asked = serde_json::from_value(json!({"name": "test"})).unwrap();
        let write = |tx: &mut store::Tx<'_>| api::ops::keys::insert_api_key(tx, asked, grants, owner);
        self.accounts.door.store.write(by, write).await.unwrap()
    }

    pub async fn call(&self, key: &str, method: Method, path: &str, body: Option<Value>) -> (u16, Value) {
        let call = Request::builder().method(method).uri(path).header("authorization", format!("Bearer {key}"));
        let call = if body.is_some() { call.header("content-type", "application/json") } else { call };
        let body = Body::from(body.map(|body| body.to_string()).unwrap_or_default());
        let response = self.router.clone().oneshot(call.body(body).unwrap()).await.unwrap();
        let status = response.status().as_u16();
        let bytes = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
        (status, serde_json::from_slice(&bytes).unwrap_or_default())
    }

    #[track_caller]
    pub fn post(&self, key: &str, path: &str, body: Value) -> impl Future<Output = Value> {
        let place = std::panic::Location::caller();
        async move {
            let (status, answer) = self.call(key, Method::POST, path, Some(body)).await;
            assert!((200..300).contains(&status), "{place}: {status} {answer}");
            answer
        }
    }

    pub async fn act(&self, key: &str, path: &str) -> Value {
        let (status, answer) = self.call(key, Method::POST, path, None).await;
        assert!((200..300).contains(&status), "{path}: {status} {answer}");
        answer
    }

    pub async fn get(&self, key: &str, path: &str) -> Value {
        let (status, answer) = self.call(key, Method::GET, path, None).await;
        assert_eq!(status, 200, "{path}: {answer}");
        answer
    }

    /// A webhook to that address for these types, as the key's holder makes it; its id and its secret.
    pub async fn webhook(&self, key: &str, url: &str, types: &[&str]) -> (String, String) {
        let body = json!({"name": "W", "url": url, "event_types": types, "permissions": ["api_key.view", "webhook.view"]});
        let made = self.post(key, "/v1/webhooks", body).await;
        (made["webhook"]["id"].as_str().unwrap().to_owned(), made["secret"].as_str().unwrap().to_owned())
    }

    /// Something happens: an API key is made.
    pub async fn happen(&self, key: &str, name: &str) {
        self.post(key, "/v1/api_keys", json!({"name": name, "role": "viewer"})).await;
    }

    pub async fn deliveries(&self, key: &str, webhook: &str) -> Vec<Value> {
        let list = self.get(key, &format!("/v1/deliveries?webhook_id={webhook}&limit=200")).await;
        list["items"].as_array().unwrap().clone()
    }

    /// Waits until every delivery of the webhook is in that state, and there are as many.
    pub async fn settled(&self, key: &str, webhook: &str, count: usize, state: &str) -> Vec<Value> {
        let all = |all: &[Value]| all.len() == count && all.iter().all(|delivery| delivery["state"] == state);
        self.when(key, webhook, all).await
    }

    /// Waits until it holds of the webhook's deliveries.
    pub async fn when(&self, key: &str, webhook: &str, holds: impl Fn(&[Value]) -> bool) -> Vec<Value> {
        let until = async {
            loop {
                let all = self.deliveries(key, webhook).await;
                if holds(&all) {
                    return all;
                }
                tokio::task::yield_now().await;
            }
        };
        match tokio::time::timeout(PATIENCE, until).await {
            Ok(all) => all,
            Err(_) => panic!("in vain: {:#?}", self.deliveries(key, webhook).await),
        }
    }

    pub fn log_end(&self) -> u64 {
        self.accounts.door.store.read(|rows| rows.log_end()).unwrap().position
    }
}
