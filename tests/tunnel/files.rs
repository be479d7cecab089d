//! Files at either end of the line: uploaded here, printed and read there.

use api::keep;
use domain::file::ContentHash;
use gantry_tests::until_it_holds;
use gantry_tests::uploads::long_gcode;
use reqwest::Method;
use serde_json::{Value, json};

use crate::pair::{Caller, Pair};

impl Caller {
    async fn content(&self, file: &Value) -> reqwest::Response {
        self.request(Method::GET, &format!("/v1/files/{}/content", file["id"].as_str().unwrap())).send().await.unwrap()
    }

    async fn file(&self, file: &Value) -> Value {
        self.get(&format!("/v1/files/{}", file["id"].as_str().unwrap())).await.good()
    }
}

#[tokio::test]
async fn a_file_that_is_uploaded_at_the_relay_comes_to_the_farm_and_then_the_relay_lets_it_go() {
    let pair = Pair::new().await;
    let (_, owner) = pair.store("Shop").await;
    pair.claim(&pair.farm_owner().await, &owner).await;
    let content = long_gcode(300_000);
    let made = owner.upload("long.gcode", &content).await.good();
    let floor = owner.at(&pair.farm_url());
    until_it_holds("the bytes are at the farm", async || floor.file(&made).await["content"] == "here").await;
    assert_eq!(floor.content(&made).await.text().await.unwrap(), content);
    pair.in_step().await;
    let relay = &pair.relay.as_ref().unwrap().accounts.door;
    let promised = || relay.store.read(|rows| rows.all_kept(true)).unwrap().len();
    assert_eq!(promised(), 1);
    keep::settle(relay).await.unwrap();
    assert_eq!((promised(), relay.store.read(|rows| rows.all_kept(false)).unwrap().len()), (0, 1));
    assert_eq!(owner.content(&made).await.text().await.unwrap(), content);
}

#[tokio::test]
async fn a_file_that_is_uploaded_while_the_farm_is_away_is_there_before_its_job_goes_on() {
    let mut pair = Pair::new().await;
    let (_, owner) = pair.store("Shop").await;
    pair.claim(&pair.farm_owner().await, &owner).await;
    let home = pair.farm.as_ref().unwrap().door.home();
    pair.farm = None;
    let tunnels = std::sync::Arc::clone(&pair.relay.as_ref().unwrap().accounts.tunnels);
    until_it_holds("the line is gone", async || !tunnels.is_connected(home)).await;
    let content = long_gcode(100_000);
    let file = owner.upload("long.gcode", &content).await;
    assert_eq!((file.status, &file.body["content"]), (202, &json!("on_its_way")));
    let job = owner.post("/v1/jobs", json!({"file_id": file.body["id"]})).await;
    assert_eq!(job.status, 202);
    pair.start_farm().await;
    let floor = owner.at(&pair.farm_url());
    let path = format!("/v1/jobs/{}", job.body["id"].as_str().unwrap());
    until_it_holds("the farm has the job", async || floor.get(&path).await.status == 200).await;
    until_it_holds("the bytes are at the farm", async || floor.file(&file.body).await["content"] == "here").await;
    assert_eq!(floor.content(&file.body).await.text().await.unwrap(), content);
    let why = floor.get(&format!("{path}/why")).await.good();
    assert_eq!(why["job"], json!([]), "nothing of the job itself is in the way any more: {why}");
    pair.in_step().await;
    assert_eq!(owner.file(&file.body).await["content"], "here");
}

#[tokio::test]
async fn a_download_at_the_relay_brings_the_file_up_and_is_served_again_when_the_farm_is_away() {
    let mut pair = Pair::new().await;
    let (_, owner) = pair.store("Shop").await;
    pair.claim(&pair.farm_owner().await, &owner).await;
    let floor = owner.at(&pair.farm_url());
    let (content, other) = (long_gcode(300_000), long_gcode(1000));
    let (made, left) = (floor.upload("long.gcode", &content).await.good(), floor.upload("left.gcode", &other).await.good());
    pair.in_step().await;
    assert_eq!(owner.content(&made).await.text().await.unwrap(), content);
    let home = pair.farm.as_ref().unwrap().door.home();
    pair.farm = None;
    let tunnels = std::sync::Arc::clone(&pair.relay.as_ref().unwrap().accounts.tunnels);
    until_it_holds("the line is gone", async || !tunnels.is_connected(home)).await;
    assert_eq!(owner.content(&made).await.text().await.unwrap(), content);
    let away = owner.content(&left).await;
    assert_eq!(away.status(), 503);
    assert_eq!(away.json::<Value>().await.unwrap()["code"], "farm_offline");
}

#[tokio::test]
async fn the_door_for_content_opens_for_a_session_that_stands_and_for_nobody_else() {
    let pair = Pair::new().await;
    let (_, owner) = pair.store("Shop").await;
    pair.claim(&pair.farm_owner().await, &owner).await;
    let content = long_gcode(1000);
    let made = owner.upload("a.gcode", &content).await.good();
    let place = format!("/tunnel/content/{}", made["sha256"].as_str().unwrap());
    let token = pair.farm.as_ref().unwrap().uplink.open.borrow().clone().unwrap().content_token;
    let farm = Caller::new(&pair.relay_url, &token);
    let fetched = farm.request(Method::GET, &place).header("range", "bytes=5-").send().await.unwrap();
    assert_eq!((fetched.status().as_u16(), fetched.text().await.unwrap()), (206, content[5..].to_owned()));
    for (who, method, path, status, code) in [
        (&owner, Method::GET, place.clone(), 401, "bad_credential"),
        (&Caller::new(&pair.relay_url, ""), Method::GET, place.clone(), 401, "bad_credential"),
        (&farm, Method::GET, format!("/tunnel/content/{}", ContentHash::new([7; 32])), 404, "not_found"),
        (&farm, Method::GET, "/tunnel/content/nonsense".to_owned(), 404, "not_found"),
        (&farm, Method::PUT, place.clone(), 404, "not_found"),
    ] {
        let refused = who.ask(method.clone(), &path, None, &[]).await;
        assert_eq!(refused.code(), (status, code), "{method} {path}");
    }
    // The token is no key: it opens nothing else.
    assert_eq!(farm.get("/v1/files").await.status, 401);
}
