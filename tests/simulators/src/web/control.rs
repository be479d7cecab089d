//! The testers' door under `/sim/`: faults, a person at the machine, power, counters. It needs no key and works whatever else is
//! broken.

use super::{Input, InputOf, Output, Server};
use bytes::Bytes;
use http::{Response, StatusCode, header};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Power {
    off_ms: u64,
}

/// What reaches the server of an input: of a tester's request, which is answered here, what it asks for.
pub(crate) fn through<S: Server>(server: &S, input: InputOf<S>, out: &mut Vec<Output>) -> InputOf<S> {
    let Input::Request { id, request } = &input else { return input };
    if !request.uri().path().starts_with("/sim/") {
        return input;
    }
    let (response, wanted) = match asked(server, request) {
        Ok(wanted) => (says(StatusCode::NO_CONTENT, None), wanted),
        Err(response) => (response, Input::Wake),
    };
    out.push(Output::Response { request: *id, response });
    wanted
}

/// What is asked for; or the answer, if that is all.
fn asked<S: Server>(server: &S, request: &http::Request<Bytes>) -> Result<InputOf<S>, Response<Bytes>> {
    match (request.method().as_str(), request.uri().path()) {
        ("GET", "/sim/counters") => Err(json(server.counters())),
        ("GET", "/sim/faults") => Err(json(server.faults())),
        ("POST", "/sim/faults") => body(request).map(Input::Faults),
        ("POST", "/sim/screen") => body(request).map(Input::Person),
        ("POST", "/sim/power") => body(request).map(|Power { off_ms }| Input::PowerCut { off_ms }),
        (_, _) => Err(refused(StatusCode::NOT_FOUND, "the simulator has no such door")),
    }
}

fn body<T: DeserializeOwned>(request: &http::Request<Bytes>) -> Result<T, Response<Bytes>> {
    serde_json::from_slice(request.body()).map_err(|error| refused(StatusCode::BAD_REQUEST, &error.to_string()))
}

fn json(value: &impl Serialize) -> Response<Bytes> {
    says(StatusCode::OK, serde_json::to_vec(value).ok())
}

fn refused(status: StatusCode, why: &str) -> Response<Bytes> {
    says(status, serde_json::to_vec(&serde_json::json!({ "error": why })).ok())
}

fn says(status: StatusCode, json: Option<Vec<u8>>) -> Response<Bytes> {
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = status;
    if let Some(json) = json {
        response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static("application/json"));
        *response.body_mut() = json.into();
    }
    response
}
