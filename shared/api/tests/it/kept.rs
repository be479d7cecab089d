//! What a relay keeps of content: for whom, for how long, and how it goes out again.

use std::path::PathBuf;
use std::time::SystemTime;

use api::keep::{self, Keep};
use axum::body::Body;
use domain::access::Grants;
use domain::farm::HomeIds;
use domain::file::{File, FileContent};
use domain::id::FileId;
use gantry_api as api;
use http::HeaderMap;
use serde_json::{Value, json};

use crate::farm::GCODE;
use crate::forward::{World, store};
use crate::forwarded_files::hash;

const DAY: i64 = 24 * 3_600_000;

impl World {
    fn home(&self) -> HomeIds {
        HomeIds { store_id: self.store, farm_id: self.farm.door.home().farm_id }
    }

    /// The farm brings what it has.
    async fn brings(&self, content: &str) {
        keep::take(&self.relay, self.home(), hash(content), Body::from(content.to_owned())).await.unwrap();
    }

    fn on_disk(&self, content: &str) -> Option<PathBuf> {
        self.relay.blobs.find(&hash(content))
    }

    fn kept(&self, content: &str) -> Option<bool> {
        self.relay.store.read(|rows| rows.kept(self.home(), &hash(content))).unwrap().map(|kept| kept.promised)
    }

    async fn download(&self, key: &str, file: &Value, headers: &[(&str, &str)]) -> crate::farm::Answer {
        let path = format!("/v1/files/{}/content", file["id"].as_str().unwrap());
        self.call(key, "GET", &path, None, &[&[("prefer", "wait=0")], headers].concat()).await
    }
}

#[tokio::test]
async fn what_was_promised_stays_until_the_farms_own_row_says_that_it_is_there() {
    let world = World::new().await;
    let key = world.owner().await;
    world.cut(true);
    world.upload(&key, "a.gcode", GCODE, &[]).await.expect(202);
    world.farm.later(DAY);
    keep::settle(&world.relay).await.unwrap();
    assert_eq!(world.kept(GCODE), Some(true), "it waits with its pending row");
    world.cut(false);
    world.deliver().await;
    world.copy().await;
    keep::settle(&world.relay).await.unwrap();
    assert_eq!(world.kept(GCODE), Some(true), "the farm knows of it, and has it not");
    world.came(GCODE).await;
    keep::settle(&world.relay).await.unwrap();
    assert_eq!(world.kept(GCODE), Some(true), "the relay does not know yet");
    world.copy().await;
    keep::settle(&world.relay).await.unwrap();
    assert_eq!(world.kept(GCODE), Some(false), "a copy that saves a way");
    assert_eq!(world.promised(), (0, 0));
}

#[tokio::test]
async fn what_a_farm_does_not_come_for_in_a_month_is_given_up_and_that_is_told() {
    let world = World::new().await;
    let key = world.owner().await;
    world.cut(true);
    let file = world.upload(&key, "a.gcode", GCODE, &[]).await.expect(202);
    let part = world.call(&key, "POST", "/v1/parts", Some(json!({"name": "Hook", "plates": []})), &[]).await.expect(202);
    world.farm.later(29 * DAY);
    keep::settle(&world.relay).await.unwrap();
    assert_eq!(world.kept(GCODE), Some(true));
    world.farm.later(DAY);
    keep::settle(&world.relay).await.unwrap();
    assert_eq!(world.kept(GCODE), None);
    let get =
        async |noun: &str, id: &Value| world.call(&key, "GET", &format!("/v1/{noun}/{}", id.as_str().unwrap()), None, &[]).await;
    get("files", &file["id"]).await.refused(404, "not_found");
    let command = get("commands", &file["command"]["id"]).await.expect(200);
    assert_eq!(command["state"], "failed");
    assert!(command["detail"].as_str().unwrap().contains("upload the file again"), "{command}");
    get("parts", &part["id"]).await.expect(200);
    world.cut(false);
    assert_eq!(world.deliver().await, 1, "only the part is left");
}

#[tokio::test]
async fn content_that_no_file_came_to_name_is_let_go_after_an_hour() {
    let world = World::new().await;
    let by = store::By { account_of: Some(world.store), ..store::By::new(crate::farm::owner(), world.relay.now()) };
    keep::promise(&world.relay, by, world.home(), hash(GCODE), 10).await.unwrap();
    keep::settle(&world.relay).await.unwrap();
    assert_eq!(world.kept(GCODE), Some(true));
    world.farm.later(3_600_001);
    keep::settle(&world.relay).await.unwrap();
    assert_eq!(world.kept(GCODE), Some(false));
}

