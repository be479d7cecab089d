//! MQTT as rumqttc, which knows nothing of us, hears it on a real socket.

use std::collections::BTreeSet;
use std::time::Duration;

use domain::access::{Grants, Scope};
use domain::key::{ApiKey, KeyState};
use domain::permission::Permission;
use domain::telemetry::Telemetry;
use domain::usage::Calls;
use rumqttc::v5::mqttbytes::v5::{ConnectReturnCode, Packet as Packet5, SubscribeReasonCode as Granted5};
use rumqttc::{AsyncClient, Event, MqttOptions, Packet, QoS, SubscribeReasonCode, v5};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::farm::{Farm, id};

pub async fn farm() -> Farm {
    Farm::new(|listener, door| drop(tokio::spawn(gantry_relay::mqtt::serve(listener, door)))).await
}

/// What a client hears.
#[derive(Debug, Clone, PartialEq)]
pub enum Heard {
    Welcome,
    Granted(bool),
    Message { topic: String, retain: bool, body: Value },
    End(String),
}

/// A client that listens.
pub struct Client(mpsc::UnboundedReceiver<Heard>);

impl Client {
    /// Speaks 3.1.1 and subscribes.
    pub async fn v3(farm: &Farm, user: &str, key: &str, filter: &str) -> Self {
        let mut options = MqttOptions::new("", farm.mqtt.ip().to_string(), farm.mqtt.port());
        options.set_credentials(user, key);
        let (client, mut line) = AsyncClient::new(options, 10);
        client.subscribe(filter, QoS::AtLeastOnce).await.unwrap();
        let (tell, hear) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            // Without this handle the line would end by itself.
            let _client = client;
            loop {
                let heard = match line.poll().await {
                    Ok(Event::Incoming(Packet::ConnAck(_))) => Heard::Welcome,
                    Ok(Event::Incoming(Packet::SubAck(answer))) => {
                        Heard::Granted(answer.return_codes.iter().all(|code| *code != SubscribeReasonCode::Failure))
                    }
                    Ok(Event::Incoming(Packet::Publish(message))) => {
                        let body = serde_json::from_slice(&message.payload).unwrap_or(Value::Null);
                        Heard::Message { topic: message.topic, retain: message.retain, body }
                    }
                    Ok(_) => continue,
                    Err(error) => Heard::End(format!("{error:?}")),
                };
                let ends = matches!(heard, Heard::End(_));
                if tell.send(heard).is_err() || ends {
                    return;
                }
            }
        });
        Self(hear)
    }

    /// Speaks 5 and subscribes.
    pub async fn v5(farm: &Farm, user: &str, key: &str, filter: &str) -> Self {
        let mut options = v5::MqttOptions::new("", farm.mqtt.ip().to_string(), farm.mqtt.port());
        options.set_credentials(user, key);
        let (client, mut line) = v5::AsyncClient::new(options, 10);
        client.subscribe(filter, v5::mqttbytes::QoS::ExactlyOnce).await.unwrap();
        let (tell, hear) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            let _client = client;
            loop {
                let heard = match line.poll().await {
                    Ok(v5::Event::Incoming(Packet5::ConnAck(answer))) => {
                        assert_eq!(answer.code, ConnectReturnCode::Success);
                        Heard::Welcome
                    }
                    Ok(v5::Event::Incoming(Packet5::SubAck(answer))) => {
                        Heard::Granted(answer.return_codes.iter().all(|code| matches!(code, Granted5::Success(_))))
                    }
                    Ok(v5::Event::Incoming(Packet5::Publish(message))) => {
                        let body = serde_json::from_slice(&message.payload).unwrap_or(Value::Null);
                        let topic = String::from_utf8(message.topic.to_vec()).unwrap();
                        Heard::Message { topic, retain: message.retain, body }
                    }
                    Ok(_) => continue,
                    Err(error) => Heard::End(format!("{error:?}")),
                };
                let ends = matches!(heard, Heard::End(_));
                if tell.send(heard).is_err() || ends {
                    return;
                }
            }
        });
        Self(hear)
    }

    pub async fn next(&mut self) -> Heard {
        timeout(Duration::from_secs(20), self.0.recv()).await.expect("nothing came").unwrap()
    }

    pub async fn message(&mut self) -> (String, bool, Value) {
        match self.next().await {
            Heard::Message { topic, retain, body } => (topic, retain, body),
            other @ (Heard::Welcome | Heard::Granted(_) | Heard::End(_)) => panic!("{other:?}"),
        }
    }

    /// Listens until that topic comes.
    pub async fn until(&mut self, topic: &str) -> (bool, Value) {
        loop {
            let (heard, retain, body) = self.message().await;
            if heard == topic {
                return (retain, body);
            }
        }
    }

    pub async fn let_in(mut self) -> Self {
        assert_eq!(self.next().await, Heard::Welcome);
        assert_eq!(self.next().await, Heard::Granted(true));
        self
    }
}

