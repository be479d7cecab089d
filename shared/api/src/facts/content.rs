//! Bytes that were on their way to the farm came, or will not come.

use domain::file::{ContentHash, File, FileContent};
use domain::job::Job;
use domain::sliced::Sliced;
use store::Tx;

use crate::operation::Failure;
use crate::ops::jobs::needs_of;

/// The bytes are here, and this is what the farm's own reader found in them. Jobs that took their needs from what the
/// relay had read take them from this.
///
/// # Errors
/// What the database says.
pub fn content_came(tx: &mut Tx<'_>, sha256: &ContentHash, sliced: &Sliced) -> Result<(), Failure> {
    for file in not_here(tx, sha256)? {
        if file.sliced != *sliced {
            take_needs(tx, &file, sliced)?;
        }
        tx.update(&File { content: FileContent::Here, detail: None, sliced: sliced.clone(), ..file })?;
    }
    Ok(())
}

/// The bytes will not come, or were refused.
///
/// # Errors
/// What the database says.
pub fn content_failed(tx: &mut Tx<'_>, sha256: &ContentHash, content: FileContent, why: &str) -> Result<(), Failure> {
    for file in not_here(tx, sha256)?.into_iter().filter(|file| file.content == FileContent::OnItsWay) {
        tx.update(&File { content, detail: Some(why.to_owned()), ..file })?;
    }
    Ok(())
}

/// Nothing more comes: the farm has left the store whose relay had it.
///
/// # Errors
/// What the database says.
pub fn no_content_comes(tx: &mut Tx<'_>, why: &str) -> Result<(), Failure> {
    for file in tx.rows().of_store_where::<File>(tx.store(), "content", &[FileContent::OnItsWay.word()])? {
        tx.update(&File { content: FileContent::Missing, detail: Some(why.to_owned()), ..file.record })?;
    }
    Ok(())
}

fn not_here(tx: &Tx<'_>, sha256: &ContentHash) -> Result<Vec<File>, Failure> {
    let files = tx.rows().of_store_where::<File>(tx.store(), "sha256", &[&sha256.to_string()])?;
    Ok(files.into_iter().map(|row| row.record).filter(|file| file.content != FileContent::Here).collect())
}

fn take_needs(tx: &mut Tx<'_>, file: &File, sliced: &Sliced) -> Result<(), Failure> {
    let (before, now) = (needs_of(&file.sliced), needs_of(sliced));
    for job in tx.rows().all_where::<Job>("phase", &["waiting"])? {
        if job.record.file_id == file.id && job.record.needs == before && before != now {
            tx.update(&Job { needs: now.clone(), ..job.record })?;
        }
    }
    Ok(())
}
