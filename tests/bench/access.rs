//! Keys under load: how soon a revoked one is out at each door, what it costs to know who calls, and whether one that is abused is
//! felt by another.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use gantry_tests::PATIENCE;
use gantry_tests::caller::Caller;
use gantry_tests::farm::Farm;
use gantry_tests::relay::{Relay, Shop};
use rumqttc::{AsyncClient, MqttOptions, QoS};
use serde_json::json;
use tokio::task::JoinHandle;

use crate::measure::{Verdicts, cpu_seconds, now, percentile};

/// How often each door is tried.
const ROUNDS: usize = 100;
/// Tasks that call all the while.
const CALLERS: usize = 4;

fn http() -> reqwest::Client {
    reqwest::Client::builder().no_proxy().timeout(PATIENCE).build().unwrap()
}

/// A key of the store that looks, and its id.
async fn viewer(owner: &Caller, name: &str) -> (Caller, String) {
    let made = owner.post("/v1/api_keys", json!({"name": name, "role": "viewer"})).await;
    let key = made["secret"].as_str().unwrap().to_owned();
    (Caller { url: owner.url.clone(), key }, made["api_key"]["id"].as_str().unwrap().to_owned())
}

/// Calls until it is dropped.
struct Load {
    on: Arc<AtomicBool>,
    calls: Arc<AtomicU64>,
    since: Instant,
}

impl Load {
    fn of(url: &str, key: &str, tasks: usize) -> Self {
        let load = Self { on: Arc::new(AtomicBool::new(true)), calls: Arc::default(), since: now() };
        for _ in 0..tasks {
            let (on, calls, http) = (Arc::clone(&load.on), Arc::clone(&load.calls), http());
            let (url, key) = (format!("{url}/v1/printers"), key.to_owned());
            tokio::spawn(async move {
                while on.load(Ordering::Relaxed) {
                    if let Ok(answer) = http.get(&url).bearer_auth(&key).send().await {
                        drop(answer.bytes().await);
                        calls.fetch_add(1, Ordering::Relaxed);
                    }
                }
            });
        }
        load
    }

    #[expect(clippy::cast_precision_loss, reason = "a rate")]
    fn each_second(&self) -> f64 {
        self.calls.load(Ordering::Relaxed) as f64 / self.since.elapsed().as_secs_f64()
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.on.store(false, Ordering::Relaxed);
    }
}

/// A farm with a few printers that a store at a relay has claimed.
async fn floor() -> (Relay, Shop, Farm) {
    let (relay, farm) = (Relay::start().await, Farm::start().await);
    let shop = relay.store("Bench").await;
    for n in 0..10 {
        let link = json!({"driver": "octoprint", "address": "http://127.0.0.1:9", "credential": "none"});
        farm.post("/v1/printers", json!({"name": format!("P{n}"), "link": link})).await;
    }
    relay.claim(&farm, &shop.owner).await;
    (relay, shop, farm)
}

/// Ends when the server ends the stream.
async fn stream_until_cut(url: String, key: String) -> JoinHandle<Instant> {
    let answer = http_forever().get(format!("{url}/v1/stream")).bearer_auth(key).send().await.unwrap();
    assert_eq!(answer.status().as_u16(), 200);
    let mut bytes = answer.bytes_stream();
    bytes.next().await.unwrap().unwrap();
    tokio::spawn(async move {
        while let Some(Ok(_)) = bytes.next().await {}
        now()
    })
}

fn http_forever() -> reqwest::Client {
    reqwest::Client::builder().no_proxy().build().unwrap()
}

/// Ends when the server ends the connection.
async fn mqtt_until_cut(door: std::net::SocketAddr, store: &str, key: &str) -> JoinHandle<Instant> {
    let mut options = MqttOptions::new("", door.ip().to_string(), door.port());
    options.set_credentials(store, key);
    let (client, mut line) = AsyncClient::new(options, 10);
    client.subscribe("#", QoS::AtMostOnce).await.unwrap();
    while !matches!(line.poll().await.unwrap(), rumqttc::Event::Incoming(rumqttc::Packet::SubAck(_))) {}
    tokio::spawn(async move {
        let _client = client;
        while line.poll().await.is_ok() {}
        now()
    })
}

