//! The testers' door under `/sim/`: faults, a person at the machine, power, counters. It needs no
//! key and works whatever else is broken.

use super::core::Core;
use super::door::{Output, Person};
use super::rest::{Reply, Request, json_reply, refused};
use super::settings::Faults;
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
        ("GET", "/sim/counters") => json_reply(200, &json!(core.counters)),
        ("GET", "/sim/faults") => json_reply(200, &json!(core.faults)),
        ("POST", "/sim/faults") => with(request, |faults: Faults| core.set_faults(faults)),
        ("POST", "/sim/screen") => with(request, |person: Person| core.person(now, person)),
        ("POST", "/sim/power") => with(request, |power: Power| core.power_cut(now, power.off_ms, out)),
        (_, _) => refused(404, "Not Found"),
    }
}

fn with<T: DeserializeOwned>(request: &Request, run: impl FnOnce(T)) -> Reply {
    match serde_json::from_slice(request.body()) {
        Ok(wanted) => {
            run(wanted);
            json_reply(204, &json!({}))
        }
        Err(error) => refused(400, &error.to_string()),
    }
}
