//! What a webhook promises, over real sockets: each event once or more and never not at all, signed so
//! that somebody else's verifier agrees, to whom it may be told, and with nobody held up by anybody.

use std::sync::Arc;
use std::time::Duration;

use domain::access::Grants;
use domain::account::User;
use domain::actor::{Actor, ActorKind};
use domain::farm::HomeIds;
use domain::id::{EventId, FarmId, Id, JobId};
use domain::kind::Kind;
use domain::permission::Permission;
use domain::time::Timestamp;
use gantry_relay::webhooks::{Guard, Looked, Names, Options};
use http::Method;
use serde_json::{Value, json};
use standardwebhooks::Webhook as Verifier;
use store::FeedRow;
use tokio::net::TcpListener;

use crate::receiver::{Receiver, World};

const MADE: &[&str] = &["api_key.created"];

#[tokio::test]
async fn an_event_arrives_and_an_independent_verifier_agrees_with_its_signature() {
    let (world, receiver) = (World::new().await, Receiver::start().await);
    let anna = world.tenant("Anna").await;
    let (webhook, secret) = world.webhook(&anna.key, &receiver.url(), MADE).await;
    world.happen(&anna.key, "Shop").await;
    let got = receiver.next().await;
    Verifier::new(&secret).unwrap().verify(&got.body, &got.headers).unwrap();
    let mut forged = got.body.to_vec();
    forged[10] ^= 1;
    assert!(Verifier::new(&secret).unwrap().verify(&forged, &got.headers).is_err());
    let event = got.json();
    assert_eq!((&event["type"], &event["data"]["name"]), (&json!("api_key.created"), &json!("Shop")));
    assert_eq!(
        (event["id"].as_str().unwrap(), event["store_id"].as_str().unwrap()),
        (got.header("webhook-id"), &*anna.id.to_string())
    );
    let delivery = &world.settled(&anna.key, &webhook, 1, "delivered").await[0];
    assert_eq!((&delivery["event_id"], &delivery["tries"][0]["status"]), (&event["id"], &json!(204)));
    let shown = world.get(&anna.key, &format!("/v1/webhooks/{webhook}")).await;
    assert!(shown["last_success_at"].is_string(), "{shown}");
    assert_eq!(shown["revision"], 1, "who means to change it is not disturbed by a delivery");
}

#[tokio::test]
async fn what_fails_is_tried_again_in_its_time_and_the_log_does_not_grow_by_it() {
    let (world, receiver) = (World::new().await, Receiver::start().await);
    let anna = world.tenant("Anna").await;
    let (webhook, _) = world.webhook(&anna.key, &receiver.url(), MADE).await;
    receiver.answer(500, &[]);
    receiver.answer(302, &[("location", "http://127.0.0.1:1/")]);
    receiver.answer(503, &[("retry-after", "7200")]);
    world.happen(&anna.key, "Shop").await;
    let log = world.log_end();
    let first = receiver.next().await;
    for (tried, seconds) in [(1, 6), (2, 360)] {
        let failed = world.when(&anna.key, &webhook, |all| all[0]["tried"] == tried).await;
        assert_eq!(failed[0]["state"], "failed");
        assert!(receiver.is_quiet().await);
        world.later(seconds);
        assert_eq!(receiver.next().await.header("webhook-id"), first.header("webhook-id"));
    }
    let delivery = &world.when(&anna.key, &webhook, |all| all[0]["tried"] == 3).await[0];
    let statuses: Vec<&Value> = delivery["tries"].as_array().unwrap().iter().map(|one| &one["status"]).collect();
    assert_eq!(statuses, [500, 302, 503]);
    assert_eq!(delivery["tries"][0]["answer"], "seen");
    let at = |value: &Value| value.as_str().unwrap().parse::<Timestamp>().unwrap();
    let wait = at(&delivery["next_try_at"]).millis_since(at(&delivery["tries"][2]["at"]));
    assert!(wait >= 7_200_000, "Retry-After is obeyed where the schedule would say half an hour: {wait}");
    world.later(7201);
    receiver.next().await;
    world.settled(&anna.key, &webhook, 1, "delivered").await;
    assert_eq!(world.log_end(), log);
}

