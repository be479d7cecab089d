//! The card's door: uploads as vsftpd takes them.

use super::{Bench, SESSION};
use crate::bambu::door::{Channel, FtpHeard, FtpOrder, Input};
use crate::bambu::settings::{Faults, Model, Settings};

fn reply(text: &str) -> FtpOrder {
    FtpOrder::Reply(text.to_owned())
}

fn known(settings: Settings) -> Bench {
    let mut bench = Bench::new(settings);
    assert_eq!(bench.ftp(FtpHeard::Opened), [reply("220 (vsFTPd 3.0.3)")]);
    assert_eq!(bench.line("SIZE /x"), "530 Please login with USER and PASS.");
    bench.line("USER bblp");
    assert_eq!(bench.line("PASS 12345678"), "230 Login successful.");
    bench.line("PBSZ 0");
    assert_eq!(bench.line("PROT P"), "200 PROT now Private.");
    bench
}

fn bench() -> Bench {
    known(Settings::of(Model::P1s, 7))
}

/// Begins an upload, up to where its bytes come.
fn store(bench: &mut Bench, name: &str, resumed: bool) -> Vec<FtpOrder> {
    assert_eq!(bench.ftp(FtpHeard::Line("PASV".into())), [FtpOrder::Listen]);
    assert_eq!(bench.ftp(FtpHeard::Line(format!("STOR {name}"))), [FtpOrder::Take(Channel::Protected)]);
    assert_eq!(bench.ftp(FtpHeard::Accepted), [reply("150 Ok to send data.")]);
    bench.ftp(FtpHeard::Ready { resumed: Some(resumed) })
}

fn data(bench: &mut Bench, bytes: &'static [u8]) -> Vec<FtpOrder> {
    bench.ftp(FtpHeard::Data(bytes.into()))
}

fn ended(bench: &mut Bench) -> Vec<FtpOrder> {
    bench.ftp(FtpHeard::Ended { whole: true })
}

#[test]
fn an_upload_is_stored_listed_read_and_deleted() {
    let mut bench = bench();
    assert!(store(&mut bench, "/cache/a.3mf", true).is_empty());
    data(&mut bench, b"0123");
    data(&mut bench, b"45");
    assert_eq!(ended(&mut bench), [reply("226 Transfer complete.")]);
    assert_eq!(bench.line("SIZE /cache/a.3mf"), "213 6");
    assert_eq!((bench.core.counters().uploads, bench.core.counters().upload_bytes), (1, 6));
    bench.line("CWD cache");
    assert_eq!(bench.line("PWD"), "257 \"/cache\" is the current directory");
    bench.ftp(FtpHeard::Line("PASV".into()));
    assert_eq!(bench.ftp(FtpHeard::Line("NLST".into())), [FtpOrder::Give(Channel::Protected, "a.3mf\r\n".into())]);
    assert_eq!(bench.ftp(FtpHeard::Ended { whole: true }), [reply("226 Transfer complete.")]);
    bench.ftp(FtpHeard::Line("PASV".into()));
    let listed = bench.ftp(FtpHeard::Line("LIST".into()));
    assert!(matches!(listed.as_slice(), [FtpOrder::Give(_, lines)] if lines.ends_with(b"        6 Jan 01 00:00 a.3mf\r\n")));
    assert_eq!(bench.line("RNFR a.3mf"), "350 Ready for RNTO.");
    assert_eq!(bench.line("RNTO /b.3mf"), "250 Rename successful.");
    assert_eq!(bench.line("DELE /b.3mf"), "250 Delete operation successful.");
    assert_eq!(bench.line("DELE /b.3mf"), "550 Delete operation failed.");
}

#[test]
fn an_x1_lists_names_as_they_were_asked_for() {
    let mut bench = known(Settings::of(Model::X1c, 7));
    bench.ftp(FtpHeard::Line("PASV".into()));
    let names = bench.ftp(FtpHeard::Line("NLST /".into()));
    assert!(matches!(names.as_slice(), [FtpOrder::Give(_, lines)] if lines.starts_with(b"/a.gcode.3mf\r\n")), "{names:?}");
}

#[test]
fn a_session_that_is_not_resumed_empties_the_file_that_was_there() {
    let mut bench = bench();
    let refused = store(&mut bench, "/a.gcode.3mf", false);
    assert!(matches!(refused.as_slice(), [FtpOrder::Stop, FtpOrder::Reply(text)] if text.starts_with("522 ")));
    // What was under way comes to nothing.
    assert!(data(&mut bench, b"late").is_empty());
    assert_eq!(bench.line("SIZE /a.gcode.3mf"), "213 0");
}

#[test]
fn clear_data_and_a_printer_that_does_not_ask_need_no_session() {
    let mut bench = bench();
    bench.line("PROT C");
    bench.ftp(FtpHeard::Line("PASV".into()));
    assert_eq!(bench.ftp(FtpHeard::Line("STOR /c".into())), [FtpOrder::Take(Channel::Clear)]);
    assert!(bench.ftp(FtpHeard::Ready { resumed: None }).is_empty());
    let mut bench = known(Settings { demands_session_reuse: false, ..Settings::of(Model::A1, 7) });
    assert!(store(&mut bench, "/c", false).is_empty());
}

