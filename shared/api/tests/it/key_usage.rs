//! What a key is used for, as its door counts it, and what is told of it.

use contract::event::{EventType, Named};
use contract::ops::key_usage::KeyUsage;
use contract::record::Record;
use domain::access::Grants;
use domain::farm::Claim;
use domain::id::{ApiKeyId, Id, StoreId};
use domain::key::ApiKey;
use domain::permission::Permission;
use domain::role::Role;
use domain::usage::Calls;
use gantry_api as api;
use http::Method;
use serde_json::{Value, json};
use store::StoredEvent;

use crate::farm::{Answer, Farm, NOW, request};

const HOUR: i64 = 3600 * 1000;
const DAY: i64 = 24 * HOUR;

struct Key {
    secret: String,
    id: ApiKeyId,
}

async fn key(farm: &Farm, more: Value) -> Key {
    let mut body = json!({"name": "shop", "permissions": ["farm.view"]});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let made = farm.post("/v1/api_keys", body).await.expect(201);
    Key { secret: made["secret"].as_str().unwrap().to_owned(), id: made["api_key"]["id"].as_str().unwrap().parse().unwrap() }
}

/// A call through the trusted proxy, from there.
async fn call_from(farm: &Farm, key: &Key, from: &str) -> Answer {
    let mut call = request("GET", "/v1/farms").header("authorization", format!("Bearer {}", key.secret));
    call.extensions_mut()
        .unwrap()
        .insert(axum::extract::ConnectInfo(crate::farm::PROXY.parse::<std::net::SocketAddr>().unwrap()));
    farm.send(call.header("x-forwarded-for", from).body(axum::body::Body::empty()).unwrap()).await
}

async fn usage(farm: &Farm, key: &Key) -> KeyUsage {
    serde_json::from_value(farm.get(&format!("/v1/api_keys/{}/usage", key.id)).await.expect(200)).unwrap()
}

fn told(farm: &Farm, key: &Key) -> Vec<StoredEvent> {
    let events = farm.door.store.read(|rows| rows.events_after(0, &[], Some(&key.id.to_string()), 1000)).unwrap().events;
    let of_use = |stored: &StoredEvent| match stored.event.event_type {
        EventType::Named(_) => true,
        EventType::Record(..) => false,
    };
    events.into_iter().filter(of_use).collect()
}

fn words(farm: &Farm, key: &Key) -> Vec<String> {
    told(farm, key).iter().map(|stored| stored.event.event_type.to_string()).collect()
}

fn commits(farm: &Farm) -> i64 {
    farm.database().query_row("SELECT count(*) FROM key_use", [], |row| row.get(0)).unwrap()
}

#[tokio::test]
async fn calls_are_counted_by_what_became_of_them_and_shown_before_and_after_they_are_written_down() {
    let farm = Farm::new().await;
    let one = key(&farm, json!({"rate_limit": {"per_minute": 60, "burst": 5}})).await;
    farm.get_as(&one.secret, "/v1/farms").await.expect(200);
    farm.get_as(&one.secret, "/v1/farms?nonsense=1").await.expect(422);
    farm.get_as(&one.secret, "/v1/jobs").await.refused(403, "permission_missing");
    let bulk = Some(json!({"ids": ["x"]}));
    farm.call_as(&one.secret, Method::POST, "/v1/jobs/actions/cancel", bulk, &[]).await.refused(403, "permission_missing");
    farm.later(500);
    farm.get_as(&one.secret, "/v1/farms").await.expect(200);
    farm.later(400);
    farm.get_as(&one.secret, "/v1/farms").await.refused(429, "rate_limited");
    let seen = usage(&farm, &one).await;
    assert_eq!(seen.total, Calls { calls: 6, errors: 1, refused: 2, throttled: 1 });
    assert_eq!(seen.last_used_at, Some(NOW.plus_millis(500)), "who is throttled is not let in");
    assert_eq!((seen.doors[0].door.as_str(), seen.doors[0].farm_id), ("agent", Some(farm.door.home().farm_id)));
    assert_eq!(
        (seen.doors[0].days[0].day.as_str(), seen.doors[0].networks[0].network.to_string()),
        ("2027-01-15", "192.168.1.0/24".to_owned())
    );
    assert_eq!(commits(&farm), 0, "on the way of a call nothing is written");
    api::usage::flush(&farm.door).await;
    assert_eq!(usage(&farm, &one).await, seen);
    assert_eq!(farm.record::<ApiKey>(one.id).last_used_at, seen.last_used_at);
    let shown = farm.get(&format!("/v1/api_keys/{}", one.id)).await;
    assert_eq!(shown.header("etag"), "\"1\"", "that it was used is no change of a key");
}

