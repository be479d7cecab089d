//! Uploads that come in pieces, go on after a cut, and end as the file that would have come whole.

use axum::body::Body;
use base64::Engine;
use domain::permission::Permission;
use futures_util::{StreamExt, stream};
use gantry_api as api;
use serde_json::{Value, json};

use crate::farm::{Answer, Farm, GCODE, request};

pub const PIECES: (&str, &str) = ("content-type", "application/offset+octet-stream");

pub fn metadata(name: &str) -> String {
    format!("filename {}", base64::engine::general_purpose::STANDARD.encode(name))
}

impl Farm {
    async fn tus(&self, method: &str, path: &str, headers: &[(&str, &str)], body: impl Into<Body>) -> Answer {
        self.tus_as(&self.key, method, path, headers, body).await
    }

    async fn tus_as(&self, key: &str, method: &str, path: &str, headers: &[(&str, &str)], body: impl Into<Body>) -> Answer {
        let call = request(method, path).header("authorization", format!("Bearer {key}")).header("tus-resumable", "1.0.0");
        let call = headers.iter().fold(call, |call, (name, value)| call.header(*name, *value));
        self.send(call.body(body.into()).unwrap()).await
    }

    async fn begin(&self, name: &str, length: usize, more: &[(&str, &str)]) -> Answer {
        let (length, name) = (length.to_string(), metadata(name));
        let headers = [&[("upload-length", length.as_str()), ("upload-metadata", name.as_str())], more].concat();
        self.tus("POST", "/v1/uploads", &headers, Body::empty()).await
    }

    async fn place(&self, name: &str, length: usize) -> String {
        let begun = self.begin(name, length, &[]).await;
        let place = begun.header("location").to_owned();
        begun.expect(201);
        place
    }

    async fn piece(&self, place: &str, offset: usize, body: impl Into<Body>) -> Answer {
        self.tus("PATCH", place, &[PIECES, ("upload-offset", &offset.to_string())], body).await
    }

    async fn stands_at(&self, place: &str) -> String {
        self.tus("HEAD", place, &[], Body::empty()).await.header("upload-offset").to_owned()
    }

    fn partial(&self) -> usize {
        std::fs::read_dir(self.folder.path().join("files/partial")).unwrap().count()
    }
}

fn broken(piece: &str) -> Body {
    let broken = Err(std::io::Error::from(std::io::ErrorKind::ConnectionReset));
    Body::from_stream(stream::iter([Ok(piece.to_owned()), broken]))
}

#[tokio::test]
async fn an_upload_in_pieces_is_the_file_that_would_have_come_whole() {
    let farm = Farm::new().await;
    let begun = farm.begin("Löwe.gcode", GCODE.len(), &[]).await;
    assert_eq!((begun.header("tus-resumable"), begun.header("upload-offset")), ("1.0.0", "0"));
    assert!(begun.header("upload-expires").ends_with("GMT"), "{}", begun.header("upload-expires"));
    let place = begun.header("location").to_owned();
    begun.expect(201);
    let first = farm.piece(&place, 0, &GCODE[..20]).await;
    assert_eq!((first.status, first.header("upload-offset")), (204, "20"));
    let head = farm.tus("HEAD", &place, &[], Body::empty()).await;
    assert_eq!((head.header("upload-offset"), head.header("upload-length")), ("20", GCODE.len().to_string().as_str()));
    assert_eq!((head.header("upload-metadata"), head.header("cache-control")), (metadata("Löwe.gcode").as_str(), "no-store"));
    let last = farm.piece(&place, 20, &GCODE[20..]).await;
    let file = last.header("gantry-file").to_owned();
    assert_eq!((last.status, last.header("upload-offset")), (204, GCODE.len().to_string().as_str()));
    let whole = farm.upload("Löwe.gcode", GCODE).await.expect(200);
    assert_eq!((whole["id"].as_str(), &whole["content"]), (Some(file.as_str()), &json!("here")));
    assert_eq!(farm.get(&format!("/v1/files/{file}/content")).await.bytes, GCODE.as_bytes());
    let shown = farm.get(&place).await.expect(200);
    assert_eq!((&shown["file_id"], &shown["offset_bytes"]), (&json!(file), &json!(GCODE.len())));
    assert_eq!(farm.partial(), 0);
}

#[tokio::test]
async fn what_came_before_a_cut_is_kept_and_the_rest_goes_on_behind_it() {
    let farm = Farm::new().await;
    let place = farm.place("a.gcode", GCODE.len()).await;
    farm.piece(&place, 0, broken(&GCODE[..30])).await.refused(400, "malformed_request");
    assert_eq!(farm.stands_at(&place).await, "30");
    farm.piece(&place, 0, GCODE).await.refused(409, "upload_offset");
    assert_eq!(farm.piece(&place, 30, &GCODE[30..]).await.status, 204);
    assert_eq!(farm.get("/v1/files").await.expect(200)["items"][0]["size_bytes"], GCODE.len());
}

