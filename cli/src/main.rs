//! The `gantry` command: assembles agent and relay for `up`, with simulators for `demo`, runs either, and is a client of the
//! public API for everything else.

mod audit;
mod claim;
mod client;
mod demo;
mod devices;
mod escape;
mod events;
mod failure;
mod farm;
mod farms;
mod files;
mod jobs;
mod keys;
mod login;
mod machines;
mod operators;
mod output;
mod pages;
mod pairing;
mod printers;
mod relay;
mod roles;
mod serve;
mod session;
mod sse;
mod table;
mod test_farm;
mod together;
mod up;
mod users;

use std::path::PathBuf;
use std::process::ExitCode;

use api::clock::{Clock, SystemClock};
use clap::{CommandFactory, Parser, Subcommand};

use crate::failure::{Exit, Failure};
use crate::output::Output;
use crate::session::Session;

const EXAMPLES: &str = "Examples:
  gantry demo                                a whole farm of simulated printers, to try things on
  gantry status                              what runs, what waits, which beds need clearing
  gantry jobs create vase.gcode --tag rack-a upload a file and queue it
  gantry jobs why Vase                       why a job does not run, printer by printer
  gantry events --follow --type job.completed --json
  gantry printers --state needs_clear | cut -f1";

const AFTER: &str = "Where the farm is: --url, GANTRY_URL, or what `gantry login` keeps; else http://127.0.0.1:7470.
Its key: GANTRY_KEY, or what `gantry login` keeps. Never a flag: others could see it.
Its certificate: the system's authorities vouch for it, or those in --ca-file, GANTRY_CA, or what `gantry login` keeps.
Output: a table for people, tab-separated without a head for programs, with --json what the API answered;
everything else goes to standard error. NO_COLOR is heeded.
Exit codes: 0 done, 1 went wrong, 2 makes no sense, 3 no such thing, 4 no key or no permission,
5 the farm does not answer, 6 the farm refused.";

/// Runs a 3D-print farm.
#[derive(Parser)]
#[command(name = "gantry", version, about = "Runs a 3D-print farm.", before_help = EXAMPLES, after_help = AFTER)]
struct Command {
    #[command(subcommand)]
    verb: Verb,
    /// Where the farm's API is.
    #[arg(long, env = "GANTRY_URL", global = true, hide_env_values = true)]
    url: Option<String>,
    /// The certificates (PEM) of an authority of your own, that may vouch for the farm's.
    #[arg(long, env = "GANTRY_CA", global = true, hide_env_values = true, value_name = "FILE")]
    ca_file: Option<PathBuf>,
    /// What the API answered, as JSON.
    #[arg(long, global = true)]
    json: bool,
    /// Every question is answered with yes.
    #[arg(long, short, global = true)]
    yes: bool,
    /// No notes and no next steps.
    #[arg(long, short, global = true)]
    quiet: bool,
}