#[tokio::test]
async fn a_key_under_a_wildcard_hears_exactly_what_it_may_see_the_present_first() {
    let farm = farm().await;
    let user = farm.store();
    let (_, parts) = farm.key_with(&[Permission::PartView]).await;
    let before = id(&farm.post("/v1/parts", json!({"name": "before"})).await);
    farm.printer().await;
    let mut some3 = Client::v3(&farm, &user, &parts, "#").await.let_in().await;
    let mut some5 = Client::v5(&farm, &user, &parts, "gantry/#").await.let_in().await;
    for client in [&mut some3, &mut some5] {
        let (topic, retain, body) = client.message().await;
        assert_eq!((topic, retain), (farm.topic(&format!("parts/{before}")), true));
        assert_eq!((body["name"].as_str(), body["revision"].as_u64()), (Some("before"), Some(1)));
    }
    farm.post("/v1/pools", json!({"name": "p", "tags": ["a"]})).await;
    let after = id(&farm.post("/v1/parts", json!({"name": "after"})).await);
    for client in [&mut some3, &mut some5] {
        let (topic, retain, body) = client.message().await;
        assert_eq!((topic, retain), (farm.topic("events/part.created"), false));
        assert_eq!(body["data"]["name"], "after");
        let (topic, retain, _) = client.message().await;
        assert_eq!((topic, retain), (farm.topic(&format!("parts/{after}")), false));
    }
    farm.delete(&format!("/v1/parts/{after}")).await;
    for client in [&mut some3, &mut some5] {
        assert_eq!(client.message().await.0, farm.topic("events/part.deleted"));
        let (topic, _, body) = client.message().await;
        assert_eq!((topic, body), (farm.topic(&format!("parts/{after}")), Value::Null), "an empty payload: it is gone");
    }
}

#[tokio::test]
async fn a_long_present_comes_whole_and_each_record_once() {
    let farm = farm().await;
    farm.write(|tx| {
        for n in 0..730 {
            let name = format!("{n}").parse().unwrap();
            let pool = domain::part::Pool { id: tx.new_id(), name, tags: Default::default(), created_at: tx.now() };
            tx.create(&pool)?;
        }
        Ok(())
    })
    .await;
    let filter = farm.topic("pools/+");
    let mut client = Client::v3(&farm, &farm.store(), &farm.key, &filter).await.let_in().await;
    let mut topics = BTreeSet::new();
    for _ in 0..730 {
        let (topic, retain, _) = client.message().await;
        assert!(retain && topics.insert(topic));
    }
    let one = id(&farm.post("/v1/pools", json!({"name": "the last", "tags": ["a"]})).await);
    assert_eq!(client.message().await.0, farm.topic(&format!("pools/{one}")));
}

