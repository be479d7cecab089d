//! A listener at a relay's MQTT door, by a client that knows nothing of us.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use rumqttc::{AsyncClient, Event, MqttOptions, Packet, QoS, SubscribeReasonCode};
use serde_json::Value;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::PATIENCE;

/// A message.
#[derive(Debug, Clone)]
pub struct Message {
    /// Its topic.
    pub topic: String,
    /// Whether it was there before the listener.
    pub retained: bool,
    /// Its payload as it came.
    pub payload: Vec<u8>,
}

impl Message {
    /// What it says; null if it says nothing.
    pub fn body(&self) -> Value {
        serde_json::from_slice(&self.payload).unwrap_or_default()
    }
}

/// A listener that listens.
pub struct Listener {
    heard: Arc<Mutex<Vec<Message>>>,
    listening: JoinHandle<()>,
}

impl Listener {
    /// One that was let in and hears that filter; none if the filter is refused.
    ///
    /// # Panics
    /// When it is not let in.
    pub async fn start(door: SocketAddr, store: &str, key: &str, filter: &str) -> Option<Self> {
        let mut options = MqttOptions::new("", door.ip().to_string(), door.port());
        options.set_credentials(store, key);
        let (client, mut line) = AsyncClient::new(options, 10);
        client.subscribe(filter, QoS::AtLeastOnce).await.unwrap();
        let (tell, granted) = oneshot::channel();
        let heard: Arc<Mutex<Vec<Message>>> = Arc::default();
        let kept = Arc::clone(&heard);
        let listening = tokio::spawn(async move {
            // Without this handle the line would end by itself.
            let _client = client;
            let mut tell = Some(tell);
            loop {
                match line.poll().await {
                    Ok(Event::Incoming(Packet::SubAck(answer))) => {
                        let all = answer.return_codes.iter().all(|code| *code != SubscribeReasonCode::Failure);
                        tell.take().unwrap().send(all).unwrap();
                    }
                    Ok(Event::Incoming(Packet::Publish(message))) => {
                        let payload = message.payload.to_vec();
                        kept.lock().unwrap().push(Message { topic: message.topic, retained: message.retain, payload });
                    }
                    Ok(_) => {}
                    Err(_) => return,
                }
            }
        });
        let granted = tokio::time::timeout(PATIENCE, granted).await.unwrap().expect("it is let in");
        granted.then_some(Self { heard, listening })
    }

    /// What it heard so far.
    ///
    /// # Panics
    /// Never.
    pub fn heard(&self) -> Vec<Message> {
        self.heard.lock().unwrap().clone()
    }

    /// The topics of it.
    pub fn topics(&self) -> BTreeSet<String> {
        self.heard().into_iter().map(|message| message.topic).collect()
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.listening.abort();
    }
}
