//! People at the page: signing in and out, and everything that a page of elsewhere may try.

use axum::body::Body;
use domain::access::Grants;
use domain::permission::PermissionSet;
use domain::role::Role;
use http::Request;
use serde_json::{Value, json};

use crate::farm::{Answer, Farm, request};

const PASSWORD: &str = "correct horse battery";

async fn sign_in(farm: &Farm, body: Value, headers: &[(&str, &str)]) -> Answer {
    let mut call = request("POST", "/v1/sessions").header("content-type", "application/json");
    for (name, value) in headers {
        call = call.header(*name, *value);
    }
    farm.send(call.body(Body::from(body.to_string())).unwrap()).await
}

async fn cookie(farm: &Farm) -> String {
    let link = farm.one_time().await;
    let answer = sign_in(farm, json!({"one_time_token": link}), &[]).await;
    answer.header("set-cookie").split(';').next().unwrap().to_owned()
}

fn sessions(counts: Vec<(String, i64)>) -> Vec<(String, i64)> {
    counts.into_iter().filter(|(name, _)| name == "rec_session").collect()
}

fn with(method: &str, path: &str, headers: &[(&str, &str)]) -> Request<Body> {
    let call = request(method, path).header("content-type", "application/json");
    headers.iter().fold(call, |call, (name, value)| call.header(*name, *value)).body(Body::empty()).unwrap()
}

#[tokio::test]
async fn a_session_is_a_strict_cookie_that_ends() {
    let farm = Farm::new().await;
    let link = farm.one_time().await;
    let answer = sign_in(&farm, json!({"one_time_token": link}), &[]).await;
    let set = answer.header("set-cookie").to_owned();
    for part in ["gantry_session=", "; Path=/", "; HttpOnly", "; SameSite=Strict", "; Max-Age=2592000"] {
        assert!(set.contains(part), "{set}");
    }
    assert!(!answer.expect(201).to_string().contains(set.split(['=', ';']).nth(1).unwrap()), "the token is in the cookie alone");
    let cookie = set.split(';').next().unwrap();
    let me = with("GET", "/v1/me", &[("cookie", cookie), ("host", "localhost")]);
    assert_eq!(farm.send(me).await.expect(200)["actor"], json!({"kind": "floor", "id": "owner"}));
    farm.later(31 * 24 * 3600 * 1000);
    farm.send(with("GET", "/v1/me", &[("cookie", cookie), ("host", "localhost")])).await.refused(401, "bad_credential");
}

#[tokio::test]
async fn a_one_time_link_works_once_and_not_after_an_hour() {
    let farm = Farm::new().await;
    let link = farm.one_time().await;
    sign_in(&farm, json!({"one_time_token": link}), &[]).await.expect(201);
    let before = farm.counts();
    sign_in(&farm, json!({"one_time_token": link}), &[]).await.refused(401, "used_link");
    let late = farm.one_time().await;
    farm.later(3600 * 1000);
    sign_in(&farm, json!({"one_time_token": late}), &[]).await.refused(401, "used_link");
    sign_in(&farm, json!({"one_time_token": farm.key}), &[]).await.refused(401, "used_link");
    for body in [json!({}), json!({"password": "a", "one_time_token": "b"}), json!({"password": null})] {
        sign_in(&farm, body, &[]).await.refused(422, "invalid_request");
    }
    assert_eq!(sessions(farm.counts()), sessions(before));
}

#[tokio::test]
async fn one_link_for_many_at_once_signs_one_in() {
    let farm = Farm::new().await;
    let link = farm.one_time().await;
    let calls = (0..8).map(|_| sign_in(&farm, json!({"one_time_token": link}), &[]));
    let answers = futures_util::future::join_all(calls).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 201).count(), 1);
}

