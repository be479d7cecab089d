//! Calls that wait at a relay for a farm that is away. What is accepted has its id already, the one that
//! the farm will give it, and stands as a pending row; its command tells how it went. Nothing that moves
//! a machine or holds a secret comes here: its row says `refused`.

use std::sync::Arc;

use contract::forward::{Answered, Forwarded};
use contract::operation::{Contract, Method, PathParts};
use contract::problem::{Code, Problem};
use contract::record::Document;
use domain::actor::Actor;
use domain::command::CommandState;
use domain::farm::HomeIds;
use domain::id::{CommandId, FarmId};
use domain::kind::Kind;
use domain::time::Timestamp;
use serde_json::{Value, json};
use store::{AuditEntry, By as Stamp, Mail, Outcome, RequestKey, StoreError, Tx, derived_id};

use crate::door::Door;
use crate::forward::own_key;
use crate::http::Answer;
use crate::operation::{By, Failure};

/// How often a farm may fail over a request before the others go on without it.
const TRIES: u32 = 3;

/// Accepts a call for a farm that is away.
///
/// # Errors
/// `idempotency_mismatch`, or what the database says.
pub async fn accept<C: Contract>(
    door: &Door,
    by: &By<C>,
    home: HomeIds,
    mut call: Forwarded,
    sent: &Value,
    entry: AuditEntry,
) -> Result<Answer, Problem> {
    let farm = home.farm_id;
    // Without a key of the caller's the request's own name is one: the farm does it once, however often it is sent.
    let key = call.idempotency_key.get_or_insert_with(|| own_key(&by.request_id, &call.path)).clone();
    let key = RequestKey::new(&farm.to_string(), &by.actor.to_string(), C::ID, &key, sent.to_string().as_bytes());
    let stamp = Stamp { account_of: Some(by.store), ..Stamp::new(by.actor.clone(), door.now()) };
    let made = made::<C>();
    let write = move |tx: &mut Tx<'_>| {
        match tx.outcome(&key)? {
            Some(Ok(Outcome { status, reply, revision })) => {
                let body = reply.unwrap_or_default();
                return Ok(Answer { status, body, revision, replayed: true, ..Answer::default() });
            }
            Some(Err(())) => return Err(Problem::new(Code::IdempotencyMismatch).into()),
            None => {}
        }
        let command: CommandId = tx.new_id();
        let subject = match (made, call.path.get("id")) {
            (Some(kind), _) => derived_id(kind, key.digest(), 0),
            (None, Some(id)) => id.clone(),
            (None, None) => farm.to_string(),
        };
        let followed = followed(&command, &call, &subject, tx.now());
        tx.put_pending(home, Kind::Command, &command.to_string(), followed.clone())?;
        let mut body = json!({"id": subject, "command": followed});
        if let Some(kind) = made {
            let document = pending(&call, &subject, tx.now());
            tx.put_pending(home, kind, &subject, document.clone())?;
            if let Value::Object(fields) = &mut body {
                fields.extend(document);
                fields.insert("revision".into(), 0.into());
                fields.insert("farm_id".into(), farm.to_string().into());
            }
        }
        let call = serde_json::to_value(&call).map_err(|cause| StoreError::Document { kind: "mailbox", cause })?;
        tx.post_mail(home, &command.to_string(), &subject, &call)?;
        show_waiting(tx, &subject)?;
        tx.audit(&entry)?;
        let answer = Answer { status: 202, body, ..Answer::default() };
        tx.keep_outcome(&key, &Outcome { status: 202, reply: Some(answer.body.clone()), revision: None })?;
        Ok(answer)
    };
    let accepted = door.store.write(stamp, write).await.map_err(|failure: Failure| Problem::from(failure))?;
    door.farms.mail(farm);
    Ok(accepted)
}

/// The kind that an operation makes one of: it posts to the kind's own path.
fn made<C: Contract>() -> Option<Kind> {
    let makes = C::METHOD == Method::Post && C::Target::NAMES.is_empty();
    let noun = C::PATH.split('/').nth(2).filter(|_| makes && C::PATH.split('/').count() == 3)?;
    Kind::ALL.iter().copied().find(|kind| kind.plural() == noun)
}

/// The thing as it was asked for. What the farm adds comes with the farm's own row.
fn pending(call: &Forwarded, id: &str, now: Timestamp) -> Document {
    let mut document = call.body.as_object().cloned().unwrap_or_default();
    document.insert("id".into(), id.into());
    document.insert("created_at".into(), now.to_string().into());
    document.insert("created_by".into(), json!(call.actor));
    document.insert("pending".into(), true.into());
    document
}

/// The command that tells how it went.
fn followed(command: &CommandId, call: &Forwarded, subject: &str, now: Timestamp) -> Document {
    let document = json!({
        "id": command,
        "operation": call.operation,
        "subject": subject,
        "state": CommandState::Accepted.word(),
        "created_by": call.actor,
        "created_at": now,
    });
    document.as_object().cloned().unwrap_or_default()
}

