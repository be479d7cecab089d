//! A stranger's URL reaches nothing but the open internet: none of these is ever dialled.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use gantry_relay::webhooks::{Guard, Looked, Names, Refused, SystemNames};
use reqwest::Client;
use reqwest::dns::{Name, Resolve};
use tokio::net::TcpListener;

use crate::receiver::PATIENCE;

/// Names whose owner means harm: each resolves to what its first label says, dashes for dots.
struct Hostile(AtomicUsize);

impl Names for Hostile {
    fn look_up(&self, name: &str) -> Looked {
        self.0.fetch_add(1, Ordering::SeqCst);
        let label = name.split('.').next().unwrap().to_owned();
        Box::pin(async move {
            let text = label.strip_prefix("v6").map_or_else(|| label.replace('-', "."), |v6| v6.replace('-', ":"));
            Ok(text.parse::<IpAddr>().into_iter().collect())
        })
    }
}

fn guard(networks: &[&str], names: Arc<dyn Names>) -> Guard {
    let networks = networks.iter().map(|network| network.parse().unwrap()).collect();
    Guard::new(networks, &["Relay.Example".to_owned()], names)
}

/// Dials as the sender does: with the guard as the only way from a name to an address.
async fn dial(guard: &Guard, url: &str) -> Result<(), String> {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let url = guard.judge(url).map_err(|refused| refused.to_string())?;
    let resolver = guard.resolver(url.scheme() == "https");
    let client = Client::builder().no_proxy().dns_resolver(Arc::new(resolver)).build().unwrap();
    client.post(url).send().await.map(drop).map_err(|error| format!("{error:?}"))
}

#[tokio::test]
async fn of_many_hostile_urls_none_is_dialled() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let dialled = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&dialled);
    let listening = tokio::spawn(async move {
        while listener.accept().await.is_ok() {
            counted.fetch_add(1, Ordering::SeqCst);
        }
    });
    let hosts = [
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0x7f.1",
        "0177.0.0.1",
        "127.0.0.1.",
        "127.255.255.254",
        "0.0.0.0",
        "0",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[::127.0.0.1]",
        "[64:ff9b::7f00:1]",
        "[64:ff9b:1::7f00:1]",
        "[2002:7f00:1::]",
        "[2001:0:7f00:1::]",
        "[2001:db8::1]",
        "[3fff::1]",
        "[5f00::1]",
        "[fc00::1]",
        "[fd00:ec2::254]",
        "[fe80::1]",
        "[fec0::1]",
        "[ff02::1]",
        "[100::1]",
        "10.0.0.1",
        "172.16.0.1",
        "172.31.255.255",
        "192.168.1.1",
        "100.64.0.1",
        "100.100.100.200",
        "169.254.169.254",
        "0xa9fea9fe",
        "192.0.0.1",
        "192.0.2.1",
        "192.88.99.1",
        "198.18.0.1",
        "198.51.100.1",
        "203.0.113.1",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "metadata.google.internal",
        "METADATA.Google.Internal.",
        "internal",
        "relay.example",
        "RELAY.example.",
        "localhost",
        "127-0-0-1.evil.example",
        "10-0-0-1.evil.example",
        "169-254-169-254.evil.example",
        "192-168-0-1.evil.example",
        "100-64-0-1.evil.example",
        "v6--1.evil.example",
        "v6fd00--1.evil.example",
        "v6fe80--1.evil.example",
        "v6--ffff-7f00-1.evil.example",
        "v664-ff9b--7f00-1.evil.example",
        "①②⑦.0.0.1",
        "127。0。0。1",
    ];
    let names = Arc::new(Hostile(AtomicUsize::new(0)));
    // That some network is allowed opens no other, with or without encryption.
    let narrow = guard(&["10.99.0.0/16"], names.clone());
    assert!(hosts.len() >= 60, "{}", hosts.len());
    for (scheme, host) in hosts.iter().flat_map(|host| [("https", host), ("http", host)]) {
        let url = format!("{scheme}://{host}:{port}/");
        assert!(dial(&narrow, &url).await.is_err(), "{url}");
    }
    for url in [
        format!("http://user:pass@127.0.0.1:{port}/"),
        format!("http://127.0.0.1:{port}#@example.com/"),
        format!("http:\\\\127.0.0.1:{port}\\"),
        format!("gopher://127.0.0.1:{port}/"),
        format!("file://127.0.0.1:{port}/"),
        "http://".to_owned(),
        String::new(),
    ] {
        assert!(dial(&narrow, &url).await.is_err(), "{url}");
    }
    assert!(names.0.load(Ordering::SeqCst) >= 10, "names were judged by what they resolve to");
    assert_eq!(dialled.load(Ordering::SeqCst), 0);
    // The listener does listen: with leave, the same address is reached.
    let open = guard(&["127.0.0.0/8"], names);
    for scheme in ["http", "https"] {
        let before = dialled.load(Ordering::SeqCst);
        let answer = dial(&open, &format!("{scheme}://127-0-0-1.evil.example:{port}/")).await;
        assert!(answer.is_err(), "it hangs up at once");
        let counted = async {
            while dialled.load(Ordering::SeqCst) == before {
                tokio::task::yield_now().await;
            }
        };
        assert!(tokio::time::timeout(PATIENCE, counted).await.is_ok(), "{scheme}");
    }
    listening.abort();
}