#[tokio::test]
async fn a_session_serves_the_page_itself_and_no_other() {
    let farm = Farm::new().await;
    let printer = farm.printer(json!({})).await;
    let cookie = cookie(&farm).await;
    let path = format!("/v1/printers/{printer}/disable");
    let post = async |headers: &[(&str, &str)]| {
        farm.send(with("POST", &path, &[&[("cookie", cookie.as_str())], headers].concat())).await
    };
    for host in ["localhost:8080", "192.168.1.5", "[::1]:8080", "[fd00::1]", "farm.local", "farm.example", "FARM.example:443"] {
        assert_eq!(post(&[("host", host), ("origin", &format!("http://{host}"))]).await.status, 200, "{host}");
    }
    assert_eq!(post(&[("host", "localhost"), ("sec-fetch-site", "same-origin")]).await.status, 200);
    let before = farm.counts();
    for forged in [
        &[("host", "localhost"), ("origin", "http://evil.example")][..],
        &[("host", "localhost"), ("origin", "null")],
        &[("host", "localhost"), ("origin", "http://localhost:9999")],
        &[("host", "localhost"), ("origin", "http://evil.example"), ("sec-fetch-site", "same-origin")],
        &[("host", "localhost"), ("sec-fetch-site", "same-site")],
        &[("host", "localhost"), ("sec-fetch-site", "none")],
        &[("host", "localhost")],
        &[("host", "evil.example"), ("origin", "http://evil.example")],
        &[("host", "evil.example:80"), ("origin", "http://evil.example:80"), ("sec-fetch-site", "same-origin")],
        &[("host", "localhost.evil.example"), ("origin", "http://localhost.evil.example")],
        &[("host", ""), ("origin", "http://")],
        &[("origin", "http://localhost")],
    ] {
        post(forged).await.refused(403, "cross_origin");
    }
    let get = async |headers: &[(&str, &str)]| {
        farm.send(with("GET", "/v1/me", &[&[("cookie", cookie.as_str())], headers].concat())).await.status
    };
    assert_eq!(get(&[("host", "localhost"), ("sec-fetch-site", "none")]).await, 200);
    assert_eq!(get(&[("host", "localhost"), ("sec-fetch-site", "cross-site")]).await, 403);
    assert_eq!(get(&[("host", "evil.example")]).await, 403);
    assert_eq!(farm.counts(), before);
}

#[tokio::test]
async fn no_other_page_signs_somebody_in() {
    let farm = Farm::new().await;
    let link = farm.one_time().await;
    let body = json!({"one_time_token": link});
    for headers in [
        &[("host", "localhost"), ("origin", "http://evil.example")][..],
        &[("host", "evil.example"), ("origin", "http://evil.example")],
        &[("host", "localhost"), ("sec-fetch-site", "cross-site")],
    ] {
        sign_in(&farm, body.clone(), headers).await.refused(403, "cross_origin");
    }
    let stale = [("host", "localhost"), ("origin", "http://localhost"), ("cookie", "gantry_session=stale")];
    sign_in(&farm, body, &stale).await.expect(201);
}

#[tokio::test]
async fn signing_out_ends_the_session_and_takes_the_cookie_away() {
    let farm = Farm::new().await;
    let cookie = cookie(&farm).await;
    let own = [("cookie", cookie.as_str()), ("host", "localhost"), ("sec-fetch-site", "same-origin")];
    let out = farm.send(with("DELETE", "/v1/sessions/current", &own)).await;
    assert_eq!(out.status, 204);
    assert!(out.header("set-cookie").contains("Max-Age=0"));
    farm.send(with("GET", "/v1/me", &own)).await.refused(401, "bad_credential");
    farm.delete("/v1/sessions/current").await.refused(409, "illegal_state");
}

