//! People at a relay: how they come, what they may give and take, and what becomes of what they leave.

use api::ways_in::{Known, Providers};
use async_trait::async_trait;
use axum::body::Body;
use axum::extract::ConnectInfo;
use contract::ops::ways_in::{ProviderAsked, ProviderProof, ProviderShown};
use contract::problem::Problem;
use domain::access::{Grants, Scope};
use domain::account::{Store, User};
use domain::id::{Id, StoreId, UserId};
use domain::permission::{Permission, PermissionSet};
use domain::role::Role;
use domain::time::Timestamp;
use gantry_api as api;
use serde_json::{Value, json};
use store::{By, Identity};
use tower::ServiceExt;

use crate::farm::{Answer, NOW, owner, request};
use crate::forward::{World, store};

const PASSWORD: &str = "correct horse battery";

/// A provider that knows whomever the code says.
pub struct Says;

#[async_trait]
impl Providers for Says {
    fn list(&self) -> Vec<ProviderShown> {
        vec![ProviderShown { id: "0".into(), name: "Example".into() }]
    }
    async fn begin(&self, _: Timestamp, _: &str, back_to: &str) -> Result<ProviderAsked, Problem> {
        std::future::ready(Ok(ProviderAsked { ceremony: "c".into(), url: format!("https://idp.example/?{back_to}") })).await
    }
    async fn finish(&self, _: Timestamp, proof: &ProviderProof) -> Result<Known, Problem> {
        let (subject, email) = proof.code.split_once(' ').unwrap();
        let identity = Identity { issuer: "https://idp.example".into(), subject: subject.into() };
        std::future::ready(Ok(Known { identity, email: email.parse().ok() })).await
    }
}

/// A relay with a store and its owner, who is signed in.
pub struct People {
    pub world: World,
    pub owner: Person,
}

/// Somebody who is signed in.
#[derive(Clone)]
pub struct Person {
    pub id: String,
    pub cookie: String,
}

impl People {
    pub async fn new() -> Self {
        let world = World::new().await;
        let id = add_store(&world, world.store, 1).await;
        let token = link(&world, world.store, id).await;
        let owner = Person { id: id.to_string(), cookie: String::new() };
        let mut people = Self { world, owner };
        people.owner.cookie = people.come(&token).await;
        people
    }

    pub async fn sign_in(&self, body: Value) -> Answer {
        let call = request("POST", "/v1/sessions").header("content-type", "application/json");
        self.world.send(call.body(Body::from(body.to_string())).unwrap()).await
    }

    /// Signs in by a link.
    async fn come(&self, token: &str) -> String {
        let answer = self.sign_in(json!({"one_time_token": token})).await;
        let cookie = cookie(&answer);
        answer.expect(201);
        cookie
    }

    pub async fn call(&self, person: &Person, method: &str, path: &str, body: Value) -> Answer {
        let call = request(method, path).header("cookie", &person.cookie).header("host", "localhost");
        let call = call.header("origin", "http://localhost").header("content-type", "application/json");
        let body = if body.is_null() { Body::empty() } else { Body::from(body.to_string()) };
        self.world.send(call.body(body).unwrap()).await
    }

    pub async fn get(&self, person: &Person, path: &str) -> Answer {
        self.call(person, "GET", path, Value::Null).await
    }

    async fn invite(&self, by: &Person, name: &str, more: Value) -> Answer {
        let mut body = json!({"name": name, "email": format!("{name}@farm.example")});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        self.call(by, "POST", "/v1/users", body).await
    }

    /// Somebody who was invited by the owner and came.
    pub async fn person(&self, name: &str, more: Value) -> Person {
        let invited = self.invite(&self.owner, name, more).await.expect(201);
        let id = invited["user"]["id"].as_str().unwrap().to_owned();
        Person { id, cookie: self.come(invited["token"].as_str().unwrap()).await }
    }

    async fn password(&self, person: &Person) {
        assert_eq!(self.call(person, "POST", "/v1/me/password", json!({"password": PASSWORD})).await.status, 204);
    }

    async fn key(&self, person: &Person, body: Value) -> (String, String) {
        let made = self.call(person, "POST", "/v1/api_keys", body).await.expect(201);
        (made["secret"].as_str().unwrap().to_owned(), made["api_key"]["id"].as_str().unwrap().to_owned())
    }

