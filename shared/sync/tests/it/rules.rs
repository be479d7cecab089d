//! Each rule by its sentence.

use contract::forward::{Answered, RowItem};
use gantry_sync::farm::{FarmInput, FarmOutput, FarmSession, FarmStart};
use gantry_sync::feed::Page;
use gantry_sync::frame::*;
use gantry_sync::intake::Known;
use gantry_sync::relay::{Admission, End, RelayInput, RelayOutput, RelaySession, RelayStart};
use gantry_sync::{RESEND_MS, WINDOW};
use serde_json::json;

use crate::world::{answer, call, event, hello, row};

const SESSION: u64 = 9;

fn cursor(epoch: &str, at: u64) -> Cursor {
    Cursor { epoch: epoch.to_owned(), at }
}

fn packet(frame: Frame) -> Packet {
    Packet { session_no: SESSION, frame }
}

/// A relay that has rows and events of `e1` up to 10; the farm's head is 20.
fn relay() -> RelaySession {
    let mut relay = RelaySession::new(RelayStart { relay: "r".to_owned(), nonce: "x".to_owned() }, 0);
    relay.handle(0, RelayInput::Connected);
    let frame = Frame::Hello(hello("e1", 20, FarmGot { account: cursor("r1", 5) }));
    relay.handle(0, RelayInput::Received(Packet { session_no: 0, frame }));
    let known = Known { cursor: cursor("e1", 10), sweep_at: None };
    let admission = Admission {
        session_no: SESSION,
        relay_epoch: "r1".to_owned(),
        rows: known.clone(),
        events: known,
        account_head: 5,
        account_floor: 0,
        answered: 0,
        requests_wait: false,
        content_token: String::new(),
        pass: "9-aa".to_owned(),
        last_number: 7,
    };
    relay.handle(0, RelayInput::Admitted(admission));
    relay
}

/// A farm of log `e1` with its head at 20; the relay has what `got` says.
fn farm_to(got: RelayGot) -> (FarmSession, Vec<FarmOutput>) {
    let got_of_relay = FarmGot { account: cursor("r1", 5) };
    let start = FarmStart { hello: hello("e1", 20, got_of_relay), rows_floor: 4, account_sweep_at: None };
    let mut farm = FarmSession::new(start, 1000);
    let frame = Frame::Challenge { nonce: "x".to_owned(), relay: "r".to_owned(), sent_ms: 0 };
    farm.handle(1000, FarmInput::Received(Packet { session_no: 0, frame }));
    farm.handle(1000, FarmInput::Signed("s".to_owned()));
    let welcome = Welcome {
        proto: 1,
        session_no: SESSION,
        relay_epoch: "r1".to_owned(),
        got,
        limits: Limits { items: 500, window: WINDOW },
        sent_ms: 0,
        content_token: String::new(),
        pass: "9-aa".to_owned(),
        last_number: 7,
    };
    let out = farm.handle(1000, FarmInput::Received(Packet { session_no: 0, frame: Frame::Welcome(welcome) }));
    (farm, out)
}

fn farm() -> FarmSession {
    farm_to(RelayGot { rows: cursor("e1", 10), events: cursor("e1", 10) }).0
}

fn rows(from: u64, to: u64) -> Frame {
    Frame::Rows(Batch { epoch: "e1".to_owned(), from, to, rows_head: to, items: vec![row("a", 1, to, false)] })
}

fn events(from: u64, to: u64, rows_head: u64) -> Frame {
    Frame::Events(Batch { epoch: "e1".to_owned(), from, to, rows_head, items: vec![event(to, "a")] })
}

fn receive(relay: &mut RelaySession, frame: Frame) -> Vec<RelayOutput> {
    let mut out = relay.handle(1, RelayInput::Received(packet(frame)));
    out.extend(relay.handle(1, RelayInput::WritableAgain));
    out
}

fn sent(out: &[RelayOutput]) -> Vec<Frame> {
    out.iter().filter_map(|o| if let RelayOutput::Send(packet) = o { Some(packet.frame.clone()) } else { None }).collect()
}

