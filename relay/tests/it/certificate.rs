//! A relay that was given a certificate: its page and API, its sessions and its MQTT go over TLS.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use api::clock::SystemClock;
use api::listen::ListenError;
use gantry_relay::assemble::{AssembleError, Relay, Running};
use gantry_relay::config::Config;
use rumqttc::{AsyncClient, Event, MqttOptions, Packet, QoS};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, crypto::ring};

use crate::authority::Authority;

const LOCAL: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 0);

fn settings(folder: &Path) -> (Authority, Config) {
    let authority = Authority::new(folder);
    let config = Config {
        data_dir: folder.join("data"),
        listen: LOCAL,
        mqtt_listen: LOCAL,
        certificate: Some(authority.certificate.clone()),
        private_key: Some(authority.private_key.clone()),
        host_names: vec!["localhost".to_owned()],
        ..Config::default()
    };
    (authority, config)
}

struct World {
    _folder: tempfile::TempDir,
    relay: Running,
    connector: TlsConnector,
}

impl World {
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (authority, config) = settings(folder.path());
        let relay = Relay::start(&config, Arc::new(SystemClock)).await.unwrap();
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(&authority.file).unwrap()).unwrap();
        let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
        let config = builder.with_safe_default_protocol_versions().unwrap().with_root_certificates(roots).with_no_client_auth();
        Self { _folder: folder, relay, connector: TlsConnector::from(Arc::new(config)) }
    }

    async fn send(&self, line: &str, headers: &[(&str, &str)], body: &Value) -> (String, Value) {
        let host = format!("localhost:{}", self.relay.address.port());
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let more: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        let head = format!("{line} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\ncontent-type: application/json\r\n");
        let request = format!("{head}content-length: {}\r\n{more}\r\n{body}", body.len());
        let mut stream = connect(&self.connector, self.relay.address).await;
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head.to_owned(), serde_json::from_str(body).unwrap_or_default())
    }
}

async fn connect(connector: &TlsConnector, address: SocketAddr) -> TlsStream<TcpStream> {
    let stream = TcpStream::connect(address).await.unwrap();
    connector.connect(ServerName::try_from("localhost").unwrap(), stream).await.unwrap()
}

fn status(head: &str) -> &str {
    head.split(' ').nth(1).unwrap()
}

#[tokio::test]
async fn a_session_over_tls_is_bound_to_this_host_and_to_tls() {
    let world = World::start().await;
    let url = world.relay.accounts.door.url(world.relay.address);
    assert_eq!(url, format!("https://localhost:{}", world.relay.address.port()));
    let made = world.relay.accounts.create_store("Shop".parse().unwrap()).await.unwrap();
    let token = json!({"one_time_token": made.one_time_token});
    let (head, _) = world.send("POST /v1/sessions", &[("origin", &url)], &token).await;
    assert_eq!(status(&head), "201", "{head}");
    assert!(head.contains("strict-transport-security: max-age="), "{head}");
    let cookie = head.lines().find_map(|line| line.strip_prefix("set-cookie: ")).unwrap();
    let (pair, attributes) = cookie.split_once(';').unwrap();
    let (name, token) = pair.split_once('=').unwrap();
    assert_eq!(name, "__Host-gantry_relay_session");
    for wanted in ["Secure", "HttpOnly", "SameSite=Strict", "Path=/"] {
        assert!(attributes.split(';').any(|attribute| attribute.trim() == wanted), "{wanted}: {cookie}");
    }
    assert!(!attributes.contains("Domain"), "{cookie}");

    assert_eq!(status(&world.send("GET /v1/me", &[("cookie", pair)], &Value::Null).await.0), "200");
    let loose = format!("gantry_relay_session={token}");
    let (head, _) = world.send("GET /v1/me", &[("cookie", &loose)], &Value::Null).await;
    assert_eq!(status(&head), "401", "the name without the prefix could be set by anybody on the way");

    let part = json!({"name": "k", "role": "admin"});
    let plain_page = url.replace("https", "http");
    let (head, problem) = world.send("POST /v1/api_keys", &[("cookie", pair), ("origin", &plain_page)], &part).await;
    assert_eq!((status(&head), &problem["code"]), ("403", &json!("cross_origin")));
    let (head, _) = world.send("POST /v1/api_keys", &[("cookie", pair), ("origin", &url)], &part).await;
    assert_eq!(status(&head), "201", "{head}");
    let (head, _) = world.send("DELETE /v1/sessions/current", &[("cookie", pair), ("origin", &url)], &Value::Null).await;
    assert!(head.contains("set-cookie: __Host-gantry_relay_session=;") && head.contains("Max-Age=0"), "{head}");
}

