//! Carries one WebSocket: opens it over the same client as the calls, so that plain and TLS links,
//! and their trust, are one thing.

use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use reqwest::{Client, Upgraded};
use tokio::sync::mpsc;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::{client::generate_key, derive_accept_key};
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};

use super::calls::innermost;
use super::shell::Ear;
use super::{Header, MAX_BODY_BYTES, Wire};

/// How long the handshake may take.
const HANDSHAKE: Duration = Duration::from_secs(15);

/// Runs the socket until it closes, or until nobody can send through it any more; returns why.
pub(super) async fn run(
    client: Client,
    url: String,
    headers: Vec<Header>,
    mut texts: mpsc::Receiver<String>,
    ear: &Ear,
) -> String {
    let mut stream = match dial(&client, url, &headers, None, MAX_BODY_BYTES).await {
        Ok(stream) => stream,
        Err(why) => return why,
    };
    ear.tell(Wire::SocketOpened).await;
    loop {
        tokio::select! {
            text = texts.recv() => match text {
                Some(text) => {
                    if let Err(why) = stream.send(Message::text(text)).await {
                        return innermost(&why);
                    }
                }
                None => return "closed by us".to_owned(),
            },
            message = stream.next() => match message {
                Some(Ok(Message::Text(text))) => ear.tell(Wire::SocketText(text.to_string())).await,
                Some(Ok(Message::Binary(_) | Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => {}
                Some(Ok(Message::Close(frame))) => {
                    return frame.map_or_else(|| "closed by the server".to_owned(), |frame| frame.to_string());
                }
                Some(Err(why)) => return innermost(&why),
                None => return "the connection ended".to_owned(),
            },
        }
    }
}

/// Opens a WebSocket (RFC 6455, section 4.1) that speaks that protocol, if one is named, in messages of that many bytes at the most.
///
/// # Errors
/// Why it did not come to stand, in words.
pub async fn dial(
    client: &Client,
    url: String,
    headers: &[Header],
    protocol: Option<&'static str>,
    largest: usize,
) -> Result<WebSocketStream<Upgraded>, String> {
    let key = generate_key();
    let request = client
        .get(url)
        .header("connection", "Upgrade")
        .header("upgrade", "websocket")
        .header("sec-websocket-version", "13")
        .header("sec-websocket-key", &key);
    let request = protocol.into_iter().fold(request, |request, spoken| request.header("sec-websocket-protocol", spoken));
    let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, value.expose()));
    let response = tokio::time::timeout(HANDSHAKE, request.send())
        .await
        .map_err(|_| "the server did not answer the socket's handshake".to_owned())?
        .map_err(|why| innermost(&why))?;
    if response.status().as_u16() != 101 {
        return Err(format!("the server answered {} to the socket's handshake", response.status().as_u16()));
    }
    let accepted = response.headers().get("sec-websocket-accept").and_then(|value| value.to_str().ok());
    if accepted != Some(derive_accept_key(key.as_bytes()).as_str()) {
        return Err("the server answered the socket's handshake wrongly".to_owned());
    }
    let stream = response.upgrade().await.map_err(|why| innermost(&why))?;
    let limits = WebSocketConfig::default().max_message_size(Some(largest)).max_frame_size(Some(largest));
    Ok(WebSocketStream::from_raw_socket(stream, Role::Client, Some(limits)).await)
}
