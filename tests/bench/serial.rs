//! The serial line beside others: what a line costs, how fast one line at a time is against the least that a host can be (a C program) and
//! printrun's printcore, what thirty-two ports cost, and how long a board waits while a database writes. All on pseudo-terminals of this
//! machine; boards, C and Python stand in `serial/`.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use domain::attempt::End;
use domain::printer::Activity;
use gantry_tests::driven::{Driven, Shelf};
use tempfile::TempDir;

use crate::measure::{Verdicts, cpu_seconds, now};

/// Lines of a measure; with number and check sum about 39 bytes each, as sliced files have them.
const LINES: u32 = 20_000;

/// Rounds: each host in turn, so that what else the machine does meets all of them.
const ROUNDS: usize = 5;

/// Ports at once, and what 250,000 baud carry of such lines in a second.
const PORTS: usize = 32;
const LINES_A_SECOND: u32 = 640;

/// Everything that is told of the serial line.
pub async fn serial(verdicts: &mut Verdicts) {
    let place = TempDir::new().unwrap();
    let tools = Tools::made(place.path());
    one_line_at_a_time(verdicts, &tools).await;
    many_ports(verdicts, &tools).await;
    while_a_database_writes(verdicts, &tools).await;
}

/// The other hosts, and the board.
struct Tools {
    board: PathBuf,
    pingpong: PathBuf,
    printcore: PathBuf,
    file: PathBuf,
}

fn here(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("bench/serial").join(name)
}

impl Tools {
    fn made(place: &Path) -> Self {
        let compiled = |name: &str| {
            let out = place.join(name);
            let done = Command::new("cc").args(["-O2", "-o"]).arg(&out).arg(here(&format!("{name}.c"))).status().unwrap();
            assert!(done.success(), "{name} does not compile");
            out
        };
        let file = place.join("moves.gcode");
        std::fs::write(&file, moves(LINES)).unwrap();
        let printcore = PathBuf::from(std::env::var("GANTRY_PRINTRUN").expect("`./bench` sets GANTRY_PRINTRUN"));
        Self { board: compiled("board"), pingpong: compiled("pingpong"), printcore, file }
    }
}

fn moves(count: u32) -> String {
    (0..count)
        .map(|at| format!("G1 X{}.{:03} Y{}.125 E0.0{}\n", at % 190 + 10, at % 1000, at % 170 + 10, at % 900 + 100))
        .collect()
}

/// Boards that run until they are dropped.
struct Boards {
    child: Child,
    ports: Vec<PathBuf>,
    told: BufReader<std::process::ChildStdout>,
}