#[tokio::test]
async fn a_receiver_that_is_gone_is_switched_off_at_once_and_others_are_told() {
    let (world, gone, other) = (World::new().await, Receiver::start().await, Receiver::start().await);
    let anna = world.tenant("Anna").await;
    let (webhook, _) = world.webhook(&anna.key, &gone.url(), MADE).await;
    world.webhook(&anna.key, &other.url(), &["webhook.disabled"]).await;
    gone.answer(410, &[]);
    world.happen(&anna.key, "Shop").await;
    gone.next().await;
    let told = other.next().await.json();
    assert_eq!((&told["subject"]["id"], &told["data"]["reason"]), (&json!(webhook), &json!("gone")));
    world.happen(&anna.key, "Another").await;
    world.when(&anna.key, &webhook, |all| all.iter().any(|one| one["skipped_because"] == "disabled")).await;
    assert!(gone.is_quiet().await);
    // Whoever resumes it gets back what it missed.
    world.act(&anna.key, &format!("/v1/webhooks/{webhook}/resume")).await;
    let since = json!({"since": "2020-01-01T00:00:00Z"});
    assert!(world.post(&anna.key, &format!("/v1/webhooks/{webhook}/recover"), since).await["requeued"].as_u64().unwrap() >= 1);
    world.settled(&anna.key, &webhook, 2, "delivered").await;
}

#[tokio::test]
async fn while_a_secret_rolls_both_sign_and_then_only_the_new_one() {
    let (world, receiver) = (World::new().await, Receiver::start().await);
    let anna = world.tenant("Anna").await;
    let (webhook, old) = world.webhook(&anna.key, &receiver.url(), MADE).await;
    let path = format!("/v1/webhooks/{webhook}/roll-secret");
    let rolled = world.post(&anna.key, &path, json!({"overlap_seconds": 100})).await;
    let new = rolled["secret"].as_str().unwrap().to_owned();
    world.act_test(&anna.key, &webhook).await;
    let got = receiver.next().await;
    for secret in [&old, &new] {
        Verifier::new(secret).unwrap().verify(&got.body, &got.headers).unwrap();
    }
    world.later(101);
    world.act_test(&anna.key, &webhook).await;
    let got = receiver.next().await;
    assert!(Verifier::new(&old).unwrap().verify(&got.body, &got.headers).is_err());
    Verifier::new(&new).unwrap().verify(&got.body, &got.headers).unwrap();
    assert_eq!((&got.json()["live"], &got.json()["data"]["sample"]), (&json!(false), &json!(true)));
}

impl World {
    async fn act_test(&self, key: &str, webhook: &str) -> Value {
        self.post(key, &format!("/v1/webhooks/{webhook}/test"), json!({})).await
    }
}

#[tokio::test]
async fn a_webhook_sees_its_own_stores_events_alone_and_only_what_its_rights_show() {
    let (world, receiver, other) = (World::new().await, Receiver::start().await, Receiver::start().await);
    let (anna, ben) = (world.tenant("Anna").await, world.tenant("Ben").await);
    world.webhook(&anna.key, &receiver.url(), &[]).await;
    let narrow = json!({"name": "N", "url": other.url(), "permissions": ["webhook.view"], "event_types": ["api_key.created", "webhook.created"]});
    let narrow = world.post(&anna.key, "/v1/webhooks", narrow).await;
    world.happen(&ben.key, "Of Ben").await;
    world.happen(&anna.key, "Of Anna").await;
    loop {
        let event = receiver.next().await.json();
        assert_eq!(event["store_id"], json!(anna.id));
        if event["data"]["name"] == "Of Anna" {
            break;
        }
    }
    let all = world.deliveries(&anna.key, narrow["webhook"]["id"].as_str().unwrap()).await;
    assert!(all.iter().all(|delivery| delivery["event_type"] == "webhook.created"), "{all:?}");
    let (status, _) =
        world.call(&ben.key, Method::GET, &format!("/v1/webhooks/{}", narrow["webhook"]["id"].as_str().unwrap()), None).await;
    assert_eq!(status, 404);
}

