//! What each role hears of every kind of change, by MQTT under `#` and by the stream: exactly its rows with exactly its fields. What
//! that is stands here by hand, after docs/product.md; neither the kinds' own permissions nor their projections are asked.

use std::collections::{BTreeMap, BTreeSet};

use domain::access::{Grants, Scope};
use domain::account::{Store, User};
use domain::device::Device;
use domain::id::{DeviceId, OperatorId, RoleId, SessionId, StoreId, WebhookId};
use domain::key::Session;
use domain::kind::Kind;
use domain::operator::Operator;
use domain::permission::{Permission, PermissionSet};
use domain::role::{OwnRole, Role};
use domain::webhook::Webhook;
use serde_json::{Value, json};
use store::{StoreError, Tx};

use crate::farm::{Farm, id};
use crate::mqtt::{Client, farm};

/// The permission that shows a kind.
const fn shown_by(kind: Kind) -> &'static str {
    match kind {
        Kind::Farm => "farm.view",
        Kind::Printer | Kind::Slot | Kind::Command => "printer.view",
        Kind::Pool => "pool.view",
        Kind::File => "file.view",
        Kind::Part => "part.view",
        Kind::Job | Kind::Attempt => "job.view",
        Kind::Store => "store.view",
        Kind::User | Kind::Session | Kind::Operator | Kind::Device => "user.view",
        Kind::Role => "role.view",
        Kind::ApiKey | Kind::SlicerKey => "api_key.view",
        Kind::Sku => "sku.view",
        Kind::Order => "order.view",
        Kind::Material => "material.view",
        Kind::Spool | Kind::SpoolEntry => "spool.view",
        Kind::Stock | Kind::StockEntry => "stock.view",
        Kind::Webhook | Kind::Delivery => "webhook.view",
    }
}

/// Fields of a kind that want more than its own permission.
const fn wants_more(kind: Kind) -> &'static [(&'static str, &'static [&'static str])] {
    match kind {
        Kind::Printer => &[("job.view", &["job_id", "attempt_id"]), ("spool.view", &["loaded"])],
        Kind::Job => &[("printer.view", &["printer_id", "printers_tried"])],
        Kind::Attempt => &[("printer.view", &["printer_id"])],
        Kind::Command => &[("job.view", &["attempt_id"])],
        Kind::Order => &[("customer.view", &["customer"])],
        Kind::Material => &[("cost.view", &["price_per_kg"])],
        Kind::Spool => &[("printer.view", &["slot_id", "printer_id"])],
        Kind::Slot => &[("spool.view", &["spool_id"])],
        Kind::Farm
        | Kind::Pool
        | Kind::File
        | Kind::Part
        | Kind::Store
        | Kind::User
        | Kind::Role
        | Kind::ApiKey
        | Kind::SlicerKey
        | Kind::Session
        | Kind::Sku
        | Kind::SpoolEntry
        | Kind::Stock
        | Kind::StockEntry
        | Kind::Webhook
        | Kind::Delivery
        | Kind::Operator
        | Kind::Device => &[],
    }
}

/// A listener by both doors, with what it holds.
struct Ear {
    name: String,
    grants: Grants,
    mqtt: Client,
    stream: crate::farm::Stream,
}

impl Ear {
    async fn open(farm: &Farm, name: String, grants: Grants, key: &str) -> Self {
        let mqtt = Client::v5(farm, &farm.store(), key, "#").await.let_in().await;
        Self { name, grants, mqtt, stream: farm.stream(key).await }
    }

    fn holds(&self, permission: &str) -> bool {
        self.grants.permissions.has(permission.parse().unwrap())
    }

    /// The event as it may be heard; none if it may not.
    fn lawful(&self, event: &Value, out_of_tags: &BTreeSet<String>) -> Option<Value> {
        let kind = Kind::from_word(event["subject"]["kind"].as_str().unwrap()).unwrap();
        let within = self.grants.tags == Scope::All || !out_of_tags.contains(event["subject"]["id"].as_str().unwrap());
        (self.holds(shown_by(kind)) && within).then(|| self.without_hidden(kind, event["data"].clone()))
    }

    fn without_hidden(&self, kind: Kind, mut document: Value) -> Value {
        let fields = document.as_object_mut().unwrap();
        for (_, hidden) in wants_more(kind).iter().filter(|(permission, _)| !self.holds(permission)) {
            hidden.iter().for_each(|field| drop(fields.remove(*field)));
        }
        let ours = fields.get("bed_use").and_then(Value::as_str).is_some_and(|bed_use| bed_use.starts_with("att_"));
        if kind == Kind::Printer && ours && !self.holds("job.view") {
            fields.remove("bed_use");
        }
        document
    }
}

