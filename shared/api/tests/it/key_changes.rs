//! What becomes of a key: it is given more or less, its secret is replaced, somebody else sponsors it.

use domain::access::Grants;
use domain::id::SlicerKeyId;
use domain::key::{KeyState, SlicerKey};
use domain::permission::{Permission, PermissionSet};
use http::Method;
use serde_json::{Value, json};
use store::credential_hash;

use crate::farm::Farm;
use crate::people::People;

/// A new key: the secret, and the path of its record.
async fn key(farm: &Farm, body: Value) -> (String, String) {
    secret_of(&farm.post("/v1/api_keys", body).await.expect(201))
}

fn secret_of(made: &Value) -> (String, String) {
    (made["secret"].as_str().unwrap().to_owned(), format!("/v1/api_keys/{}", made["api_key"]["id"].as_str().unwrap()))
}

async fn held(farm: &Farm, key: &str) -> Value {
    farm.get_as(key, "/v1/me").await.expect(200)["grants"].clone()
}

async fn opens(farm: &Farm, key: &str) -> bool {
    farm.get_as(key, "/v1/me").await.status == 200
}

#[tokio::test]
async fn a_key_is_given_less_and_more_again_and_what_came_from_it_follows() {
    let farm = Farm::new().await;
    let (secret, path) = key(&farm, json!({"name": "k", "permissions": ["api_key.create", "job.view", "printer.view"]})).await;
    let child = json!({"name": "c", "permissions": ["job.view", "printer.view"]});
    let child = farm.call_as(&secret, Method::POST, "/v1/api_keys", Some(child), &[]).await.expect(201);
    let (child, _) = secret_of(&child);
    let less = json!({"permissions": ["job.view"], "tags": ["rack-a"], "farms": [farm.door.home().farm_id]});
    let changed = farm.patch(&path, less).await.expect(200);
    assert_eq!((&changed["grants"], &changed["permissions"]), (&changed["holds"], &json!(["job.view"])));
    for secret in [&secret, &child] {
        let held = held(&farm, secret).await;
        assert_eq!((&held["permissions"], &held["tags"]), (&json!(["job.view"]), &json!({"only": ["rack-a"]})));
    }
    farm.patch(&path, json!({"role": "viewer", "permissions": [], "tags": null, "farms": null})).await.expect(200);
    assert_eq!(held(&farm, &secret).await["tags"], json!("all"));
    assert_eq!(held(&farm, &child).await["permissions"], json!(["printer.view", "job.view"]));
    farm.patch(&path, json!({"role": null})).await.refused(422, "invalid_request");
    farm.patch(&path, json!({"role": "store_owner"})).await.refused(422, "invalid_request");
    assert_eq!(farm.patch(&path, json!({"tags": ["rack-b"]})).await.expect(200)["role"], "viewer");
}

#[tokio::test]
async fn who_edits_a_key_gives_nothing_that_they_lack_but_may_take_what_they_never_had() {
    let farm = Farm::new().await;
    let narrow = farm.key_with(&[Permission::ApiKeyEdit, Permission::JobView]).await;
    let (secret, path) = key(&farm, json!({"name": "k", "permissions": ["job.view", "job.create"]})).await;
    let edit = async |body: Value| farm.call_as(&narrow, Method::PATCH, &path, Some(body), &[]).await;
    edit(json!({"name": "n"})).await.refused(403, "grants_exceeded");
    edit(json!({"permissions": ["job.view", "job.create"]})).await.refused(403, "grants_exceeded");
    edit(json!({"role": "viewer"})).await.refused(403, "grants_exceeded");
    edit(json!({"permissions": ["job.view"]})).await.expect(200);
    assert_eq!(held(&farm, &secret).await["permissions"], json!(["job.view"]));
    edit(json!({"permissions": ["job.view", "job.create"]})).await.refused(403, "grants_exceeded");
    let tagged = farm.key_for_tag("rack-a").await;
    let wider = farm.call_as(&tagged, Method::PATCH, &path, Some(json!({"tags": ["rack-b"]})), &[]).await;
    wider.refused(403, "grants_exceeded");
}