#[tokio::test]
async fn another_stores_topics_are_refused_and_so_is_a_key_under_another_name() {
    let farm = farm().await;
    let other = "store_0123456789abcdef0123456789abcdef";
    let user = farm.store();
    for filter in [format!("gantry/v1/{other}/#"), "$SYS/#".to_owned()] {
        for mut client in [Client::v3(&farm, &user, &farm.key, &filter).await, Client::v5(&farm, &user, &farm.key, &filter).await]
        {
            assert_eq!(client.next().await, Heard::Welcome);
            assert_eq!(client.next().await, Heard::Granted(false));
            farm.post("/v1/parts", json!({"name": "p"})).await;
            assert!(timeout(Duration::from_millis(300), client.0.recv()).await.is_err(), "it is silent");
        }
    }
    let mut client = Client::v5(&farm, &user, &farm.key, "+/+/+/events/#").await.let_in().await;
    farm.other_store().await;
    farm.post("/v1/parts", json!({"name": "p"})).await;
    assert_eq!(client.message().await.0, farm.topic("events/part.created"), "of the other store nothing came before");
    for (user, key) in [(other, &*farm.key), (&*user, "gty_live_nonsense"), ("owner", &farm.key)] {
        let mut client = Client::v3(&farm, user, key, "#").await;
        assert!(matches!(client.next().await, Heard::End(error) if error.contains("BadUserNamePassword")), "{user}");
        let mut client = Client::v5(&farm, user, key, "#").await;
        assert!(matches!(client.next().await, Heard::End(error) if error.contains("BadUserNamePassword")), "{user}");
    }
}

#[tokio::test]
async fn a_revoked_key_is_cut_within_two_seconds_and_told_why() {
    let farm = farm().await;
    let user = farm.store();
    let (record, key) = farm.key_with(&[Permission::PartView]).await;
    let mut old = Client::v3(&farm, &user, &key, "#").await.let_in().await;
    let mut new = Client::v5(&farm, &user, &key, "#").await.let_in().await;
    // rumqttc does not tell of a last word that the end follows at once.
    let mut stream = TcpStream::connect(farm.mqtt).await.unwrap();
    let body = [b"\x00\x04MQTT\x05\xc2\x00\x3c\x00".to_vec(), text("raw"), text(&user), text(&key)].concat();
    stream.write_all(&[&[0x10, u8::try_from(body.len()).unwrap()][..], &body].concat()).await.unwrap();
    stream.read_u8().await.unwrap();
    farm.post(&format!("/v1/api_keys/{}/revoke", record.id), json!({})).await;
    let mut rest = Vec::new();
    let all = async { (old.next().await, new.next().await, stream.read_to_end(&mut rest).await) };
    let (old, new, _) = timeout(Duration::from_secs(2), all).await.expect("all are cut in time");
    assert!(matches!((&old, &new), (Heard::End(_), Heard::End(_))), "{old:?} {new:?}");
    assert_eq!(rest[rest.len() - 3..], [0xe0, 1, 0x98]);
}

fn text(text: &str) -> Vec<u8> {
    [&u16::try_from(text.len()).unwrap().to_be_bytes()[..], text.as_bytes()].concat()
}

#[tokio::test]
async fn who_came_with_a_replaced_secret_is_cut_when_it_ends_and_who_came_with_the_new_one_stays() {
    let farm = farm().await;
    let user = farm.store();
    let (record, secret) = farm.key_with(&[Permission::PoolView]).await;
    let rolled = farm.post(&format!("/v1/api_keys/{}/roll", record.id), json!({"overlap_seconds": 60})).await;
    let mut old = Client::v3(&farm, &user, &secret, "#").await.let_in().await;
    let mut new = Client::v5(&farm, &user, rolled["secret"].as_str().unwrap(), "#").await.let_in().await;
    farm.post("/v1/pools", json!({"name": "before", "tags": ["a"]})).await;
    let told = farm.topic("events/pool.created");
    assert_eq!((old.message().await.0, new.message().await.0), (told.clone(), told.clone()), "both hear");
    old.message().await;
    new.message().await;
    farm.later(61_000);
    let end = timeout(Duration::from_secs(2), old.next()).await.expect("it is cut in time");
    assert!(matches!(end, Heard::End(_)), "{end:?}");
    farm.post("/v1/pools", json!({"name": "after", "tags": ["a"]})).await;
    assert_eq!(new.message().await.0, told);
}

