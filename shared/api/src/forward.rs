//! Calls that a relay passes on to the farm whose facts they are about. They were judged at the relay's
//! door, and go with their actor and what the actor held then; the farm judges them again with that.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use axum::body::Body;
use contract::forward::{Answered, Forwarded};
use contract::list::{Condition, Selection};
use contract::operation::{Contract, Home, Nature};
use contract::problem::{Code, Problem};
use contract::record::{Document, kind_row};
use domain::farm::HomeIds;
use domain::file::ContentHash;
use domain::id::{FarmId, PrinterId, StoreId};
use domain::kind::Kind;
use domain::telemetry::Telemetry;
use domain::time::Timestamp;
use http::header::{CONTENT_TYPE, IF_MATCH};
use http::{HeaderMap, HeaderName, HeaderValue};
use serde::Deserialize;
use serde_json::Value;
use store::Entropy;
use tokio::sync::broadcast;

use crate::auth::{Caller, internal};
use crate::door::Door;
use crate::entropy::SystemEntropy;
use crate::http::Answer;
use crate::mailbox;
use crate::operation::{By, Failure};
use crate::pipeline::{Operation, entry};
use crate::registry::registry;
use crate::request::{How, Incoming};

/// The farms that a relay has a line to.
#[async_trait]
pub trait Farms: Send + Sync {
    /// Passes a call on and waits for its answer. The rows that came with it are in the copy by then.
    ///
    /// # Errors
    /// `farm_offline` if there is no line; then nothing has happened and nothing will. `no_answer` if the line broke
    /// or the farm took too long: it may have happened.
    async fn call(&self, home: HomeIds, call: Forwarded) -> Result<Answered, Problem>;

    /// Something new waits in the farm's mailbox.
    fn mail(&self, farm: FarmId);

    /// Whether the farm still belongs to the store.
    fn belongs(&self, home: HomeIds) -> bool;

    /// The farm is no longer the store's: its line ends.
    fn revoked(&self, home: HomeIds);

    /// Asks a farm to bring content up. It may come, or not: whoever still lacks it asks again.
    ///
    /// # Errors
    /// `farm_offline` if there is no line.
    fn want_content(&self, home: HomeIds, sha256: ContentHash) -> Result<(), Problem>;

    /// How fresh a store's copies are.
    fn freshness(&self, store: StoreId) -> Option<Freshness>;

    /// What a printer showed last.
    fn telemetry(&self, printer: PrinterId) -> Option<Telemetry>;

    /// Live values of a store's printers, sent for as long as somebody listens.
    fn follow_telemetry(&self, store: StoreId) -> broadcast::Receiver<(PrinterId, Telemetry)>;
}

/// How fresh the copies of a store's farms are: the oldest counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Freshness {
    /// All copies are as they were at that time, or later.
    pub as_of: Timestamp,
    /// A farm is away since then.
    pub away_since: Option<Timestamp>,
}

/// A door without a line to any farm.
pub struct NoFarms;

#[async_trait]
impl Farms for NoFarms {
    async fn call(&self, _: HomeIds, _: Forwarded) -> Result<Answered, Problem> {
        std::future::ready(Err(Problem::new(Code::FarmOffline))).await
    }

    fn mail(&self, _: FarmId) {}

    fn belongs(&self, _: HomeIds) -> bool {
        true
    }

    fn revoked(&self, _: HomeIds) {}

    fn want_content(&self, _: HomeIds, _: ContentHash) -> Result<(), Problem> {
        Err(Problem::new(Code::FarmOffline))
    }

    fn freshness(&self, _: StoreId) -> Option<Freshness> {
        None
    }

    fn telemetry(&self, _: PrinterId) -> Option<Telemetry> {
        None
    }

    fn follow_telemetry(&self, _: StoreId) -> broadcast::Receiver<(PrinterId, Telemetry)> {
        broadcast::channel(1).1
    }
}

/// The key of a call whose caller gave none: the request's own name, and about which thing, for one request may be about many.
pub fn own_key(request_id: &str, path: &BTreeMap<String, String>) -> String {
    path.get("id").map_or_else(|| request_id.to_owned(), |id| format!("{request_id}:{id}"))
}

