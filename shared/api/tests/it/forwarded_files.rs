//! Files that are uploaded at a relay: read there, named at the farm, and fetched by it.

use api::keep::Keep;
use axum::body::Body;
use contract::forward::Forwarded;
use domain::access::Grants;
use domain::file::{ContentHash, File, FileContent};
use domain::id::JobId;
use domain::permission::Permission;
use domain::printer::Printer;
use gantry_api as api;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::farm::{Answer, GCODE, request};
use crate::forward::{World, store};
use crate::tus::{PIECES, metadata};
use tower::ServiceExt;

impl World {
    pub async fn owner(&self) -> String {
        self.key(self.store, Grants::owner()).await
    }

    pub async fn send(&self, call: http::Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(call).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = axum::body::to_bytes(body, usize::MAX).await.unwrap().to_vec();
        Answer { status: parts.status.as_u16(), headers: parts.headers, bytes }
    }

    pub async fn upload(&self, key: &str, name: &str, content: &str, headers: &[(&str, &str)]) -> Answer {
        let form = format!(
            "--edge\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n\r\n{content}\r\n--edge--\r\n"
        );
        let call = request("POST", "/v1/files").header("authorization", format!("Bearer {key}"));
        let call = call.header("content-type", "multipart/form-data; boundary=edge");
        let call = headers.iter().fold(call, |call, (name, value)| call.header(*name, *value));
        self.send(call.body(Body::from(form)).unwrap()).await
    }

    async fn tus(&self, key: &str, method: &str, path: &str, headers: &[(&str, &str)], body: impl Into<Body>) -> Answer {
        let call = request(method, path).header("authorization", format!("Bearer {key}")).header("tus-resumable", "1.0.0");
        let call = headers.iter().fold(call, |call, (name, value)| call.header(*name, *value));
        self.send(call.body(body.into()).unwrap()).await
    }

    /// The bytes have come: what the farm's fetching writes.
    pub async fn came(&self, content: &str) {
        let mut reader = files::Reader::new("a.gcode".parse().unwrap());
        reader.feed(content.as_bytes());
        let (sha256, sliced) = (hash(content), reader.finish().unwrap());
        self.farm.write(move |tx| api::facts::content_came(tx, &sha256, &sliced)).await;
    }

    pub fn promised(&self) -> (u64, u64) {
        self.relay.store.read(|rows| rows.promised_to(self.store)).unwrap()
    }
}

pub fn hash(content: &str) -> ContentHash {
    ContentHash::new(Sha256::digest(content).into())
}

#[tokio::test]
async fn a_file_is_taken_in_at_the_relay_and_named_at_the_farm_where_its_job_waits_for_the_bytes() {
    let world = World::new().await;
    let printer = world.farm.ready_printer().await;
    let key = world.owner().await;
    let made = world.upload(&key, "a.gcode", GCODE, &[]).await.expect(201);
    assert_eq!((&made["content"], &made["size_bytes"]), (&json!("on_its_way"), &json!(GCODE.len())));
    assert_eq!(made["sliced"]["bounds"]["max_mm"], json!([20.0, 20.0, 0.2]));
    assert!(world.relay.blobs.find(&hash(GCODE)).is_some());
    assert_eq!(world.promised(), (1, GCODE.len() as u64));
    let id = made["id"].as_str().unwrap().parse().unwrap();
    assert_eq!(world.farm.record::<File>(id).content, FileContent::OnItsWay);
    let job = world.call(&key, "POST", "/v1/jobs", Some(json!({"file_id": id})), &[]).await.expect(201);
    let job: JobId = job["id"].as_str().unwrap().parse().unwrap();
    let claimed = world.farm.write(move |tx| api::facts::assign(tx, job, printer)).await;
    assert_eq!((claimed, world.farm.record::<Printer>(printer).attempt_id), (None, None), "nothing is tried before that");
    world.farm.get(&format!("/v1/files/{id}/content")).await.refused(503, "content_on_its_way");
    world.came(GCODE).await;
    assert_eq!(world.farm.record::<File>(id).content, FileContent::Here);
    assert!(world.farm.write(move |tx| api::facts::assign(tx, job, printer)).await.is_some());
}

