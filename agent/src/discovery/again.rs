//! Printers that are away and whose serial number is known are looked for: a router may have given them another address. The
//! address follows the machine only if exactly one place shows that serial number, and never so that a key could go to a stranger.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use api::facts::put_printer;
use api::operation::Failure;
use domain::actor::Actor;
use domain::id::PrinterId;
use domain::printer::{Admin, Connection, Link, Printer};
use domain::time::Timestamp;
use drivers::discovery::Sighting;
use serde_json::json;
use store::{By, StoreError, Tx};

use super::{Ways, scan};
use crate::fleet;

/// How often it is looked whether somebody is missing.
const EACH: Duration = Duration::from_secs(30);
/// A printer is missing after so long: most that are switched off are meant to be.
const MISSING_MS: i64 = 120_000;
/// The pauses between searches while somebody is missing.
const FIRST_PAUSE_MS: i64 = 120_000;
const LONGEST_PAUSE_MS: i64 = 1_800_000;

/// Who is missing since when, and when to look for them next.
#[derive(Debug, Default)]
pub struct Search {
    since: BTreeMap<PrinterId, Timestamp>,
    looked_for: BTreeSet<PrinterId>,
    next: Option<Timestamp>,
    pause_ms: i64,
}

impl Search {
    /// Takes the printers as they are now; says whether it is time to look for those that are missing.
    pub fn is_due(&mut self, now: Timestamp, printers: &[Printer]) -> bool {
        let away: BTreeSet<PrinterId> = printers.iter().filter(|printer| is_missed(printer)).map(|printer| printer.id).collect();
        self.since.retain(|id, _| away.contains(id));
        self.looked_for.retain(|id| away.contains(id));
        for id in away {
            self.since.entry(id).or_insert(now);
        }
        let missing: BTreeSet<PrinterId> =
            self.since.iter().filter(|(_, since)| now.millis_since(**since) >= MISSING_MS).map(|(id, _)| *id).collect();
        if missing.is_empty() {
            self.next = None;
            return false;
        }
        if !missing.is_subset(&self.looked_for) {
            // Somebody new is missing: that is looked into at once.
            (self.next, self.pause_ms) = (None, FIRST_PAUSE_MS);
        }
        if self.next.is_some_and(|next| now < next) {
            return false;
        }
        self.next = Some(now.plus_millis(self.pause_ms));
        self.pause_ms = (self.pause_ms * 2).min(LONGEST_PAUSE_MS);
        self.looked_for = missing;
        true
    }
}

fn is_missed(printer: &Printer) -> bool {
    printer.link.serial.is_some()
        && match printer.admin {
            Admin::Enabled | Admin::Quarantined => printer.connection == Connection::Offline,
            // Whoever took it out of service knows where it is.
            Admin::Disabled | Admin::Maintenance => false,
        }
}

/// A printer that was seen elsewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moved {
    /// Which.
    pub printer: PrinterId,
    /// How it was reached before.
    pub from: Link,
    /// Where it is now.
    pub to: String,
}

/// Which of the missing printers were seen at one other place, and there only. A machine whose driver does not make it prove its
/// serial number is believed only where there is no key that a stranger could be after.
pub fn moved(printers: &[Printer], seen: &[Sighting]) -> Vec<Moved> {
    let taken = |address: &str| printers.iter().any(|printer| printer.link.address == address);
    let elsewhere = |printer: &Printer| {
        let is_it = |one: &&Sighting| one.driver == printer.link.driver && one.serial == printer.link.serial;
        let places: BTreeSet<&str> = seen.iter().filter(is_it).map(|one| one.address.as_str()).collect();
        let mut places = places.into_iter();
        let (Some(to), None) = (places.next(), places.next()) else { return None };
        let believed = drivers::discovery::proves_its_serial(&printer.link.driver) || printer.link.credential_set_at.is_none();
        let free = to != printer.link.address && !taken(to);
        (believed && free).then(|| Moved { printer: printer.id, from: printer.link.clone(), to: to.to_owned() })
    };
    printers.iter().filter(|printer| is_missed(printer)).filter_map(elsewhere).collect()
}

