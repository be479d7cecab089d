//! Prints over a serial line, where the agent itself is the host: exact whatever the line does, safe however they end, and never held
//! up by the farm. The board is ours, on a real pseudo-terminal.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;

use domain::attempt::{CancelReason, End, FailureReason, PauseReason, Stage};
use domain::id::{CommandId, Id as _};
use domain::printer::Activity;
use domain::recovery::History;
use drivers::contract::{LinkProblem, Order, Report};
use gantry_tests::driven::{Driven, Shelf, Try};
use gantry_tests::farm::Farm;
use gantry_tests::until_it_holds;
use serde_json::json;
use simulators::marlin::core::Core;
use simulators::marlin::door::Person;
use simulators::marlin::settings::{Faults, Settings};
use simulators::marlin::shell::{MarlinSim, Running};

const COMPLETED: End = End::Completed { inferred: false };

/// A board, and a driver on it whose clock goes so many times too fast.
struct Bench {
    shelf: Shelf,
    board: Running,
    driven: Driven,
}

impl Bench {
    async fn start(settings: Settings, pace: i64) -> Self {
        let shelf = Shelf::new(pace);
        let board = MarlinSim::start(&shelf.folder().join("usb-board"), settings).unwrap();
        let driven = Driven::new("marlin", &format!("{}@250000", board.path.display()), &shelf);
        let mut bench = Self { shelf, board, driven };
        bench.driven.sees(|seen| seen.activity == Activity::Idle).await;
        bench
    }

    async fn look<T: Send + 'static>(&self, see: impl FnOnce(&Core) -> T + Send + 'static) -> T {
        self.board.control.look(see).await.unwrap()
    }

    /// Of what the board took, what came from the file.
    async fn printed(&self) -> Vec<String> {
        self.board.control.program().await.into_iter().filter(|line| !is_hosts(line)).collect()
    }

    async fn command(&mut self, order: impl FnOnce(CommandId) -> Order) {
        let command = CommandId::derived([self.driven.told.len() as u8; 32]);
        self.driven.order(order(command)).await;
        self.driven.tells(|report| *report == Report::Acted { command, outcome: Ok(()) }).await;
    }
}

/// What a host says for itself.
fn is_hosts(line: &str) -> bool {
    ["M110 N0", "M115", "M155 S2", "M27", "M27 C", "M105", "M400", "M114"].contains(&line)
        || line.starts_with("M73 P")
        || line.starts_with("M117 Printing")
}

/// Fast as a machine is that need not be waited for.
fn quick() -> Settings {
    Settings { speed: 2_000, boot_ms: 20, ..Settings::default() }
}

/// A file of so many moves, each of which differs from the others, that leaves nothing on.
fn file(moves: u32) -> String {
    let mut text = "; a file\nG21\nG90\nM83\nM140 S40\nM104 S190\nG28\nM109 S190\n\nG1 F1800\n".to_owned();
    for at in 0..moves {
        writeln!(text, "G1 X{} Y{} E0.0{} ; move {at}", at % 200, at / 200, at % 9 + 1).unwrap();
    }
    text + "M104 S0\nM140 S0\nM84"
}

/// Its commands.
fn commands(text: &str) -> Vec<String> {
    let bare = text.lines().map(|line| line.split(';').next().unwrap().trim());
    bare.filter(|line| !line.is_empty()).map(str::to_owned).collect()
}

#[tokio::test]
async fn the_board_takes_the_file_word_for_word_whatever_the_line_does() {
    let none = Faults::default();
    let lost = Faults { lose_every: Some(61), lose_ok_every: Some(53), ..none.clone() };
    for (name, advanced_ok, faults) in [
        ("a clean line", true, none.clone()),
        ("a clean line without room told", false, none.clone()),
        ("wrong letters", true, Faults { garble_every: Some(7), ..none.clone() }),
        ("wrong letters, one line at a time", false, Faults { garble_every: Some(5), ..none.clone() }),
        ("no ok behind a refusal", false, Faults { garble_every: Some(23), resends_without_ok: true, ..none.clone() }),
        ("lost lines and answers", true, lost.clone()),
        ("lost lines and answers, one line at a time", false, lost.clone()),
        ("all of it and noise", true, Faults { garble_every: Some(17), noise_every: Some(3), ..lost }),
    ] {
        let mut bench = Bench::start(Settings { advanced_ok, says_busy: true, ..quick() }, 20).await;
        bench.board.control.faults(faults);
        let text = file(300);
        let print = bench.shelf.lay(1, &text);
        bench.driven.print(&print).await;
        assert_eq!(bench.driven.ends(&print).await, COMPLETED, "{name}");
        assert_eq!(bench.printed().await, commands(&text), "{name}");
        let counters = bench.board.control.counters().await;
        assert_eq!((counters.overflown, counters.homings), (0, 1), "{name}");
        assert_eq!(bench.driven.ends_told(), 1, "{name}");
    }
}

