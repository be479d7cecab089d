//! What is counted of keys: added up by day, bounded, and told of no oftener than is asked.

use contract::ops::key_usage::SeenNetwork;
use domain::id::ApiKeyId;
use domain::time::Timestamp;
use domain::usage::{Calls, Day};
use gantry_store::{Db, KeyDay};

use crate::farm::{NOW, api_key, by, by_at, db, db_in, id};

fn key() -> ApiKeyId {
    id(1)
}

fn day(n: i64, calls: u64, used_at: Option<Timestamp>) -> KeyDay {
    KeyDay { day: Day(n), calls: Calls { calls, errors: 1, refused: 0, throttled: 2 }, used_at }
}

fn see(db: &mut Db, network: &str, at: Timestamp) -> bool {
    let seen = SeenNetwork { network: network.parse().unwrap(), first_seen_at: at, last_seen_at: at };
    db.write(by(), |tx| tx.see_key_network(key(), &seen, 3)).unwrap()
}

fn networks(db: &Db) -> Vec<(String, i64)> {
    let seen = db.rows().key_networks(key()).unwrap();
    seen.iter().map(|seen| (seen.network.to_string(), seen.last_seen_at.millis_since(NOW) / 1000)).collect()
}

#[test]
fn calls_of_a_day_are_added_up_and_old_days_go() {
    let mut db = db();
    let later = Some(NOW.plus_seconds(5));
    let days = [day(1, 5, Some(NOW)), day(2, 1, None), day(2, 3, later), day(2, 4, Some(NOW)), day(2, 1, None)];
    db.write(by(), |tx| days.into_iter().try_for_each(|day| tx.add_key_use(key(), day))).unwrap();
    let known = db.rows().key_days(key(), Day(0)).unwrap();
    let second = KeyDay { day: Day(2), calls: Calls { calls: 9, errors: 4, refused: 0, throttled: 8 }, used_at: later };
    assert_eq!(known, [day(1, 5, Some(NOW)), second]);
    assert_eq!(db.rows().key_days(key(), Day(2)).unwrap(), [second]);
    assert_eq!(db.rows().key_days(id(2), Day(0)).unwrap(), []);
    db.write(by(), |tx| tx.trim_key_use(Day(2))).unwrap();
    assert_eq!(db.rows().key_days(key(), Day(0)).unwrap(), [second]);
}

#[test]
fn the_last_networks_are_kept_and_when_they_were_seen_is_written_once_an_hour() {
    let mut db = db();
    let at = |seconds| NOW.plus_seconds(seconds);
    assert!(see(&mut db, "10.0.0.0/24", at(0)));
    assert!(!see(&mut db, "10.0.0.0/24", at(3599)));
    assert_eq!(networks(&db), [("10.0.0.0/24".to_owned(), 0)]);
    assert!(!see(&mut db, "10.0.0.0/24", at(3600)));
    assert!(see(&mut db, "10.0.1.0/24", at(1)) && see(&mut db, "2001:db8::/48", at(2)));
    assert!(see(&mut db, "10.0.3.0/24", at(3)), "the one that was seen the longest ago makes room");
    let kept = [("10.0.0.0/24", 3600), ("10.0.3.0/24", 3), ("2001:db8::/48", 2)].map(|(network, at)| (network.to_owned(), at));
    assert_eq!(networks(&db), kept);
    assert!(see(&mut db, "10.0.9.0/24", at(-5)), "a clock that was set back does not hide what is new");
    assert!(networks(&db).len() <= 3);
}

#[test]
fn the_same_is_told_again_only_after_its_time_also_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let mut db = db_in(&path, 1).unwrap();
    let may =
        |db: &mut Db, seconds| db.write(by_at(NOW.plus_seconds(seconds)), |tx| tx.may_tell_of_key(key(), "x", 60_000)).unwrap();
    let about =
        |db: &mut Db, millis| db.write(by(), |tx| tx.may_tell_of_key_once(key(), "end", Timestamp::from_millis(millis))).unwrap();
    assert!(may(&mut db, 0) && !may(&mut db, 59));
    assert!(about(&mut db, 5) && !about(&mut db, 5));
    drop(db);
    let mut db = db_in(&path, 2).unwrap();
    assert!(!may(&mut db, 59) && may(&mut db, 60) && !may(&mut db, 61));
    assert!(may(&mut db, -1000), "a clock that was set back keeps nothing silent");
    assert!(!about(&mut db, 5) && about(&mut db, 6), "of another end it is told anew");
}

#[test]
fn a_key_that_leaves_with_its_store_takes_along_what_was_counted_of_it() {
    let mut db = db();
    db.write(by(), |tx| {
        tx.create(&api_key(1))?;
        tx.add_key_use(key(), day(1, 1, None))?;
        tx.may_tell_of_key(key(), "x", 0)?;
        tx.forget_key_copies()
    })
    .unwrap();
    see(&mut db, "10.0.0.0/24", NOW);
    db.write(by(), |tx| tx.forget_key_copies()).unwrap();
    assert_eq!((db.rows().key_days(key(), Day(0)).unwrap(), networks(&db)), (vec![], vec![]));
    assert!(db.write(by(), |tx| tx.may_tell_of_key(key(), "x", i64::MAX)).unwrap());
}
