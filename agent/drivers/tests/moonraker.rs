//! One story against a real Moonraker with Klipper, through a line that can be cut. It runs where
//! `GANTRY_MOONRAKER_URL` (`http://host:port`) says where one is that trusts this machine.

#![expect(clippy::unwrap_used, reason = "a story whose counterpart fails has failed")]

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use domain::attempt::{AttemptState, CancelReason, End, FailureReason, Stage, Token};
use domain::file::ContentHash;
use domain::id::{AttemptId, CommandId, Id as _};
use domain::printer::Activity;
use domain::recovery::History;
use domain::secret::Secret;
use domain::time::Timestamp;
use gantry_drivers::contract::{ActProblem, Content, LinkProblem, Observation, Order, Report, Watched};
use gantry_drivers::{Blobs, Connection, LinkSpec, Outside, connect, probe};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

#[tokio::test]
async fn a_real_moonraker_is_driven_through_cuts_restarts_and_an_emergency_stop() {
    let Ok(url) = std::env::var("GANTRY_MOONRAKER_URL") else { return };
    let outside = outside();
    let spec = |address: &str, key: Option<&str>| LinkSpec {
        driver: "moonraker".to_owned(),
        address: address.to_owned(),
        serial: None,
        certificate: None,
        credential: key.map(|key| Secret::new(key.to_owned())),
    };
    let deadline = Duration::from_secs(20);

    let wrong = probe(&spec(&url, Some("wrong")), outside.clone(), deadline).await;
    assert!(matches!(wrong, Err(LinkProblem::WrongCredential { .. })), "{wrong:?}");
    let nobody = probe(&spec("http://127.0.0.1:9", None), outside.clone(), deadline).await;
    assert!(matches!(nobody, Err(LinkProblem::Unreachable { .. })), "{nobody:?}");
    let right = probe(&spec(&url, None), outside.clone(), deadline).await.unwrap();
    assert!(matches!(right.activity, Activity::Idle | Activity::Finished), "{right:?}");

    let line = Line::to(url.trim_start_matches("http://")).await;
    let mut driver = Driver::new(&spec(&line.url, None), &outside);
    driver.sees(|seen| is_free(seen) && !seen.telemetry.nozzles.is_empty() && seen.firmware.is_some()).await;

    // Sent, started, seen, paused, resumed; a cancel of another print touches nothing.
    let first = Attempt::new(1);
    driver.send(&first).await;
    driver.order(first.start()).await;
    driver.tells(|report| *report == Report::StartAccepted { attempt: first.id }).await;
    driver.sees(|seen| first.is_on(seen) && seen.activity == Activity::Preparing).await;
    driver.sees(|seen| first.is_on(seen) && seen.activity == Activity::Printing && seen.telemetry.progress > Some(0.0)).await;
    let command = CommandId::derived([9; 32]);
    let acted =
        |outcome: Result<(), ActProblem>| move |report: &Report| *report == Report::Acted { command, outcome: outcome.clone() };
    driver.order(Order::Pause { command, token: first.token.clone() }).await;
    driver.tells(acted(Ok(()))).await;
    driver.sees(|seen| first.is_on(seen) && seen.activity == Activity::Paused).await;
    driver.order(Order::Resume { command, token: first.token.clone() }).await;
    driver.tells(acted(Ok(()))).await;
    driver.sees(|seen| first.is_on(seen) && seen.activity == Activity::Printing).await;
    driver.order(Order::Cancel { command: Some(command), token: Token::new([8; 10]) }).await;
    driver.tells(acted(Err(ActProblem::NotThatPrint))).await;
    driver.order(first.start()).await;
    driver.tells(|report| matches!(report, Report::StartUnanswered { .. })).await;

    // The line is cut in the print: it is found again, and nothing has ended.
    line.cut();
    driver.tells(|report| matches!(report, Report::Lost(_))).await;
    line.mend();
    driver.sees(|seen| first.is_on(seen)).await;

    // The driver is restarted in the print; the cancel that it then asks for ends it.
    drop(driver);
    let mut driver = Driver::new(&spec(&line.url, None), &outside);
    driver.order(Order::Watch(Some(first.watched()))).await;
    driver.sees(|seen| first.is_on(seen)).await;
    driver.order(Order::Cancel { command: Some(command), token: first.token.clone() }).await;
    let requested = End::Cancelled(CancelReason::Requested);
    driver.tells(|report| first.ended(report) == Some(requested)).await;
    driver.recalls(&first, History::Ended(requested)).await;
    driver.sees(is_free).await;

    // The line is cut over the end: another driver sees it, ours finds it afterwards, once.
    let second = Attempt::new(2);
    driver.send(&second).await;
    driver.order(second.start()).await;
    driver.sees(|seen| second.is_on(seen)).await;
    let mut witness = Driver::new(&spec(&url, None), &outside);
    witness.sees(|seen| second.is_on(seen)).await;
    line.cut();
    let completed = End::Completed { inferred: false };
    witness.tells(|report| second.ended(report) == Some(completed)).await;
    line.mend();
    driver.tells(|report| second.ended(report) == Some(completed)).await;
    driver.sees(|seen| seen.activity == Activity::Finished && seen.shown_token.as_ref() == Some(&second.token)).await;

    // A restart of Klipper in the print ends it; the subscription is made anew.
    let third = Attempt::new(3);
    driver.send(&third).await;
    driver.order(third.start()).await;
    driver.sees(|seen| third.is_on(seen)).await;
    post(&url, "/printer/firmware_restart").await;
    let failed = End::Failed(FailureReason::PrinterError);
    driver.tells(|report| matches!(report, Report::Lost(LinkProblem::PrinterDisconnected { .. }))).await;
    driver.tells(|report| third.ended(report) == Some(failed)).await;
    driver.sees(is_free).await;

    // An emergency stop ends it and shows as a fault until Klipper is restarted.
    let fourth = Attempt::new(4);
    driver.send(&fourth).await;
    driver.order(fourth.start()).await;
    driver.sees(|seen| fourth.is_on(seen)).await;
    post(&url, "/printer/emergency_stop").await;
    driver.tells(|report| fourth.ended(report) == Some(failed)).await;
    driver.sees(|seen| seen.activity == Activity::Error && seen.print.is_none() && seen.fault.is_some()).await;
    driver.order(Order::Start { attempt: third.id, token: third.token.clone(), content: content(), feeds: Vec::new() }).await;
    driver.tells(|report| matches!(report, Report::StartRefused { .. })).await;
    post(&url, "/printer/firmware_restart").await;
    driver.sees(|seen| is_free(seen) && seen.fault.is_none()).await;

    let pasts = [requested, completed, failed, failed];
    for (attempt, end) in [&first, &second, &third, &fourth].into_iter().zip(pasts) {
        driver.order(Order::Tidy { token: attempt.token.clone() }).await;
        driver.order(Order::Watch(Some(first.watched()))).await;
        driver.recalls(attempt, History::Ended(end)).await;
    }
    driver.recalls(&Attempt::new(5), History::NeverSaw).await;
    assert_eq!(driver.ends, 4, "each end is told once");
}