#[tokio::test]
async fn copies_beyond_their_share_go_the_longest_unused_first_and_the_disk_follows() {
    let (one, two) = (format!("{GCODE};1\n"), format!("{GCODE};2\n"));
    let world = World::keeping(Keep { cache_bytes: one.len() as u64, ..Keep::default() }).await;
    let key = world.owner().await;
    let mut files = Vec::new();
    for (name, content) in [("one.gcode", &one), ("two.gcode", &two)] {
        files.push(world.farm.upload(name, content).await.expect(201));
        world.copy().await;
        world.download(&key, files.last().unwrap(), &[]).await.refused(503, "content_on_its_way");
        world.brings(content).await;
        world.farm.later(60_001);
    }
    assert_eq!(world.download(&key, &files[0], &[]).await.bytes, one.as_bytes(), "used last");
    keep::settle(&world.relay).await.unwrap();
    assert_eq!((world.kept(&one), world.kept(&two)), (Some(false), None));
    keep::sweep(&world.relay).unwrap();
    assert!(world.on_disk(&two).is_some(), "what is young may just be coming");
    for content in [&one, &two] {
        let old = std::fs::File::options().write(true).open(world.on_disk(content).unwrap()).unwrap();
        old.set_modified(SystemTime::UNIX_EPOCH).unwrap();
    }
    keep::sweep(&world.relay).unwrap();
    assert_eq!((world.on_disk(&one).is_some(), world.on_disk(&two)), (true, None));
}

#[tokio::test]
async fn a_download_at_the_relay_asks_the_farm_once_and_is_served_from_the_copy_afterwards() {
    let world = World::new().await;
    let file = world.farm.upload("a b.gcode", GCODE).await.expect(201);
    world.copy().await;
    let key = world.owner().await;
    world.cut(true);
    world.download(&key, &file, &[]).await.refused(503, "farm_offline");
    world.cut(false);
    let coming = world.download(&key, &file, &[]).await;
    assert_eq!(coming.header("retry-after"), "5");
    coming.refused(503, "content_on_its_way");
    assert_eq!(world.line.wanted.lock().unwrap().as_slice(), [(world.home(), hash(GCODE))]);
    // Who waits is served as soon as it is there.
    let path = format!("/v1/files/{}/content", file["id"].as_str().unwrap());
    let waits = world.call(&key, "GET", &path, None, &[]);
    let (waited, ()) = tokio::join!(waits, world.brings(GCODE));
    assert_eq!((waited.status, waited.bytes.as_slice()), (200, GCODE.as_bytes()));
    world.cut(true);
    let again = world.download(&key, &file, &[("range", "bytes=2-10")]).await;
    assert_eq!((again.status, again.bytes.as_slice()), (206, &GCODE.as_bytes()[2..=10]));
    assert_eq!(again.header("content-disposition"), "attachment; filename*=UTF-8''a%20b.gcode");
}

#[tokio::test]
async fn an_upload_that_the_farm_has_not_fetched_is_downloaded_from_where_it_lies() {
    let world = World::new().await;
    let key = world.owner().await;
    world.cut(true);
    let file = world.upload(&key, "a.gcode", GCODE, &[]).await.expect(202);
    assert_eq!(world.download(&key, &file, &[]).await.bytes, GCODE.as_bytes());
    let viewer = Grants::unscoped([domain::permission::Permission::FileView].into_iter().collect());
    let viewer = world.key(world.store, viewer).await;
    world.download(&viewer, &file, &[]).await.refused(403, "permission_missing");
    let stranger = world.key(store(2), Grants::owner()).await;
    world.download(&stranger, &file, &[]).await.refused(404, "not_found");
}

