//! The one way that every call takes: authenticate → permit → parse and validate → idempotency → run →
//! answer. Nothing that is denied or invalid ever reaches an operation.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use axum::body::Body;
use axum::response::Response;
use contract::operation::{BodyForm, BodyParts, Contract, Home, Nature, OperationRow};
use contract::problem::{Code, Problem};
use domain::access::{Access, Decision, Grants};
use domain::actor::{Actor, ActorKind};
use domain::command::Command;
use domain::id::{CommandId, StoreId};
use domain::permission::PermissionSet;
use serde_json::Value;
use store::{AuditEntry, Outcome, RequestKey};

use crate::auth::{Caller, cookie_name, known_cookie_name};
use crate::door::Door;
use crate::forward::{pass_on, passes_on};
use crate::http::{Answer, respond};
use crate::operation::{AtHome, By, Bytes, Failure, Read, Streaming, Write};
use crate::request::{How, Incoming, how, json_bytes, read};

/// An operation whose types were forgotten: a row that can be called.
#[async_trait]
pub trait Operation: Send + Sync {
    /// Its row.
    fn row(&self) -> &OperationRow;
    /// Carries it out and answers; the bytes of a stream have no such answer.
    async fn answer(
        &self,
        door: &Arc<Door>,
        caller: Option<Caller>,
        request_id: &str,
        incoming: Incoming,
    ) -> Result<Answer, Problem>;
    /// Carries it out over HTTP.
    async fn call(
        &self,
        door: &Arc<Door>,
        caller: Option<Caller>,
        request_id: &str,
        incoming: Incoming,
    ) -> Result<Response, Problem> {
        Ok(respond(self.answer(door, caller, request_id, incoming).await?))
    }
}

/// An operation that reads.
pub struct Reads<C>(OperationRow, std::marker::PhantomData<fn() -> C>);
/// An operation that writes.
pub struct Writes<C>(OperationRow, std::marker::PhantomData<fn() -> C>);
/// An operation that streams.
pub struct Streams<C>(OperationRow, std::marker::PhantomData<fn() -> C>);

macro_rules! constructors {
    ($($kind:ident: $bound:ident),*) => {$(
        impl<C: $bound> $kind<C> {
            /// The operation as a row that can be called.
            pub fn row() -> Box<dyn Operation> {
                Box::new(Self(OperationRow::of::<C>(), std::marker::PhantomData))
            }
        }
    )*};
}
constructors!(Reads: Read, Writes: Write, Streams: Bytes);

/// Nobody: who calls a public operation without a credential.
fn nobody(door: &Door, from: Option<IpAddr>) -> Caller {
    Caller {
        actor: Actor::new(ActorKind::Floor, "anonymous"),
        grants: Grants::unscoped(PermissionSet::EMPTY),
        store: door.home().store_id,
        session: None,
        expires_at: None,
        credential: [0; 32],
        from,
        limit: None,
        test: false,
    }
}

/// Who may not call learns nothing else of the call: how it was meant is judged after that.
fn permit<C: Contract>(
    door: &Door,
    caller: Option<Caller>,
    request_id: &str,
    incoming: &mut Incoming,
) -> Result<(By<C>, How), Problem> {
    let caller = match (caller, C::ACCESS) {
        (Some(caller), _) => caller,
        (None, Access::Public) => nobody(door, incoming.from),
        (None, Access::Authenticated | Access::Needs(_) | Access::OwnOrAll(..)) => {
            return Err(Problem::new(Code::Unauthenticated));
        }
    };
    if caller.test && changes_the_account::<C>() {
        return Err(Problem::new(Code::TestKey).detail("it changes nothing of the account"));
    }
    match C::ACCESS.at_the_door(&caller.grants) {
        Decision::Allowed => {
            let how = how::<C>(door, incoming)?;
            Ok((By::proven(caller, request_id.to_owned(), &how), how))
        }
        Decision::Missing(permission) if caller.test && !PermissionSet::of_test_keys().has(permission) => Err(Problem {
            permission: Some(permission),
            ..Problem::new(Code::TestKey).detail("no test key holds that permission")
        }),
        Decision::Missing(permission) => Err(Problem::missing(permission)),
    }
}

/// Whether the operation changes what belongs to no single farm.
const fn changes_the_account<C: Contract>() -> bool {
    match (C::HOME, C::NATURE) {
        (Home::Farm, _) | (Home::Account | Home::Door, Nature::Read | Nature::Live) => false,
        (Home::Account | Home::Door, Nature::Refused | Nature::Mailbox) => true,
    }
}

#[async_trait]
impl<C: Read> Operation for Reads<C> {
    fn row(&self) -> &OperationRow {
        &self.0
    }

