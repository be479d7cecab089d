//! People on the floor: operators with a PIN, phones that are added by a link, and who guesses.

use std::net::SocketAddr;

use axum::body::Body;
use axum::extract::ConnectInfo;
use domain::access::Grants;
use domain::actor::{Actor, ActorKind};
use domain::device::Device;
use domain::key::{KeyState, Session, SlicerKey};
use domain::operator::{Operator, PinState};
use domain::permission::Permission;
use domain::role::Role;
use gantry_api as api;
use http::Request;
use serde_json::{Value, json};

use crate::farm::{Answer, Farm, LAN};
use crate::forward::World;

const PIN: &str = "482913";
const PASSWORD: &str = "correct horse battery";
const DAY: i64 = 24 * 3600 * 1000;

/// A browser somewhere, with what it keeps.
struct Browser {
    at: SocketAddr,
    cookies: Vec<(String, String)>,
    headers: Vec<(&'static str, String)>,
}

impl Browser {
    fn at(address: &str) -> Self {
        let address = address.parse::<SocketAddr>().unwrap_or_else(|_| SocketAddr::new(address.parse().unwrap(), 40000));
        Self { at: address, cookies: Vec::new(), headers: Vec::new() }
    }

    fn near() -> Self {
        Self::at(LAN)
    }

    async fn call(&mut self, farm: &Farm, method: &str, path: &str, body: Option<Value>) -> Answer {
        let mut call = Request::builder().method(method).uri(path).extension(ConnectInfo(self.at));
        call = call.header("host", "localhost").header("origin", "http://localhost").header("user-agent", "Test/1");
        for (name, value) in &self.headers {
            call = call.header(*name, value);
        }
        if !self.cookies.is_empty() {
            let kept: Vec<String> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
            call = call.header("cookie", kept.join("; "));
        }
        if body.is_some() {
            call = call.header("content-type", "application/json");
        }
        let answer = farm.send(call.body(body.map_or_else(Body::empty, |body| Body::from(body.to_string()))).unwrap()).await;
        for set in answer.headers.get_all("set-cookie") {
            let (name, value) = set.to_str().unwrap().split(';').next().unwrap().split_once('=').unwrap();
            self.cookies.retain(|(known, _)| known != name);
            if !value.is_empty() {
                self.cookies.push((name.to_owned(), value.to_owned()));
            }
        }
        answer
    }

    async fn pin(&mut self, farm: &Farm, operator: &str, pin: &str) -> Answer {
        self.call(farm, "POST", "/v1/sessions", Some(json!({"operator_id": operator, "pin": pin}))).await
    }

    async fn password(&mut self, farm: &Farm, password: &str) -> Answer {
        self.call(farm, "POST", "/v1/sessions", Some(json!({"password": password}))).await
    }

    async fn open(&mut self, farm: &Farm, token: &str) -> Answer {
        let body = json!({"enrolment_token": token, "device_name": "Anna's phone"});
        self.call(farm, "POST", "/v1/sessions", Some(body)).await
    }

    async fn me(&mut self, farm: &Farm) -> Answer {
        self.call(farm, "GET", "/v1/me", None).await
    }

