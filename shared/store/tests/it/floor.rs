//! Beds and acts: a clear is worth one print.

use domain::actor::{Actor, ActorKind};
use domain::bed::{BedToken, BedUse, ClearedBy};
use domain::id::{AttemptId, PrinterId};
use gantry_store::{Act, ActState, Db, Observed, StoreError};
use proptest::prelude::*;
use uuid::Uuid;

use crate::farm::{NOW, by, db, id};

fn token(n: u128) -> BedToken {
    let actor = Actor::new(ActorKind::Floor, "owner");
    BedToken { bed_use: BedUse::own(Uuid::from_u128(n)), by: ClearedBy::Person, actor, given_at: NOW }
}

fn give(db: &mut Db, printer: u128, n: u128) {
    db.write(by(), |tx| tx.give_bed_token(id(printer), &token(n))).unwrap();
}

fn consume(db: &mut Db, printer: u128, attempt: u128) -> bool {
    db.write(by(), |tx| tx.consume_bed_token(id(printer), id(attempt))).unwrap()
}

fn take_back(db: &mut Db, printer: u128, attempt: u128) -> bool {
    db.write(by(), |tx| tx.return_bed_token(id(printer), id(attempt))).unwrap()
}

fn standing(db: &Db, printer: u128) -> Option<BedToken> {
    db.rows().bed_token(id(printer)).unwrap()
}

#[test]
fn a_bed_has_at_most_one_token_and_it_is_the_last_given() {
    let mut db = db();
    assert_eq!(standing(&db, 1), None);
    give(&mut db, 1, 1);
    give(&mut db, 1, 2);
    give(&mut db, 2, 3);
    assert_eq!(standing(&db, 1), Some(token(2)));
    assert!(consume(&mut db, 1, 1));
    assert_eq!(standing(&db, 1), None);
    assert_eq!(standing(&db, 2), Some(token(3)));
}

#[test]
fn a_token_is_consumed_once() {
    let mut db = db();
    assert!(!consume(&mut db, 1, 1));
    give(&mut db, 1, 1);
    assert!(consume(&mut db, 1, 1));
    assert!(!consume(&mut db, 1, 1));
    assert!(!consume(&mut db, 1, 2));
}

#[test]
fn a_token_goes_back_only_to_the_attempt_that_consumed_it() {
    let mut db = db();
    give(&mut db, 1, 1);
    assert!(!take_back(&mut db, 1, 1), "nothing was consumed");
    consume(&mut db, 1, 1);
    assert!(!take_back(&mut db, 1, 2));
    assert!(!take_back(&mut db, 2, 1));
    assert!(take_back(&mut db, 1, 1));
    assert_eq!(standing(&db, 1), Some(token(1)));
    assert!(!take_back(&mut db, 1, 1));
    assert!(consume(&mut db, 1, 2));
}

#[test]
fn a_token_does_not_come_back_beside_a_newer_one() {
    let mut db = db();
    give(&mut db, 1, 1);
    consume(&mut db, 1, 1);
    give(&mut db, 1, 2);
    assert!(!take_back(&mut db, 1, 1));
    assert_eq!(standing(&db, 1), Some(token(2)));
    consume(&mut db, 1, 2);
    assert!(!take_back(&mut db, 1, 1), "another print was on the bed since");
}

#[test]
fn a_dropped_token_is_gone_and_a_consumed_one_stays_consumed() {
    let mut db = db();
    give(&mut db, 1, 1);
    db.write(by(), |tx| tx.drop_bed_token(id(1))).unwrap();
    assert_eq!(standing(&db, 1), None);
    assert!(!consume(&mut db, 1, 1));
    give(&mut db, 1, 2);
    consume(&mut db, 1, 1);
    db.write(by(), |tx| tx.drop_bed_token(id(1))).unwrap();
    assert!(take_back(&mut db, 1, 1));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn whatever_happens_to_a_bed_a_clear_is_worth_one_print(steps in prop::collection::vec((0..4_u8, 1..4_u128), 1..40)) {
        let mut db = db();
        let (mut given, mut prints) = (0_u32, 0_i32);
        for (step, attempt) in steps {
            match step {
                0 => { give(&mut db, 1, u128::from(given)); given += 1; }
                1 => {
                    let stood = standing(&db, 1).is_some();
                    let taken = consume(&mut db, 1, attempt);
                    prop_assert_eq!(stood, taken);
                    prints += i32::from(taken);
                }
                2 => prints -= i32::from(take_back(&mut db, 1, attempt)),
                _ => db.write(by(), |tx| tx.drop_bed_token(id(1))).unwrap(),
            }
            prop_assert!(prints >= 0 && prints as u32 <= given);
        }
    }
}

#[test]
fn the_start_act_reads_back_and_is_updated_in_place() {
    let mut db = db();
    let attempt: AttemptId = id(1);
    assert_eq!(db.rows().start_act(attempt).unwrap(), None);
    let written =
        Act { state: ActState::Dispatched, written_at: NOW, deadline: NOW.plus_seconds(60), observed: Observed::default() };
    db.write(by(), |tx| tx.put_start_act(attempt, &written)).unwrap();
    assert_eq!(db.rows().start_act(attempt).unwrap(), Some(written.clone()));
    for state in [ActState::Seen, ActState::Refused] {
        let observed = Observed { progress: 0.1 + 0.2, mark: Some("job.id 7".to_owned()), refusals: 2 };
        let now = Act { state, observed, ..written.clone() };
        db.write(by(), |tx| tx.put_start_act(attempt, &now)).unwrap();
        assert_eq!(db.rows().start_act(attempt).unwrap(), Some(now));
    }
    assert_eq!(db.rows().start_act(id(2)).unwrap(), None);
}

#[test]
fn an_act_and_its_token_stand_or_fall_together() {
    let mut db = db();
    give(&mut db, 1, 1);
    let printer: PrinterId = id(1);
    let refused = db.write(by(), |tx| {
        assert!(tx.consume_bed_token(printer, id(1))?);
        let observed = Observed::default();
        tx.put_start_act(id(1), &Act { state: ActState::Dispatched, written_at: NOW, deadline: NOW, observed })?;
        Err::<(), _>(StoreError::Closed)
    });
    assert!(refused.is_err());
    assert_eq!(db.rows().start_act(id(1)).unwrap(), None);
    assert!(standing(&db, 1).is_some());
}
