//! Content on its way out of a door: whole, or the one range that is asked for (RFC 9110, section 14).

use std::io::SeekFrom;
use std::path::Path;

use axum::body::Body;
use axum::response::Response;
use contract::problem::Problem;
use domain::file::ContentHash;
use futures_util::stream;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use tokio::io::{AsyncReadExt, AsyncSeekExt};

use crate::auth::internal;
use crate::ops::files::disk;

/// Bytes read at once.
const PIECE: usize = 64 * 1024;

/// The bytes that lie in that place, named by their hash.
///
/// # Errors
/// What the file system says.
pub async fn send(place: &Path, sha256: &ContentHash, headers: &HeaderMap) -> Result<Response, Problem> {
    let mut source = tokio::fs::File::open(place).await.map_err(|error| disk(&error))?;
    let size = source.metadata().await.map_err(|error| disk(&error))?.len();
    let range = headers.get(header::RANGE).and_then(|value| value.to_str().ok()).and_then(|text| range(text, size));
    let (from, to) = range.unwrap_or((0, size.saturating_sub(1)));
    source.seek(SeekFrom::Start(from)).await.map_err(|error| disk(&error))?;
    let length = if size == 0 { 0 } else { to - from + 1 };
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
    let mut response = Response::new(Body::from_stream(pieces));
    let mut put = |name, value: String| {
        HeaderValue::try_from(value)
            .map(|value| drop(response.headers_mut().insert(name, value)))
            .map_err(|error| internal(&error))
    };
    put(header::CONTENT_LENGTH, length.to_string())?;
    put(header::ACCEPT_RANGES, "bytes".to_owned())?;
    put(header::ETAG, format!("\"{sha256}\""))?;
    if range.is_some() {
        put(header::CONTENT_RANGE, format!("bytes {from}-{to}/{size}"))?;
        *response.status_mut() = StatusCode::PARTIAL_CONTENT;
    }
    Ok(response)
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
