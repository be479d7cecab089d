//! Why a file is not taken, and what it seems to be instead.

use domain::sliced::FileName;

/// Why a file is not taken. Fixed by whoever sent it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// There is nothing in it.
    #[error("{file} is empty")]
    Empty {
        /// Which file.
        file: FileName,
    },
    /// It is something else.
    #[error("{file} is not G-code: it looks like {found}")]
    NotGcode {
        /// Which file.
        file: FileName,
        /// What it seems to be.
        found: Found,
    },
    /// It is G-code that prints nothing.
    #[error("{file} has no moves: it was perhaps cut off, or is only a macro")]
    NoMoves {
        /// Which file.
        file: FileName,
    },
}

/// What a file seems to be that is not G-code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// A 3MF project.
    ThreeMf,
    /// A zip archive.
    Zip,
    /// Prusa's binary G-code.
    BinaryGcode,
    /// A compressed file.
    Gzip,
    /// An STL model.
    Stl,
    /// A picture.
    Picture,
    /// Text of two bytes per character.
    Utf16,
    /// Text without a single command.
    Text,
    /// Bytes of no known kind.
    Binary,
}

impl std::fmt::Display for Found {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::ThreeMf => "a 3MF project",
            Self::Zip => "a zip archive",
            Self::BinaryGcode => "binary G-code (bgcode)",
            Self::Gzip => "a gzip file",
            Self::Stl => "an STL model, which must be sliced first",
            Self::Picture => "a picture",
            Self::Utf16 => "UTF-16 text",
            Self::Text => "text without a single command",
            Self::Binary => "binary data",
        })
    }
}

/// The first bytes of a file, by which other kinds of files are known.
#[derive(Default)]
pub(crate) struct Head(Vec<u8>);

impl Head {
    const LENGTH: usize = 64;

    pub(crate) fn feed(&mut self, bytes: &[u8]) {
        let room = Self::LENGTH - self.0.len();
        self.0.extend_from_slice(&bytes[..bytes.len().min(room)]);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What the file certainly is that is not G-code; once some, it stays some as bytes are fed.
    pub(crate) fn certainly(&self) -> Option<Found> {
        let head = self.0.as_slice();
        match head {
            [b'P', b'K', 3, 4, ..] => {
                let names: [&[u8]; 3] = [b"[Content_Types].xml", b"3D/", b"Metadata/"];
                let name = head.get(30..).unwrap_or_default();
                Some(if names.iter().any(|known| name.starts_with(known)) { Found::ThreeMf } else { Found::Zip })
            }
            [b'P', b'K', 5, 6, ..] => Some(Found::Zip),
            [b'G', b'C', b'D', b'E', ..] => Some(Found::BinaryGcode),
            [0x1f, 0x8b, ..] => Some(Found::Gzip),
            [b's', b'o', b'l', b'i', b'd', b' ', ..] => Some(Found::Stl),
            [0x89, b'P', b'N', b'G', ..] | [0xff, 0xd8, 0xff, ..] => Some(Found::Picture),
            [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => Some(Found::Utf16),
            _ => None,
        }
    }

    /// What a file without any command seems to be.
    pub(crate) fn probably(&self) -> Found {
        let text = std::str::from_utf8(&self.0).map_or_else(|error| error.error_len().is_none(), |_| true);
        if text && !self.0.contains(&0) { Found::Text } else { Found::Binary }
    }
}