#[tokio::test]
async fn however_often_the_relay_is_cut_off_each_event_gives_one_delivery() {
    let (world, receiver) = (World::new().await, Receiver::start().await);
    let anna = world.tenant("Anna").await;
    let (webhook, _) = world.webhook(&anna.key, &receiver.url(), MADE).await;
    for n in 0..30 {
        world.happen(&anna.key, &format!("Key {n}")).await;
        if n % 3 == 0 {
            world.stop().await;
            world.happen(&anna.key, &format!("While away {n}")).await;
            world.start();
        }
    }
    let all = world.settled(&anna.key, &webhook, 40, "delivered").await;
    let mut events: Vec<&str> = all.iter().map(|delivery| delivery["event_id"].as_str().unwrap()).collect();
    events.sort_unstable();
    events.dedup();
    assert_eq!(events.len(), 40);
    let read_to = world.accounts.door.store.read(|rows| rows.cursor("webhooks")).unwrap().unwrap();
    assert_eq!(read_to.position, world.log_end(), "what was read is not read again at the next start");
}

#[tokio::test]
async fn a_receiver_that_never_answers_holds_up_nobody_else() {
    let (world, receiver) = (World::new().await, Receiver::start().await);
    let anna = world.tenant("Anna").await;
    let silent = Receiver::start().await;
    let (slow, _) = world.webhook(&anna.key, &silent.url_of("silent"), MADE).await;
    let (quick, _) = world.webhook(&anna.key, &receiver.url(), MADE).await;
    for n in 0..40 {
        world.happen(&anna.key, &format!("Key {n}")).await;
    }
    world.settled(&anna.key, &quick, 40, "delivered").await;
    world.settled(&anna.key, &slow, 40, "pending").await;
    silent.next().await;
    assert!(silent.is_quiet().await, "who never answered gets one at a time");
}

#[tokio::test]
async fn pausing_the_key_that_made_a_webhook_suspends_it_and_revoking_does_for_good() {
    let (world, receiver) = (World::new().await, Receiver::start().await);
    let anna = world.tenant("Anna").await;
    let grants = [Permission::WebhookManage, Permission::WebhookView, Permission::ApiKeyView];
    let (maker, id) = world.key(anna.id, Grants::unscoped(grants.into_iter().collect())).await;
    let (webhook, _) = world.webhook(&maker, &receiver.url(), MADE).await;
    world.act(&anna.key, &format!("/v1/api_keys/{id}/pause")).await;
    world.happen(&anna.key, "Unseen").await;
    let (witness, heard) = (Receiver::start().await, MADE);
    world.webhook(&anna.key, &witness.url(), heard).await;
    world.happen(&anna.key, "Unseen too").await;
    witness.next().await;
    world.act(&anna.key, &format!("/v1/api_keys/{id}/resume")).await;
    world.happen(&anna.key, "Seen").await;
    assert_eq!(receiver.next().await.json()["data"]["name"], "Seen");
    world.act(&anna.key, &format!("/v1/api_keys/{id}/revoke")).await;
    world.happen(&anna.key, "Never seen").await;
    witness.next().await;
    witness.next().await;
    assert_eq!(world.deliveries(&anna.key, &webhook).await.len(), 1);
}

