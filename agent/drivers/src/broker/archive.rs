//! How content is packed for a machine that takes only archives: written as it is read, so that no file has
//! to fit into memory or lie on the disk twice. The same content always becomes the same bytes.

use std::io::{self, Read, Write};

use flate2::write::DeflateEncoder;
use flate2::{Compression, Crc};

/// Bytes that are read at once.
const CHUNK_BYTES: usize = 64 * 1024;

const STORED: u16 = 0;
const DEFLATED: u16 = 8;
/// The sizes of a member stand behind it.
const SIZES_BEHIND: u16 = 1 << 3;
/// What a reader must understand: deflate.
const VERSION: u16 = 20;
/// 1980-01-01, the first day that there is: a name is for content, and content has no date.
const DATE: u16 = 0x21;

/// How content is packed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Packing {
    /// It goes as it is.
    Plain,
    /// It goes in a zip archive.
    Zip {
        /// The name of the content in it.
        content: &'static str,
        /// The name of a member with the content's MD5 in hex.
        md5: &'static str,
        /// Other members.
        beside: Vec<Member>,
    },
}

/// A small member of an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Its name.
    pub name: &'static str,
    /// What is in it.
    pub text: String,
}

/// Packs what is read, piece by piece.
pub(super) fn pack(mut from: impl Read, packing: &Packing, out: impl FnMut(&[u8]) -> io::Result<()>) -> io::Result<()> {
    let mut sink = Sink { out, written: 0 };
    match packing {
        Packing::Plain => {
            each_chunk(&mut from, |chunk| sink.write_all(chunk))?;
        }
        Packing::Zip { content, md5, beside } => {
            let mut zip = Zip { sink, entries: Vec::new() };
            for member in beside {
                zip.store(member.name, member.text.as_bytes())?;
            }
            let digest = zip.deflate(content, &mut from)?;
            zip.store(md5, format!("{digest:x}").to_uppercase().as_bytes())?;
            zip.finish()?;
        }
    }
    Ok(())
}

fn each_chunk(from: &mut impl Read, mut take: impl FnMut(&[u8]) -> io::Result<()>) -> io::Result<()> {
    let mut buffer = vec![0; CHUNK_BYTES];
    loop {
        let read = from.read(&mut buffer)?;
        let Some(chunk) = buffer.get(..read).filter(|chunk| !chunk.is_empty()) else { return Ok(()) };
        take(chunk)?;
    }
}

struct Sink<O> {
    out: O,
    written: u64,
}

impl<O: FnMut(&[u8]) -> io::Result<()>> Write for Sink<O> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        (self.out)(bytes)?;
        self.written += long(bytes.len());
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

struct Entry {
    name: &'static str,
    method: u16,
    flags: u16,
    crc: u32,
    packed: u32,
    size: u32,
    at: u32,
}

struct Zip<O> {
    sink: Sink<O>,
    entries: Vec<Entry>,
}

impl<O: FnMut(&[u8]) -> io::Result<()>> Zip<O> {
    fn store(&mut self, name: &'static str, bytes: &[u8]) -> io::Result<()> {
        let mut crc = Crc::new();
        crc.update(bytes);
        let size = narrow(long(bytes.len()))?;
        let at = narrow(self.sink.written)?;
        self.begin(Entry { name, method: STORED, flags: 0, crc: crc.sum(), packed: size, size, at })?;
        self.sink.write_all(bytes)
    }

    fn deflate(&mut self, name: &'static str, from: &mut impl Read) -> io::Result<md5::Digest> {
        let at = narrow(self.sink.written)?;
        self.begin(Entry { name, method: DEFLATED, flags: SIZES_BEHIND, crc: 0, packed: 0, size: 0, at })?;
        let before = self.sink.written;
        let (mut crc, mut digest) = (Crc::new(), md5::Context::new());
        let mut size = 0;
        let mut encoder = DeflateEncoder::new(&mut self.sink, Compression::default());
        each_chunk(from, |chunk| {
            crc.update(chunk);
            digest.consume(chunk);
            size += long(chunk.len());
            encoder.write_all(chunk)
        })?;
        encoder.finish()?;
        let (packed, size) = (narrow(self.sink.written - before)?, narrow(size)?);
        let words = [0x0807_4b50, crc.sum(), packed, size].map(u32::to_le_bytes).concat();
        self.sink.write_all(&words)?;
        if let Some(entry) = self.entries.last_mut() {
            (entry.crc, entry.packed, entry.size) = (crc.sum(), packed, size);
        }
        Ok(digest.finalize())
    }

