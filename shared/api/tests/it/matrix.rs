//! Every operation of the registry against everything that a caller can get wrong: a problem with a
//! stable code each time, never a 500, and nothing half done.

use api::registry::rows;
use axum::body::Body;
use contract::operation::{BodyForm, Method, OperationRow};
use contract::problem::Code;
use domain::access::{Access, Grants};
use domain::account::User;
use domain::attempt::{Attempt, AttemptEvent};
use domain::id::{Id, PasskeyId, RoleId, UserId};
use domain::permission::{Permission, PermissionSet};
use domain::printer::Printer;
use domain::role::{OwnRole, Role};
use gantry_api as api;
use http::Request;
use http::header::{HeaderName, HeaderValue};
use serde_json::{Value, json};

use crate::bodies::{self, Known};
use crate::farm::{Answer, Farm, request};

/// A farm with one thing of each noun.
pub struct World {
    pub farm: Farm,
    pub ids: Vec<(&'static str, String)>,
    pub known: Known,
}

impl World {
    pub async fn new() -> Self {
        let farm = Farm::new().await;
        let file = farm.file().await;
        let (printer, job) = (farm.ready_printer().await, farm.job(json!({})).await);
        let waiting = farm.job(json!({})).await;
        let attempt = farm.assign(job, printer).await;
        let made = |answer: Value, name: &str| answer.pointer(name).and_then(Value::as_str).unwrap().to_owned();
        let part = made(farm.post("/v1/parts", json!({"name": "Part"})).await.expect(201), "/id");
        let sku = made(farm.post("/v1/skus", json!({"name": "Sku", "code": "S-1"})).await.expect(201), "/id");
        let order = made(farm.post("/v1/orders", json!({"name": "1042"})).await.expect(201), "/id");
        let material = made(farm.post("/v1/materials", json!({"type": "PLA"})).await.expect(201), "/id");
        let reel = json!({"material_id": material, "grams_initial": 1000});
        let spool = made(farm.post("/v1/spools", reel).await.expect(201), "/id");
        let place = json!({"printer_id": printer});
        let slot = made(farm.post(&format!("/v1/spools/{spool}/load"), place).await.expect(200), "/slot_id");
        let came = json!({"sku_id": sku, "delta": 5, "reason": "counted"});
        let stock = made(farm.post("/v1/stock/adjust", came).await.expect(200), "/id");
        let pool = made(farm.post("/v1/pools", json!({"name": "Pool", "tags": ["rack-a"]})).await.expect(201), "/id");
        let slicer_key = made(farm.post("/v1/slicer_keys", json!({"name": "S"})).await.expect(201), "/slicer_key/id");
        let api_key = made(farm.post("/v1/api_keys", json!({"name": "K", "role": "viewer"})).await.expect(201), "/api_key/id");
        let user = User::of_role(UserId::new(crate::farm::NOW, [1; 10]), "U".parse().unwrap(), Role::Viewer, crate::farm::NOW);
        let role: OwnRole = serde_json::from_value(json!({
            "id": RoleId::new(crate::farm::NOW, [1; 10]), "name": "R", "permissions": ["job.view"], "created_at": crate::farm::NOW,
        }))
        .unwrap();
        let role_id = role.id;
        let person = user.clone();
        farm.write(move |tx| Ok(tx.create(&person).and_then(|_| tx.create(&role))?)).await;
        let link = farm.one_time().await;
        let session = made(farm.post("/v1/sessions", json!({"one_time_token": link})).await.expect(201), "/id");
        let operator = made(farm.post("/v1/operators", json!({"name": "O"})).await.expect(201), "/id");
        let device = made(farm.post("/v1/devices", json!({"name": "D"})).await.expect(201), "/device/id");
        let event = made(farm.get("/v1/events?limit=1").await.expect(200), "/items/0/id");
        let webhook = farm.webhook().await;
        let delivery = made(farm.post(&format!("/v1/webhooks/{webhook}/test"), json!({})).await.expect(201), "/id");
        farm.start(attempt).await;
        let pause = format!("/v1/printers/{printer}/pause");
        let asked = farm.call_as(&farm.key, http::Method::POST, &pause, None, &[("prefer", "wait=0")]).await;
        let command = made(asked.expect(202), "/id");
        let begun = request("POST", "/v1/uploads").header("authorization", format!("Bearer {}", farm.key));
        let begun = begun.header("upload-length", "9").header("upload-metadata", "filename YS5nY29kZQ==");
        let upload = made(farm.send(begun.body(Body::empty()).unwrap()).await.expect(201), "/id");
        let bed_use = farm.record::<Printer>(printer).bed_use;
        let ids = vec![
            ("printers", printer.to_string()),
            ("jobs", waiting.to_string()),
            ("attempts", attempt.to_string()),
            ("files", file.clone()),
            ("parts", part.clone()),
            ("pools", pool.clone()),
            ("skus", sku.clone()),
            ("orders", order),
            ("materials", material.clone()),
            ("spools", spool),
            ("slots", slot),
            ("stock", stock),
            ("slicer_keys", slicer_key),
            ("api_keys", api_key),
            ("users", user.id.to_string()),
            ("roles", role_id.to_string()),
            ("passkeys", PasskeyId::new(crate::farm::NOW, [1; 10]).to_string()),
            ("sessions", session),
            ("operators", operator),
            ("devices", device),
            ("events", event),
            ("commands", command),
            ("webhooks", webhook.to_string()),
            ("deliveries", delivery),
            ("uploads", upload),
            ("farms", farm.door.home().farm_id.to_string()),
            ("pairings", "ABCDEFGH".to_owned()),
        ];
        let known = vec![
            ("driver", json!("test")),
            ("file_id", json!(file)),
            ("part_id", json!(part)),
            ("pool_id", json!(pool)),
            ("printer_id", json!(printer)),
            ("sku_id", json!(sku)),
            ("material_id", json!(material)),
            ("colour_hex", json!("#1a2B3c")),
            ("currency", json!("EUR")),
            ("bed_use", json!(bed_use)),
            ("before", json!(job)),
            ("one_time_token", Value::Null),
            ("enrolment_token", Value::Null),
            ("operator_id", Value::Null),
            ("device_name", Value::Null),
            ("pin", json!("482913")),
            ("page", json!("http://192.168.1.5:7470")),
            ("allowed_networks", json!(["10.0.0.0/8"])),
            ("role", json!("viewer")),
            ("email", json!("somebody@farm.example")),
            ("url", json!("https://hooks.example.com/gantry")),
        ];
        Self { farm, ids, known }
    }