fn is_free(seen: &Observation) -> bool {
    matches!(seen.activity, Activity::Idle | Activity::Finished) && seen.print.is_none()
}

/// One try of a print.
struct Attempt {
    id: AttemptId,
    token: Token,
}

impl Attempt {
    fn new(number: u8) -> Self {
        let mut random = [number; 10];
        random[..8].copy_from_slice(&clock().millis().to_be_bytes());
        Self { id: AttemptId::derived([number; 32]), token: Token::new(random) }
    }

    fn start(&self) -> Order {
        Order::Start { attempt: self.id, token: self.token.clone(), content: content(), feeds: Vec::new() }
    }

    fn watched(&self) -> Watched {
        let state = AttemptState::Active(Stage::Printing);
        let mark = Some("cancel_asked".to_owned());
        Watched { attempt: self.id, token: self.token.clone(), content: content(), state, mark }
    }

    fn is_on(&self, seen: &Observation) -> bool {
        seen.print.as_ref().is_some_and(|print| print.token.as_ref() == Some(&self.token))
    }

    fn ended(&self, report: &Report) -> Option<End> {
        if let Report::Ended { token, end, .. } = report { (*token == self.token).then_some(*end) } else { None }
    }
}

/// A driver and how many ends it has told.
struct Driver {
    connection: Connection,
    ends: usize,
}

