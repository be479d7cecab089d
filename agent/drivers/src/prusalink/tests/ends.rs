//! How prints of ours end, and what is known of them after a gap.

use domain::attempt::{CancelReason, End, FailureReason, Token};
use domain::recovery::History;
use serde_json::json;

use super::bench::*;
use crate::contract::{Input, Order, Report};
use crate::web::NoAnswer;

const COMPLETED: End = End::Completed { inferred: false };
const INFERRED: End = End::Completed { inferred: true };
const REQUESTED: End = End::Cancelled(CancelReason::Requested);
const AT_PRINTER: End = End::Cancelled(CancelReason::AtPrinter);
const FAILED: End = End::Failed(FailureReason::PrinterError);

/// Cancels our print and answers so.
fn cancel(bench: &mut Bench, answer: Result<u16, NoAnswer>) {
    bench.order(Order::Cancel { command: Some(command()), token: token() });
    bench.reply("GET /api/v1/job", 200, &job(17, OURS));
    match answer {
        Ok(status) => bench.reply("DELETE /api/v1/job/17", status, ""),
        Err(why) => bench.no_reply("DELETE /api/v1/job/17", why),
    }
}

/// Questions are missed until the link is down, and a while later it is up again.
fn loses_contact(bench: &mut Bench, for_ms: i64) {
    for _ in 0..3 {
        bench.pass(2_000);
        bench.no_reply("GET /api/v1/status", NoAnswer::Cut("reset".to_owned()));
    }
    bench.pass(for_ms);
    bench.reply("GET /api/version", 200, VERSION);
    bench.reply("GET /api/v1/storage", 200, USB);
}

fn histories(bench: &Bench) -> Vec<History> {
    let history = |report: &Report| if let Report::History { history, .. } = report { Some(*history) } else { None };
    bench.reports.iter().filter_map(history).collect()
}

#[test]
fn each_state_that_follows_on_a_print_is_told_as_its_end_once() {
    for (word, end) in [("FINISHED", COMPLETED), ("STOPPED", AT_PRINTER), ("ERROR", FAILED)] {
        let mut bench = Bench::printing();
        for _ in 0..5 {
            bench.shows(&state(word));
        }
        bench.shows(&idle());
        assert_eq!(bench.ends(), [end], "{word}");
    }
}

#[test]
fn an_end_that_is_there_at_the_first_look_is_no_event() {
    for word in ["FINISHED", "STOPPED", "ERROR"] {
        let mut bench = Bench::new();
        bench.reply("GET /api/version", 200, VERSION);
        bench.reply("GET /api/v1/storage", 200, USB);
        for _ in 0..5 {
            bench.shows(&state(word));
        }
        assert!(bench.ends().is_empty(), "{word}");
    }
}

#[test]
fn a_finish_that_a_pi_shows_with_its_job_is_told_once() {
    let mut bench = Bench::printing();
    let mut ending = printing(17, 100.0);
    ending["printer"]["state"] = json!("FINISHED");
    bench.shows_print(&ending, 17, OURS);
    bench.shows(&state("FINISHED"));
    bench.shows(&idle());
    assert_eq!(bench.ends(), [COMPLETED]);
}

#[test]
fn the_token_is_shown_as_long_as_its_finish_is() {
    let mut bench = Bench::printing();
    bench.shows(&state("FINISHED"));
    bench.shows(&state("FINISHED"));
    assert_eq!(bench.heard().shown_token, Some(token()));
    bench.shows_print(&printing(18, 50.0), 18, "benchy.gcode");
    bench.shows(&state("FINISHED"));
    assert_eq!(bench.heard().shown_token, None, "that finish is another's");
}

