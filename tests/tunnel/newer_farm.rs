//! A farm of a newer version: it speaks of states, kinds and events that this relay has never heard of.

use agent::uplink::identity::Identity;
use api::registry::rows;
use api::socket::{Heard, Line};
use contract::forward::RowItem;
use contract::operation::{Method, Nature};
use domain::farm::HomeIds;
use domain::id::FarmId;
use drivers::web::{WebAddress, client, dial};
use gantry_tests::hook::Hook;
use gantry_tests::mqtt::Listener;
use gantry_tests::stream::Events;
use gantry_tests::until_it_holds;
use serde_json::{Value, json};
use sync::frame::{Cursor, FarmGot, Frame, Heads, Hello, LARGEST_FRAME, PROTO, Packet, Stream};

use crate::pair::{Caller, Pair};

/// What is known of a farm that is about to come back as a newer one.
struct Before {
    farm_id: FarmId,
    identity: std::sync::Arc<Identity>,
    epoch: String,
    pass: String,
    head: u64,
    rows: Vec<RowItem>,
    event: Value,
}

impl Before {
    fn of(pair: &Pair) -> Self {
        let farm = pair.farm.as_ref().unwrap();
        let HomeIds { store_id, farm_id } = farm.door.home();
        let store = &farm.door.store;
        let end = store.read(|rows| rows.log_end()).unwrap();
        let rows = store.read(|rows| rows.feed_after(store_id, 0, 1000)).unwrap();
        let told = store.read(|rows| rows.farm_events_after(store_id, 0, 1000)).unwrap();
        let about_a_job = told.events.iter().find(|stored| stored.event.event_type.to_string() == "job.created").unwrap();
        Self {
            farm_id,
            identity: std::sync::Arc::clone(&farm.uplink.identity),
            epoch: end.epoch,
            pass: store.read(|rows| rows.setting(api::claims::PASS)).unwrap().unwrap(),
            head: end.position,
            rows: rows.into_iter().map(Into::into).collect(),
            event: serde_json::to_value(&about_a_job.event).unwrap(),
        }
    }

    /// A row as it was, to be told anew in other words.
    fn row(&self, kind: &str, at: u64, change: Value) -> Value {
        let mut row = serde_json::to_value(self.rows.iter().find(|row| row.kind == kind).unwrap()).unwrap();
        for number in ["number", "position"] {
            row[number] = json!(at);
        }
        row["revision"] = json!(row["revision"].as_u64().unwrap() + 1);
        for (name, value) in change.as_object().unwrap() {
            row["document"][name] = value.clone();
        }
        row["id"] = row["document"]["id"].clone();
        row
    }

    /// An event about a job.
    fn event(&self, at: u64, event_type: &str, subject: &Value) -> Value {
        let mut body = self.event.clone();
        let id = format!("evt_{:032x}", 0x0123_4567_u64 + at);
        for (name, value) in [("id", json!(id)), ("type", json!(event_type)), ("number", json!(at))] {
            body[name] = value;
        }
        body["subject"] = subject.clone();
        json!({"event": {"number": at, "labels": [], "body": body}})
    }
}

/// The farm's side of a session, by hand.
struct NewerFarm {
    line: Line,
    session_no: u64,
    epoch: String,
}

impl NewerFarm {
    /// Dials and proves who it is.
    async fn dial(relay_url: &str, before: &Before, head: u64) -> Self {
        let address = WebAddress::read(relay_url).unwrap();
        let client = client(&address).unwrap();
        let socket = dial(&client, address.join("/tunnel"), &[], Some("gantry-sync"), LARGEST_FRAME).await.unwrap();
        let mut line = Line::new(socket);
        let Frame::Challenge { nonce, relay, .. } = next(&mut line).await.frame else { panic!("a challenge is the first word") };
        let mut hello = Hello {
            proto: PROTO,
            build: "99.0.0".to_owned(),
            farm_id: before.farm_id,
            epoch: before.epoch.clone(),
            heads: Heads { rows: head, events: head },
            got: FarmGot { account: Cursor::default() },
            session_nonce: "newer".to_owned(),
            pass: before.pass.clone(),
            wall: domain::time::Timestamp::from_millis(1_900_000_000_000),
            clock_ok: true,
            signature: String::new(),
        };
        hello.signature = before.identity.sign(&hello.signed(&relay, &nonce));
        let mut said = serde_json::to_value(Frame::Hello(hello)).unwrap();
        said["mood"] = json!("curious");
        line.say(vec![said.to_string()]);
        let welcome = next(&mut line).await.frame;
        let Frame::Welcome(welcome) = welcome else { panic!("{welcome:?}") };
        assert_eq!(welcome.got.rows, Cursor { epoch: before.epoch.clone(), at: before.head });
        Self { line, session_no: welcome.session_no, epoch: before.epoch.clone() }
    }