#[tokio::test]
async fn nobody_gives_a_webhook_what_they_lack_nor_bends_one_that_holds_more() {
    let world = World::new().await;
    let anna = world.tenant("Anna").await;
    let grants = [Permission::WebhookManage, Permission::WebhookView, Permission::ApiKeyView];
    let (weak, _) = world.key(anna.id, Grants::unscoped(grants.into_iter().collect())).await;
    let post = async |body: Value| world.call(&weak, Method::POST, "/v1/webhooks", Some(body)).await;
    let body = |more: Value| {
        let mut body = json!({"name": "W", "url": "https://hooks.example.com/"});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    assert_eq!(post(body(json!({"permissions": ["api_key.view"]}))).await.0, 201);
    for more in [json!({"permissions": ["job.view"]}), json!({"role": "viewer"})] {
        let (status, problem) = post(body(more)).await;
        assert_eq!((status, &problem["code"]), (403, &json!("grants_exceeded")));
    }
    for more in [json!({}), json!({"role": "store_owner"}), json!({"permissions": ["store.delete"]})] {
        assert_eq!(post(body(more)).await.0, 422);
    }
    let strong = world.post(&anna.key, "/v1/webhooks", body(json!({"role": "admin"}))).await;
    let path = format!("/v1/webhooks/{}", strong["webhook"]["id"].as_str().unwrap());
    let bent = world.call(&weak, Method::PATCH, &path, Some(json!({"url": "https://mine.example.com/"}))).await;
    let rolled = world.call(&weak, Method::POST, &format!("{path}/roll-secret"), Some(json!({}))).await;
    assert_eq!((bent.0, rolled.0), (403, 403));
}

#[tokio::test]
async fn a_delivery_is_sent_again_when_somebody_asks_and_one_that_was_paused_is_noted() {
    let (world, receiver) = (World::new().await, Receiver::start().await);
    let anna = world.tenant("Anna").await;
    let (webhook, _) = world.webhook(&anna.key, &receiver.url(), MADE).await;
    world.happen(&anna.key, "Shop").await;
    let first = receiver.next().await;
    let delivery = world.settled(&anna.key, &webhook, 1, "delivered").await[0]["id"].as_str().unwrap().to_owned();
    world.act(&anna.key, &format!("/v1/deliveries/{delivery}/redeliver")).await;
    assert_eq!(receiver.next().await.header("webhook-id"), first.header("webhook-id"));
    world.settled(&anna.key, &webhook, 1, "delivered").await;
    world.act(&anna.key, &format!("/v1/webhooks/{webhook}/pause")).await;
    world.happen(&anna.key, "Missed").await;
    world.when(&anna.key, &webhook, |all| all.iter().any(|one| one["skipped_because"] == "paused")).await;
    let (status, _) = world.call(&anna.key, Method::POST, &format!("/v1/webhooks/{webhook}/test"), Some(json!({}))).await;
    assert_eq!(status, 409);
    let deleted = world.call(&anna.key, Method::DELETE, &format!("/v1/webhooks/{webhook}"), None).await;
    assert_eq!(deleted.0, 204);
    let again = world.call(&anna.key, Method::POST, &format!("/v1/deliveries/{delivery}/redeliver"), None).await;
    assert_eq!(again.0, 404);
}

#[tokio::test]
async fn a_webhooks_secret_is_seen_once_and_lies_in_no_file() {
    let (world, receiver) = (World::new().await, Receiver::start().await);
    let anna = world.tenant("Anna").await;
    let (webhook, secret) = world.webhook(&anna.key, &receiver.url(), &[]).await;
    let rolled = world.post(&anna.key, &format!("/v1/webhooks/{webhook}/roll-secret"), json!({})).await;
    world.act_test(&anna.key, &webhook).await;
    receiver.next().await;
    let canaries = [secret, rolled["secret"].as_str().unwrap().to_owned()];
    let mut places: Vec<Vec<u8>> = Vec::new();
    for path in ["/v1/webhooks", "/v1/deliveries", "/v1/events"] {
        places.push(world.get(&anna.key, path).await.to_string().into_bytes());
    }
    for file in std::fs::read_dir(world.folder.path()).unwrap().map(Result::unwrap).filter(|file| file.path().is_file()) {
        places.push(std::fs::read(file.path()).unwrap());
    }
    for canary in canaries {
        assert!(canary.starts_with("whsec_") && canary.len() == 50, "{canary}");
        for place in &places {
            assert!(!place.windows(canary.len()).any(|window| window == canary.as_bytes()));
        }
    }
}

#[tokio::test]
async fn of_one_thing_an_event_waits_for_the_one_before_and_of_another_it_does_not() {
    let (world, receiver) = (World::new().await, Receiver::start().await);
    let anna = world.tenant("Anna").await;
    let (_, edited) = world.key(anna.id, Grants::unscoped([Permission::ApiKeyView].into_iter().collect())).await;
    let (webhook, _) = world.webhook(&anna.key, &receiver.url_of("gate"), &["api_key.updated", "api_key.created"]).await;
    receiver.let_through(1);
    world.act_test(&anna.key, &webhook).await;
    receiver.next().await;
    world.settled(&anna.key, &webhook, 1, "delivered").await;
    let path = format!("/v1/api_keys/{edited}");
    for name in ["One", "Two", "Three"] {
        assert_eq!(world.call(&anna.key, Method::PATCH, &path, Some(json!({"name": name}))).await.0, 200);
    }
    world.happen(&anna.key, "Another").await;
    let name = async || receiver.next().await.json()["data"]["name"].as_str().unwrap().to_owned();
    let mut first = [name().await, name().await];
    first.sort();
    assert_eq!(first, ["Another", "One"]);
    for next in ["Two", "Three"] {
        assert!(receiver.is_quiet().await);
        receiver.let_through(2);
        assert_eq!(name().await, next);
    }
    receiver.let_through(2);
}

#[tokio::test]
async fn one_that_fails_gets_one_event_at_a_time_and_one_that_is_well_up_to_eight() {
    let (world, receiver) = (World::new().await, Receiver::start().await);
    let anna = world.tenant("Anna").await;
    let (webhook, _) = world.webhook(&anna.key, &receiver.url_of("gate"), MADE).await;
    receiver.answer(500, &[]);
    receiver.let_through(1);
    world.happen(&anna.key, "Fails").await;
    receiver.next().await;
    world.settled(&anna.key, &webhook, 1, "failed").await;
    for n in 0..3 {
        world.happen(&anna.key, &format!("Key {n}")).await;
    }
    world.when(&anna.key, &webhook, |all| all.len() == 4).await;
    receiver.next().await;
    // What is told to another after that arrives there; so the others would have come here long since.
    let witness = Receiver::start().await;
    world.webhook(&anna.key, &witness.url(), MADE).await;
    for n in 0..10 {
        world.happen(&anna.key, &format!("Later {n}")).await;
        witness.next().await;
    }
    assert!(receiver.is_quiet().await);
    receiver.let_through(1);
    for _ in 0..8 {
        receiver.next().await;
    }
    assert!(receiver.is_quiet().await, "eight are under way");
    receiver.let_through(20);
    world.when(&anna.key, &webhook, |all| all.iter().filter(|one| one["state"] == "delivered").count() == 13).await;
}

#[tokio::test]
async fn silence_ends_with_the_time_that_a_receiver_has_and_a_flood_is_cut_off() {
    let (world, receiver) = (World::new().await, Receiver::start().await);
    world.stop().await;
    world.start_with(Options { patience: Duration::from_millis(300), ..Options::default() });
    let anna = world.tenant("Anna").await;
    let (silent, _) = world.webhook(&anna.key, &receiver.url_of("silent"), MADE).await;
    world.happen(&anna.key, "Shop").await;
    let delivery = &world.settled(&anna.key, &silent, 1, "failed").await[0];
    assert_eq!(delivery["tries"][0]["error"], "no answer within 0.3 seconds");
    world.stop().await;
    world.start();
    let (flood, _) = world.webhook(&anna.key, &receiver.url_of("flood"), MADE).await;
    world.happen(&anna.key, "Another").await;
    let delivery = &world.settled(&anna.key, &flood, 1, "failed").await[0];
    assert!(delivery["tries"][0]["duration_ms"].as_u64().unwrap() < 10_000);
    assert_eq!((&delivery["tries"][0]["status"], delivery["tries"][0]["answer"].as_str().unwrap().len()), (&json!(500), 1024));
}

#[tokio::test]
async fn what_a_farm_tells_arrives_with_the_time_when_it_happened_and_the_thing_is_as_told() {
    let (world, receiver) = (World::new().await, Receiver::start().await);
    let anna = world.tenant("Anna").await;
    let grants: Grants = Grants::unscoped([Permission::JobView].into_iter().collect());
    let body = json!({"name": "Jobs", "url": receiver.url(), "permissions": grants.permissions});
    world.post(&anna.key, "/v1/webhooks", body).await;
    let now = Timestamp::from_millis(1_790_000_000_000);
    let home = HomeIds { store_id: anna.id, farm_id: FarmId::new(now, [1; 10]) };
    let job = JobId::new(now, [2; 10]);
    let job_of = |state: &str| {
        json!({
            "id": job, "name": "Job", "file_id": domain::id::FileId::new(now, [3; 10]), "state": state, "phase": "waiting",
            "priority": 0, "rank": 0, "items": 1, "attempts": 0, "created_by": {"kind": "floor", "id": "owner"}, "created_at": now,
        })
    };
    for (number, state, word) in [(1, "queued", "job.created"), (2, "completed", "job.completed")] {
        let happened = now.plus_seconds(i64::try_from(number).unwrap());
        let document = job_of(state).as_object().unwrap().clone();
        let event = json!({
            "id": EventId::new(happened, [4; 10]), "type": word, "store_id": anna.id, "farm_id": home.farm_id, "number": number,
            "subject": {"kind": "job", "id": job, "revision": number}, "actor": {"kind": "farm", "id": "farm"},
            "occurred_at": happened, "received_at": happened, "clock_ok": true, "live": true, "api_version": "", "data": document,
        });
        let row = FeedRow {
            kind: Kind::Job,
            id: job.to_string(),
            revision: number,
            number,
            position: number,
            deleted: false,
            changed_at: happened,
            document,
        };
        let event = event.as_object().unwrap().clone();
        let write = move |tx: &mut store::Tx<'_>| {
            tx.put_copy(home, 1, &row)?;
            tx.put_copied_event(home, &["any".to_owned()], &event)
        };
        assert!(world.accounts.door.store.write(world.by(anna.id), write).await.unwrap());
        let got = receiver.next().await.json();
        assert_eq!((&got["type"], &got["occurred_at"], &got["data"]["state"]), (&json!(word), &json!(happened), &json!(state)));
        assert_ne!(got["received_at"], json!(happened));
        let shown = world.get(&anna.key, &format!("/v1/jobs/{job}")).await;
        assert_eq!((&shown["state"], &shown["revision"]), (&json!(state), &got["subject"]["revision"]));
    }
}