    fn forget(&mut self, name: &str) {
        self.cookies.retain(|(known, _)| known != name);
    }
}

async fn operator(farm: &Farm, body: Value) -> String {
    let id = farm.post("/v1/operators", body).await.expect(201)["id"].as_str().unwrap().to_owned();
    farm.post(&format!("/v1/operators/{id}/pin"), json!({"pin": PIN})).await.expect(200);
    id
}

/// A device's id and the token of its link.
async fn invited(farm: &Farm, body: Value) -> (String, String) {
    let made = farm.post("/v1/devices", body).await.expect(201);
    (made["device"]["id"].as_str().unwrap().to_owned(), made["token"].as_str().unwrap().to_owned())
}

fn read<R: contract::record::Record>(farm: &Farm, id: &str) -> R
where
    <R::Id as std::str::FromStr>::Err: std::fmt::Debug,
{
    farm.record::<R>(id.parse().unwrap())
}

#[tokio::test]
async fn an_operator_signs_in_by_pin_and_holds_what_the_record_says_at_each_call() {
    let farm = Farm::new().await;
    let anna = operator(&farm, json!({"name": "Anna"})).await;
    let mut browser = Browser::near();
    let session = browser.pin(&farm, &anna, PIN).await.expect(201);
    assert_eq!(session["actor"], json!({"kind": "floor", "id": anna}));
    assert_eq!(session["user_agent"], "Test/1");
    let me = browser.me(&farm).await.expect(200);
    assert_eq!(me["grants"], serde_json::to_value(Grants::unscoped(Role::Operator.permissions())).unwrap());
    farm.patch(&format!("/v1/operators/{anna}"), json!({"role": "viewer", "tags": ["rack-a"]})).await.expect(200);
    let me = browser.me(&farm).await.expect(200);
    assert_eq!(me["grants"]["permissions"], serde_json::to_value(Role::Viewer.permissions()).unwrap());
    assert_eq!(me["grants"]["tags"], json!({"only": ["rack-a"]}));
    farm.post(&format!("/v1/operators/{anna}/pause"), json!({})).await.expect(200);
    browser.me(&farm).await.refused(401, "bad_credential");
    browser.pin(&farm, &anna, PIN).await.refused(401, "bad_credential");
    farm.post(&format!("/v1/operators/{anna}/resume"), json!({})).await.expect(200);
    browser.me(&farm).await.refused(401, "bad_credential");
    farm.later(60_000);
    browser.pin(&farm, &anna, PIN).await.expect(201);
    farm.delete(&format!("/v1/operators/{anna}")).await.expect(204);
    browser.me(&farm).await.refused(401, "bad_credential");
    farm.later(60_000);
    browser.pin(&farm, &anna, PIN).await.refused(401, "bad_credential");
}

#[tokio::test]
async fn a_pin_that_is_tried_first_is_refused_and_none_is_ever_shown() {
    let farm = Farm::new().await;
    let anna = operator(&farm, json!({"name": "Anna"})).await;
    let path = format!("/v1/operators/{anna}/pin");
    for pin in ["12345", "000000", "123456", "121212", "12345a", "", "4829134829135"] {
        let problem = farm.post(&path, json!({"pin": pin})).await.refused(422, "invalid_request");
        assert_eq!(problem["errors"][0]["pointer"], "/pin", "{pin}");
    }
    let shown = farm.get(&format!("/v1/operators/{anna}")).await.expect(200);
    assert_eq!((&shown["pin"], shown.to_string().contains(PIN)), (&json!("set"), false));
    let secrets: Vec<u8> = farm.database().query_row("SELECT sealed FROM secret", [], |row| row.get(0)).unwrap();
    assert!(!String::from_utf8_lossy(&secrets).contains("argon2"), "the hash is sealed: it would be guessed in an hour");
}

/// What is kept of a call under its `Idempotency-Key` must not give a short secret away.
#[tokio::test]
async fn a_repeated_call_with_another_pin_is_noticed_though_no_plain_hash_of_it_is_kept() {
    let farm = Farm::new().await;
    let anna = operator(&farm, json!({"name": "Anna"})).await;
    let path = format!("/v1/operators/{anna}/pin");
    let set = async |pin: &str| {
        let body = Some(json!({"pin": pin}));
        farm.call_as(&farm.key, http::Method::POST, &path, body, &[("idempotency-key", "k")]).await
    };
    set(PIN).await.expect(200);
    assert_eq!(set(PIN).await.header("idempotent-replayed"), "true");
    set("907264").await.refused(422, "idempotency_mismatch");
    let sent = json!({"path": {"id": anna}, "query": [], "body": {"pin": PIN}}).to_string();
    let plain = sha256(&sent);
    let kept: i64 =
        farm.database().query_row("SELECT count(*) FROM request WHERE body_hash = ?1", [plain], |row| row.get(0)).unwrap();
    assert_eq!(kept, 0);
}

fn sha256(text: &str) -> String {
    domain::hex::hex(&store::credential_hash(text))
}

#[tokio::test]
async fn an_operator_changes_their_own_pin_and_who_only_found_their_tablet_does_not() {
    let farm = Farm::new().await;
    let anna = operator(&farm, json!({"name": "Anna"})).await;
    let (mut tablet, mut phone) = (Browser::near(), Browser::near());
    tablet.pin(&farm, &anna, PIN).await.expect(201);
    phone.pin(&farm, &anna, PIN).await.expect(201);
    let change = |current: &str, pin: &str| Some(json!({"current_pin": current, "pin": pin}));
    tablet.call(&farm, "POST", "/v1/me/pin", change("907264", "735182")).await.refused(401, "bad_credential");
    farm.later(60_000);
    tablet.call(&farm, "POST", "/v1/me/pin", change(PIN, "123456")).await.refused(422, "invalid_request");
    tablet.call(&farm, "POST", "/v1/me/pin", change(PIN, "735182")).await.expect(204);
    tablet.me(&farm).await.expect(200);
    phone.me(&farm).await.refused(401, "bad_credential");
    phone.pin(&farm, &anna, PIN).await.refused(401, "bad_credential");
    farm.later(60_000);
    phone.pin(&farm, &anna, "735182").await.expect(201);
    // Wrong ones are slowed down as at the door.
    let mut last = 401;
    for _ in 0..6 {
        last = tablet.call(&farm, "POST", "/v1/me/pin", change("907264", "482913")).await.status;
    }
    assert_eq!(last, 429);
    farm.post("/v1/me/pin", json!({"current_pin": PIN, "pin": "482913"})).await.refused(409, "illegal_state");
}

#[tokio::test]
async fn a_pin_opens_nothing_from_beyond_the_farms_network() {
    let farm = Farm::new().await;
    let anna = operator(&farm, json!({"name": "Anna"})).await;
    for address in ["203.0.113.5", "2001:db8::1", "100.64.0.1", "::ffff:203.0.113.5"] {
        Browser::at(address).pin(&farm, &anna, PIN).await.refused(403, "untrusted_place");
    }
    for header in ["x-forwarded-for", "forwarded", "x-real-ip", "via"] {
        let mut passed_on = Browser::at("127.0.0.1");
        passed_on.headers.push((header, "203.0.113.5".to_owned()));
        passed_on.pin(&farm, &anna, PIN).await.refused(403, "untrusted_place");
    }
    for address in ["10.1.2.3", "192.168.7.1", "127.0.0.1", "::1", "fd00::5", "fe80::1", "::ffff:10.0.0.1"] {
        Browser::at(address).pin(&farm, &anna, PIN).await.expect(201);
    }
}

#[tokio::test]
async fn names_are_told_at_the_door_only_where_a_pin_is_taken_and_to_devices_that_were_added() {
    let farm = Farm::new().await;
    let anna = operator(&farm, json!({"name": "Anna"})).await;
    let carl = operator(&farm, json!({"name": "Carl"})).await;
    farm.post("/v1/operators", json!({"name": "Without a PIN"})).await.expect(201);
    farm.post(&format!("/v1/operators/{carl}/pause"), json!({})).await.expect(200);
    let names = json!({"items": [{"id": anna, "name": "Anna"}]});
    let path = "/v1/sessions/operators";
    assert_eq!(Browser::near().call(&farm, "GET", path, None).await.expect(200), names);
    let mut far = Browser::at("203.0.113.5");
    assert_eq!(far.call(&farm, "GET", path, None).await.expect(200), json!({"items": []}));
    let (_, token) = invited(&farm, json!({})).await;
    far.open(&farm, &token).await.expect(201);
    assert_eq!(far.call(&farm, "GET", path, None).await.expect(200), names);
}

#[tokio::test]
async fn after_ten_wrong_pins_it_is_locked_until_it_is_set_anew_and_that_is_told() {
    let farm = Farm::new().await;
    let (anna, bert) = (operator(&farm, json!({"name": "Anna"})).await, operator(&farm, json!({"name": "Bert"})).await);
    for n in 1..=10 {
        // From a new address each time, and as slowly as is asked.
        farm.later(300_000);
        let code = if n < 10 { (401, "bad_credential") } else { (403, "pin_locked") };
        Browser::at(&format!("192.168.1.{n}")).pin(&farm, &anna, "907264").await.refused(code.0, code.1);
    }
    farm.later(300_000);
    Browser::near().pin(&farm, &anna, PIN).await.refused(403, "pin_locked");
    assert_eq!(read::<Operator>(&farm, &anna).pin, PinState::Locked);
    assert_eq!(farm.event_words().iter().filter(|word| *word == "operator.pin_locked").count(), 1);
    let home = farm.door.home().farm_id.to_string();
    let audit = farm.door.store.read(|rows| rows.audit_tail(&home, 50)).unwrap();
    let locked = audit.iter().find(|entry| entry.operation == "lock_operator_pin").unwrap();
    assert_eq!((locked.subject.as_deref(), locked.from.as_deref()), (Some(anna.as_str()), Some("192.168.1.10")));
    Browser::near().pin(&farm, &bert, PIN).await.expect(201);
    farm.post(&format!("/v1/operators/{anna}/pin"), json!({"pin": "907264"})).await.expect(200);
    farm.later(300_000);
    Browser::near().pin(&farm, &anna, "907264").await.expect(201);
}

#[tokio::test]
async fn many_guesses_at_once_are_no_more_than_ten() {
    let farm = Farm::new().await;
    let anna = operator(&farm, json!({"name": "Anna"})).await;
    let guesses = (0..40).map(|n| {
        let (farm, anna) = (&farm, &anna);
        async move { Browser::at(&format!("192.168.1.{}", n + 1)).pin(farm, anna, "907264").await.status }
    });
    let statuses = futures_util::future::join_all(guesses).await;
    assert!(statuses.iter().all(|status| [401, 403, 429].contains(status)), "{statuses:?}");
    let tried: u32 = farm.database().query_row("SELECT wrong FROM pin_try", [], |row| row.get(0)).unwrap();
    assert!(tried <= 10, "{tried}");
}

#[tokio::test]
async fn an_operator_at_a_browser_of_theirs_gets_past_a_locked_pin_and_that_browser_has_ten_tries_of_its_own() {
    let farm = Farm::new().await;
    let anna = operator(&farm, json!({"name": "Anna"})).await;
    let mut theirs = Browser::near();
    theirs.pin(&farm, &anna, PIN).await.expect(201);
    theirs.forget("gantry_session");
    for n in 1..=10 {
        farm.later(300_000);
        Browser::at(&format!("10.0.0.{n}")).pin(&farm, &anna, "907264").await;
    }
    assert_eq!(read::<Operator>(&farm, &anna).pin, PinState::Locked);
    theirs.pin(&farm, &anna, PIN).await.expect(201);
    assert_eq!(read::<Operator>(&farm, &anna).pin, PinState::Set);
    theirs.forget("gantry_session");
    for n in 1..=10 {
        farm.later(300_000);
        let code = if n < 10 { (401, "bad_credential") } else { (403, "pin_locked") };
        theirs.pin(&farm, &anna, "907264").await.refused(code.0, code.1);
    }
    farm.later(300_000);
    assert_eq!(read::<Operator>(&farm, &anna).pin, PinState::Set, "others' tries are not taken by it");
    theirs.pin(&farm, &anna, PIN).await.expect(201);
}

#[tokio::test]
async fn who_guesses_pins_waits_longer_each_time_and_does_not_hold_up_the_owner() {
    let farm = Farm::new().await;
    farm.post("/v1/settings/owner-password", json!({"password": PASSWORD})).await.expect(204);
    let anna = operator(&farm, json!({"name": "Anna"})).await;
    let mut guesser = Browser::near();
    for _ in 0..3 {
        guesser.pin(&farm, &anna, "907264").await.refused(401, "bad_credential");
    }
    guesser.pin(&farm, &anna, PIN).await.refused(429, "rate_limited");
    Browser::near().password(&farm, PASSWORD).await.expect(201);
    farm.later(5_000);
    guesser.pin(&farm, &anna, PIN).await.expect(201);
}

#[tokio::test]
async fn who_hammers_the_owners_password_from_the_same_address_does_not_lock_the_owner_out() {
    let farm = Farm::new().await;
    farm.post("/v1/settings/owner-password", json!({"password": PASSWORD})).await.expect(204);
    let mut owner = Browser::near();
    owner.password(&farm, PASSWORD).await.expect(201);
    owner.forget("gantry_session");
    while Browser::near().password(&farm, "a guess of somebody").await.status == 401 {}
    Browser::near().password(&farm, PASSWORD).await.refused(429, "rate_limited");
    // A browser of the owner's, the machine itself, and the link that the program makes there.
    owner.password(&farm, PASSWORD).await.expect(201);
    Browser::at("127.0.0.1").password(&farm, PASSWORD).await.expect(201);
    let token = farm.one_time().await;
    Browser::near().call(&farm, "POST", "/v1/sessions", Some(json!({"one_time_token": token}))).await.expect(201);
    // What an operator's browser keeps is not the owner's.
    let anna = operator(&farm, json!({"name": "Anna"})).await;
    let mut annas = Browser::near();
    annas.pin(&farm, &anna, PIN).await.expect(201);
    annas.password(&farm, PASSWORD).await.refused(429, "rate_limited");
    let mut forged = Browser::near();
    forged.cookies.push(("gantry_known".to_owned(), "x".repeat(43)));
    forged.password(&farm, PASSWORD).await.refused(429, "rate_limited");
    // A new password ends also what browsers keep of the old one.
    farm.post("/v1/settings/owner-password", json!({"password": PASSWORD})).await.expect(204);
    owner.password(&farm, PASSWORD).await.refused(429, "rate_limited");
}

#[tokio::test]
async fn a_phone_is_added_by_a_link_that_works_once_within_five_minutes() {
    let farm = Farm::new().await;
    let made = farm.post("/v1/devices", json!({"page": "http://192.168.1.5:7470"})).await.expect(201);
    let token = made["token"].as_str().unwrap();
    assert_eq!(made["link"], format!("http://192.168.1.5:7470/#device={token}"));
    assert!(token.len() >= 32 && made["qr_svg"].as_str().unwrap().contains("<svg"));
    let id = made["device"]["id"].as_str().unwrap().to_owned();
    assert_eq!(made["device"]["state"], "invited");
    let mut phone = Browser::at("203.0.113.5");
    let session = phone.open(&farm, token).await;
    assert!(session.headers.get_all("set-cookie").iter().any(|set| set.to_str().unwrap().contains("Max-Age=31536000")));
    assert_eq!(session.expect(201)["actor"], json!({"kind": "device", "id": id}));
    Browser::near().open(&farm, token).await.refused(401, "used_link");
    let device = farm.get(&format!("/v1/devices/{id}")).await.expect(200);
    assert_eq!(
        (&device["name"], &device["state"], &device["user_agent"]),
        (&json!("Anna's phone"), &json!("active"), &json!("Test/1"))
    );
    assert_eq!(phone.me(&farm).await.expect(200)["actor"]["kind"], "device");
    let (late_id, late) = invited(&farm, json!({})).await;
    farm.later(300_000);
    Browser::near().open(&farm, &late).await.refused(401, "used_link");
    let now = farm.door.now();
    farm.write(move |tx| Ok(api::floor_people::tidy(tx, now)?)).await;
    farm.get(&format!("/v1/devices/{late_id}")).await.refused(404, "not_found");
    farm.get(&format!("/v1/devices/{id}")).await.expect(200);
}

#[tokio::test]
async fn one_link_opened_by_many_at_once_adds_one() {
    let farm = Farm::new().await;
    let (_, token) = invited(&farm, json!({})).await;
    let opens = (0..8).map(|_| async { Browser::near().open(&farm, &token).await.status });
    let statuses = futures_util::future::join_all(opens).await;
    assert_eq!(statuses.iter().filter(|status| **status == 201).count(), 1);
}

#[tokio::test]
async fn a_device_holds_what_its_record_says_until_it_is_removed_or_signs_out() {
    let farm = Farm::new().await;
    let (id, token) = invited(&farm, json!({"role": "operator", "tags": ["rack-a"]})).await;
    let mut phone = Browser::near();
    phone.open(&farm, &token).await.expect(201);
    let grants = phone.me(&farm).await.expect(200)["grants"].clone();
    assert_eq!(grants["tags"], json!({"only": ["rack-a"]}));
    farm.patch(&format!("/v1/devices/{id}"), json!({"role": "viewer"})).await.expect(200);
    let narrowed = phone.me(&farm).await.expect(200)["grants"].clone();
    assert_eq!(narrowed["permissions"], serde_json::to_value(Role::Viewer.permissions()).unwrap());
    assert_eq!(narrowed["tags"], grants["tags"]);
    farm.delete(&format!("/v1/devices/{id}")).await.expect(204);
    phone.me(&farm).await.refused(401, "bad_credential");
    let (id, token) = invited(&farm, json!({})).await;
    phone.cookies.clear();
    phone.open(&farm, &token).await.expect(201);
    phone.call(&farm, "DELETE", "/v1/sessions/current", None).await.expect(204);
    farm.get(&format!("/v1/devices/{id}")).await.refused(404, "not_found");
    // A link that is taken back opens nothing.
    let (id, token) = invited(&farm, json!({})).await;
    farm.delete(&format!("/v1/devices/{id}")).await.expect(204);
    Browser::near().open(&farm, &token).await.refused(401, "used_link");
}

#[tokio::test]
async fn a_device_holds_no_more_than_who_added_it_still_does() {
    let farm = Farm::new().await;
    let admin = operator(&farm, json!({"name": "Admin", "role": "admin"})).await;
    let mut theirs = Browser::near();
    theirs.pin(&farm, &admin, PIN).await.expect(201);
    let made = theirs.call(&farm, "POST", "/v1/devices", Some(json!({"role": "operator"}))).await.expect(201);
    let second = theirs.call(&farm, "POST", "/v1/devices", Some(json!({"role": "admin"}))).await.expect(201);
    let (mut phone, mut tablet) = (Browser::near(), Browser::near());
    phone.open(&farm, made["token"].as_str().unwrap()).await.expect(201);
    tablet.open(&farm, second["token"].as_str().unwrap()).await.expect(201);
    let third = tablet.call(&farm, "POST", "/v1/devices", Some(json!({"role": "viewer"}))).await.expect(201);
    let mut wall = Browser::near();
    wall.open(&farm, third["token"].as_str().unwrap()).await.expect(201);
    farm.patch(&format!("/v1/operators/{admin}"), json!({"role": null, "permissions": ["printer.view"]})).await.expect(200);
    for device in [&mut phone, &mut tablet, &mut wall] {
        assert_eq!(device.me(&farm).await.expect(200)["grants"]["permissions"], json!(["printer.view"]));
    }
    farm.post(&format!("/v1/operators/{admin}/pause"), json!({})).await.expect(200);
    for device in [&mut phone, &mut tablet, &mut wall] {
        device.me(&farm).await.refused(401, "bad_credential");
    }
    farm.delete(&format!("/v1/operators/{admin}")).await.expect(204);
    assert_eq!(farm.get("/v1/devices").await.expect(200)["items"], json!([]));
}

#[tokio::test]
async fn nobody_adds_opens_or_takes_over_somebody_who_holds_more() {
    let farm = Farm::new().await;
    let admin = operator(&farm, json!({"name": "Admin", "role": "admin"})).await;
    let viewer = operator(&farm, json!({"name": "Viewer", "role": "viewer"})).await;
    let few = [Permission::UserInvite, Permission::UserEdit, Permission::UserView, Permission::PrinterView];
    let key = farm.key_with(&few).await;
    let call = async |method: &str, path: &str, body: Value| {
        farm.call_as(&key, http::Method::from_bytes(method.as_bytes()).unwrap(), path, Some(body), &[]).await
    };
    let before = farm.counts();
    for noun in ["operators", "devices"] {
        for more in [json!({"role": "operator"}), json!({}), json!({"permissions": ["printer.control"]})] {
            let mut body = json!({"name": "N"});
            body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            call("POST", &format!("/v1/{noun}"), body).await.refused(403, "grants_exceeded");
        }
        for body in [json!({"name": "N", "role": "store_owner"}), json!({"name": "N", "permissions": ["store.delete"]})] {
            call("POST", &format!("/v1/{noun}"), body).await.refused(422, "invalid_request");
        }
    }
    for other in [&admin, &viewer] {
        let path = format!("/v1/operators/{other}");
        call("PATCH", &path, json!({"name": "Mine"})).await.refused(403, "grants_exceeded");
        call("POST", &format!("{path}/pin"), json!({"pin": "907264"})).await.refused(403, "grants_exceeded");
        call("POST", &format!("{path}/resume"), json!({})).await.refused(403, "grants_exceeded");
    }
    assert_eq!(farm.counts(), before);
    call("POST", "/v1/operators", json!({"name": "N", "permissions": ["printer.view"]})).await.expect(201);
    let tagged = farm.key_for_tag("rack-a").await;
    let asked = |tags: Value| Some(json!({"name": "N", "role": "viewer", "tags": tags}));
    let wide = farm.call_as(&tagged, http::Method::POST, "/v1/operators", asked(json!(["rack-b"])), &[]).await;
    wide.refused(403, "grants_exceeded");
    let same = farm.call_as(&tagged, http::Method::POST, "/v1/operators", asked(Value::Null), &[]).await.expect(201);
    assert_eq!(same["tags"], json!({"only": ["rack-a"]}));
}

#[tokio::test]
async fn an_operators_session_ends_half_a_day_after_its_last_use_and_a_week_after_it_began() {
    let farm = Farm::new().await;
    let anna = operator(&farm, json!({"name": "Anna"})).await;
    let mut browser = Browser::near();
    browser.pin(&farm, &anna, PIN).await.expect(201);
    farm.later(DAY / 2 - 1);
    browser.me(&farm).await.expect(200);
    farm.later(DAY / 2 - 1);
    browser.me(&farm).await.expect(200);
    farm.later(DAY / 2);
    browser.me(&farm).await.refused(401, "bad_credential");
    browser.pin(&farm, &anna, PIN).await.expect(201);
    for _ in 0..17 {
        farm.later(DAY * 2 / 5);
        browser.me(&farm).await.expect(200);
    }
    farm.later(DAY * 2 / 5);
    browser.me(&farm).await.refused(401, "bad_credential");
}

#[tokio::test]
async fn a_device_stays_signed_in_while_it_is_used_and_says_when_it_was_seen() {
    let farm = Farm::new().await;
    let (id, token) = invited(&farm, json!({})).await;
    let mut phone = Browser::near();
    phone.open(&farm, &token).await.expect(201);
    let seen = || read::<Device>(&farm, &id).last_seen_at.unwrap();
    let began = farm.door.now();
    let events = farm.event_words().len();
    assert!(phone.me(&farm).await.headers.get("set-cookie").is_none());
    farm.later(59_000);
    phone.me(&farm).await.expect(200);
    assert_eq!(seen(), began);
    farm.later(1_000);
    phone.me(&farm).await.expect(200);
    assert_eq!((seen(), farm.event_words().len()), (farm.door.now(), events), "and nobody is told each minute");
    farm.later(300 * DAY);
    let kept = phone.me(&farm).await;
    assert!(kept.header("set-cookie").starts_with("gantry_session=") && kept.header("set-cookie").contains("Max-Age=31536000"));
    farm.later(300 * DAY);
    phone.me(&farm).await.expect(200);
    farm.later(365 * DAY);
    phone.me(&farm).await.refused(401, "bad_credential");
    let now = farm.door.now();
    farm.write(move |tx| Ok(api::floor_people::tidy(tx, now)?)).await;
    assert_eq!(farm.get("/v1/devices").await.expect(200)["items"], json!([]));
}

#[tokio::test]
async fn a_farm_that_leaves_its_store_keeps_its_operators_and_ends_what_the_stores_people_added() {
    let farm = Farm::new().await;
    operator(&farm, json!({"name": "Anna"})).await;
    let (id, token) = invited(&farm, json!({})).await;
    let (theirs, link) = invited(&farm, json!({})).await;
    let (mut ours, mut phone) = (Browser::near(), Browser::near());
    ours.open(&farm, &token).await.expect(201);
    phone.open(&farm, &link).await.expect(201);
    let sponsor = Actor::new(ActorKind::User, "usr_00000000000000000000000000000001");
    let (mut device, mut own) = (read::<Device>(&farm, &theirs), read::<Device>(&farm, &id));
    let made = farm.post("/v1/slicer_keys", json!({"name": "theirs"})).await.expect(201)["slicer_key"]["id"].clone();
    let made = made.as_str().unwrap();
    let slicer = SlicerKey { sponsor: sponsor.clone(), ..read(&farm, made) };
    device.sponsor = sponsor;
    own.sponsor = crate::farm::owner();
    farm.write(move |tx| {
        tx.update(&device)?;
        tx.update(&own)?;
        tx.update(&slicer)?;
        Ok(api::floor_people::leave_store(tx)?)
    })
    .await;
    ours.me(&farm).await.expect(200);
    phone.me(&farm).await.refused(401, "bad_credential");
    assert_eq!(read::<SlicerKey>(&farm, made).state, KeyState::Revoked);
    let sessions = farm.door.store.read(|rows| rows.all::<Session>()).unwrap();
    assert_eq!(sessions.len(), 1);
}

#[tokio::test]
async fn the_slicer_keys_and_devices_of_who_leaves_end_also_those_of_a_revoked_key() {
    let farm = Farm::new().await;
    let anna = operator(&farm, json!({"name": "Anna", "role": "admin"})).await;
    let key = farm.post("/v1/api_keys", json!({"name": "script", "role": "admin"})).await.expect(201);
    let (secret, key) = (key["secret"].as_str().unwrap(), key["api_key"]["id"].as_str().unwrap());
    let mut here = Browser::near();
    here.pin(&farm, &anna, PIN).await.expect(201);
    let of_anna = here.call(&farm, "POST", "/v1/slicer_keys", Some(json!({"name": "Anna's laptop"}))).await.expect(201);
    let of_key =
        farm.call_as(secret, http::Method::POST, "/v1/slicer_keys", Some(json!({"name": "desk"})), &[]).await.expect(201);
    let device = farm.call_as(secret, http::Method::POST, "/v1/devices", Some(json!({"name": "wall"})), &[]).await.expect(201);
    let other = farm.post("/v1/slicer_keys", json!({"name": "the owner's"})).await.expect(201);
    let state = |made: &Value| read::<SlicerKey>(&farm, made["slicer_key"]["id"].as_str().unwrap()).state;
    let opens = |made: &Value| {
        let hash = store::credential_hash(made["secret"].as_str().unwrap());
        farm.door.store.read(|rows| rows.credential(&hash)).unwrap().is_some()
    };

    farm.delete(&format!("/v1/operators/{anna}")).await.expect(204);
    assert_eq!((state(&of_anna), opens(&of_anna)), (KeyState::Revoked, false));
    assert_eq!((state(&of_key), opens(&of_key)), (KeyState::Active, true));
    farm.post(&format!("/v1/api_keys/{key}/revoke"), json!({})).await.expect(200);
    assert_eq!((state(&of_key), opens(&of_key)), (KeyState::Revoked, false));
    farm.get(&format!("/v1/devices/{}", device["device"]["id"].as_str().unwrap())).await.refused(404, "not_found");
    assert_eq!((state(&other), opens(&other)), (KeyState::Active, true));
}

#[tokio::test]
async fn a_key_follows_the_operator_who_made_it_and_the_device_that_they_made_it_with() {
    let farm = Farm::new().await;
    let admin = operator(&farm, json!({"name": "Admin", "role": "admin"})).await;
    let (mut theirs, mut phone) = (Browser::near(), Browser::near());
    theirs.pin(&farm, &admin, PIN).await.expect(201);
    let made = theirs.call(&farm, "POST", "/v1/devices", Some(json!({"role": "admin"}))).await.expect(201);
    phone.open(&farm, made["token"].as_str().unwrap()).await.expect(201);
    let key = Some(json!({"name": "K", "role": "operator"}));
    let mut keys = Vec::new();
    for browser in [&mut theirs, &mut phone] {
        let made = browser.call(&farm, "POST", "/v1/api_keys", key.clone()).await.expect(201);
        keys.push(made["secret"].as_str().unwrap().to_owned());
    }
    farm.patch(&format!("/v1/operators/{admin}"), json!({"role": "viewer"})).await.expect(200);
    for key in &keys {
        let held = farm.get_as(key, "/v1/me").await.expect(200)["grants"]["permissions"].clone();
        assert!(held.to_string().contains("printer.view") && !held.to_string().contains("job.create"), "{held}");
    }
    farm.delete(&format!("/v1/operators/{admin}")).await.expect(204);
    for key in &keys {
        farm.get_as(key, "/v1/me").await.refused(401, "bad_credential");
    }
}

/// The end of a stream, or what it told until then.
async fn ends_within(stream: &mut axum::body::BodyDataStream, millis: u64) -> bool {
    use futures_util::StreamExt;
    let end = async { while stream.next().await.is_some() {} };
    tokio::time::timeout(std::time::Duration::from_millis(millis), end).await.is_ok()
}

#[tokio::test(start_paused = true)]
async fn the_streams_of_who_is_paused_or_removed_end_within_two_seconds() {
    let farm = Farm::new().await;
    let anna = operator(&farm, json!({"name": "Anna"})).await;
    let (phone, token) = invited(&farm, json!({})).await;
    let (mut annas, mut theirs) = (Browser::near(), Browser::near());
    annas.pin(&farm, &anna, PIN).await.expect(201);
    theirs.open(&farm, &token).await.expect(201);
    for (browser, end) in [(&annas, format!("operators/{anna}/pause")), (&theirs, format!("devices/{phone}"))] {
        let kept: Vec<String> = browser.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let call = crate::farm::request("GET", "/v1/stream").header("host", "localhost").header("cookie", kept.join("; "));
        let answer = tower::ServiceExt::oneshot(farm.router.clone(), call.body(Body::empty()).unwrap()).await.unwrap();
        assert_eq!(answer.status(), 200);
        let mut stream = answer.into_body().into_data_stream();
        assert!(!ends_within(&mut stream, 10_000).await);
        let method = if end.ends_with("pause") { http::Method::POST } else { http::Method::DELETE };
        farm.call_as(&farm.key, method, &format!("/v1/{end}"), None, &[]).await;
        assert!(ends_within(&mut stream, 2_000).await, "{end}");
    }
}

#[tokio::test]
async fn through_the_relay_operators_are_kept_at_the_farm_and_no_pin_waits_or_stays_there() {
    let world = World::new().await;
    let admin = world.key(world.store, Grants::unscoped(Role::Admin.permissions())).await;
    let call = async |method: &str, path: &str, body: Value| world.call(&admin, method, path, Some(body), &[]).await;
    let id = call("POST", "/v1/operators", json!({"name": "Anna"})).await.expect(201)["id"].as_str().unwrap().to_owned();
    world.copy().await;
    call("POST", &format!("/v1/operators/{id}/pin"), json!({"pin": PIN})).await.expect(200);
    Browser::near().pin(&world.farm, &id, PIN).await.expect(201);
    world.copy().await;
    let shown = world.call(&admin, "GET", &format!("/v1/operators/{id}"), None, &[]).await.expect(200);
    assert_eq!((&shown["name"], &shown["pin"]), (&json!("Anna"), &json!("set")));
    // A person signs in where they belong.
    let body = json!({"operator_id": id, "pin": PIN});
    let near = crate::farm::request("POST", "/v1/sessions").header("content-type", "application/json");
    let refused =
        tower::ServiceExt::oneshot(world.router.clone(), near.body(Body::from(body.to_string())).unwrap()).await.unwrap();
    assert_eq!(refused.status(), 422);
    // What the farm cannot follow it does not take: a person of the store may leave, and no farm hears of it.
    call("POST", "/v1/devices", json!({})).await.refused(409, "illegal_state");
    world.line.cut(true);
    let before = world.counts();
    for (path, body) in [
        ("/v1/operators".to_owned(), json!({"name": "Bert"})),
        (format!("/v1/operators/{id}/pin"), json!({"pin": "907264"})),
        (format!("/v1/operators/{id}/pause"), json!({})),
    ] {
        call("POST", &path, body).await.refused(503, "farm_offline");
    }
    assert_eq!(world.counts(), before);
    for name in std::fs::read_dir(world.folder.path()).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_file()) {
        let bytes = std::fs::read(&name).unwrap();
        assert!(!bytes.windows(PIN.len()).any(|window| window == PIN.as_bytes()), "{}", name.display());
    }
}