#[tokio::test]
async fn a_narrowed_key_hears_less_at_once() {
    let farm = farm().await;
    let (record, key) = farm.key_with(&[Permission::PartView, Permission::PoolView]).await;
    let mut client = Client::v5(&farm, &farm.store(), &key, "#").await.let_in().await;
    let pool = id(&farm.post("/v1/pools", json!({"name": "p", "tags": ["a"]})).await);
    let pool = farm.topic(&format!("pools/{pool}"));
    assert_eq!((client.message().await.0, client.message().await.0), (farm.topic("events/pool.created"), pool.clone()));
    farm.regrant(&record, &[Permission::PoolView]).await;
    let (topic, retain, _) = client.message().await;
    assert_eq!((topic, retain), (pool, true), "what it still may see is shown anew");
    farm.post("/v1/parts", json!({"name": "p"})).await;
    farm.post("/v1/pools", json!({"name": "p", "tags": ["a"]})).await;
    assert_eq!(client.message().await.0, farm.topic("events/pool.created"));
}

#[tokio::test]
async fn a_printer_shows_its_job_only_to_who_may_see_jobs() {
    let farm = farm().await;
    let printer = farm.printer().await;
    let topic = farm.topic(&format!("printers/{printer}"));
    let (_, blind) = farm.key_with(&[Permission::PrinterView]).await;
    let mut all = Client::v5(&farm, &farm.store(), &farm.key, &topic).await.let_in().await;
    let mut some = Client::v5(&farm, &farm.store(), &blind, &topic).await.let_in().await;
    assert!(all.message().await.1 && some.message().await.1);
    let job = farm.job().await;
    farm.assign(job, printer).await;
    let (all, some) = (all.message().await.2, some.message().await.2);
    assert_eq!(all["job_id"].as_str(), Some(&*job.to_string()));
    assert_eq!((some.get("job_id"), some.get("attempt_id")), (None, None));
    assert_eq!(all["revision"], some["revision"]);
    let mut late = Client::v3(&farm, &farm.store(), &blind, &topic).await.let_in().await;
    assert_eq!(late.message().await.2.get("job_id"), None);
}

#[tokio::test]
async fn an_ended_job_leaves_the_present_an_hour_later_with_an_empty_payload() {
    let farm = farm().await;
    let job = farm.job().await;
    let topic = farm.topic(&format!("jobs/{job}"));
    farm.post(&format!("/v1/jobs/{job}/cancel"), json!({})).await;
    let mut client = Client::v3(&farm, &farm.store(), &farm.key, &topic).await.let_in().await;
    assert_eq!(client.message().await.2["state"], "cancelled");
    farm.later(3_610_000);
    assert_eq!(client.message().await, (topic.clone(), false, Value::Null));
    let mut late = Client::v3(&farm, &farm.store(), &farm.key, &farm.topic("jobs/#")).await.let_in().await;
    let second = farm.job().await;
    assert_eq!(late.message().await.0, farm.topic(&format!("jobs/{second}")), "the old one is not shown any more");
}

#[tokio::test]
async fn live_values_come_with_the_permission_and_without_the_file_for_who_sees_no_jobs() {
    let farm = farm().await;
    let printer = farm.printer().await;
    let filter = farm.topic("telemetry/+");
    let (_, plain) = farm.key_with(&[Permission::PrinterView, Permission::TelemetryView]).await;
    let (_, deaf) = farm.key_with(&[Permission::PrinterView]).await;
    let mut all = Client::v3(&farm, &farm.store(), &farm.key, &filter).await.let_in().await;
    let mut some = Client::v5(&farm, &farm.store(), &plain, &filter).await.let_in().await;
    let mut none = Client::v5(&farm, &farm.store(), &deaf, &filter).await;
    assert_eq!((none.next().await, none.next().await), (Heard::Welcome, Heard::Granted(false)));
    for layer in 1..=5 {
        let telemetry = Telemetry { layer: Some(layer), file: Some("secret.gcode".to_owned()), ..Telemetry::default() };
        farm.live.send((printer, telemetry)).unwrap();
    }
    for (client, file) in [(&mut all, Some("secret.gcode")), (&mut some, None)] {
        let (topic, retain, first) = client.message().await;
        assert_eq!((topic, retain), (farm.topic(&format!("telemetry/{printer}")), false));
        assert_eq!((first["telemetry"]["layer"].as_u64(), first["telemetry"]["file"].as_str()), (Some(1), file));
        assert_eq!(client.message().await.2["telemetry"]["layer"], 5, "one a second, and the newest is not lost");
    }
}

