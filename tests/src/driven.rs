//! A driver without a farm: a story gives it orders and hears its reports. For what a driver does by itself, whatever the agent does.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use domain::attempt::{AttemptState, End, Stage, Token};
use domain::file::ContentHash;
use domain::id::{AttemptId, Id as _};
use domain::time::Timestamp;
use drivers::contract::{Content, Observation, Order, Report, Watched};
use drivers::{Blobs, Connection, LinkSpec, Outside};
use tempfile::TempDir;

use crate::PATIENCE;

/// A driver and what it told so far.
pub struct Driven {
    connection: Connection,
    /// Everything that it told, but what it heard.
    pub told: Vec<Report>,
}

/// Files for drivers: one lies here at a time.
pub struct Shelf {
    folder: TempDir,
    pace: i64,
}

/// One try of a print.
#[derive(Debug, Clone)]
pub struct Try {
    /// The attempt.
    pub id: AttemptId,
    /// Its token.
    pub token: Token,
    /// What it prints.
    pub content: Content,
}

struct Folder(PathBuf);

impl Blobs for Folder {
    fn path(&self, hash: &ContentHash) -> Option<PathBuf> {
        Some(self.0.join(hash.to_string())).filter(|path| path.exists())
    }
}

impl Shelf {
    /// An empty one, for drivers whose clock goes so many times too fast.
    ///
    /// # Panics
    /// When there is no room.
    pub fn new(pace: i64) -> Self {
        Self { folder: TempDir::new().unwrap(), pace }
    }

    /// Where things can be put that end with it.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// A try of a print of that text.
    ///
    /// # Panics
    /// When it cannot be written.
    pub fn lay(&self, number: u8, text: &str) -> Try {
        let sha256 = ContentHash::new([number; 32]);
        std::fs::write(self.folder.path().join(sha256.to_string()), text).unwrap();
        let size_bytes = u64::try_from(text.len()).unwrap();
        let content = Content { sha256, size_bytes, extension: "gcode".to_owned() };
        Try { id: AttemptId::derived([number; 32]), token: Token::new([number; 10]), content }
    }

    /// What drivers need of an agent.
    pub fn outside(&self) -> Outside {
        let pace = self.pace;
        let began = real_millis();
        let now = move || Timestamp::from_millis(began + (real_millis() - began) * pace);
        Outside { blobs: Arc::new(Folder(self.folder.path().to_owned())), now: Arc::new(now), authorities: Arc::default() }
    }
}

#[expect(clippy::disallowed_methods, reason = "a story with a real line runs on the real clock")]
fn real_millis() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or_default()
}

impl Driven {
    /// Drives what is there.
    ///
    /// # Panics
    /// When the address makes no sense.
    pub fn new(driver: &str, address: &str, shelf: &Shelf) -> Self {
        let spec = LinkSpec {
            driver: driver.to_owned(),
            address: address.to_owned(),
            credential: None,
            serial: None,
            certificate: None,
        };
        Self { connection: drivers::connect(&spec, shelf.outside()).unwrap(), told: Vec::new() }
    }

    /// Gives an order.
    ///
    /// # Panics
    /// When the driver has ended.
    pub async fn order(&self, order: Order) {
        self.connection.orders.send(order).await.unwrap();
    }

    /// Sends and starts a print, and sees it.
    pub async fn print(&mut self, attempt: &Try) {
        let Try { id, token, content } = attempt.clone();
        self.order(Order::Send { attempt: id, token: token.clone(), content: content.clone() }).await;
        self.tells(|report| *report == Report::Sent { attempt: id }).await;
        self.order(Order::Start { attempt: id, token: token.clone(), content, feeds: Vec::new() }).await;
        self.tells(|report| *report == Report::StartAccepted { attempt: id }).await;
        self.sees(|seen| seen.print.as_ref().is_some_and(|print| print.token.as_ref() == Some(&token))).await;
    }

    /// Waits until it sees that.
    ///
    /// # Panics
    /// When it does not.
    pub async fn sees(&mut self, what: impl Fn(&Observation) -> bool) -> Observation {
        let heard = self.tells(|report| matches!(report, Report::Heard(seen) if what(seen))).await;
        let Report::Heard(seen) = heard else { panic!("it was heard a moment ago") };
        *seen
    }

    /// Waits until it tells that.
    ///
    /// # Panics
    /// When it does not.
    pub async fn tells(&mut self, what: impl Fn(&Report) -> bool) -> Report {
        let mut last = None;
        let found = async {
            while let Some(report) = self.connection.reports.recv().await {
                if !matches!(report, Report::Heard(_)) {
                    self.told.push(report.clone());
                }
                if what(&report) {
                    return report;
                }
                last = Some(report);
            }
            panic!("the driver ended")
        };
        match tokio::time::timeout(PATIENCE, found).await {
            Ok(report) => report,
            Err(_) => panic!("it never came; last came {last:?}"),
        }
    }

    /// Waits for the end of a print.
    ///
    /// # Panics
    /// When none comes.
    pub async fn ends(&mut self, attempt: &Try) -> End {
        let ended = self.tells(|report| matches!(report, Report::Ended { token, .. } if *token == attempt.token)).await;
        let Report::Ended { end, .. } = ended else { panic!("it ended a moment ago") };
        end
    }

    /// How many ends were told.
    pub fn ends_told(&self) -> usize {
        self.told.iter().filter(|report| matches!(report, Report::Ended { .. })).count()
    }
}

impl Try {
    /// As an agent tells of it after its own restart.
    pub fn watched(&self, stage: Stage) -> Order {
        let Self { id, token, content } = self.clone();
        Order::Watch(Some(Watched { attempt: id, token, content, state: AttemptState::Active(stage), mark: None }))
    }
}
