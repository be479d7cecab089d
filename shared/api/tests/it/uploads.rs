//! Files on their way in and out.

use std::sync::atomic::Ordering;

use serde_json::json;

use crate::farm::{Farm, GCODE, request};

const DOT: &str = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

fn part(head: &str, content: &str) -> String {
    format!("--edge\r\nContent-Disposition: form-data; {head}\r\n\r\n{content}\r\n")
}

fn arriving(farm: &Farm) -> usize {
    std::fs::read_dir(farm.folder.path().join("files/arriving")).unwrap().count()
}

#[tokio::test]
async fn a_file_is_read_as_it_comes_and_the_same_again_is_the_same_file() {
    let farm = Farm::new().await;
    let first = farm.upload("Löwe 3×.gcode", GCODE).await.expect(201);
    assert_eq!((first["name"].as_str(), first["size_bytes"].as_u64()), (Some("Löwe 3×.gcode"), Some(GCODE.len() as u64)));
    assert_eq!(first["sliced"]["bounds"]["max_mm"], json!([20.0, 20.0, 0.2]));
    let before = farm.counts();
    assert_eq!(farm.upload("Löwe 3×.gcode", GCODE).await.expect(200)["id"], first["id"]);
    assert_eq!(farm.counts(), before);
    let renamed = farm.upload("other.gcode", GCODE).await.expect(201);
    assert_ne!(renamed["id"], first["id"]);
    assert_eq!(renamed["sha256"], first["sha256"]);
}

#[tokio::test]
async fn what_is_nothing_to_print_or_no_upload_leaves_nothing_behind() {
    let farm = Farm::new().await;
    let before = farm.counts();
    for content in ["", "PK\u{3}\u{4}\u{14}\0\0\0zip", "just some text\nwithout a command\n", "M104 S200\n", "<html>"] {
        farm.upload("a.gcode", content).await.refused(422, "file_refused");
    }
    let (good, end) = (part("name=\"file\"; filename=\"a.gcode\"", GCODE), "--edge--\r\n");
    for (form, status, code) in [
        (format!("{good}{}{end}", part("name=\"file\"; filename=\"b.gcode\"", GCODE)), 422, "invalid_request"),
        (format!("{good}{}{end}", part("name=\"print\"", "true")), 422, "invalid_request"),
        (format!("{}{end}", part("name=\"file\"", GCODE)), 422, "invalid_request"),
        (format!("{}{end}", part("name=\"file\"; filename=\"../../etc/passwd\"", GCODE)), 422, "invalid_request"),
        (format!("{}{end}", part("name=\"file\"; filename=\"C:\\\\a.gcode\"", GCODE)), 422, "invalid_request"),
        (format!("{}{end}", part("name=\"file\"; filename=\"..\"", GCODE)), 422, "invalid_request"),
        (format!("{}{end}", part(&format!("name=\"file\"; filename=\"{}\"", "x".repeat(300)), GCODE)), 422, "invalid_request"),
        (format!("{}{end}", part("filename=\"a.gcode\"", GCODE)), 422, "invalid_request"),
        (end.to_owned(), 422, "invalid_request"),
        (good.clone(), 400, "malformed_request"),
        ("--edge\r\nnonsense".to_owned(), 400, "malformed_request"),
        (String::new(), 400, "malformed_request"),
        (format!("--other\r\n{good}"), 400, "malformed_request"),
    ] {
        let shown = form.chars().take(120).collect::<String>();
        let answer = farm.upload_form(form).await;
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (status, code),
            "{shown:?}: {}",
            String::from_utf8_lossy(&answer.bytes)
        );
    }
    for media in ["multipart/form-data", "application/octet-stream", "multipart/mixed; boundary=edge"] {
        let call =
            request("POST", "/v1/files").header("authorization", format!("Bearer {}", farm.key)).header("content-type", media);
        farm.send(call.body(good.clone().into()).unwrap()).await.refused(415, "unsupported_media_type");
    }
    assert_eq!((farm.counts(), arriving(&farm)), (before, 0));
}

#[tokio::test]
async fn an_upload_that_breaks_off_leaves_nothing_behind() {
    let farm = Farm::new().await;
    let before = farm.counts();
    let head = part("name=\"file\"; filename=\"a.gcode\"", GCODE);
    let pieces = [Ok(head.trim_end().to_owned()), Err(std::io::Error::from(std::io::ErrorKind::ConnectionReset))];
    let body = axum::body::Body::from_stream(futures_util::stream::iter(pieces));
    farm.upload_form(body).await.refused(400, "malformed_request");
    assert_eq!((farm.counts(), arriving(&farm)), (before, 0));
}