#[tokio::test]
async fn a_key_that_is_given_more_by_another_stays_within_its_own_sponsor() {
    let people = People::new().await;
    let admin = people.person("Carl", json!({"permissions": ["api_key.create", "job.view"]})).await;
    let made = people.call(&admin, "POST", "/v1/api_keys", json!({"name": "k", "permissions": ["job.view"]})).await.expect(201);
    let (secret, path) = secret_of(&made);
    let more = json!({"permissions": ["job.view", "job.create"]});
    let changed = people.call(&people.owner, "PATCH", &path, more).await.expect(200);
    assert_eq!(changed["grants"]["permissions"], json!(["job.view", "job.create"]));
    assert_eq!(changed["holds"]["permissions"], json!(["job.view"]));
    let me = people.world.call(&secret, "GET", "/v1/me", None, &[]).await.expect(200);
    assert_eq!(me["grants"]["permissions"], json!(["job.view"]));
}

#[tokio::test]
async fn both_secrets_open_until_the_overlap_ends_and_then_only_the_new_one() {
    let farm = Farm::new().await;
    let (old, path) = key(&farm, json!({"name": "k", "role": "viewer"})).await;
    let rolled = farm.post(&format!("{path}/roll"), json!({"overlap_seconds": 60})).await.expect(200);
    let (new, same) = secret_of(&rolled);
    assert_eq!((&same, rolled["api_key"]["hint"].as_str().unwrap()), (&path, &new[..13]));
    assert_eq!(held(&farm, &old).await, held(&farm, &new).await);
    farm.later(59_999);
    assert!(opens(&farm, &old).await && opens(&farm, &new).await);
    farm.later(1);
    assert!(!opens(&farm, &old).await && opens(&farm, &new).await);
    let rolled = farm.post(&format!("{path}/roll"), json!({})).await.expect(200);
    assert_eq!(rolled["api_key"]["old_secret_until"], json!(farm.door.now().plus_seconds(24 * 3600)));
}

#[tokio::test]
async fn of_three_secrets_the_oldest_opens_nothing_and_an_overlap_can_be_ended_or_left_out() {
    let farm = Farm::new().await;
    let (first, path) = key(&farm, json!({"name": "k", "role": "viewer"})).await;
    let roll = async |body: Value| secret_of(&farm.post(&format!("{path}/roll"), body).await.expect(200)).0;
    let second = roll(json!({"overlap_seconds": 604_800})).await;
    let third = roll(json!({})).await;
    assert!(!opens(&farm, &first).await && opens(&farm, &second).await && opens(&farm, &third).await);
    for _ in 0..2 {
        let ended = farm.post(&format!("{path}/end-roll"), json!({})).await.expect(200);
        assert_eq!(ended["old_secret_until"], Value::Null);
        assert!(!opens(&farm, &second).await && opens(&farm, &third).await);
    }
    let fourth = roll(json!({"overlap_seconds": 0})).await;
    assert!(!opens(&farm, &third).await && opens(&farm, &fourth).await);
    farm.post(&format!("{path}/roll"), json!({"overlap_seconds": 604_801})).await.refused(422, "invalid_request");
    roll(json!({})).await;
    farm.post(&format!("{path}/revoke"), json!({})).await.expect(200);
    assert!(!opens(&farm, &fourth).await, "revoked is revoked, whichever secret");
    farm.post(&format!("{path}/roll"), json!({})).await.refused(409, "illegal_state");
}

/// The new secret opens what the old one opened.
#[tokio::test]
async fn nobody_rolls_a_key_that_holds_more_than_they_do() {
    let farm = Farm::new().await;
    let (_, path) = key(&farm, json!({"name": "k", "role": "operator"})).await;
    let narrow = farm.key_with(&[Permission::ApiKeyEdit]).await;
    let asked = farm.call_as(&narrow, Method::POST, &format!("{path}/roll"), Some(json!({})), &[]).await;
    asked.refused(403, "grants_exceeded");
}

