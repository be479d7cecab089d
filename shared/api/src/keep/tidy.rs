//! What a relay no longer has to keep: what its farm has by now, what nobody came for, and copies beyond their share.
//! Takes nothing from outside, may run at any time, and twice.

use std::time::Duration;

use contract::forward::Answered;
use contract::list::{Condition, Selection};
use contract::operation::Contract;
use contract::ops::files::UploadFile;
use contract::problem::{Code, Problem};
use contract::record::kind_row;
use domain::access::Scope;
use domain::file::FileContent;
use domain::kind::Kind;
use domain::time::Timestamp;
use serde_json::Value;
use store::{By, Kept, Mail, Rows, StoreError, Tx, Within};

use super::relay;
use crate::door::Door;
use crate::mailbox;

/// A farm that did not come for so long gets no more what was promised to it.
const LONGEST_DAYS: i64 = 30;
/// So long after it came, content may be without a file that names it.
const NAMELESS_SECONDS: i64 = 3600;

/// Lets go what farms have by now, gives up what nobody came for, and forgets the copies that were not used for
/// longest while they are more than their share.
///
/// # Errors
/// What the database says.
pub async fn settle(door: &Door) -> Result<(), StoreError> {
    let now = door.now();
    for kept in door.store.read(|rows| rows.all_kept(true))? {
        let standing = door.store.read(|rows| standing(rows, &kept))?;
        let settled = match standing {
            Standing::Awaited => false,
            Standing::Settled => true,
            Standing::Nameless => kept.since.plus_seconds(NAMELESS_SECONDS) <= now,
        };
        if settled {
            let released = Kept { promised: false, ..kept };
            door.store.write(relay(now), move |tx| tx.put_kept(&released)).await?;
        } else if kept.since.plus_seconds(LONGEST_DAYS * 24 * 3600) <= now {
            give_up(door, now, kept).await?;
        }
    }
    let copies = door.store.read(|rows| rows.all_kept(false))?;
    let mut bytes: u64 = copies.iter().map(|kept| kept.size_bytes).sum();
    for kept in copies {
        if bytes <= door.keep.cache_bytes {
            break;
        }
        bytes -= kept.size_bytes;
        door.store.write(relay(now), move |tx| tx.remove_kept(kept.home, &kept.sha256)).await?;
    }
    Ok(())
}

/// Removes from the disk what lies here for nobody, once it is an hour old: younger content may just be coming.
///
/// # Errors
/// What the database says.
pub fn sweep(door: &Door) -> Result<(), StoreError> {
    for hash in door.blobs.older_than(Duration::from_secs(3600)) {
        if !door.store.read(|rows| rows.is_kept(&hash))?
            && let Err(error) = door.blobs.remove(&hash)
        {
            tracing::warn!(%hash, %error, "content that lies here for nobody could not be removed");
        }
    }
    Ok(())
}

/// How the farm's files stand that name a content.
enum Standing {
    /// One waits for it.
    Awaited,
    /// All have it, or will not get it.
    Settled,
    /// None names it.
    Nameless,
}

fn standing(rows: Rows<'_>, kept: &Kept) -> Result<Standing, StoreError> {
    let farms = Scope::Only([kept.home.farm_id].into());
    let within = Within { store: kept.home.store_id, farms: &farms, tags: &Scope::All };
    let of_hash = Selection::all().with(Condition::OneOf("sha256", vec![kept.sha256.to_string()]));
    let files = rows.list(kind_row(Kind::File), &of_hash, within)?.rows;
    let awaits = |content: Option<&Value>| content.and_then(Value::as_str) == Some(FileContent::OnItsWay.word());
    Ok(if files.is_empty() {
        Standing::Nameless
    } else if files.iter().any(|file| file.revision == 0 || awaits(file.document.get("content"))) {
        Standing::Awaited
    } else {
        Standing::Settled
    })
}

/// Nobody came for it. What still waits in the mailbox for its sake is ended, and its command says so.
async fn give_up(door: &Door, now: Timestamp, kept: Kept) -> Result<(), StoreError> {
    tracing::info!(farm = %kept.home.farm_id, sha256 = %kept.sha256, "a farm did not come for its content, which is given up");
    let by = By { account_of: Some(kept.home.store_id), ..relay(now) };
    let problem = Problem::new(Code::FarmOffline).detail("the farm did not come for the bytes: upload the file again");
    let body = serde_json::to_value(&problem).unwrap_or_default();
    let names_it = move |mail: &Mail| {
        let text = |value: Option<&Value>| value.and_then(Value::as_str).map(str::to_owned);
        text(mail.call.get("operation")).as_deref() == Some(UploadFile::ID)
            && text(mail.call.pointer("/body/sha256")) == Some(kept.sha256.to_string())
    };
    let write = move |tx: &mut Tx<'_>| {
        let waiting: Vec<Mail> = tx.rows().all_mail(kept.home.farm_id)?.into_iter().filter(names_it).collect();
        // What was on its way once may have been done: then the farm may come for it after all.
        if waiting.iter().any(|mail| mail.sent) {
            return Ok(());
        }
        for mail in waiting {
            mailbox::end(tx, &mail, &Answered { status: problem.status, body: body.clone(), ..Answered::default() })?;
        }
        tx.remove_kept(kept.home, &kept.sha256)
    };
    door.store.write(by, write).await
}