#[tokio::test]
async fn the_queue_is_told_in_numbers_as_the_key_may_see_it_and_many_changes_at_once() {
    let farm = farm().await;
    let topic = farm.topic("queue");
    let first = farm.job().await;
    let (_, counts) = farm.key_with(&[Permission::QueueView]).await;
    let (_, jobs) = farm.key_with(&[Permission::JobView]).await;
    let scoped = Grants {
        tags: Scope::Only(["nowhere".parse().unwrap()].into()),
        ..Grants::unscoped([Permission::QueueView].into_iter().collect())
    };
    let (_, scoped) = farm.key_of(scoped).await;
    let mut client = Client::v5(&farm, &farm.store(), &counts, "#").await.let_in().await;
    let mut narrow = Client::v3(&farm, &farm.store(), &scoped, &topic).await.let_in().await;
    let mut none = Client::v5(&farm, &farm.store(), &jobs, &topic).await;
    assert_eq!((none.next().await, none.next().await), (Heard::Welcome, Heard::Granted(false)));

    let (heard, retain, now) = client.message().await;
    assert_eq!((&heard, retain), (&topic, true));
    assert_eq!((&now["waiting"], &now["active"], &now["states"]), (&json!(1), &json!(0), &json!({"queued": 1})));
    assert!(now["as_of"].is_string() && now.as_object().unwrap().len() == 4, "numbers only: {now}");
    assert_eq!(narrow.message().await.2["waiting"], 1, "a job that may run anywhere is within every tag");

    for _ in 0..20 {
        farm.job().await;
    }
    farm.post(&format!("/v1/jobs/{first}/hold"), json!({})).await;
    let mut told = 0;
    let last = loop {
        let (_, retain, now) = client.message().await;
        told += 1;
        assert!(!retain);
        if now["states"]["held"] == 1 {
            break now;
        }
    };
    assert_eq!((&last["waiting"], &last["states"]), (&json!(21), &json!({"queued": 20, "held": 1})));
    assert!(told < 21, "{told} messages for 21 changes");

    let printer = farm.printer().await;
    let file = farm.door.store.read(|rows| rows.get::<domain::job::Job>(first)).unwrap().unwrap().record.file_id;
    let there = farm.post("/v1/jobs", json!({"file_id": file, "target": {"printer_id": printer}})).await;
    let (_, _, now) = client.message().await;
    assert_eq!(now["waiting"], 22);
    farm.post(&format!("/v1/jobs/{}/cancel", id(&there)), json!({})).await;
    assert_eq!(client.message().await.2["waiting"], 21, "what is done is not in the queue");
    farm.post(&format!("/v1/jobs/{first}/release"), json!({})).await;
    let mut heard = Vec::new();
    loop {
        let now = narrow.message().await.2;
        heard.push(now["waiting"].as_u64().unwrap());
        if now["states"] == json!({"queued": 21}) {
            break;
        }
    }
    assert!(!heard.contains(&22), "a job at a printer without its tag does not count: {heard:?}");
}

fn hello(farm: &Farm) -> Vec<u8> {
    let body = [b"\x00\x04MQTT\x04\xc2\x00\x00".to_vec(), text("raw"), text(&farm.store()), text(&farm.key)].concat();
    [&[0x10, u8::try_from(body.len()).unwrap()][..], &body].concat()
}

#[tokio::test]
async fn a_line_that_holds_back_what_it_took_is_pushed_on() {
    let farm = farm().await;
    let (mut client, ours) = tokio::io::duplex(1024);
    let room = std::sync::Arc::default();
    let line = tokio::io::BufStream::new(ours);
    let task = tokio::spawn(gantry_relay::mqtt::attend(line, None, std::sync::Arc::clone(&farm.door), room));
    client.write_all(&hello(&farm)).await.unwrap();
    let mut welcome = [0; 4];
    timeout(Duration::from_secs(20), client.read_exact(&mut welcome)).await.expect("it is said, not kept").unwrap();
    assert_eq!(welcome, [0x20, 2, 0, 0]);
    task.abort();
}

