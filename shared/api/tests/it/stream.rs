//! The live stream: events and live values as they come, as far as the listener may see them, and no
//! longer than they may listen.

use axum::body::BodyDataStream;
use domain::id::PrinterId;
use domain::permission::Permission;
use domain::telemetry::Telemetry;
use futures_util::StreamExt;
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::farm::{Farm, request};

struct Listener(BodyDataStream);

impl Listener {
    async fn open(farm: &Farm, key: &str, query: &str, last: Option<&str>) -> Self {
        let mut call = request("GET", &format!("/v1/stream{query}")).header("authorization", format!("Bearer {key}"));
        if let Some(last) = last {
            call = call.header("last-event-id", last);
        }
        let answer = farm.router.clone().oneshot(call.body(axum::body::Body::empty()).unwrap()).await.unwrap();
        assert_eq!(answer.status(), 200);
        Self(answer.into_body().into_data_stream())
    }

    /// The next message that says something; none when the stream has ended.
    async fn next(&mut self) -> Option<(String, String, Value)> {
        loop {
            let bytes = self.0.next().await?.unwrap();
            let text = String::from_utf8(bytes.to_vec()).unwrap();
            let field = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default().trim().to_owned();
            if text.contains("data:") {
                return Some((field("event:"), field("id:"), serde_json::from_str(&field("data:")).unwrap()));
            }
        }
    }

    /// Whether nothing but signs of life comes for that long.
    async fn silent(&mut self, seconds: u64) -> bool {
        tokio::time::timeout(std::time::Duration::from_secs(seconds), self.next()).await.is_err()
    }
}

#[tokio::test(start_paused = true)]
async fn events_come_in_order_as_far_as_the_listener_may_see_them() {
    let farm = Farm::new().await;
    let parts = farm.key_with(&[Permission::PartView]).await;
    let (mut all, mut some) = (Listener::open(&farm, &farm.key, "", None).await, Listener::open(&farm, &parts, "", None).await);
    farm.post("/v1/pools", json!({"name": "p", "tags": ["a"]})).await.expect(201);
    farm.post("/v1/parts", json!({"name": "p"})).await.expect(201);
    assert_eq!(all.next().await.unwrap().2["type"], "pool.created");
    let (_, id, seen) = some.next().await.unwrap();
    assert_eq!((seen["type"].as_str(), seen["subject"]["kind"].as_str()), (Some("part.created"), Some("part")));
    assert_eq!(all.next().await.unwrap(), (String::new(), id.clone(), seen));
    farm.post("/v1/parts", json!({"name": "while the line was broken"})).await.expect(201);
    let mut back = Listener::open(&farm, &parts, "", Some(&id)).await;
    assert_eq!(back.next().await.unwrap().2["data"]["name"], "while the line was broken");
}

#[tokio::test(start_paused = true)]
async fn a_listener_who_sees_little_of_a_long_log_gets_to_its_end() {
    let farm = Farm::new().await;
    let start = farm.get("/v1/events?cursor=now").await.expect(200)["next_cursor"].as_str().unwrap().to_owned();
    farm.write(|tx| {
        for n in 0..900 {
            let pool = domain::part::Pool {
                id: tx.new_id(),
                name: format!("{n}").parse().unwrap(),
                tags: Default::default(),
                created_at: tx.now(),
            };
            tx.create(&pool)?;
        }
        Ok(())
    })
    .await;
    farm.post("/v1/parts", json!({"name": "the last"})).await.expect(201);
    let parts = farm.key_with(&[Permission::PartView]).await;
    let mut listener = Listener::open(&farm, &parts, &format!("?cursor={start}"), None).await;
    let found = tokio::time::timeout(std::time::Duration::from_secs(5), listener.next()).await.unwrap().unwrap();
    assert_eq!(found.2["data"]["name"], "the last");
}

#[tokio::test(start_paused = true)]
async fn a_place_in_another_log_or_in_a_trimmed_one_is_told_as_a_gap() {
    let farm = Farm::new().await;
    let mut listener = Listener::open(&farm, &farm.key, "", Some("another-log-12")).await;
    let (event, id, _) = listener.next().await.unwrap();
    assert_eq!(event, "gap");
    let mut again = Listener::open(&farm, &farm.key, "", Some(&id)).await;
    farm.post("/v1/parts", json!({"name": "p"})).await.expect(201);
    assert_eq!(again.next().await.unwrap().2["type"], "part.created", "after the gap the line goes on from there");
    farm.post("/v1/parts", json!({"name": "q"})).await.expect(201);
    farm.write(|tx| Ok(tx.trim_events(domain::time::Timestamp::from_millis(0), 1)?)).await;
    let mut late = Listener::open(&farm, &farm.key, "", Some(&id)).await;
    assert_eq!(late.next().await.unwrap().0, "gap");
    assert_eq!(late.next().await.unwrap().2["data"]["name"], "q");
    farm.get("/v1/stream?cursor=nonsense").await.refused(422, "invalid_request");
}