    async fn answer(
        &self,
        door: &Arc<Door>,
        caller: Option<Caller>,
        request_id: &str,
        mut incoming: Incoming,
    ) -> Result<Answer, Problem> {
        let (by, how) = permit::<C>(door, caller, request_id, &mut incoming)?;
        let elsewhere = passes_on::<C>(door)?;
        let (asked, sent) = read::<C>(incoming).await?;
        if elsewhere {
            return pass_on(door, &by, &how, sent).await;
        }
        let reply = C::read(&by, door, asked).await.map_err(Problem::from)?;
        let copied = C::HOME == Home::Farm && door.is_relay();
        let freshness = if copied { door.farms.freshness(by.store) } else { None };
        Ok(Answer { freshness, ..Answer::of(C::STATUS, &reply)? })
    }
}

#[async_trait]
impl<C: Bytes> Operation for Streams<C> {
    fn row(&self) -> &OperationRow {
        &self.0
    }

    async fn answer(
        &self,
        door: &Arc<Door>,
        caller: Option<Caller>,
        request_id: &str,
        mut incoming: Incoming,
    ) -> Result<Answer, Problem> {
        let (by, how) = permit::<C>(door, caller, request_id, &mut incoming)?;
        let json = json_bytes(&incoming.headers, std::mem::take(&mut incoming.body)).await?;
        let body = serde_json::from_slice(&json).map_err(|error| Problem::new(Code::MalformedJson).detail(error))?;
        let (asked, _) = read::<C>(incoming).await?;
        C::forwarded(by, Arc::clone(door), asked, how, body).await.map_err(Problem::from)
    }

    async fn call(
        &self,
        door: &Arc<Door>,
        caller: Option<Caller>,
        request_id: &str,
        mut incoming: Incoming,
    ) -> Result<Response, Problem> {
        let (by, how) = permit::<C>(door, caller, request_id, &mut incoming)?;
        passes_on::<C>(door)?;
        let headers = incoming.headers.clone();
        let streamed = C::Body::FORM == BodyForm::Bytes;
        let body = if streamed { std::mem::take(&mut incoming.body) } else { Body::empty() };
        let (asked, _) = read::<C>(incoming).await?;
        C::serve(by, Arc::clone(door), Streaming { asked, how, headers, body }).await.map_err(Problem::from)
    }
}

#[async_trait]
impl<C: Write> Operation for Writes<C> {
    fn row(&self) -> &OperationRow {
        &self.0
    }

    async fn answer(
        &self,
        door: &Arc<Door>,
        caller: Option<Caller>,
        request_id: &str,
        mut incoming: Incoming,
    ) -> Result<Answer, Problem> {
        let (by, how) = permit::<C>(door, caller, request_id, &mut incoming)?;
        let elsewhere = passes_on::<C>(door)?;
        let (asked, sent) = read::<C>(incoming).await?;
        if elsewhere {
            return pass_on(door, &by, &how, sent).await;
        }
        write::<C>(door, by, &how, asked, sent).await
    }
}

/// What a transaction found: an answer of before, or a new one.
struct Done {
    answer: Answer,
    follow: Option<CommandId>,
}

/// Carries a dry run's answer out of a transaction that is thrown away.
enum Thrown {
    Failed(Failure),
    DryRun(Box<Answer>),
}

impl<E: Into<Failure>> From<E> for Thrown {
    fn from(error: E) -> Self {
        Thrown::Failed(error.into())
    }
}

async fn write<C: Write>(
    door: &Arc<Door>,
    by: By<C>,
    how: &How,
    asked: contract::operation::Asked<C>,
    sent: Value,
) -> Result<Answer, Problem> {
    let prepared = C::prepare(&by, door, &asked).await.map_err(Problem::from)?;
    // A dry run neither repeats an answer nor takes the place of the call that it tries out.
    let key =
        how.idempotency_key.as_ref().filter(|_| !by.dry_run).map(|key| request_key::<C>(door, by.store, &by.actor, key, &sent));
    let mut stamp = store::By::new(by.actor.clone(), door.now());
    stamp.clock_ok = crate::clock::is_set(stamp.now);
    stamp.account_of = door.is_relay().then(|| C::store_of(&prepared).unwrap_or(by.store));
    stamp.derive_ids = key.as_ref().map(RequestKey::digest);
    let cookies = [cookie_name(door, how.https), known_cookie_name(door, how.https)];
    let (sealer, farm, live, cookie) = (door.sealer.clone(), door.farm.clone(), door.live, cookies);
    let written = door
        .store
        .write(stamp, move |tx| {
            if let Some(key) = &key {
                match tx.outcome(key)? {
                    Some(Ok(outcome)) => return replay(outcome).map_err(Thrown::from),
                    Some(Err(())) => return Err(Problem::new(Code::IdempotencyMismatch).into()),
                    None => {}
                }
            }
            let mut entry = entry::<C>(&by, tx.now(), &sent);
            let written = {
                let mut at = AtHome::new(tx, farm.as_ref(), &sealer, live);
                C::write(&by, &mut at, asked, prepared)?
            };
            let mut answer = Answer::of(C::STATUS, &written.reply)?;
            let given = [written.cookie, written.known].into_iter().zip(cookie);
            answer.cookies = given.filter_map(|(given, name)| Some(given?.header(name))).collect();
            if by.dry_run {
                return Err(Thrown::DryRun(Box::new(answer)));
            }
            // What was made has its id only now.
            entry.subject = entry.subject.or_else(|| Some(answer.body.get("id")?.as_str()?.to_owned()));
            tx.audit(&entry)?;
            if let Some(key) = &key {
                let reply = (!written.secret).then(|| answer.body.clone());
                tx.keep_outcome(key, &Outcome { status: answer.status, reply, revision: answer.revision })?;
            }
            Ok(Done { answer, follow: written.follow })
        })
        .await;
    match written {
        Ok(Done { answer, follow: None }) => Ok(answer),
        Ok(Done { answer, follow: Some(command) }) => follow(door, answer, command, how.wait_seconds).await,
        Err(Thrown::DryRun(answer)) => Ok(Answer { status: 200, ..*answer }),
        Err(Thrown::Failed(failure)) => Err(failure.into()),
    }
}