/// One of each kind that has no operation here.
fn account_things(tx: &mut Tx<'_>) -> Result<(), StoreError> {
    fn read<T: serde::de::DeserializeOwned>(value: Value) -> T {
        serde_json::from_value(value).unwrap()
    }
    let (now, actor) = (tx.now(), json!({"kind": "floor", "id": "owner"}));
    let user = User::of_role(tx.new_id(), "Ada".parse().unwrap(), Role::Viewer, now);
    tx.create(&user)?;
    let id: RoleId = tx.new_id();
    tx.create(&read::<OwnRole>(json!({"id": id, "name": "R", "permissions": ["job.view"], "created_at": now})))?;
    let id: StoreId = tx.new_id();
    tx.create(&read::<Store>(json!({"id": id, "name": "S", "created_at": now})))?;
    let id: SessionId = tx.new_id();
    tx.create(&read::<Session>(json!({"id": id, "actor": actor, "expires_at": now, "created_at": now})))?;
    let (id, grants): (WebhookId, _) = (tx.new_id(), Grants::owner());
    let hook = json!({"id": id, "name": "W", "url": "https://hooks.example.com/", "grants": grants, "sponsor": actor, "state": "active", "created_at": now});
    tx.create(&read::<Webhook>(hook))?;
    let id: OperatorId = tx.new_id();
    let operator = json!({"id": id, "name": "O", "role": "operator", "farms": "all", "tags": "all", "state": "active", "pin": "unset", "created_at": now});
    tx.create(&read::<Operator>(operator))?;
    let id: DeviceId = tx.new_id();
    let device =
        json!({"id": id, "name": "D", "grants": Grants::owner(), "state": "active", "sponsor": actor, "created_at": now});
    tx.create(&read::<Device>(device))?;
    Ok(())
}

/// Changes of every kind; the ids of what belongs to printers and pools, none of which has the tag `nowhere`.
async fn everything_happens(farm: &Farm) -> BTreeSet<String> {
    let part = id(&farm.post("/v1/parts", json!({"name": "Part"})).await);
    let sku = id(&farm.post("/v1/skus", json!({"name": "Sku", "code": "S-1"})).await);
    let order = json!({"name": "1042", "customer": {"name": "Ada", "email": "ada@example.com"}});
    farm.post("/v1/orders", order).await;
    let price = json!({"type": "PLA", "price_per_kg": {"amount_minor": 2000, "currency": "EUR"}});
    let material = id(&farm.post("/v1/materials", price).await);
    let spool = id(&farm.post("/v1/spools", json!({"material_id": material, "grams_initial": 1000})).await);
    farm.post("/v1/stock/adjust", json!({"sku_id": sku, "delta": 5, "reason": "counted"})).await;
    let pool = id(&farm.post("/v1/pools", json!({"name": "Pool", "tags": ["rack-a"]})).await);
    farm.post("/v1/slicer_keys", json!({"name": "S"})).await;
    farm.post("/v1/api_keys", json!({"name": "K", "role": "viewer"})).await;
    farm.post(&format!("/v1/spools/{spool}/measure"), json!({"grams_left": 800, "reason": "weighed"})).await;
    let printer = farm.printer().await;
    farm.patch(&format!("/v1/printers/{printer}"), json!({"tags": ["rack-a"]})).await;
    let slot = farm.post(&format!("/v1/spools/{spool}/load"), json!({"printer_id": printer})).await;
    let (job, other) = (farm.job().await, farm.printer().await);
    farm.assign(job, printer).await;
    farm.post(&format!("/v1/printers/{other}/disable"), json!({})).await;
    farm.write(move |tx| {
        api::facts::new_command(tx, domain::command::Verb::Pause, printer, None)?;
        Ok(())
    })
    .await;
    farm.write(|tx| Ok(account_things(tx)?)).await;
    farm.patch(&format!("/v1/farms/{}", farm.door.home().farm_id), json!({"name": "Renamed"})).await;
    farm.delete(&format!("/v1/parts/{part}")).await;
    farm.post("/v1/parts", json!({"name": "the end"})).await;
    let attempt = farm.door.store.read(|rows| rows.all::<domain::attempt::Attempt>()).unwrap().remove(0).record.id;
    let commands = farm.door.store.read(|rows| rows.all::<domain::command::Command>()).unwrap();
    let mut mine = BTreeSet::from([
        pool,
        printer.to_string(),
        other.to_string(),
        slot["slot_id"].as_str().unwrap().to_owned(),
        attempt.to_string(),
    ]);
    mine.extend(commands.into_iter().map(|command| command.record.id.to_string()));
    mine
}

