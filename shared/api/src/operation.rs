//! What an operation does. A read looks; a write decides on what it reads inside its transaction; bytes
//! are streamed. Each gets a proof ([`By`]) that only the pipeline can make: signed in, permitted,
//! validated. Rows are reached through that proof, so another store's row is simply absent.

use std::future::Future;
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use contract::list::{ListQuery, Page, View};
use contract::operation::{Asked, Contract};
use contract::problem::{Code, Problem};
use contract::record::{Record, kind_row};
use domain::access::{Decision, Scope};
use domain::id::CommandId;
use domain::text::Tag;
use http::HeaderMap;
use serde_json::Value;
use store::{RawRow, Row, Rows, Sealer, StoreError, Tx, Within};

use crate::auth::{Caller, SessionCookie, internal};
use crate::door::{Door, FarmHome};
use crate::floor::Floor;
use crate::http::Answer;
use crate::request::{Browser, How};

/// The proof that this caller may call `C`, and how they called.
pub struct By<C> {
    caller: Caller,
    /// The request.
    pub request_id: String,
    /// The revision that the caller expects.
    pub if_match: Option<u64>,
    /// Tell what would happen.
    pub dry_run: bool,
    /// What their browser tells of itself.
    pub browser: Browser,
    of: PhantomData<fn() -> C>,
}

impl<C> Deref for By<C> {
    type Target = Caller;
    fn deref(&self) -> &Caller {
        &self.caller
    }
}

/// An error on the way out of an operation: a problem, or the store's word.
#[derive(Debug)]
pub enum Failure {
    /// Told to the caller as it is.
    Problem(Box<Problem>),
    /// Judged by the pipeline.
    Store(StoreError),
}

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Self {
        Self::Problem(Box::new(problem))
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<domain::attempt::IllegalTransition> for Failure {
    fn from(illegal: domain::attempt::IllegalTransition) -> Self {
        Problem::from(illegal).into()
    }
}

impl From<domain::field::BadField> for Failure {
    fn from(bad: domain::field::BadField) -> Self {
        Problem::from(bad).into()
    }
}

impl From<Failure> for Problem {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Problem(problem) => *problem,
            Failure::Store(StoreError::BadCursor) => {
                Problem::field("query/cursor", "invalid", "the cursor does not belong to this list")
            }
            Failure::Store(StoreError::Exists { id, .. }) => Problem::new(Code::AlreadyExists).on(id),
            Failure::Store(error) if error.is_disk_full() => Problem::new(Code::DiskFull),
            Failure::Store(error) => internal(&error),
        }
    }
}

/// Looks, and changes nothing.
pub trait Read: Contract {
    /// The answer.
    fn read(by: &By<Self>, door: &Door, asked: Asked<Self>) -> impl Future<Output = Result<Self::Reply, Failure>> + Send;
}

/// Changes facts in one transaction.
pub trait Write: Contract {
    /// What was made ready before the transaction.
    type Prepared: Send + 'static;

    /// Makes ready what takes long or needs the floor. Changes nothing.
    fn prepare(by: &By<Self>, door: &Door, asked: &Asked<Self>) -> impl Future<Output = Result<Self::Prepared, Failure>> + Send;

    /// The store that is written for at a relay, where the call itself says it: whoever signs in belongs
    /// to no store before that.
    fn store_of(_prepared: &Self::Prepared) -> Option<domain::id::StoreId> {
        None
    }

    /// Decides and writes. What it returns has happened only after the commit.
    ///
    /// # Errors
    /// A problem; then nothing has happened.
    fn write(
        by: &By<Self>,
        at: &mut AtHome<'_, '_>,
        asked: Asked<Self>,
        prepared: Self::Prepared,
    ) -> Result<Written<Self::Reply>, Failure>;
}

/// A request that is more than its types: headers of a protocol of its own, and bytes that are read as they come.
pub struct Streaming<C: Contract> {
    /// Where and how.
    pub asked: Asked<C>,
    /// What belongs to the pipeline.
    pub how: How,
    /// The headers.
    pub headers: HeaderMap,
    /// The bytes.
    pub body: axum::body::Body,
}