#[tokio::test]
async fn a_webhook_is_silent_once_the_person_behind_it_has_left() {
    let (world, receiver, witness) = (World::new().await, Receiver::start().await, Receiver::start().await);
    let anna = world.tenant("Anna").await;
    let person = Actor::new(ActorKind::User, anna.owner.to_string());
    let (key, _) = world.key_of(person, anna.id, Grants::owner()).await;
    let (webhook, _) = world.webhook(&key, &receiver.url(), MADE).await;
    world.webhook(&anna.key, &witness.url(), MADE).await;
    world.happen(&anna.key, "Seen").await;
    assert_eq!(receiver.next().await.json()["data"]["name"], "Seen");
    witness.next().await;
    let owner = anna.owner;
    let leave = move |tx: &mut store::Tx<'_>| {
        let user = tx.get::<User>(owner)?.unwrap().record;
        tx.delete(&user)?;
        api::facts::holder_changed(tx, &Actor::new(ActorKind::User, owner))
    };
    world.accounts.door.store.write(world.by(anna.id), leave).await.unwrap();
    world.happen(&anna.key, "Unseen").await;
    witness.next().await;
    assert_eq!(world.deliveries(&anna.key, &webhook).await.len(), 1);
    assert_eq!(world.call(&key, Method::GET, "/v1/webhooks", None).await.0, 401);
}

