//! Roles × operations: a call is let in exactly if its row says so.

use api::registry::rows;
use contract::operation::Method;
use domain::access::{Access, Decision, Grants};
use domain::permission::Permission;
use domain::role::Role;
use gantry_api as api;
use serde_json::json;

use crate::farm::Farm;

#[tokio::test]
async fn every_role_is_let_in_exactly_where_the_catalogue_says() {
    let farm = Farm::new().await;
    for role in Role::ALL {
        let grants = Grants::unscoped(role.permissions());
        let key = farm.key_of(grants.clone()).await;
        let before = farm.counts();
        let mut let_in = 0;
        for row in rows() {
            let path = row.path.replace("{id}", "nothing") + "?no_such_parameter=1";
            let answer =
                farm.call_as(&key, http::Method::from_bytes(row.method.word().as_bytes()).unwrap(), &path, None, &[]).await;
            match row.access.at_the_door(&grants) {
                Decision::Allowed => {
                    assert!([404, 422].contains(&answer.status), "{role:?} {}: {}", row.id, answer.status);
                    let_in += 1;
                }
                Decision::Missing(permission) => {
                    assert_eq!(answer.refused(403, "permission_missing")["permission"], permission.name(), "{role:?} {}", row.id);
                }
            }
        }
        assert_eq!(farm.counts(), before);
        assert!(let_in > 8, "{role:?}");
    }
}

/// Whoever adds an operation without a permission has to stand up for it here.
#[test]
fn what_needs_no_permission_is_on_a_list_that_may_only_shrink() {
    let open: Vec<&str> =
        rows().iter().filter(|row| matches!(row.access, Access::Public | Access::Authenticated)).map(|row| row.id).collect();
    let known = [
        "get_me",
        "create_session",
        "delete_own_session",
        "list_permissions",
        "list_at_the_door",
        "set_own_pin",
        "get_own_account",
        "edit_own_account",
        "set_own_password",
        "list_own_sessions",
        "end_other_sessions",
        "list_ways_in",
        "begin_passkey_sign_in",
        "begin_provider_sign_in",
        "begin_passkey",
        "create_passkey",
        "delete_passkey",
        "request_pairing",
        "poll_pairing",
        "read_pairing_floor",
        "complete_pairing",
        "list_event_types",
        "stream",
        "get_version",
        "list_drivers",
        "list_errors",
    ];
    assert_eq!(open, known);
}

#[test]
fn no_operation_that_changes_something_is_open_to_a_viewer() {
    for row in
        rows().iter().filter(|row| row.method != Method::Get && !matches!(row.access, Access::Public | Access::Authenticated))
    {
        let decision = row.access.at_the_door(&Grants::unscoped(Role::Viewer.permissions()));
        assert_ne!(decision, Decision::Allowed, "{}", row.id);
    }
}

#[tokio::test]
async fn ones_own_job_is_cancelled_and_changed_with_the_own_permission_and_another_is_not() {
    let farm = Farm::new().await;
    let mine = [Permission::JobCreate, Permission::JobCancelOwn, Permission::JobEditOwn, Permission::FileView];
    let key = farm.key_with(&mine).await;
    let file = farm.file().await;
    let body = Some(json!({"file_id": file}));
    let own = farm.call_as(&key, http::Method::POST, "/v1/jobs", body, &[]).await.expect(201)["id"].as_str().unwrap().to_owned();
    let other = farm.job(json!({})).await.to_string();
    let before = farm.counts();
    for (id, status) in [(&other, 403), (&own, 200)] {
        let edit = farm.call_as(&key, http::Method::PATCH, &format!("/v1/jobs/{id}"), Some(json!({"name": "x"})), &[]).await;
        assert_eq!(edit.status, status);
        let cancel = farm.call_as(&key, http::Method::POST, &format!("/v1/jobs/{id}/cancel"), None, &[]).await;
        assert_eq!(cancel.status, status);
        if status == 403 {
            assert_eq!(cancel.refused(403, "permission_missing")["permission"], "job.cancel_all");
            assert_eq!(farm.counts(), before);
        }
    }
}

#[tokio::test]
async fn nobody_gives_a_key_what_they_lack() {
    let farm = Farm::new().await;
    let key = farm.key_with(&[Permission::ApiKeyCreate, Permission::ApiKeyEdit, Permission::PrinterView]).await;
    let make = async |body: serde_json::Value| farm.call_as(&key, http::Method::POST, "/v1/api_keys", Some(body), &[]).await;
    make(json!({"name": "n", "permissions": ["printer.view"]})).await.expect(201);
    for body in [json!({"name": "n", "role": "viewer"}), json!({"name": "n", "permissions": ["job.create"]})] {
        make(body).await.refused(403, "grants_exceeded");
    }
    for body in
        [json!({"name": "n", "role": "store_owner"}), json!({"name": "n", "permissions": ["store.delete"]}), json!({"name": "n"})]
    {
        make(body).await.refused(422, "invalid_request");
    }
    let strong = farm.post("/v1/api_keys", json!({"name": "n", "role": "admin"})).await.expect(201);
    let path = format!("/v1/api_keys/{}", strong["api_key"]["id"].as_str().unwrap());
    farm.call_as(&key, http::Method::PATCH, &path, Some(json!({"allowed_networks": []})), &[])
        .await
        .refused(403, "grants_exceeded");
}

#[tokio::test]
async fn a_key_opens_no_more_than_the_key_that_made_it_still_does() {
    let farm = Farm::new().await;
    let make = async |key: &str, body| {
        let made = farm.call_as(key, http::Method::POST, "/v1/api_keys", Some(body), &[]).await.expect(201);
        (made["secret"].as_str().unwrap().to_owned(), made["api_key"]["id"].as_str().unwrap().to_owned())
    };
    let (parent, id) = make(&farm.key, json!({"name": "parent", "role": "admin"})).await;
    let (child, _) = make(&parent, json!({"name": "child", "permissions": ["printer.view"]})).await;
    let (grandchild, _) = make(&parent, json!({"name": "child", "role": "admin"})).await;
    let (grandchild, _) = make(&grandchild, json!({"name": "grandchild", "permissions": ["printer.view"]})).await;
    for key in [&child, &grandchild] {
        assert_eq!(farm.get_as(key, "/v1/printers").await.status, 200);
    }
    farm.post(&format!("/v1/api_keys/{id}/pause"), json!({})).await.expect(200);
    for key in [&parent, &child, &grandchild] {
        farm.get_as(key, "/v1/printers").await.refused(401, "bad_credential");
    }
    farm.post(&format!("/v1/api_keys/{id}/resume"), json!({})).await.expect(200);
    assert_eq!(farm.get_as(&grandchild, "/v1/printers").await.status, 200);
    farm.post(&format!("/v1/api_keys/{id}/revoke"), json!({})).await.expect(200);
    for key in [&parent, &child, &grandchild] {
        farm.get_as(key, "/v1/printers").await.refused(401, "bad_credential");
    }
    farm.post(&format!("/v1/api_keys/{id}/resume"), json!({})).await.refused(409, "illegal_state");
}