/// Everything that the farm's owner is told, oldest first.
async fn told(farm: &Farm, from: &str) -> Vec<Value> {
    let (mut all, mut cursor) = (Vec::new(), from.to_owned());
    loop {
        let page = farm.get(&format!("/v1/events?limit=200&cursor={cursor}")).await;
        let items = page["items"].as_array().unwrap().clone();
        if items.is_empty() {
            return all;
        }
        all.extend(items);
        cursor = page["next_cursor"].as_str().unwrap().to_owned();
    }
}

#[tokio::test]
async fn each_role_hears_by_mqtt_and_by_the_stream_exactly_its_rows_and_fields_of_every_kind_of_change() {
    let farm = farm().await;
    let mut who = Vec::new();
    for role in [Role::Admin, Role::Operator, Role::PartManager, Role::Viewer] {
        let grants = Grants::unscoped(role.permissions());
        let tags = Scope::Only(["nowhere".parse().unwrap()].into());
        who.push((format!("{} of other tags", role.title()), Grants { tags, ..grants.clone() }));
        who.push((role.title().to_owned(), grants));
    }
    // The end is a part's: everybody here hears of it.
    for permission in Permission::ALL.iter().filter(|permission| permission.name().ends_with(".view")) {
        let permissions = PermissionSet::EMPTY.with(Permission::PartView).with(*permission);
        who.push((permission.name().to_owned(), Grants::unscoped(permissions)));
    }
    let mut keys = Vec::new();
    for (_, grants) in &who {
        keys.push(farm.key_of(grants.clone()).await.1);
    }
    let mut ears = Vec::new();
    for ((name, grants), key) in who.into_iter().zip(&keys) {
        ears.push(Ear::open(&farm, name, grants, key).await);
    }
    let start = farm.get("/v1/events?cursor=now").await["next_cursor"].as_str().unwrap().to_owned();
    let no_tag_of_theirs = everything_happens(&farm).await;
    let all = told(&farm, &start).await;
    let kinds: BTreeSet<&str> = all.iter().map(|event| event["subject"]["kind"].as_str().unwrap()).collect();
    let missing: Vec<&Kind> = Kind::ALL.iter().filter(|kind| !kinds.contains(kind.word()) && **kind != Kind::Delivery).collect();
    assert!(missing.is_empty(), "nothing happened to {missing:?}");
    for mut ear in ears {
        let mine: Vec<(String, Value)> = all
            .iter()
            .filter_map(|event| Some((event["id"].as_str().unwrap().to_owned(), ear.lawful(event, &no_tag_of_theirs)?)))
            .collect();
        let last = mine.last().unwrap().0.clone();
        let mut by_stream = Vec::new();
        while by_stream.last().is_none_or(|(id, _)| *id != last) {
            let event = ear.stream.next().await;
            by_stream.push((event["id"].as_str().unwrap().to_owned(), event["data"].clone()));
        }
        same(&ear.name, "the stream", &by_stream, &mine);
        let (mut by_mqtt, mut documents) = (Vec::new(), BTreeMap::new());
        while by_mqtt.last().is_none_or(|(id, _)| *id != last) {
            let (topic, _, body) = ear.mqtt.message().await;
            let level: Vec<&str> = topic.split('/').skip(3).collect();
            match level.as_slice() {
                ["events", _] => by_mqtt.push((body["id"].as_str().unwrap().to_owned(), body["data"].clone())),
                ["queue"] => assert!(ear.holds("queue.view"), "{}", ear.name),
                [plural, id] => drop(documents.insert(((*plural).to_owned(), (*id).to_owned()), body)),
                _ => panic!("{topic}"),
            }
        }
        same(&ear.name, "MQTT", &by_mqtt, &mine);
        for ((plural, id), document) in documents {
            let kind = Kind::ALL.iter().copied().find(|kind| kind.plural() == plural).unwrap();
            assert!(ear.holds(shown_by(kind)), "{} is shown {plural}/{id}", ear.name);
            let of_a_printer = no_tag_of_theirs.contains(&id);
            assert!(ear.grants.tags == Scope::All || !of_a_printer, "{} is shown {plural}/{id}", ear.name);
            assert!(document.is_null() || document == ear.without_hidden(kind, document.clone()), "{}: {document}", ear.name);
        }
    }
}

/// The same events with the same fields, in the same order.
fn same(who: &str, door: &str, heard: &[(String, Value)], mine: &[(String, Value)]) {
    let ids = |events: &[(String, Value)]| events.iter().map(|(id, _)| id.clone()).collect::<Vec<_>>();
    assert_eq!(ids(heard), ids(mine), "{who} by {door}");
    for ((_, heard), (id, mine)) in heard.iter().zip(mine) {
        assert_eq!(heard, mine, "{who} by {door}: {id}");
    }
}