#[tokio::test]
async fn days_are_kept_apart_for_thirty_days() {
    let farm = Farm::new().await;
    let one = key(&farm, json!({})).await;
    for _ in 0..40 {
        farm.get_as(&one.secret, "/v1/farms").await.expect(200);
        api::usage::flush(&farm.door).await;
        farm.get_as(&one.secret, "/v1/farms").await.expect(200);
        farm.later(DAY);
    }
    farm.later(-DAY);
    let before = usage(&farm, &one).await;
    assert_eq!((before.doors[0].days.len(), before.total.calls), (30, 60));
    api::usage::flush(&farm.door).await;
    api::usage::look(&farm.door).await.unwrap();
    assert_eq!(usage(&farm, &one).await, before);
    let kept: i64 = farm.database().query_row("SELECT count(DISTINCT day) FROM key_use", [], |row| row.get(0)).unwrap();
    assert_eq!(kept, 30);
}

#[tokio::test]
async fn a_key_that_is_turned_away_is_counted_as_refused_and_not_as_used() {
    let farm = Farm::new().await;
    let bound = key(&farm, json!({"allowed_networks": ["10.0.0.0/8"]})).await;
    for _ in 0..3 {
        farm.get_as(&bound.secret, "/v1/farms").await.refused(401, "bad_credential");
    }
    let paused = key(&farm, json!({})).await;
    farm.post(&format!("/v1/api_keys/{}/pause", paused.id), json!({})).await.expect(200);
    farm.get_as(&paused.secret, "/v1/farms").await.refused(401, "bad_credential");
    let ended = key(&farm, json!({"expires_at": NOW.plus_seconds(5)})).await;
    farm.later(6_000);
    farm.get_as(&ended.secret, "/v1/farms").await.refused(401, "bad_credential");
    for (key, times) in [(&bound, 3), (&paused, 1), (&ended, 1)] {
        let seen = usage(&farm, key).await;
        assert_eq!((seen.total, seen.last_used_at), (Calls { calls: times, refused: times, ..Calls::default() }, None));
    }
    farm.get_as("gty_live_0123456789abcdefghijABCDEFGHIJ000000", "/v1/farms").await.refused(401, "bad_credential");
    api::usage::flush(&farm.door).await;
    assert_eq!(commits(&farm), 3 + 1, "the three, and who made them; nothing of a key that there is not");
}

#[tokio::test]
async fn what_stands_out_is_told_once_an_hour_however_often_it_happens_and_across_a_restart() {
    let farm = Farm::new().await;
    let one = key(&farm, json!({"rate_limit": {"per_minute": 60, "burst": 1}})).await;
    for _ in 0..50 {
        farm.get_as(&one.secret, "/v1/jobs").await;
        api::usage::flush(&farm.door).await;
        farm.later(60_000);
    }
    assert_eq!(words(&farm, &one), ["api_key.refused"]);
    for _ in 0..15 {
        farm.get_as(&one.secret, "/v1/jobs").await;
        farm.get_as(&one.secret, "/v1/jobs").await.refused(429, "rate_limited");
        farm.later(60_000);
    }
    api::usage::flush(&farm.door).await;
    assert_eq!(
        words(&farm, &one),
        ["api_key.refused", "api_key.throttled", "api_key.refused"],
        "one of each, an hour after the first"
    );
}

#[tokio::test]
async fn a_new_network_is_told_with_its_name_but_not_the_first_one() {
    let farm = Farm::new().await;
    let one = key(&farm, json!({})).await;
    for from in ["198.51.100.1", "198.51.100.200", "203.0.113.9", "2001:db8::1", "203.0.113.77"] {
        call_from(&farm, &one, from).await.expect(200);
        api::usage::flush(&farm.door).await;
        farm.later(HOUR);
    }
    let told = told(&farm, &one);
    let networks: Vec<&Value> = told.iter().map(|stored| &stored.event.data["new_networks"]).collect();
    assert_eq!(networks, [&json!(["203.0.113.0/24"]), &json!(["2001:db8::/48"])]);
    assert!(
        told.iter()
            .all(|stored| stored.event.event_type == Named::ApiKeyNewNetwork.into() && stored.event.data["name"] == "shop")
    );
    let networks: Vec<String> = usage(&farm, &one).await.doors[0].networks.iter().map(|seen| seen.network.to_string()).collect();
    assert_eq!(networks, ["203.0.113.0/24", "2001:db8::/48", "198.51.100.0/24"], "the latest first");
}