impl Driver {
    fn new(spec: &LinkSpec, outside: &Outside) -> Self {
        Self { connection: connect(spec, outside.clone()).unwrap(), ends: 0 }
    }

    async fn order(&self, order: Order) {
        self.connection.orders.send(order).await.unwrap();
    }

    async fn send(&mut self, attempt: &Attempt) {
        self.order(Order::Send { attempt: attempt.id, token: attempt.token.clone(), content: content() }).await;
        self.tells(|report| *report == Report::Sent { attempt: attempt.id }).await;
    }

    async fn recalls(&mut self, attempt: &Attempt, history: History) {
        self.order(Order::Recall { token: attempt.token.clone() }).await;
        self.tells(|report| *report == Report::History { token: attempt.token.clone(), history }).await;
    }

    async fn sees(&mut self, what: impl Fn(&Observation) -> bool) {
        self.tells(|report| matches!(report, Report::Heard(seen) if what(seen))).await;
    }

    async fn tells(&mut self, what: impl Fn(&Report) -> bool) {
        let mut last = None;
        let found = async {
            while let Some(report) = self.connection.reports.recv().await {
                self.ends += usize::from(matches!(report, Report::Ended { .. }));
                if what(&report) {
                    return;
                }
                last = Some(report);
            }
        };
        let found = tokio::time::timeout(Duration::from_secs(90), found).await;
        assert!(found.is_ok(), "it never came; last came {last:?}");
    }
}

/// A person at Moonraker's own page.
async fn post(url: &str, path: &str) {
    let server = url.trim_start_matches("http://");
    let mut stream = TcpStream::connect(server).await.unwrap();
    let request = format!("POST {path} HTTP/1.1\r\nHost: {server}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

/// A line to the server that can be cut and mended.
struct Line {
    url: String,
    whole: watch::Sender<bool>,
}

impl Line {
    async fn to(server: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (whole, state) = watch::channel(true);
        let server = server.to_owned();
        tokio::spawn(async move {
            while let Ok((mut near, _)) = listener.accept().await {
                let (server, mut state) = (server.clone(), state.clone());
                tokio::spawn(async move {
                    if !*state.borrow() {
                        return;
                    }
                    let mut far = TcpStream::connect(&server).await.unwrap();
                    tokio::select! {
                        _ = tokio::io::copy_bidirectional(&mut near, &mut far) => {}
                        _ = state.wait_for(|whole| !whole) => {}
                    }
                });
            }
        });
        Self { url, whole }
    }

    fn cut(&self) {
        self.whole.send_replace(false);
    }

    fn mend(&self) {
        self.whole.send_replace(true);
    }
}

struct Folder;

impl Blobs for Folder {
    fn path(&self, _: &ContentHash) -> Option<PathBuf> {
        Some(std::env::temp_dir().join("gantry-moonraker-story.gcode"))
    }
}

/// A print of some twenty seconds, of which the first half is heating and homing.
const GCODE: &str = include_str!("moonraker.gcode");

/// The SHA-256 of [`GCODE`]: Moonraker compares.
const SHA256: &str = "d4eef59432d91b1eee57abed4d87d52b7bc0a6d0489d6400d52939ce45625fa9";

fn content() -> Content {
    let sha256 = ContentHash::try_from(SHA256.to_owned()).unwrap();
    Content { sha256, size_bytes: u64::try_from(GCODE.len()).unwrap(), extension: "gcode".to_owned() }
}

fn outside() -> Outside {
    let path = Folder.path(&content().sha256).unwrap();
    std::fs::write(path, GCODE).unwrap();
    Outside { blobs: Arc::new(Folder), now: Arc::new(clock), authorities: Arc::default() }
}

#[expect(clippy::disallowed_methods, reason = "a story with a real server runs on the real clock")]
fn clock() -> Timestamp {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap())
}
