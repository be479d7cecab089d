//! The page over HTTP: files out of the program itself.

use api::page::PageFile;
use axum::extract::Request;
use axum::response::Response;

/// Serves the page; what is no page of it is a problem.
pub async fn serve(request: Request) -> Response {
    let find = |path: &str| {
        let ui::Asset { bytes, content_type, etag, immutable, gzipped, writes_styles } = ui::asset(path)?;
        Some(PageFile { bytes, content_type, etag, immutable, gzipped, writes_styles })
    };
    std::future::ready(api::page::serve(&request, find)).await
}