#[tokio::test(start_paused = true)]
async fn the_stream_ends_within_a_second_of_its_keys_end() {
    let farm = Farm::new().await;
    for end in ["pause", "revoke"] {
        let made = farm.post("/v1/api_keys", json!({"name": "k", "role": "viewer"})).await.expect(201);
        let mut listener = Listener::open(&farm, made["secret"].as_str().unwrap(), "", None).await;
        assert!(listener.silent(30).await);
        farm.post(&format!("/v1/api_keys/{}/{end}", made["api_key"]["id"].as_str().unwrap()), json!({})).await.expect(200);
        let ended = tokio::time::timeout(std::time::Duration::from_millis(1100), listener.next()).await;
        assert_eq!(ended.unwrap(), None, "{end}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_stream_of_an_old_secret_ends_within_a_second_of_its_overlap_and_the_new_ones_goes_on() {
    let farm = Farm::new().await;
    let made = farm.post("/v1/api_keys", json!({"name": "k", "role": "viewer"})).await.expect(201);
    let path = format!("/v1/api_keys/{}", made["api_key"]["id"].as_str().unwrap());
    let rolled = farm.post(&format!("{path}/roll"), json!({"overlap_seconds": 60})).await.expect(200);
    let mut old = Listener::open(&farm, made["secret"].as_str().unwrap(), "", None).await;
    let mut new = Listener::open(&farm, rolled["secret"].as_str().unwrap(), "", None).await;
    assert!(old.silent(5).await && new.silent(5).await);
    farm.later(60_000);
    assert_eq!(tokio::time::timeout(std::time::Duration::from_millis(1100), old.next()).await.unwrap(), None);
    assert!(new.silent(5).await);
}

#[tokio::test(start_paused = true)]
async fn what_waits_for_a_slow_reader_is_not_told_after_its_key_was_revoked() {
    let farm = Farm::new().await;
    let start = farm.get("/v1/events?cursor=now").await.expect(200)["next_cursor"].as_str().unwrap().to_owned();
    for n in 0..50 {
        farm.post("/v1/parts", json!({"name": format!("{n}")})).await.expect(201);
    }
    let made = farm.post("/v1/api_keys", json!({"name": "k", "role": "viewer"})).await.expect(201);
    let mut listener = Listener::open(&farm, made["secret"].as_str().unwrap(), &format!("?cursor={start}"), None).await;
    listener.next().await.unwrap();
    farm.post(&format!("/v1/api_keys/{}/revoke", made["api_key"]["id"].as_str().unwrap()), json!({})).await.expect(200);
    tokio::time::advance(std::time::Duration::from_secs(2)).await;
    let mut heard = 0;
    while listener.next().await.is_some() {
        heard += 1;
    }
    assert!(heard <= 1, "{heard} more after the revocation");
}

#[tokio::test(start_paused = true)]
async fn live_values_come_with_the_permission_for_the_printers_in_sight_and_never_the_job_alone() {
    let farm = Farm::new().await;
    let (a, b) = (farm.printer(json!({"tags": ["rack-a"]})).await, farm.printer(json!({"tags": ["rack-b"]})).await);
    let deaf = farm.key_with(&[Permission::PrinterView]).await;
    let plain = farm.key_with(&[Permission::PrinterView, Permission::TelemetryView]).await;
    let rack = farm.key_for_tag("rack-a").await;
    let mut listeners = Vec::new();
    for (key, query) in [(&farm.key, ""), (&plain, ""), (&deaf, ""), (&rack, ""), (&farm.key, "?telemetry=false")] {
        listeners.push(Listener::open(&farm, key, query, None).await);
    }
    let say = |printer: PrinterId| {
        let telemetry = Telemetry { progress: Some(0.5), file: Some("secret plan.gcode".to_owned()), ..Telemetry::default() };
        farm.floor.live.send((printer, telemetry)).unwrap();
    };
    say(b);
    say(a);
    let (event, id, first) = listeners[0].next().await.unwrap();
    assert_eq!((event.as_str(), id.as_str(), first["printer_id"].as_str()), ("telemetry", "", Some(&*b.to_string())));
    assert_eq!(first["telemetry"]["file"], "secret plan.gcode");
    let second = listeners[1].next().await.unwrap().2;
    assert_eq!((second["telemetry"].get("file"), &second["telemetry"]["progress"]), (None, &json!(0.5)));
    assert!(listeners[2].silent(5).await);
    assert_eq!(listeners[3].next().await.unwrap().2["printer_id"].as_str(), Some(&*a.to_string()));
    assert!(listeners[4].silent(5).await);
}
