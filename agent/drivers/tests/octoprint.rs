//! One story against a real OctoPrint with its virtual printer, through a line that can be cut. It
//! runs where `GANTRY_OCTOPRINT_URL` (`http://host:port`) and `GANTRY_OCTOPRINT_KEY` say where one is.

#![expect(clippy::unwrap_used, reason = "a story whose counterpart fails has failed")]

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use domain::attempt::{AttemptState, CancelReason, End, Stage, Token};
use domain::file::ContentHash;
use domain::id::{AttemptId, CommandId, Id as _};
use domain::printer::Activity;
use domain::recovery::History;
use domain::secret::Secret;
use domain::time::Timestamp;
use gantry_drivers::contract::{ActProblem, Content, LinkProblem, Observation, Order, Report, Watched};
use gantry_drivers::{Blobs, Connection, LinkSpec, Outside, connect, probe};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

#[tokio::test]
async fn a_real_octoprint_is_driven_through_cuts_and_restarts() {
    let (Ok(url), Ok(key)) = (std::env::var("GANTRY_OCTOPRINT_URL"), std::env::var("GANTRY_OCTOPRINT_KEY")) else { return };
    let outside = outside();
    let spec = |address: &str, key: &str| LinkSpec {
        driver: "octoprint".to_owned(),
        address: address.to_owned(),
        serial: None,
        certificate: None,
        credential: Some(Secret::new(key.to_owned())),
    };
    let deadline = Duration::from_secs(20);

    let wrong = probe(&spec(&url, "wrong"), outside.clone(), deadline).await;
    assert!(matches!(wrong, Err(LinkProblem::WrongCredential { .. })), "{wrong:?}");
    let nobody = probe(&spec("http://127.0.0.1:9", &key), outside.clone(), deadline).await;
    assert!(matches!(nobody, Err(LinkProblem::Unreachable { .. })), "{nobody:?}");
    let right = probe(&spec(&url, &key), outside.clone(), deadline).await.unwrap();
    assert_eq!(right.activity, Activity::Idle, "{right:?}");

    let line = Line::to(url.trim_start_matches("http://")).await;
    let mut driver = Driver::new(&spec(&line.url, &key), &outside);
    driver.sees(|seen| seen.activity == Activity::Idle && !seen.telemetry.nozzles.is_empty()).await;

    // Sent, started, seen, paused, resumed; a cancel of another print touches nothing.
    let first = Attempt::new(1);
    driver.order(Order::Send { attempt: first.id, token: first.token.clone(), content: content() }).await;
    driver.tells(|report| *report == Report::Sent { attempt: first.id }).await;
    driver.order(first.start()).await;
    driver.tells(|report| *report == Report::StartAccepted { attempt: first.id }).await;
    driver.sees(|seen| first.is_on(seen) && seen.telemetry.progress > Some(0.0)).await;
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
    driver.tells(|report| *report == first.unanswered()).await;

    // The line is cut in the print: it is found again, and nothing has ended.
    line.cut();
    driver.tells(|report| matches!(report, Report::Lost(_))).await;
    line.mend();
    driver.sees(|seen| first.is_on(seen)).await;

    // The driver is restarted in the print; the cancel that it then asks for ends it.
    drop(driver);
    let mut driver = Driver::new(&spec(&line.url, &key), &outside);
    driver.order(Order::Watch(Some(first.watched()))).await;
    driver.sees(|seen| first.is_on(seen)).await;
    driver.order(Order::Cancel { command: Some(command), token: first.token.clone() }).await;
    let requested = End::Cancelled(CancelReason::Requested);
    driver.tells(|report| first.ended(report) == Some(requested)).await;
    driver.order(Order::Recall { token: first.token.clone() }).await;
    driver.tells(|report| *report == first.past(History::Ended(requested))).await;
    driver.sees(|seen| seen.activity == Activity::Idle).await;

    // The line is cut over the end: another driver sees it, ours finds it afterwards, once.
    let second = Attempt::new(2);
    driver.order(Order::Send { attempt: second.id, token: second.token.clone(), content: content() }).await;
    driver.tells(|report| *report == Report::Sent { attempt: second.id }).await;
    driver.order(second.start()).await;
    driver.sees(|seen| second.is_on(seen)).await;
    let mut witness = Driver::new(&spec(&url, &key), &outside);
    witness.sees(|seen| second.is_on(seen) && seen.telemetry.progress > Some(0.5)).await;
    line.cut();
    let completed = End::Completed { inferred: false };
    witness.tells(|report| second.ended(report) == Some(completed)).await;
    line.mend();
    driver.tells(|report| second.ended(report) == Some(completed)).await;

    for attempt in [&first, &second] {
        driver.order(Order::Tidy { token: attempt.token.clone() }).await;
        driver.order(Order::Recall { token: attempt.token.clone() }).await;
        driver.tells(|report| matches!(report, Report::History { token, .. } if *token == attempt.token)).await;
    }
    driver.sees(|seen| seen.activity == Activity::Idle && seen.shown_token.is_none()).await;
    driver.order(Order::Recall { token: first.token.clone() }).await;
    driver.tells(|report| *report == first.past(History::NeverSaw)).await;
    assert_eq!(driver.ends, 2, "each end is told once");
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

    fn unanswered(&self) -> Report {
        let detail = "the printer already prints it; nothing was sent".to_owned();
        Report::StartUnanswered { attempt: self.id, detail }
    }

    fn watched(&self) -> Watched {
        let state = AttemptState::Active(Stage::Printing);
        Watched { attempt: self.id, token: self.token.clone(), content: content(), state, mark: None }
    }

    fn is_on(&self, seen: &Observation) -> bool {
        seen.print.as_ref().is_some_and(|print| print.token.as_ref() == Some(&self.token))
    }

    fn ended(&self, report: &Report) -> Option<End> {
        if let Report::Ended { token, end, .. } = report { (*token == self.token).then_some(*end) } else { None }
    }

    fn past(&self, history: History) -> Report {
        Report::History { token: self.token.clone(), history }
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
        let found = tokio::time::timeout(Duration::from_secs(60), found).await;
        assert!(found.is_ok(), "it never came; last came {last:?}");
    }
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

const PRINT: &str = "fixture.gcode";

struct Folder;

impl Blobs for Folder {
    fn path(&self, _: &ContentHash) -> Option<PathBuf> {
        Some(std::env::temp_dir().join(format!("gantry-octoprint-{}-{PRINT}", std::process::id())))
    }
}

/// A print of some ten seconds.
fn gcode() -> String {
    let moves = (0..100).map(|step| format!("G1 X{} F3000\nG4 P100\n", step % 50));
    format!("; {}\nG28\nM104 S60\n{}", std::process::id(), moves.collect::<String>())
}

fn content() -> Content {
    let mut hash = [0; 32];
    hash[..4].copy_from_slice(&std::process::id().to_be_bytes());
    let size_bytes = u64::try_from(gcode().len()).unwrap();
    Content { sha256: ContentHash::new(hash), size_bytes, extension: "gcode".to_owned() }
}

fn outside() -> Outside {
    let path = Folder.path(&content().sha256).unwrap();
    std::fs::write(path, gcode()).unwrap();
    Outside { blobs: Arc::new(Folder), now: Arc::new(clock), authorities: Arc::default() }
}

#[expect(clippy::disallowed_methods, reason = "a story with a real server runs on the real clock")]
fn clock() -> Timestamp {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap())
}
