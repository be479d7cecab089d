//! Form bodies, multipart and urlencoded, and queries. Slices the body, copies no file bytes.

use bytes::Bytes;
use http::{HeaderMap, header};
use std::collections::BTreeMap;

#[derive(Debug, Default)]
pub(crate) struct Form {
    pub fields: BTreeMap<String, String>,
    pub file: Option<(String, Bytes)>,
}

impl Form {
    pub(crate) fn read(headers: &HeaderMap, query: &str, body: &Bytes) -> Self {
        let mut form = Self::default();
        form.fields.extend(pairs(query));
        let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        if content_type.starts_with("application/x-www-form-urlencoded") {
            form.fields.extend(pairs(&String::from_utf8_lossy(body)));
        } else if let Some((_, boundary)) = content_type.split_once("boundary=") {
            let boundary = boundary.split(';').next().unwrap_or_default();
            form.read_parts(boundary.trim_matches('"'), body);
        }
        form
    }

    pub(crate) fn yes(&self, name: &str) -> bool {
        self.get(name).is_some_and(is_yes)
    }

    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.fields.get(name).map(String::as_str)
    }

    fn read_parts(&mut self, boundary: &str, body: &Bytes) {
        let delimiter = format!("--{boundary}");
        let closing = format!("\r\n{delimiter}");
        let Some(first) = find(body, delimiter.as_bytes(), 0) else {
            return;
        };
        let mut at = first + delimiter.len();
        while body.get(at..at + 2) == Some(b"\r\n") {
            let Some(head_end) = find(body, b"\r\n\r\n", at) else {
                return;
            };
            let start = head_end + 4;
            let Some(end) = find(body, closing.as_bytes(), start) else {
                return;
            };
            let head = String::from_utf8_lossy(&body[at..head_end]).into_owned();
            self.take_part(&head, body.slice(start..end));
            at = end + closing.len();
        }
    }

    fn take_part(&mut self, head: &str, content: Bytes) {
        let Some(name) = parameter(head, "name") else {
            return;
        };
        match parameter(head, "filename") {
            Some(file) if name == "file" => self.file = Some((file, content)),
            Some(_) | None => {
                let text = String::from_utf8_lossy(&content).into_owned();
                self.fields.insert(name, text);
            }
        }
    }
}

pub(crate) fn is_yes(text: &str) -> bool {
    matches!(text, "true" | "yes" | "y" | "1")
}

pub(crate) fn pairs(query: &str) -> impl Iterator<Item = (String, String)> {
    query.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (unquote(name), unquote(&value.replace('+', " ")))
    })
}

pub(crate) fn unquote(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut plain = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let hex = bytes
            .get(at + 1..at + 3)
            .filter(|_| bytes[at] == b'%')
            .and_then(|pair| std::str::from_utf8(pair).ok())
            .and_then(|pair| u8::from_str_radix(pair, 16).ok());
        plain.push(hex.unwrap_or(bytes[at]));
        at += if hex.is_some() { 3 } else { 1 };
    }
    String::from_utf8_lossy(&plain).into_owned()
}

fn parameter(head: &str, name: &str) -> Option<String> {
    let line = head.lines().find(|line| line.to_ascii_lowercase().starts_with("content-disposition:"))?;
    let after = |mark: &str| line.split_once(mark).map(|(_, rest)| rest);
    if let Some(quoted) = after(&format!(" {name}=\"")) {
        return quoted.split('"').next().map(str::to_owned);
    }
    if let Some(encoded) = after(&format!(" {name}*=utf-8''")) {
        return encoded.split(';').next().map(unquote);
    }
    let bare = after(&format!(" {name}="))?;
    bare.split(';').next().map(str::to_owned)
}

fn find(body: &[u8], needle: &[u8], from: usize) -> Option<usize> {
    let first = *needle.first()?;
    let mut at = from;
    while let Some(step) = body.get(at..)?.iter().position(|byte| *byte == first) {
        at += step;
        if body[at..].starts_with(needle) {
            return Some(at);
        }
        at += 1;
    }
    None
}