#[tokio::test]
async fn what_is_refused_at_the_relay_never_reaches_the_line_and_leaves_nothing() {
    let world = World::new().await;
    let key = world.owner().await;
    for content in ["", "just some text\n", "M104 S200\n"] {
        world.upload(&key, "a.gcode", content, &[]).await.refused(422, "file_refused");
    }
    let viewer = world.key(world.store, Grants::unscoped([Permission::FileView].into_iter().collect())).await;
    world.upload(&viewer, "a.gcode", GCODE, &[]).await.refused(403, "permission_missing");
    let stranger = world.key(store(2), Grants::owner()).await;
    world.upload(&stranger, "a.gcode", GCODE, &[]).await.refused(503, "farm_offline");
    assert_eq!((world.passed(), world.promised()), (0, (0, 0)));
    assert_eq!(std::fs::read_dir(world.folder.path().join("files/arriving")).unwrap().count(), 0);
}

#[tokio::test]
async fn while_the_farm_is_away_an_upload_waits_with_its_id_before_the_job_that_names_it() {
    let world = World::new().await;
    let key = world.owner().await;
    world.cut(true);
    let file = world.upload(&key, "a.gcode", GCODE, &[]).await.expect(202);
    let job = world.call(&key, "POST", "/v1/jobs", Some(json!({"file_id": file["id"]})), &[]).await.expect(202);
    let path = format!("/v1/files/{}", file["id"].as_str().unwrap());
    let shown = world.call(&key, "GET", &path, None, &[]).await.expect(200);
    assert_eq!((&shown["pending"], &shown["content"], &shown["name"]), (&json!(true), &json!("on_its_way"), &json!("a.gcode")));
    world.cut(false);
    assert_eq!(world.deliver().await, 2);
    world.copy().await;
    let shown = world.call(&key, "GET", &path, None, &[]).await.expect(200);
    assert_eq!((&shown["pending"], &shown["revision"], &shown["content"]), (&Value::Null, &json!(1), &json!("on_its_way")));
    let job = world.farm.get(&format!("/v1/jobs/{}", job["id"].as_str().unwrap())).await.expect(200);
    assert_eq!(job["file_id"], file["id"]);
    let command = format!("/v1/commands/{}", file["command"]["id"].as_str().unwrap());
    assert_eq!(world.call(&key, "GET", &command, None, &[]).await.expect(200)["state"], "completed");
}

#[tokio::test]
async fn the_promised_file_is_made_though_the_farm_got_the_same_one_meanwhile() {
    let world = World::new().await;
    let key = world.owner().await;
    world.cut(true);
    let promised = world.upload(&key, "a.gcode", GCODE, &[]).await.expect(202);
    let local = world.farm.upload("a.gcode", GCODE).await.expect(201);
    world.cut(false);
    assert_eq!(world.deliver().await, 1);
    assert_ne!(local["id"], promised["id"]);
    let made = world.farm.get(&format!("/v1/files/{}", promised["id"].as_str().unwrap())).await.expect(200);
    assert_eq!(made["content"], "here", "its bytes need no second way");
    // Without a promise the same is the same.
    world.copy().await;
    assert_eq!(world.upload(&key, "a.gcode", GCODE, &[]).await.expect(200)["name"], "a.gcode");
    assert_eq!(world.farm.get("/v1/files").await.expect(200)["items"].as_array().map(Vec::len), Some(2));
}