fn sent_by_farm(out: &[FarmOutput]) -> Vec<Frame> {
    out.iter().filter_map(|o| if let FarmOutput::Send(packet) = o { Some(packet.frame.clone()) } else { None }).collect()
}

#[test]
fn a_frame_reads_back_unknown_fields_are_ignored_and_unknown_frames_skipped() {
    for frame in
        [rows(1, 2), events(1, 2, 3), Frame::Request { seq: 1, call: call("r") }, Frame::Hello(hello("e", 1, FarmGot::default()))]
    {
        assert_eq!(Packet::read(&packet(frame.clone()).text().unwrap()), Ok(packet(frame)));
    }
    let newer = r#"{"s":9,"t":"ack","stream":"rows","at":3,"mood":"fine"}"#;
    assert_eq!(Packet::read(newer).unwrap().frame, Frame::Ack { stream: Stream::Rows, at: 3 });
    let unknown = Packet::read(r#"{"s":9,"t":"hologram","x":[1]}"#).unwrap();
    assert_eq!(unknown.frame, Frame::Unknown);
    assert_eq!(relay().handle(1, RelayInput::Received(unknown)), []);
    assert!(matches!(Packet::read(&" ".repeat(LARGEST_FRAME + 1)), Err(BadFrame::TooBig(_))));
}

#[test]
fn a_batch_is_acknowledged_after_the_commit_and_again_when_it_comes_again() {
    let mut relay = relay();
    let out = receive(&mut relay, rows(10, 12));
    assert!(sent(&out).is_empty() && matches!(out[0], RelayOutput::ApplyRows(SESSION, _)), "{out:?}");
    let ack = Frame::Ack { stream: Stream::Rows, at: 12 };
    assert_eq!(sent(&relay.handle(1, RelayInput::Committed(Stream::Rows, 12))), std::slice::from_ref(&ack));
    relay.handle(1, RelayInput::WritableAgain);
    let again = receive(&mut relay, rows(10, 12));
    assert_eq!((sent(&again), again.len()), (vec![ack], 1), "no effect");
}

#[test]
fn a_gap_is_told_once_and_the_sender_goes_back() {
    let mut relay = relay();
    let nack = Frame::Nack { stream: Stream::Rows, at: 10, code: NackCode::Gap };
    assert_eq!(sent(&receive(&mut relay, rows(12, 14))), std::slice::from_ref(&nack));
    assert_eq!(receive(&mut relay, rows(14, 16)), []);

    let mut farm = farm();
    let page = |after, to| FarmInput::RowsRead(Page { after, to, items: vec![row("a", 1, to, false)] }, 20);
    farm.handle(1000, FarmInput::WritableAgain);
    farm.handle(1000, page(10, 12));
    let out = farm.handle(1000, FarmInput::Received(packet(nack)));
    assert!(out.contains(&FarmOutput::ReadRows { after: 10, limit: 500 }) || out.is_empty(), "{out:?}");
    let out = farm.handle(1000, page(12, 14));
    assert!(
        out.contains(&FarmOutput::ReadRows { after: 10, limit: 500 }),
        "what was read for the old place is thrown away: {out:?}"
    );
}

#[test]
fn a_batch_of_another_log_is_not_taken() {
    let mut relay = relay();
    let batch = Batch { epoch: "e0".to_owned(), from: 10, to: 12, rows_head: 20, items: vec![row("a", 1, 12, false)] };
    let nack = Frame::Nack { stream: Stream::Rows, at: 10, code: NackCode::Epoch };
    assert_eq!(sent(&receive(&mut relay, Frame::Rows(batch))), [nack]);
}

#[test]
fn events_wait_until_the_rows_are_there_that_they_tell_of() {
    let mut relay = relay();
    assert_eq!(receive(&mut relay, events(10, 12, 12)), []);
    receive(&mut relay, rows(10, 11));
    let out = relay.handle(1, RelayInput::Committed(Stream::Rows, 11));
    assert!(!out.iter().any(|o| matches!(o, RelayOutput::ApplyEvents(..))), "{out:?}");
    receive(&mut relay, rows(11, 12));
    let out = relay.handle(1, RelayInput::Committed(Stream::Rows, 12));
    assert!(out.iter().any(|o| matches!(o, RelayOutput::ApplyEvents(SESSION, _))), "{out:?}");
}

#[test]
fn events_wait_also_for_a_row_that_changed_again_before_it_was_read() {
    let mut relay = relay();
    receive(&mut relay, events(10, 12, 12));
    let first = Batch { epoch: "e1".to_owned(), from: 10, to: 13, rows_head: 15, items: Vec::new() };
    receive(&mut relay, Frame::Rows(first));
    let out = relay.handle(1, RelayInput::Committed(Stream::Rows, 13));
    assert!(!out.iter().any(|o| matches!(o, RelayOutput::ApplyEvents(..))), "{out:?}");
    receive(&mut relay, rows(13, 15));
    let out = relay.handle(1, RelayInput::Committed(Stream::Rows, 15));
    assert!(out.iter().any(|o| matches!(o, RelayOutput::ApplyEvents(..))), "{out:?}");
}

#[test]
fn a_wake_up_sends_answers_then_events_then_rows_then_live_values() {
    let mut farm = farm();
    farm.handle(1000, FarmInput::CallDone("before".to_owned(), answer()));
    farm.handle(1000, FarmInput::CallDone("c".to_owned(), answer()));
    let printer = domain::id::Id::new(domain::time::Timestamp::from_millis(1), [0; 10]);
    let values = |v: u32| json!({"progress": v}).as_object().unwrap().clone();
    farm.handle(1000, FarmInput::Telemetry(printer, values(1)));
    farm.handle(1000, FarmInput::Telemetry(printer, values(2)));
    farm.handle(1000, FarmInput::RowsRead(Page { after: 10, to: 20, items: vec![row("a", 1, 20, false)] }, 20));
    let page = Page { after: 10, to: 20, items: vec![event(20, "a")] };
    farm.handle(1000, FarmInput::EventsRead { page, trimmed_to: 0, rows_head: 20 });
    let frames = sent_by_farm(&farm.handle(1000, FarmInput::WritableAgain));
    let [Frame::Answered { .. }, Frame::Events(_), Frame::Rows(_), Frame::Telemetry { values: latest, .. }] = &frames[..] else {
        panic!("{frames:?}")
    };
    assert_eq!(latest, &values(2));
}

#[test]
fn no_more_than_a_window_of_batches_is_on_its_way_and_silence_sends_them_again() {
    let mut farm = farm();
    let mut batches = 0;
    for to in 11..=20 {
        let out = farm.handle(1000, FarmInput::RowsRead(Page { after: to - 1, to, items: vec![row("a", 1, to, false)] }, 20));
        batches += sent_by_farm(&out).len();
        farm.handle(1000, FarmInput::WritableAgain);
    }
    assert_eq!(batches, WINDOW);
    let out = farm.handle(1000 + RESEND_MS, FarmInput::Tick);
    assert!(out.contains(&FarmOutput::ReadRows { after: 10, limit: 500 }), "{out:?}");
}

#[test]
fn trimmed_events_are_one_explicit_gap() {
    let mut farm = farm();
    let page = Page { after: 10, to: 20, items: vec![event(18, "a")] };
    let frames = sent_by_farm(&farm.handle(1000, FarmInput::EventsRead { page, trimmed_to: 17, rows_head: 20 }));
    let [Frame::Events(batch)] = &frames[..] else { panic!("{frames:?}") };
    assert_eq!(batch.items, [EventItem::Gap { after: 10, to: 17 }, event(18, "a")]);
}

#[test]
fn a_cursor_of_another_log_or_below_the_floor_begins_again_and_sweeps_at_the_end() {
    let reset = |stream| Frame::Reset { stream, epoch: "e1".to_owned(), head: 20 };
    let (_, out) = farm_to(RelayGot { rows: cursor("e0", 10), events: cursor("e0", 10) });
    assert_eq!(sent_by_farm(&out), [reset(Stream::Events), reset(Stream::Rows)]);
    let (_, out) = farm_to(RelayGot { rows: cursor("e1", 3), events: cursor("e1", 10) });
    assert_eq!(sent_by_farm(&out), [reset(Stream::Rows)]);

    let mut relay = relay();
    let out = receive(&mut relay, reset(Stream::Rows));
    assert_eq!(out, [RelayOutput::GenerationBegin { stream: Stream::Rows, epoch: "e1".to_owned(), sweep_at: 20 }]);
    let out = relay.handle(1, RelayInput::Committed(Stream::Rows, 0));
    assert_eq!(sent(&out), [Frame::Ack { stream: Stream::Rows, at: 0 }]);
    receive(&mut relay, rows(0, 20));
    assert!(relay.handle(1, RelayInput::Committed(Stream::Rows, 20)).contains(&RelayOutput::Sweep));
}

#[test]
fn a_farm_that_is_behind_its_own_copy_says_so_and_closes() {
    let (_, out) = farm_to(RelayGot { rows: cursor("e1", 21), events: cursor("e1", 10) });
    assert_eq!(out[0], FarmOutput::RolledBack { last_number: 7 });
    assert_eq!(out.last(), Some(&FarmOutput::Close(ByeCode::RolledBack, None)));
}

#[test]
fn frames_of_another_session_are_dropped() {
    let mut relay = relay();
    let old = Packet { session_no: SESSION - 1, frame: rows(10, 12) };
    assert_eq!(relay.handle(1, RelayInput::Received(old)), []);
    let stop = Frame::Call { n: 1, ttl_ms: 5000, sent_ms: 0, call: call("c") };
    assert_eq!(farm().handle(1000, FarmInput::Received(Packet { session_no: SESSION - 1, frame: stop })), []);
}

#[test]
fn account_changes_go_first_then_calls_then_requests() {
    let mut relay = relay();
    relay.handle(1, RelayInput::Watch(Vec::new()));
    relay.handle(1, RelayInput::RequestsWait);
    relay.handle(1, RelayInput::RequestRead(Some((1, call("r")))));
    relay.handle(1, RelayInput::Call(call("c"), 5000));
    relay.handle(1, RelayInput::AccountMoved(6));
    let key = AccountItem::Key { row: row("key", 1, 6, true), hashes: Vec::new(), ending: Default::default() };
    relay.handle(1, RelayInput::AccountRead(Page { after: 5, to: 6, items: vec![key] }));
    let frames = sent(&relay.handle(1, RelayInput::WritableAgain));
    assert!(matches!(frames[..], [Frame::Account(_), Frame::Call { .. }, Frame::Request { seq: 1, .. }]), "{frames:?}");
}

#[test]
fn a_call_whose_time_is_over_is_never_sent_and_one_without_an_answer_is_told_so() {
    let mut relay = relay();
    relay.handle(0, RelayInput::Call(call("sent"), 1000));
    assert_eq!(relay.handle(0, RelayInput::Call(call("unsent"), 500)), []);
    let out = relay.handle(500, RelayInput::WritableAgain);
    assert_eq!(out, [RelayOutput::CallEnded("unsent".to_owned(), End::FarmOffline)]);
    assert_eq!(relay.handle(1000, RelayInput::Tick), [RelayOutput::CallEnded("sent".to_owned(), End::NoAnswer)]);
    let late = Frame::Answered { id: "sent".to_owned(), seq: None, answer: answer() };
    assert!(matches!(receive(&mut relay, late)[..], [RelayOutput::Answered { late: true, .. }]));
}

#[test]
fn a_cut_ends_every_call_and_without_a_session_there_is_none() {
    let mut relay = relay();
    relay.handle(0, RelayInput::Call(call("sent"), 1000));
    relay.handle(0, RelayInput::Call(call("unsent"), 1000));
    let ended = |id: &str, end| RelayOutput::CallEnded(id.to_owned(), end);
    assert_eq!(relay.handle(1, RelayInput::Lost), [ended("unsent", End::FarmOffline), ended("sent", End::NoAnswer)]);
    assert_eq!(relay.handle(1, RelayInput::Call(call("c"), 1000)), [ended("c", End::FarmOffline)]);
}

#[test]
fn a_call_runs_once_and_not_when_it_was_stuck_on_its_way_longer_than_its_time() {
    let mut farm = farm();
    let stop = |n, sent_ms| FarmInput::Received(packet(Frame::Call { n, ttl_ms: 5000, sent_ms, call: call("c") }));
    let runs = |out: Vec<FarmOutput>| out.iter().filter(|o| matches!(o, FarmOutput::RunCall { .. })).count();
    assert_eq!(runs(farm.handle(1100, stop(1, 100))), 1);
    assert_eq!(runs(farm.handle(1100, stop(1, 100))), 0, "a double");
    assert_eq!(runs(farm.handle(6300, stop(2, 200))), 0, "5100 ms later than the clocks differ");
}

#[test]
fn a_request_is_sent_again_until_its_answer_is_durable_and_only_then_the_next() {
    let mut relay = relay();
    assert_eq!(relay.handle(0, RelayInput::RequestsWait), [RelayOutput::ReadRequest(0)]);
    relay.handle(0, RelayInput::RequestRead(Some((1, call("r1")))));
    let again = sent(&relay.handle(RESEND_MS, RelayInput::Tick));
    assert!(again.is_empty(), "not writable");
    assert!(matches!(sent(&relay.handle(RESEND_MS, RelayInput::WritableAgain))[..], [Frame::Request { seq: 1, .. }]));
    let done = Frame::Answered { id: "r1".to_owned(), seq: Some(1), answer: answer() };
    let out = relay.handle(RESEND_MS, RelayInput::Received(packet(done)));
    assert_eq!(out, [RelayOutput::CommitAnswer(1, answer())]);
    assert_eq!(relay.handle(RESEND_MS, RelayInput::AnswerCommitted(1)), [RelayOutput::ReadRequest(1)]);
}

#[test]
fn a_request_that_comes_again_while_it_runs_is_not_run_beside_itself() {
    let mut farm = farm();
    let request = || FarmInput::Received(packet(Frame::Request { seq: 4, call: call("r4") }));
    assert!(matches!(farm.handle(1000, request())[..], [FarmOutput::RunRequest { seq: 4, .. }]));
    assert_eq!(farm.handle(1000, request()), []);
    let frames = sent_by_farm(&farm.handle(1000, FarmInput::RequestDone(4, answer())));
    assert!(matches!(&frames[..], [Frame::Answered { id, seq: Some(4), .. }] if id == "r4"), "{frames:?}");
}

#[test]
fn a_read_that_is_too_large_for_a_frame_is_cut_at_a_number_and_one_number_that_is_closes() {
    let big = |number, kilobytes: usize| {
        let document = json!({"text": "x".repeat(kilobytes * 1024)}).as_object().unwrap().clone();
        RowItem { document, ..row("a", 1, number, false) }
    };
    let page = Page { after: 10, to: 20, items: vec![big(11, 100), big(12, 100), big(13, 100)] };
    let out = farm().handle(1000, FarmInput::RowsRead(page, 20));
    let [FarmOutput::Send(packet), FarmOutput::ReadRows { after: 12, .. }] = &out[..] else { panic!("{}", out.len()) };
    assert!(packet.text().is_ok());
    let page = Page { after: 10, to: 20, items: vec![big(11, 300)] };
    assert_eq!(farm().handle(1000, FarmInput::RowsRead(page, 20)).last(), Some(&FarmOutput::Close(ByeCode::TooBig, None)));
}

#[test]
fn an_answer_that_is_too_large_says_so_instead_of_going_missing() {
    let huge = Answered { body: json!("x".repeat(LARGEST_FRAME)), ..answer() };
    let frames = sent_by_farm(&farm().handle(1000, FarmInput::CallDone("c".to_owned(), huge)));
    let [Frame::Answered { answer, .. }] = &frames[..] else { panic!() };
    assert!(answer.too_big && answer.body.is_null() && answer.status == 200);
}

#[test]
fn nothing_is_asked_of_a_farm_before_it_was_told_all_account_facts() {
    let mut relay = relay();
    relay.handle(1, RelayInput::AccountMoved(6));
    relay.handle(1, RelayInput::RequestsWait);
    relay.handle(1, RelayInput::RequestRead(Some((1, call("r")))));
    assert_eq!(sent(&relay.handle(1, RelayInput::Call(call("c"), 5000))), [], "the facts are still being read");
    let key = AccountItem::Key { row: row("key", 1, 6, true), hashes: Vec::new(), ending: Default::default() };
    let frames = sent(&relay.handle(1, RelayInput::AccountRead(Page { after: 5, to: 6, items: vec![key] })));
    assert!(matches!(frames[..], [Frame::Account(_), Frame::Call { .. }, Frame::Request { seq: 1, .. }]), "{frames:?}");
}

#[test]
fn a_farm_runs_nothing_before_the_account_facts_that_came_first_are_durable() {
    let mut farm = farm();
    let key = AccountItem::Key { row: row("key", 1, 6, true), hashes: Vec::new(), ending: Default::default() };
    let facts = Frame::Account(Batch { epoch: "r1".to_owned(), from: 5, to: 6, rows_head: 0, items: vec![key] });
    let out = farm.handle(1000, FarmInput::Received(packet(facts)));
    assert!(matches!(out[..], [FarmOutput::ApplyAccount(_)]), "{out:?}");
    let call = |n, ttl_ms, id: &str| FarmInput::Received(packet(Frame::Call { n, ttl_ms, sent_ms: 0, call: call(id) }));
    assert_eq!(farm.handle(1000, call(1, 5000, "c")), []);
    assert_eq!(farm.handle(1000, call(2, 50, "hasty")), []);
    let request = Frame::Request { seq: 4, call: crate::world::call("r4") };
    assert_eq!(farm.handle(1000, FarmInput::Received(packet(request))), []);
    let out = farm.handle(1100, FarmInput::Committed(6));
    let [FarmOutput::RunCall { call, .. }, FarmOutput::RunRequest { seq: 4, .. }, ..] = &out[..] else { panic!("{out:?}") };
    assert_eq!(call.id, "c", "whose time was over while it waited is not run");
}

#[test]
fn a_farm_says_that_it_is_there_when_somebody_else_says_to_be_it() {
    let mut relay = relay();
    assert_eq!(sent(&relay.handle(1, RelayInput::Prove(3))), [Frame::Prove { n: 3 }]);
    let out = farm().handle(1000, FarmInput::Received(packet(Frame::Prove { n: 3 })));
    assert_eq!(sent_by_farm(&out), [Frame::Here { n: 3 }]);
    assert_eq!(receive(&mut relay, Frame::Here { n: 3 }), [RelayOutput::Here(3)]);
}

#[test]
fn a_new_key_is_said_again_until_the_relay_has_it() {
    let mut farm = farm();
    let key = |name: &str| Rekey { public_key: name.to_owned(), by_old: "o".to_owned(), by_new: "n".to_owned() };
    assert_eq!(sent_by_farm(&farm.handle(1000, FarmInput::Rekey(key("k2")))), [Frame::Rekey(key("k2"))]);
    farm.handle(1000, FarmInput::WritableAgain);
    let again = sent_by_farm(&farm.handle(1000 + RESEND_MS, FarmInput::Tick));
    assert!(again.contains(&Frame::Rekey(key("k2"))), "{again:?}");
    let rekeyed = |name: &str| FarmInput::Received(packet(Frame::Rekeyed { public_key: name.to_owned() }));
    assert_eq!(farm.handle(20_000, rekeyed("k1")), []);
    assert_eq!(farm.handle(20_000, rekeyed("k2")), [FarmOutput::Rekeyed("k2".to_owned())]);
    assert_eq!(receive(&mut relay(), Frame::Rekey(key("k2"))), [RelayOutput::CommitKey(key("k2"))]);
}
