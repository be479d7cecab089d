//! Simulated printers of every brand that speaks HTTP, behind one door: that of the simulated OctoPrint, whose words
//! the others' are turned into. What a brand cannot have (a push socket, a cable) is passed over or is its like.

use domain::time::Timestamp;
use drivers::web::{Body, Call};
use simulators::octoprint::door::{Counters, Input, Output, Person, RequestId};
use simulators::octoprint::settings::{Faults, ProgressTold, Settings};
use simulators::web::Server as _;
use simulators::{octoprint, prusalink};

/// The brands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Brand {
    OctoPrint,
    PrusaLink,
}

impl Brand {
    /// The driver that speaks to it.
    pub const fn driver(self) -> &'static str {
        match self {
            Self::OctoPrint => "octoprint",
            Self::PrusaLink => "prusalink",
        }
    }

    /// The key that it lets in.
    pub fn key(self) -> String {
        match self {
            Self::OctoPrint => Settings::default().api_key,
            Self::PrusaLink => prusalink::settings::Settings::default().api_key,
        }
    }

    /// Whether that call starts a print.
    pub fn is_start(self, call: &Call) -> bool {
        match self {
            Self::OctoPrint => matches!(&call.body, Body::Json(body) if body["command"] == "select" && body["print"] == true),
            Self::PrusaLink => call.method == http::Method::POST,
        }
    }
}

/// One of them.
pub struct Sim {
    core: Core,
    faults: Faults,
}

enum Core {
    OctoPrint(Box<octoprint::core::Core>),
    PrusaLink(Box<prusalink::core::Core>),
}

/// What a printer is told to do to the print that is on it.
pub struct Told {
    pub words: String,
    pub is_cancel: bool,
}

impl Sim {
    /// The one of that number. PrusaLinks are in printers and on Raspberry Pis by turns.
    pub fn new(brand: Brand, number: usize, print_ms: u64, now: Timestamp) -> Self {
        let core = match brand {
            Brand::OctoPrint => {
                let settings = Settings { fixed_print_ms: Some(print_ms), degrees_per_second: 100, ..Settings::default() };
                Core::OctoPrint(Box::new(octoprint::core::Core::new(settings, now)))
            }
            Brand::PrusaLink => {
                use prusalink::settings::{Form, Settings};
                let form = if number.is_multiple_of(2) { Form::Printer } else { Form::Pi };
                let settings = Settings { form, fixed_print_ms: Some(print_ms), degrees_per_second: 100, ..Settings::default() };
                Core::PrusaLink(Box::new(prusalink::core::Core::new(settings, now)))
            }
        };
        Self { core, faults: Faults::default() }
    }

    pub fn handle(&mut self, now: Timestamp, input: Input) -> Vec<Output> {
        if let Input::Faults(faults) = &input {
            self.faults = faults.clone();
        }
        match &mut self.core {
            Core::OctoPrint(core) => core.handle(now, input),
            Core::PrusaLink(core) => for_prusalink(input).map_or_else(Vec::new, |input| core.handle(now, input)),
        }
    }

    pub fn next_wake(&self) -> Option<Timestamp> {
        match &self.core {
            Core::OctoPrint(core) => core.next_wake(),
            Core::PrusaLink(core) => core.next_wake(),
        }
    }

    pub fn counters(&self) -> &Counters {
        match &self.core {
            Core::OctoPrint(core) => core.counters(),
            Core::PrusaLink(core) => core.counters(),
        }
    }

    pub const fn faults(&self) -> &Faults {
        &self.faults
    }