/// Streams bytes in or out, or speaks a protocol of headers. At a relay nothing of it is passed on by the pipeline:
/// the operation itself knows what of it goes over the line.
pub trait Bytes: Contract {
    /// The whole answer.
    fn serve(
        by: By<Self>,
        door: Arc<Door>,
        call: Streaming<Self>,
    ) -> impl Future<Output = Result<axum::response::Response, Failure>> + Send;

    /// What the operation's own part at a relay asks of the farm, as JSON. No HTTP call comes here.
    fn forwarded(
        _by: By<Self>,
        _door: Arc<Door>,
        _asked: Asked<Self>,
        _how: How,
        _body: Value,
    ) -> impl Future<Output = Result<Answer, Failure>> + Send {
        std::future::ready(Err(Problem::new(Code::UnsupportedByFarm).detail("bytes do not go over the line").into()))
    }
}

/// The right to write here, and the transaction to do it in.
pub struct AtHome<'a, 'c> {
    tx: &'a mut Tx<'c>,
    farm: Option<&'a FarmHome>,
    /// The key for secrets.
    pub sealer: &'a Sealer,
    /// False for a simulated farm.
    pub live: bool,
}

impl<'a, 'c> AtHome<'a, 'c> {
    pub(crate) const fn new(tx: &'a mut Tx<'c>, farm: Option<&'a FarmHome>, sealer: &'a Sealer, live: bool) -> Self {
        Self { tx, farm, sealer, live }
    }

    /// The floor.
    ///
    /// # Errors
    /// `farm_offline` where there is none.
    pub fn floor(&self) -> Result<&'a dyn Floor, Failure> {
        self.farm.map(FarmHome::floor).ok_or_else(|| Problem::new(Code::FarmOffline).into())
    }
}

impl<'c> Deref for AtHome<'_, 'c> {
    type Target = Tx<'c>;
    fn deref(&self) -> &Tx<'c> {
        self.tx
    }
}

impl<'c> DerefMut for AtHome<'_, 'c> {
    fn deref_mut(&mut self) -> &mut Tx<'c> {
        self.tx
    }
}

/// What a write answers.
pub struct Written<T> {
    /// The answer.
    pub reply: T,
    /// The command to wait for, if it moved a machine.
    pub follow: Option<CommandId>,
    /// What the browser is to keep of a session.
    pub cookie: Option<SessionCookie>,
    /// What it is to keep of having been signed in.
    pub known: Option<SessionCookie>,
    /// The answer holds a secret: it is not kept and not repeated.
    pub secret: bool,
}

impl<T> From<T> for Written<T> {
    fn from(reply: T) -> Self {
        Self { reply, follow: None, cookie: None, known: None, secret: false }
    }
}

impl<T> Written<T> {
    /// An answer with a secret in it.
    pub const fn secret(reply: T) -> Self {
        Self { reply, follow: None, cookie: None, known: None, secret: true }
    }
}

impl<C: Contract> By<C> {
    pub(crate) fn proven(caller: Caller, request_id: String, how: &How) -> Self {
        let How { if_match, dry_run, browser, .. } = how;
        Self { caller, request_id, if_match: *if_match, dry_run: *dry_run, browser: browser.clone(), of: PhantomData }
    }

    /// The same caller before another operation, if they may call that one too.
    ///
    /// # Errors
    /// `permission_missing`.
    pub fn also<D: Contract>(&self) -> Result<By<D>, Problem> {
        match D::ACCESS.at_the_door(&self.caller.grants) {
            Decision::Allowed => Ok(By::proven(self.caller.clone(), self.request_id.clone(), &How::default())),
            Decision::Missing(permission) => Err(Problem::missing(permission)),
        }
    }