/// A name that leads to the relay's own network and to the open internet at once.
struct Torn;

impl Names for Torn {
    fn look_up(&self, _: &str) -> Looked {
        Box::pin(async { Ok(["127.0.0.1", "93.184.215.14", "::1", "169.254.169.254"].map(|text| text.parse().unwrap()).into()) })
    }
}

#[tokio::test]
async fn of_a_names_addresses_only_the_open_ones_are_given_to_the_connection() {
    let found = async |networks: &[&str], encrypted: bool| {
        let name: Name = "torn.example".parse().unwrap();
        let found = guard(networks, Arc::new(Torn)).resolver(encrypted).resolve(name).await;
        found.map(|found| found.map(|address| address.ip().to_string()).collect::<Vec<_>>())
    };
    assert_eq!(found(&[], true).await.unwrap(), ["93.184.215.14"]);
    assert_eq!(found(&["127.0.0.0/8", "169.254.0.0/16"], true).await.unwrap(), ["127.0.0.1", "93.184.215.14"]);
    assert_eq!(found(&["127.0.0.0/8"], false).await.unwrap(), ["127.0.0.1"]);
    assert!(found(&[], false).await.is_err());
}

#[test]
fn the_open_internet_is_open_with_encryption_and_what_a_cloud_tells_its_machines_never_is() {
    let closed = guard(&[], Arc::new(SystemNames));
    for url in ["https://hooks.example.com/a", "https://93.184.215.14/", "https://[2606:4700::1111]/"] {
        assert!(closed.judge(url).is_ok(), "{url}");
    }
    assert_eq!(closed.judge("http://hooks.example.com/"), Err(Refused::NotEncrypted));
    assert_eq!(closed.judge("https://a:b@hooks.example.com/"), Err(Refused::Credentials));
    let own = guard(&["10.0.0.0/8"], Arc::new(SystemNames));
    assert!(own.judge("http://10.1.2.3:8080/").is_ok());
    assert_eq!(own.judge("http://93.184.215.14/"), Err(Refused::Network));
    let wide = guard(&["0.0.0.0/0", "::/0"], Arc::new(SystemNames));
    assert!(wide.judge("https://10.0.0.1/").is_ok());
    for url in ["https://169.254.169.254/", "https://[::ffff:169.254.169.254]/", "https://[fd00:ec2::254]/"] {
        assert_eq!(wide.judge(url), Err(Refused::Network), "{url}");
    }
}