#[tokio::test]
async fn the_end_is_told_only_with_the_file() {
    let farm = Farm::new().await;
    let place = farm.place("a.gcode", GCODE.len()).await;
    // All bytes came, but not their end: nothing says yet that there will be a file.
    farm.piece(&place, 0, broken(GCODE)).await.refused(400, "malformed_request");
    let at = farm.stands_at(&place).await.parse().unwrap();
    assert_eq!(at, GCODE.len() - 1);
    assert_eq!(farm.piece(&place, at, &GCODE[at..]).await.status, 204);
    assert_eq!(farm.stands_at(&place).await, GCODE.len().to_string());
    assert_eq!(farm.piece(&place, GCODE.len(), "").await.status, 204, "nothing more is nothing wrong");
}

#[tokio::test]
async fn bytes_that_were_never_written_down_are_cut_off_before_it_goes_on() {
    let farm = Farm::new().await;
    let place = farm.place("a.gcode", GCODE.len()).await;
    farm.piece(&place, 0, &GCODE[..30]).await;
    let partial = farm.folder.path().join("files/partial").join(place.rsplit('/').next().unwrap());
    std::fs::write(&partial, format!("{}torn", &GCODE[..30])).unwrap();
    assert_eq!(farm.stands_at(&place).await, "30");
    // And what is lost is not promised.
    std::fs::write(&partial, &GCODE[..25]).unwrap();
    assert_eq!(farm.stands_at(&place).await, "25");
    assert_eq!(farm.piece(&place, 25, &GCODE[25..]).await.status, 204);
}

#[tokio::test]
async fn what_is_nothing_to_print_is_refused_with_its_last_byte_and_gone() {
    let farm = Farm::new().await;
    let text = "just some text\n";
    let place = farm.place("a.gcode", text.len()).await;
    let before = farm.counts();
    farm.piece(&place, 0, text).await.refused(422, "file_refused");
    farm.get(&place).await.refused(404, "not_found");
    assert_eq!(farm.partial(), 0);
    let uploads = |counts: Vec<(String, i64)>| counts.into_iter().filter(|(name, _)| name != "upload").collect::<Vec<_>>();
    assert_eq!(uploads(farm.counts()), uploads(before));
}

#[tokio::test]
async fn what_a_call_says_wrongly_is_named_and_changes_nothing() {
    let farm = Farm::new().await;
    let name = metadata("a.gcode");
    let name = ("upload-metadata", name.as_str());
    let too_long = metadata(&"x".repeat(4000));
    for (headers, status, code) in [
        (vec![name], 422, "invalid_request"),
        (vec![name, ("upload-length", "0")], 422, "invalid_request"),
        (vec![name, ("upload-length", "-1")], 422, "invalid_request"),
        (vec![name, ("upload-length", "99999999999999999999")], 422, "invalid_request"),
        (vec![name, ("upload-length", "9999999999999")], 413, "body_too_large"),
        (vec![name, ("upload-length", "2000000000")], 507, "disk_full"),
        (vec![name, ("upload-defer-length", "1")], 422, "invalid_request"),
        (vec![("upload-length", "9")], 422, "invalid_request"),
        (vec![("upload-length", "9"), ("upload-metadata", "filename !!")], 422, "invalid_request"),
        (vec![("upload-length", "9"), ("upload-metadata", "filename Li4vYQ==")], 422, "invalid_request"),
        (vec![("upload-length", "9"), ("upload-metadata", too_long.as_str())], 422, "invalid_request"),
    ] {
        let before = farm.counts();
        farm.tus("POST", "/v1/uploads", &headers, Body::empty()).await.refused(status, code);
        assert_eq!(farm.counts(), before, "{headers:?}");
    }
    let place = farm.place("a.gcode", 9).await;
    let other = farm.send(
        request("PATCH", &place)
            .header("authorization", format!("Bearer {}", farm.key))
            .header("tus-resumable", "0.2.2")
            .body(Body::empty())
            .unwrap(),
    );
    let other = other.await;
    assert_eq!(other.header("tus-version"), "1.0.0");
    other.refused(412, "tus_version");
    farm.tus("PATCH", &place, &[("upload-offset", "0")], "123").await.refused(415, "unsupported_media_type");
    farm.tus("PATCH", &place, &[PIECES], "123").await.refused(422, "invalid_request");
    farm.piece(&place, 0, "0123456789").await.refused(413, "body_too_large");
    assert_eq!(farm.stands_at(&place).await, "0");
    let options = farm.tus("OPTIONS", "/v1/uploads", &[], Body::empty()).await;
    assert_eq!((options.status, options.header("tus-extension")), (204, "creation,termination,expiration"));
    assert_eq!(options.header("tus-max-size"), (4_u64 << 30).to_string());
}

