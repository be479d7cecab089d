//! One list out of the chains that a caller may read: at a farm its own; at a relay the store's and those of its farms, which are
//! asked over their lines. At most a page of each is held at a time.

use std::collections::{BTreeMap, VecDeque};

use contract::forward::Forwarded;
use contract::list::{MAX_LIMIT, Selection};
use contract::operation::{Contract, OperationRow};
use contract::ops::audit::{AuditFilter, AuditPage, ChainedEntry, ListAudit};
use contract::record::{Document, kind_row};
use domain::access::{Decision, Scope};
use domain::farm::HomeIds;
use domain::id::FarmId;
use domain::kind::Kind;
use serde_json::Value;
use store::{AuditPosition, Entropy};

use crate::auth::internal;
use crate::door::Door;
use crate::entropy::SystemEntropy;
use crate::operation::{By, Failure};
use crate::registry::rows;

/// How long a farm may take to answer.
const FARM_TIME: std::time::Duration = std::time::Duration::from_secs(20);

/// The chains, as far as they were read.
pub struct Merge {
    filter: AuditFilter,
    limit: usize,
    chains: Vec<Chain>,
    /// Farms that did not answer: they are left out from then on.
    pub missing: Vec<FarmId>,
}

struct Chain {
    source: Source,
    read: VecDeque<(AuditPosition, Document)>,
    /// How far it was looked.
    at: Option<AuditPosition>,
    done: bool,
}

#[derive(Clone, Copy)]
enum Source {
    Own,
    Farm(FarmId),
}

/// The chain that is kept at this door for that caller.
pub fn own_home<C: Contract>(door: &Door, by: &By<C>) -> String {
    if door.is_relay() { by.store.to_string() } else { door.home().farm_id.to_string() }
}

/// Whether the caller may read the chain that is kept at this door. A store's tells of every farm: it is for who holds them all.
pub fn reads_own<C: Contract>(door: &Door, by: &By<C>) -> bool {
    match by.grants.farms {
        Scope::All => true,
        Scope::Only(_) => !door.is_relay(),
    }
}

/// The farms of the caller's store that they may see; none at a farm.
///
/// # Errors
/// What the database says.
pub fn farms<C: Contract>(door: &Door, by: &By<C>) -> Result<Vec<FarmId>, Failure> {
    let mut farms = Vec::new();
    let mut selection = Selection { limit: MAX_LIMIT, ..Selection::all() };
    while door.is_relay() {
        let page = door.store.read(|rows| rows.list(kind_row(Kind::Farm), &selection, by.sight()))?;
        farms.extend(page.rows.iter().filter_map(|row| row.farm_id));
        selection.cursor = page.next_cursor;
        if selection.cursor.is_none() {
            break;
        }
    }
    Ok(farms)
}

impl Merge {
    /// From that place on, in pages of so many.
    ///
    /// # Errors
    /// `grants_exceeded` for who holds only some tags; what the database says.
    pub fn new<C: Contract>(
        door: &Door,
        by: &By<C>,
        mut filter: AuditFilter,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Self, Failure> {
        by.whole_farm()?;
        let after: Option<AuditPosition> = after.map(str::parse).transpose()?;
        let sources =
            reads_own(door, by).then_some(Source::Own).into_iter().chain(farms(door, by)?.into_iter().map(Source::Farm));
        // Which chains are read is settled here: a farm has one, and need not know this filter.
        let home = filter.home.take();
        let named = |source: &Source| match (source, &home) {
            (_, None) => true,
            (Source::Own, Some(home)) => *home == own_home(door, by),
            (Source::Farm(farm), Some(home)) => *home == farm.to_string(),
        };
        let chain = |source| Chain { source, read: VecDeque::new(), at: after.clone(), done: false };
        Ok(Self { filter, limit, chains: sources.filter(named).map(chain).collect(), missing: Vec::new() })
    }

    /// Reads on where nothing is left of what was read.
    ///
    /// # Errors
    /// What the database says. A farm that does not answer is missing.
    pub async fn fill<C: Contract>(&mut self, door: &Door, by: &By<C>) -> Result<(), Failure> {
        let (filter, limit) = (&self.filter, self.limit);
        let asked =
            self.chains.iter_mut().filter(|chain| !chain.done && chain.read.is_empty()).map(async |chain| match chain.source {
                Source::Own => chain.read_own(door, by, filter, limit).map(|()| None),
                Source::Farm(farm) => Ok((!chain.ask(door, by, farm, filter, limit).await).then_some(farm)),
            });
        for missing in futures_util::future::join_all(asked).await {
            self.missing.extend(missing?);
        }
        Ok(())
    }

    /// The next of what was read, as far as no chain can still have something newer.
    pub fn take(&mut self) -> Option<Document> {
        let newest = self.chains.iter_mut().filter(|chain| !chain.read.is_empty());
        let newest = newest.max_by(|a, b| a.read.front().map(|(at, _)| at).cmp(&b.read.front().map(|(at, _)| at)))?;
        let place = newest.read.front()?.0.clone();
        let unread = self.chains.iter().filter(|chain| !chain.done && chain.read.is_empty());
        if unread.map(|chain| &chain.at).any(|at| at.as_ref().is_none_or(|at| *at > place)) {
            return None;
        }
        let of = self.chains.iter_mut().find(|chain| chain.read.front().is_some_and(|(at, _)| *at == place))?;
        of.read.pop_front().map(|(_, entry)| entry)
    }

    /// Whether everything was read and given out.
    pub fn is_done(&self) -> bool {
        self.chains.iter().all(|chain| chain.done && chain.read.is_empty())
    }

    /// One page.
    ///
    /// # Errors
    /// What the database says.
    pub async fn page<C: Contract>(mut self, door: &Door, by: &By<C>) -> Result<AuditPage, Failure> {
        self.fill(door, by).await?;
        let mut items = Vec::new();
        while items.len() < self.limit
            && let Some(entry) = self.take()
        {
            items.push(entry);
        }
        let last = items.last().and_then(place);
        let unread = self.chains.iter().filter(|chain| !chain.done && chain.read.is_empty());
        let looked = unread.filter_map(|chain| chain.at.clone()).max();
        let next = match (self.is_done(), items.len() >= self.limit) {
            (true, _) => None,
            (false, true) => last,
            (false, false) => looked.or(last),
        };
        Ok(AuditPage { items, next_cursor: next.map(|place| place.to_string()), missing_farms: self.missing })
    }
}

impl Chain {
    fn read_own<C: Contract>(&mut self, door: &Door, by: &By<C>, filter: &AuditFilter, limit: usize) -> Result<(), Failure> {
        let home = own_home(door, by);
        let scan = door.store.read(|rows| rows.audit_scan(&home, by.store, filter, self.at.as_ref(), limit))?;
        let operations: BTreeMap<&str, OperationRow> = rows().into_iter().map(|row| (row.id, row)).collect();
        for (place, entry) in scan.items {
            self.read.push_back((place, shown(by, &operations, entry).map_err(|error| internal(&error))?));
        }
        self.done = scan.end.is_none();
        self.at = scan.end;
        Ok(())
    }