#[tokio::test]
async fn a_farm_fetches_and_brings_only_what_lies_here_for_itself_or_was_asked_of_it() {
    let world = World::new().await;
    let key = world.owner().await;
    world.upload(&key, "a.gcode", GCODE, &[]).await.expect(201);
    let other = HomeIds { store_id: store(2), ..world.home() };
    let headers = HeaderMap::new();
    assert_eq!(keep::give(&world.relay, world.home(), hash(GCODE), &headers).await.unwrap().status(), 200);
    for (home, content) in [(other, GCODE), (world.home(), "else")] {
        let refused = keep::give(&world.relay, home, hash(content), &headers).await.unwrap_err();
        assert_eq!(refused.status, 404);
    }
    let mut rest = HeaderMap::new();
    rest.insert("range", "bytes=20-".parse().unwrap());
    let rest = keep::give(&world.relay, world.home(), hash(GCODE), &rest).await.unwrap();
    assert_eq!(
        (rest.status().as_u16(), rest.headers()["content-length"].to_str().unwrap()),
        (206, (GCODE.len() - 20).to_string().as_str())
    );

    let unasked = keep::take(&world.relay, world.home(), hash("else"), Body::from("else")).await.unwrap_err();
    assert_eq!(unasked.status, 404);
    let file = world.farm.upload("b.gcode", &format!("{GCODE};b\n")).await.expect(201);
    world.copy().await;
    world.download(&key, &file, &[]).await.refused(503, "content_on_its_way");
    let wanted = hash(&format!("{GCODE};b\n"));
    let forged = keep::take(&world.relay, world.home(), wanted, Body::from("forged")).await.unwrap_err();
    assert_eq!((forged.status, world.relay.blobs.find(&wanted)), (422, None));
    let foreign = HomeIds { farm_id: domain::id::Id::new(crate::farm::NOW, [9; 10]), ..world.home() };
    assert_eq!(keep::take(&world.relay, foreign, wanted, Body::from("x")).await.unwrap_err().status, 404);
}

#[tokio::test]
async fn a_hash_that_a_farm_only_claims_to_have_opens_nothing() {
    let world = World::new().await;
    let key = world.owner().await;
    world.upload(&key, "a.gcode", GCODE, &[]).await.expect(201);
    // Another store's farm writes a row that names those bytes.
    let thief = HomeIds { store_id: store(2), farm_id: domain::id::Id::new(crate::farm::NOW, [8; 10]) };
    let mut row = world.farm.door.store.read(|rows| rows.feed_after(world.farm.door.home().store_id, 0, 1000)).unwrap();
    let mut row = row.remove(row.iter().position(|row| row.kind == domain::kind::Kind::File).unwrap());
    row.id = <FileId as domain::id::Id>::new(crate::farm::NOW, [7; 10]).to_string();
    row.document.insert("id".into(), row.id.clone().into());
    row.document.insert("content".into(), "here".into());
    let id = row.id.clone();
    let by = store::By::new(domain::actor::Actor::farm(thief.farm_id), crate::farm::NOW);
    world.relay.store.write(by, move |tx| tx.put_copy(thief, 1, &row)).await.unwrap();
    let stranger = world.key(store(2), Grants::owner()).await;
    world.call(&stranger, "GET", &format!("/v1/files/{id}"), None, &[]).await.expect(200);
    world.download(&stranger, &json!({"id": id}), &[]).await.refused(503, "farm_offline");
}

#[tokio::test]
async fn what_is_missing_or_refused_at_the_farm_is_not_asked_for() {
    let world = World::new().await;
    let file = world.farm.upload("a.gcode", GCODE).await.expect(201);
    let id: FileId = file["id"].as_str().unwrap().parse().unwrap();
    let gone = move |tx: &mut store::Tx<'_>| {
        let file = tx.get::<File>(id)?.unwrap().record;
        Ok(tx.update(&File { content: FileContent::Missing, ..file }).map(drop)?)
    };
    world.farm.write(gone).await;
    world.copy().await;
    world.download(&world.owner().await, &file, &[]).await.refused(404, "not_found");
    assert!(world.line.wanted.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_picture_comes_over_the_line_and_a_drawing_needs_none() {
    const DOT: &str = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==";
    let world = World::new().await;
    let key = world.owner().await;
    let pictured = format!("; thumbnail begin 1x1 {}\n; {DOT}\n; thumbnail end\n{GCODE}", DOT.len());
    let file = world.farm.upload("a.gcode", &pictured).await.expect(201);
    let plain = world.farm.upload("b.gcode", GCODE).await.expect(201);
    world.copy().await;
    let show = async |file: &Value| {
        world.call(&key, "GET", &format!("/v1/files/{}/thumbnail", file["id"].as_str().unwrap()), None, &[]).await
    };
    let picture = show(&file).await;
    assert_eq!((picture.status, picture.header("content-type")), (200, "image/png"));
    assert!(picture.bytes.starts_with(b"\x89PNG"));
    world.cut(true);
    show(&file).await.refused(503, "farm_offline");
    let drawing = show(&plain).await;
    assert_eq!((drawing.status, drawing.header("content-type")), (200, "image/svg+xml"));
    assert_eq!(world.upload(&key, "c.gcode", &pictured, &[]).await.status, 202);
    let pending = world.call(&key, "GET", "/v1/files?q=c.gcode", None, &[]).await.expect(200)["items"][0].clone();
    assert_eq!(show(&pending).await.header("content-type"), "image/png", "it lies here");
}