#[tokio::test]
async fn an_upload_is_its_callers_own() {
    let farm = Farm::new().await;
    let place = farm.place("a.gcode", 9).await;
    let other = farm.key_with(&[Permission::FileUpload]).await;
    for (method, headers) in [("GET", vec![]), ("PATCH", vec![PIECES, ("upload-offset", "0")]), ("DELETE", vec![])] {
        farm.tus_as(&other, method, &place, &headers, Body::empty()).await.refused(404, "not_found");
    }
    assert_eq!(farm.stands_at(&place).await, "0");
    assert_eq!(farm.tus("DELETE", &place, &[], Body::empty()).await.status, 204);
    farm.get(&place).await.refused(404, "not_found");
}

#[tokio::test]
async fn an_upload_that_nobody_goes_on_with_is_thrown_away_after_a_day() {
    let farm = Farm::new().await;
    let place = farm.place("a.gcode", GCODE.len()).await;
    farm.piece(&place, 0, &GCODE[..20]).await;
    let by = || store::By::new(crate::farm::owner(), farm.door.now());
    let tidy = async || api::ops::uploads::tidy(&farm.door.store, &farm.door.blobs, by()).await.unwrap();
    farm.later(23 * 3_600_000);
    tidy().await;
    farm.piece(&place, 20, &GCODE[20..22]).await;
    farm.later(23 * 3_600_000);
    tidy().await;
    assert_eq!((farm.stands_at(&place).await.as_str(), farm.partial()), ("22", 1));
    farm.later(3_600_001);
    farm.get(&place).await.refused(404, "not_found");
    tidy().await;
    assert_eq!(farm.partial(), 0);
}

#[tokio::test]
async fn a_hundred_unfinished_uploads_are_enough() {
    let farm = Farm::new().await;
    for _ in 0..100 {
        farm.begin("a.gcode", 9, &[]).await.expect(201);
    }
    farm.begin("a.gcode", 9, &[]).await.refused(429, "too_many_uploads");
}

#[tokio::test]
async fn who_comes_again_goes_on_though_the_old_line_hangs() {
    let farm = Farm::new().await;
    let place = farm.place("a.gcode", GCODE.len()).await;
    let (seen, mut reached) = tokio::sync::mpsc::channel(1);
    let hanging = stream::iter([Ok::<_, std::io::Error>(GCODE[..20].to_owned())]).chain(stream::once(async move {
        seen.send(()).await.unwrap();
        std::future::pending().await
    }));
    let go_on = async {
        reached.recv().await.unwrap();
        farm.piece(&place, 0, GCODE).await.refused(409, "upload_offset");
        assert_eq!(farm.stands_at(&place).await, "20");
        assert_eq!(farm.piece(&place, 20, &GCODE[20..]).await.status, 204);
    };
    let (hung, ()) = tokio::join!(farm.piece(&place, 0, Body::from_stream(hanging)), go_on);
    hung.refused(423, "upload_busy");
}

#[tokio::test]
async fn a_key_makes_one_upload_and_one_file_however_its_bytes_come() {
    let farm = Farm::new().await;
    let once = [("idempotency-key", "plate-7")];
    let begun = farm.begin("a.gcode", GCODE.len(), &once).await.expect(201);
    assert_eq!(farm.begin("a.gcode", GCODE.len(), &once).await.expect(201)["id"], begun["id"]);
    farm.begin("b.gcode", GCODE.len(), &once).await.refused(422, "idempotency_mismatch");
    let place = format!("/v1/uploads/{}", begun["id"].as_str().unwrap());
    let file = farm.piece(&place, 0, GCODE).await.header("gantry-file").to_owned();
    let form = |content: &str| {
        format!("--edge\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.gcode\"\r\n\r\n{content}\r\n--edge--\r\n")
    };
    let whole = async |content: &str| {
        let call = request("POST", "/v1/files").header("authorization", format!("Bearer {}", farm.key));
        let call = call.header("content-type", "multipart/form-data; boundary=edge").header(once[0].0, once[0].1);
        farm.send(call.body(Body::from(form(content))).unwrap()).await
    };
    let again = whole(GCODE).await;
    assert_eq!(again.header("idempotent-replayed"), "true");
    assert_eq!(again.expect(201)["id"], file.as_str());
    whole(&format!("{GCODE}G1 X30 E1\n")).await.refused(422, "idempotency_mismatch");
    let files: Value = farm.get("/v1/files").await.expect(200);
    assert_eq!(files["items"].as_array().map(Vec::len), Some(1));
}
