//! Lists against a plain model: filters, orders, cursors.

use contract::list::{Condition, Selection, Sort};
use contract::record::{Column, ColumnType, Record, kind_row};
use domain::id::{Id, JobId};
use domain::job::Job;
use domain::kind::Kind;
use domain::time::Timestamp;
use gantry_store::{Db, StoreError};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::farm::{NOW, all, by, by_at, db, id, ids, job, printer};

fn jobs(documents: &[Value]) -> Db {
    let mut db = db();
    for (n, more) in (1..).zip(documents) {
        db.write(by_at(NOW.plus_seconds(n as i64)), |tx| tx.create(&job(n, more.clone()))).unwrap();
    }
    db
}

fn numbers(ids: Vec<String>) -> Vec<u128> {
    ids.into_iter().map(|id| id.parse::<JobId>().unwrap().uuid().as_u128()).collect()
}

fn check(db: &Db, condition: Condition, wanted: &[u128]) {
    let selection = Selection::all().with(condition);
    assert_eq!(numbers(ids(db.rows(), Kind::Job, &selection, all(db.home()))), wanted, "{:?}", selection.conditions);
}

#[test]
fn every_condition_selects_what_it_says() {
    let db = jobs(&[
        json!({"name": "Bracket 100%", "priority": 5, "due_at": NOW, "metadata": {"shop": "a"}, "external_id": "E-1"}),
        json!({"name": "bracket_left", "priority": 5, "due_at": NOW.plus_seconds(60), "metadata": {"shop": "b", "line": "a"}}),
        json!({"name": "Hook \\ 'x'", "priority": -1, "target": {"tags": ["a"]}, "state": "held", "hold_reason": "requested"}),
    ]);
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    check(&db, Condition::OneOf("state", words(&["queued"])), &[1, 2]);
    check(&db, Condition::OneOf("state", words(&["held", "queued"])), &[1, 2, 3]);
    check(&db, Condition::OneOf("state", words(&[])), &[]);
    check(&db, Condition::OneOf("external_id", words(&["E-1", "E-2"])), &[1]);
    check(&db, Condition::Is("priority", 5), &[1, 2]);
    check(&db, Condition::Is("priority", i64::MIN), &[]);
    check(&db, Condition::After("due_at", NOW), &[2]);
    check(&db, Condition::Before("due_at", NOW.plus_seconds(60)), &[1]);
    check(&db, Condition::After("created_at", NOW.plus_millis(-1)), &[1, 2, 3]);
    check(&db, Condition::ChangedSince(NOW.plus_seconds(2)), &[2, 3]);
    check(&db, Condition::Label("a".to_owned()), &[3]);
    check(&db, Condition::Metadata("shop".to_owned(), "a".to_owned()), &[1]);
    check(&db, Condition::Metadata("line".to_owned(), "b".to_owned()), &[]);
    check(&db, Condition::Text(vec!["name"], "BRACKET".to_owned()), &[1, 2]);
    check(&db, Condition::Text(vec!["name"], "0%".to_owned()), &[1]);
    check(&db, Condition::Text(vec!["name"], "t_l".to_owned()), &[2]);
    check(&db, Condition::Text(vec!["name"], "k \\ '".to_owned()), &[3]);
    check(&db, Condition::Text(vec!["name"], String::new()), &[1, 2, 3]);
    let both = Selection::all().with(Condition::Is("priority", 5)).with(Condition::Text(vec!["name"], "left".to_owned()));
    assert_eq!(numbers(ids(db.rows(), Kind::Job, &both, all(db.home()))), [2]);
}

#[test]
fn a_kind_without_searched_columns_finds_no_text() {
    let mut db = db();
    db.write(by(), |tx| tx.create(&crate::farm::attempt(1, 1))).unwrap();
    let selection = Selection::all().with(Condition::Text(Vec::new(), "a".to_owned()));
    assert_eq!(ids(db.rows(), Kind::Attempt, &selection, all(db.home())), [""; 0]);
}

fn sorted(db: &Db, column: &'static str, descending: bool) -> Vec<u128> {
    let selection = Selection { sort: Sort { column, descending }, ..Selection::all() };
    let rows = db.rows().list(kind_row(Kind::Job), &selection, all(db.home())).unwrap().rows;
    numbers(rows.into_iter().map(|row| row.id).collect())
}

#[test]
fn what_is_absent_comes_last_whichever_way() {
    let db = jobs(&[
        json!({"due_at": NOW, "external_id": "b", "priority": 1}),
        json!({"priority": 2}),
        json!({"due_at": NOW.plus_seconds(1), "external_id": "a", "priority": 1}),
    ]);
    assert_eq!(sorted(&db, "due_at", false), [1, 3, 2]);
    assert_eq!(sorted(&db, "due_at", true), [3, 1, 2]);
    assert_eq!(sorted(&db, "external_id", false), [3, 1, 2]);
    assert_eq!(sorted(&db, "external_id", true), [1, 3, 2]);
    assert_eq!(sorted(&db, "priority", false), [1, 3, 2], "ties by id");
    assert_eq!(sorted(&db, "priority", true), [2, 3, 1]);
}

