//! A relay's door and a farm's, with nothing between them but a line that is counted and can be cut.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use api::auth::SignInThrottle;
use api::blobs::Blobs;
use api::door::Door;
use api::floor_people::FloorPeople;
use api::forward::{Farms, Freshness, Operations, carry_out};
use api::keep::Keep;
use api::mailbox::{self, Settled};
use async_trait::async_trait;
use axum::Router;
use axum::body::Body;
use contract::forward::{Answered, Forwarded};
use contract::problem::{Code, Problem};
use domain::access::Grants;
use domain::actor::Actor;
use domain::farm::HomeIds;
use domain::file::ContentHash;
use domain::id::{FarmId, Id, PrinterId, StoreId};
use domain::permission::Permission;
use domain::telemetry::Telemetry;
use gantry_api as api;
use serde_json::{Value, json};
use store::{By, OpenOptions, Sealer, SeededEntropy, Store};
use tokio::sync::broadcast;
use tower::ServiceExt;

use crate::farm::{Answer, Farm, NOW, owner, request};

/// The line to one farm.
pub struct Line {
    farm: Arc<Door>,
    cut: AtomicBool,
    passed: AtomicUsize,
    /// So many of the next calls the farm fails over.
    failures: AtomicUsize,
    pub last: Mutex<Option<Forwarded>>,
    /// Content that the farm was asked for.
    pub wanted: Mutex<Vec<(HomeIds, ContentHash)>>,
}

impl Line {
    /// Cuts the line, or mends it.
    pub fn cut(&self, cut: bool) {
        self.cut.store(cut, Ordering::SeqCst);
    }
}

#[async_trait]
impl Farms for Line {
    async fn call(&self, home: HomeIds, call: Forwarded) -> Result<Answered, Problem> {
        if self.cut.load(Ordering::SeqCst) || home.farm_id != self.farm.home().farm_id {
            return Err(Problem::new(Code::FarmOffline));
        }
        let failed = self.failures.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok();
        if failed {
            let body = serde_json::to_value(Problem::new(Code::Internal)).unwrap();
            return Ok(Answered { status: 500, body, ..Answered::default() });
        }
        self.passed.fetch_add(1, Ordering::SeqCst);
        *self.last.lock().unwrap() = Some(call.clone());
        // Over the wire and back.
        let call = serde_json::from_value(serde_json::to_value(&call).unwrap()).unwrap();
        let answered = carry_out(&self.farm, &Operations::default(), call).await;
        Ok(serde_json::from_value(serde_json::to_value(&answered).unwrap()).unwrap())
    }

    fn mail(&self, _: FarmId) {}

    fn belongs(&self, _: HomeIds) -> bool {
        true
    }

    fn revoked(&self, _: HomeIds) {}

    fn want_content(&self, home: HomeIds, sha256: ContentHash) -> Result<(), Problem> {
        if self.cut.load(Ordering::SeqCst) || home.farm_id != self.farm.home().farm_id {
            return Err(Problem::new(Code::FarmOffline));
        }
        self.wanted.lock().unwrap().push((home, sha256));
        Ok(())
    }

    fn freshness(&self, _: StoreId) -> Option<Freshness> {
        let away_since = self.cut.load(Ordering::SeqCst).then_some(NOW);
        Some(Freshness { as_of: NOW, away_since })
    }

    fn telemetry(&self, _: PrinterId) -> Option<Telemetry> {
        None
    }

    fn follow_telemetry(&self, _: StoreId) -> broadcast::Receiver<(PrinterId, Telemetry)> {
        broadcast::channel(1).1
    }
}

/// What the tunnel's sessions do with what waits for a farm, without a tunnel. Says how many calls were answered.
async fn deliver(door: &Arc<Door>, farm: FarmId) -> Result<usize, Problem> {
    let mut answered = 0;
    while let Some((seq, call)) = mailbox::next(door, farm).await.unwrap() {
        let home = HomeIds { store_id: store(1), farm_id: farm };
        let Ok(answer) = door.farms.call(home, call).await else { break };
        match mailbox::settle(door, farm, seq, answer).await.unwrap() {
            Settled::Answered => answered += 1,
            Settled::Again => {}
            Settled::Full => break,
            Settled::Gone => panic!("it was there"),
        }
    }
    Ok(answered)
}