    fn say(&self, mut frame: Value) {
        frame["s"] = json!(self.session_no);
        self.line.say(vec![frame.to_string()]);
    }

    /// Says a batch and waits until it is durable.
    async fn tell(&mut self, stream: Stream, from: u64, to: u64, items: Vec<Value>) {
        let word = serde_json::to_value(stream).unwrap();
        self.say(json!({"t": word, "epoch": self.epoch, "from": from, "to": to, "rows_head": to, "items": items}));
        let answered = async {
            loop {
                let frame = next(&mut self.line).await.frame;
                if frame == (Frame::Ack { stream, at: to }) {
                    return;
                }
                assert!(!matches!(frame, Frame::Bye { .. } | Frame::Nack { .. }), "{frame:?}");
            }
        };
        tokio::time::timeout(gantry_tests::PATIENCE, answered).await.expect("it is acknowledged");
    }
}

async fn next(line: &mut Line) -> Packet {
    let hearing = async {
        loop {
            match line.hear().await {
                Heard::Text(text) => return Packet::read(&text).unwrap(),
                Heard::Sent => {}
                Heard::Lost(why) => panic!("the line is gone: {why}"),
            }
        }
    };
    tokio::time::timeout(gantry_tests::PATIENCE, hearing).await.expect("the relay says nothing")
}

fn id(value: &Value) -> String {
    value["id"].as_str().unwrap().to_owned()
}

async fn found(owner: &Caller, path: &str) -> Vec<(String, String)> {
    let page = owner.get(path).await.good();
    let pairs = page["items"].as_array().unwrap().iter();
    let mut found: Vec<(String, String)> = pairs.map(|item| (id(item), item["state"].as_str().unwrap().to_owned())).collect();
    found.sort();
    found
}