    async fn held(&self, key: &str) -> Value {
        self.world.call(key, "GET", "/v1/me", None, &[]).await.expect(200)["grants"]["permissions"].clone()
    }

    async fn me(&self, person: &Person) -> u16 {
        self.get(person, "/v1/me").await.status
    }

    async fn remove(&self, by: &Person, who: &Person, body: Value) -> Answer {
        self.call(by, "POST", &format!("/v1/users/{}/remove", who.id), body).await
    }
}

fn cookie(answer: &Answer) -> String {
    answer.header("set-cookie").split(';').next().unwrap().to_owned()
}

async fn add_store(world: &World, store: StoreId, n: u8) -> UserId {
    let user = User::of_role(UserId::new(NOW, [n; 10]), "Anna".parse().unwrap(), Role::StoreOwner, NOW);
    let user = User { email: Some("Anna@Farm.example".parse().unwrap()), ..user };
    let (id, by) = (user.id, By { account_of: Some(store), ..By::new(owner(), NOW) });
    let record = Store { id: store, name: format!("Store {n}").parse().unwrap(), created_at: NOW };
    world.relay.store.write(by, move |tx| tx.create(&record).and_then(|()| tx.create(&user))).await.unwrap();
    id
}

async fn link(world: &World, store: StoreId, id: UserId) -> String {
    let by = By { account_of: Some(store), ..By::new(owner(), world.relay.now()) };
    api::ops::access::one_time_link(&world.relay.store, by, Some(id)).await.unwrap()
}

#[tokio::test]
async fn who_is_invited_comes_by_a_link_once_and_holds_what_they_were_given() {
    let people = People::new().await;
    let invited = people.invite(&people.owner, "ben", json!({"role": "operator"})).await.expect(201);
    assert_eq!(invited["user"]["state"], "invited");
    let token = invited["token"].as_str().unwrap().to_owned();
    let ben = Person { id: invited["user"]["id"].as_str().unwrap().to_owned(), cookie: people.come(&token).await };
    people.sign_in(json!({"one_time_token": token})).await.refused(401, "used_link");
    let me = people.get(&ben, "/v1/me").await.expect(200);
    assert_eq!(me["grants"]["permissions"], serde_json::to_value(Role::Operator.permissions()).unwrap());
    let shown = people.get(&people.owner, &format!("/v1/users/{}", ben.id)).await.expect(200);
    assert_eq!((&shown["state"], &shown["email"]), (&json!("active"), &json!("ben@farm.example")));
    people.invite(&people.owner, "BEN", json!({"role": "viewer"})).await.refused(409, "already_exists");
    people.invite(&people.owner, "nobody", json!({})).await.refused(422, "invalid_request");
}

#[tokio::test]
async fn an_invitation_ends_after_seven_days_and_a_new_one_ends_the_old() {
    let people = People::new().await;
    let invited = people.invite(&people.owner, "ben", json!({"role": "viewer"})).await.expect(201);
    let path = format!("/v1/users/{}/renew-invite", invited["user"]["id"].as_str().unwrap());
    let again = people.call(&people.owner, "POST", &path, Value::Null).await.expect(200);
    people.sign_in(json!({"one_time_token": invited["token"]})).await.refused(401, "used_link");
    people.world.farm.later(7 * 24 * 3600 * 1000);
    people.sign_in(json!({"one_time_token": again["token"]})).await.refused(401, "used_link");
    let again = people.call(&people.owner, "POST", &path, Value::Null).await.expect(200);
    people.sign_in(json!({"one_time_token": again["token"]})).await.expect(201);
}

#[tokio::test]
async fn a_person_signs_in_by_e_mail_address_and_password_and_a_wrong_one_and_nobodys_are_told_alike() {
    let people = People::new().await;
    let ben = people.person("ben", json!({"role": "viewer"})).await;
    people.password(&ben).await;
    let by = async |email: &str, password: &str| people.sign_in(json!({"email": email, "password": password})).await;
    let session = by("Ben@FARM.example", PASSWORD).await.expect(201);
    assert_eq!(session["actor"], json!({"kind": "user", "id": ben.id}));
    let wrong = by("ben@farm.example", "incorrect horse").await.refused(401, "bad_credential");
    let nobody = by("nobody@farm.example", PASSWORD).await.refused(401, "bad_credential");
    let without = by("anna@farm.example", PASSWORD).await.refused(401, "bad_credential");
    assert_eq!((&wrong["detail"], &wrong["detail"]), (&nobody["detail"], &without["detail"]));
    people.sign_in(json!({"password": PASSWORD})).await.refused(422, "invalid_request");
    let body = json!({"email": "a@b", "password": "x", "one_time_token": "x"});
    people.sign_in(body).await.refused(422, "invalid_request");
}