/// Writes that it is elsewhere, unless somebody was faster or it is back.
///
/// # Errors
/// What the database says.
pub fn follow(tx: &mut Tx<'_>, moved: &Moved) -> Result<bool, Failure> {
    let Some(row) = tx.get::<Printer>(moved.printer)? else { return Ok(false) };
    let mut printer = row.record;
    if !is_missed(&printer) || printer.link != moved.from {
        return Ok(false);
    }
    printer.link.address.clone_from(&moved.to);
    put_printer(tx, printer, &[])?;
    let told = json!({"from": moved.from.address, "to": moved.to, "serial": moved.from.serial});
    fleet::acts::write(tx, "farm.printer_followed", moved.printer.to_string(), told)?;
    Ok(true)
}

/// Looks for missing printers for as long as the agent runs.
pub async fn run(outside: fleet::Outside) {
    let mut search = Search::default();
    loop {
        tokio::time::sleep(EACH).await;
        if let Err(error) = look(&outside, &mut search).await {
            tracing::warn!(%error, "missing printers could not be looked for; it will be tried again");
        }
    }
}

async fn look(outside: &fleet::Outside, search: &mut Search) -> Result<(), StoreError> {
    let printers =
        || outside.store.read(|rows| rows.all::<Printer>()).map(|rows| rows.into_iter().map(|row| row.record).collect());
    let before: Vec<Printer> = printers()?;
    if !search.is_due(outside.now(), &before) {
        return Ok(());
    }
    let seen = scan(&Ways::default(), &[]).await.sightings;
    let now: Vec<Printer> = printers()?;
    for one in moved(&now, &seen) {
        let by = By::new(Actor::farm(outside.store.home().farm_id), outside.now());
        let written = one.clone();
        match outside.store.write(by, move |tx| follow(tx, &written)).await {
            Ok(true) => {
                tracing::info!(printer = %one.printer, from = one.from.address, to = one.to, "the printer is at another address now")
            }
            Ok(false) => {}
            Err(Failure::Store(error)) => return Err(error),
            Err(Failure::Problem(problem)) => {
                tracing::warn!(printer = %one.printer, problem = problem.title, "its address could not follow it")
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use store::{OpenOptions, SeededEntropy, Store};

    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);

    fn printer(number: u8, address: &str, serial: Option<&str>, connection: &str) -> Printer {
        let id = format!("prn_{number:032}");
        let driver = drivers::discovery::PROVES[0];
        serde_json::from_value(json!({
            "id": id, "name": id, "link": {"driver": driver, "address": address, "serial": serial, "credential_set_at": NOW},
            "connection": connection, "activity": "idle", "bed": "needs_clear", "admin": "enabled", "config": "incomplete",
            "control": "ok", "display": "idle", "bed_use": "use_1", "created_at": NOW,
        }))
        .unwrap()
    }

    fn seen(address: &str, serial: &str) -> Sighting {
        let driver = drivers::discovery::PROVES[0];
        Sighting { serial: Some(serial.parse().unwrap()), ..Sighting::at(driver, address.to_owned()) }
    }

    fn places(printers: &[Printer], sightings: &[Sighting]) -> Vec<String> {
        moved(printers, sightings).into_iter().map(|one| one.to).collect()
    }

    #[test]
    fn a_printer_that_is_away_is_followed_to_where_its_serial_number_is() {
        let lost = printer(1, "10.0.0.5", Some("SN-1"), "offline");
        assert_eq!(places(&[lost], &[seen("10.0.0.9", "SN-1"), seen("10.0.0.5", "SN-2")]), ["10.0.0.9"]);
    }

    #[test]
    fn another_serial_number_two_places_and_a_place_of_another_printer_are_not_followed() {
        let lost = printer(1, "10.0.0.5", Some("SN-1"), "offline");
        let other = printer(2, "10.0.0.9", Some("SN-2"), "online");
        let none: [&str; 0] = [];
        assert_eq!(places(std::slice::from_ref(&lost), &[seen("10.0.0.9", "SN-9")]), none);
        assert_eq!(places(std::slice::from_ref(&lost), &[seen("10.0.0.8", "SN-1"), seen("10.0.0.9", "SN-1")]), none);
        assert_eq!(places(&[lost, other], &[seen("10.0.0.9", "SN-1")]), none);
    }

    #[test]
    fn who_is_heard_or_out_of_service_or_has_no_number_is_not_followed() {
        let none: [&str; 0] = [];
        let at = [seen("10.0.0.9", "SN-1")];
        for connection in ["online", "stale", "unknown"] {
            assert_eq!(places(&[printer(1, "10.0.0.5", Some("SN-1"), connection)], &at), none);
        }
        let mut out = printer(1, "10.0.0.5", Some("SN-1"), "offline");
        out.admin = Admin::Maintenance;
        assert_eq!(places(&[out], &at), none);
        assert_eq!(places(&[printer(1, "10.0.0.5", None, "offline")], &at), none);
    }

    #[test]
    fn a_key_goes_to_no_machine_that_only_says_its_number() {
        let mut lost = printer(1, "http://10.0.0.5", Some("SN-1"), "offline");
        lost.link.driver = "anything".to_owned();
        let at = [Sighting { driver: "anything", ..seen("http://10.0.0.9", "SN-1") }];
        assert_eq!(places(std::slice::from_ref(&lost), &at), Vec::<String>::new());
        lost.link.credential_set_at = None;
        assert_eq!(places(&[lost], &at), ["http://10.0.0.9"], "where there is no key, nobody can be after it");
    }

    #[test]
    fn it_is_looked_for_after_a_while_then_ever_more_seldom_and_at_once_for_somebody_new() {
        let mut search = Search::default();
        let first = [printer(1, "10.0.0.5", Some("SN-1"), "offline")];
        let at = |minutes: i64| NOW.plus_seconds(minutes * 60);
        let mut due = |minutes: i64, printers: &[Printer]| search.is_due(at(minutes), printers);
        assert!(!due(0, &first), "a moment away is not missing");
        let looked: Vec<i64> = (1..60).filter(|minute| due(*minute, &first)).collect();
        assert_eq!(looked, [2, 4, 8, 16, 32]);
        let both = [first[0].clone(), printer(2, "10.0.0.6", Some("SN-2"), "offline")];
        let looked: Vec<i64> = (60..70).filter(|minute| due(*minute, &both)).collect();
        assert_eq!(looked, [62, 64, 68]);
        assert!(!due(70, &[]), "nobody is missing any more");
        let looked: Vec<i64> = (71..76).filter(|minute| due(*minute, &first)).collect();
        assert_eq!(looked, [73, 75], "whoever was back is missed anew");
    }

    #[tokio::test]
    async fn the_address_follows_in_one_write_with_its_event_and_its_entry_in_the_audit() {
        let folder = tempfile::tempdir().unwrap();
        let options = OpenOptions { path: None, now: NOW, entropy: Box::new(SeededEntropy(1)), live: true };
        let store = Store::open(&folder.path().join("gantry.db"), options).unwrap();
        let home = store.home().farm_id;
        let lost = printer(1, "10.0.0.5", Some("SN-1"), "offline");
        let created = lost.clone();
        store.write(By::new(Actor::farm(home), NOW), move |tx| tx.create(&created).map(drop)).await.unwrap();
        let moved = moved(std::slice::from_ref(&lost), &[seen("10.0.0.9", "SN-1")]).remove(0);
        for expected in [true, false] {
            let moved = moved.clone();
            let written =
                store.write(By::new(Actor::farm(home), NOW), move |tx| follow(tx, &moved)).await.map_err(|_| ()).unwrap();
            assert_eq!(written, expected, "the second time it is there already");
        }
        let row = store.read(|rows| rows.all::<Printer>()).unwrap().remove(0);
        assert_eq!((row.record.link.address.as_str(), row.revision), ("10.0.0.9", 2));
        assert!(row.record.link.credential_set_at.is_some(), "its key is still its key");
        let audit = store.read(|rows| rows.audit_tail(&home.to_string(), 5)).unwrap();
        let [entry] = audit.as_slice() else { panic!("{audit:?}") };
        assert_eq!((entry.operation.as_str(), entry.asked["from"].as_str()), ("farm.printer_followed", Some("10.0.0.5")));
        let events = store.read(|rows| rows.events_after(0, &[], None, 10)).unwrap().events;
        assert_eq!(events.last().unwrap().event.data["link"]["address"], "10.0.0.9");
    }
}