#[tokio::test]
async fn states_kinds_and_events_of_a_newer_farm_break_no_list_no_stream_no_topic_and_no_webhook() {
    let mut pair = Pair::new().await;
    let (store, owner) = pair.store("Shop").await;
    let farm = pair.farm_owner().await;
    let file = farm.upload("a.gcode", &gantry_tests::counterpart::gcode(5)).await.good();
    let job = farm.post("/v1/jobs", json!({"file_id": file["id"], "name": "Coin"})).await.good();
    let order = farm.post("/v1/orders", json!({"name": "1042"})).await.good();
    let link = json!({"driver": "octoprint", "address": "http://127.0.0.1:9", "credential": "none"});
    let printer = farm.post("/v1/printers", json!({"name": "P", "link": link})).await.good();
    pair.claim(&farm, &owner).await;
    let hook = Hook::start().await;
    let types = ["job.completed"];
    let webhook = json!({"name": "W", "url": hook.url, "permissions": ["job.view"], "event_types": types});
    owner.post("/v1/webhooks", webhook).await.good();
    let before = Before::of(&pair);
    pair.farm = None;
    let mqtt = pair.relay.as_ref().unwrap().mqtt_address;
    let (store, key) = (store.store.to_string(), owner.key.clone());
    let listener = Listener::start(mqtt, &store, &key, "#").await.unwrap();
    let mut stream = Events::open(&pair.relay_url, &key).await;

    let (head, end) = (before.head, before.head + 10);
    let mut newer = NewerFarm::dial(&pair.relay_url, &before, end).await;
    let [second, third] = [2, 3].map(|n| format!("job_{n:032x}"));
    newer.say(json!({"t": "hologram", "shape": "cube"}));
    let hologram = json!({
        "kind": "hologram", "id": "holo_00000000000000000000000000000001", "revision": 1, "number": head + 5, "position": head + 5,
        "changed_at": "2027-01-01T00:00:00.000Z", "document": {"id": "holo_00000000000000000000000000000001", "shape": "cube"},
    });
    let told = vec![
        before.row("job", head + 1, json!({"state": "annealing", "phase": "active", "annealing_until": [1, {"a": null}]})),
        before.row("job", head + 2, json!({"id": second, "name": "Plain"})),
        before.row(
            "job",
            head + 3,
            json!({"id": third, "state": "dissolved", "phase": "done", "ended_at": "2027-01-01T00:00:00.000Z"}),
        ),
        before.row("printer", head + 4, json!({"activity": "levitating", "connection": "entangled", "bed": {"tilted": 3}})),
        hologram,
        before.row("order", head + 6, json!({"state": "haggling"})),
        before.row("farm", head + 7, json!({"dispatch": "nap"})),
        before.row("file", head + 8, json!({"content": "frozen"})),
    ];
    newer.tell(Stream::Rows, head, end, told).await;
    let job_now = json!({"kind": "job", "id": job["id"], "revision": 2});
    let events = vec![
        before.event(head + 1, "job.annealing", &job_now),
        before.event(head + 5, "hologram.created", &json!({"kind": "hologram", "id": "holo_1", "revision": 1})),
        before.event(head + 6, "job.updated", &job_now),
        before.event(head + 7, "job.completed", &json!({"kind": "job", "id": third, "revision": 2})),
    ];
    newer.tell(Stream::Events, head, end, events).await;

    // Lists, whatever they are of, by whatever they are ordered, page by page.
    for row in rows() {
        // What is a person's own is not for a key.
        let own = row.path.starts_with("/v1/me/");
        if row.nature == Nature::Read && row.method == Method::Get && row.path_names.is_empty() && !own {
            let shown = owner.get(row.path).await;
            assert_eq!(shown.status, 200, "{}: {}", row.id, shown.body);
        }
    }
    let mut all = [(id(&job), "annealing"), (second.clone(), "queued"), (third.clone(), "dissolved")];
    all.sort();
    let all: Vec<(String, String)> = all.into_iter().map(|(id, state)| (id, state.to_owned())).collect();
    for order in ["created_at", "-created_at", "name", "state", "-priority"] {
        assert_eq!(found(&owner, &format!("/v1/jobs?sort={order}")).await, all, "{order}");
    }
    let mut paged = Vec::new();
    let mut path = "/v1/jobs?limit=1".to_owned();
    loop {
        let page = owner.get(&path).await.good();
        paged.extend(page["items"].as_array().unwrap().iter().map(id));
        let Some(cursor) = page["next_cursor"].as_str() else { break };
        path = format!("/v1/jobs?limit=1&cursor={cursor}");
    }
    assert_eq!(paged.len(), 3, "{paged:?}");
    assert_eq!(found(&owner, "/v1/jobs?state=queued").await, [(second.clone(), "queued".to_owned())]);
    assert_eq!(found(&owner, "/v1/jobs?phase=active").await, [(id(&job), "annealing".to_owned())]);
    assert_eq!(owner.ids("/v1/jobs?q=plain").await, std::slice::from_ref(&second));
    for (path, name, word) in [
        (format!("/v1/jobs/{}", id(&job)), "state", "annealing"),
        (format!("/v1/jobs/{third}"), "state", "dissolved"),
        (format!("/v1/printers/{}", id(&printer)), "activity", "levitating"),
        (format!("/v1/orders/{}", id(&order)), "state", "haggling"),
        (format!("/v1/files/{}", id(&file)), "content", "frozen"),
        (format!("/v1/farms/{}", before.farm_id), "dispatch", "nap"),
    ] {
        assert_eq!(owner.get(&path).await.good()[name], word, "{path}");
    }

    // What happened: what is known, also behind what is not.
    let told = owner.get("/v1/events?limit=200&type=job.completed").await.good();
    assert_eq!(told["items"].as_array().map(Vec::len), Some(1));
    let completed = stream.event("job.completed", &third).await;
    assert_eq!(completed["number"], head + 7);
    until_it_holds("the webhook is told", async || hook.letters().len() == 1).await;
    assert_eq!(hook.letters()[0].event["subject"]["id"], third);
    let topic = |rest: String| format!("gantry/v1/{store}/{rest}");
    until_it_holds("the event is a message", async || listener.topics().contains(&topic("events/job.completed".into()))).await;
    assert!(!listener.topics().iter().any(|topic| topic.contains("hologram") || topic.contains("annealing")));
    // Who comes later hears the present, strange as it is.
    let late = Listener::start(mqtt, &store, &key, "#").await.unwrap();
    for (rest, name, word) in [
        (format!("jobs/{}", id(&job)), "state", "annealing"),
        (format!("jobs/{second}"), "state", "queued"),
        (format!("printers/{}", id(&printer)), "activity", "levitating"),
        (format!("orders/{}", id(&order)), "state", "haggling"),
    ] {
        let topic = topic(rest);
        let there = async || late.heard().iter().any(|message| message.topic == topic && message.body()[name] == word);
        until_it_holds(&format!("{topic} is {word}"), there).await;
    }
    // The session stands.
    newer.tell(Stream::Rows, end, end + 1, Vec::new()).await;
    newer.tell(Stream::Events, end, end + 1, vec![before.event(end + 1, "job.completed", &job_now)]).await;
    stream.event("job.completed", &id(&job)).await;
}
