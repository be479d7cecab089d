//! Show the largest picture in a file that a browser draws, or a drawing of its paths.

use std::io::SeekFrom;
use std::sync::Arc;

use axum::response::{IntoResponse, Response};
use contract::ops::files::GetThumbnail;
use contract::problem::{Code, Problem};
use domain::file::File;
use domain::sliced::{Outline, Thumbnail, ThumbnailFormat};
use http::header;
use tokio::io::{AsyncReadExt, AsyncSeekExt};

use super::disk;
use crate::door::Door;
use crate::operation::{By, Bytes, Failure, Streaming};

/// The longest block of text that a picture may stand in.
const LONGEST: u64 = 8 * 1024 * 1024;

impl Bytes for GetThumbnail {
    async fn serve(by: By<Self>, door: Arc<Door>, Streaming { asked, .. }: Streaming<Self>) -> Result<Response, Failure> {
        if door.is_relay() {
            return Err(Problem::new(Code::FarmOffline).detail("content does not go through the relay yet").into());
        }
        let file = door.store.read(|rows| by.find::<File>(rows, asked.target.id))?.record;
        let drawn =
            file.sliced.thumbnails.iter().filter(|picture| picture.format != ThumbnailFormat::Qoi && picture.length <= LONGEST);
        let largest = drawn.max_by_key(|picture| u64::from(picture.width) * u64::from(picture.height));
        if let Some(picture) = largest
            && let Some(bytes) = picture_bytes(&door, &file, picture).await?
        {
            let media = if picture.format == ThumbnailFormat::Png { "image/png" } else { "image/jpeg" };
            return Ok(([(header::CONTENT_TYPE, media), (header::CACHE_CONTROL, "private, max-age=31536000, immutable")], bytes)
                .into_response());
        }
        let outline =
            file.sliced.outline.ok_or_else(|| Problem::new(Code::NotFound).detail("the file has no picture").on(file.id))?;
        let media = [(header::CONTENT_TYPE, "image/svg+xml"), (header::CACHE_CONTROL, "private, max-age=31536000, immutable")];
        Ok((media, svg(&outline)).into_response())
    }
}

async fn picture_bytes(door: &Door, file: &File, picture: &Thumbnail) -> Result<Option<Vec<u8>>, Failure> {
    let Some(path) = door.blobs.find(&file.sha256) else { return Ok(None) };
    let mut source = tokio::fs::File::open(path).await.map_err(|error| disk(&error))?;
    source.seek(SeekFrom::Start(picture.offset)).await.map_err(|error| disk(&error))?;
    let mut text = Vec::new();
    source.take(picture.length).read_to_end(&mut text).await.map_err(|error| disk(&error))?;
    Ok(files::decode_thumbnail(picture.format, &text).ok())
}

fn svg(outline: &Outline) -> String {
    // The path is our own drawing; it holds digits and path letters only.
    let path: String = outline.path.chars().filter(|c| c.is_ascii_alphanumeric() || " ,.-".contains(*c)).collect();
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {} {}\"><path d=\"{path}\" fill=\"none\" stroke=\"#8a93a3\" stroke-width=\"1\" vector-effect=\"non-scaling-stroke\"/></svg>",
        outline.width, outline.height
    )
}
