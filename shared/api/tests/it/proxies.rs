//! Behind a proxy: whose address counts, and how a cookie goes over TLS that ends before this door.

use axum::body::Body;
use axum::extract::ConnectInfo;
use http::Request;
use serde_json::json;
use std::net::SocketAddr;

use crate::farm::{Answer, Farm, PROXY, request};

async fn through_proxy(farm: &Farm, method: &str, path: &str, headers: &[(&str, &str)], body: Body) -> Answer {
    let call = Request::builder().method(method).uri(path).extension(ConnectInfo(PROXY.parse::<SocketAddr>().unwrap()));
    let call = headers.iter().fold(call, |call, (name, value)| call.header(*name, *value));
    farm.send(call.body(body).unwrap()).await
}

#[tokio::test]
async fn a_key_bound_to_a_network_is_judged_by_the_address_that_the_proxy_saw() {
    let farm = Farm::new().await;
    let make = async |networks: serde_json::Value| {
        let body = json!({"name": "n", "role": "viewer", "allowed_networks": networks});
        format!("Bearer {}", farm.post("/v1/api_keys", body).await.expect(201)["secret"].as_str().unwrap())
    };
    let (bound, free) = (make(json!(["198.51.100.0/24"])).await, make(json!([])).await);
    let status = async |key: &str, header: (&'static str, &str)| {
        through_proxy(&farm, "GET", "/v1/me", &[("authorization", key), header], Body::empty()).await.status
    };
    assert_eq!(status(&bound, ("x-forwarded-for", "198.51.100.7")).await, 200);
    assert_eq!(status(&bound, ("x-forwarded-for", "::ffff:198.51.100.7")).await, 200);
    assert_eq!(status(&bound, ("forwarded", "for=198.51.100.7;proto=http")).await, 200);
    for wrong in ["203.0.113.9", "198.51.100.7, 203.0.113.9", "nonsense", "", "198.51.100.7, unknown"] {
        assert_eq!(status(&bound, ("x-forwarded-for", wrong)).await, 401, "{wrong}");
        assert_eq!(status(&free, ("x-forwarded-for", wrong)).await, 200, "{wrong}");
    }
    let forged = request("GET", "/v1/me").header("authorization", &bound).header("x-forwarded-for", "198.51.100.7");
    farm.send(forged.body(Body::empty()).unwrap()).await.refused(401, "bad_credential");
}

#[tokio::test]
async fn a_session_over_a_proxy_with_tls_has_a_cookie_that_no_plain_page_can_set_or_send() {
    let farm = Farm::new().await;
    let token = farm.one_time().await;
    let tls = [("x-forwarded-for", "198.51.100.7"), ("x-forwarded-proto", "https"), ("host", "farm.example")];
    let page = [("origin", "https://farm.example"), ("content-type", "application/json")];
    let body = || Body::from(json!({"one_time_token": token}).to_string());
    let plain_page = [("origin", "http://farm.example"), ("content-type", "application/json")];
    let sign_in =
        async |more: &[(&str, &str)]| through_proxy(&farm, "POST", "/v1/sessions", &[&tls[..], more].concat(), body()).await;
    sign_in(&plain_page).await.refused(403, "cross_origin");
    let answer = sign_in(&page).await;
    let set = answer.header("set-cookie").to_owned();
    answer.expect(201);
    assert!(set.starts_with("__Host-gantry_session=") && set.contains("; Secure"), "{set}");
    let cookie = ("cookie", set.split(';').next().unwrap());
    let me = async |more: &[(&str, &str)]| through_proxy(&farm, "GET", "/v1/me", more, Body::empty()).await.status;
    assert_eq!(me(&[&tls[..], &[cookie]].concat()).await, 200);
    assert_eq!(
        me(&[("x-forwarded-for", "198.51.100.7"), ("host", "farm.example"), cookie]).await,
        401,
        "without TLS it counts for nothing"
    );
}