#[test]
fn a_cancel_of_ours_a_cancel_at_the_screen_a_failure_and_a_lost_contact_are_four_things() {
    let mut ours = Bench::printing();
    cancel(&mut ours, Ok(204));
    ours.shows(&state("STOPPED"));
    assert_eq!(ours.ends(), [REQUESTED]);

    let mut at_screen = Bench::printing();
    at_screen.shows(&state("STOPPED"));
    assert_eq!(at_screen.ends(), [AT_PRINTER]);

    let mut failed = Bench::printing();
    let mut error = state("ERROR");
    error["printer"]["status_printer"] = json!({"ok": false, "message": "Serial device does not exist"});
    failed.shows(&error);
    let detail = Some("Serial device does not exist".to_owned());
    assert!(failed.reports.contains(&Report::Ended { token: token(), end: FAILED, detail }));

    let mut lost = Bench::printing();
    loses_contact(&mut lost, 60_000);
    lost.shows(&idle());
    lost.shows(&idle());
    assert_eq!((lost.ends(), histories(&lost)), (vec![], vec![History::Silent]));
}

#[test]
fn a_finish_that_was_missed_is_inferred_from_nearly_all_of_the_print_without_a_gap() {
    let mut bench = Bench::printing_so_far(95.0);
    bench.shows(&idle());
    assert_eq!(bench.ends(), [INFERRED]);
    let mut too_early = Bench::printing_so_far(94.0);
    too_early.shows(&idle());
    too_early.shows(&idle());
    assert_eq!((too_early.ends(), histories(&too_early)), (vec![], vec![History::Silent]));
}

#[test]
fn a_gap_in_which_the_printer_may_have_gone_out_proves_nothing() {
    let mut missed = Bench::printing_so_far(99.0);
    missed.pass(2_000);
    missed.no_reply("GET /api/v1/status", NoAnswer::Silent);
    let mut slow = Bench::printing_so_far(99.0);
    slow.pass(2_000);
    slow.now = slow.now.plus_millis(4_000);
    for bench in [&mut missed, &mut slow] {
        bench.shows(&idle());
        bench.shows(&idle());
        assert_eq!((bench.ends(), histories(bench)), (vec![], vec![History::Silent]));
    }
}

#[test]
fn nothing_is_heard_of_an_idle_printer_before_the_end_is_told() {
    let mut bench = Bench::printing();
    bench.reports.clear();
    bench.shows(&idle());
    assert!(bench.reports.is_empty(), "{:?}", bench.reports);
    bench.shows(&idle());
    assert!(matches!(bench.reports.as_slice(), [Report::History { .. }, Report::Heard(_)]), "{:?}", bench.reports);
}

#[test]
fn a_print_that_winds_down_has_not_ended() {
    let mut bench = Bench::printing();
    for _ in 0..30 {
        bench.shows(&state("BUSY"));
    }
    assert!(bench.ends().is_empty() && histories(&bench).is_empty());
    bench.shows(&state("FINISHED"));
    bench.pass(60_000);
    assert!(bench.ends().is_empty(), "a minute is a gap");
}

#[test]
fn another_print_in_place_of_ours_leaves_ours_unproven() {
    let mut bench = Bench::printing();
    bench.shows_print(&printing(18, 1.0), 18, "benchy.gcode");
    assert_eq!((bench.ends(), histories(&bench)), (vec![], vec![History::Silent]));
}

// Cancels.

#[test]
fn a_cancel_leaves_a_mark_before_it_goes_and_another_when_it_was_taken() {
    let mut bench = Bench::printing();
    cancel(&mut bench, Ok(204));
    let marks: Vec<&str> = bench
        .reports
        .iter()
        .filter_map(|report| if let Report::Mark { mark, .. } = report { Some(mark.as_str()) } else { None })
        .collect();
    assert_eq!(marks, ["job=17", "job=17 cancel=asked", "job=17 cancel=taken"]);
}

#[test]
fn a_cancel_that_was_taken_explains_an_idle_printer() {
    let mut bench = Bench::printing_so_far(99.0);
    cancel(&mut bench, Ok(204));
    loses_contact(&mut bench, 60_000);
    bench.shows(&idle());
    assert_eq!(bench.ends(), [REQUESTED]);
}