pub struct World {
    pub farm: Farm,
    pub line: Arc<Line>,
    pub relay: Arc<Door>,
    pub router: Router,
    pub folder: tempfile::TempDir,
    pub store: StoreId,
}

pub fn store(n: u8) -> StoreId {
    StoreId::new(NOW, [n; 10])
}

impl World {
    pub async fn new() -> Self {
        Self::keeping(Keep::default()).await
    }

    /// With a relay that keeps so much for its farms.
    pub async fn keeping(keep: Keep) -> Self {
        Self::around(Farm::new().await, keep).await
    }

    /// With that farm.
    pub async fn around(farm: Farm, keep: Keep) -> Self {
        let line = Arc::new(Line {
            farm: Arc::clone(&farm.door),
            cut: AtomicBool::new(false),
            passed: AtomicUsize::new(0),
            failures: AtomicUsize::new(0),
            last: Mutex::default(),
            wanted: Mutex::default(),
        });
        let folder = tempfile::tempdir().unwrap();
        let options = OpenOptions { path: None, now: NOW, entropy: Box::new(SeededEntropy(99)), live: true };
        let relay = Arc::new(Door {
            store: Store::open(&folder.path().join("relay.db"), options).unwrap(),
            clock: farm.clock.clone(),
            sealer: Sealer::new(&[8; 32]),
            blobs: Blobs::open(&folder.path().join("files")).unwrap(),
            farm: None,
            farms: line.clone(),
            keep,
            accounts: Arc::default(),
            served_by: "relay",
            live: true,
            host_names: Vec::new(),
            https: false,
            proxies: Default::default(),
            limits: api::limits::Limits::new(
                serde_json::from_value(json!({
                    "key": {"per_minute": 60_000, "burst": 10_000}, "session": {"per_minute": 60_000, "burst": 10_000},
                    "store": {"per_minute": 60_000, "burst": 10_000},
                    "address": {"per_minute": 60_000, "burst": 10_000}, "failed": {"per_minute": 60_000, "burst": 10_000},
                }))
                .unwrap(),
            ),
            usage: api::usage::Usage::default(),
            throttle: SignInThrottle::default(),
            people: FloorPeople::default(),
            callers: Default::default(),
            ways_in: api::ways_in::WaysIn { passkeys: None, providers: Some(Arc::new(crate::people::Says)) },
            audit: api::audit::AuditKeeper::of_seed([4; 32]),
            address: Default::default(),
            webhook_urls: None,
        });
        let router = api::http::router(Arc::clone(&relay));
        let world = Self { farm, line, relay, router, folder, store: store(1) };
        world.copy().await;
        world
    }

    /// Brings the relay's copy up to date.
    pub async fn copy(&self) {
        let rows = self.farm.door.store.read(|rows| rows.feed_after(self.farm.door.home().store_id, 0, 1000)).unwrap();
        let home = HomeIds { store_id: self.store, farm_id: self.farm.door.home().farm_id };
        let write = move |tx: &mut store::Tx<'_>| rows.iter().try_for_each(|row| tx.put_copy(home, 1, row).map(drop));
        self.relay.store.write(By::new(Actor::farm(home.farm_id), NOW), write).await.unwrap();
    }

