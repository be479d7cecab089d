//! Where an agent knocks: from an HTTP request to a line.

use std::sync::Arc;

use api::door::Door;
use api::http::refuse;
use api::socket::{Line, limits};
use axum::body::Body;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use contract::problem::{Code, Problem};
use http::{HeaderValue, StatusCode, header};
use hyper_util::rt::TokioIo;
use sync::frame::LARGEST_FRAME;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::Role;

use super::farms::Tunnels;
use super::session;

/// Where it is.
pub const PATH: &str = "/tunnel";
/// What is spoken there.
const PROTOCOL: &str = "gantry-sync";

/// Opens the WebSocket (RFC 6455, section 4.2) of an agent.
pub fn open(tunnels: Arc<Tunnels>, door: Arc<Door>, request: Request<Body>) -> Response {
    let header = |name: header::HeaderName| request.headers().get(name).and_then(|value| value.to_str().ok());
    let upgrade = header(header::UPGRADE).is_some_and(|value| value.eq_ignore_ascii_case("websocket"));
    let version = header(header::SEC_WEBSOCKET_VERSION) == Some("13");
    let spoken = header(header::SEC_WEBSOCKET_PROTOCOL) == Some(PROTOCOL);
    let Some(key) = header(header::SEC_WEBSOCKET_KEY).filter(|_| upgrade && version && spoken).map(str::to_owned) else {
        return refuse(&Problem::new(Code::MalformedRequest).detail("farms dial here, by a WebSocket that speaks gantry-sync"));
    };
    let Some(place) = tunnels.knock() else {
        // By then every place among them has been given up.
        let wait = i64::try_from(sync::HANDSHAKE_MS).unwrap_or(i64::MAX);
        return refuse(&Problem::wait(wait).detail("too many lines are being opened"));
    };
    tokio::spawn(async move {
        match hyper::upgrade::on(request).await {
            Ok(upgraded) => {
                let (io, limits) = (TokioIo::new(upgraded), limits(LARGEST_FRAME));
                let socket = WebSocketStream::from_raw_socket(io, Role::Server, Some(limits)).await;
                session::run(tunnels, door, Line::new(socket), place).await;
            }
            Err(error) => tracing::debug!(%error, "an agent's line did not come to stand"),
        }
    });
    let accept = HeaderValue::from_str(&derive_accept_key(key.as_bytes()));
    let mut response = StatusCode::SWITCHING_PROTOCOLS.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(header::SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(PROTOCOL));
    if let Ok(accept) = accept {
        headers.insert(header::SEC_WEBSOCKET_ACCEPT, accept);
    }
    response
}