    fn begin(&mut self, entry: Entry) -> io::Result<()> {
        let mut head = 0x0403_4b50_u32.to_le_bytes().to_vec();
        head.extend(common(&entry)?);
        head.extend(entry.name.as_bytes());
        self.entries.push(entry);
        self.sink.write_all(&head)
    }

    fn finish(mut self) -> io::Result<()> {
        let at = narrow(self.sink.written)?;
        let mut directory = Vec::new();
        for entry in &self.entries {
            directory.extend(0x0201_4b50_u32.to_le_bytes());
            directory.extend(VERSION.to_le_bytes());
            directory.extend(common(entry)?);
            // No comment, first disk, no attributes.
            directory.extend([0; 10]);
            directory.extend(entry.at.to_le_bytes());
            directory.extend(entry.name.as_bytes());
        }
        let count = u16::try_from(self.entries.len()).map_err(too_large)?;
        let size = narrow(long(directory.len()))?;
        directory.extend(0x0605_4b50_u32.to_le_bytes());
        directory.extend([0; 4]);
        directory.extend(count.to_le_bytes());
        directory.extend(count.to_le_bytes());
        directory.extend(size.to_le_bytes());
        directory.extend(at.to_le_bytes());
        directory.extend([0; 2]);
        self.sink.write_all(&directory)
    }
}

/// What the local header and the directory both say of a member.
fn common(entry: &Entry) -> io::Result<Vec<u8>> {
    let mut head = Vec::new();
    for word in [VERSION, entry.flags, entry.method, 0, DATE] {
        head.extend(word.to_le_bytes());
    }
    for word in [entry.crc, entry.packed, entry.size] {
        head.extend(word.to_le_bytes());
    }
    head.extend(u16::try_from(entry.name.len()).map_err(too_large)?.to_le_bytes());
    head.extend([0; 2]);
    Ok(head)
}

fn long(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

fn narrow(length: u64) -> io::Result<u32> {
    u32::try_from(length).map_err(too_large)
}

fn too_large(_: std::num::TryFromIntError) -> io::Error {
    io::Error::new(io::ErrorKind::FileTooLarge, "an archive takes less than 4 GiB")
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    fn packed(content: &[u8], packing: &Packing) -> Vec<u8> {
        let mut bytes = Vec::new();
        pack(content, packing, |chunk| {
            bytes.extend_from_slice(chunk);
            Ok(())
        })
        .unwrap();
        bytes
    }

    fn zip() -> Packing {
        Packing::Zip {
            content: "Metadata/plate_1.gcode",
            md5: "Metadata/plate_1.gcode.md5",
            beside: vec![Member { name: "[Content_Types].xml", text: "<Types/>".to_owned() }],
        }
    }

    #[test]
    fn the_same_content_becomes_the_same_bytes_and_plain_content_stays_as_it_is() {
        let content = b"G1 X1 Y1 E0.1\n".repeat(20_000);
        let once = packed(&content, &zip());
        assert_eq!(once, packed(&content, &zip()));
        assert!(once.len() < content.len() / 10);
        assert_eq!(packed(&content, &Packing::Plain), content);
    }

    /// By another implementation, where there is one.
    #[test]
    fn another_implementation_reads_every_member() {
        let content = b"G1 X1 Y1 E0.1\n".repeat(20_000);
        let place = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(place.path(), packed(&content, &zip())).unwrap();
        let script = "import sys, zipfile, hashlib\nz = zipfile.ZipFile(sys.argv[1])\nassert z.testzip() is None\n\
                      g = z.read('Metadata/plate_1.gcode')\nassert len(g) == int(sys.argv[2])\n\
                      assert z.read('Metadata/plate_1.gcode.md5').decode() == hashlib.md5(g).hexdigest().upper()\n\
                      print(','.join(z.namelist()))";
        let python = std::env::var("GANTRY_PYTHON").unwrap_or_else(|_| "python3".to_owned());
        let done = Command::new(python).args(["-c", script]).arg(place.path()).arg(content.len().to_string()).output().unwrap();
        let said = String::from_utf8(done.stdout).unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        assert_eq!(said.trim(), "[Content_Types].xml,Metadata/plate_1.gcode,Metadata/plate_1.gcode.md5");
    }
}