#[tokio::test]
async fn who_belongs_to_several_stores_with_one_password_says_which() {
    let people = People::new().await;
    people.password(&people.owner).await;
    let second = add_store(&people.world, store(2), 2).await;
    let token = link(&people.world, store(2), second).await;
    let there = Person { id: second.to_string(), cookie: people.come(&token).await };
    people.password(&there).await;
    let mut body = json!({"email": "anna@farm.example", "password": PASSWORD});
    let asked = people.sign_in(body.clone()).await.refused(409, "store_required");
    assert_eq!(asked["errors"][1]["detail"], format!("{} Store 2", store(2)));
    body["store_id"] = json!(store(2));
    assert_eq!(people.sign_in(body).await.expect(201)["actor"]["id"], json!(second));
}

#[tokio::test]
async fn a_new_password_ends_the_other_sessions_and_an_old_session_alone_does_not_set_one() {
    let people = People::new().await;
    let ben = people.person("ben", json!({"role": "viewer"})).await;
    people.password(&ben).await;
    let other = cookie(&people.sign_in(json!({"email": "ben@farm.example", "password": PASSWORD})).await);
    let other = Person { cookie: other, ..ben.clone() };
    let sessions = people.get(&ben, "/v1/me/sessions").await.expect(200);
    assert_eq!(sessions["items"].as_array().unwrap().len(), 2);
    people.world.farm.later(601_000);
    let set = async |more: Value| {
        let mut body = json!({"password": "another horse battery"});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        people.call(&ben, "POST", "/v1/me/password", body).await
    };
    set(json!({})).await.refused(403, "sign_in_again");
    set(json!({"current_password": "a wrong one"})).await.refused(401, "bad_credential");
    let email = json!({"email": "eve@elsewhere.example"});
    people.call(&ben, "PATCH", "/v1/me/account", email).await.refused(403, "sign_in_again");
    assert_eq!(people.me(&other).await, 200);
    assert_eq!(set(json!({"current_password": PASSWORD})).await.status, 204);
    assert_eq!((people.me(&ben).await, people.me(&other).await), (200, 401));
    let account = people.call(&ben, "PATCH", "/v1/me/account", json!({"name": "Benjamin"})).await.expect(200);
    assert_eq!(
        (&account["name"], &account["has_password"], &account["store_name"]),
        (&json!("Benjamin"), &json!(true), &json!("Store 1"))
    );
}

#[tokio::test]
async fn one_signs_out_everywhere_else_and_nobody_elses_sessions_end() {
    let people = People::new().await;
    let ben = people.person("ben", json!({"role": "viewer"})).await;
    people.password(&ben).await;
    let other = cookie(&people.sign_in(json!({"email": "ben@farm.example", "password": PASSWORD})).await);
    let other = Person { cookie: other, ..ben.clone() };
    assert_eq!(people.call(&ben, "POST", "/v1/me/sessions/end-others", Value::Null).await.status, 204);
    assert_eq!((people.me(&ben).await, people.me(&other).await, people.me(&people.owner).await), (200, 401, 200));
}

#[tokio::test]
async fn a_key_has_no_account_and_a_farm_has_no_people() {
    let people = People::new().await;
    let key = people.world.key(people.world.store, Grants::owner()).await;
    people.world.call(&key, "GET", "/v1/me/account", None, &[]).await.refused(409, "illegal_state");
    let body = Some(json!({"password": PASSWORD}));
    people.world.call(&key, "POST", "/v1/me/password", body, &[]).await.refused(409, "illegal_state");
    let invite = json!({"name": "Ben", "email": "ben@farm.example", "role": "viewer"});
    people.world.farm.post("/v1/users", invite).await.refused(409, "relay_only");
    people.world.farm.get("/v1/me/account").await.refused(409, "relay_only");
}