    /// And what happened at the farm.
    pub async fn copy_events(&self) {
        let told = self.farm.door.store.read(|rows| rows.farm_events_after(self.farm.door.home().store_id, 0, 1000)).unwrap();
        let home = HomeIds { store_id: self.store, farm_id: self.farm.door.home().farm_id };
        let write = move |tx: &mut store::Tx<'_>| {
            told.events.iter().try_for_each(|stored| {
                let event = serde_json::from_value(serde_json::to_value(&stored.event).unwrap()).unwrap();
                tx.put_copied_event(home, &stored.labels, &event).map(drop)
            })
        };
        self.relay.store.write(By::new(Actor::farm(home.farm_id), NOW), write).await.unwrap();
    }

    /// Every table of the relay with how much is in it.
    pub fn counts(&self) -> Vec<(String, i64)> {
        crate::farm::counts(&rusqlite::Connection::open(self.folder.path().join("relay.db")).unwrap())
    }

    /// A key of that store at the relay.
    pub async fn key(&self, store: StoreId, grants: Grants) -> String {
        let asked = serde_json::from_value(json!({"name": "key"})).unwrap();
        let by = By { account_of: Some(store), ..By::new(owner(), NOW) };
        let write = move |tx: &mut store::Tx<'_>| {
            Ok::<_, api::operation::Failure>(api::ops::keys::insert_api_key(tx, asked, grants, owner())?.0)
        };
        self.relay.store.write(by, write).await.unwrap()
    }

    pub async fn call(&self, key: &str, method: &str, path: &str, body: Option<Value>, headers: &[(&str, &str)]) -> Answer {
        let mut call = request(method, path).header("authorization", format!("Bearer {key}"));
        call = headers.iter().fold(call, |call, (name, value)| call.header(*name, *value));
        if body.is_some() {
            call = call.header("content-type", "application/json");
        }
        let body = body.map_or_else(Body::empty, |body| Body::from(body.to_string()));
        let response = self.router.clone().oneshot(call.body(body).unwrap()).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = axum::body::to_bytes(body, usize::MAX).await.unwrap().to_vec();
        Answer { status: parts.status.as_u16(), headers: parts.headers, bytes }
    }

    pub fn passed(&self) -> usize {
        self.line.passed.load(Ordering::SeqCst)
    }
}

const POOL: &str = r#"{"name": "Large", "tags": ["rack-a"]}"#;

fn pool() -> Option<Value> {
    serde_json::from_str(POOL).ok()
}

#[tokio::test]
async fn a_write_at_the_relay_is_done_at_the_farm_by_the_same_actor_with_the_same_rights() {
    let world = World::new().await;
    let grants = Grants::unscoped([Permission::PoolManage, Permission::PoolView].into_iter().collect());
    let key = world.key(world.store, grants.clone()).await;
    let answer = world.call(&key, "POST", "/v1/pools", pool(), &[]).await;
    assert_eq!(answer.header("etag"), "\"1\"");
    let made = answer.expect(201);
    assert_eq!(world.farm.get(&format!("/v1/pools/{}", made["id"].as_str().unwrap())).await.expect(200)["name"], "Large");
    let sent = world.line.last.lock().unwrap().clone().unwrap();
    assert_eq!((sent.actor.kind, sent.grants), (domain::actor::ActorKind::ApiKey, grants));
    let events = world.farm.get("/v1/events?type=pool.created").await.expect(200);
    assert_eq!(events["items"][0]["actor"], json!(sent.actor));
}

#[tokio::test]
async fn the_farm_judges_a_call_by_the_rights_that_came_with_it() {
    let world = World::new().await;
    let mut call = Forwarded {
        id: "call_1".into(),
        operation: "create_pool".into(),
        path: Default::default(),
        query: Vec::new(),
        body: pool().unwrap(),
        idempotency_key: None,
        if_match: None,
        wait_seconds: 0,
        actor: owner(),
        grants: Grants::unscoped([Permission::PoolView].into_iter().collect()),
        from: None,
        request_id: "req_1".into(),
    };
    let refused = carry_out(&world.farm.door, &Operations::default(), call.clone()).await;
    assert_eq!((refused.status, &refused.body["permission"]), (403, &json!("pool.manage")));
    call.operation = "create_api_key".into();
    let refused = carry_out(&world.farm.door, &Operations::default(), call.clone()).await;
    assert_eq!((refused.status, &refused.body["code"]), (501, &json!("unsupported_by_farm")));
    call.operation = "levitate".into();
    assert_eq!(carry_out(&world.farm.door, &Operations::default(), call).await.status, 501);
}