#[tokio::test]
async fn mqtt_over_tls_brings_a_long_present_whole_and_what_follows() {
    let world = World::start().await;
    let door = Arc::clone(&world.relay.accounts.door);
    let made = world.relay.accounts.create_store("Shop".parse().unwrap()).await.unwrap();
    let (head, _) = world.send("POST /v1/sessions", &[], &json!({"one_time_token": made.one_time_token})).await;
    let cookie = head.lines().find_map(|line| line.strip_prefix("set-cookie: ")).unwrap().split(';').next().unwrap().to_owned();
    let url = door.url(world.relay.address);
    let signed_in = [("cookie", &*cookie), ("origin", &*url)];
    let (_, key) = world.send("POST /v1/api_keys", &signed_in, &json!({"name": "first", "role": "admin"})).await;
    // More than a socket and TLS hold back together.
    let by = store::By {
        account_of: Some(made.store),
        ..store::By::new(domain::actor::Actor::new(domain::actor::ActorKind::Relay, "relay"), door.now())
    };
    let many = |tx: &mut store::Tx<'_>| {
        for n in 0..3_000 {
            let name = format!("{n}").parse().unwrap();
            let role = domain::role::Role::Viewer;
            let user = domain::account::User::of_role(tx.new_id(), name, role, tx.now());
            tx.create(&user)?;
        }
        Ok::<_, store::StoreError>(())
    };
    door.store.write(by, many).await.unwrap();

    let mut options = MqttOptions::new("tls", "127.0.0.1", plain_way_to(&world).await);
    options.set_credentials(made.store.to_string(), key["secret"].as_str().unwrap());
    let (client, mut line) = AsyncClient::new(options, 10);
    client.subscribe("gantry/v1/+/users/+", QoS::AtLeastOnce).await.unwrap();
    client.subscribe("gantry/v1/+/events/api_key.created", QoS::AtLeastOnce).await.unwrap();
    let listening = async {
        let mut shown = 0;
        loop {
            if let Event::Incoming(Packet::Publish(message)) = line.poll().await.unwrap() {
                if !message.retain {
                    return message.topic;
                }
                shown += 1;
                if shown == 3_001 {
                    world.send("POST /v1/api_keys", &signed_in, &json!({"name": "second", "role": "viewer"})).await;
                }
            }
        }
    };
    let topic = tokio::time::timeout(Duration::from_secs(60), listening).await.expect("nothing is held back");
    assert_eq!(topic, format!("gantry/v1/{}/events/api_key.created", made.store));
}

/// A port that leads to the MQTT door through TLS: rumqttc's own TLS would bring in a crate that nobody keeps any more.
async fn plain_way_to(world: &World) -> u16 {
    let way = TcpListener::bind(LOCAL).await.unwrap();
    let port = way.local_addr().unwrap().port();
    let (connector, mqtt) = (world.connector.clone(), world.relay.mqtt_address);
    tokio::spawn(async move {
        while let Ok((mut plain, _)) = way.accept().await {
            let mut tls = connect(&connector, mqtt).await;
            tokio::io::copy_bidirectional(&mut plain, &mut tls).await.ok();
        }
    });
    port
}

#[tokio::test]
async fn no_other_machine_is_served_without_a_certificate() {
    let folder = tempfile::tempdir().unwrap();
    let (_, whole) = settings(folder.path());
    let open: SocketAddr = "0.0.0.0:0".parse().unwrap();
    let bare = Config { certificate: None, private_key: None, ..whole.clone() };
    for config in [Config { listen: open, ..bare.clone() }, Config { mqtt_listen: open, ..bare }] {
        let refused = Relay::start(&config, Arc::new(SystemClock)).await.err().unwrap();
        assert!(matches!(refused, AssembleError::Listen(ListenError::NotLoopback(address)) if address == open), "{refused}");
    }
    let half = Config { private_key: None, ..whole };
    let refused = Relay::start(&half, Arc::new(SystemClock)).await.err().unwrap();
    assert!(matches!(refused, AssembleError::Listen(ListenError::OneOfTwo)), "{refused}");
}