#[tokio::test]
async fn nobody_gives_a_person_what_they_lack_or_changes_who_holds_more() {
    let people = People::new().await;
    let user_permissions = ["user.view", "user.invite", "user.edit", "user.remove", "job.view"];
    let lead = people.person("lead", json!({"permissions": user_permissions, "tags": ["rack-a"]})).await;
    let wide = people.person("wide", json!({"role": "operator"})).await;
    let narrow = people.person("narrow", json!({"permissions": ["job.view"], "tags": ["rack-a"]})).await;
    let within = json!({"permissions": ["job.view"], "tags": ["rack-a"]});
    people.invite(&lead, "within", within).await.expect(201);
    for beyond in [
        json!({"permissions": ["job.view"]}),
        json!({"permissions": ["job.create"], "tags": ["rack-a"]}),
        json!({"permissions": ["job.view"], "tags": ["rack-a", "rack-b"]}),
        json!({"role": "store_owner"}),
    ] {
        let answer = people.invite(&lead, "beyond", beyond.clone()).await;
        assert_eq!(answer.code(), "grants_exceeded", "{beyond}");
    }
    let path = |person: &Person| format!("/v1/users/{}", person.id);
    people.call(&lead, "PATCH", &path(&narrow), json!({"role": "viewer"})).await.refused(403, "grants_exceeded");
    people.call(&lead, "PATCH", &path(&narrow), json!({"tags": null})).await.refused(403, "grants_exceeded");
    people.call(&lead, "PATCH", &path(&narrow), json!({"name": "Small"})).await.expect(200);
    for who in [&wide, &people.owner] {
        people.call(&lead, "PATCH", &path(who), json!({"name": "Mine"})).await.refused(403, "grants_exceeded");
        for verb in ["suspend", "reinstate", "renew-invite"] {
            people.call(&lead, "POST", &format!("{}/{verb}", path(who)), Value::Null).await.refused(403, "grants_exceeded");
        }
        people.remove(&lead, who, json!({})).await.refused(403, "grants_exceeded");
    }
}

#[tokio::test]
async fn another_stores_role_is_no_role_here() {
    let people = People::new().await;
    let key = people.world.key(store(2), Grants::owner()).await;
    let role = people.world.call(&key, "POST", "/v1/roles", Some(json!({"name": "R", "permissions": ["job.view"]})), &[]).await;
    let role = role.expect(201)["id"].clone();
    people.invite(&people.owner, "ben", json!({"role": role})).await.refused(422, "invalid_request");
    let body = json!({"name": "k", "role": role});
    people.call(&people.owner, "POST", "/v1/api_keys", body).await.refused(422, "invalid_request");
}

#[tokio::test]
async fn a_store_always_has_an_owner_and_passes_from_one_to_another() {
    let people = People::new().await;
    let path = format!("/v1/users/{}", people.owner.id);
    let demote = json!({"role": "admin"});
    people.call(&people.owner, "PATCH", &path, demote.clone()).await.refused(409, "last_owner");
    people.call(&people.owner, "POST", &format!("{path}/suspend"), Value::Null).await.refused(409, "last_owner");
    people.remove(&people.owner, &people.owner, json!({})).await.refused(409, "last_owner");
    people.call(&people.owner, "PATCH", &path, json!({"tags": ["rack-a"]})).await.refused(422, "invalid_request");
    // Who has not come yet owns nothing.
    people.invite(&people.owner, "cleo", json!({"role": "store_owner"})).await.expect(201);
    people.call(&people.owner, "PATCH", &path, demote.clone()).await.refused(409, "last_owner");
    let ben = people.person("ben", json!({"role": "store_owner"})).await;
    people.call(&people.owner, "PATCH", &path, demote).await.expect(200);
    people
        .call(&people.owner, "PATCH", &format!("/v1/users/{}", ben.id), json!({"name": "B"}))
        .await
        .refused(403, "grants_exceeded");
    people.remove(&ben, &ben, json!({})).await.refused(409, "last_owner");
}