#[tokio::test]
async fn what_is_forbidden_or_wrong_never_reaches_the_line() {
    let world = World::new().await;
    let printer = world.farm.ready_printer().await;
    world.copy().await;
    let viewer = world.key(world.store, Grants::unscoped(domain::role::Role::Viewer.permissions())).await;
    let owner = world.key(world.store, Grants::owner()).await;
    world.call(&viewer, "POST", "/v1/pools", pool(), &[]).await.refused(403, "permission_missing");
    world.call(&viewer, "POST", &format!("/v1/printers/{printer}/cancel"), None, &[]).await.refused(403, "permission_missing");
    world.call(&owner, "POST", "/v1/pools", Some(json!({"name": 5})), &[]).await.refused(422, "invalid_request");
    world.call(&owner, "POST", "/v1/pools", Some(json!({"nam": "x"})), &[]).await.refused(422, "invalid_request");
    world.call("gty_live_wrong", "POST", "/v1/pools", pool(), &[]).await.refused(401, "bad_credential");
    assert_eq!(world.passed(), 0);
}

#[tokio::test]
async fn another_stores_things_are_not_found_and_never_reach_the_line() {
    let world = World::new().await;
    let printer = world.farm.ready_printer().await;
    world.copy().await;
    let stranger = world.key(store(2), Grants::owner()).await;
    let farm = world.farm.door.home().farm_id;
    for path in [format!("/v1/printers/{printer}/disable"), format!("/v1/farms/{farm}/stop-all")] {
        world.call(&stranger, "POST", &path, None, &[]).await.refused(404, "not_found");
    }
    world.call(&stranger, "POST", &format!("/v1/pools?farm_id={farm}"), pool(), &[]).await.refused(404, "not_found");
    world.call(&stranger, "POST", "/v1/pools", pool(), &[]).await.refused(503, "farm_offline");
    world.call(&stranger, "GET", &format!("/v1/printers/{printer}"), None, &[]).await.refused(404, "not_found");
    assert_eq!(world.call(&stranger, "GET", "/v1/printers", None, &[]).await.expect(200)["items"], json!([]));
    assert_eq!(world.passed(), 0);
}

#[tokio::test]
async fn while_the_farm_is_away_nothing_that_moves_a_machine_is_kept() {
    let world = World::new().await;
    let printer = world.farm.ready_printer().await;
    world.copy().await;
    let key = world.key(world.store, Grants::owner()).await;
    world.line.cut.store(true, Ordering::SeqCst);
    for verb in ["cancel", "pause", "resume"] {
        let path = format!("/v1/printers/{printer}/{verb}");
        world.call(&key, "POST", &path, None, &[]).await.refused(503, "farm_offline");
    }
    world.line.cut.store(false, Ordering::SeqCst);
    assert_eq!(world.farm.get("/v1/commands").await.expect(200)["items"], json!([]));
    assert_eq!(
        world.call(&key, "GET", &format!("/v1/printers/{printer}"), None, &[]).await.expect(200)["name"],
        "P",
        "the copy stands"
    );
}