#[test]
fn the_last_of_all_characters_still_comes_before_what_is_absent() {
    let db = jobs(&[json!({}), json!({"external_id": "\u{10ffff}"}), json!({})]);
    assert_eq!(sorted(&db, "external_id", false), [2, 1, 3]);
    assert_eq!(sorted(&db, "external_id", true), [2, 3, 1]);
}

#[test]
fn the_total_counts_all_that_match_on_every_page() {
    let db = jobs(&vec![json!({}); 7]);
    let mut selection = Selection { limit: 3, include_total: true, ..Selection::all() };
    let mut pages = Vec::new();
    loop {
        let page = db.rows().list(kind_row(Kind::Job), &selection, all(db.home())).unwrap();
        pages.push((page.rows.len(), page.total));
        let Some(cursor) = page.next_cursor else { break };
        selection.cursor = Some(cursor);
    }
    assert_eq!(pages, [(3, Some(7)), (3, Some(7)), (1, Some(7))]);
    selection.include_total = false;
    assert_eq!(db.rows().list(kind_row(Kind::Job), &selection, all(db.home())).unwrap().total, None);
}

#[test]
fn a_last_page_that_is_just_full_has_no_next() {
    let db = jobs(&vec![json!({}); 4]);
    let selection = Selection { limit: 4, ..Selection::all() };
    assert_eq!(db.rows().list(kind_row(Kind::Job), &selection, all(db.home())).unwrap().next_cursor, None);
}

#[test]
fn a_cursor_of_another_list_or_of_nobody_is_refused() {
    let mut db = jobs(&vec![json!({}); 3]);
    for n in 1..=3 {
        db.write(by(), |tx| tx.create(&printer(n, json!({})))).unwrap();
    }
    let list = |kind, sort, cursor: Option<String>| {
        let selection = Selection { sort, limit: 1, cursor, ..Selection::all() };
        db.rows().list(kind_row(kind), &selection, all(db.home())).map(|page| page.next_cursor)
    };
    let newest = Sort { column: "created_at", descending: true };
    let cursor = list(Kind::Job, newest, None).unwrap().unwrap();
    assert!(list(Kind::Job, newest, Some(cursor.clone())).unwrap().is_some());
    for (kind, sort) in [
        (Kind::Job, Sort { descending: false, ..newest }),
        (Kind::Job, Sort { column: "name", ..newest }),
        (Kind::Printer, newest),
    ] {
        assert!(matches!(list(kind, sort, Some(cursor.clone())), Err(StoreError::BadCursor)), "{kind} {sort:?}");
    }
    for nonsense in ["", "x", "e30", "bnVsbA", "\u{0}", &cursor[1..]] {
        assert!(matches!(list(Kind::Job, newest, Some(nonsense.to_owned())), Err(StoreError::BadCursor)), "{nonsense}");
    }
}

/// A few values of each column, so that ties and absences are common.
fn documents() -> impl Strategy<Value = Vec<Value>> {
    let document = (0..3_i64, prop::option::of(0..3_i64), prop::option::of("[ab]{0,1}[c\u{10ffff}é]"), "[ABab]", 0..4_i64)
        .prop_map(|(priority, due, external, name, created)| {
            let mut document = json!({"priority": priority, "name": name, "created_at": NOW.plus_millis(created)});
            if let Some(due) = due {
                document["due_at"] = json!(NOW.plus_millis(due - 1));
            }
            if let Some(external) = external {
                document["external_id"] = json!(external);
            }
            document
        });
    prop::collection::vec(document, 0..24)
}

fn sort() -> impl Strategy<Value = Sort> {
    let columns: Vec<&'static str> = Job::COLUMNS.iter().map(|column| column.name).chain(["created_at"]).collect();
    (prop::sample::select(columns), any::<bool>()).prop_map(|(column, descending)| Sort { column, descending })
}

