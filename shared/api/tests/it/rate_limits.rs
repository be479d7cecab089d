//! How often a key may call, and what it is told of that.

use http::Method;
use serde_json::json;

use crate::farm::Farm;

#[tokio::test]
async fn a_key_that_calls_too_often_waits_as_long_as_it_is_told_and_no_other_key_does() {
    let farm = Farm::new().await;
    let body = json!({"name": "n", "role": "viewer", "rate_limit": {"per_minute": 60, "burst": 2}});
    let made = farm.post("/v1/api_keys", body).await.expect(201);
    let (key, id) = (made["secret"].as_str().unwrap(), made["api_key"]["id"].as_str().unwrap());
    let first = farm.get_as(key, "/v1/me").await;
    assert_eq!((first.status, first.header("ratelimit-policy")), (200, "\"default\";q=60;w=60"));
    assert_eq!(first.header("ratelimit"), "\"default\";r=1;t=1");
    let missing = farm.get_as(key, "/v1/jobs/job_00000000000000000000000000000000").await;
    assert_eq!((missing.status, missing.header("ratelimit")), (404, "\"default\";r=0;t=2"), "a call that fails is a call");
    let refused = farm.get_as(key, "/v1/me").await;
    assert_eq!((refused.header("retry-after"), refused.header("ratelimit")), ("1", "\"default\";r=0;t=2"));
    assert_eq!(refused.refused(429, "rate_limited")["retry_after_seconds"], 1);
    let many = Some(json!({"ids": ["x"]}));
    farm.call_as(key, Method::POST, "/v1/jobs/actions/cancel", many, &[]).await.refused(429, "rate_limited");
    farm.get("/v1/me").await.expect(200);
    farm.later(1_000);
    farm.get_as(key, "/v1/me").await.expect(200);
    farm.get_as(key, "/v1/me").await.refused(429, "rate_limited");
    farm.patch(&format!("/v1/api_keys/{id}"), json!({"rate_limit": null})).await.expect(200);
    let at_once = farm.get_as(key, "/v1/me").await;
    assert!(at_once.header("ratelimit-policy").contains(";q=60000;"), "{:?}", at_once.headers);
    for wrong in [json!({"per_minute": 0, "burst": 1}), json!({"per_minute": 60_001, "burst": 1}), json!({"per_minute": 1})] {
        farm.patch(&format!("/v1/api_keys/{id}"), json!({"rate_limit": wrong})).await.refused(422, "invalid_request");
    }
}