/// Says hello and subscribes to everything by hand.
async fn raw(farm: &Farm) -> TcpStream {
    let mut stream = TcpStream::connect(farm.mqtt).await.unwrap();
    stream.write_all(&hello(farm)).await.unwrap();
    stream.write_all(b"\x82\x06\x00\x01\x00\x01#\x00").await.unwrap();
    let mut answer = [0; 9];
    stream.read_exact(&mut answer).await.unwrap();
    assert_eq!(answer, [0x20, 2, 0, 0, 0x90, 3, 0, 1, 0]);
    stream
}

#[tokio::test]
async fn a_subscriber_that_takes_nothing_does_not_slow_down_the_others() {
    let farm = farm().await;
    let stalled = raw(&farm).await;
    let mut other = Client::v5(&farm, &farm.store(), &farm.key, &farm.topic("events/pool.created")).await.let_in().await;
    for round in 0..20 {
        farm.write(move |tx| {
            for n in 0..500 {
                let name = format!("{round}-{n}-{}", "x".repeat(100)).parse().unwrap();
                let pool = domain::part::Pool { id: tx.new_id(), name, tags: Default::default(), created_at: tx.now() };
                tx.create(&pool)?;
            }
            Ok(())
        })
        .await;
    }
    let heard = async {
        for _ in 0..10_000 {
            other.message().await;
        }
    };
    timeout(Duration::from_secs(60), heard).await.expect("the other hears everything");
    drop(stalled);
}

#[tokio::test]
async fn a_client_of_the_same_name_takes_over() {
    let farm = farm().await;
    let mut first = raw(&farm).await;
    let _second = raw(&farm).await;
    let mut rest = Vec::new();
    let ended = timeout(Duration::from_secs(5), first.read_to_end(&mut rest)).await.expect("the first is closed");
    assert!(ended.is_ok() || rest.is_empty());
}

#[tokio::test]
async fn random_bytes_end_their_own_connection_and_no_other() {
    let farm = farm().await;
    let mut witness = Client::v5(&farm, &farm.store(), &farm.key, "#").await.let_in().await;
    let mut state: u64 = 88_172_645_463_325_252;
    for round in 0..300_u32 {
        let mut stream = if round % 2 == 0 { raw(&farm).await } else { TcpStream::connect(farm.mqtt).await.unwrap() };
        let mut bytes = Vec::new();
        for _ in 0..40 {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            bytes.extend(state.to_le_bytes());
        }
        // The panic that the codec's own connection is known for.
        if round % 10 == 0 {
            bytes.splice(..0, *b"\x32\x08\x00\x01t\x00\x00abc");
        }
        stream.write_all(&bytes).await.ok();
    }
    farm.post("/v1/parts", json!({"name": "p"})).await;
    witness.until(&farm.topic("events/part.created")).await;
}

#[tokio::test]
async fn a_connection_counts_as_one_call_of_its_key_and_one_that_is_turned_away_as_refused() {
    let farm = farm().await;
    let (record, key) = farm.key_with(&[Permission::PrinterView]).await;
    let id = record.id;
    let count = || api::usage::known(&farm.door, id).unwrap();
    let mut client = Client::v3(&farm, &farm.store(), &key, &farm.topic("printers/#")).await;
    assert_eq!(client.next().await, Heard::Welcome);
    assert_eq!((count().total.calls, count().last_used_at), (1, Some(farm.door.now())));
    assert_eq!(count().networks[0].network.to_string(), "127.0.0.0/24");
    let other = farm.other_store().await.to_string();
    let mut client = Client::v3(&farm, &other, &key, &farm.topic("#")).await;
    assert!(matches!(client.next().await, Heard::End(_)));
    let paused = ApiKey { state: KeyState::Paused, ..record };
    farm.write(move |tx| Ok(tx.update(&paused).map(drop)?)).await;
    let mut client = Client::v3(&farm, &farm.store(), &key, &farm.topic("#")).await;
    assert!(matches!(client.next().await, Heard::End(_)));
    assert_eq!(count().total, Calls { calls: 3, refused: 2, ..Default::default() });
}