/// Whether this door passes the operation on to a farm.
///
/// # Errors
/// `relay_only` for account facts at a door that is not their home; `farm_offline` at a door that has
/// neither a floor nor farms.
pub fn passes_on<C: Contract>(door: &Door) -> Result<bool, Problem> {
    match (C::HOME, C::NATURE) {
        (Home::Farm, _) if door.farm.is_some() => Ok(false),
        (Home::Farm, Nature::Read) => Ok(false),
        (Home::Farm, Nature::Mailbox | Nature::Refused | Nature::Live) if door.is_relay() => Ok(true),
        (Home::Farm, Nature::Mailbox | Nature::Refused | Nature::Live) => Err(Problem::new(Code::FarmOffline)),
        (Home::Account, Nature::Read) => Ok(false),
        (Home::Account, Nature::Mailbox | Nature::Refused | Nature::Live) => match door.accounts.claim() {
            None => Ok(false),
            Some(claim) => Err(Problem::new(Code::RelayOnly).detail(format!("change it at {}", claim.relay_url))),
        },
        (Home::Door, _) => Ok(false),
    }
}

/// Passes a call on that was permitted and read. `sent` is the request as it was understood.
///
/// # Errors
/// `not_found`, `farm_required`, `farm_offline`, or what the farm says.
pub async fn pass_on<C: Contract>(door: &Door, by: &By<C>, how: &How, sent: Value) -> Result<Answer, Problem> {
    pass_on_with(door, by, how, sent, Document::new()).await
}

/// Passes a call on with more in its body than was asked: what this door found out itself. It is no part of what
/// makes two calls the same.
///
/// # Errors
/// As [`pass_on`].
pub async fn pass_on_with<C: Contract>(
    door: &Door,
    by: &By<C>,
    how: &How,
    sent: Value,
    more: Document,
) -> Result<Answer, Problem> {
    #[derive(Deserialize)]
    struct Sent {
        path: BTreeMap<String, String>,
        query: Vec<(String, String)>,
        body: Value,
    }
    let entry = entry(by, door.now(), &sent);
    let Sent { path, mut query, mut body } = serde_json::from_value(sent.clone()).map_err(|error| internal(&error))?;
    let farm = farm_of(door, by, how, path.get("id").map(String::as_str)).map_err(Problem::from)?;
    let home = HomeIds { store_id: by.store, farm_id: farm };
    if !door.farms.belongs(home) {
        return Err(Problem::new(Code::FarmLeft).on(farm));
    }
    let is_content = !more.is_empty();
    if let Some(fields) = body.as_object_mut() {
        fields.extend(more);
    }
    if how.dry_run {
        query.push(("dry_run".to_owned(), "true".to_owned()));
    }
    let mut random = [0; 16];
    SystemEntropy.fill(&mut random);
    // What may wait carries a key in any case: if the line breaks and it is sent again, it is done once. Content is told by its hash.
    let may_wait = C::NATURE == Nature::Mailbox && !how.dry_run;
    let own_key = (may_wait && !is_content).then(|| own_key(&by.request_id, &path));
    let call = Forwarded {
        id: format!("call_{:032x}", u128::from_be_bytes(random)),
        operation: C::ID.to_owned(),
        path,
        query,
        body,
        idempotency_key: how.idempotency_key.clone().or(own_key),
        if_match: how.if_match,
        wait_seconds: how.wait_seconds,
        actor: by.actor.clone(),
        grants: by.grants.clone(),
        from: by.from,
        request_id: by.request_id.clone(),
    };
    // Behind what waits already: a job must not come before the part that it names.
    if may_wait && door.store.read(|rows| rows.next_mail(farm)).map_err(|error| internal(&error))?.is_some() {
        return mailbox::accept(door, by, home, call, &sent, entry).await;
    }
    let answered = match door.farms.call(home, call.clone()).await {
        Err(problem) if may_wait && matches!(problem.code, Code::FarmOffline | Code::NoAnswer) => {
            return mailbox::accept(door, by, home, call, &sent, entry).await;
        }
        answered => answered?,
    };
    let Answered { status, body, revision, replayed, rows: _, too_big } = answered;
    if too_big {
        let done = "it is done, and its answer is too large for the line to the farm: ask for the thing itself";
        return Err(Problem::new(Code::NoAnswer).detail(done));
    }
    if status >= 400 {
        // A newer farm may know codes that are not known here.
        let unknown =
            |error| Problem::new(Code::Internal).detail(format!("the farm refused in words of a newer version: {error}"));
        return Err(serde_json::from_value(body).unwrap_or_else(unknown));
    }
    Ok(Answer { status, body, revision, replayed, ..Answer::default() })
}