impl Boards {
    fn start(tools: &Tools, ports: usize, lines_a_second: u32, advanced: bool) -> Self {
        let mut child = Command::new(&tools.board)
            .args([ports.to_string(), lines_a_second.to_string(), u8::from(advanced).to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut told = BufReader::new(child.stdout.take().unwrap());
        let names = (0..ports).map(|_| {
            let mut name = String::new();
            told.read_line(&mut name).unwrap();
            PathBuf::from(name.trim())
        });
        let ports = names.collect();
        Self { child, ports, told }
    }

    /// Lines, and the longest wait in milliseconds, of each port.
    fn end(mut self) -> Vec<(f64, f64)> {
        drop(self.child.stdin.take());
        let mut text = String::new();
        self.told.read_to_string(&mut text).unwrap();
        self.child.wait().unwrap();
        let pair = |line: &str| {
            let mut numbers = line.split(' ').map(|number| number.parse().unwrap());
            (numbers.next().unwrap(), numbers.next().unwrap())
        };
        text.lines().map(pair).collect()
    }
}

/// Seconds and processor seconds of one print.
#[derive(Clone, Copy)]
struct Cost {
    seconds: f64,
    cpu: f64,
}

async fn ours(tools: &Tools, advanced: bool) -> Cost {
    let boards = Boards::start(tools, 1, 0, advanced);
    let shelf = Shelf::new(1);
    let mut driven = Driven::new("marlin", &boards.ports[0].display().to_string(), &shelf);
    driven.sees(|seen| seen.activity == Activity::Idle).await;
    let print = shelf.lay(1, &std::fs::read_to_string(&tools.file).unwrap());
    let (began, used) = (now(), cpu_seconds(std::process::id()));
    driven.print(&print).await;
    assert_eq!(driven.ends(&print).await, End::Completed { inferred: false });
    let cost = Cost { seconds: began.elapsed().as_secs_f64(), cpu: cpu_seconds(std::process::id()) - used };
    let took: f64 = boards.end().iter().map(|(lines, _)| lines).sum();
    assert!((took - f64::from(LINES)).abs() < 0.5, "{took} lines came");
    cost
}

fn theirs(tools: &Tools, command: &mut Command) -> Cost {
    let boards = Boards::start(tools, 1, 0, false);
    let done = command.arg(&boards.ports[0]).arg(&tools.file).stderr(Stdio::null()).output().unwrap();
    let said = String::from_utf8(done.stdout).unwrap();
    let mut numbers = said.split_whitespace().map(|number| number.parse().unwrap());
    let cost = Cost { seconds: numbers.next().unwrap(), cpu: numbers.next().unwrap() };
    drop(boards.end());
    cost
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

async fn one_line_at_a_time(verdicts: &mut Verdicts, tools: &Tools) {
    let mut rows: [Vec<Cost>; 4] = Default::default();
    for _ in 0..ROUNDS {
        rows[0].push(theirs(tools, &mut Command::new(&tools.pingpong)));
        rows[1].push(ours(tools, false).await);
        rows[2].push(ours(tools, true).await);
        rows[3].push(theirs(tools, Command::new(&tools.printcore).arg(here("printcore.py"))));
    }
    let lines = f64::from(LINES);
    let speed = |at: usize| lines / median(rows[at].iter().map(|cost| cost.seconds).collect());
    let cpu = |at: usize| median(rows[at].iter().map(|cost| cost.cpu).collect()) / lines * 1e6;
    for (at, name) in ["C ping-pong", "ours, one line at a time", "ours, with room told", "printcore"].iter().enumerate() {
        println!("     {name}: {:.0} lines/s, {:.1} µs CPU a line", speed(at), cpu(at));
    }
    verdicts.hold("CPU a line", cpu(1).max(cpu(2)), "µs", 25.0);
    verdicts.hold("the C ping-pong's speed over ours, one line at a time", speed(0) / speed(1), "times", 1.0 / 0.8);
    verdicts.hold("printcore's speed over ours", speed(3) / speed(1), "times", 1.0);
}

async fn many_ports(verdicts: &mut Verdicts, tools: &Tools) {
    let boards = Boards::start(tools, PORTS, LINES_A_SECOND, true);
    let shelf = Shelf::new(1);
    let text = moves(LINES_A_SECOND * 20);
    let driven = |port: &PathBuf| Driven::new("marlin", &format!("{}@250000", port.display()), &shelf);
    let mut all: Vec<Driven> = boards.ports.iter().map(driven).collect();
    for driven in &mut all {
        driven.sees(|seen| seen.activity == Activity::Idle).await;
    }
    let print = shelf.lay(1, &text);
    for driven in &mut all {
        driven.print(&print).await;
    }
    let reading: Vec<_> = all
        .into_iter()
        .map(|mut driven| {
            let print = print.clone();
            tokio::spawn(async move { driven.ends(&print).await })
        })
        .collect();
    let (began, used) = (now(), cpu_seconds(std::process::id()));
    tokio::time::sleep(Duration::from_secs(10)).await;
    let share = (cpu_seconds(std::process::id()) - used) / began.elapsed().as_secs_f64() * 100.0;
    for end in reading {
        assert_eq!(end.await.unwrap(), End::Completed { inferred: false });
    }
    let told = boards.end();
    let least = told.iter().map(|(lines, _)| *lines).fold(f64::INFINITY, f64::min);
    assert!(least >= f64::from(LINES_A_SECOND * 20), "a port took only {least} lines");
    verdicts.hold("32 ports at 250,000 baud", share, "% of a core", 60.0);
}

/// In the same process something writes and waits for the disk all the time, as a database does when it checkpoints.
async fn while_a_database_writes(verdicts: &mut Verdicts, tools: &Tools) {
    let boards = Boards::start(tools, 1, LINES_A_SECOND, true);
    let shelf = Shelf::new(1);
    let mut driven = Driven::new("marlin", &boards.ports[0].display().to_string(), &shelf);
    driven.sees(|seen| seen.activity == Activity::Idle).await;
    let place = shelf.folder().join("wal");
    let ended = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let writing = std::thread::spawn({
        let ended = std::sync::Arc::clone(&ended);
        move || {
            let page = vec![7_u8; 4 * 1024 * 1024];
            while !ended.load(std::sync::atomic::Ordering::Relaxed) {
                let mut file = std::fs::File::create(&place).unwrap();
                file.write_all(&page).unwrap();
                file.sync_all().unwrap();
            }
        }
    });
    let print = shelf.lay(1, &moves(LINES_A_SECOND * 15));
    driven.print(&print).await;
    assert_eq!(driven.ends(&print).await, End::Completed { inferred: false });
    ended.store(true, std::sync::atomic::Ordering::Relaxed);
    writing.join().unwrap();
    let longest = boards.end().iter().map(|(_, longest)| *longest).fold(0.0, f64::max);
    verdicts.hold("the longest that a board waited for a line while a database wrote", longest, "ms", 20.0);
}
