//! Secrets are planted wherever one can go in. Then everything that agent and relay keep, write and say is searched for them: both
//! folders as they lie on the disk, every table, both logs at their loudest, the line between the two, MQTT and webhooks.

use std::path::Path;

use gantry_tests::counterpart::{Counterpart, Simulated, gcode, quick};
use gantry_tests::farm::{Farm, call_with, id_of};
use gantry_tests::hook::Hook;
use gantry_tests::mqtt::Listener;
use gantry_tests::relay::{Relay, connected, files_below};
use gantry_tests::until_it_holds;
use reqwest::Method;
use rusqlite::types::ValueRef;
use serde_json::{Value, json};
use simulators::octoprint::settings::Settings;

const PASSWORD: &str = "canary password 4711";
const WRONG_PASSWORD: &str = "canary wrong password 4712";
/// Of a printer that was added at the farm, and of one that was added at the relay.
const CREDENTIALS: [&str; 2] = ["CANARY-CREDENTIAL-OF-THE-FARM-13", "CANARY-CREDENTIAL-OF-THE-RELAY14"];
/// Given when it was of no use: in a wrong body, to be tried out, while the farm was away.
const IDLE: [&str; 3] = ["canary-credential-refused-4715", "canary-credential-tried-4716", "canary-credential-away-4717"];
/// Of an operator: set at the farm, set through the relay, and typed wrong.
const PINS: [&str; 3] = ["907264153829", "826153940712", "715049382617"];
/// What is no secret, and must be found where secrets are searched for.
const SEEN: &str = "Canary that everybody may see";

fn holds(bytes: &[u8], what: &str) -> bool {
    bytes.windows(what.len()).any(|window| window == what.as_bytes())
}

/// The value that follows that name in JSON somewhere in the bytes.
fn said(bytes: &[u8], name: &str) -> Option<String> {
    let text = String::from_utf8_lossy(bytes);
    let (_, rest) = text.split_once(&format!("\"{name}\":\""))?;
    Some(rest.split('"').next()?.to_owned())
}

/// Every cell of every table, one after the other.
fn cells(database: &Path) -> Vec<u8> {
    let database = rusqlite::Connection::open(database).unwrap();
    let mut tables = database.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'").unwrap();
    let tables: Vec<String> = tables.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    assert!(tables.len() > 20, "{tables:?}");
    let mut all = Vec::new();
    for table in tables {
        let mut rows = database.prepare(&format!("SELECT * FROM {table}")).unwrap();
        let columns = rows.column_count();
        let mut rows = rows.query([]).unwrap();
        while let Some(row) = rows.next().unwrap() {
            for column in 0..columns {
                if let ValueRef::Text(bytes) | ValueRef::Blob(bytes) = row.get_ref(column).unwrap() {
                    all.extend_from_slice(bytes);
                    all.push(b'\n');
                }
            }
        }
    }
    all
}