#[tokio::test]
async fn who_is_suspended_or_narrowed_is_so_at_the_next_call_and_their_keys_with_them() {
    let people = People::new().await;
    let ben = people.person("ben", json!({"role": "admin"})).await;
    let (key, _) = people.key(&ben, json!({"name": "k", "permissions": ["job.view", "printer.view"]})).await;
    let path = format!("/v1/users/{}", ben.id);
    let narrow = json!({"role": null, "permissions": ["job.view", "user.view"]});
    people.call(&people.owner, "PATCH", &path, narrow).await.expect(200);
    assert_eq!(people.held(&key).await, json!(["job.view"]));
    people.get(&ben, "/v1/api_keys").await.refused(403, "permission_missing");
    people.password(&ben).await;
    people.call(&people.owner, "POST", &format!("{path}/suspend"), Value::Null).await.expect(200);
    assert_eq!(people.me(&ben).await, 401);
    people.world.call(&key, "GET", "/v1/me", None, &[]).await.refused(401, "bad_credential");
    let sign_in = json!({"email": "ben@farm.example", "password": PASSWORD});
    people.sign_in(sign_in.clone()).await.refused(401, "bad_credential");
    people.call(&people.owner, "POST", &format!("{path}/renew-invite"), Value::Null).await.refused(409, "illegal_state");
    people.call(&people.owner, "POST", &format!("{path}/reinstate"), Value::Null).await.expect(200);
    assert_eq!(people.me(&ben).await, 401, "the old session stays ended");
    people.sign_in(sign_in).await.expect(201);
    assert_eq!(people.held(&key).await, json!(["job.view"]));
}

#[tokio::test(start_paused = true)]
async fn what_somebody_listens_to_ends_within_a_second_of_their_suspension_or_removal() {
    let people = People::new().await;
    for (verb, body) in [("suspend", Value::Null), ("remove", json!({}))] {
        let ben = people.person(verb, json!({"role": "viewer"})).await;
        let call = request("GET", "/v1/stream").header("cookie", &ben.cookie).header("host", "localhost");
        let response = people.world.router.clone().oneshot(call.body(Body::empty()).unwrap()).await.unwrap();
        assert_eq!(response.status(), 200);
        let answer = people.call(&people.owner, "POST", &format!("/v1/users/{}/{verb}", ben.id), body).await;
        assert!(answer.status < 300);
        let whole = axum::body::to_bytes(response.into_body(), usize::MAX);
        tokio::time::timeout(std::time::Duration::from_millis(1100), whole).await.expect(verb).unwrap();
    }
}

#[tokio::test]
async fn who_guesses_a_password_from_everywhere_locks_out_neither_the_browser_that_was_there_before_nor_a_link() {
    let people = People::new().await;
    people.password(&people.owner).await;
    let sign_in = async |from: &str, known: &str, password: &str| {
        let call = request("POST", "/v1/sessions").header("content-type", "application/json").header("cookie", known);
        let call = call.extension(ConnectInfo(format!("{from}:4000").parse::<std::net::SocketAddr>().unwrap()));
        let body = json!({"email": "anna@farm.example", "password": password}).to_string();
        people.world.send(call.body(Body::from(body)).unwrap()).await
    };
    let known = sign_in("10.9.9.9", "", PASSWORD).await;
    let known = known.headers.get_all("set-cookie").iter().map(|set| set.to_str().unwrap());
    let known: Vec<&str> = known.filter_map(|set| set.split(';').next().filter(|pair| pair.contains("_known="))).collect();
    for n in 0..10 {
        sign_in(&format!("10.0.{n}.1"), "", "guessed").await.refused(401, "bad_credential");
    }
    sign_in("10.0.99.1", "", PASSWORD).await.refused(429, "rate_limited");
    sign_in("10.0.99.1", known[0], PASSWORD).await.expect(201);
    let id = people.owner.id.parse().unwrap();
    people.come(&link(&people.world, people.world.store, id).await).await;
    people.world.farm.later(60_000);
    sign_in("10.0.99.1", "", PASSWORD).await.expect(201);
}

#[tokio::test]
async fn a_provider_signs_in_whom_it_has_verified_or_signed_in_before_and_nobody_else() {
    let people = People::new().await;
    let by = async |code: &str| people.sign_in(json!({"provider": {"ceremony": "c", "code": code, "state": "s"}})).await;
    by("sub-1 stranger@elsewhere.example").await.refused(401, "bad_credential");
    by("sub-1 -").await.refused(401, "bad_credential");
    let invited = people.invite(&people.owner, "ben", json!({"role": "viewer"})).await.expect(201);
    let ben = invited["user"]["id"].clone();
    assert_eq!(by("sub-1 Ben@farm.example").await.expect(201)["actor"]["id"], ben);
    let path = format!("/v1/users/{}", ben.as_str().unwrap());
    assert_eq!(people.get(&people.owner, &path).await.expect(200)["state"], "active");
    // From now on it is the subject that counts, whatever the address.
    people.call(&people.owner, "PATCH", &path, json!({"email": "b@farm.example"})).await.expect(200);
    assert_eq!(by("sub-1 -").await.expect(201)["actor"]["id"], ben);
    by("sub-2 ben@farm.example").await.refused(401, "bad_credential");
    people.call(&people.owner, "POST", &format!("{path}/suspend"), Value::Null).await.expect(200);
    by("sub-1 b@farm.example").await.refused(401, "bad_credential");
}

