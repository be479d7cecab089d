//! A file whose bytes came whole to this door becomes a record: here, or at the farm that it is for. How the bytes
//! came makes no difference.

use contract::list::{Condition, Selection};
use contract::operation::Contract;
use contract::ops::files::UploadFile;
use contract::problem::{Code, Problem};
use contract::record::{Document, Record, kind_row};
use domain::access::Scope;
use domain::farm::HomeIds;
use domain::file::{ContentHash, File, FileContent};
use domain::id::{FarmId, FileId};
use domain::sliced::{FileName, Sliced};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use store::{By as Stamp, Outcome, RawRow, RequestKey, Tx, Within};

use crate::auth::internal;
use crate::door::Door;
use crate::facts;
use crate::forward::pass_on_with;
use crate::http::Answer;
use crate::keep;
use crate::operation::{By, Failure};
use crate::pipeline::{entry, request_key};
use crate::request::How;

/// What came.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Arrived {
    /// Its name.
    pub name: FileName,
    /// Its bytes by their hash.
    pub sha256: ContentHash,
    /// How many.
    pub size_bytes: u64,
    /// What was read out of them.
    pub sliced: Sliced,
}

/// Makes the file of bytes that lie at this door.
///
/// # Errors
/// `idempotency_mismatch`, `content_limit`, or what the farm says.
pub(crate) async fn make(
    by: &By<UploadFile>,
    door: &Door,
    how: &How,
    farm: Option<FarmId>,
    arrived: Arrived,
) -> Result<Answer, Failure> {
    let Some(farm) = farm else { return create(by, door, how, arrived, true).await };
    let home = HomeIds { store_id: by.store, farm_id: farm };
    if how.idempotency_key.is_none()
        && let Some(known) = known(by, door, home, &arrived)?
    {
        return Ok(known);
    }
    let stamp = Stamp { account_of: Some(by.store), ..Stamp::new(by.actor.clone(), door.now()) };
    keep::promise(door, stamp, home, arrived.sha256, arrived.size_bytes).await?;
    let how = How { farm: Some(farm), ..how.clone() };
    let mut more = Document::new();
    more.insert("sliced".into(), serde_json::to_value(&arrived.sliced).map_err(|error| internal(&error))?);
    more.insert("content".into(), FileContent::OnItsWay.word().into());
    Ok(pass_on_with(door, by, &how, sent(&arrived), more).await?)
}

/// The same content under the same name is the same file. A relay can say so only of what it sees as it is now.
fn known(by: &By<UploadFile>, door: &Door, home: HomeIds, arrived: &Arrived) -> Result<Option<Answer>, Failure> {
    if door.farms.freshness(home.store_id).is_none_or(|fresh| fresh.away_since.is_some()) {
        return Ok(None);
    }
    let farms = Scope::Only([home.farm_id].into());
    let within = Within { store: home.store_id, farms: &farms, tags: &Scope::All };
    let hash = Condition::OneOf("sha256", vec![arrived.sha256.to_string()]);
    let content = [FileContent::Here, FileContent::OnItsWay].map(|content| content.word().to_owned()).to_vec();
    let alike = Selection::all().with(hash).with(Condition::OneOf("content", content));
    let rows = door.store.read(|rows| rows.list(kind_row(File::KIND), &alike, within))?.rows;
    let named = |row: &RawRow| row.document.get("name").and_then(Value::as_str) == Some(arrived.name.as_str());
    let same = rows.into_iter().find(|row| row.revision > 0 && named(row));
    Ok(same.map(|row| Answer::of(200, &by.show::<File>(row))).transpose()?)
}

/// What makes two uploads the same, at whichever door and in however many pieces they came.
fn sent(arrived: &Arrived) -> Value {
    let body = json!({"name": arrived.name, "sha256": arrived.sha256, "size_bytes": arrived.size_bytes});
    json!({"path": {}, "query": [], "body": body})
}

/// Makes the record at its home. The bytes are here, or will be fetched.
///
/// # Errors
/// `idempotency_mismatch`.
pub(super) async fn create(by: &By<UploadFile>, door: &Door, how: &How, arrived: Arrived, here: bool) -> Result<Answer, Failure> {
    let sent = sent(&arrived);
    let key = how.idempotency_key.as_ref().map(|key| request_key::<UploadFile>(door, by.store, &by.actor, key, &sent));
    let mut stamp = Stamp::new(by.actor.clone(), door.now());
    stamp.clock_ok = crate::clock::is_set(stamp.now);
    stamp.derive_ids = key.as_ref().map(RequestKey::digest);
    let entry = entry(by, stamp.now, &sent);
    let write = move |tx: &mut Tx<'_>| {
        match key.as_ref().map(|key| tx.outcome(key)).transpose()?.flatten() {
            Some(Ok(Outcome { status, reply, revision })) => {
                let body = reply.unwrap_or_default();
                return Ok(Answer { status, body, revision, replayed: true, ..Answer::default() });
            }
            Some(Err(())) => return Err(Problem::new(Code::IdempotencyMismatch).into()),
            None => {}
        }
        let (id, made) = put(tx, arrived, here, key.is_some())?;
        let file = tx.get::<File>(id)?.ok_or_else(|| Problem::not_found(id))?;
        let mut answer = Answer::of(if made { UploadFile::STATUS } else { 200 }, &file.record)?;
        answer.revision = Some(file.revision);
        if let Some(body) = answer.body.as_object_mut() {
            body.insert("farm_id".into(), tx.home().farm_id.to_string().into());
            body.insert("revision".into(), file.revision.into());
        }
        if made {
            tx.audit(&store::AuditEntry { subject: Some(id.to_string()), ..entry })?;
        }
        if let Some(key) = &key {
            let reply = Some(answer.body.clone());
            tx.keep_outcome(key, &Outcome { status: answer.status, reply, revision: answer.revision })?;
        }
        Ok::<_, Failure>(answer)
    };
    door.store.write(stamp, write).await
}

/// The same content under the same name is the same file: an upload that is repeated makes nothing new. But what
/// carries a key has its id by that key, which a relay may have promised.
fn put(tx: &mut Tx<'_>, arrived: Arrived, here: bool, keyed: bool) -> Result<(FileId, bool), Failure> {
    if here {
        facts::content_came(tx, &arrived.sha256, &arrived.sliced)?;
    }
    let same = tx.rows().of_store_where::<File>(tx.store(), "sha256", &[&arrived.sha256.to_string()])?;
    let content = if here || same.iter().any(|known| known.record.content == FileContent::Here) {
        FileContent::Here
    } else {
        FileContent::OnItsWay
    };
    let known = same.into_iter().map(|row| row.record).find(|known| known.name == arrived.name.as_str());
    if let Some(known) = known.filter(|_| !keyed) {
        let id = known.id;
        if known.content != content {
            tx.update(&File { content, detail: None, ..known })?;
        }
        return Ok((id, false));
    }
    let id: FileId = tx.new_id();
    let file = File {
        id,
        name: arrived.name.as_str().to_owned(),
        sha256: arrived.sha256,
        size_bytes: arrived.size_bytes,
        content,
        detail: None,
        sliced: arrived.sliced,
        created_by: tx.actor().clone(),
        created_at: tx.now(),
    };
    tx.create(&file)?;
    Ok((id, true))
}