#[tokio::test]
async fn only_the_last_networks_are_kept_however_many_a_key_comes_from() {
    let farm = Farm::new().await;
    let one = key(&farm, json!({})).await;
    for n in 0..100 {
        call_from(&farm, &one, &format!("203.0.{n}.1")).await.expect(200);
        farm.later(1);
        if n % 40 == 39 {
            api::usage::flush(&farm.door).await;
        }
        assert!(usage(&farm, &one).await.doors[0].networks.len() <= 32);
    }
    api::usage::flush(&farm.door).await;
    let kept: i64 = farm.database().query_row("SELECT count(*) FROM key_network", [], |row| row.get(0)).unwrap();
    assert!(kept <= 33, "{kept}: of one key, and one of who made it");
}

#[tokio::test]
async fn that_a_key_ends_is_told_a_week_and_a_day_before_once_each_by_its_home() {
    let farm = Farm::new().await;
    let one = key(&farm, json!({"expires_at": NOW.plus_millis(10 * DAY)})).await;
    let soon = key(&farm, json!({"expires_at": NOW.plus_millis(3 * DAY)})).await;
    let never = key(&farm, json!({})).await;
    let mut days = Vec::new();
    for hour in 0..11 * 24 {
        api::usage::look(&farm.door).await.unwrap();
        let told = words(&farm, &one).len();
        if told > days.len() {
            days.push(hour);
        }
        farm.later(HOUR);
    }
    assert_eq!(days, [3 * 24, 9 * 24]);
    assert_eq!(words(&farm, &one), ["api_key.expiring"; 2]);
    assert_eq!(words(&farm, &soon), ["api_key.expiring"], "a week before it was not made yet");
    assert_eq!(words(&farm, &never), [""; 0]);
    let later = farm.door.now().plus_millis(6 * DAY);
    farm.patch(&format!("/v1/api_keys/{}", never.id), json!({"expires_at": later})).await.expect(200);
    farm.later(DAY / 2);
    let claim = Claim {
        relay_url: "https://relay.test".to_owned(),
        relay_id: "relay_1".to_owned(),
        store_id: StoreId::new(NOW, [1; 10]),
        store_name: "Shop".parse().unwrap(),
        claimed_at: NOW,
    };
    farm.door.accounts.claimed(Some(claim));
    api::usage::look(&farm.door).await.unwrap();
    assert_eq!(words(&farm, &never), [""; 0], "its relay tells that");
    farm.door.accounts.claimed(None);
    api::usage::look(&farm.door).await.unwrap();
    assert_eq!(words(&farm, &never), ["api_key.expiring"]);
}

#[tokio::test]
async fn what_a_key_does_is_a_fact_of_the_farm_that_saw_it_and_seen_by_who_may_see_keys() {
    let farm = Farm::new().await;
    let one = key(&farm, json!({})).await;
    farm.get_as(&one.secret, "/v1/jobs").await.refused(403, "permission_missing");
    api::usage::flush(&farm.door).await;
    let told = told(&farm, &one).remove(0);
    assert_eq!(told.event.farm_id, Some(farm.door.home().farm_id));
    assert_eq!(told.event.actor.id, farm.door.home().farm_id.to_string());
    assert_eq!(told.event.subject.id, one.id.to_string());
    let sees = |permissions| {
        let sight = fanout::Sight { store: farm.door.home().store_id, grants: Grants::unscoped(permissions) };
        farm.door.store.read(|rows| sight.project(rows, told.clone())).unwrap().is_some()
    };
    assert!(sees([ApiKey::VIEW].into_iter().collect()));
    assert!(!sees(Role::Viewer.permissions()));
    let narrow = farm.key_with(&[Permission::EventView]).await;
    farm.get_as(&narrow, &format!("/v1/api_keys/{}/usage", one.id)).await.refused(403, "permission_missing");
    farm.get("/v1/api_keys/key_00000000000000000000000000000001/usage").await.refused(404, "not_found");
}

#[tokio::test]
async fn what_could_not_be_written_is_written_the_next_time() {
    let farm = Farm::new().await;
    let one = key(&farm, json!({})).await;
    farm.get_as(&one.secret, "/v1/farms").await.expect(200);
    let database = farm.database();
    database.execute_batch("ALTER TABLE key_use RENAME TO away").unwrap();
    api::usage::flush(&farm.door).await;
    database.execute_batch("ALTER TABLE away RENAME TO key_use").unwrap();
    farm.get_as(&one.secret, "/v1/farms").await.expect(200);
    api::usage::flush(&farm.door).await;
    assert_eq!(usage(&farm, &one).await.total.calls, 2);
}