#[tokio::test]
async fn an_address_that_webhooks_may_not_reach_is_refused_when_it_is_written_down() {
    let (world, receiver) = (World::new().await, Receiver::start().await);
    let anna = world.tenant("Anna").await;
    let (webhook, _) = world.webhook(&anna.key, &receiver.url(), MADE).await;
    for url in ["https://10.0.0.1/", "http://93.184.215.14/", "https://metadata.google.internal/", "https://[::1]/", "ftp://a/"] {
        let body = json!({"name": "W", "url": url, "permissions": ["api_key.view"]});
        let made = world.call(&anna.key, Method::POST, "/v1/webhooks", Some(body)).await;
        let path = format!("/v1/webhooks/{webhook}");
        let changed = world.call(&anna.key, Method::PATCH, &path, Some(json!({"url": url}))).await;
        for (status, problem) in [made, changed] {
            assert_eq!((status, &problem["errors"][0]["pointer"]), (422, &json!("/url")), "{url}: {problem}");
        }
    }
}

/// Whoever owns this name lets it lead into the relay's own network.
struct Inward;

impl Names for Inward {
    fn look_up(&self, _: &str) -> Looked {
        Box::pin(async { Ok(vec!["127.0.0.1".parse().unwrap()]) })
    }
}

#[tokio::test]
async fn a_name_that_leads_inward_fails_where_it_is_dialled_and_nobody_is_called() {
    let world = World::new().await;
    world.stop().await;
    world.start_guarded(Options::default(), Guard::new(vec!["10.99.0.0/16".parse().unwrap()], &[], Arc::new(Inward)));
    let anna = world.tenant("Anna").await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    for scheme in ["https", "http"] {
        let (webhook, _) = world.webhook(&anna.key, &format!("{scheme}://evil.example:{port}/"), MADE).await;
        world.happen(&anna.key, scheme).await;
        let delivery = &world.settled(&anna.key, &webhook, 1, "failed").await[0];
        assert_eq!(delivery["tries"][0]["error"], "the address leads to a network that webhooks may not reach");
        let deleted = world.call(&anna.key, Method::DELETE, &format!("/v1/webhooks/{webhook}"), None).await;
        assert_eq!((deleted.0, world.deliveries(&anna.key, &webhook).await.len()), (204, 0));
    }
    let called = tokio::time::timeout(Duration::ZERO, listener.accept()).await;
    assert!(called.is_err());
}

