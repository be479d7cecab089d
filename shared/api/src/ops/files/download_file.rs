//! Download a file's bytes; one range of them if asked (RFC 9110, section 14).

use std::io::SeekFrom;
use std::sync::Arc;

use axum::body::Body;
use axum::response::Response;
use contract::ops::files::DownloadFile;
use contract::problem::{Code, Problem};
use domain::file::{File, FileContent};
use futures_util::stream;
use http::{StatusCode, header};
use tokio::io::{AsyncReadExt, AsyncSeekExt};

use super::disk;
use crate::door::Door;
use crate::operation::{By, Bytes, Failure, Streaming};

/// Bytes read at once.
const PIECE: usize = 64 * 1024;

impl Bytes for DownloadFile {
    async fn serve(by: By<Self>, door: Arc<Door>, call: Streaming<Self>) -> Result<Response, Failure> {
        let Streaming { asked, headers, .. } = call;
        if door.is_relay() {
            return Err(Problem::new(Code::FarmOffline).detail("content does not go through the relay yet").into());
        }
        let file = door.store.read(|rows| by.find::<File>(rows, asked.target.id))?.record;
        if file.content == FileContent::OnItsWay {
            return Err(Problem::new(Code::ContentOnItsWay).on(file.id).into());
        }
        let missing = || Problem::new(Code::NotFound).detail("the file's bytes are gone: upload it again").on(file.id);
        let path = door.blobs.find(&file.sha256).ok_or_else(missing)?;
        let mut source = tokio::fs::File::open(path).await.map_err(|error| disk(&error))?;
        let range =
            headers.get(header::RANGE).and_then(|value| value.to_str().ok()).and_then(|text| range(text, file.size_bytes));
        let (from, to) = range.unwrap_or((0, file.size_bytes.saturating_sub(1)));
        source.seek(SeekFrom::Start(from)).await.map_err(|error| disk(&error))?;
        let length = if file.size_bytes == 0 { 0 } else { to - from + 1 };
        let pieces = stream::try_unfold((source, length), |(mut source, left)| async move {
            if left == 0 {
                return Ok::<_, std::io::Error>(None);
            }
            let mut piece = vec![0; PIECE.min(usize::try_from(left).unwrap_or(PIECE))];
            let read = source.read(&mut piece).await?;
            if read == 0 {
                return Err(std::io::ErrorKind::UnexpectedEof.into());
            }
            piece.truncate(read);
            Ok(Some((bytes::Bytes::from(piece), (source, left - read as u64))))
        });
        let name: String =
            file.name
                .bytes()
                .map(|b| {
                    if b.is_ascii_alphanumeric() || b"-_.".contains(&b) { char::from(b).to_string() } else { format!("%{b:02X}") }
                })
                .collect();
        let mut response = Response::builder()
            .header(header::CONTENT_TYPE, "text/x.gcode")
            .header(header::CONTENT_LENGTH, length)
            .header(header::ACCEPT_RANGES, "bytes")
            .header(header::ETAG, format!("\"{}\"", file.sha256))
            .header(header::CONTENT_DISPOSITION, format!("attachment; filename*=UTF-8''{name}"));
        if range.is_some() {
            response = response
                .status(StatusCode::PARTIAL_CONTENT)
                .header(header::CONTENT_RANGE, format!("bytes {from}-{to}/{}", file.size_bytes));
        }
        Ok(response.body(Body::from_stream(pieces)).map_err(|error| crate::auth::internal(&error))?)
    }
}

/// The first and last byte of a single range; none if it is no range that can be given.
fn range(text: &str, size: u64) -> Option<(u64, u64)> {
    let (from, to) = text.strip_prefix("bytes=")?.split_once('-')?;
    let last = size.checked_sub(1)?;
    match (from.trim(), to.trim()) {
        ("", tail) => Some((size.saturating_sub(tail.parse().ok().filter(|tail| *tail > 0)?), last)),
        (from, "") => Some((from.parse().ok().filter(|from| *from <= last)?, last)),
        (from, to) => {
            let (from, to): (u64, u64) = (from.parse().ok()?, to.parse().ok()?);
            (from <= to && from <= last).then_some((from, to.min(last)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::range;

    #[test]
    fn a_range_is_cut_to_the_file_and_nonsense_is_none() {
        assert_eq!(range("bytes=0-4", 10), Some((0, 4)));
        assert_eq!(range("bytes=5-", 10), Some((5, 9)));
        assert_eq!(range("bytes=-3", 10), Some((7, 9)));
        assert_eq!(range("bytes=5-99", 10), Some((5, 9)));
        for bad in ["bytes=10-", "bytes=4-2", "bytes=-0", "bytes=a-b", "lines=1-2", "bytes=0-1,4-5"] {
            assert_eq!(range(bad, 10), None, "{bad}");
        }
        assert_eq!(range("bytes=0-", 0), None);
    }
}
