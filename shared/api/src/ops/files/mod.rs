//! Files: uploads, downloads, pictures.

mod delete_file;
mod download_file;
mod get_thumbnail;
mod upload_file;

use contract::problem::{Code, Problem};

/// What the file system says, as a problem.
fn disk(error: &std::io::Error) -> Problem {
    match error.kind() {
        std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => Problem::new(Code::DiskFull),
        _ => crate::auth::internal(error),
    }
}
