//! A receiver of webhooks that takes everything and keeps it.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use serde_json::Value;
use tokio::task::JoinHandle;

/// One that runs.
pub struct Hook {
    /// Where it is.
    pub url: String,
    letters: Arc<Mutex<Vec<Letter>>>,
    serving: JoinHandle<()>,
}

/// What came in one call.
#[derive(Debug, Clone)]
pub struct Letter {
    /// Its `webhook-id`.
    pub id: String,
    /// Head and body as they came.
    pub text: String,
    /// The event.
    pub event: Value,
}

impl Hook {
    /// One on this machine.
    ///
    /// # Panics
    /// When there is no port left.
    pub async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let letters = Arc::default();
        let router = Router::new().fallback(take).with_state(Arc::clone(&letters));
        let serving = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { url, letters, serving }
    }

    /// What came, in its order.
    ///
    /// # Panics
    /// Never.
    pub fn letters(&self) -> Vec<Letter> {
        self.letters.lock().unwrap().clone()
    }
}

impl Drop for Hook {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn take(State(letters): State<Arc<Mutex<Vec<Letter>>>>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let id = headers["webhook-id"].to_str().unwrap().to_owned();
    let event = serde_json::from_slice(&body).unwrap();
    let text = format!("{headers:?}\n{}", String::from_utf8_lossy(&body));
    letters.lock().unwrap().push(Letter { id, text, event });
    StatusCode::NO_CONTENT
}
