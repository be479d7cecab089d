//! Calls that wait at a relay for a farm that is away. What is accepted has its id already, the one that
//! the farm will give it, and stands as a pending row; its command tells how it went. Nothing that moves
//! a machine or holds a secret comes here: its row says `refused`.

use std::sync::Arc;

use contract::operation::{Contract, Method, PathParts};
use contract::problem::{Code, Problem};
use contract::record::Document;
use domain::command::CommandState;
use domain::farm::HomeIds;
use domain::id::{CommandId, FarmId};
use domain::kind::Kind;
use domain::time::Timestamp;
use serde_json::{Value, json};
use store::{AuditEntry, By as Stamp, Mail, Outcome, RequestKey, StoreError, Tx, derived_id};

use crate::auth::internal;
use crate::door::Door;
use crate::forward::{Answered, Forwarded};
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
    farm: FarmId,
    mut call: Forwarded,
    sent: &Value,
    entry: AuditEntry,
) -> Result<Answer, Problem> {
    let home = HomeIds { store_id: by.store, farm_id: farm };
    // Without a key of the caller's the request's own name is one: the farm does it once, however often it is sent.
    let key = call.idempotency_key.get_or_insert_with(|| by.request_id.clone()).clone();
    let key = RequestKey::new(&farm.to_string(), &by.actor.to_string(), C::ID, &key, sent.to_string().as_bytes());
    let stamp = Stamp { account_of: Some(by.store), ..Stamp::new(by.actor.clone(), door.now()) };
    let made = made::<C>();
    let write = move |tx: &mut Tx<'_>| {
        match tx.outcome(&key)? {
            Some(Ok(Outcome { status, reply, revision })) => {
                let body = reply.unwrap_or_default();
                return Ok(Answer { status, body, revision, cookie: None, replayed: true });
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
        tx.audit(&entry)?;
        let answer = Answer { status: 202, body, revision: None, cookie: None, replayed: false };
        tx.keep_outcome(&key, &Outcome { status: 202, reply: Some(answer.body.clone()), revision: None })?;
        Ok(answer)
    };
    door.store.write(stamp, write).await.map_err(|failure: Failure| failure.into())
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

/// Delivers what waits for a farm, oldest first, until the box is empty, the line is lost or the farm's disk is full. Returns how
/// many were answered. To be called by one task a farm.
///
/// # Errors
/// What the database says.
pub async fn deliver(door: &Arc<Door>, farm: FarmId) -> Result<usize, Problem> {
    let mut answered = 0;
    while let Some(mail) = door.store.read(|rows| rows.next_mail(farm)).map_err(|error| internal(&error))? {
        let call = serde_json::from_value(mail.call.clone()).map_err(|error| internal(&error))?;
        let Ok(answer) = door.farms.call(farm, call).await else { break };
        // A full disk is nobody's fault: what was promised waits until there is room again.
        if answer.status == Code::DiskFull.status() {
            break;
        }
        if settle(door, mail, answer).await.map_err(|error| internal(&error))? {
            answered += 1;
        }
    }
    Ok(answered)
}

/// Writes what the farm answered. False if the request shall be tried again.
async fn settle(door: &Arc<Door>, mail: Mail, answer: Answered) -> Result<bool, StoreError> {
    let stamp =
        Stamp { account_of: Some(mail.home.store_id), ..Stamp::new(domain::actor::Actor::farm(mail.home.farm_id), door.now()) };
    let write = move |tx: &mut Tx<'_>| {
        if answer.status >= 500 && answer.status != Code::UnsupportedByFarm.status() && mail.tries + 1 < TRIES {
            tx.mail_failed(mail.seq)?;
            return Ok(false);
        }
        let refused = answer.status >= 400;
        let prefix = mail.subject.split('_').next().unwrap_or_default();
        if let Some(kind) = Kind::ALL.iter().copied().find(|kind| kind.prefix() == prefix)
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
                document
                    .insert("detail".into(), answer.body.get("detail").or(answer.body.get("title")).cloned().unwrap_or_default());
                document.insert("problem".into(), answer.body.clone());
            }
            tx.change_pending(Kind::Command, &mail.command, document)?;
        }
        tx.take_mail(mail.seq)
    };
    door.store.write(stamp, write).await
}
