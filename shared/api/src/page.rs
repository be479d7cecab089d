//! The page's files over HTTP, with their ETag. Which files there are is handed in.

use std::borrow::Cow;

use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use contract::problem::{Code, Problem};
use http::{HeaderValue, Method, StatusCode, header};

use crate::http::{POLICY_WITH_STYLES, refuse};

/// A file that the page is made of.
pub struct PageFile {
    /// Its content.
    pub bytes: Cow<'static, [u8]>,
    /// What it is.
    pub content_type: &'static str,
    /// Changes with the content; quoted, as the header wants it.
    pub etag: String,
    /// Its path changes with its content: it may be kept for ever.
    pub immutable: bool,
    /// Its bytes are compressed by gzip, which every browser takes.
    pub gzipped: bool,
    /// It is a page whose libraries write styles as they go.
    pub writes_styles: bool,
}

/// Serves a file of the page; what is none is a problem.
pub fn serve(request: &Request, find: impl Fn(&str) -> Option<PageFile>) -> Response {
    let path = request.uri().path();
    let api = path.starts_with("/v1/") || path == "/v1";
    let nothing = || refuse(&Problem::new(Code::NoSuchPath).on(path));
    if api || !matches!(*request.method(), Method::GET | Method::HEAD) {
        return nothing();
    }
    let Some(file) = find(path) else { return nothing() };
    let seen = request.headers().get(header::IF_NONE_MATCH).and_then(|tag| tag.to_str().ok());
    let mut response = if seen == Some(file.etag.as_str()) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        ([(header::CONTENT_TYPE, file.content_type)], file.bytes.into_owned()).into_response()
    };
    let headers = response.headers_mut();
    if file.gzipped {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    if file.writes_styles {
        headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY_WITH_STYLES));
    }
    let cache = if file.immutable { "public, max-age=31536000, immutable" } else { "no-cache" };
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(cache));
    if let Ok(tag) = HeaderValue::from_str(&file.etag) {
        headers.insert(header::ETAG, tag);
    }
    response
}
