//! Passkeys, with an authenticator that is written out here: what is signed, by whom, for which host and how often.

use axum::body::Body;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::Request;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::accounts::World;

const HERE: &str = "http://localhost:7480";

/// A security key with one credential.
struct Authenticator {
    key: EcdsaKeyPair,
    id: String,
    counter: u32,
    host: &'static str,
}

impl Authenticator {
    fn new(id: u8) -> Self {
        let random = SystemRandom::new();
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &random).unwrap();
        let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, pkcs8.as_ref(), &random).unwrap();
        Self { key, id: URL_SAFE_NO_PAD.encode([id; 16]), counter: 1, host: "localhost" }
    }

    /// The host, that somebody was there and was verified, and how often it was used.
    fn data(&self, more_flags: u8) -> Vec<u8> {
        let mut data = Sha256::digest(self.host).to_vec();
        data.push(0b0000_0101 | more_flags);
        data.extend(self.counter.to_be_bytes());
        data
    }

    /// What `navigator.credentials.create` answers.
    fn make(&self, asked: &Value, origin: &str) -> Value {
        let client = client_data("webauthn.create", asked, origin);
        let mut data = self.data(0b0100_0000);
        let id = URL_SAFE_NO_PAD.decode(&self.id).unwrap();
        data.extend([0; 16]);
        data.extend(u16::try_from(id.len()).unwrap().to_be_bytes());
        data.extend(&id);
        // COSE: an EC2 key for ES256 on P-256, with x and y.
        let point = self.key.public_key().as_ref();
        data.extend([0xa5, 0x01, 0x02, 0x03, 0x26, 0x20, 0x01, 0x21, 0x58, 0x20]);
        data.extend(&point[1..33]);
        data.extend([0x22, 0x58, 0x20]);
        data.extend(&point[33..]);
        // CBOR: {"fmt": "none", "attStmt": {}, "authData": bytes}
        let mut attestation = vec![0xa3, 0x63];
        attestation.extend(b"fmt\x64none\x67attStmt\xa0\x68authData\x59");
        attestation.extend(u16::try_from(data.len()).unwrap().to_be_bytes());
        attestation.extend(&data);
        json!({
            "ceremony": asked["ceremony"], "name": "Phone", "credential_id": self.id,
            "client_data": URL_SAFE_NO_PAD.encode(client), "attestation": URL_SAFE_NO_PAD.encode(attestation),
        })
    }

    /// What `navigator.credentials.get` answers.
    fn prove(&mut self, asked: &Value, origin: &str) -> Value {
        self.counter += 1;
        let client = client_data("webauthn.get", asked, origin);
        let data = self.data(0);
        let signed = [data.clone(), Sha256::digest(&client).to_vec()].concat();
        let signature = self.key.sign(&SystemRandom::new(), &signed).unwrap();
        json!({
            "ceremony": asked["ceremony"], "credential_id": self.id, "client_data": URL_SAFE_NO_PAD.encode(client),
            "authenticator_data": URL_SAFE_NO_PAD.encode(data), "signature": URL_SAFE_NO_PAD.encode(signature),
        })
    }
}

fn client_data(kind: &str, asked: &Value, origin: &str) -> String {
    let challenge = &asked["options"]["publicKey"]["challenge"];
    json!({"type": kind, "challenge": challenge, "origin": origin, "crossOrigin": false}).to_string()
}

/// A relay with a store whose owner is signed in.
struct Relay {
    world: World,
    cookie: String,
    owner: String,
}

impl Relay {
    async fn new() -> Self {
        let world = World::new().await;
        let (cookie, owner) = owner_of(&world, "Anna").await;
        Self { world, cookie, owner }
    }

    async fn call(&self, cookie: &str, method: &str, path: &str, body: Value) -> (u16, Value) {
        let call = Request::builder().method(method).uri(path).header("cookie", cookie).header("host", "localhost");
        let call = call.header("origin", "http://localhost").header("content-type", "application/json");
        let body = if body.is_null() { Body::empty() } else { Body::from(body.to_string()) };
        let (status, _, answer) = self.world.send(call.body(body).unwrap()).await;
        (status, answer)
    }

    async fn begin(&self) -> Value {
        let (status, asked) = self.call(&self.cookie, "POST", "/v1/passkeys/begin", json!({})).await;
        assert_eq!(status, 200, "{asked}");
        asked
    }

    async fn keep(&self, made: Value) -> (u16, Value) {
        self.call(&self.cookie, "POST", "/v1/passkeys", made).await
    }

    async fn ask(&self) -> Value {
        self.call("", "POST", "/v1/sessions/passkey", Value::Null).await.1
    }

