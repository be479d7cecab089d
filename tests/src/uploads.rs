//! Uploads in pieces, as a client makes them that can hold a line open.

use std::fmt::Write;

use futures_util::{StreamExt, stream};
use reqwest::{Method, RequestBuilder};

use crate::farm::{Answer, Farm};
use crate::{ASK_EACH, PATIENCE};

/// G-code of about that many bytes, none of its lines like another.
///
/// # Panics
/// Never: a text takes everything.
pub fn long_gcode(bytes: usize) -> String {
    let mut text = String::from("; a long print\nG90\nM83\nG1 X10 Y10 Z.2\n");
    let mut line = 0_u32;
    while text.len() < bytes {
        line += 1;
        writeln!(text, "G1 X{}.{line:07} Y{} E.1", line % 200, line % 97).unwrap();
    }
    text
}

/// A piece whose line stays open behind its bytes.
pub struct Piece(tokio::task::JoinHandle<Result<reqwest::Response, reqwest::Error>>);

impl Piece {
    /// Sends them.
    pub fn begin(farm: &Farm, place: &str, bytes: &str) -> Self {
        let parts: Vec<Result<String, std::io::Error>> =
            bytes.as_bytes().chunks(64 * 1024).map(|part| Ok(String::from_utf8_lossy(part).into_owned())).collect();
        let body = reqwest::Body::wrap_stream(stream::iter(parts).chain(stream::pending()));
        Self(tokio::spawn(piece(farm.request(Method::PATCH, place), 0).body(body).send()))
    }

    /// The line broke.
    ///
    /// # Panics
    /// When it was answered.
    pub async fn broke_off(self) {
        let answer = tokio::time::timeout(PATIENCE, self.0).await.unwrap().unwrap();
        assert!(answer.is_err(), "it was answered: {answer:?}");
    }
}

fn piece(request: RequestBuilder, offset: usize) -> RequestBuilder {
    request
        .header("tus-resumable", "1.0.0")
        .header("content-type", "application/offset+octet-stream")
        .header("upload-offset", offset.to_string())
}

impl Farm {
    /// Begins an upload of `long.gcode`; gives its path.
    ///
    /// # Panics
    /// When it is refused.
    pub async fn begin_upload(&self, bytes: usize) -> String {
        let said = |request: RequestBuilder| {
            request.header("upload-length", bytes.to_string()).header("upload-metadata", "filename bG9uZy5nY29kZQ==")
        };
        let begun: Answer = self.send(Method::POST, "/v1/uploads", said).await;
        assert_eq!(begun.status, 201, "{}", begun.body);
        format!("/v1/uploads/{}", begun.body["id"].as_str().unwrap())
    }

    /// Where an upload stands, if there is one.
    ///
    /// # Panics
    /// When nobody answers.
    pub async fn upload_offset(&self, place: &str) -> Option<usize> {
        let answer = self.request(Method::HEAD, place).send().await.unwrap();
        answer.headers().get("upload-offset")?.to_str().ok()?.parse().ok()
    }

    /// Waits until so many bytes of an upload are durable.
    ///
    /// # Panics
    /// When they are not in time.
    pub async fn upload_reaches(&self, place: &str, bytes: usize) -> usize {
        let reaching = async {
            loop {
                if let Some(offset) = self.upload_offset(place).await.filter(|offset| *offset >= bytes) {
                    return offset;
                }
                tokio::time::sleep(ASK_EACH).await;
            }
        };
        tokio::time::timeout(PATIENCE, reaching).await.unwrap()
    }

    /// Sends the last bytes; gives the file.
    ///
    /// # Panics
    /// When they are refused.
    pub async fn send_piece(&self, place: &str, offset: usize, bytes: String) -> String {
        let answer = piece(self.request(Method::PATCH, place), offset).body(bytes).send().await.unwrap();
        assert_eq!(answer.status(), 204, "{}", self.log());
        answer.headers()["gantry-file"].to_str().unwrap().to_owned()
    }
}