    /// OctoPrint's word for the state.
    pub fn state(&self) -> &'static str {
        match &self.core {
            Core::OctoPrint(core) => core.state(),
            Core::PrusaLink(core) => match core.state() {
                "PAUSED" => "Paused",
                "ATTENTION" => "Asks",
                "PRINTING" => "Printing",
                "ERROR" => "Offline after error",
                "" => "Connecting",
                _ => "Operational",
            },
        }
    }

    pub fn printing(&self) -> Option<&str> {
        match &self.core {
            Core::OctoPrint(core) => core.printing(),
            Core::PrusaLink(core) => core.printing(),
        }
    }

    /// What that request would do to the print that is on it. A PrusaLink refuses what names another job.
    pub fn told(&self, request: &http::Request<bytes::Bytes>) -> Option<Told> {
        let path = request.uri().path();
        match &self.core {
            Core::OctoPrint(_) => {
                let words = String::from_utf8_lossy(request.body()).into_owned();
                let asks = request.method() == http::Method::POST && path == "/api/job";
                asks.then(|| Told { is_cancel: words.contains("cancel"), words })
            }
            Core::PrusaLink(core) => {
                let job = path.strip_prefix("/api/v1/job/")?;
                let meant: u64 = job.split('/').next()?.parse().ok()?;
                let is_act = meant == core.last_job() && request.method() != http::Method::GET;
                is_act.then(|| Told {
                    is_cancel: request.method() == http::Method::DELETE,
                    words: format!("{} {path}", request.method()),
                })
            }
        }
    }

    /// A person makes a printer that is away come back.
    pub fn mend(&self) -> Vec<Input> {
        match &self.core {
            Core::OctoPrint(_) => vec![Input::Person(Person::PlugUsb), connect()],
            Core::PrusaLink(_) => vec![Input::Person(Person::PlugUsb)],
        }
    }

    /// What else a person may do at such a machine: lets it run into a question, or answers one.
    pub fn question(&mut self, now: Timestamp, asks: bool) {
        if let Core::PrusaLink(core) = &mut self.core {
            use prusalink::door::Person;
            let person = if asks { Person::Ask } else { Person::Answer };
            drop(core.handle(now, prusalink::door::Input::Person(person)));
        }
    }

    /// A person leaves the screen that shows an end.
    pub fn leave_screen(&mut self, now: Timestamp) {
        if let Core::PrusaLink(core) = &mut self.core {
            drop(core.handle(now, prusalink::door::Input::Person(prusalink::door::Person::LeaveScreen)));
        }
    }
}

/// A person presses connect on OctoPrint's own page.
fn connect() -> Input {
    let request = http::Request::post("/api/connection")
        .header("content-type", "application/json")
        .header("x-api-key", Settings::default().api_key)
        .body(bytes::Bytes::from_static(b"{\"command\": \"connect\"}"))
        .unwrap();
    Input::Request { id: RequestId(u64::MAX), request }
}

fn for_prusalink(input: Input) -> Option<prusalink::door::Input> {
    use prusalink::door as to;
    Some(match input {
        Input::Request { id, request } => to::Input::Request { id, request },
        Input::SocketOpened { .. } | Input::SocketText { .. } | Input::SocketClosed { .. } => return None,
        Input::Person(person) => to::Input::Person(match person {
            Person::Start { file } => to::Person::Start { file },
            Person::Pause => to::Person::Pause,
            Person::Resume => to::Person::Resume,
            Person::Cancel => to::Person::Cancel,
            Person::UnplugUsb => to::Person::Fail { error: "Serial device does not exist".to_owned() },
            Person::PlugUsb => to::Person::Mend,
            Person::FirmwareError { error } => to::Person::Fail { error },
        }),
        Input::Faults(faults) => to::Input::Faults(faults_of_prusalink(faults)),
        Input::PowerCut { off_ms } => to::Input::PowerCut { off_ms },
        Input::Wake => to::Input::Wake,
    })
}

fn faults_of_prusalink(faults: Faults) -> prusalink::settings::Faults {
    use prusalink::settings as to;
    to::Faults {
        silent: faults.silent,
        slow_ms: faults.slow_ms,
        refuse_uploads: faults.refuse_uploads,
        refuse_starts: faults.refuse_starts,
        cut_uploads_after: faults.cut_uploads_after,
        ignore_starts: faults.ignore_starts,
        late_starts_ms: faults.late_starts_ms,
        lose_start_answers: faults.lose_start_answers,
        progress: match faults.progress {
            ProgressTold::Truth => to::ProgressTold::Truth,
            ProgressTold::StuckAtZero => to::ProgressTold::StuckAtZero,
            ProgressTold::AlwaysHundred => to::ProgressTold::AlwaysHundred,
            ProgressTold::Jumping => to::ProgressTold::Jumping,
        },
        reject_key: faults.reject_key,
        disk_full: faults.disk_full,
        // The nearest that a PrusaLink has to a push that is lost: an end that nobody sees.
        hide_finish: faults.drop_push,
        fail_at_percent: faults.unplug_at_percent,
        refuse_stored: None,
    }
}