#[test]
fn a_cancel_that_was_refused_is_forgotten() {
    let mut bench = Bench::printing();
    cancel(&mut bench, Ok(409));
    bench.shows(&state("STOPPED"));
    assert_eq!(bench.ends(), [AT_PRINTER]);
}

#[test]
fn a_cancel_without_an_answer_may_have_come_through() {
    let mut bench = Bench::printing();
    cancel(&mut bench, Err(NoAnswer::Silent));
    bench.shows(&state("STOPPED"));
    assert_eq!(bench.ends(), [REQUESTED]);
}

// After a gap.

#[test]
fn a_finish_after_a_gap_is_ours_if_the_printer_says_that_our_job_was_its_last() {
    for (ours, next, ends, told) in [
        (405, 404, vec![COMPLETED], vec![]),
        (404, 404, vec![], vec![History::Silent]),
        (405, 405, vec![], vec![History::Silent]),
    ] {
        let mut bench = Bench::printing();
        loses_contact(&mut bench, 60_000);
        bench.shows(&state("FINISHED"));
        bench.reply("GET /api/v1/job/17", ours, "");
        if ours == 405 {
            bench.reply("GET /api/v1/job/18", next, "");
        }
        bench.pass(10_000);
        assert_eq!((bench.ends(), histories(&bench)), (ends, told), "{ours} {next}");
    }
}

#[test]
fn a_restarted_agent_asks_by_the_number_that_it_kept() {
    for (word, mark, history) in [
        ("FINISHED", "job=17", History::Ended(COMPLETED)),
        ("STOPPED", "job=17", History::Ended(AT_PRINTER)),
        ("STOPPED", "job=17 cancel=asked", History::Ended(REQUESTED)),
    ] {
        let mut bench = Bench::up();
        bench.order(Order::Watch(Some(watched(Some(mark)))));
        bench.order(Order::Recall { token: token() });
        bench.shows(&state(word));
        bench.reply("GET /api/v1/job/17", 405, "");
        bench.reply("GET /api/v1/job/18", 404, "");
        assert!(bench.reports.contains(&Report::History { token: token(), history }), "{:?}", bench.reports);
        assert!(bench.ends().is_empty(), "what was not seen is no event");
    }
}

#[test]
fn without_a_number_or_a_state_that_proves_something_a_recall_is_silent() {
    for (word, mark, history) in [
        ("FINISHED", None, History::Silent),
        ("IDLE", Some("job=17"), History::Silent),
        ("IDLE", Some("job=17 cancel=asked"), History::Silent),
        ("IDLE", Some("job=17 cancel=taken"), History::Ended(REQUESTED)),
        ("BUSY", Some("job=17 cancel=taken"), History::Silent),
    ] {
        let mut bench = Bench::up();
        bench.order(Order::Watch(Some(watched(mark))));
        bench.order(Order::Recall { token: token() });
        bench.shows(&state(word));
        assert_eq!(histories(&bench), [history], "{word} {mark:?}");
    }
}

#[test]
fn a_recall_while_the_link_is_down_or_of_a_print_that_runs_is_silent() {
    let mut bench = Bench::new();
    bench.order(Order::Recall { token: token() });
    assert_eq!(histories(&bench), [History::Silent]);
    let mut bench = Bench::printing();
    bench.order(Order::Recall { token: token() });
    bench.shows_print(&printing(17, 41.0), 17, OURS);
    assert_eq!(histories(&bench), [History::Silent]);
    bench.order(Order::Recall { token: Token::new([5; 10]) });
    for _ in 0..3 {
        bench.pass(2_000);
        bench.open.clear();
        bench.give(Input::Wake);
    }
    assert!(bench.ends().is_empty());
}

#[test]
fn a_recall_of_what_was_told_gives_the_same_end() {
    let mut bench = Bench::printing();
    bench.shows(&state("FINISHED"));
    bench.shows(&idle());
    bench.order(Order::Recall { token: token() });
    bench.shows(&idle());
    assert_eq!(histories(&bench), [History::Ended(COMPLETED)]);
}