#[derive(Subcommand)]
enum Verb {
    /// Run a whole demo farm: an agent, its relay and six simulated printers.
    Demo(demo::Demo),
    /// Run the smallest installation: the agent of a farm and its relay.
    #[command(before_help = "Example:\n  gantry up --data ~/gantry")]
    Up(up::Up),
    /// Run a test farm: an agent with simulated printers, that test keys open.
    #[command(
        before_help = "Examples:\n  gantry test-farm https://relay.example\n  gantry test-farm --data ~/test-farm --test-printers 5"
    )]
    TestFarm(test_farm::TestFarm),
    /// Run the agent of a farm.
    Agent(serve::Serve),
    /// Run the relay: the farm's door to the world; or make a store on it.
    #[command(before_help = "Examples:\n  gantry relay\n  gantry relay store create \"Anna's prints\"")]
    Relay(relay::Relay),
    /// Keep a farm's address and key; the key is read from standard input.
    #[command(before_help = "Examples:\n  gantry login\n  gantry login --url https://farm.example < key.txt")]
    Login,
    /// Forget the key.
    Logout,
    /// Tell what runs, what waits, and what needs a person.
    Status,
    /// Printers and their beds.
    #[command(
        before_help = "Examples:\n  gantry printers --state needs_clear\n  gantry printers clear P01 P02\n  gantry printers add P07 --driver DRIVER --address http://10.0.0.7 --model MK4S --credential < key.txt"
    )]
    Printers(printers::Printers),
    /// Jobs: what is to be printed.
    #[command(
        before_help = "Examples:\n  gantry jobs create vase.gcode --copies 3\n  gantry jobs --phase active\n  gantry jobs why Vase\n  gantry jobs cancel Vase --requeue"
    )]
    Jobs(jobs::Jobs),
    /// What waits, first to be tried first, and why.
    Queue,
    /// Sliced files.
    #[command(before_help = "Examples:\n  gantry files upload *.gcode\n  gantry files download vase.gcode -o - | head")]
    Files(files::Files),
    /// Keys for programs and slicers.
    #[command(
        before_help = "Examples:\n  gantry keys create shop --permission job.create --permission job.view\n  gantry keys create \"Anna's laptop\" --slicer --pool large\n  gantry keys revoke shop"
    )]
    Keys(keys::Keys),
    /// The people of a store, at its relay.
    #[command(
        before_help = "Examples:\n  gantry users invite Ben --email ben@farm.example --role operator\n  gantry users edit Ben --role viewer --tag rack-a\n  gantry users remove Ben --others Anna"
    )]
    Users(users::Users),
    /// What each role opens, and roles of the store's own.
    #[command(
        before_help = "Examples:\n  gantry roles create Packer --permission job.view --permission queue.view\n  gantry roles edit Packer --add file.view\n  gantry roles permissions"
    )]
    Roles(roles::Roles),
    /// The people of the floor, who sign in by PIN.
    #[command(
        before_help = "Examples:\n  gantry operators add Anna --tag rack-a\n  gantry operators pin Anna\n  gantry operators pause Anna"
    )]
    Operators(operators::Operators),
    /// The phones and tablets of the floor.
    #[command(before_help = "Examples:\n  gantry devices\n  gantry devices remove \"Anna's phone\"")]
    Devices(devices::Devices),
    /// The log of what happened, and what comes next.
    #[command(
        before_help = "Examples:\n  gantry events --subject job_…\n  gantry events --follow --type job.completed,job.failed --json"
    )]
    Events(events::Events),
    /// Who changed what, and whether the record of it is whole.
    #[command(
        before_help = "Examples:\n  gantry audit --subject job_…\n  gantry audit export --format csv > audit.csv\n  gantry audit verify\n  gantry audit verify --database /var/lib/gantry/gantry.db"
    )]
    Audit(audit::Audit),
    /// Run, drain or stop the farm; stop or pause every print.
    Farm(farm::Farm),
    /// The farms of a store: claim one at a relay, or let one leave.
    #[command(before_help = "Examples:\n  gantry farms claim ABCD2345\n  gantry farms unpair \"Back room\"")]
    Farms(farms::Farms),
    /// Ask, at a farm, to be claimed for a store of a relay: shows a code.
    #[command(before_help = "Examples:\n  gantry claim https://relay.example\n  gantry claim status\n  gantry claim cancel")]
    Claim(claim::Claim),
    /// Examine the installation.
    Doctor,
    /// Call any operation of the API.
    #[command(
        before_help = "Examples:\n  gantry api\n  gantry api list_jobs state=queued limit=5\n  gantry api create_pool name=Large tags:='[\"rack-a\"]'\n  gantry api GET /v1/system/version"
    )]
    Api(escape::Api),
    /// Print a completion script.
    #[command(before_help = "Example:\n  gantry completion bash > ~/.local/share/bash-completion/completions/gantry")]
    Completion {
        /// For that shell.
        shell: clap_complete::Shell,
    },
}

fn main() -> ExitCode {
    // One provider for the whole process; a second installation would only say that it is there.
    drop(rustls::crypto::ring::default_provider().install_default());
    let command = Command::parse();
    let output = Output::new(command.json, command.quiet, command.yes, SystemClock.now());
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("gantry: {error}");
            return ExitCode::FAILURE;
        }
    };
    let done = runtime.block_on(command.run(output));
    runtime.shutdown_background();
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            tell(&output, &failure);
            failure.exit.into()
        }
    }
}

/// A failure: for programs that want JSON the problem as the API gave it.
fn tell(output: &Output, failure: &Failure) {
    match (&failure.problem, failure.exit) {
        (_, Exit::Closed) => {}
        (Some(problem), _) if output.json => eprintln!("{problem}"),
        (_, Exit::Fail | Exit::Usage | Exit::NotFound | Exit::Auth | Exit::Unreachable | Exit::Refused) => {
            eprintln!("gantry: {}", failure.text);
            if let Some(hint) = &failure.hint {
                output.note(&format!("  {hint}"));
            }
        }
    }
}

