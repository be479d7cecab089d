//! The pictures that slicers put into comments: where they stand, and how to get one out. The reader only
//! notes the place, so that a file full of pictures costs no memory.

use base64::Engine;
use domain::sliced::{Thumbnail, ThumbnailFormat};

use crate::lines::Line;
use crate::value;

const PICTURES: usize = 16;
const SIDE: f64 = 10_000.0;
const BLOCK_LENGTH: u64 = 8 << 20;

#[derive(Default)]
pub(crate) struct Pictures {
    found: Vec<Thumbnail>,
    open: Option<Open>,
}

struct Open {
    thumbnail: Thumbnail,
    promised: u64,
    seen: u64,
}

impl Pictures {
    /// Whether the comment belonged to a picture.
    pub(crate) fn read(&mut self, comment: &[u8], line: &Line<'_>) -> bool {
        if let Some(tag) = comment.strip_prefix(b"thumbnail") {
            if let Some(open) = self.open.take() {
                self.close(open, tag, line.offset);
            } else {
                self.open = begin(tag, line);
            }
            return true;
        }
        let Some(open) = &mut self.open else { return false };
        open.seen += comment.len() as u64;
        if line.cut || open.seen > BLOCK_LENGTH {
            self.open = None;
        }
        true
    }

    /// A line that is no comment ends a picture that was not finished.
    pub(crate) fn interrupt(&mut self) {
        self.open = None;
    }

    pub(crate) fn finish(self) -> Vec<Thumbnail> {
        self.found
    }

    fn close(&mut self, open: Open, tag: &[u8], end: u64) {
        if tag.ends_with(b" end") && open.seen == open.promised && self.found.len() < PICTURES {
            let length = end - open.thumbnail.offset;
            self.found.push(Thumbnail { length, ..open.thumbnail });
        }
    }
}

/// ` begin 220x124 12345` or `_QOI begin 16x16 300`.
fn begin(tag: &[u8], line: &Line<'_>) -> Option<Open> {
    let at = tag.windows(7).position(|window| window == b" begin ")?;
    let format = match &tag[..at] {
        b"" | b"_PNG" => ThumbnailFormat::Png,
        b"_JPG" => ThumbnailFormat::Jpg,
        b"_QOI" => ThumbnailFormat::Qoi,
        _ => return None,
    };
    let mut numbers = tag[at + 7..].split(|byte| matches!(byte, b'x' | b' ')).map(value::leading);
    let mut side = || numbers.next().flatten().filter(|side| (1.0..=SIDE).contains(side));
    let (width, height) = (side()? as u32, side()? as u32);
    let promised = numbers.next().flatten()? as u64;
    let offset = line.offset + line.text.len() as u64 + 1;
    (promised > 0).then_some(Open { thumbnail: Thumbnail { width, height, format, offset, length: 0 }, promised, seen: 0 })
}

/// A block that is not the picture that it says to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the picture in the file is damaged")]
pub struct BadThumbnail;

/// The picture out of its commented base64, which are the bytes of the file that a [`Thumbnail`] names.
/// What comes back begins as a picture of that format does.
pub fn decode_thumbnail(format: ThumbnailFormat, block: &[u8]) -> Result<Vec<u8>, BadThumbnail> {
    let text: Vec<u8> = block
        .split(|byte| *byte == b'\n')
        .flat_map(|line| line.trim_ascii().strip_prefix(b";").unwrap_or_default().trim_ascii())
        .copied()
        .collect();
    let picture = base64::engine::general_purpose::STANDARD.decode(text).map_err(|_| BadThumbnail)?;
    let magic: &[u8] = match format {
        ThumbnailFormat::Png => b"\x89PNG\r\n\x1a\n",
        ThumbnailFormat::Jpg => b"\xff\xd8\xff",
        ThumbnailFormat::Qoi => b"qoif",
    };
    if picture.starts_with(magic) { Ok(picture) } else { Err(BadThumbnail) }
}
