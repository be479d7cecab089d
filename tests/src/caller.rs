//! Somebody with a key at a door, be it the farm's or the relay's.

use reqwest::Method;
use serde_json::{Value, json};

use crate::farm::{Answer, call, call_with, upload};
use crate::until_it_holds;

/// Who calls, and where.
#[derive(Debug, Clone)]
pub struct Caller {
    /// The door.
    pub url: String,
    /// The key.
    pub key: String,
}

impl Caller {
    /// The same key at another door.
    #[must_use]
    pub fn at(&self, url: &str) -> Self {
        Self { url: url.to_owned(), key: self.key.clone() }
    }

    /// Calls an operation.
    pub async fn call(&self, method: Method, path: &str, body: Option<Value>) -> Answer {
        call(&self.url, &self.key, method, path, body).await
    }

    /// Posts with an `Idempotency-Key`.
    pub async fn post_once(&self, path: &str, body: Value, once: &str) -> Answer {
        call_with(&self.url, &self.key, Method::POST, path, Some(body), &[("idempotency-key", once)]).await
    }

    /// Reads something that must be there.
    ///
    /// # Panics
    /// When it cannot be read.
    pub async fn get(&self, path: &str) -> Value {
        let answer = self.call(Method::GET, path, None).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
        answer.body
    }

    /// Asks for something that must be done.
    ///
    /// # Panics
    /// When it is refused.
    pub async fn post(&self, path: &str, body: impl Into<Option<Value>>) -> Value {
        let answer = self.call(Method::POST, path, body.into()).await;
        assert!((200..300).contains(&answer.status), "{path}: {} {}", answer.status, answer.body);
        answer.body
    }

    /// Everything of a list.
    pub async fn all(&self, path: &str) -> Vec<Value> {
        self.all_from(path, None).await
    }

    /// Everything of a list that comes after that place.
    pub async fn all_from(&self, path: &str, mut cursor: Option<String>) -> Vec<Value> {
        let (mut all, more) = (Vec::new(), if path.contains('?') { '&' } else { '?' });
        loop {
            let from = cursor.map(|cursor| format!("{more}cursor={cursor}")).unwrap_or_default();
            let page = self.get(&format!("{path}{from}")).await;
            let items = page["items"].as_array().cloned().unwrap_or_default();
            cursor = page["next_cursor"].as_str().filter(|_| !items.is_empty()).map(str::to_owned);
            all.extend(items);
            if cursor.is_none() {
                return all;
            }
        }
    }

    /// Uploads a file.
    pub async fn upload(&self, name: &str, content: String) -> Answer {
        upload(&self.url, &self.key, name, content).await
    }

    /// A key with these permissions, made with this one.
    ///
    /// # Panics
    /// When it is refused.
    pub async fn key(&self, name: &str, permissions: &[&str]) -> Self {
        let made = self.post("/v1/api_keys", json!({"name": name, "permissions": permissions})).await;
        Self { url: self.url.clone(), key: made["secret"].as_str().unwrap().to_owned() }
    }

    /// Asks for a thing until it shows what is waited for.
    ///
    /// # Panics
    /// When it does not show that in time.
    pub async fn until(&self, path: &str, what: &str, shows: impl Fn(&Value) -> bool) -> Value {
        let mut last = Value::Null;
        until_it_holds(&format!("{what}, at {path}"), async || {
            last = self.call(Method::GET, path, None).await.body;
            shows(&last)
        })
        .await;
        last
    }
}