#[tokio::test(start_paused = true)]
async fn an_upload_that_falls_silent_is_given_up() {
    let farm = Farm::new().await;
    let head = part("name=\"file\"; filename=\"a.gcode\"", GCODE);
    let pieces = futures_util::StreamExt::chain(
        futures_util::stream::iter([Ok::<_, std::io::Error>(head)]),
        futures_util::stream::pending(),
    );
    farm.upload_form(axum::body::Body::from_stream(pieces)).await.refused(400, "malformed_request");
    let silent = axum::body::Body::from_stream(futures_util::stream::pending::<Result<Vec<u8>, std::io::Error>>());
    let call = request("POST", "/v1/parts")
        .header("authorization", format!("Bearer {}", farm.key))
        .header("content-type", "application/json");
    farm.send(call.body(silent).unwrap()).await.refused(400, "malformed_request");
    assert_eq!(arriving(&farm), 0);
}

#[tokio::test]
async fn below_the_reserve_nothing_new_is_taken() {
    let farm = Farm::new().await;
    let file = farm.file().await;
    farm.floor.room.store(20, Ordering::SeqCst);
    let before = farm.counts();
    farm.upload("b.gcode", GCODE).await.refused(507, "disk_full");
    *farm.floor.full.lock().unwrap() = true;
    farm.upload("b.gcode", GCODE).await.refused(507, "disk_full");
    farm.post("/v1/jobs", json!({"file_id": file})).await.refused(507, "disk_full");
    assert_eq!((farm.counts(), arriving(&farm)), (before, 0));
    assert_eq!(farm.get(&format!("/v1/files/{file}/content")).await.status, 200);
}

#[tokio::test]
async fn a_file_is_downloaded_whole_or_in_part() {
    let farm = Farm::new().await;
    let file = farm.upload("a \"b\".gcode", GCODE).await;
    let id = if file.status == 201 { file.json()["id"].as_str().unwrap().to_owned() } else { farm.file().await };
    let get = async |range: &str| {
        let call = request("GET", &format!("/v1/files/{id}/content")).header("authorization", format!("Bearer {}", farm.key));
        let call = if range.is_empty() { call } else { call.header("range", range) };
        farm.send(call.body(Default::default()).unwrap()).await
    };
    let whole = get("").await;
    assert_eq!((whole.status, whole.bytes.as_slice()), (200, GCODE.as_bytes()));
    assert_eq!(whole.header("content-length"), GCODE.len().to_string());
    assert!(whole.header("content-disposition").starts_with("attachment; filename*=UTF-8''"));
    let piece = get("bytes=2-10").await;
    assert_eq!((piece.status, piece.bytes.as_slice()), (206, &GCODE.as_bytes()[2..=10]));
    assert_eq!(piece.header("content-range"), format!("bytes 2-10/{}", GCODE.len()));
    assert_eq!(get("bytes=-4").await.bytes, &GCODE.as_bytes()[GCODE.len() - 4..]);
    assert_eq!(get("bytes=99999-").await.bytes, GCODE.as_bytes());
    std::fs::remove_dir_all(farm.folder.path().join("files")).unwrap();
    farm.get(&format!("/v1/files/{id}/content")).await.refused(404, "not_found");
}

#[tokio::test]
async fn the_picture_of_a_file_is_its_own_or_a_drawing() {
    let farm = Farm::new().await;
    let thumbnail = format!("; thumbnail begin 1x1 {}\n; {DOT}\n; thumbnail end\n{GCODE}", DOT.len());
    let id = farm.upload("a.gcode", &thumbnail).await.expect(201)["id"].as_str().unwrap().to_owned();
    let picture = farm.get(&format!("/v1/files/{id}/thumbnail")).await;
    assert_eq!((picture.status, picture.header("content-type")), (200, "image/png"));
    assert!(picture.bytes.starts_with(b"\x89PNG"));
    let plain = farm.file().await;
    let drawing = farm.get(&format!("/v1/files/{plain}/thumbnail")).await;
    assert!([200, 404].contains(&drawing.status));
    if drawing.status == 200 {
        assert_eq!(drawing.header("content-type"), "image/svg+xml");
    }
}