#[tokio::test]
async fn a_new_password_ends_all_other_sessions() {
    let farm = Farm::new().await;
    let (mine, other) = (cookie(&farm).await, cookie(&farm).await);
    let page = |cookie: &str| {
        let call = request("POST", "/v1/settings/owner-password").header("content-type", "application/json");
        let call = call.header("cookie", cookie).header("host", "localhost").header("origin", "http://localhost");
        call.body(Body::from(json!({"password": PASSWORD}).to_string())).unwrap()
    };
    assert_eq!(farm.send(page(&mine)).await.status, 204);
    let me = async |cookie: &str| farm.send(with("GET", "/v1/me", &[("cookie", cookie), ("host", "localhost")])).await.status;
    assert_eq!((me(&mine).await, me(&other).await), (200, 401));
    sign_in(&farm, json!({"password": PASSWORD}), &[]).await.expect(201);
    sign_in(&farm, json!({"password": "correct horse batter"}), &[]).await.refused(401, "bad_credential");
    for password in ["short", "", &"x".repeat(201)] {
        farm.post("/v1/settings/owner-password", json!({"password": password})).await.refused(422, "invalid_request");
    }
}

/// Who sets the owner's password can sign in as the owner.
#[tokio::test]
async fn an_admin_does_not_become_the_owner() {
    let farm = Farm::new().await;
    let mut admin = Grants::unscoped(Role::Admin.permissions());
    for grants in [admin.clone(), {
        admin.permissions = PermissionSet::all();
        admin.tags = domain::access::Scope::Only(Default::default());
        admin
    }] {
        let key = farm.key_of(grants).await;
        let before = farm.counts();
        let body = Some(json!({"password": PASSWORD}));
        farm.call_as(&key, http::Method::POST, "/v1/settings/owner-password", body, &[]).await.refused(403, "grants_exceeded");
        assert_eq!(farm.counts(), before);
    }
}

#[tokio::test]
async fn the_eleventh_wrong_sign_in_waits_and_so_do_ten_at_once() {
    let farm = Farm::new().await;
    farm.post("/v1/settings/owner-password", json!({"password": PASSWORD})).await.expect(204);
    let wrong = (0..14).map(|_| sign_in(&farm, json!({"password": "wrong"}), &[]));
    let answers = futures_util::future::join_all(wrong).await;
    let mut statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [[401; 10].as_slice(), &[429; 4]].concat());
    let waits = sign_in(&farm, json!({"password": PASSWORD}), &[]).await;
    assert_eq!(waits.header("retry-after"), "60");
    waits.refused(429, "rate_limited");
    farm.later(60_000);
    sign_in(&farm, json!({"password": PASSWORD}), &[]).await.expect(201);
}

#[tokio::test]
async fn a_key_holds_where_when_and_as_long_as_it_says() {
    let farm = Farm::new().await;
    let make = async |body: Value| farm.post("/v1/api_keys", body).await.expect(201)["secret"].as_str().unwrap().to_owned();
    let elsewhere = make(json!({"name": "n", "role": "viewer", "allowed_networks": ["10.0.0.0/8"]})).await;
    let here = make(json!({"name": "n", "role": "viewer", "allowed_networks": ["10.0.0.1", "192.168.0.0/16"]})).await;
    let short = make(json!({"name": "n", "role": "viewer", "expires_at": farm.door.now().plus_seconds(60)})).await;
    farm.get_as(&elsewhere, "/v1/me").await.refused(401, "bad_credential");
    farm.get_as(&here, "/v1/me").await.expect(200);
    farm.get_as(&short, "/v1/me").await.expect(200);
    farm.later(60_000);
    farm.get_as(&short, "/v1/me").await.refused(401, "bad_credential");
    farm.post("/v1/api_keys", json!({"name": "n", "role": "viewer", "allowed_networks": ["nonsense"]}))
        .await
        .refused(422, "invalid_request");
    let slicer = farm.post("/v1/slicer_keys", json!({"name": "s"})).await.expect(201)["secret"].as_str().unwrap().to_owned();
    farm.get_as(&slicer, "/v1/me").await.refused(401, "bad_credential");
}
