//! A live reader of a farm's stream, as a dashboard is one.

use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use serde_json::Value;

use crate::PATIENCE;

/// The stream from the moment of its opening.
pub struct Events {
    bytes: BoxStream<'static, Vec<u8>>,
    text: String,
}

/// One message.
#[derive(Debug, Clone)]
pub struct Message {
    /// `telemetry`, or nothing for an event of the log.
    pub kind: String,
    /// What it says.
    pub data: Value,
}

impl Events {
    /// Opens it at that door with that key.
    ///
    /// # Panics
    /// When it does not open.
    pub async fn open(url: &str, key: &str) -> Self {
        Self::at(&crate::farm::client(), &format!("{url}/v1/stream"), key).await
    }

    /// The stream of that address.
    ///
    /// # Panics
    /// When it does not open.
    pub async fn at(http: &reqwest::Client, url: &str, key: &str) -> Self {
        let answer = http.get(url).bearer_auth(key).send().await.unwrap();
        assert_eq!(answer.status().as_u16(), 200, "the stream does not open");
        let bytes = answer.bytes_stream().map(|chunk| chunk.unwrap_or_default().to_vec());
        let mut events = Self { bytes: bytes.boxed(), text: String::new() };
        // The first message tells where it begins: whatever happens from here on is heard.
        events.next().await;
        events
    }

    /// The next message.
    ///
    /// # Panics
    /// When the stream ends.
    pub async fn next(&mut self) -> Message {
        loop {
            if let Some((block, rest)) = self.text.split_once("\n\n") {
                let message = read(block);
                self.text = rest.to_owned();
                if let Some(message) = message {
                    return message;
                }
                continue;
            }
            let chunk = self.bytes.next().await.expect("the stream goes on");
            self.text.push_str(&String::from_utf8_lossy(&chunk));
        }
    }

    /// The next message that is it.
    ///
    /// # Panics
    /// When none comes in time.
    pub async fn until(&mut self, what: &str, is_it: impl Fn(&Message) -> bool) -> Message {
        let mut heard = Vec::new();
        let listening = async {
            loop {
                let message = self.next().await;
                if is_it(&message) {
                    return message;
                }
                heard.push(message.data["type"].as_str().unwrap_or(&message.kind).to_owned());
            }
        };
        let found = tokio::time::timeout(PATIENCE, listening).await.ok();
        found.unwrap_or_else(|| panic!("waited in vain for {what}; heard {heard:?}"))
    }

    /// The next event of that type about that thing.
    ///
    /// # Panics
    /// When none comes in time.
    pub async fn event(&mut self, event_type: &str, subject: &str) -> Value {
        let is_it = |message: &Message| message.data["type"] == event_type && message.data["subject"]["id"] == subject;
        self.until(event_type, is_it).await.data
    }
}

fn read(block: &str) -> Option<Message> {
    let field = |name: &str| block.lines().find_map(|line| line.strip_prefix(name)).map(str::trim_start);
    if block.lines().all(|line| line.starts_with(':')) {
        return None;
    }
    let data = field("data:").and_then(|data| serde_json::from_str(data).ok()).unwrap_or(Value::Null);
    Some(Message { kind: field("event:").unwrap_or_default().to_owned(), data })
}