    fn id(&self, noun: &str) -> &str {
        &self.ids.iter().find(|(known, _)| *known == noun).unwrap_or_else(|| panic!("no {noun} in the test's farm")).1
    }

    fn path(&self, row: &OperationRow, id: Option<&str>) -> String {
        if row.path_names.is_empty() { row.path.to_owned() } else { row.path.replace("{id}", id.unwrap_or(self.id(row.noun()))) }
    }

    fn body(&self, row: &OperationRow) -> Option<Value> {
        bodies::valid(row, &self.known, false)
    }
}

/// A call that is being made wrong.
struct Call {
    method: String,
    path: String,
    key: Option<String>,
    media: Option<&'static str>,
    headers: Vec<(&'static str, Vec<u8>)>,
    body: Vec<u8>,
}

impl Call {
    /// The operation as it is meant.
    fn right(world: &World, row: &OperationRow) -> Self {
        let body = world.body(row);
        let media = match row.body {
            BodyForm::Json => Some("application/json"),
            BodyForm::Bytes if row.method == Method::Post => Some("multipart/form-data; boundary=edge"),
            BodyForm::Nothing | BodyForm::Bytes => None,
        };
        Self {
            method: row.method.word().to_owned(),
            path: world.path(row, None),
            key: Some(world.farm.key.clone()),
            media,
            headers: Vec::new(),
            body: body.map(|body| body.to_string().into_bytes()).unwrap_or_default(),
        }
    }

    fn bulk(world: &World, row: &OperationRow, path: String) -> Self {
        let body = json!({"ids": [world.id(row.noun())], "with": world.body(row).unwrap_or(json!({}))});
        Self {
            method: "POST".to_owned(),
            path,
            media: Some("application/json"),
            body: body.to_string().into_bytes(),
            ..Self::right(world, row)
        }
    }

    fn json(self, body: &Value) -> Self {
        self.bytes(body.to_string().into_bytes())
    }