    async fn sign_in(&self, proof: Value) -> (u16, Value) {
        self.call("", "POST", "/v1/sessions", json!({"passkey": proof})).await
    }
}

async fn owner_of(world: &World, store: &str) -> (String, String) {
    let made = world.accounts.create_store(store.parse().unwrap()).await.unwrap();
    let (_, cookie, session) = world.sign_in(&made.one_time_token).await;
    (cookie.split(';').next().unwrap().to_owned(), session["actor"]["id"].as_str().unwrap().to_owned())
}

#[tokio::test]
async fn a_passkey_is_made_signs_in_without_a_name_and_is_forgotten() {
    let relay = Relay::new().await;
    let mut phone = Authenticator::new(1);
    let asked = relay.begin().await;
    let selection = &asked["options"]["publicKey"]["authenticatorSelection"];
    assert_eq!((&selection["residentKey"], &selection["userVerification"]), (&json!("required"), &json!("required")));
    let (status, kept) = relay.keep(phone.make(&asked, HERE)).await;
    assert_eq!((status, &kept["name"]), (201, &json!("Phone")), "{kept}");
    let (status, session) = relay.sign_in(phone.prove(&relay.ask().await, HERE)).await;
    assert_eq!((status, &session["actor"]["id"]), (201, &json!(relay.owner)), "{session}");
    let account = relay.call(&relay.cookie, "GET", "/v1/me/account", Value::Null).await.1;
    assert!(account["passkeys"][0]["used_at"].is_string(), "{account}");
    let path = format!("/v1/passkeys/{}", kept["id"].as_str().unwrap());
    let (stranger, _) = owner_of(&relay.world, "Ben").await;
    assert_eq!(relay.call(&stranger, "DELETE", &path, Value::Null).await.0, 404);
    assert_eq!(relay.call(&relay.cookie, "DELETE", &path, Value::Null).await.0, 204);
    assert_eq!(relay.sign_in(phone.prove(&relay.ask().await, HERE)).await.0, 401);
}

#[tokio::test]
async fn a_challenge_is_answered_once_by_whom_and_for_what_it_was_given() {
    let relay = Relay::new().await;
    let mut phone = Authenticator::new(1);
    let asked = relay.begin().await;
    let (stranger, _) = owner_of(&relay.world, "Ben").await;
    let made = phone.make(&asked, HERE);
    assert_eq!(relay.call(&stranger, "POST", "/v1/passkeys", made.clone()).await.0, 401, "it is another's");
    assert_eq!(relay.keep(made).await.0, 401, "and used up by that");
    let asked = relay.begin().await;
    assert_eq!(relay.keep(phone.make(&asked, HERE)).await.0, 201);
    let (status, refused) = relay.keep(phone.make(&asked, HERE)).await;
    assert_eq!((status, &refused["code"]), (401, &json!("bad_credential")));
    let proof = phone.prove(&relay.ask().await, HERE);
    assert_eq!(relay.sign_in(proof.clone()).await.0, 201);
    assert_eq!(relay.sign_in(proof.clone()).await.0, 401, "the same answer again");
    let mut replayed = proof;
    replayed["ceremony"] = relay.ask().await["ceremony"].clone();
    assert_eq!(relay.sign_in(replayed).await.0, 401, "an old answer to a new challenge");
}

#[tokio::test]
async fn what_was_signed_for_another_host_by_another_key_or_by_a_copy_is_refused() {
    let relay = Relay::new().await;
    let mut phone = Authenticator::new(1);
    let asked = relay.begin().await;
    assert_eq!(relay.keep(phone.make(&asked, "https://evil.example")).await.0, 401);
    let asked = relay.begin().await;
    assert_eq!(relay.keep(phone.make(&asked, HERE)).await.0, 201);
    assert_eq!(relay.sign_in(phone.prove(&relay.ask().await, "https://evil.example")).await.0, 401);
    let mut forged = Authenticator { counter: 50, ..Authenticator::new(1) };
    assert_eq!(relay.sign_in(forged.prove(&relay.ask().await, HERE)).await.0, 401);
    phone.host = "evil.example";
    assert_eq!(relay.sign_in(phone.prove(&relay.ask().await, HERE)).await.0, 401);
    phone.host = "localhost";
    assert_eq!(relay.sign_in(phone.prove(&relay.ask().await, HERE)).await.0, 201);
    phone.counter -= 2;
    assert_eq!(relay.sign_in(phone.prove(&relay.ask().await, HERE)).await.0, 401, "its counter went back");
    phone.counter += 10;
    assert_eq!(relay.sign_in(phone.prove(&relay.ask().await, HERE)).await.0, 201);
}