#[tokio::test]
async fn the_same_key_at_both_doors_makes_one_file() {
    let world = World::new().await;
    let key = world.owner().await;
    let once = &[("idempotency-key", "plate-9")];
    world.cut(true);
    let promised = world.upload(&key, "a.gcode", GCODE, once).await.expect(202);
    let again = world.upload(&key, "a.gcode", GCODE, once).await;
    assert_eq!(again.header("idempotent-replayed"), "true");
    assert_eq!(again.expect(202)["id"], promised["id"]);
    world.upload(&key, "a.gcode", &format!("{GCODE}G1 X1 E1\n"), once).await.refused(422, "idempotency_mismatch");
    // The farm's own door is asked first: by the same actor, whose bytes come there.
    let actor: domain::actor::Actor =
        serde_json::from_value(world.call(&key, "GET", "/v1/me", None, &[]).await.expect(200)["actor"].clone()).unwrap();
    let mail = api::mailbox::next(&world.relay, world.farm.door.home().farm_id).await.unwrap().unwrap().1;
    assert_eq!(mail.actor, actor);
    let direct = api::forward::carry_out(&world.farm.door, &api::forward::Operations::default(), mail).await;
    assert_eq!((direct.status, &direct.body["id"]), (201, &promised["id"]));
    world.cut(false);
    assert_eq!(world.deliver().await, 1);
    assert_eq!(world.farm.get("/v1/files").await.expect(200)["items"].as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn nobody_but_the_line_names_content_that_they_do_not_send() {
    let world = World::new().await;
    let key = world.owner().await;
    let named = json!({"name": "stolen.gcode", "sha256": hash(GCODE), "size_bytes": 9, "sliced": {}, "content": "here"});
    for (door, key) in [("relay", &key), ("farm", &world.farm.key)] {
        let body = Body::from(named.to_string());
        let call = request("POST", "/v1/files").header("authorization", format!("Bearer {key}"));
        let call = call.header("content-type", "application/json").body(body).unwrap();
        let answer = if door == "relay" { world.send(call).await } else { world.farm.send(call).await };
        answer.refused(415, "unsupported_media_type");
    }
    let stranger = world.key(store(2), Grants::owner()).await;
    world.upload(&key, "a.gcode", GCODE, &[]).await.expect(201);
    assert_eq!(world.call(&stranger, "GET", "/v1/files", None, &[]).await.expect(200)["items"], json!([]));
    let home = domain::farm::HomeIds { store_id: store(2), farm_id: world.farm.door.home().farm_id };
    assert_eq!(world.relay.store.read(|rows| rows.kept(home, &hash(GCODE))).unwrap(), None);
}

#[tokio::test]
async fn a_store_may_not_leave_more_at_the_relay_than_its_share() {
    let world = World::keeping(Keep { store_bytes: GCODE.len() as u64 + 10, store_files: 2, ..Keep::default() }).await;
    let key = world.owner().await;
    world.upload(&key, "a.gcode", GCODE, &[]).await.expect(201);
    world.upload(&key, "b.gcode", &format!("{GCODE};\n"), &[]).await.refused(507, "content_limit");
    let begin = |length: &'static str| [("upload-length", length), ("upload-metadata", "filename YS5nY29kZQ==")];
    world.tus(&key, "POST", "/v1/uploads", &begin("11"), Body::empty()).await.refused(507, "content_limit");
    world.tus(&key, "POST", "/v1/uploads", &begin("8"), Body::empty()).await.expect(201);
    world.tus(&key, "POST", "/v1/uploads", &begin("1"), Body::empty()).await.refused(507, "content_limit");
    assert_eq!(world.passed(), 1);
}

#[tokio::test]
async fn what_the_farms_own_reader_finds_is_what_counts() {
    let world = World::new().await;
    let key = world.owner().await;
    let file = world.upload(&key, "a.gcode", GCODE, &[]).await.expect(201);
    let job = world.call(&key, "POST", "/v1/jobs", Some(json!({"file_id": file["id"]})), &[]).await.expect(201);
    let sliced = domain::sliced::Sliced { printer_model: Some("MK4".into()), ..Default::default() };
    let sha256 = hash(GCODE);
    world.farm.write(move |tx| api::facts::content_came(tx, &sha256, &sliced)).await;
    let path = format!("/v1/jobs/{}", job["id"].as_str().unwrap());
    assert_eq!(world.farm.get(&path).await.expect(200)["needs"]["models"], json!(["MK4"]));
    let other = world.upload(&key, "b.gcode", &format!("{GCODE};\n"), &[]).await.expect(201);
    let sha256 = hash(&format!("{GCODE};\n"));
    let refuse = move |tx: &mut store::Tx<'_>| api::facts::content_failed(tx, &sha256, FileContent::Refused, "no moves");
    world.farm.write(refuse).await;
    let shown = world.farm.get(&format!("/v1/files/{}", other["id"].as_str().unwrap())).await.expect(200);
    assert_eq!((&shown["content"], &shown["detail"]), (&json!("refused"), &json!("no moves")));
}

#[tokio::test]
async fn an_upload_in_pieces_at_the_relay_is_accepted_once_though_its_answer_was_lost() {
    let world = World::new().await;
    let key = world.owner().await;
    world.cut(true);
    let (length, name) = (GCODE.len().to_string(), metadata("a.gcode"));
    let begin = [("upload-length", length.as_str()), ("upload-metadata", name.as_str())];
    let begun = world.tus(&key, "POST", "/v1/uploads", &begin, Body::empty()).await;
    let place = begun.header("location").to_owned();
    let piece = async |offset: usize| {
        let offset_text = offset.to_string();
        world.tus(&key, "PATCH", &place, &[PIECES, ("upload-offset", &offset_text)], &GCODE[offset..]).await
    };
    let before =
        world.relay.store.read(|rows| rows.upload(begun.json()["id"].as_str().unwrap().parse().unwrap())).unwrap().unwrap();
    let first = piece(0).await.header("gantry-file").to_owned();
    // The relay died before it had written down that the upload is done.
    let stamp = store::By::new(crate::farm::owner(), crate::farm::NOW);
    world.relay.store.write(stamp, move |tx| tx.put_upload(&before)).await.unwrap();
    assert_eq!(piece(0).await.header("gantry-file"), first);
    let shown = world.call(&key, "GET", &place, None, &[]).await.expect(200);
    assert!(shown["command_id"].as_str().is_some_and(|id| id.starts_with("cmd_")), "{shown}");
    world.cut(false);
    assert_eq!(world.deliver().await, 1);
    assert_eq!(world.farm.get("/v1/files").await.expect(200)["items"][0]["id"], first);
}

#[tokio::test]
async fn a_file_for_which_the_farm_has_no_room_waits_if_it_was_promised_and_is_refused_if_not() {
    let world = World::new().await;
    let key = world.owner().await;
    world.cut(true);
    world.upload(&key, "a.gcode", GCODE, &[]).await.expect(202);
    world.cut(false);
    world.farm.floor.room.store(20, std::sync::atomic::Ordering::SeqCst);
    assert_eq!(world.deliver().await, 0);
    world.farm.floor.room.store(1000, std::sync::atomic::Ordering::SeqCst);
    assert_eq!(world.deliver().await, 1);
    world.farm.floor.room.store(20, std::sync::atomic::Ordering::SeqCst);
    world.upload(&key, "b.gcode", GCODE, &[]).await.refused(507, "disk_full");
}

#[tokio::test]
async fn no_byte_of_a_file_goes_over_the_line_or_into_a_database() {
    let world = World::new().await;
    let key = world.owner().await;
    const CANARY: &str = "canary-5fd1c0ffee";
    world.cut(true);
    world.upload(&key, "a.gcode", &format!("{GCODE}; {CANARY}\nG1 X9 E1\n"), &[]).await.expect(202);
    world.cut(false);
    assert_eq!(world.deliver().await, 1);
    let sent: Forwarded = world.line.last.lock().unwrap().clone().unwrap();
    assert!(!serde_json::to_string(&sent).unwrap().contains(CANARY));
    for folder in [world.folder.path(), world.farm.folder.path()] {
        for file in std::fs::read_dir(folder).unwrap().map(Result::unwrap).filter(|file| file.path().is_file()) {
            let bytes = std::fs::read(file.path()).unwrap();
            assert!(!bytes.windows(CANARY.len()).any(|window| window == CANARY.as_bytes()), "{:?}", file.path());
        }
    }
}