    fn bytes(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self.media = self.media.or(Some("application/json"));
        self
    }

    fn header(mut self, name: &'static str, value: impl Into<Vec<u8>>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    fn query(mut self, query: &str) -> Self {
        self.path = format!("{}?{query}", self.path);
        self
    }

    fn request(self) -> Request<Body> {
        let mut call = request(&self.method, &self.path);
        if let Some(key) = self.key {
            call = call.header("authorization", format!("Bearer {key}"));
        }
        if let Some(media) = self.media {
            call = call.header("content-type", media);
        }
        for (name, value) in self.headers {
            call = call.header(HeaderName::from_static(name), HeaderValue::from_bytes(&value).unwrap());
        }
        call.body(Body::from(self.body)).unwrap()
    }
}

/// Calls, and holds the answer to what every refusal keeps.
async fn check(world: &World, what: &str, call: Call, status: u16, code: &str) -> Value {
    let place = format!("{what}: {} {}", call.method, call.path.chars().take(100).collect::<String>());
    let answer = world.farm.send(call.request()).await;
    hold(&place, &answer);
    assert_eq!((answer.status, answer.code().as_str()), (status, code), "{place}: {}", String::from_utf8_lossy(&answer.bytes));
    answer.json()
}

fn hold(place: &str, answer: &Answer) {
    assert!((400..500).contains(&answer.status), "{place}: {} {}", answer.status, String::from_utf8_lossy(&answer.bytes));
    assert_eq!(answer.header("content-type"), "application/problem+json", "{place}");
    assert!(Code::ALL.iter().any(|code| code.word() == answer.code()), "{place}: {}", answer.code());
    assert_eq!(answer.json()["status"], answer.status, "{place}");
    assert_eq!(answer.header("x-content-type-options"), "nosniff", "{place}");
    assert!(answer.bytes.len() < 4000, "{place}: a refusal of {} bytes", answer.bytes.len());
}

fn without(permissions: &[Permission]) -> Grants {
    Grants::unscoped(permissions.iter().fold(PermissionSet::all(), |set, permission| set.without(*permission)))
}

/// Calls `each` for every operation and holds it to leave no trace.
async fn every(each: impl AsyncFn(&World, &OperationRow)) {
    let world = World::new().await;
    for row in rows() {
        let before = world.farm.counts();
        each(&world, &row).await;
        assert_eq!(world.farm.counts(), before, "{} left something half done", row.id);
    }
}

#[tokio::test]
async fn without_a_key_or_with_a_bad_one_every_operation_is_401() {
    every(async |world, row| {
        let call = || Call { key: None, ..Call::right(world, row) };
        if row.access != Access::Public {
            check(world, row.id, call(), 401, "unauthenticated").await;
            for bad in [&b"Bearer gty_live_x"[..], b"Basic abc", b"Bearer \xff\xfe", b"", b"Bearer "] {
                check(world, row.id, call().header("authorization", bad), 401, "bad_credential").await;
            }
            check(
                world,
                row.id,
                call()
                    .header("cookie", "gantry_session=nonsense")
                    .header("host", "localhost")
                    .header("sec-fetch-site", "same-origin"),
                401,
                "bad_credential",
            )
            .await;
        }
        if let Some(path) = row.bulk_path() {
            check(world, row.id, Call { key: None, ..Call::bulk(world, row, path) }, 401, "unauthenticated").await;
        }
    })
    .await;
}

#[tokio::test]
async fn without_its_permission_every_operation_is_a_403_that_names_it() {
    let world = World::new().await;
    for row in rows() {
        let (key, missing) = match row.access {
            Access::Public | Access::Authenticated => continue,
            Access::Needs(permission) => (world.farm.key_of(without(&[permission])).await, permission),
            Access::OwnOrAll(own, all) => (world.farm.key_of(without(&[own, all])).await, all),
        };
        let before = world.farm.counts();
        let call = || Call { key: Some(key.clone()), ..Call::right(&world, &row) };
        // Whatever else is wrong: who may not call learns nothing of it.
        let calls =
            [call(), call().bytes("{"), call().query("nonsense=1"), call().header("if-match", "x").header("idempotency-key", "")];
        for call in calls {
            let problem = check(&world, row.id, call, 403, "permission_missing").await;
            assert_eq!(problem["permission"], missing.name(), "{}", row.id);
        }
        if !row.path_names.is_empty() {
            let nobody = Call { path: world.path(&row, Some("nonsense")), ..call() };
            check(&world, row.id, nobody, 403, "permission_missing").await;
        }
        if let Some(path) = row.bulk_path() {
            let problem = check(
                &world,
                row.id,
                Call { key: Some(key.clone()), ..Call::bulk(&world, &row, path) },
                403,
                "permission_missing",
            )
            .await;
            assert_eq!(problem["permission"], missing.name(), "{}", row.id);
        }
        assert_eq!(world.farm.counts(), before, "{} left something half done", row.id);
    }
}

#[tokio::test]
async fn an_id_of_nothing_of_another_kind_or_of_no_form_is_404() {
    every(async |world, row| {
        if row.path_names.is_empty() {
            return;
        }
        let mine = world.id(row.noun()).to_owned();
        let prefix = mine.split('_').next().unwrap();
        let other = world.id(if row.noun() == "jobs" { "printers" } else { "jobs" });
        let bad = [
            format!("{prefix}_{}", "0".repeat(32)),
            other.to_owned(),
            mine.to_uppercase(),
            format!("{mine}%00"),
            format!("{mine}%20"),
            format!("{prefix}_{}", "f".repeat(10_000)),
            "%2e%2e%2fetc".to_owned(),
            "%F0%9F%96%A8".to_owned(),
            "'%20OR%201=1--".to_owned(),
        ];
        for id in bad {
            let call = Call { path: world.path(row, Some(&id)), ..Call::right(world, row) };
            check(world, row.id, call, 404, "not_found").await;
        }
        let no_text = Call { path: world.path(row, Some("%ff%fe")), ..Call::right(world, row) };
        check(world, row.id, no_text, 400, "malformed_request").await;
    })
    .await;
}

#[tokio::test]
async fn a_body_that_is_no_json_or_of_another_type_size_or_medium_is_named() {
    every(async |world, row| {
        let call = || Call::right(world, row);
        match row.body {
            BodyForm::Json => {
                for text in [&b"{"[..], b"nonsense", b"{\"a\":}", b"\xff\xfe", b"{} {}"] {
                    check(world, row.id, call().bytes(text), 400, "malformed_json").await;
                }
                check(world, row.id, call().bytes("[".repeat(5000)), 400, "malformed_json").await;
                for odd in ["{\"name\":\"\\ud800\"}", &format!("{}{}", "[".repeat(500), "]".repeat(500)), "{\"name\":1e999}"] {
                    hold(row.id, &world.farm.send(call().bytes(odd).request()).await);
                }
                for not_an_object in [json!([]), json!("text"), json!(7), json!(null), json!(true)] {
                    check(world, row.id, call().json(&not_an_object), 422, "invalid_request").await;
                }
                for media in
                    ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=edge", "application/xml"]
                {
                    check(
                        world,
                        row.id,
                        Call { media: Some(media), body: b"{}".to_vec(), ..call() },
                        415,
                        "unsupported_media_type",
                    )
                    .await;
                }
                check(world, row.id, Call { media: None, body: b"{}".to_vec(), ..call() }, 415, "unsupported_media_type").await;
                check(world, row.id, call().bytes(vec![b' '; 1024 * 1024 + 1]), 413, "body_too_large").await;
            }
            BodyForm::Nothing => {
                check(world, row.id, call().json(&json!({"nonsense": 1})), 422, "invalid_request").await;
                check(world, row.id, call().bytes("nonsense"), 422, "invalid_request").await;
                check(world, row.id, call().bytes(vec![b' '; 1024 * 1024 + 1]), 413, "body_too_large").await;
            }
            BodyForm::Bytes if row.method == Method::Post => {
                check(
                    world,
                    row.id,
                    Call { media: Some("application/json"), ..call() }.json(&json!({})),
                    415,
                    "unsupported_media_type",
                )
                .await;
                check(world, row.id, call().bytes("nonsense"), 400, "malformed_request").await;
            }
            BodyForm::Bytes => {}
        }
    })
    .await;
}

#[tokio::test]
async fn every_field_that_is_unknown_missing_or_of_another_type_is_named() {
    every(async |world, row| {
        let Some(right) = world.body(row) else { return };
        let mut unknown = right.clone();
        unknown["no_such_field"] = json!(1);
        let problem = check(world, row.id, Call::right(world, row).json(&unknown), 422, "invalid_request").await;
        assert_eq!(problem["errors"][0]["code"], "unknown_field", "{}: {problem}", row.id);
        for name in bodies::fields(row) {
            for wrong in [json!({"nonsense": [1]}), json!([[{}]]), json!("a\u{0}b"), json!("x".repeat(100_000))] {
                let mut body = right.clone();
                body[&name] = wrong;
                let problem = check(world, row.id, Call::right(world, row).json(&body), 422, "invalid_request").await;
                let pointer = problem["errors"][0]["pointer"].as_str().unwrap_or_else(|| panic!("{}: {problem}", row.id));
                assert!(pointer.is_empty() || pointer.starts_with(&format!("/{name}")), "{} {name}: {problem}", row.id);
            }
        }
        for name in right.as_object().unwrap().keys() {
            let mut body = right.clone();
            body.as_object_mut().unwrap().remove(name);
            let problem = check(world, row.id, Call::right(world, row).json(&body), 422, "invalid_request").await;
            assert_eq!(problem["errors"][0]["code"], "missing", "{} {name}: {problem}", row.id);
        }
    })
    .await;
}

#[tokio::test]
async fn a_query_or_a_header_that_cannot_be_is_named() {
    every(async |world, row| {
        let call = || Call::right(world, row);
        for query in ["no_such_parameter=1", "no_such_parameter", "%00=1", "=", "offset=5"] {
            check(world, row.id, call().query(query), 422, "invalid_request").await;
        }
        let mut generator = schemars::SchemaGenerator::default();
        for parameter in (row.parameters)(&mut generator) {
            let name = parameter["name"].as_str().unwrap();
            check(world, row.id, call().query(&format!("{name}=a&{name}=b")), 422, "invalid_request").await;
            if parameter["schema"]["type"] != "string"
                || parameter["schema"].get("enum").is_some()
                || parameter["schema"].get("format").is_some()
            {
                check(world, row.id, call().query(&format!("{name}=%00nonsense")), 422, "invalid_request").await;
            }
        }
        match row.dry_run {
            true => {
                check(world, row.id, call().query("dry_run=perhaps"), 422, "invalid_request").await;
                check(world, row.id, call().query("dry_run=true&dry_run=false"), 422, "invalid_request").await;
            }
            false => {
                check(world, row.id, call().query("dry_run=true"), 422, "invalid_request").await;
            }
        }
        for tag in [&b"nonsense"[..], b"W/\"1\"", b"\"\"", b"-1", b"\"1", b"\xff", b"18446744073709551616"] {
            check(world, row.id, call().header("if-match", tag), 422, "invalid_request").await;
        }
        for key in [&b""[..], &[b'x'; 256], b"\xff\xfe"] {
            check(world, row.id, call().header("idempotency-key", key), 422, "invalid_request").await;
        }
        check(world, row.id, call().header("prefer", b"\xff".as_slice()), 422, "invalid_request").await;
    })
    .await;
}

#[tokio::test]
async fn a_method_or_path_that_is_not_there_is_a_problem_too() {
    every(async |world, row| {
        let mut paths = vec![world.path(row, None)];
        paths.extend(row.bulk_path());
        for path in paths {
            let put =
                world.farm.send(Call { method: "PUT".into(), path: path.clone(), ..Call::right(world, row) }.request()).await;
            hold(row.id, &put);
            assert_eq!((put.status, put.code().as_str()), (405, "method_not_allowed"), "{path}");
            assert!(!put.header("allow").is_empty(), "{path}");
            let options =
                world.farm.send(Call { method: "OPTIONS".into(), path: path.clone(), ..Call::right(world, row) }.request()).await;
            assert_eq!((options.status, options.bytes.len()), (204, 0), "{path}");
            assert!(
                options.header("allow").contains(if path.contains("/actions/") { "POST" } else { row.method.word() }),
                "{path}"
            );
        }
    })
    .await;
    let world = World::new().await;
    for path in ["/v1/nothing", "/v1/jobs/job_1/nothing", "/v1/", "/v1/jobs/actions/nothing", "/v1/printers//pause", "/v1/%ff"] {
        for method in ["GET", "POST", "DELETE"] {
            let call = Call {
                method: method.to_owned(),
                path: path.to_owned(),
                key: None,
                media: None,
                headers: Vec::new(),
                body: Vec::new(),
            };
            let answer = world.farm.send(call.request()).await;
            hold(path, &answer);
        }
    }
}

#[tokio::test]
async fn head_answers_as_get_does_without_the_body() {
    let world = World::new().await;
    for row in rows().into_iter().filter(|row| row.method == Method::Get && row.id != "stream") {
        let get = world.farm.send(Call::right(&world, &row).request()).await;
        let head = world.farm.send(Call { method: "HEAD".into(), ..Call::right(&world, &row) }.request()).await;
        assert_eq!((head.status, head.bytes.len()), (get.status, 0), "{}", row.id);
    }
}

/// Bodies that fit their schema are taken, or refused for what the farm is, and never a fault inside.
#[tokio::test]
async fn a_body_made_from_the_schema_is_understood_by_every_operation() {
    let world = World::new().await;
    let mut worked = 0;
    let (streams, mut calls) = (["stream"], rows());
    calls.retain(|row| !streams.contains(&row.id));
    // What takes things away comes last.
    calls.sort_by_key(|row| (row.method == Method::Delete, row.id.contains("revoke"), row.id == "set_owner_password"));
    for row in calls {
        for all in [false, true] {
            let body = bodies::valid(&row, &world.known, all);
            let mut call = Call::right(&world, &row).header("prefer", "wait=0");
            call.body = body.map(|body| body.to_string().into_bytes()).unwrap_or_default();
            let answer = world.farm.send(call.request()).await;
            let text = String::from_utf8_lossy(&answer.bytes).into_owned();
            assert!(answer.status < 500, "{}: {text}", row.id);
            assert!(
                !["malformed_json", "malformed_request", "permission_missing"].contains(&answer.code().as_str())
                    || row.id == "upload_file",
                "{}: {text}",
                row.id
            );
            worked += usize::from(answer.status < 300);
        }
    }
    assert!(worked > 90, "only {worked} calls were taken");
}

impl Farm {
    pub async fn one_time(&self) -> String {
        let by = store::By::new(crate::farm::owner(), self.door.now());
        api::ops::access::one_time_link(&self.door.store, by, None).await.unwrap()
    }

