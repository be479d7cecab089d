//! The page over HTTP: files out of the program itself, with their ETag.

use api::http::refuse;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use contract::problem::{Code, Problem};
use http::{HeaderValue, Method, StatusCode, header};

/// Serves the page; what is no page of it is a problem.
pub async fn serve(request: Request) -> Response {
    let path = request.uri().path();
    let api = path.starts_with("/v1/") || path == "/v1";
    if api || !matches!(*request.method(), Method::GET | Method::HEAD) {
        return std::future::ready(refuse(&Problem::new(Code::NoSuchPath).on(path))).await;
    }
    let Some(asset) = ui::asset(path) else { return refuse(&Problem::new(Code::NoSuchPath).on(path)) };
    let seen = request.headers().get(header::IF_NONE_MATCH).and_then(|tag| tag.to_str().ok());
    let mut response = if seen == Some(asset.etag.as_str()) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        ([(header::CONTENT_TYPE, asset.content_type)], asset.bytes.into_owned()).into_response()
    };
    let headers = response.headers_mut();
    let cache = if asset.immutable { "public, max-age=31536000, immutable" } else { "no-cache" };
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(cache));
    if let Ok(tag) = HeaderValue::from_str(&asset.etag) {
        headers.insert(header::ETAG, tag);
    }
    response
}
