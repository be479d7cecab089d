//! What the recording cannot show: a printer's own server, keys and digests, time, heat, people, power.

use super::{Bench, SIX_SECONDS};
use crate::prusalink::door::{Input, Person};
use crate::prusalink::settings::{Form, Settings};
use crate::web::Server as _;
use serde_json::json;

fn md5(text: &str) -> String {
    format!("{:x}", md5::compute(text))
}

fn nonce(challenge: &str) -> String {
    challenge.split("nonce=\"").nth(1).unwrap().split('"').next().unwrap().to_owned()
}

impl Bench {
    /// Asks with that header instead of the key.
    fn get_with(&mut self, path: &str, authorization: &str) -> super::Answer {
        self.key = None;
        let request = self.request("GET", path, "", &[("authorization", authorization)]);
        let id = self.ask(request);
        self.answer(id).unwrap().unwrap()
    }

    fn digest_of_a_printer(&mut self, password: &str, nonce: &str) -> super::Answer {
        let who = md5(&format!("maker:Printer API:{password}"));
        let response = md5(&format!("{who}:{nonce}:{}", md5("GET:/api/v1/status")));
        let shown = format!(
            "Digest username=\"maker\", realm=\"Printer API\", nonce=\"{nonce}\", uri=\"/api/v1/status\", response=\"{response}\""
        );
        self.get_with("/api/v1/status", &shown)
    }
}

#[test]
fn a_wrong_key_is_401_at_a_printer_and_403_at_a_pi() {
    for (mut bench, status) in [(Bench::printer(), 401), (Bench::pi(), 403)] {
        bench.key = Some("wrong".to_owned());
        assert_eq!(bench.get("/api/v1/status").status, status);
    }
}

#[test]
fn a_printers_digest_has_no_quality_and_a_nonce_of_five_seconds() {
    let mut bench = Bench::printer();
    bench.key = None;
    let challenge = bench.get("/api/v1/status").challenge;
    assert!(challenge.starts_with("Digest realm=\"Printer API\"") && !challenge.contains("qop"), "{challenge}");
    let nonce = nonce(&challenge);
    assert_eq!(bench.digest_of_a_printer("Key4Printer5678", &nonce).status, 200);
    let wrong = bench.digest_of_a_printer("wrong", &nonce);
    assert_eq!((wrong.status, wrong.challenge.contains("stale=\"false\"")), (401, true));
    bench.pass(5_000);
    let late = bench.digest_of_a_printer("Key4Printer5678", &nonce);
    assert_eq!((late.status, late.challenge.contains("stale=\"true\"")), (401, true));
}

#[test]
fn a_printer_takes_a_word_for_the_algorithm_for_a_fault() {
    let mut bench = Bench::printer();
    bench.key = None;
    let nonce = nonce(&bench.get("/api/v1/status").challenge);
    let who = md5("maker:Printer API:Key4Printer5678");
    let response = md5(&format!("{who}:{nonce}:{}", md5("GET:/api/v1/status")));
    let shown = format!(
        "Digest username=\"maker\", realm=\"Printer API\", nonce=\"{nonce}\", uri=\"/api/v1/status\", response=\"{response}\", algorithm=MD5"
    );
    assert_eq!(bench.get_with("/api/v1/status", &shown).status, 401);
}

#[test]
fn an_end_stays_on_a_printers_screen_and_passes_on_a_pi_and_neither_tells_of_its_job() {
    for (mut bench, after) in [(Bench::printer(), "FINISHED"), (Bench::pi(), "IDLE")] {
        bench.start("a.gcode");
        bench.until("FINISHED");
        assert_eq!(bench.get("/api/v1/job").status, 204);
        assert!(bench.get("/api/v1/status").body.get("job").is_none());
        bench.pass(7_000);
        assert_eq!(bench.core.state(), after);
    }
}

#[test]
fn a_printer_starts_from_an_end_and_a_pi_does_not() {
    for (mut bench, status) in [(Bench::printer(), 204), (Bench::pi(), 409)] {
        bench.start("a.gcode");
        bench.until("FINISHED");
        assert_eq!(bench.start("b.gcode").status, status);
    }
}

#[test]
fn a_printer_knows_the_number_of_its_last_job_and_no_other() {
    let mut bench = Bench::printer();
    bench.start("a.gcode");
    bench.until("FINISHED");
    assert_eq!([1, 2].map(|id| bench.get(&format!("/api/v1/job/{id}")).status), [405, 404]);
    assert_eq!(Bench::pi().get("/api/v1/job/0").status, 404);
}

#[test]
fn a_204_is_a_promise_the_state_follows() {
    let mut bench = Bench::pi();
    bench.start("a.gcode");
    bench.pass(1_000);
    assert_eq!(bench.call("PUT", "/api/v1/job/1/pause").status, 204);
    assert_eq!(bench.core.state(), "PRINTING");
    bench.pass(500);
    assert_eq!(bench.core.state(), "PAUSED");
    assert_eq!(bench.call("DELETE", "/api/v1/job/1").status, 204);
    bench.pass(500);
    assert_eq!(bench.core.state(), "STOPPED");
    assert_eq!(bench.core.counters().prints_cancelled, 1);
}