fn secret(made: &Value) -> String {
    made["secret"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn no_secret_is_kept_logged_or_said_but_where_it_must_be() {
    let printers =
        [Settings { api_key: CREDENTIALS[0].into(), ..quick() }, Settings { api_key: CREDENTIALS[1].into(), ..quick() }];
    let [at_farm, at_relay] = printers.map(Simulated::start_with);
    let (at_farm, at_relay) = tokio::join!(at_farm, at_relay);
    let (mut relay, mut farm) = tokio::join!(Relay::start_logging("trace"), Farm::start_logging("trace", ""));
    let shop = relay.store("Shop").await;
    let owner = &shop.owner;
    let link =
        |door: &Simulated, credential: &str| json!({"driver": "octoprint", "address": door.door().url, "credential": credential});

    // At the farm, before anybody claims it.
    let first = farm.add_printer("P01", &at_farm.door()).await;
    farm.kill9().await;
    let link_again = farm.start_again().await;
    let signed_in = farm.sign_in(&link_again).await.cookie.unwrap();
    let as_owner = [("origin", farm.url.as_str()), ("cookie", &signed_in)];
    let password = Some(json!({"password": PASSWORD}));
    let set = call_with(&farm.url, "", Method::POST, "/v1/settings/owner-password", password, &as_owner).await;
    assert_eq!(set.status, 204, "{}", set.body);
    let sign_in = async |password: &str| {
        call_with(&farm.url, "", Method::POST, "/v1/sessions", Some(json!({"password": password})), &[("origin", &farm.url)])
            .await
    };
    let session = sign_in(PASSWORD).await;
    assert_eq!((session.status, sign_in(WRONG_PASSWORD).await.status), (201, 401));
    let [cookie, first_cookie] =
        [session.cookie.unwrap(), signed_in.clone()].map(|cookie| cookie.split_once('=').unwrap().1.to_owned());
    let at_page = async |path: &str, body: Value| {
        let answer = call_with(&farm.url, "", Method::POST, path, Some(body), &as_owner).await;
        assert!(answer.status < 300, "{}", answer.body);
        answer.body
    };
    let operator = id_of(&at_page("/v1/operators", json!({"name": "Anna"})).await);
    let pin = format!("/v1/operators/{operator}/pin");
    at_page(&pin, json!({"pin": PINS[0]})).await;
    let device = at_page("/v1/devices", json!({"page": farm.url})).await;
    let enrolment = device["token"].as_str().unwrap().to_owned();
    let come_in = async |body: Value| {
        let headers = [("origin", farm.url.as_str()), ("idempotency-key", "once")];
        call_with(&farm.url, "", Method::POST, "/v1/sessions", Some(body), &headers).await
    };
    let phone = come_in(json!({"enrolment_token": enrolment})).await.cookie.unwrap().split_once('=').unwrap().1.to_owned();
    let statuses = [
        come_in(json!({"operator_id": operator, "pin": PINS[2]})).await.status,
        call_with(&farm.url, "", Method::POST, "/v1/sessions", Some(json!({"operator_id": operator, "pin": PINS[0]})), &[])
            .await
            .status,
    ];
    assert_eq!(statuses, [401, 201]);
    relay.claim(&farm, owner).await;

    // At the relay: accounts, webhooks, and calls that go on to the farm.
    let hook = Hook::start().await;
    let mut types: Vec<Value> = owner.get("/v1/event_types").await["items"].as_array().unwrap().clone();
    types.retain(|event| event["type"].as_str().is_some_and(|word| word.starts_with("part.") || word.starts_with("printer.")));
    let types: Vec<Value> = types.into_iter().map(|event| event["type"].clone()).chain(["api_key.created".into()]).collect();
    let webhook =
        json!({"name": "W", "url": hook.url, "event_types": types, "permissions": ["part.view", "printer.view", "api_key.view"]});
    let webhook = owner.post("/v1/webhooks", webhook).await;
    let roll = format!("/v1/webhooks/{}/roll-secret", id_of(&webhook["webhook"]));
    let rolled = owner.post(&roll, json!({"overlap_seconds": 3600})).await;
    let listener = Listener::start(relay.mqtt.address, &shop.id, &owner.key, "#").await.unwrap();
    let key = secret(&owner.post("/v1/api_keys", json!({"name": "K", "role": "viewer"})).await);
    let made = owner.post_once("/v1/slicer_keys", json!({"name": "S"}), "slicer-1").await;
    let again = owner.post_once("/v1/slicer_keys", json!({"name": "S"}), "slicer-1").await;
    assert_eq!((made.status, &again.body["code"]), (201, &json!("secret_not_repeatable")));
    let second =
        owner.post_once("/v1/printers", json!({"name": "P02", "link": link(&at_relay, CREDENTIALS[1])}), "printer-2").await;
    assert_eq!(second.status, 201, "{}", second.body);
    let wrong = json!({"name": "", "link": link(&at_relay, IDLE[0])});
    assert_eq!(owner.call(Method::POST, "/v1/printers", Some(wrong)).await.status, 422);
    owner.call(Method::POST, "/v1/printers/test-connection", Some(link(&at_relay, IDLE[1]))).await;
    for printer in [&first, &id_of(&second.body)] {
        owner.until(&format!("/v1/printers/{printer}"), "a printer that is heard", |seen| seen["connection"] == "online").await;
    }
    let file = owner.upload("a.gcode", gcode(5)).await;
    let file = format!("/v1/files/{}", id_of(&file.body));
    owner.until(&file, "content that is fetched", |file| file["content"] == "here").await;

    owner.until(&format!("/v1/operators/{operator}"), "the operator", |seen| seen["pin"] == "set").await;
    let set = owner.post_once(&pin, json!({"pin": PINS[1]}), "pin-1").await;
    assert_eq!(set.status, 200, "{}", set.body);

    // While the farm is away.
    farm.kill9().await;
    let telemetry = format!("/v1/printers/{first}/telemetry");
    until_it_holds("the relay knows", async || owner.call(Method::GET, &telemetry, None).await.status == 503).await;
    let away = json!({"name": "P03", "link": link(&at_relay, IDLE[2])});
    let refused = owner.call(Method::POST, "/v1/printers", Some(away)).await;
    assert_eq!((refused.status, &refused.body["code"]), (503, &json!("farm_offline")));
    let part = owner.post("/v1/parts", json!({"name": SEEN})).await;
    farm.start_again().await;
    connected(&farm).await;
    owner.until(&format!("/v1/parts/{}", id_of(&part)), "the part", |part| part["revision"] == 1).await;
    relay.in_step(&farm, owner).await;
    until_it_holds("the webhook tells", async || hook.letters().iter().any(|letter| letter.text.contains(SEEN))).await;
    until_it_holds("MQTT tells", async || listener.heard().iter().any(|message| holds(&message.payload, SEEN))).await;

    // Both die as they stand: what is in the write-ahead logs stays there.
    farm.kill9().await;
    relay.kill9().await;
    let lines = relay.wire.passed();
    let (tunnels, others): (Vec<_>, Vec<_>) = lines.chunks(2).partition(|line| line[0].starts_with(b"GET /tunnel HTTP/1.1"));
    let half = |lines: &[&[Vec<u8>]], side: usize| lines.iter().flat_map(|line| line[side].clone()).collect::<Vec<u8>>();
    let (up, down, answers) = (half(&tunnels, 0), half(&tunnels, 1), half(&others, 1));
    let device_code = others.iter().find_map(|line| said(&line[1], "device_code")).expect("the agent was given a device code");
    let content_tokens = tunnels.iter().filter_map(|line| said(&line[1], "content_token"));
    let content_tokens: Vec<String> = content_tokens.collect();
    assert!(content_tokens.len() >= 2, "one a session: {content_tokens:?}");
    let one_time = farm.sign_in_url.split_once("#token=").unwrap().1.to_owned();
    let slicer = secret(&made.body);
    let webhook_secrets = [secret(&webhook), secret(&rolled)];

    let mut secrets: Vec<(&str, &str)> = vec![
        ("the owner's password", PASSWORD),
        ("a wrong password", WRONG_PASSWORD),
        ("the farm's one-time token", &one_time),
        ("the store's one-time token", &shop.one_time_token),
        ("the farm's next one-time token", link_again.split_once("#token=").unwrap().1),
        ("a session", &cookie),
        ("a session before", &first_cookie),
        ("the farm's API key", &farm.key),
        ("the owner's API key", &owner.key),
        ("the token that adds a phone", &enrolment),
        ("the session of a phone", &phone),
        ("an API key", &key),
        ("a slicer key", &slicer),
        ("the device code", &device_code),
    ];
    secrets.extend(CREDENTIALS.iter().chain(&IDLE).map(|credential| ("a printer's credential", *credential)));
    secrets.extend(webhook_secrets.iter().map(|secret| ("a webhook's secret", secret.as_str())));
    secrets.extend(content_tokens.iter().map(|token| ("a content token", token.as_str())));
    assert!(secrets.iter().all(|(name, secret)| secret.len() >= 16 && !name.is_empty()), "{secrets:?}");
    secrets.extend(PINS.iter().map(|pin| ("a PIN", *pin)));

    let mut places: Vec<(String, Vec<u8>)> = Vec::new();
    for folder in [farm.data(), relay.data()] {
        let files = files_below(&folder);
        assert!(files.iter().any(|(place, bytes)| place.to_string_lossy().ends_with("-wal") && !bytes.is_empty()), "{files:?}");
        let database =
            files.iter().map(|(place, _)| place.clone()).find(|place| place.extension().is_some_and(|end| end == "db"));
        places.extend(files.into_iter().map(|(place, bytes)| (place.display().to_string(), bytes)));
        let cells = cells(&database.unwrap());
        assert!(holds(&cells, SEEN), "what is no secret is found");
        places.push((format!("the tables of {}", folder.display()), cells));
    }
    for (whose, log) in [("the agent's log", farm.whole_text_log()), ("the relay's log", relay.log())] {
        assert!(log.contains("TRACE"), "{whose} is at its loudest");
        places.push((whose.to_owned(), log.into_bytes()));
    }
    let mqtt: Vec<u8> = relay.mqtt.passed().chunks(2).flat_map(|line| line[1].clone()).collect();
    let letters = hook.letters().into_iter().map(|letter| letter.text).collect::<String>().into_bytes();
    for (whose, bytes) in [("what goes up", &up), ("MQTT", &mqtt), ("webhooks", &letters)] {
        assert!(holds(bytes, SEEN), "{whose} tells what is no secret");
    }
    places.extend([("MQTT".to_owned(), mqtt), ("webhooks".to_owned(), letters)]);

    let may = |place: &str, secret: &str| match place {
        // Its own call, and its own first answer.
        "what goes down the line" => {
            [CREDENTIALS[1], IDLE[1], PINS[1]].contains(&secret) || content_tokens.iter().any(|own| own == secret)
        }
        "what goes up the line" => secret == slicer,
        _ => false,
    };
    for (whose, bytes, secret) in [("down", &down, CREDENTIALS[1]), ("down", &down, PINS[1]), ("up", &up, &slicer)] {
        assert!(holds(bytes, secret), "what goes {whose} is really searched");
    }
    let first_answers = [&shop.owner.key, &key, &slicer, &device_code, &webhook_secrets[0], &webhook_secrets[1]];
    for (name, secret) in &secrets {
        let times = answers.windows(secret.len()).filter(|window| *window == secret.as_bytes()).count();
        let once = first_answers.iter().any(|first| first == secret);
        assert_eq!(times, usize::from(once), "how often the relay's answers tell {name}");
    }
    places.extend([("what goes up the line".to_owned(), up), ("what goes down the line".to_owned(), down)]);
    let mut told = Vec::new();
    for (place, bytes) in &places {
        told.extend(secrets.iter().filter(|(_, secret)| holds(bytes, secret) && !may(place, secret)).map(|(name, secret)| {
            let at = bytes.windows(secret.len()).position(|window| window == secret.as_bytes()).unwrap();
            let around =
                String::from_utf8_lossy(&bytes[at.saturating_sub(200)..(at + secret.len() + 50).min(bytes.len())]).into_owned();
            format!("{place} tells {name}: {around}")
        }));
    }
    assert!(told.is_empty(), "{told:#?}");
}