#[test]
fn a_full_card_and_none_are_told_apart() {
    let mut bench = bench();
    bench.give(Input::Faults(Faults { card_full: true, ..Faults::default() }));
    store(&mut bench, "/b.3mf", true);
    let full = data(&mut bench, b"0");
    assert!(matches!(full.as_slice(), [FtpOrder::Stop, FtpOrder::Reply(text)] if text.starts_with("552 ")));
    bench.give(Input::Faults(Faults { no_card: true, ..Faults::default() }));
    bench.ftp(FtpHeard::Line("PASV".into()));
    assert_eq!(bench.line("STOR /b.3mf"), "553 Could not create file.");
    assert_eq!(bench.line("SIZE /b.3mf"), "550 Could not get file size.");
}

#[test]
fn a_card_has_an_end_by_itself() {
    let mut bench = known(Settings { card_bytes: 2000, ..Settings::of(Model::P1s, 7) });
    store(&mut bench, "/b.3mf", true);
    let full = bench.ftp(FtpHeard::Data(vec![0; 2000].into()));
    assert!(matches!(full.as_slice(), [FtpOrder::Stop, FtpOrder::Reply(text)] if text.starts_with("552 ")));
}

#[test]
fn an_upload_that_breaks_leaves_what_came() {
    let mut bench = bench();
    store(&mut bench, "/b.3mf", true);
    data(&mut bench, b"0123");
    assert_eq!(bench.ftp(FtpHeard::Ended { whole: false }), [reply("426 Failure reading network stream.")]);
    assert_eq!(bench.line("SIZE /b.3mf"), "213 4");
    bench.give(Input::Faults(Faults { cut_uploads_after: Some(5), ..Faults::default() }));
    store(&mut bench, "/c.3mf", true);
    assert!(data(&mut bench, b"0123").is_empty());
    assert!(matches!(data(&mut bench, b"4567").as_slice(), [FtpOrder::Stop, FtpOrder::Reply(_)]));
    assert_eq!((bench.line("SIZE /c.3mf"), bench.core.counters().uploads), ("213 4".into(), 0));
}

#[test]
fn an_answer_may_be_lost_and_a_refusal_changes_nothing() {
    let mut bench = bench();
    bench.give(Input::Faults(Faults { lose_upload_answers: true, ..Faults::default() }));
    store(&mut bench, "/b.3mf", true);
    data(&mut bench, b"0123");
    assert!(ended(&mut bench).is_empty());
    assert_eq!(bench.line("SIZE /b.3mf"), "213 4");
    bench.give(Input::Faults(Faults { refuse_uploads: Some(550), ..Faults::default() }));
    bench.ftp(FtpHeard::Line("PASV".into()));
    assert_eq!(bench.line("STOR /b.3mf"), "550 Refused.");
    assert_eq!(bench.line("SIZE /b.3mf"), "213 4");
}

#[test]
fn protected_data_may_meet_deaf_ears() {
    let mut bench = bench();
    bench.give(Input::Faults(Faults { deaf_to_protected_data: true, ..Faults::default() }));
    bench.ftp(FtpHeard::Line("PASV".into()));
    assert_eq!(bench.ftp(FtpHeard::Line("STOR /b".into())), [FtpOrder::Take(Channel::Deaf)]);
}

#[test]
fn what_is_not_there_is_said_to_be_so() {
    let mut bench = bench();
    assert_eq!(bench.line("FEAT"), "502 Command not implemented.");
    assert_eq!(bench.line("REST 100"), "502 Command not implemented.");
    assert_eq!(bench.line("EPSV"), "500 Unknown command.");
    assert_eq!(bench.line("CWD /nowhere"), "550 Failed to change directory.");
    assert_eq!(bench.line("STOR /x"), "425 Use PORT or PASV first.");
    bench.ftp(FtpHeard::Line("PASV".into()));
    assert_eq!(bench.line("STOR /nowhere/x"), "553 Could not create file.");
    assert_eq!(bench.line("MKD /somewhere"), "257 \"/somewhere\" created");
    assert_eq!(bench.line("RMD /somewhere"), "250 Remove directory operation successful.");
    assert_eq!(bench.line("RNTO /x"), "503 RNFR required first.");
}

#[test]
fn a_power_cut_ends_the_session_and_keeps_half_an_upload() {
    let mut bench = bench();
    store(&mut bench, "/b.3mf", true);
    data(&mut bench, b"0123");
    bench.orders.clear();
    bench.give(Input::PowerCut { off_ms: 1000 });
    assert_eq!(bench.orders, [FtpOrder::Close]);
    bench.pass(1000);
    bench.give(Input::Ftp { session: SESSION, heard: FtpHeard::Opened });
    bench.line("USER bblp");
    bench.line("PASS 12345678");
    assert_eq!(bench.line("SIZE /b.3mf"), "213 4");
}

#[test]
fn a_wrong_code_stays_outside() {
    let mut bench = Bench::of(Model::P1s);
    bench.ftp(FtpHeard::Opened);
    bench.line("USER bblp");
    assert_eq!(bench.line("PASS wrong"), "530 Login incorrect.");
    assert_eq!(bench.line("PASV"), "530 Please login with USER and PASS.");
    assert_eq!(bench.ftp(FtpHeard::Line("QUIT".into())), [reply("221 Goodbye."), FtpOrder::Close]);
}