    /// An attempt that was sent and started, and whose print is seen.
    pub async fn start(&self, attempt: domain::id::AttemptId) {
        for event in [AttemptEvent::SendBegan, AttemptEvent::StartWritten, AttemptEvent::SeenPrinting] {
            self.write(move |tx| api::facts::move_attempt(tx, attempt, event, None)).await;
        }
        assert_eq!(self.record::<Attempt>(attempt).state.word(), "printing");
    }
}

/// A relay promises the id while the farm is away, without running the operation.
#[tokio::test]
async fn what_may_wait_at_a_relay_gets_the_first_id_that_its_key_gives() {
    let world = World::new().await;
    let me = world.farm.get("/v1/me").await.expect(200)["actor"].clone();
    let actor: domain::actor::Actor = serde_json::from_value(me).unwrap();
    let farm = world.farm.door.home().farm_id.to_string();
    let mut seen = 0;
    for row in rows() {
        let kind = domain::kind::Kind::ALL.iter().find(|kind| row.path == format!("/v1/{}", kind.plural()));
        let makes =
            row.method == Method::Post && row.nature == contract::operation::Nature::Mailbox && row.body == BodyForm::Json;
        let Some(kind) = kind.filter(|_| makes) else { continue };
        let key = format!("once-{}", row.id);
        let headers = [("idempotency-key", key.as_str())];
        let answer = world.farm.call_as(&world.farm.key, http::Method::POST, row.path, world.body(&row), &headers).await;
        let digest = store::RequestKey::new(&farm, &actor.to_string(), row.id, &key, b"").digest();
        assert_eq!(answer.expect(201)["id"], store::derived_id(*kind, digest, 0), "{}", row.id);
        seen += 1;
    }
    assert!(seen >= 7, "only {seen}");
}
