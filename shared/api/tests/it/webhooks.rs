//! Webhooks at a farm's own door: nothing is sent from there, and nobody is let believe it.

use domain::actor::{Actor, ActorKind};
use domain::id::{Id, UserId};
use gantry_api as api;
use serde_json::json;
use store::Tx;

use crate::farm::{Farm, NOW};

#[tokio::test]
async fn a_farm_refuses_a_webhook_that_nobody_would_send_and_lists_none() {
    let farm = Farm::new().await;
    let body = json!({"name": "W", "url": "https://hooks.example.com/", "permissions": ["job.view"]});
    let problem = farm.post("/v1/webhooks", body).await.refused(409, "relay_only");
    assert_eq!(problem["detail"], "webhooks are sent by relays: claim the farm at one and make it there");
    assert_eq!(farm.get("/v1/webhooks").await.expect(200)["items"], json!([]));
}

#[tokio::test]
async fn a_key_that_came_from_the_relay_opens_where_the_people_are_not_known() {
    let farm = Farm::new().await;
    let grants = domain::access::Grants::owner();
    let copied: domain::key::ApiKey = serde_json::from_value(json!({
        "id": domain::id::ApiKeyId::new(NOW, [6; 10]), "name": "copied", "hint": "gty_live_aaaa", "grants": grants, "holds": grants,
        "sponsor": Actor::new(ActorKind::User, UserId::new(NOW, [5; 10])), "state": "active", "created_at": NOW,
    }))
    .unwrap();
    let write = move |tx: &mut Tx<'_>| {
        let key = api::key_text::api_key(tx, true);
        let owner = copied.id.to_string();
        let credential = store::Credential { kind: store::CredentialKind::ApiKey, owner, expires_at: None };
        tx.put_credential(&store::credential_hash(&key), &credential)?;
        tx.create(&copied)?;
        Ok(key)
    };
    let key = farm.write(write).await;
    farm.get_as(&key, "/v1/me").await.expect(200);
}
