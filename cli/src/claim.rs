//! `gantry claim`: a farm asks to belong to a store at a relay. The code is shown here and entered there.

use std::time::Duration;

use clap::{Args, Subcommand};
use contract::ops::claims::{BeginClaimOp, CancelClaim, GetClaim};
use qrcode::QrCode;
use qrcode::render::unicode::Dense1x2;
use serde_json::{Value, json};

use crate::client::Ask;
use crate::failure::{Exit, Failure};
use crate::output::line;
use crate::pages::details;
use crate::session::Session;
use crate::table::{Cell, Table, words};

/// How often it is asked whether somebody said yes.
const BETWEEN: Duration = Duration::from_secs(1);

/// `gantry claim`.
#[derive(Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Claim {
    #[command(subcommand)]
    verb: Option<Verb>,
    /// The relay where the farm is to be claimed; absent = tell how far it is.
    relay_url: Option<String>,
    /// Show the code and do not wait until somebody said yes.
    #[arg(long, requires = "relay_url")]
    no_wait: bool,
}

#[derive(Subcommand)]
enum Verb {
    /// Tell whether the farm belongs to a store, and the code that it waits under.
    Status,
    /// Take the code back.
    Cancel,
}

impl Claim {
    /// Does it.
    pub async fn run(self, s: &Session) -> Result<(), Failure> {
        match (self.verb, self.relay_url) {
            (Some(Verb::Cancel), _) => show(s, &s.call::<CancelClaim>(Ask::all()).await?),
            (Some(Verb::Status), _) | (None, None) => show(s, &s.call::<GetClaim>(Ask::all()).await?),
            (None, Some(relay_url)) => begin(s, &relay_url, self.no_wait).await,
        }
    }
}

/// With --json a line when the code is there, and one when the farm is claimed.
async fn begin(s: &Session, relay_url: &str, no_wait: bool) -> Result<(), Failure> {
    let shown = s.call::<BeginClaimOp>(Ask::all().body(json!({"relay_url": relay_url}))).await?;
    show(s, &shown)?;
    if no_wait {
        s.out.next("gantry claim status");
        return Ok(());
    }
    s.out.note("Waiting until somebody says yes. Ctrl-C does not take the code back; `gantry claim cancel` does.");
    loop {
        tokio::time::sleep(BETWEEN).await;
        let now = s.call::<GetClaim>(Ask::all()).await?;
        match words(&now["state"]).as_str() {
            "waiting" if now["user_code"] == shown["user_code"] => {}
            "claimed" => {
                return s.out.answer(&now, |now| format!("The farm belongs to {} now.", words(&now["store_name"])));
            }
            // Taken back, ended, or another code took its place.
            _ => {
                let why = now["problem"].as_str().unwrap_or("the code was taken back");
                return Err(Failure::new(Exit::Refused, format!("the farm was not claimed: {why}")));
            }
        }
    }
}

fn show(s: &Session, claim: &Value) -> Result<(), Failure> {
    s.out.table(claim, |claim| table(s, claim))?;
    let uri = claim["verification_uri_complete"].as_str().filter(|_| s.out.terminal && !s.out.json);
    if let Some(picture) = uri.and_then(|uri| qr(uri, s.out.colour)) {
        line(&picture)?;
    }
    if claim["state"] == "waiting" && !s.out.json {
        s.out.note("Enter the code there, and say yes only if the same four words are shown there.");
    }
    Ok(())
}

fn table(s: &Session, claim: &Value) -> Table {
    // Only a farm that belongs to a store has a line that could be away.
    let line = match (claim["state"] == "claimed", claim["connected"] == true) {
        (true, true) => Cell::state(&json!("online")),
        (true, false) => Cell::state(&json!("offline")),
        (false, _) => Cell::text(""),
    };
    details([
        ("state", Cell::state(&claim["state"])),
        ("store", Cell::of(&claim["store_name"])),
        ("relay", Cell::of(&claim["relay_url"])),
        ("line", line),
        ("code", Cell::of(&claim["user_code"])),
        ("words", Cell::of(&claim["fingerprint"])),
        ("enter it at", Cell::of(&claim["verification_uri"])),
        ("ends", Cell::time(&claim["expires_at"], s.out.now)),
        ("since", Cell::time(&claim["claimed_at"], s.out.now)),
        ("problem", Cell::of(&claim["problem"])),
    ])
}

/// A QR code in half blocks: black on white where there are colours, else light blocks as on most terminals.
fn qr(text: &str, colour: bool) -> Option<String> {
    let code = QrCode::new(text).ok()?;
    let mut renderer = code.render::<Dense1x2>();
    if colour {
        let picture = renderer.build();
        return Some(picture.lines().map(|line| format!("\x1b[30;107m{line}\x1b[0m")).collect::<Vec<_>>().join("\n"));
    }
    Some(renderer.dark_color(Dense1x2::Light).light_color(Dense1x2::Dark).build())
}

#[cfg(test)]
mod tests {
    use super::qr;

    #[test]
    fn a_code_is_drawn_with_its_quiet_zone_two_rows_on_a_line() {
        let picture = qr("http://127.0.0.1:7480/claim?code=ABCDEFGH", false).unwrap();
        let lines: Vec<&str> = picture.lines().collect();
        let width = lines[0].chars().count();
        assert_eq!(lines.len(), width.div_ceil(2));
        // Light all around, so that a camera finds the edge; the last line may hold one row only.
        let (last, rest) = lines.split_last().unwrap();
        assert!(lines[0].chars().all(|block| block == '█') && rest.iter().all(|line| line.starts_with("████")), "{picture}");
        assert!(last.chars().all(|block| block == last.chars().next().unwrap()), "{picture}");
        assert!(qr("x", true).unwrap().lines().all(|line| line.starts_with("\x1b[30;107m") && line.ends_with("\x1b[0m")));
    }
}