impl Command {
    async fn run(self, out: Output) -> Result<(), Failure> {
        let url = self.url.filter(|url| !url.is_empty());
        let ca_file = self.ca_file.filter(|path| !path.as_os_str().is_empty());
        let session = || Ok::<_, Failure>(Session { client: login::client(url.as_deref(), ca_file.as_deref())?, out });
        match self.verb {
            Verb::Demo(demo) => demo.run(&out).await,
            Verb::Up(up) => up.run(ca_file.as_deref(), &out).await,
            Verb::Agent(serve) => serve.run(&out).await,
            Verb::Relay(relay) => relay.run(ca_file.as_deref(), &out).await,
            Verb::TestFarm(farm) => farm.run(ca_file.as_deref(), &out).await,
            Verb::Login => login::login(url.as_deref(), ca_file.as_deref(), &out).await,
            Verb::Logout => login::logout(&out),
            Verb::Status => farm::status(&session()?).await,
            Verb::Printers(printers) => printers.run(&session()?).await,
            Verb::Jobs(jobs) => jobs.run(&session()?).await,
            Verb::Queue => farm::queue(&session()?).await,
            Verb::Files(files) => files.run(&session()?).await,
            Verb::Keys(keys) => keys.run(&session()?).await,
            Verb::Users(users) => users.run(&session()?).await,
            Verb::Roles(roles) => roles.run(&session()?).await,
            Verb::Operators(operators) => operators.run(&session()?).await,
            Verb::Devices(devices) => devices.run(&session()?).await,
            Verb::Events(events) => events.run(&session()?).await,
            Verb::Audit(audit) => match audit.offline() {
                Some(database) => audit::verify_file(&database, &out),
                None => audit.run(&session()?).await,
            },
            Verb::Farm(farm) => farm.run(&session()?).await,
            Verb::Farms(farms) => farms.run(&session()?).await,
            Verb::Claim(claim) => claim.run(&session()?).await,
            Verb::Doctor => farm::doctor(&session()?).await,
            Verb::Api(call) if call.asks_for_the_list() => escape::operations(&out),
            Verb::Api(call) => call.run(&session()?).await,
            Verb::Completion { shell } => completion(shell),
        }
    }
}

fn completion(shell: clap_complete::Shell) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Command::command(), "gantry", &mut script);
    output::line(String::from_utf8_lossy(&script).trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Command::command().debug_assert();
    }

    #[test]
    fn a_noun_alone_lists_and_takes_the_filters_of_the_list() {
        for line in [
            "gantry printers --state idle",
            "gantry jobs --phase active",
            "gantry keys --slicer",
            "gantry operators --state paused",
            "gantry users --state invited",
            "gantry roles --all",
            "gantry devices --json",
            "gantry events -f",
            "gantry files list --json",
            "gantry printers --json show P1",
            "gantry farms",
            "gantry claim http://127.0.0.1:7480 --no-wait",
        ] {
            assert!(Command::try_parse_from(line.split(' ')).is_ok(), "{line}");
        }
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        let lines = [
            "gantry",
            "gantry jobs move a",
            "gantry jobs move a --before b --last",
            "gantry keys create a --slicer --role admin",
            "gantry printers clear",
            "gantry events -f --all",
            "gantry login --key x",
            "gantry claim --no-wait",
            "gantry claim status http://127.0.0.1:7480",
            "gantry farms claim",
            "gantry operators pin Anna 482913",
            "gantry users invite Ben",
            "gantry users remove",
            "gantry roles create Packer",
            "gantry roles edit Packer --permission job.view --add file.view",
            "gantry printers add a --driver x --address b --credential=x",
        ];
        for line in lines {
            assert!(Command::try_parse_from(line.split(' ')).is_err(), "{line}");
        }
    }

    #[test]
    fn help_begins_with_examples() {
        let mut command = Command::command();
        command.build();
        for noun in [
            "printers",
            "jobs",
            "files",
            "keys",
            "users",
            "roles",
            "operators",
            "devices",
            "events",
            "audit",
            "farms",
            "claim",
            "api",
        ] {
            let help = command.find_subcommand_mut(noun).unwrap().render_help().to_string();
            assert!(help.starts_with("Example"), "{noun}: {help}");
        }
    }
}