#[tokio::test]
async fn a_slicer_key_rolls_like_any_other_and_keeps_its_length() {
    let farm = Farm::new().await;
    let made = farm.post("/v1/slicer_keys", json!({"name": "S"})).await.expect(201);
    let id = made["slicer_key"]["id"].as_str().unwrap();
    let path = format!("/v1/slicer_keys/{id}");
    let rolled = farm.post(&format!("{path}/roll"), json!({"overlap_seconds": 60})).await.expect(200);
    let (old, new) = (made["secret"].as_str().unwrap(), rolled["secret"].as_str().unwrap());
    assert!(new.len() <= 43 && new != old);
    let end =
        |secret: &str| farm.door.store.read(|rows| rows.credential(&credential_hash(secret))).unwrap().map(|c| c.expires_at);
    assert_eq!((end(old), end(new)), (Some(Some(farm.door.now().plus_seconds(60))), Some(None)));
    farm.post(&format!("{path}/end-roll"), json!({})).await.expect(200);
    assert_eq!((end(old), end(new)), (None, Some(None)));
    farm.post(&format!("{path}/revoke"), json!({})).await.expect(200);
    assert_eq!(farm.record::<SlicerKey>(id.parse::<SlicerKeyId>().unwrap()).state, KeyState::Revoked);
    farm.post(&format!("{path}/roll"), json!({})).await.refused(409, "illegal_state");
}

#[tokio::test]
async fn a_key_that_is_handed_over_gets_nothing_that_its_sponsor_of_before_had_lost() {
    let people = People::new().await;
    let carl = people.person("Carl", json!({"permissions": ["api_key.create", "job.view", "job.create"]})).await;
    let ben = people.person("Ben", json!({"permissions": ["job.view", "printer.view"]})).await;
    let body = json!({"name": "k", "permissions": ["job.view", "job.create"]});
    let (secret, path) = secret_of(&people.call(&carl, "POST", "/v1/api_keys", body).await.expect(201));
    let hand = async |to: &str| people.call(&people.owner, "POST", &format!("{path}/hand-over"), json!({"to": to})).await;
    people
        .call(&people.owner, "PATCH", &format!("/v1/users/{}", carl.id), json!({"permissions": ["job.view"]}))
        .await
        .expect(200);
    let handed = hand(&people.owner.id).await.expect(200);
    assert_eq!((&handed["sponsor"]["id"], &handed["holds"]["permissions"]), (&json!(people.owner.id), &json!(["job.view"])));
    hand(&ben.id).await.expect(200);
    let me = people.world.call(&secret, "GET", "/v1/me", None, &[]).await.expect(200);
    assert_eq!(me["grants"]["permissions"], json!(["job.view"]));
    let of_ben = people.get(&people.owner, &format!("/v1/api_keys?sponsor=user:{}", ben.id)).await.expect(200);
    assert_eq!(of_ben["items"].as_array().unwrap().len(), 1);
    people.call(&people.owner, "POST", &format!("/v1/users/{}/suspend", carl.id), Value::Null).await.expect(200);
    hand(&carl.id).await.refused(422, "invalid_request");
    hand("usr_00000000000000000000000000000009").await.refused(422, "invalid_request");
    // A suspended sponsor's key opens nothing; in other hands it opens again what they held.
    people.call(&people.owner, "POST", &format!("/v1/users/{}/suspend", ben.id), Value::Null).await.expect(200);
    assert_eq!(people.world.call(&secret, "GET", "/v1/me", None, &[]).await.status, 401);
    hand(&people.owner.id).await.expect(200);
    assert_eq!(people.world.call(&secret, "GET", "/v1/me", None, &[]).await.status, 200);
    let permissions: PermissionSet = [Permission::ApiKeyEdit].into_iter().collect();
    let narrow = people.world.key(people.world.store, Grants::unscoped(permissions)).await;
    let body = Some(json!({"to": people.owner.id}));
    people.world.call(&narrow, "POST", &format!("{path}/hand-over"), body, &[]).await.refused(403, "grants_exceeded");
}