#[tokio::test]
async fn the_same_idempotency_key_at_both_doors_makes_one_thing() {
    let world = World::new().await;
    let key = world.key(world.store, Grants::owner()).await;
    let once = &[("idempotency-key", "order-17")];
    let made = world.call(&key, "POST", "/v1/pools", pool(), once).await.expect(201);
    let again = world.call(&key, "POST", "/v1/pools", pool(), once).await;
    assert_eq!(again.header("idempotent-replayed"), "true");
    assert_eq!(again.expect(201)["id"], made["id"]);
    let sent = world.line.last.lock().unwrap().clone().unwrap();
    let direct = carry_out(&world.farm.door, &Operations::default(), sent).await;
    assert_eq!((direct.replayed, &direct.body["id"]), (true, &made["id"]));
    assert_eq!(world.farm.get("/v1/pools").await.expect(200)["items"].as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn one_request_about_many_things_reaches_each_of_them_at_the_farm_and_in_its_mailbox() {
    let world = World::new().await;
    let key = world.key(world.store, Grants::owner()).await;
    for away in [false, true] {
        let jobs = [world.farm.job(json!({})).await, world.farm.job(json!({})).await];
        world.copy().await;
        world.line.cut.store(away, Ordering::SeqCst);
        let done = world.call(&key, "POST", "/v1/jobs/actions/hold", Some(json!({"ids": jobs})), &[]).await.expect(200);
        assert!(done["results"].as_array().unwrap().iter().all(|one| one["ok"] == true), "{done}");
        world.line.cut.store(false, Ordering::SeqCst);
        assert_eq!(world.deliver().await, if away { 2 } else { 0 });
        for job in jobs {
            assert_eq!(world.farm.get(&format!("/v1/jobs/{job}")).await.expect(200)["state"], "held", "away: {away}");
        }
    }
}

#[tokio::test]
async fn what_belongs_to_the_call_itself_travels_with_it() {
    let world = World::new().await;
    let key = world.key(world.store, Grants::owner()).await;
    let made = world.call(&key, "POST", "/v1/pools", pool(), &[]).await.expect(201);
    world.copy().await;
    let path = format!("/v1/pools/{}", made["id"].as_str().unwrap());
    let other = Some(json!({"name": "Other"}));
    world.call(&key, "PATCH", &path, other.clone(), &[("if-match", "\"7\"")]).await.refused(412, "stale_revision");
    assert_eq!(world.call(&key, "PATCH", &path, other, &[("if-match", "\"1\"")]).await.expect(200)["revision"], 2);
    let file = world.farm.file().await;
    world.copy().await;
    world.call(&key, "POST", "/v1/jobs?dry_run=true", Some(json!({"file_id": file})), &[]).await.expect(200);
    assert_eq!(world.farm.get("/v1/jobs").await.expect(200)["items"], json!([]));
}

#[tokio::test]
async fn with_several_farms_a_new_thing_says_for_which() {
    let world = World::new().await;
    let other = FarmId::new(NOW, [5; 10]);
    let mut row = world.farm.door.store.read(|rows| rows.feed_after(world.farm.door.home().store_id, 0, 1)).unwrap().remove(0);
    row.id = other.to_string();
    row.document.insert("id".into(), row.id.clone().into());
    let home = HomeIds { store_id: world.store, farm_id: other };
    world.relay.store.write(By::new(Actor::farm(other), NOW), move |tx| tx.put_copy(home, 1, &row)).await.unwrap();
    let key = world.key(world.store, Grants::owner()).await;
    world.call(&key, "POST", "/v1/pools", pool(), &[]).await.refused(422, "farm_required");
    let accepted = world.call(&key, "POST", &format!("/v1/pools?farm_id={other}"), pool(), &[]).await.expect(202);
    assert_eq!(accepted["farm_id"], other.to_string());
    let farm = world.farm.door.home().farm_id;
    world.call(&key, "POST", &format!("/v1/pools?farm_id={farm}"), pool(), &[]).await.expect(201);
}

impl World {
    pub fn cut(&self, cut: bool) {
        self.line.cut.store(cut, Ordering::SeqCst);
    }

    pub async fn deliver(&self) -> usize {
        deliver(&self.relay, self.farm.door.home().farm_id).await.unwrap()
    }
}

#[tokio::test]
async fn while_the_farm_is_away_new_things_get_the_ids_that_they_will_have_and_stand_as_pending() {
    let world = World::new().await;
    let file = world.farm.file().await;
    world.copy().await;
    let key = world.key(world.store, Grants::owner()).await;
    world.cut(true);
    let part = world.call(&key, "POST", "/v1/parts", Some(json!({"name": "Hook", "plates": []})), &[]).await.expect(202);
    let job = json!({"file_id": file, "part_id": part["id"], "name": "Hook"});
    let job = world.call(&key, "POST", "/v1/jobs", Some(job), &[]).await.expect(202);
    let path = format!("/v1/parts/{}", part["id"].as_str().unwrap());
    let shown = world.call(&key, "GET", &path, None, &[]).await.expect(200);
    assert_eq!((&shown["name"], &shown["revision"], &shown["pending"]), (&json!("Hook"), &json!(0), &json!(true)));
    world.call(&key, "PATCH", &path, Some(json!({"name": "Peg"})), &[]).await.refused(409, "pending");
    assert_eq!(world.deliver().await, 0, "there is no line");
    world.cut(false);
    assert_eq!(world.deliver().await, 2, "in order: the job names the part");
    world.copy().await;
    for (noun, made) in [("parts", &part), ("jobs", &job)] {
        let path = format!("/v1/{noun}/{}", made["id"].as_str().unwrap());
        assert_eq!(world.farm.get(&path).await.expect(200)["name"], "Hook");
        let shown = world.call(&key, "GET", &path, None, &[]).await.expect(200);
        assert_eq!((&shown["revision"], &shown["pending"]), (&json!(1), &Value::Null));
        let command = format!("/v1/commands/{}", made["command"]["id"].as_str().unwrap());
        assert_eq!(world.call(&key, "GET", &command, None, &[]).await.expect(200)["state"], "completed");
    }
}

#[tokio::test]
async fn a_call_goes_behind_those_that_wait_already() {
    let world = World::new().await;
    let key = world.key(world.store, Grants::owner()).await;
    world.cut(true);
    world.call(&key, "POST", "/v1/pools", pool(), &[]).await.expect(202);
    world.cut(false);
    world.call(&key, "POST", "/v1/pools", pool(), &[]).await.expect(202);
    assert_eq!(world.passed(), 0);
    assert_eq!(world.deliver().await, 2);
    world.call(&key, "POST", "/v1/pools", pool(), &[]).await.expect(201);
}

#[tokio::test]
async fn a_repeated_call_waits_once_and_an_answer_that_was_lost_makes_nothing_twice() {
    let world = World::new().await;
    let key = world.key(world.store, Grants::owner()).await;
    let once = &[("idempotency-key", "order-18")];
    world.cut(true);
    let first = world.call(&key, "POST", "/v1/pools", pool(), once).await.expect(202);
    let again = world.call(&key, "POST", "/v1/pools", pool(), once).await;
    assert_eq!(again.header("idempotent-replayed"), "true");
    assert_eq!(again.expect(202)["id"], first["id"]);
    world
        .call(&key, "POST", "/v1/pools", Some(json!({"name": "Other", "tags": []})), once)
        .await
        .refused(422, "idempotency_mismatch");
    // The farm did it, and the relay died before it had written the answer.
    let mail = world.relay.store.read(|rows| rows.next_mail(world.farm.door.home().farm_id)).unwrap().unwrap();
    carry_out(&world.farm.door, &Operations::default(), serde_json::from_value(mail.call).unwrap()).await;
    world.cut(false);
    assert_eq!(world.deliver().await, 1);
    let made = world.farm.get("/v1/pools").await.expect(200);
    assert_eq!(made["items"].as_array().map(Vec::len), Some(1));
    assert_eq!(made["items"][0]["id"], first["id"]);
}

#[tokio::test]
async fn what_the_farm_refuses_leaves_with_its_reason_and_the_rest_goes_on() {
    let world = World::new().await;
    let key = world.key(world.store, Grants::owner()).await;
    let nowhere = domain::id::FileId::new(NOW, [4; 10]);
    world.cut(true);
    let job = world.call(&key, "POST", "/v1/jobs", Some(json!({"file_id": nowhere})), &[]).await.expect(202);
    let kept = world.call(&key, "POST", "/v1/pools", pool(), &[]).await.expect(202);
    world.cut(false);
    assert_eq!(world.deliver().await, 2);
    let path = |noun: &str, id: &Value| format!("/v1/{noun}/{}", id.as_str().unwrap());
    world.call(&key, "GET", &path("jobs", &job["id"]), None, &[]).await.refused(404, "not_found");
    let command = world.call(&key, "GET", &path("commands", &job["command"]["id"]), None, &[]).await.expect(200);
    assert_eq!((&command["state"], &command["problem"]["code"]), (&json!("failed"), &json!("not_found")));
    world.farm.get(&path("pools", &kept["id"])).await.expect(200);
}

#[tokio::test]
async fn a_request_that_the_farm_fails_over_three_times_holds_nobody_up() {
    let world = World::new().await;
    let key = world.key(world.store, Grants::owner()).await;
    world.cut(true);
    let first = world.call(&key, "POST", "/v1/pools", pool(), &[]).await.expect(202);
    world.call(&key, "POST", "/v1/pools", pool(), &[]).await.expect(202);
    world.cut(false);
    world.line.failures.store(3, Ordering::SeqCst);
    assert_eq!((world.deliver().await, world.passed()), (2, 1));
    let command = format!("/v1/commands/{}", first["command"]["id"].as_str().unwrap());
    let command = world.call(&key, "GET", &command, None, &[]).await.expect(200);
    assert_eq!((&command["state"], &command["problem"]["code"]), (&json!("failed"), &json!("internal")));
}

#[tokio::test]
async fn what_a_full_disk_keeps_out_waits_for_room() {
    let world = World::new().await;
    let file = world.farm.file().await;
    world.copy().await;
    let key = world.key(world.store, Grants::owner()).await;
    world.cut(true);
    let job = world.call(&key, "POST", "/v1/jobs", Some(json!({"file_id": file})), &[]).await.expect(202);
    world.cut(false);
    *world.farm.floor.full.lock().unwrap() = true;
    assert_eq!(world.deliver().await, 0);
    *world.farm.floor.full.lock().unwrap() = false;
    assert_eq!(world.deliver().await, 1);
    world.farm.get(&format!("/v1/jobs/{}", job["id"].as_str().unwrap())).await.expect(200);
}

#[tokio::test]
async fn what_waits_is_shown_on_the_thing_that_it_is_about_until_it_is_done() {
    let world = World::new().await;
    let key = world.key(world.store, Grants::owner()).await;
    let made = world.call(&key, "POST", "/v1/parts", Some(json!({"name": "Clip"})), &[]).await.expect(201);
    world.copy().await;
    let path = format!("/v1/parts/{}", made["id"].as_str().unwrap());
    world.line.cut.store(true, Ordering::SeqCst);
    let edit = world.call(&key, "PATCH", &path, Some(json!({"name": "Bracket"})), &[]).await.expect(202);
    let shown = world.call(&key, "GET", &path, None, &[]).await.expect(200);
    assert_eq!((&shown["name"], &shown["pending_commands"]), (&json!("Clip"), &json!([edit["command"]["id"]])));
    world.line.cut.store(false, Ordering::SeqCst);
    assert_eq!(deliver(&world.relay, world.farm.door.home().farm_id).await.unwrap(), 1);
    world.copy().await;
    let shown = world.call(&key, "GET", &path, None, &[]).await.expect(200);
    assert_eq!((&shown["name"], shown.get("pending_commands")), (&json!("Bracket"), None));
}

#[tokio::test]
async fn what_waits_can_be_taken_back_by_who_asked_until_it_is_sent() {
    let world = World::new().await;
    let key = world.key(world.store, Grants::owner()).await;
    let viewer = world.key(world.store, Grants::unscoped(domain::role::Role::Viewer.permissions())).await;
    world.copy().await;
    world.line.cut.store(true, Ordering::SeqCst);
    let part = world.call(&key, "POST", "/v1/parts", Some(json!({"name": "Clip"})), &[]).await.expect(202);
    let sent = world.call(&key, "POST", "/v1/parts", Some(json!({"name": "Sent"})), &[]).await.expect(202);
    let withdraw = |waiting: &Value| format!("/v1/commands/{}/withdraw", waiting["command"]["id"].as_str().unwrap());
    world.call(&viewer, "POST", &withdraw(&part), None, &[]).await.refused(403, "permission_missing");
    world.call(&key, "POST", &withdraw(&part), None, &[]).await.expect(200);
    let path = format!("/v1/parts/{}", part["id"].as_str().unwrap());
    world.call(&key, "GET", &path, None, &[]).await.refused(404, "not_found");
    let command = format!("/v1/commands/{}", part["command"]["id"].as_str().unwrap());
    assert_eq!(world.call(&key, "GET", &command, None, &[]).await.expect(200)["state"], "failed");
    world.call(&key, "POST", &withdraw(&part), None, &[]).await.refused(409, "illegal_state");
    // The line breaks after it was sent: nobody knows whether it was done.
    deliver(&world.relay, world.farm.door.home().farm_id).await.unwrap();
    world.call(&key, "POST", &withdraw(&sent), None, &[]).await.refused(409, "illegal_state");
    world.line.cut.store(false, Ordering::SeqCst);
    assert_eq!(deliver(&world.relay, world.farm.door.home().farm_id).await.unwrap(), 1);
    assert_eq!(world.farm.get("/v1/parts").await.expect(200)["items"].as_array().unwrap().len(), 1);
}