#[tokio::test]
async fn who_a_provider_finds_in_several_stores_says_which() {
    let people = People::new().await;
    let second = add_store(&people.world, store(2), 2).await;
    let proof = json!({"ceremony": "c", "code": "sub-1 anna@farm.example", "state": "s"});
    people.sign_in(json!({"provider": proof})).await.refused(409, "store_required");
    let there = people.sign_in(json!({"provider": proof, "store_id": store(2)})).await.expect(201);
    assert_eq!(there["actor"]["id"], json!(second));
}

#[tokio::test]
async fn a_provider_sends_nobody_back_to_another_page() {
    let people = People::new().await;
    let begin = async |page: &str| {
        let call = request("POST", "/v1/sessions/provider").header("content-type", "application/json");
        let body = json!({"provider": "0", "page": page}).to_string();
        people.world.send(call.body(Body::from(body)).unwrap()).await
    };
    let asked = begin("http://localhost:7480").await.expect(200);
    assert_eq!(asked["url"], "https://idp.example/?http://localhost:7480/sign-in");
    for page in
        ["https://evil.example", "http://localhost@evil.example", "javascript:alert(1)", "http://localhost/x", "", "localhost"]
    {
        begin(page).await.refused(422, "invalid_request");
    }
}

#[tokio::test]
async fn removing_somebody_asks_what_becomes_of_each_thing_that_hangs_on_them() {
    let people = People::new().await;
    let ben = people.person("ben", json!({"role": "admin"})).await;
    people.password(&ben).await;
    let cleo = people.person("cleo", json!({"permissions": ["job.view", "api_key.view"]})).await;
    let body = json!({"name": "k", "permissions": ["job.view", "printer.view"]});
    let (handed, handed_id) = people.key(&ben, body.clone()).await;
    let (kept, kept_id) = people.key(&ben, body.clone()).await;
    let (revoked, revoked_id) = people.key(&ben, body).await;
    let asked = people.remove(&people.owner, &ben, json!({})).await.refused(409, "decision_required");
    let mut pointers: Vec<&str> = asked["errors"].as_array().unwrap().iter().map(|e| e["pointer"].as_str().unwrap()).collect();
    pointers.sort_unstable();
    let mut expected = [&handed_id, &kept_id, &revoked_id].map(|id| format!("/things/{id}"));
    expected.sort_unstable();
    assert_eq!(pointers, expected);
    for (bad, pointer) in [
        (json!({"others": {"action": "revoke"}, "things": {"key_1": {"action": "revoke"}}}), "/things/key_1"),
        (json!({"others": {"action": "hand_over", "to": ben.id}}), "/others"),
        (json!({"others": {"action": "hand_over", "to": UserId::new(NOW, [9; 10])}}), "/others"),
    ] {
        let refused = people.remove(&people.owner, &ben, bad).await.refused(422, "invalid_request");
        assert_eq!(refused["errors"][0]["pointer"], pointer);
    }
    assert_eq!(people.me(&ben).await, 200, "nothing has happened");
    let things = json!({&handed_id: {"action": "hand_over", "to": cleo.id}, &kept_id: {"action": "keep"}});
    let answer = people.remove(&people.owner, &ben, json!({"things": things, "others": {"action": "revoke"}})).await;
    assert_eq!(answer.status, 204);
    assert_eq!(people.held(&handed).await, json!(["job.view"]), "as far as its new sponsor holds it");
    assert_eq!(people.held(&kept).await, json!(["printer.view", "job.view"]));
    people.world.call(&revoked, "GET", "/v1/me", None, &[]).await.refused(401, "bad_credential");
    assert_eq!(people.me(&ben).await, 401);
    people.sign_in(json!({"email": "ben@farm.example", "password": PASSWORD})).await.refused(401, "bad_credential");
    people.get(&people.owner, &format!("/v1/users/{}", ben.id)).await.refused(404, "not_found");
    let shown = people.get(&people.owner, &format!("/v1/api_keys/{kept_id}")).await.expect(200);
    assert_eq!(shown["sponsor"], json!({"kind": "user", "id": people.owner.id}));
}

