//! Following events.

use std::process::Stdio;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

use crate::farm::Farm;

#[tokio::test(flavor = "multi_thread")]
async fn following_tells_what_comes_as_json_lines() {
    let farm = Farm::start().await;
    let now = farm.gantry(&["events", "--cursor", "now", "--json"]).await.json();
    let mut follow =
        farm.command(&["events", "--follow", "--type", "job.held", "--json", "--cursor", now["next_cursor"].as_str().unwrap()]);
    let mut child = follow.env("GANTRY_KEY", &farm.key).env("GANTRY_URL", &farm.url).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();

    let path = farm.sliced("cube.gcode");
    let id = farm.gantry(&["jobs", "create", &path, "--json"]).await.json()["id"].clone();
    farm.gantry(&["jobs", "hold", id.as_str().unwrap()]).await.ok();
    let event: Value = serde_json::from_str(&lines.next_line().await.unwrap().unwrap()).unwrap();
    assert_eq!((&event["type"], &event["subject"]["id"]), (&"job.held".into(), &id));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_is_read_page_after_page() {
    let farm = Farm::start().await;
    let path = farm.sliced("cube.gcode");
    farm.gantry(&["jobs", "create", &path, "--copies", "5"]).await.ok();
    let all = farm.gantry(&["events", "--type", "job.created", "--limit", "2", "--all"]).await.ok();
    assert_eq!(all.lines().count(), 5, "{all}");
    let some = farm.gantry(&["events", "--type", "job.created", "--limit", "2"]).await;
    assert!(some.err.contains("--cursor"), "{some:?}");
    assert_eq!(some.ok().lines().count(), 2);
}

/// A farm that breaks off: each listener is answered with one event and cut.
#[tokio::test(flavor = "multi_thread")]
async fn after_a_break_following_goes_on_where_it_was() {
    let farm = Farm::start().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let mut follow = farm.command(&["events", "--follow", "--json"]);
    let mut child =
        follow.env("GANTRY_KEY", &farm.key).env("GANTRY_URL", url).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut asked = Vec::new();
    for n in 1..=3 {
        let (socket, _) = listener.accept().await.unwrap();
        asked.push(answer(socket, n).await);
        assert_eq!(lines.next_line().await.unwrap().unwrap(), format!("{{\"n\":{n}}}"));
    }
    assert!(!asked[0].contains("cursor="), "{}", asked[0]);
    assert!(asked[1].contains("cursor=e-1"), "{}", asked[1]);
    assert!(asked[2].contains("cursor=e-2"), "{}", asked[2]);
}

async fn answer(mut socket: TcpStream, n: u32) -> String {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        request.push(socket.read_u8().await.unwrap());
    }
    let text = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\nid: e-{n}\ndata: {{\"n\":{n}}}\n\n"
    );
    socket.write_all(text.as_bytes()).await.unwrap();
    socket.shutdown().await.unwrap();
    String::from_utf8(request).unwrap()
}
