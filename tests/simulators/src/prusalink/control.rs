//! The testers' door under `/sim/`: faults, a person at the machine, power, counters. It needs no
//! key and works whatever else is broken.

use super::core::Core;
use super::door::{Output, Person};
use super::rest::Request;
use super::settings::Faults;
use super::wire::{Reply, no_content, ok, text};
use domain::time::Timestamp;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::json;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Power {
    off_ms: u64,
}

pub(super) fn answer(core: &mut Core, now: Timestamp, path: &str, request: &Request, out: &mut Vec<Output>) -> Reply {
    match (request.method().as_str(), path) {
        ("GET", "/sim/counters") => ok(&json!(core.counters)),
        ("GET", "/sim/faults") => ok(&json!(core.faults)),
        ("POST", "/sim/faults") => with(request, |faults: Faults| core.set_faults(faults)),
        ("POST", "/sim/screen") => with(request, |person: Person| core.person(now, person)),
        ("POST", "/sim/power") => with(request, |power: Power| core.power_cut(now, power.off_ms, out)),
        (_, _) => text(404, "the simulator has no such door".to_owned()),
    }
}

fn with<T: DeserializeOwned>(request: &Request, run: impl FnOnce(T)) -> Reply {
    match serde_json::from_slice(request.body()) {
        Ok(wanted) => {
            run(wanted);
            no_content()
        }
        Err(error) => text(400, error.to_string()),
    }
}