/// Asks with a key until it is refused.
async fn refused_at(http: &reqwest::Client, url: &str, key: &str) -> Instant {
    loop {
        let answer = http.get(format!("{url}/v1/me")).bearer_auth(key).send().await.unwrap();
        if answer.status().as_u16() == 401 {
            return now();
        }
    }
}

/// From the answer to the revocation to the end of what the key could do, 100 times at each door.
pub async fn revoke(verdicts: &mut Verdicts) {
    let (relay, shop, farm) = floor().await;
    let (busy, _) = viewer(&shop.owner, "busy").await;
    let there = |key: &str| {
        let key = key.to_owned();
        let url = farm.url.clone();
        async move { while http().get(format!("{url}/v1/me")).bearer_auth(&key).send().await.unwrap().status() != 200 {} }
    };
    there(&busy.key).await;
    let loads = [Load::of(&relay.url, &busy.key, CALLERS), Load::of(&farm.url, &busy.key, CALLERS)];
    let doors = ["REST at the relay", "REST at the agent", "stream at the relay", "stream at the agent", "MQTT at the relay"];
    for (place, door) in doors.iter().enumerate() {
        let mut took = Vec::new();
        for round in 0..ROUNDS {
            let (caller, id) = viewer(&shop.owner, &format!("{door} {round}")).await;
            if door.ends_with("agent") {
                there(&caller.key).await;
            }
            let url = if door.ends_with("agent") { farm.url.clone() } else { relay.url.clone() };
            let waiting = match place {
                2 | 3 => Some(stream_until_cut(url.clone(), caller.key.clone()).await),
                4 => Some(mqtt_until_cut(relay.mqtt.address, &shop.id, &caller.key).await),
                _ => None,
            };
            shop.owner.post(&format!("/v1/api_keys/{id}/revoke"), None).await;
            let revoked = now();
            let ended = match waiting {
                Some(waiting) => tokio::time::timeout(PATIENCE, waiting).await.unwrap().unwrap(),
                None => refused_at(&http(), &url, &caller.key).await,
            };
            took.push(ended.saturating_duration_since(revoked));
        }
        let p50 = percentile(&mut took, 0.5);
        println!("     {door}: p50 {:.3} s of {ROUNDS}", p50.as_secs_f64());
        verdicts.hold(&format!("revoked, {door}, p99"), percentile(&mut took, 0.99).as_secs_f64(), "s", 2.0);
    }
    let [at_relay, at_agent] = loads.map(|load| load.each_second());
    println!("     under load: {at_relay:.0} calls/s at the relay, {at_agent:.0} at the agent, by the same machine");
}

/// Stores that the keys belong to.
const STORES: usize = 10;
/// Requests of one measure of cost.
const COUNTED: usize = 9_000;

