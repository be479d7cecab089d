//! Show the largest picture in a file that a browser draws, or a drawing of its paths. A relay that does not keep the
//! file asks the farm for the picture alone.

use std::io::SeekFrom;
use std::path::Path;
use std::sync::Arc;

use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use contract::operation::Asked;
use contract::ops::files::GetThumbnail;
use contract::problem::{Code, Problem};
use domain::farm::HomeIds;
use domain::file::File;
use domain::sliced::{Outline, Sliced, Thumbnail, ThumbnailFormat};
use http::header;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncSeekExt};

use super::disk;
use crate::auth::internal;
use crate::door::Door;
use crate::forward::pass_on;
use crate::http::Answer;
use crate::keep;
use crate::operation::{By, Bytes, Failure, Streaming};
use crate::request::How;

/// The longest block of text that a picture may stand in.
const LONGEST: u64 = 8 * 1024 * 1024;
/// And if it has to go over the line to a relay, whose frames are small.
const LONGEST_OVER_THE_LINE: u64 = 160 * 1024;

/// A picture as it goes over the line.
#[derive(Serialize, Deserialize)]
struct Picture {
    media_type: String,
    base64: String,
}

impl Bytes for GetThumbnail {
    async fn serve(by: By<Self>, door: Arc<Door>, call: Streaming<Self>) -> Result<Response, Failure> {
        let Streaming { asked, how, .. } = call;
        let id = asked.target.id;
        let raw = door.store.read(|rows| by.find_raw::<File>(rows, id))?;
        let sha256 = raw.document.get("sha256").cloned().and_then(|hash| serde_json::from_value(hash).ok());
        let sliced: Option<Sliced> = raw.document.get("sliced").cloned().and_then(|known| serde_json::from_value(known).ok());
        let place = match (raw.farm_id.filter(|_| door.is_relay()), sha256) {
            (_, None) => None,
            (None, Some(sha256)) => door.blobs.find(&sha256),
            (Some(farm_id), Some(sha256)) => keep::find(&door, HomeIds { store_id: by.store, farm_id }, sha256).await?,
        };
        // A drawing is in the record itself. Only for a picture, or for what cannot be read here, the farm is asked.
        let pictures = sliced.as_ref().is_none_or(|sliced| !sliced.thumbnails.is_empty());
        if door.is_relay() && place.is_none() && pictures {
            let sent = json!({"path": {"id": id}, "query": [], "body": null});
            let answer = pass_on(&door, &by, &how, sent).await?;
            let picture: Picture = serde_json::from_value(answer.body).map_err(|error| internal(&error))?;
            let bytes = STANDARD.decode(picture.base64).map_err(|error| internal(&error))?;
            return Ok(respond(drawable(&picture.media_type), bytes));
        }
        let (media, bytes) = drawn(&sliced.unwrap_or_default(), place.as_deref(), LONGEST).await?.ok_or_else(|| none(id))?;
        Ok(respond(media, bytes))
    }

    async fn forwarded(by: By<Self>, door: Arc<Door>, asked: Asked<Self>, _: How, _: Value) -> Result<Answer, Failure> {
        let file = door.store.read(|rows| by.find::<File>(rows, asked.target.id))?.record;
        let place = door.blobs.find(&file.sha256);
        let found = drawn(&file.sliced, place.as_deref(), LONGEST_OVER_THE_LINE).await?;
        let (media, bytes) = found.ok_or_else(|| none(file.id))?;
        Ok(Answer::of(200, &Picture { media_type: media.to_owned(), base64: STANDARD.encode(bytes) })?)
    }
}

fn none(id: domain::id::FileId) -> Problem {
    Problem::new(Code::NotFound).detail("the file has no picture").on(id)
}

const SVG: &str = "image/svg+xml";

/// What a browser is told of a picture: nothing but what we draw or know.
fn drawable(media: &str) -> &'static str {
    match media {
        "image/jpeg" => "image/jpeg",
        SVG => SVG,
        _ => "image/png",
    }
}

fn respond(media: &'static str, bytes: Vec<u8>) -> Response {
    ([(header::CONTENT_TYPE, media), (header::CACHE_CONTROL, "private, max-age=31536000, immutable")], bytes).into_response()
}

/// The largest picture out of the file's bytes, or else the drawing.
async fn drawn(sliced: &Sliced, place: Option<&Path>, longest: u64) -> Result<Option<(&'static str, Vec<u8>)>, Failure> {
    let pictures = sliced.thumbnails.iter().filter(|picture| picture.format != ThumbnailFormat::Qoi && picture.length <= longest);
    let largest = pictures.max_by_key(|picture| u64::from(picture.width) * u64::from(picture.height));
    if let (Some(picture), Some(place)) = (largest, place)
        && let Some(bytes) = picture_bytes(place, picture).await?
    {
        let media = if picture.format == ThumbnailFormat::Png { "image/png" } else { "image/jpeg" };
        return Ok(Some((media, bytes)));
    }
    Ok(sliced.outline.as_ref().map(|outline| (SVG, svg(outline).into_bytes())))
}

async fn picture_bytes(place: &Path, picture: &Thumbnail) -> Result<Option<Vec<u8>>, Failure> {
    let mut source = tokio::fs::File::open(place).await.map_err(|error| disk(&error))?;
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