/// The key of a call that may come again, at whichever door.
pub(crate) fn request_key<C: Contract>(door: &Door, store: StoreId, actor: &Actor, key: &str, sent: &Value) -> RequestKey {
    let home = match C::HOME {
        Home::Account => store.to_string(),
        Home::Farm | Home::Door => door.home().farm_id.to_string(),
    };
    // A plain hash of a short secret would give it away: whoever has it tries them all.
    let mut sent = sent.clone();
    replace_secrets(&mut sent, &|secret| door.sealer.mark(&secret.to_string()));
    RequestKey::new(&home, &actor.to_string(), C::ID, key, sent.to_string().as_bytes())
}

/// The first answer again. Of a command it tells how far that one has come since.
fn replay(outcome: Outcome) -> Result<Done, Problem> {
    let body = outcome.reply.ok_or_else(|| Problem::new(Code::SecretNotRepeatable))?;
    let follow = body.get("id").and_then(Value::as_str).and_then(|id| id.parse().ok());
    let answer = Answer { status: outcome.status, body, revision: outcome.revision, replayed: true, ..Answer::default() };
    Ok(Done { answer, follow })
}

/// Waits for a command's outcome; 202 if it does not come in time.
async fn follow(door: &Door, answer: Answer, command: CommandId, wait_seconds: u64) -> Result<Answer, Problem> {
    let mut head = door.store.head();
    let deadline = tokio::time::sleep(Duration::from_secs(wait_seconds));
    tokio::pin!(deadline);
    loop {
        head.mark_unchanged();
        let row = door.store.read(|rows| rows.get::<Command>(command)).map_err(|error| Problem::from(Failure::from(error)))?;
        if let Some(row) = row
            && row.record.state.is_final()
        {
            let mut body = answer.body.clone();
            if let (Value::Object(body), Ok(Value::Object(now))) = (&mut body, serde_json::to_value(&row.record)) {
                body.extend(now.into_iter().filter(|(name, _)| name != "attempt_id"));
                body.insert("revision".into(), row.revision.into());
            }
            return Ok(Answer { status: 200, body, revision: Some(row.revision), ..answer });
        }
        tokio::select! {
            () = &mut deadline => return Ok(Answer { status: 202, ..answer }),
            changed = head.changed() => if changed.is_err() { return Ok(Answer { status: 202, ..answer }) },
        }
    }
}

pub(crate) fn entry<C: Contract>(by: &By<C>, at: domain::time::Timestamp, sent: &Value) -> AuditEntry {
    let mut asked = sent.get("body").cloned().unwrap_or_default();
    replace_secrets(&mut asked, &|_| "[secret]".to_owned());
    AuditEntry {
        at,
        actor: by.actor.clone(),
        from: by.from.map(|from| from.to_string()),
        operation: C::ID.to_owned(),
        subject: sent.pointer("/path/id").and_then(Value::as_str).map(str::to_owned),
        request_id: Some(by.request_id.clone()),
        asked,
    }
}

/// Names of fields that hold secrets; a test compares them with every schema's `writeOnly`.
pub const SECRET_FIELDS: &[&str] = &[
    "credential",
    "csv",
    "current_password",
    "current_pin",
    "device_code",
    "enrolment_token",
    "one_time_token",
    "password",
    "pin",
];

fn replace_secrets(value: &mut Value, with: &dyn Fn(&Value) -> String) {
    match value {
        Value::Object(fields) => {
            for (name, field) in fields {
                if SECRET_FIELDS.contains(&name.as_str()) {
                    *field = with(field).into();
                } else {
                    replace_secrets(field, with);
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| replace_secrets(item, with)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