/// The oldest call that waits for a farm, with its place, to be sent. They go one by one, and each until it is settled.
///
/// # Errors
/// What the database says.
pub async fn next(door: &Door, farm: FarmId) -> Result<Option<(u64, Forwarded)>, StoreError> {
    let by = Stamp::new(Actor::farm(farm), door.now());
    let write = move |tx: &mut Tx<'_>| {
        let mail = tx.rows().next_mail(farm)?;
        mail.iter().try_for_each(|mail| tx.mail_sent(mail.seq))?;
        Ok::<_, StoreError>(mail)
    };
    let Some(mail) = door.store.write(by, write).await? else { return Ok(None) };
    let call = serde_json::from_value(mail.call).map_err(|cause| StoreError::Document { kind: "mailbox", cause })?;
    Ok(Some((mail.seq, call)))
}

/// What became of a call that waited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settled {
    /// It was answered and left the box.
    Answered,
    /// It stays, to be tried again: the farm failed over it.
    Again,
    /// It stays until the farm's disk has room again: that is nobody's fault.
    Full,
    /// It had left the box before.
    Gone,
}

/// Writes what the farm answered to the oldest call.
///
/// # Errors
/// What the database says.
pub async fn settle(door: &Arc<Door>, farm: FarmId, seq: u64, answer: Answered) -> Result<Settled, StoreError> {
    let Some(mail) = door.store.read(|rows| rows.next_mail(farm))?.filter(|mail| mail.seq == seq) else {
        return Ok(Settled::Gone);
    };
    if answer.status == Code::DiskFull.status() {
        return Ok(Settled::Full);
    }
    let answered = written(door, mail, answer).await?;
    Ok(if answered { Settled::Answered } else { Settled::Again })
}

/// Brings up to date what a thing says of the calls about it that wait.
fn show_waiting(tx: &mut Tx<'_>, subject: &str) -> Result<(), StoreError> {
    match kind_of(subject) {
        Some(kind) => tx.overlay_copy(kind, subject, |_| {}).map(drop),
        None => Ok(()),
    }
}

fn kind_of(id: &str) -> Option<Kind> {
    let prefix = id.split('_').next().unwrap_or_default();
    Kind::ALL.iter().copied().find(|kind| kind.prefix() == prefix)
}

/// Takes a call back that was not sent yet.
///
/// # Errors
/// `illegal_state` if it does not wait any more, or was sent: then it may have been done.
pub fn withdraw(tx: &mut Tx<'_>, command: CommandId) -> Result<(), Failure> {
    let refused = |detail: &str| Problem::new(Code::IllegalState).detail(detail).on(command);
    let Some(mail) = tx.rows().mail_of(&command.to_string())? else { return Err(refused("it does not wait for a farm").into()) };
    if mail.sent {
        return Err(refused("it was sent to the farm, and may have been done").into());
    }
    let problem = Problem::new(Code::Withdrawn);
    let body = serde_json::to_value(&problem).unwrap_or_default();
    end(tx, &mail, &Answered { status: problem.status, body, ..Answered::default() })?;
    Ok(())
}

/// Ends what waits for a farm that is no longer the store's: it will never be done.
///
/// # Errors
/// What the database says.
pub fn end_all(tx: &mut Tx<'_>, home: HomeIds) -> Result<(), StoreError> {
    while let Some(mail) = tx.rows().next_mail(home.farm_id)? {
        let problem = Problem::new(Code::FarmOffline).detail("the farm left the store before it could be done");
        let body = serde_json::to_value(&problem).unwrap_or_default();
        end(tx, &mail, &Answered { status: problem.status, body, ..Answered::default() })?;
    }
    Ok(())
}

/// Writes what the farm answered. False if the request shall be tried again.
async fn written(door: &Arc<Door>, mail: Mail, answer: Answered) -> Result<bool, StoreError> {
    let stamp = Stamp { account_of: Some(mail.home.store_id), ..Stamp::new(Actor::farm(mail.home.farm_id), door.now()) };
    let write = move |tx: &mut Tx<'_>| {
        if answer.status >= 500 && answer.status != Code::UnsupportedByFarm.status() && mail.tries + 1 < TRIES {
            tx.mail_failed(mail.seq)?;
            return Ok(false);
        }
        end(tx, &mail, &answer)
    };
    door.store.write(stamp, write).await
}

/// Writes how a call ended, and takes it out of the box. Says whether it was still there.
pub(crate) fn end(tx: &mut Tx<'_>, mail: &Mail, answer: &Answered) -> Result<bool, StoreError> {
    let refused = answer.status >= 400;
    if let Some(kind) = kind_of(&mail.subject)
        && refused
    {
        tx.drop_pending(kind, &mail.subject)?;
    }
    if let Some(row) = tx.rows().raw(Kind::Command, &mail.command)? {
        let mut document = row.document;
        let state = if refused { CommandState::Failed } else { CommandState::Completed };
        document.insert("state".into(), state.word().into());
        document.insert("ended_at".into(), tx.now().to_string().into());
        if refused {
            document.insert("detail".into(), answer.body.get("detail").or(answer.body.get("title")).cloned().unwrap_or_default());
            document.insert("problem".into(), answer.body.clone());
        }
        tx.change_pending(Kind::Command, &mail.command, document)?;
    }
    let taken = tx.take_mail(mail.seq)?;
    show_waiting(tx, &mail.subject)?;
    Ok(taken)
}