#[tokio::test]
async fn what_did_not_arrive_is_sent_again_for_the_time_that_is_asked_for() {
    let (world, receiver) = (World::new().await, Receiver::start().await);
    let anna = world.tenant("Anna").await;
    let (webhook, _) = world.webhook(&anna.key, &receiver.url(), MADE).await;
    let webhook_path = format!("/v1/webhooks/{webhook}");
    world.act(&anna.key, &format!("{webhook_path}/pause")).await;
    let mut made = Vec::new();
    for name in ["One", "Two", "Three"] {
        world.happen(&anna.key, name).await;
        let all = world.when(&anna.key, &webhook, |all| all.len() == made.len() + 1).await;
        made.push(all[0]["created_at"].clone());
        world.later(60);
    }
    let recover = json!({"since": made[1], "until": made[1]});
    let path = format!("{webhook_path}/recover");
    assert_eq!(world.call(&anna.key, Method::POST, &path, Some(recover.clone())).await.0, 409, "it is paused");
    world.act(&anna.key, &format!("{webhook_path}/resume")).await;
    assert_eq!(world.post(&anna.key, &path, recover.clone()).await["requeued"], 1);
    assert_eq!(receiver.next().await.json()["data"]["name"], "Two");
    world.when(&anna.key, &webhook, |all| all.iter().any(|one| one["state"] == "delivered")).await;
    assert_eq!(world.post(&anna.key, &path, recover).await["requeued"], 0, "what arrived is not sent again");
}

#[tokio::test]
async fn a_store_has_a_hundred_webhooks_at_the_most_and_takes_nothing_from_another() {
    let world = World::new().await;
    world.stop().await;
    let (anna, ben) = (world.tenant("Anna").await, world.tenant("Ben").await);
    let body = json!({"name": "W", "url": "https://hooks.example.com/", "permissions": ["api_key.view"]});
    for _ in 0..100 {
        world.post(&anna.key, "/v1/webhooks", body.clone()).await;
    }
    let (status, problem) = world.call(&anna.key, Method::POST, "/v1/webhooks", Some(body.clone())).await;
    assert_eq!((status, &problem["detail"]), (409, &json!("a store has 100 webhooks at the most")));
    world.post(&ben.key, "/v1/webhooks", body).await;
}
