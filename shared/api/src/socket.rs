//! Texts over one WebSocket that stands: the line between an agent and its relay. Both directions flow at the same
//! time, and a line that is silent is noticed.

use std::time::Duration;

use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt as _, StreamExt as _};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, interval, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;

/// A sign of life is sent this often.
const PING: Duration = Duration::from_secs(20);
/// A line that was silent for so long is dead.
const DEAD: Duration = Duration::from_secs(45);
/// Texts that may wait for whoever listens; then the other side has to wait.
const BACKLOG: usize = 64;

/// What is heard of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard {
    /// A text came.
    Text(String),
    /// What was said has left.
    Sent,
    /// The line is gone.
    Lost(String),
}

/// A line that is being carried. It ends when this is dropped, after what was said has left.
pub struct Line {
    say: mpsc::UnboundedSender<Vec<String>>,
    heard: mpsc::Receiver<Heard>,
}

impl Line {
    /// Carries that socket.
    pub fn new<S>(socket: WebSocketStream<S>) -> Self
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let (say, texts) = mpsc::unbounded_channel();
        let (tell, heard) = mpsc::channel(BACKLOG);
        let (sink, stream) = socket.split();
        let told = tell.clone();
        tokio::spawn(async move {
            let why = tokio::select! {
                why = speak(sink, texts, &told) => why,
                why = listen(stream, &told) => Some(why),
            };
            if let Some(why) = why {
                // Nobody listens any more: that is fine.
                drop(tell.send(Heard::Lost(why)).await);
            }
        });
        Self { say, heard }
    }

    /// Says these, in this order; [`Heard::Sent`] tells when all of them have left. How much may wait is the session's matter.
    pub fn say(&self, texts: Vec<String>) {
        // A line that is gone has told so.
        drop(self.say.send(texts));
    }

    /// What is heard next.
    pub async fn hear(&mut self) -> Heard {
        self.heard.recv().await.unwrap_or_else(|| Heard::Lost("the line has ended".to_owned()))
    }
}

/// What one message may hold.
pub fn limits(largest: usize) -> WebSocketConfig {
    WebSocketConfig::default().max_message_size(Some(largest)).max_frame_size(Some(largest))
}

/// None when it was closed from here.
async fn speak<S>(
    mut sink: SplitSink<WebSocketStream<S>, Message>,
    mut texts: mpsc::UnboundedReceiver<Vec<String>>,
    told: &mpsc::Sender<Heard>,
) -> Option<String>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut ping = interval(PING);
    ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let said = tokio::select! {
            said = texts.recv() => said,
            _ = ping.tick() => {
                if let Err(why) = in_time(sink.send(Message::Ping(Vec::new().into()))).await {
                    return Some(why);
                }
                continue;
            }
        };
        let Some(said) = said else {
            // The other side may be gone already.
            drop(in_time(sink.close()).await);
            return None;
        };
        for text in said {
            if let Err(why) = in_time(sink.send(Message::text(text))).await {
                return Some(why);
            }
        }
        if told.send(Heard::Sent).await.is_err() {
            continue;
        }
    }
}

async fn in_time<E: std::fmt::Display>(sent: impl Future<Output = Result<(), E>>) -> Result<(), String> {
    match timeout(DEAD, sent).await {
        Ok(sent) => sent.map_err(|why| why.to_string()),
        Err(_) => Err("the other side takes nothing".to_owned()),
    }
}

async fn listen<S>(mut stream: SplitStream<WebSocketStream<S>>, told: &mpsc::Sender<Heard>) -> String
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    loop {
        let message = match timeout(DEAD, stream.next()).await {
            Err(_) => return "the other side is silent".to_owned(),
            Ok(None) => return "the connection ended".to_owned(),
            Ok(Some(Err(why))) => return why.to_string(),
            Ok(Some(Ok(message))) => message,
        };
        match message {
            Message::Text(text) => {
                if told.send(Heard::Text(text.to_string())).await.is_err() {
                    return "nobody listens".to_owned();
                }
            }
            Message::Close(frame) => {
                return frame.map_or_else(|| "closed by the other side".to_owned(), |frame| frame.to_string());
            }
            Message::Binary(_) | Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => {}
        }
    }
}