/// The order by a plain model: present values by their order, absent ones last, ties by id.
fn model(all: &[Job], sort: Sort) -> Vec<u128> {
    let key = |job: &Job| -> Option<(Option<String>, Option<i64>)> {
        if sort.column == "created_at" {
            return Some((None, Some(job.created_at.millis())));
        }
        let at = Job::COLUMNS.iter().position(|column| column.name == sort.column).unwrap();
        match job.cells().remove(at) {
            contract::record::Cell::Text(text) => Some((Some(text), None)),
            contract::record::Cell::Integer(number) => Some((None, Some(number))),
            contract::record::Cell::Null => None,
        }
    };
    let mut sorted: Vec<&Job> = all.iter().collect();
    sorted.sort_by(|a, b| match (key(a), key(b)) {
        (Some(x), Some(y)) if sort.descending => (y, b.id).cmp(&(x, a.id)),
        (Some(x), Some(y)) => (x, a.id).cmp(&(y, b.id)),
        (Some(_), None) => std::cmp::Ordering::Less,
        (None, Some(_)) => std::cmp::Ordering::Greater,
        (None, None) if sort.descending => b.id.cmp(&a.id),
        (None, None) => a.id.cmp(&b.id),
    });
    sorted.into_iter().map(|job| job.id.uuid().as_u128()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn pages_give_every_row_once_in_the_models_order(documents in documents(), sort in sort(), limit in 1..8_usize) {
        let db = jobs(&documents);
        let all_jobs: Vec<Job> = (1..).zip(&documents).map(|(n, more)| job(n, more.clone())).collect();
        let mut selection = Selection { sort, limit, ..Selection::all() };
        let mut found = Vec::new();
        loop {
            let page = db.rows().list(kind_row(Kind::Job), &selection, all(db.home())).unwrap();
            prop_assert!(page.rows.len() <= limit);
            found.extend(numbers(page.rows.into_iter().map(|row| row.id).collect()));
            let Some(cursor) = page.next_cursor else { break };
            selection.cursor = Some(cursor);
        }
        prop_assert_eq!(found, model(&all_jobs, sort));
    }

    #[test]
    fn what_stood_from_first_to_last_page_is_given_once_whatever_comes_and_goes(
        documents in documents(), come in documents(), sort in sort(), limit in 1..5_usize
    ) {
        let mut db = jobs(&documents);
        let mut selection = Selection { sort, limit, ..Selection::all() };
        let (mut found, mut come, mut gone) = (Vec::new(), (1_000_u128..).zip(come), Vec::new());
        loop {
            let page = db.rows().list(kind_row(Kind::Job), &selection, all(db.home())).unwrap();
            found.extend(numbers(page.rows.into_iter().map(|row| row.id).collect()));
            if let Some((n, more)) = come.next() {
                db.write(by(), |tx| tx.create(&job(n, more))).unwrap();
            }
            // The very row that the cursor stands on goes away.
            if let Some(last) = found.last().copied().filter(|_| found.len() % 2 == 0)
                && let Some(row) = db.rows().get::<Job>(id(last)).unwrap()
            {
                db.write(by(), |tx| tx.delete(&row.record)).unwrap();
                gone.push(last);
            }
            let Some(cursor) = page.next_cursor else { break };
            selection.cursor = Some(cursor);
        }
        let mut once = found.clone();
        once.sort_unstable();
        once.dedup();
        prop_assert_eq!(once.len(), found.len(), "no row comes twice");
        for n in 1..=documents.len() as u128 {
            prop_assert!(found.contains(&n), "{} is missing", n);
        }
    }

    #[test]
    fn no_words_of_a_caller_break_a_list(text in ".{0,40}", cursor in ".{0,40}") {
        let db = jobs(&[json!({"name": "a"})]);
        for condition in [
            Condition::Text(vec!["name"], text.clone()), Condition::Label(text.clone()), Condition::Metadata(text.clone(), text.clone()),
            Condition::OneOf("external_id", vec![text.clone()]), Condition::ChangedSince(Timestamp::from_millis(i64::MIN)),
        ] {
            let selection = Selection { cursor: Some(cursor.clone()), ..Selection::all().with(condition) };
            let refused = db.rows().list(kind_row(Kind::Job), &selection, all(db.home()));
            let bad = matches!(refused, Err(StoreError::BadCursor));
            prop_assert!(bad);
            let first = Selection { cursor: None, ..selection };
            prop_assert!(db.rows().list(kind_row(Kind::Job), &first, all(db.home())).is_ok());
        }
    }
}

#[test]
fn every_column_of_every_kind_can_be_sorted_and_filtered_by() {
    let db = db();
    for row in contract::record::KINDS {
        for Column { name, column_type, .. } in row.columns {
            let condition = match column_type {
                ColumnType::Text => Condition::OneOf(name, vec!["x".to_owned()]),
                ColumnType::Integer => Condition::Is(name, 1),
                ColumnType::Time => Condition::After(name, NOW),
            };
            for descending in [false, true] {
                let sort = Sort { column: name, descending };
                let selection = Selection { sort, ..Selection::all() }.with(condition.clone());
                let page = db.rows().list(row, &selection, all(db.home())).unwrap();
                assert_eq!((page.rows, page.next_cursor), (vec![], None), "{} {name}", row.kind);
            }
        }
    }
}
