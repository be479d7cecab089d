//! Files: uploads, downloads, pictures.

mod arrived;
mod delete_file;
mod download_file;
mod get_thumbnail;
mod upload_file;

use std::io::ErrorKind;

use contract::problem::{Code, Problem};

pub(crate) use arrived::{Arrived, make};

/// The largest file.
pub(crate) const LARGEST: u64 = 4 * 1024 * 1024 * 1024;

/// What the file system says, as a problem.
pub(crate) fn disk(error: &std::io::Error) -> Problem {
    if matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded) {
        Problem::new(Code::DiskFull)
    } else {
        crate::auth::internal(error)
    }
}