/// What one request costs the relay, in microseconds of processor time: as many calls as are counted, each with the next of the keys.
async fn cost(pid: u32, url: &str, keys: &[String]) -> f64 {
    let before = cpu_seconds(pid);
    let tasks = (0..CALLERS).map(|task| {
        let (http, url, keys) = (http(), url.to_owned(), keys.to_vec());
        tokio::spawn(async move {
            for n in 0..COUNTED / CALLERS {
                let request = http.get(&url);
                let request = match keys.get((n * CALLERS + task) % keys.len().max(1)) {
                    Some(key) => request.bearer_auth(key),
                    None => request,
                };
                let answer = request.send().await.unwrap();
                let status = answer.status().as_u16();
                let body = answer.text().await.unwrap();
                assert_eq!(status, 200, "{url}: {body}");
            }
        })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await.unwrap();
    }
    #[expect(clippy::cast_precision_loss, reason = "a mean")]
    let each = (cpu_seconds(pid) - before) / COUNTED as f64 * 1e6;
    each
}

/// 10,000 keys; what a call with one of them costs beyond the same call without one. The call is one that anybody may make, so that
/// nothing else differs; what a call costs whose answer is made for its caller is told beside it.
pub async fn keys(verdicts: &mut Verdicts) {
    let relay = Relay::start().await;
    // Of many stores: the limit of one's keys together is below what is asked here.
    let mut making = Vec::new();
    for store in 0..STORES {
        let owner = relay.store(&format!("Bench {store}")).await.owner;
        making.push(tokio::spawn(async move {
            let mut keys = Vec::new();
            for n in 0..10_000 / STORES {
                keys.push(viewer(&owner, &format!("key {n}")).await.0.key);
            }
            keys
        }));
    }
    let mut keys = Vec::new();
    for made in making {
        keys.extend(made.await.unwrap());
    }
    println!("     {} keys of {STORES} stores", keys.len());
    let calls = [("/v1/sessions/ways", true), ("/v1/sessions/ways", false), ("/v1/me", true)];
    let mut costs = calls.map(|_| Vec::new());
    for _ in 0..5 {
        // What one address may ask without a key has to be whole again.
        tokio::time::sleep(Duration::from_secs(10)).await;
        for ((path, keyed), costs) in calls.iter().zip(&mut costs) {
            let with: &[String] = if *keyed { &keys } else { &[] };
            costs.push(cost(relay.pid(), &format!("{}{path}", relay.url), with).await);
        }
    }
    let [with, without, me] = costs.map(|mut costs| {
        costs.sort_by(f64::total_cmp);
        println!("     µs a request: {costs:.1?}");
        costs[costs.len() / 2]
    });
    println!(
        "     the same call with a key {with:.1} µs, without {without:.1} µs; who am I, answered out of the store: {me:.1} µs"
    );
    verdicts.hold("authentication and permission with 10,000 keys", with - without, "µs CPU a request", 50.0);
}

/// How long one key's calls take, asked at an even pace.
async fn latencies(url: &str, key: &str, calls: usize) -> Vec<Duration> {
    let (http, mut took) = (http(), Vec::new());
    let mut pace = tokio::time::interval(Duration::from_millis(20));
    for _ in 0..calls {
        pace.tick().await;
        let asked = now();
        let answer = http.get(format!("{url}/v1/printers")).bearer_auth(key).send().await.unwrap();
        assert_eq!(answer.status().as_u16(), 200);
        drop(answer.bytes().await);
        took.push(asked.elapsed());
    }
    took
}

/// One key asks far beyond its limit while another asks as it always does: alone, beside the abuse, alone, beside it.
pub async fn isolation(verdicts: &mut Verdicts) {
    let (relay, shop, _farm) = floor().await;
    let (quiet, _) = viewer(&shop.owner, "quiet").await;
    let abused = shop
        .owner
        .post("/v1/api_keys", json!({"name": "abused", "role": "viewer", "rate_limit": {"per_minute": 600, "burst": 100}}))
        .await;
    let abused = abused["secret"].as_str().unwrap().to_owned();
    latencies(&relay.url, &quiet.key, 100).await;
    let (mut alone, mut beside, mut refused) = (Vec::new(), Vec::new(), 0.0);
    for _ in 0..3 {
        alone.extend(latencies(&relay.url, &quiet.key, 400).await);
        let load = Abuse::of(&relay.url, &abused);
        beside.extend(latencies(&relay.url, &quiet.key, 400).await);
        refused += load.end().await;
    }
    let (a, b) = (percentile(&mut alone, 0.99), percentile(&mut beside, 0.99));
    println!("     p99 alone {a:.2?}, beside the abuse {b:.2?}; {refused:.0} of its calls were refused");
    verdicts.hold("p99 beside an abused key, against alone", b.as_secs_f64() / a.as_secs_f64(), "times", 1.5);
}

/// A key that asks five times as often as it may, whatever it is told.
struct Abuse {
    on: Arc<AtomicBool>,
    asking: JoinHandle<u32>,
}

impl Abuse {
    fn of(url: &str, key: &str) -> Self {
        let on = Arc::new(AtomicBool::new(true));
        let (going, http, url, key) = (Arc::clone(&on), http(), format!("{url}/v1/printers"), key.to_owned());
        let asking = tokio::spawn(async move {
            let (mut refused, mut pace) = (0, tokio::time::interval(Duration::from_millis(5)));
            while going.load(Ordering::Relaxed) {
                pace.tick().await;
                let answer = http.get(&url).bearer_auth(&key).send().await.unwrap();
                refused += u32::from(answer.status().as_u16() == 429);
                drop(answer.bytes().await);
            }
            refused
        });
        Self { on, asking }
    }

    async fn end(self) -> f64 {
        self.on.store(false, Ordering::Relaxed);
        f64::from(self.asking.await.unwrap())
    }
}
