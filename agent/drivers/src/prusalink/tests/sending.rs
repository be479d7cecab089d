//! A file's way to the printer, and what is removed from it.

use domain::attempt::Token;
use http::Method;
use serde_json::json;

use super::bench::*;
use crate::contract::{Content, Input, Order, Report, SendProblem};
use crate::web::{Body, NoAnswer, Wire};

const WHOLE: &str =
    r#"{"name": "AAAAAA~1.GCO", "ro": false, "type": "PRINT_FILE", "size": 1253, "display_name": "aaaaaaaaaaaaaaaa.gcode"}"#;

#[test]
fn a_new_file_is_put_whole_under_its_token_checked_and_nothing_is_started() {
    let mut bench = Bench::up();
    bench.order(send());
    bench.reply(&format!("GET {FILE}"), 404, "404: Not Found\n\n\n");
    let put = bench.open.iter().find(|call| call.method == Method::PUT).unwrap();
    let header = |name: &str| {
        put.headers.iter().find(|(known, _)| *known == name).map(|(_, value)| value.expose().clone()).unwrap_or_default()
    };
    assert_eq!((header("content-type").as_str(), header("overwrite").as_str()), ("text/x.gcode", "?1"));
    assert_eq!(header("print-after-upload"), "", "sending is not starting");
    assert_eq!(put.body, Body::Content(content()));
    assert!(put.deadline_ms >= 60_000);
    let id = put.id;
    bench.now = bench.now.plus_millis(1_000);
    bench.give(Input::Wire(Wire::Uploaded { id, bytes: 700 }));
    assert_eq!(bench.last(), Report::SendProgress { attempt: attempt(), sent_bytes: 700 });
    bench.reply(&format!("PUT {FILE}"), 201, "{}");
    bench.reply(&format!("GET {FILE}"), 200, WHOLE);
    assert_eq!(bench.last(), Report::Sent { attempt: attempt() });
    assert!(!bench.was_asked(&format!("POST {FILE}")));
}

#[test]
fn a_printer_is_heard_while_a_file_is_on_its_way() {
    let mut bench = Bench::up();
    bench.order(send());
    bench.reply(&format!("GET {FILE}"), 404, "");
    for _ in 0..10 {
        bench.reports.clear();
        bench.shows(&idle());
        assert_eq!(bench.reports.len(), 1);
    }
    assert_eq!(bench.open.len(), 1, "the upload itself");
}

#[test]
fn a_file_that_lies_there_whole_is_not_sent_again_and_one_cut_short_is() {
    let mut bench = Bench::up();
    bench.order(send());
    bench.reply(&format!("GET {FILE}"), 200, WHOLE);
    assert_eq!(bench.last(), Report::Sent { attempt: attempt() });
    for unfit in [r#"{"size": 12}"#, r#"{"size": 1253, "ro": true}"#] {
        let mut bench = Bench::up();
        bench.order(send());
        bench.reply(&format!("GET {FILE}"), 200, unfit);
        assert!(bench.is_asked(&format!("PUT {FILE}")), "{unfit}");
    }
}

#[test]
fn a_file_that_a_pi_sees_a_moment_later_is_looked_for_again() {
    let mut bench = Bench::up();
    bench.order(send());
    bench.reply(&format!("GET {FILE}"), 404, "");
    bench.reply(&format!("PUT {FILE}"), 201, "");
    bench.reply(&format!("GET {FILE}"), 404, "");
    bench.pass(1_000);
    bench.reply(&format!("GET {FILE}"), 200, WHOLE);
    assert_eq!(bench.last(), Report::Sent { attempt: attempt() });

    let mut bench = Bench::up();
    bench.order(send());
    bench.reply(&format!("GET {FILE}"), 404, "");
    bench.reply(&format!("PUT {FILE}"), 201, "");
    for _ in 0..10 {
        bench.reply(&format!("GET {FILE}"), 404, "");
        bench.pass(1_000);
        if bench.is_asked("GET /api/v1/status") {
            bench.reply("GET /api/v1/status", 200, &idle().to_string());
        }
    }
    let missing = |report: &Report| matches!(report, Report::SendFailed { problem: SendProblem::Link, detail, .. } if detail == "the file did not arrive whole");
    assert!(bench.reports.iter().any(missing), "{:?}", bench.reports);
}

#[test]
fn a_conflict_that_comes_after_the_last_byte_is_no_reason_to_send_the_file_again() {
    let mut bench = Bench::up();
    bench.order(send());
    bench.reply(&format!("GET {FILE}"), 404, "");
    bench.reply(&format!("PUT {FILE}"), 409, "409: Conflict\n\nCan't print right now\n");
    bench.reply(&format!("GET {FILE}"), 200, WHOLE);
    assert_eq!(bench.last(), Report::Sent { attempt: attempt() });
    let mut bench = Bench::up();
    bench.order(send());
    bench.reply(&format!("GET {FILE}"), 404, "");
    bench.reply(&format!("PUT {FILE}"), 409, "409: Conflict\n\nAnother transfer in progress\n");
    bench.reply(&format!("GET {FILE}"), 404, "");
    let detail = "Another transfer in progress".to_owned();
    assert_eq!(bench.last(), Report::SendFailed { attempt: attempt(), problem: SendProblem::Link, detail });
}

#[test]
fn an_upload_cut_in_the_middle_fails_by_the_link_and_the_next_try_begins_anew() {
    let mut bench = Bench::up();
    bench.order(send());
    bench.reply(&format!("GET {FILE}"), 404, "");
    bench.no_reply(&format!("PUT {FILE}"), NoAnswer::Cut("reset".to_owned()));
    assert!(matches!(bench.last(), Report::SendFailed { problem: SendProblem::Link, .. }));
    bench.reply("GET /api/v1/storage", 200, USB);
    bench.order(send());
    bench.reply(&format!("GET {FILE}"), 404, "");
    assert!(bench.is_asked(&format!("PUT {FILE}")));
    assert!(!bench.was_asked(&format!("POST {FILE}")));
}

