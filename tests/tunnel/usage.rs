//! What a key is used for, at a relay and at the doors of its farms.

use domain::key::ApiKey;
use gantry_tests::until_it_holds;
use reqwest::Method;
use serde_json::{Value, json};

use crate::pair::{Caller, Pair};

async fn usage(owner: &Caller, id: &Value) -> Value {
    owner.get(&format!("/v1/api_keys/{}/usage", id.as_str().unwrap())).await.good()
}

#[tokio::test]
async fn a_relay_shows_what_came_through_each_door_and_tells_what_its_farms_saw() {
    let mut pair = Pair::new().await;
    let (_, owner) = pair.store("Shop").await;
    pair.claim(&pair.farm_owner().await, &owner).await;
    let asked = json!({"name": "shop", "permissions": ["farm.view", "printer.view", "printer.control"]});
    let made = owner.post("/v1/api_keys", asked).await.good();
    let (at_relay, id) = (owner.with(made["secret"].as_str().unwrap()), &made["api_key"]["id"]);
    let name_at_the_farm = |pair: &Pair| {
        let id = id.as_str().unwrap().parse().unwrap();
        let key = pair.farm.as_ref().unwrap().door.store.read(|rows| rows.get::<ApiKey>(id)).unwrap();
        key.map(|key| key.record.name.to_string())
    };
    until_it_holds("the key is at the farm", async || name_at_the_farm(&pair).is_some()).await;
    let at_farm = at_relay.at(&pair.farm_url());
    for _ in 0..3 {
        at_farm.get("/v1/farms").await.good();
    }
    at_farm.get("/v1/jobs").await;
    at_relay.get("/v1/farms").await.good();
    let patch = format!("/v1/farms/{}", pair.farm_id());
    at_relay.ask(Method::PATCH, &patch, Some(json!({"name": "x"})), &[]).await;
    let seen = usage(&owner, id).await;
    assert_eq!(seen["total"], json!({"calls": 6, "errors": 0, "refused": 2, "throttled": 0}));
    let doors: Vec<_> =
        seen["doors"].as_array().unwrap().iter().map(|door| (&door["door"], &door["farm_id"], &door["total"]["calls"])).collect();
    assert_eq!(doors, [(&json!("relay"), &Value::Null, &json!(2)), (&json!("agent"), &json!(pair.farm_id()), &json!(4))]);
    assert_eq!(seen["doors"][1]["networks"][0]["network"], "127.0.0.0/24");

    api::usage::flush(&pair.farm.as_ref().unwrap().door).await;
    api::usage::flush(&pair.relay.as_ref().unwrap().accounts.door).await;
    pair.in_step().await;
    let told = owner.get("/v1/events?type=api_key.refused").await.good();
    let of = |item: &Value| (item["subject"]["id"].clone(), item["farm_id"].clone());
    let mut told: Vec<_> = told["items"].as_array().unwrap().iter().map(of).collect();
    told.sort_by_key(|(_, farm)| farm.is_null());
    assert_eq!(
        told,
        [(id.clone(), json!(pair.farm_id())), (id.clone(), Value::Null)],
        "each door tells what it saw, to who may see keys"
    );
    assert_eq!(at_relay.get("/v1/events?type=api_key.refused").await.code(), (403, "permission_missing"));
    let narrow = owner.key(&["event.view", "farm.view"]).await;
    assert_eq!(narrow.get("/v1/events?type=api_key.refused").await.good()["items"], json!([]));

    let used = |key: Value| key["last_used_at"].clone();
    let path = format!("/v1/api_keys/{}", id.as_str().unwrap());
    let at_the_farm = used(owner.at(&pair.farm_url()).get(&path).await.good());
    assert!(at_the_farm.is_string());
    owner.ask(Method::PATCH, &path, Some(json!({"name": "renamed"})), &[]).await.good();
    until_it_holds("it is renamed there too", async || name_at_the_farm(&pair).as_deref() == Some("renamed")).await;
    let later = used(owner.get(&path).await.good()).max_word(at_the_farm);
    let copy = owner.at(&pair.farm_url()).get(&path).await.good();
    assert_eq!(used(copy), later, "a copy does not turn back when it was used");

    pair.farm = None;
    pair.gone().await;
    let away = usage(&owner, id).await;
    assert_eq!((&away["missing_farms"], &away["doors"].as_array().unwrap().len()), (&json!([pair.farm_id()]), &1));
    pair.start_farm().await;
    pair.connected().await;
    assert_eq!(
        usage(&owner, id).await["total"]["calls"],
        7,
        "what was written down is there after a restart, with the refused one since"
    );
}

trait Later {
    fn max_word(self, other: Value) -> Value;
}

impl Later for Value {
    fn max_word(self, other: Value) -> Value {
        if self.as_str() > other.as_str() { self } else { other }
    }
}