#[test]
fn a_pause_stops_the_clock_of_the_print() {
    let mut bench = Bench::printer();
    bench.start("a.gcode");
    bench.pass(3_000);
    bench.call("PUT", "/api/v1/job/1/pause");
    bench.pass(3_600_000);
    assert_eq!(bench.get("/api/v1/status").body["job"]["progress"], 50.0);
    bench.call("PUT", "/api/v1/job/1/resume");
    bench.until("FINISHED");
}

#[test]
fn a_question_waits_for_a_person_and_is_a_pause_to_who_asks_for_the_job() {
    let mut bench = Bench::printer();
    bench.start("a.gcode");
    bench.pass(1_000);
    bench.person(Person::Ask);
    bench.pass(3_600_000);
    assert_eq!(bench.get("/api/v1/status").body["printer"]["state"], "ATTENTION");
    assert_eq!(bench.get("/api/v1/job").body["state"], "PAUSED");
    assert_eq!(bench.call("PUT", "/api/v1/job/1/resume").status, 409);
    bench.person(Person::Answer);
    bench.until("FINISHED");
}

#[test]
fn a_file_on_a_printer_has_a_short_name_too_and_its_size_only_alone() {
    let mut bench = Bench::printer();
    assert_eq!(bench.put("gantry/aaaaaaaaaaaaaaaa.bgcode", SIX_SECONDS, &[]).status, 201);
    let alone = bench.get("/api/v1/files/usb/gantry/aaaaaaaaaaaaaaaa.bgcode").body;
    assert_eq!((&alone["name"], &alone["size"]), (&json!("AAAAAA~1.BGC"), &json!(SIX_SECONDS.len())));
    let listed = bench.get("/api/v1/files/usb/gantry").body;
    assert_eq!(listed["children"][0]["display_name"], "aaaaaaaaaaaaaaaa.bgcode");
    assert!(listed["children"][0].get("size").is_none());
}

#[test]
fn a_printer_refuses_what_it_cannot_take_in_its_own_words() {
    let mut bench = Bench::printer();
    let request = bench.request("PUT", "/api/v1/files/usb/a.gcode", SIX_SECONDS, &[("accept", "application/json")]);
    let id = bench.ask(request);
    assert_eq!(bench.answer(id).unwrap().unwrap().status, 411);
    assert_eq!(bench.put("a.gcode", "", &[]).status, 501);
    assert_eq!(bench.put("a.txt", SIX_SECONDS, &[]).body, "415: Unsupported Media Type\n\nNot a GCODE\n");
    assert_eq!(bench.get("/api/v1/files/local/a.gcode").status, 403);
    bench.person(Person::PullDrive);
    assert_eq!(bench.put("a.gcode", SIX_SECONDS, &[]).body, "507: Insufficient Storage\n\nMissing USB drive\n");
    assert_eq!(bench.get("/api/v1/storage").body["storage_list"][0]["available"], false);
}

#[test]
fn an_upload_that_shall_print_is_there_although_it_cannot() {
    let mut bench = Bench::printer();
    bench.start("a.gcode");
    assert_eq!(bench.put("b.gcode", SIX_SECONDS, &[("print-after-upload", "?1")]).status, 409);
    assert_eq!(bench.get("/api/v1/files/usb/b.gcode").status, 200);
    assert_eq!(bench.begun("b.gcode"), 0);
}

#[test]
fn a_power_cut_takes_the_print_and_leaves_the_files_and_the_number_of_the_job() {
    for form in [Form::Printer, Form::Pi] {
        let mut bench = Bench::new(Settings { form, ..Settings::default() });
        bench.start("a.gcode");
        bench.pass(1_000);
        bench.give(Input::PowerCut { off_ms: 1_000 });
        let request = bench.request("GET", "/api/version", "", &[]);
        let id = bench.ask(request);
        assert_eq!(bench.answer(id), Some(None));
        bench.pass(9_000);
        assert_eq!((bench.core.state(), bench.core.counters().prints_failed), ("IDLE", 1));
        assert_eq!(bench.get(&bench.path("a.gcode")).status, 200);
        bench.start("b.gcode");
        assert_eq!(bench.get("/api/v1/job").body["id"], 2);
    }
}

#[test]
fn it_heats_before_it_prints_and_is_as_fast_as_it_is_told() {
    let mut bench = Bench::new(Settings { speed: 10, ..Settings::default() });
    bench.put("a.gcode", ";TIME:60\nM104 S221.3\n", &[]);
    bench.call("POST", "/api/v1/files/usb/a.gcode");
    bench.pass(1_000);
    let status = bench.get("/api/v1/status").body;
    assert_eq!((&status["job"]["progress"], &status["printer"]["temp_nozzle"]), (&json!(0.0), &json!(121.3)));
    bench.pass(4_000);
    assert_eq!(bench.get("/api/v1/status").body["job"]["progress"], 50.0);
}