#[test]
fn what_hinders_a_file_is_told_apart() {
    for (reply, problem) in [
        (Ok(507), SendProblem::StorageFull),
        (Ok(415), SendProblem::Refused),
        (Ok(422), SendProblem::Refused),
        (Ok(503), SendProblem::Link),
        (Err(NoAnswer::ContentMissing), SendProblem::ContentMissing),
    ] {
        let mut bench = Bench::up();
        bench.order(send());
        bench.reply(&format!("GET {FILE}"), 404, "");
        match reply {
            Ok(status) => bench.reply(&format!("PUT {FILE}"), status, "507: Insufficient Storage\n\nUSB drive full\n"),
            Err(why) => bench.no_reply(&format!("PUT {FILE}"), why),
        }
        assert!(matches!(bench.last(), Report::SendFailed { problem: told, .. } if told == problem), "{problem:?}");
    }
}

#[test]
fn a_full_storage_is_named_with_the_printers_words_and_what_to_do() {
    let mut bench = Bench::up();
    bench.order(send());
    bench.reply(&format!("GET {FILE}"), 404, "");
    bench.reply(&format!("PUT {FILE}"), 507, "507: Insufficient Storage\n\nUSB drive full\n");
    let Report::SendFailed { detail, .. } = bench.last() else { panic!("{:?}", bench.last()) };
    assert_eq!(detail, "the printer has no room for the file (USB drive full): look at the USB drive in the printer");
}

#[test]
fn what_cannot_go_there_is_refused_before_a_byte_is_sent() {
    let named = |extension: &str, size_bytes| {
        let content = Content { extension: extension.to_owned(), size_bytes, ..content() };
        Order::Send { attempt: attempt(), token: token(), content }
    };
    let usb = Bench::up;
    for (make, order, problem) in [
        (usb as fn() -> Bench, named("3mf", 10), SendProblem::Refused),
        (usb, named("gcode", 0), SendProblem::Refused),
        (Bench::on_a_pi, named("bgcode", 10), SendProblem::Refused),
        (Bench::on_a_pi, named("gcode", 4097), SendProblem::StorageFull),
        (Bench::new, named("gcode", 10), SendProblem::Link),
    ] {
        let mut bench = make();
        bench.order(order.clone());
        assert!(matches!(bench.last(), Report::SendFailed { problem: told, .. } if told == problem), "{order:?}");
        assert!(!bench.asks.iter().any(|ask| ask.contains("/files/")));
    }
}

#[test]
fn binary_gcode_keeps_its_name_on_a_printer() {
    let mut bench = Bench::up();
    let content = Content { extension: "bgcode".to_owned(), ..content() };
    bench.order(Order::Send { attempt: attempt(), token: token(), content });
    assert!(bench.is_asked("GET /api/v1/files/usb/gantry/aaaaaaaaaaaaaaaa.bgcode"));
}

#[test]
fn a_send_that_is_stopped_breaks_its_connection_without_a_word() {
    let mut bench = Bench::up();
    bench.order(send());
    bench.reply(&format!("GET {FILE}"), 404, "");
    bench.reports.clear();
    bench.order(Order::StopSending { attempt: attempt() });
    assert_eq!((bench.asks.last().map(String::as_str), bench.reports.len()), (Some("abandon"), 0));
    bench.order(send());
    assert!(bench.is_asked(&format!("GET {FILE}")));
}

#[test]
fn an_upload_with_a_password_gets_a_fresh_nonce_first() {
    let mut bench = Bench::with_password();
    bench.order(send());
    bench.reply(&format!("GET {FILE}"), 404, "");
    assert_eq!((bench.shown("authorization"), bench.open.len()), (None, 1));
    bench.challenge("GET /api/version", false);
    assert!(bench.is_asked(&format!("PUT {FILE}")));
    assert!(bench.shown("authorization").is_some());
}

// Tidying.

#[test]
fn tidying_removes_what_is_ours_and_not_in_use_and_nothing_else() {
    let mut bench = Bench::printing();
    let done_with = Token::new([9; 10]);
    bench.order(Order::Tidy { token: done_with.clone() });
    let names = [
        format!("{}.gcode", done_with.as_str()),
        format!("{}.bgcode", Token::new([8; 10]).as_str()),
        OURS.to_owned(),
        "benchy.gcode".to_owned(),
        "bbbbbbbbbbbbbbbb.txt".to_owned(),
    ];
    let children: Vec<_> = names.iter().map(|name| json!({"name": "SHORT~1.GCO", "display_name": name})).collect();
    bench.reply("GET /api/v1/files/usb/gantry", 200, &json!({ "children": children }).to_string());
    let remove = |name: &str| format!("DELETE /api/v1/files/usb/gantry/{name}");
    bench.reply(&remove(&names[0]), 204, "");
    bench.reply(&remove(&names[1]), 409, "");
    bench.pass(60_000);
    assert_eq!(bench.asks.iter().filter(|ask| ask.starts_with("DELETE")).count(), 2, "{:?}", bench.asks);
}

#[test]
fn tidying_where_nothing_of_ours_lies_is_quiet() {
    let mut bench = Bench::up();
    bench.order(Order::Tidy { token: token() });
    bench.reply("GET /api/v1/files/usb/gantry", 404, "404: Not Found\n\n\n");
    let mut away = Bench::new();
    away.order(Order::Tidy { token: token() });
    for bench in [bench, away] {
        assert!(!bench.asks.iter().any(|ask| ask.starts_with("DELETE")));
    }
}