#[tokio::test]
async fn handing_a_key_over_never_adds_rights_to_it() {
    let people = People::new().await;
    let ben = people.person("ben", json!({"role": "admin"})).await;
    let (key, _) = people.key(&ben, json!({"name": "k", "role": "admin"})).await;
    let narrow = json!({"role": null, "permissions": ["job.view"]});
    people.call(&people.owner, "PATCH", &format!("/v1/users/{}", ben.id), narrow).await.expect(200);
    assert_eq!(people.remove(&people.owner, &ben, json!({"others": {"action": "keep"}})).await.status, 204);
    assert_eq!(people.held(&key).await, json!(["job.view"]));
}

#[tokio::test]
async fn a_key_does_not_remove_the_person_it_hangs_on() {
    let people = People::new().await;
    let ben = people.person("ben", json!({"role": "admin"})).await;
    let (key, _) = people.key(&ben, json!({"name": "k", "role": "admin"})).await;
    let path = format!("/v1/users/{}/remove", ben.id);
    let body = Some(json!({"others": {"action": "keep"}}));
    people.world.call(&key, "POST", &path, body, &[]).await.refused(409, "illegal_state");
}

#[tokio::test]
async fn a_person_of_some_tags_has_the_scope_of_those() {
    let people = People::new().await;
    let ben = people.person("ben", json!({"role": "viewer", "tags": ["rack-a"]})).await;
    let me = people.get(&ben, "/v1/me").await.expect(200);
    let grants: Grants = serde_json::from_value(me["grants"].clone()).unwrap();
    assert_eq!(grants.tags, Scope::Only(["rack-a".parse().unwrap()].into()));
    assert_eq!(grants.permissions, Role::Viewer.permissions());
}

/// Whatever is given to whom in whatever order, nobody comes to hold what none of those held who gave.
#[tokio::test]
async fn no_sequence_of_gifts_reaches_beyond_those_who_gave() {
    let people = People::new().await;
    let start: PermissionSet =
        [Permission::UserInvite, Permission::UserEdit, Permission::UserView, Permission::ApiKeyCreate, Permission::JobView]
            .into_iter()
            .collect();
    let lead = people.person("lead", json!({"permissions": start})).await;
    let mut seed = 7_u64;
    let mut next = |below: usize| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        usize::try_from(seed >> 33).unwrap() % below
    };
    let mut circle = vec![lead];
    let (mut taken, mut refused) = (0, 0);
    for n in 0..60 {
        let giver = circle[next(circle.len())].clone();
        let wanted: PermissionSet = (0..3)
            .map(|_| Permission::ALL[next(Permission::ALL.len())])
            .chain([Permission::UserInvite, Permission::UserEdit])
            .collect();
        let wanted = if next(2) == 0 { wanted.and(start) } else { wanted };
        let answer = if next(2) == 0 {
            people.invite(&giver, &format!("p{n}"), json!({"permissions": wanted})).await
        } else {
            let whom = &circle[next(circle.len())];
            people.call(&giver, "PATCH", &format!("/v1/users/{}", whom.id), json!({"permissions": wanted})).await
        };
        match answer.status {
            200 | 201 => taken += 1,
            status => {
                assert_eq!((status, answer.code().as_str()), (403, "grants_exceeded"));
                refused += 1;
            }
        }
        if answer.status == 201 {
            let made = answer.json();
            let id = made["user"]["id"].as_str().unwrap().to_owned();
            circle.push(Person { id, cookie: people.come(made["token"].as_str().unwrap()).await });
        }
    }
    assert!(taken > 5 && refused > 5, "{taken} {refused}");
    for person in &circle {
        let me = people.get(person, "/v1/me").await.expect(200);
        let grants: Grants = serde_json::from_value(me["grants"].clone()).unwrap();
        assert!(grants.permissions.minus(start).is_empty(), "{}", me["grants"]);
    }
}