    /// What of the rows the caller may reach.
    pub fn sight(&self) -> Within<'_> {
        Within { store: self.caller.store, farms: &self.caller.grants.farms, tags: &self.caller.grants.tags }
    }

    /// A row that the caller may reach, as it is stored.
    ///
    /// # Errors
    /// `not_found`.
    pub fn find_raw<R: Record>(&self, rows: Rows<'_>, id: R::Id) -> Result<RawRow, Failure> {
        let found = rows.visible(kind_row(R::KIND), &id.to_string(), self.sight())?;
        found.ok_or_else(|| Problem::not_found(id).into())
    }

    /// A record that the caller may reach.
    ///
    /// # Errors
    /// `not_found`.
    pub fn find<R: Record>(&self, rows: Rows<'_>, id: R::Id) -> Result<Row<R>, Failure> {
        Ok(Row::read(self.find_raw::<R>(rows, id)?)?)
    }

    /// A record that the caller may reach and wants to change: `If-Match` and own-or-all are judged.
    ///
    /// # Errors
    /// `not_found`, `stale_revision` or `permission_missing`.
    pub fn find_to_change<R: Record>(&self, rows: Rows<'_>, id: R::Id) -> Result<Row<R>, Failure> {
        let row = self.find::<R>(rows, id)?;
        if let Some(owner) = row.record.owner()
            && let Decision::Missing(permission) = C::ACCESS.on_row(&self.caller.grants, &self.caller.actor, owner)
        {
            return Err(Problem::missing(permission).on(id).into());
        }
        match self.if_match {
            Some(expected) if expected != row.revision => Err(Problem::new(Code::StaleRevision)
                .detail(format!("it is at revision {} now, not {expected}", row.revision))
                .on(id)
                .into()),
            Some(_) | None => Ok(row),
        }
    }

    /// A thing with these printer tags stays within the caller's own.
    ///
    /// # Errors
    /// `grants_exceeded`.
    pub fn within_tags<'a>(&self, mut tags: impl Iterator<Item = &'a Tag>) -> Result<(), Failure> {
        match &self.caller.grants.tags {
            Scope::All => Ok(()),
            Scope::Only(mine) if tags.any(|tag| mine.contains(tag)) => Ok(()),
            Scope::Only(_) => {
                Err(Problem::new(Code::GrantsExceeded).detail("it would stand outside the tags that you hold").into())
            }
        }
    }

    /// What concerns every printer of the farm is not for who holds only some of them.
    ///
    /// # Errors
    /// `grants_exceeded`.
    pub fn whole_farm(&self) -> Result<(), Failure> {
        match &self.caller.grants.tags {
            Scope::All => Ok(()),
            Scope::Only(_) => {
                Err(Problem::new(Code::GrantsExceeded).detail("it concerns every printer, and you hold only some tags").into())
            }
        }
    }

    /// A record as this caller may see it.
    ///
    /// # Errors
    /// `not_found`.
    pub fn view<R: Record>(&self, rows: Rows<'_>, id: R::Id) -> Result<View<R>, Failure> {
        Ok(self.show(self.find_raw::<R>(rows, id)?))
    }

    /// A stored row as this caller may see it.
    pub fn show<R: Record>(&self, raw: RawRow) -> View<R> {
        let mut document = raw.document;
        R::project(&mut document, &self.caller.grants);
        if let Some(farm) = raw.farm_id {
            document.insert("farm_id".into(), farm.to_string().into());
        }
        document.insert("revision".into(), raw.revision.into());
        document.insert("changed_at".into(), raw.changed_at.to_string().into());
        View::projected(document)
    }

    /// A page as this caller may see it.
    ///
    /// # Errors
    /// A wrong cursor; `permission_missing` for a filter by what the caller is not shown.
    pub fn page<R: Record>(&self, rows: Rows<'_>, query: &ListQuery<R>) -> Result<Page<R>, Failure> {
        let selection = query.selection.asked_with(R::COLUMNS, &self.caller.grants)?;
        let listed = rows.list(kind_row(R::KIND), &selection, self.sight())?;
        let mut items: Vec<View<R>> = listed.rows.into_iter().map(|raw| self.show(raw)).collect();
        if let Some(fields) = &query.selection.fields {
            for item in &mut items {
                item.document.retain(|name, _: &mut Value| name == "id" || fields.iter().any(|field| field == name));
            }
        }
        Ok(Page { items, next_cursor: listed.next_cursor, total: listed.total })
    }
}
