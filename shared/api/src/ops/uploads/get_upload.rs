//! Show how far an upload is.

use std::sync::Arc;

use axum::response::Response;
use contract::operation::Contract;
use contract::ops::uploads::GetUpload;

use super::{find, put, shown, stands_at, tell};
use crate::door::Door;
use crate::http::{Answer, respond};
use crate::operation::{By, Bytes, Failure, Streaming};

impl Bytes for GetUpload {
    async fn serve(by: By<Self>, door: Arc<Door>, call: Streaming<Self>) -> Result<Response, Failure> {
        let upload = find(&by, &door, call.asked.target.id)?;
        let offset = stands_at(&door, &upload);
        let mut response = respond(Answer::of(Self::STATUS, &shown(&upload, offset))?);
        tell(&mut response, &upload, offset);
        put(response.headers_mut(), "upload-length", upload.size_bytes.to_string());
        if !upload.state.metadata.is_empty() {
            put(response.headers_mut(), "upload-metadata", upload.state.metadata);
        }
        std::future::ready(Ok(response)).await
    }
}