    /// Asks a farm. Says whether it answered.
    async fn ask<C: Contract>(&mut self, door: &Door, by: &By<C>, farm: FarmId, filter: &AuditFilter, limit: usize) -> bool {
        let mut query = filter.pairs();
        query.push(("limit".to_owned(), limit.to_string()));
        query.extend(self.at.as_ref().map(|at| ("cursor".to_owned(), at.to_string())));
        let page = ask_farm(door, by, farm, ListAudit::ID, BTreeMap::new(), query, 0).await;
        let page: Option<AuditPage> = page.and_then(|body| serde_json::from_value(body).ok());
        self.done = true;
        let Some(AuditPage { items, next_cursor, .. }) = page else { return false };
        let (home, mut last) = (farm.to_string(), self.at.clone());
        for item in items {
            // What a farm says of another's chain, or out of order, is not believed.
            let Some(at) = place(&item).filter(|at| at.home == home && last.as_ref().is_none_or(|last| at < last)) else {
                return false;
            };
            last = Some(at.clone());
            self.read.push_back((at, item));
        }
        match next_cursor.map(|cursor| cursor.parse::<AuditPosition>()) {
            None => true,
            Some(Ok(end)) if self.at.as_ref().is_none_or(|before| end < *before) => {
                (self.at, self.done) = (Some(end), false);
                true
            }
            Some(Ok(_) | Err(_)) => false,
        }
    }
}

/// Asks a farm of the caller's store; none if it is away or does not know how.
pub async fn ask_farm<C: Contract>(
    door: &Door,
    by: &By<C>,
    farm_id: FarmId,
    operation: &str,
    path: BTreeMap<String, String>,
    query: Vec<(String, String)>,
    wait_seconds: u64,
) -> Option<Value> {
    let mut random = [0; 16];
    SystemEntropy.fill(&mut random);
    let call = Forwarded {
        id: format!("call_{:032x}", u128::from_be_bytes(random)),
        operation: operation.to_owned(),
        path,
        query,
        body: Value::Null,
        idempotency_key: None,
        if_match: None,
        wait_seconds,
        actor: by.actor.clone(),
        grants: by.grants.clone(),
        from: by.from,
        request_id: by.request_id.clone(),
    };
    let home = HomeIds { store_id: by.store, farm_id };
    let time = FARM_TIME + std::time::Duration::from_secs(wait_seconds);
    let answered = tokio::time::timeout(time, door.farms.call(home, call)).await;
    let answered = answered.ok()?.ok()?;
    (answered.status < 400 && !answered.too_big).then_some(answered.body)
}

fn place(entry: &Document) -> Option<AuditPosition> {
    let at = entry.get("at")?.as_str()?.parse().ok()?;
    let home = entry.get("home")?.as_str()?.to_owned();
    Some(AuditPosition { at, home, number: entry.get("number")?.as_u64()? })
}

/// An entry as that caller may see it: records as they are shown elsewhere, and what was asked only to who may ask it.
fn shown<C: Contract>(
    by: &By<C>,
    operations: &BTreeMap<&str, OperationRow>,
    mut chained: ChainedEntry,
) -> Result<Document, serde_json::Error> {
    let grants = &by.grants;
    for change in &mut chained.entry.changes {
        let kind = kind_row(change.kind);
        for document in [&mut change.before, &mut change.after] {
            if grants.permissions.has(kind.view) {
                (kind.project)(document, grants);
            } else {
                document.clear();
            }
        }
    }
    let row = operations.get(chained.entry.operation.as_str());
    if row.is_none_or(|row| row.access.at_the_door(grants) != Decision::Allowed) {
        chained.entry.asked = Value::Null;
    }
    match serde_json::to_value(chained)? {
        Value::Object(document) => Ok(document),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => Ok(Document::new()),
    }
}