#[tokio::test]
async fn a_print_goes_on_while_the_farm_takes_no_reports() {
    let mut bench = Bench::start(quick(), 1).await;
    let text = file(20_000);
    let print = bench.shelf.lay(1, &text);
    bench.driven.print(&print).await;
    // Nobody reads: the driver's task is stuck, as behind a database that hangs.
    let wanted = commands(&text).len();
    until_it_holds("the whole file at the board", async || {
        bench.look(move |core| core.program().iter().filter(|line| !is_hosts(line)).count() == wanted).await
    })
    .await;
    assert_eq!(bench.driven.ends(&print).await, COMPLETED);
}

#[tokio::test]
async fn a_pause_parks_the_tool_and_a_resume_goes_on_as_if_nothing_had_been() {
    let mut bench = Bench::start(Settings { speed: 40, degrees_per_second: 500, ..quick() }, 1).await;
    let text = file(2_000);
    let print = bench.shelf.lay(1, &text);
    bench.driven.print(&print).await;
    bench.driven.sees(|seen| seen.activity == Activity::Printing && seen.telemetry.progress > Some(0.02)).await;
    let token = print.token.clone();
    bench.command(|command| Order::Pause { command, token: token.clone() }).await;
    bench.driven.sees(|seen| seen.print.as_ref().is_some_and(|print| print.paused == Some(PauseReason::User))).await;
    let parked = bench.look(|core| core.place()).await;
    assert!((parked[2] - 5.0).abs() < 0.01, "it was lifted: {parked:?}");
    assert!(bench.look(Core::is_heating).await, "it is still warm");
    bench.command(|command| Order::Resume { command, token: token.clone() }).await;
    bench.driven.sees(|seen| seen.activity == Activity::Printing).await;
    until_it_holds("the tool back", async || bench.look(|core| core.place()[2].abs() < 0.01).await).await;
    let (relative, relative_e, feedrate) = bench.look(Core::modes).await;
    assert_eq!((relative, relative_e, feedrate), (false, true, 1800.0));
    assert_eq!(bench.driven.ends(&print).await, COMPLETED);
    // Beside the moves out and back nothing was said that is not in the file, and nothing was said twice.
    let mut left: BTreeMap<String, i32> = BTreeMap::new();
    bench.printed().await.into_iter().for_each(|line| *left.entry(line).or_default() += 1);
    commands(&text).into_iter().for_each(|line| *left.entry(line).or_default() -= 1);
    assert!(left.values().all(|count| *count >= 0));
    assert!(left.values().sum::<i32>() <= 14, "{:?}", left.iter().filter(|(_, count)| **count > 0).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_cancel_ends_heating_and_leaves_nothing_warm_moving_or_powered() {
    let mut bench = Bench::start(Settings { degrees_per_second: 1, speed: 1, ..quick() }, 1).await;
    // It would heat for minutes.
    let print = bench.shelf.lay(1, &file(100));
    bench.driven.print(&print).await;
    bench.driven.sees(|seen| seen.telemetry.nozzles.first().is_some_and(|nozzle| nozzle.target_celsius == Some(190.0))).await;
    let token = print.token.clone();
    bench.command(|command| Order::Cancel { command: Some(command), token }).await;
    assert_eq!(bench.driven.ends(&print).await, End::Cancelled(CancelReason::Requested));
    assert!(!bench.look(Core::is_heating).await);
    assert_eq!(bench.look(Core::is_powered).await, (false, false));
    bench.driven.sees(|seen| seen.activity == Activity::Idle && seen.print.is_none()).await;
}

#[tokio::test]
async fn a_cable_pulled_a_reset_and_a_failed_heater_end_a_print_each_in_its_own_words() {
    let slow = || Settings { degrees_per_second: 2_000, speed: 1, ..quick() };
    let mut bench = Bench::start(slow(), 1).await;
    let broke = End::Failed(FailureReason::PrinterError);

    let first = begun(&mut bench, 1).await;
    bench.board.control.person(Person::Unplug);
    assert_eq!(bench.driven.ends(&first).await, End::Failed(FailureReason::HostLost));
    bench.driven.tells(|report| matches!(report, Report::Lost(LinkProblem::Unreachable { .. }))).await;
    bench.board.control.person(Person::Plug);
    bench.driven.sees(|seen| seen.activity == Activity::Idle).await;
    assert!(!bench.look(Core::is_heating).await);

    let second = begun(&mut bench, 2).await;
    bench.board.control.person(Person::Reset);
    assert_eq!(bench.driven.ends(&second).await, broke);
    bench.driven.sees(|seen| seen.activity == Activity::Idle).await;

    let third = begun(&mut bench, 3).await;
    let taken = bench.board.control.counters().await.taken;
    bench.board.control.faults(Faults { halt_after: Some(taken + 1), ..Faults::default() });
    assert_eq!(bench.driven.ends(&third).await, broke);
    let seen = bench.driven.sees(|seen| seen.fault.is_some()).await;
    assert!(seen.fault.unwrap().text.starts_with("Thermal Runaway"));
    assert_eq!(seen.activity, Activity::Error);
    bench.board.control.person(Person::Reset);
    bench.driven.sees(|seen| seen.activity == Activity::Idle && seen.fault.is_none()).await;
    assert_eq!(bench.driven.ends_told(), 3);
    for (print, end) in [(first, End::Failed(FailureReason::HostLost)), (second, broke), (third, broke)] {
        let token = print.token.clone();
        bench.driven.order(Order::Recall { token: print.token }).await;
        bench.driven.tells(|report| *report == Report::History { token: token.clone(), history: History::Ended(end) }).await;
    }
}

/// A long print that lays filament.
async fn begun(bench: &mut Bench, number: u8) -> Try {
    let print = bench.shelf.lay(number, &file(5_000));
    bench.driven.print(&print).await;
    bench.driven.sees(|seen| seen.activity == Activity::Printing).await;
    print
}

#[tokio::test]
async fn the_machine_asks_its_host_and_a_print_from_its_card_is_left_alone() {
    let settings = Settings { degrees_per_second: 2_000, speed: 1, resets_on_open: false, ..quick() };
    let mut bench = Bench::start(settings, 1).await;
    let print = begun(&mut bench, 1).await;
    bench.board.control.person(Person::Runout);
    bench.driven.sees(|seen| seen.print.as_ref().is_some_and(|print| print.paused == Some(PauseReason::Runout))).await;
    bench.board.control.person(Person::Resume);
    bench.driven.sees(|seen| seen.activity == Activity::Printing).await;
    bench.board.control.person(Person::Cancel);
    assert_eq!(bench.driven.ends(&print).await, End::Cancelled(CancelReason::AtPrinter));
    bench.driven.sees(|seen| seen.activity == Activity::Idle).await;

    let asks = bench.shelf.lay(2, "G28\nM0 Put the insert in\nG1 X1 F6000\n");
    bench.driven.print(&asks).await;
    bench.driven.sees(|seen| seen.print.as_ref().is_some_and(|print| print.paused == Some(PauseReason::Prompt))).await;
    let token = asks.token.clone();
    bench.command(|command| Order::Resume { command, token }).await;
    assert_eq!(bench.driven.ends(&asks).await, COMPLETED);

    bench.board.control.person(Person::PrintFromCard("BENCHY~1.GCO".to_owned()));
    let seen = bench.driven.sees(|seen| seen.print.is_some()).await;
    assert_eq!(seen.print.unwrap().token, None);
    let third = bench.shelf.lay(3, &file(10));
    bench
        .driven
        .order(Order::Start { attempt: third.id, token: third.token.clone(), content: third.content.clone(), feeds: Vec::new() })
        .await;
    bench.driven.tells(|report| matches!(report, Report::StartRefused { .. })).await;
    // A driver that comes anew to a board that does not reset finds it, and leaves it alone too.
    drop(bench.driven);
    let address = bench.board.path.display().to_string();
    let mut anew = Driven::new("marlin", &address, &bench.shelf);
    anew.order(print.watched(Stage::Printing)).await;
    anew.sees(|seen| seen.print.as_ref().is_some_and(|print| print.token.is_none() && print.file.is_some())).await;
    assert!(bench.board.control.look(Core::prints_from_card).await.unwrap());
}

#[tokio::test]
async fn an_agent_that_is_killed_in_a_print_says_that_it_failed_and_why_and_starts_it_no_second_time() {
    let folder = tempfile::TempDir::new().unwrap();
    let place: PathBuf = folder.path().join("usb-board");
    // A board that does not reset when its line is opened stays warm.
    let settings = Settings { degrees_per_second: 2_000, speed: 1, resets_on_open: false, ..quick() };
    let board = MarlinSim::start(&place, settings).unwrap();
    let mut farm = Farm::start().await;
    let machine = json!({"model": "MK3S", "nozzle_mm": 0.4, "build_volume_mm": {"x": 250, "y": 210, "z": 210}});
    let link = json!({"driver": "marlin", "address": place.display().to_string()});
    let printer = farm.post("/v1/printers", json!({"name": "P01", "link": link, "machine": machine})).await;
    let printer = printer["id"].as_str().unwrap().to_owned();
    farm.printer_until(&printer, "connection", "online").await;
    let head = "; generated by PrusaSlicer 2.9.0\n";
    let tail = "\n; filament used [g] = 1.5\n; filament_type = PLA\n; layer_height = 0.2\n; nozzle_diameter = 0.4\n; printer_model = MK3S\n\
                ; estimated printing time (normal mode) = 600s\n";
    let file = farm.upload("long.gcode", format!("{head}{}{tail}", file(5_000))).await;
    let job = farm.queue(&file).await;
    farm.clear(&printer, true).await;
    farm.until_told("job.started", &job).await;
    // It is told started when its first line is on its way.
    until_it_holds("a warm board", async || board.control.look(Core::is_heating).await.unwrap()).await;

    farm.kill9().await;
    farm.start_again().await;
    let failed = farm.job_until(&job, "failed").await;
    assert_eq!(failed["failure_reason"], "host_lost", "{failed}");
    assert_eq!(farm.printer(&printer).await["bed"], "needs_clear");
    until_it_holds("cold heaters", async || !board.control.look(Core::is_heating).await.unwrap()).await;
    assert_eq!(board.control.counters().await.homings, 1);
    board.stop().await;
}
