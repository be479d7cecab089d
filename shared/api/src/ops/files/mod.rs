//! Files: uploads, downloads, pictures.

mod delete_file;
mod download_file;
mod get_thumbnail;
mod upload_file;

use std::io::ErrorKind;

use contract::problem::{Code, Problem};

/// What the file system says, as a problem.
fn disk(error: &std::io::Error) -> Problem {
    if matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded) {
        Problem::new(Code::DiskFull)
    } else {
        crate::auth::internal(error)
    }
}