/// The farm that a call is about: that of the thing it names, the one it asks for, or the only one.
///
/// # Errors
/// `not_found`, `farm_required`, `farm_offline`, `pending`.
pub fn farm_of<C: Contract>(door: &Door, by: &By<C>, how: &How, id: Option<&str>) -> Result<FarmId, Failure> {
    let sight = by.sight();
    door.store.read(|rows| {
        if let Some(id) = id.map(str::to_owned).or_else(|| how.farm.map(|farm| farm.to_string())) {
            let prefix = id.split('_').next().unwrap_or_default();
            let kind = Kind::ALL.iter().copied().find(|kind| kind.prefix() == prefix);
            let row = kind.map(|kind| rows.visible(kind_row(kind), &id, sight)).transpose()?.flatten();
            let row = row.ok_or_else(|| Problem::not_found(&id))?;
            if row.revision == 0 {
                return Err(Problem::new(Code::Pending).on(id).into());
            }
            return row.farm_id.ok_or_else(|| Problem::not_found(id).into());
        }
        // A test farm beside the only real one changes nothing for who names none: live work goes to live farms.
        let live = |word: &str| Condition::OneOf("live", vec![word.to_owned()]);
        let of = |word| rows.list(kind_row(Kind::Farm), &Selection { limit: 2, ..Selection::all() }.with(live(word)), sight);
        let live = of("true")?.rows;
        let farms = if live.is_empty() { of("false")?.rows } else { live };
        match farms.as_slice() {
            [] => Err(Problem::new(Code::FarmOffline).detail("no farm that you may use belongs to this store yet").into()),
            [only] => only.farm_id.ok_or_else(|| Problem::not_found(&only.id).into()),
            [_, ..] => Err(Problem::new(Code::FarmRequired).detail("name it as `farm_id` in the query").into()),
        }
    })
}

/// Rows that go with an answer at the most; the feed brings the rest.
const ROWS: usize = 64;

/// Carries out a call that a relay passed on. Its rights are those that it came with: what of the
/// accounts is known here may be older.
pub async fn carry_out(door: &Arc<Door>, operations: &Operations, call: Forwarded) -> Answered {
    let before = *door.store.head().borrow();
    let mut answered = match answer(door, operations, call).await {
        Ok(Answer { status, body, revision, replayed, .. }) => {
            Answered { status, body, revision, replayed, ..Answered::default() }
        }
        Err(problem) => {
            let body = serde_json::to_value(&problem).unwrap_or_default();
            Answered { status: problem.status, body, ..Answered::default() }
        }
    };
    // Who asked reads their own writes. A failure to read them is no failure of the call: the feed brings them too.
    if answered.status < 400 {
        let changed = door.store.read(|rows| rows.feed_after(door.home().store_id, before, ROWS)).unwrap_or_default();
        answered.rows = changed.into_iter().map(Into::into).collect();
    }
    answered
}

/// Every operation by its name.
pub struct Operations(BTreeMap<&'static str, Box<dyn Operation>>);

impl Default for Operations {
    fn default() -> Self {
        Self(registry().into_iter().map(|operation| (operation.row().id, operation)).collect())
    }
}

async fn answer(door: &Arc<Door>, operations: &Operations, call: Forwarded) -> Result<Answer, Problem> {
    let unsupported = || Problem::new(Code::UnsupportedByFarm).detail(format!("`{}` is not known to the farm", call.operation));
    let operation = operations.0.get(call.operation.as_str()).ok_or_else(unsupported)?;
    // Account facts have no business in the tunnel, and a session's own door is the one that it was made at.
    if operation.row().home != Home::Farm {
        return Err(unsupported());
    }
    let caller = Caller {
        actor: call.actor,
        grants: call.grants,
        store: door.home().store_id,
        session: None,
        expires_at: None,
        credential: [0; 32],
        from: call.from,
        limit: None,
        test: false,
    };
    let mut headers = HeaderMap::new();
    let mut put = |name: HeaderName, value: String| {
        let value = HeaderValue::try_from(value).map_err(|_| Problem::new(Code::MalformedRequest));
        value.map(|value| drop(headers.insert(name, value)))
    };
    put(HeaderName::from_static("prefer"), format!("wait={}", call.wait_seconds))?;
    put(CONTENT_TYPE, "application/json".to_owned())?;
    if let Some(key) = call.idempotency_key {
        put(HeaderName::from_static("idempotency-key"), key)?;
    }
    if let Some(revision) = call.if_match {
        put(IF_MATCH, format!("\"{revision}\""))?;
    }
    let body = if call.body.is_null() { Body::empty() } else { Body::from(call.body.to_string()) };
    let incoming = Incoming { path: call.path, query: call.query, headers, from: call.from, https: door.https, body };
    operation.answer(door, Some(caller), &call.request_id, incoming).await
}
