//! Sign in to the page: by a password, by the one-time token of a link, as an operator by PIN, or as a device that is added.

use contract::list::View;
use contract::operation::Asked;
use contract::ops::access::{CreateSession, Way};
use contract::problem::{Code, Problem};
use contract::record::Record;
use domain::account::User;
use domain::actor::{Actor, ActorKind};
use domain::device::{Device, DeviceState};
use domain::id::{DeviceId, Id, OperatorId, SessionId, StoreId, UserId};
use domain::key::Session;
use domain::kind::Kind;
use domain::operator::{Operator, OperatorState};
use domain::text::Name;
use domain::time::Timestamp;
use store::{Credential, CredentialKind, Identity, Passkey, Rows, Store, StoreError, Tx, credential_hash};

use super::pin;
use crate::auth::{SessionCookie, Whose};
use crate::door::Door;
use crate::floor_people::{OWNER, as_device, as_operator};
use crate::held::held_by;
use crate::key_text::random_text;
use crate::operation::{AtHome, By, Failure, Write, Written};
use crate::presence::{DEVICE_SECONDS, OPERATOR_LONGEST_SECONDS, OPERATOR_SECONDS};
use crate::{password, sign_in};

/// How long a browser stays signed in.
pub const SESSION_DAYS: i64 = 30;
/// How long a browser is known to have been signed in.
const KNOWN_SECONDS: i64 = 365 * 24 * 3600;

/// How somebody proved who they are.
pub enum Proof {
    /// A farm's owner, by password.
    Owner,
    /// A person of a relay, by what they sign in with there.
    Person(StoreId, UserId),
    /// A person of a relay, by a passkey, as it is now.
    Passkey(StoreId, Box<Passkey>),
    /// A person of a relay, by who they are at an identity provider.
    Provider(StoreId, UserId, Identity),
    /// By the token with that hash; it is used up in the transaction.
    OneTime {
        /// The token's hash.
        hash: [u8; 32],
        /// At a relay: whose it is.
        person: Option<(StoreId, UserId)>,
    },
    /// An operator, by PIN.
    Pin(OperatorId),
    /// A device, by the token with that hash; it is used up in the transaction.
    Enrolment([u8; 32]),
}

impl Write for CreateSession {
    type Prepared = Proof;

    async fn prepare(by: &By<Self>, door: &Door, asked: &Asked<Self>) -> Result<Proof, Failure> {
        match asked.body.way() {
            // Nobody guesses the token of a link, so nobody's wrong tries stand before it: it is the way in that is always open.
            Some(Way::OneTime(token)) => {
                let hash = credential_hash(token.expose());
                let person = door.store.read(|rows| one_time(rows, &hash, door.now()))?.ok_or_else(used_link)?;
                if door.is_relay() != person.is_some() {
                    return Err(used_link().into());
                }
                Ok(Proof::OneTime { hash, person })
            }
            Some(Way::Person(email, given)) if door.is_relay() => {
                let (store, user) = sign_in::by_password(by, door, email, asked.body.store_id, given).await?;
                Ok(Proof::Person(store, user))
            }
            Some(Way::Passkey(proof)) => {
                let (store, passkey) = sign_in::by_passkey(door, proof)?;
                Ok(Proof::Passkey(store, Box::new(passkey)))
            }
            Some(Way::Provider(proof)) => {
                let (store, user, identity) = sign_in::by_provider(door, asked.body.store_id, proof).await?;
                Ok(Proof::Provider(store, user, identity))
            }
            Some(Way::Password(given)) if !door.is_relay() => {
                let known = door.store.read(|rows| known_as(rows, by.browser.known, OWNER, door.now()))?;
                let whose = Whose::of(known, by.from);
                door.throttle.take(whose, door.now())?;
                let hash = door.store.read(|rows| rows.setting::<String>("owner_password"))?;
                if !password::fits(given.expose().clone(), hash).await {
                    return Err(Problem::new(Code::BadCredential).detail("the password is not right").into());
                }
                door.throttle.give_back(whose);
                Ok(Proof::Owner)
            }
            Some(Way::Pin(operator, given)) => {
                pin::check(by, door, operator, given).await?;
                Ok(Proof::Pin(operator))
            }
            Some(Way::Enrolment(token)) => {
                let hash = credential_hash(token.expose());
                door.store.read(|rows| enrolment(rows, &hash, door.now()))?.ok_or_else(used_link)?;
                Ok(Proof::Enrolment(hash))
            }
            Some(Way::Password(_)) => {
                Err(Problem::field("/email", "missing", "at a relay the e-mail address goes with the password").into())
            }
            Some(Way::Person(..)) => Err(Problem::field("/email", "invalid", "a farm's owner has a password alone").into()),
            None => {
                let ways = "send `password` (at a relay with `email`), `passkey`, `provider`, `one_time_token`, `enrolment_token`, or `operator_id` with `pin`";
                Err(Problem::field("", "invalid", ways).into())
            }
        }
    }

    fn store_of(proof: &Proof) -> Option<StoreId> {
        match proof {
            Proof::Owner | Proof::Pin(_) | Proof::Enrolment(_) => None,
            Proof::Person(store, _) | Proof::Passkey(store, _) | Proof::Provider(store, ..) => Some(*store),
            Proof::OneTime { person, .. } => person.as_ref().map(|(store, _)| *store),
        }
    }

    fn write(
        by: &By<Self>,
        at: &mut AtHome<'_, '_>,
        asked: Asked<Self>,
        proof: Proof,
    ) -> Result<Written<View<Session>>, Failure> {
        let (now, browser) = (at.now(), &by.browser);
        let owner = || Actor::new(ActorKind::Floor, OWNER);
        let days = |days: i64| days * 24 * 3600;
        let (actor, seconds, kept) = match proof {
            Proof::Owner => (owner(), days(SESSION_DAYS), days(SESSION_DAYS)),
            Proof::Person(_, user) => {
                sign_in::arrived(at, user)?;
                (Actor::new(ActorKind::User, user), days(SESSION_DAYS), days(SESSION_DAYS))
            }
            Proof::Passkey(_, passkey) => {
                let user = passkey.user;
                sign_in::used(at, &passkey)?;
                (Actor::new(ActorKind::User, user), days(SESSION_DAYS), days(SESSION_DAYS))
            }
            Proof::Provider(_, user, identity) => {
                sign_in::arrived(at, user)?;
                at.put_identity(user, &identity)?;
                (Actor::new(ActorKind::User, user), days(SESSION_DAYS), days(SESSION_DAYS))
            }
            Proof::OneTime { hash, person } => {
                if one_time(at.rows(), &hash, now)?.is_none() || !at.forget_credential(&hash)? {
                    return Err(used_link().into());
                }
                let actor = person.map_or_else(owner, |(_, user)| Actor::new(ActorKind::User, user));
                person.map_or(Ok(()), |(_, user)| sign_in::arrived(at, user))?;
                (actor, days(SESSION_DAYS), days(SESSION_DAYS))
            }
            Proof::Pin(id) => {
                let operator = at.get::<Operator>(id)?.map(|row| row.record);
                let operator = operator.filter(|operator| operator.state == OperatorState::Active);
                let operator = operator.ok_or_else(|| Problem::new(Code::BadCredential))?;
                let known = known_as(at.rows(), browser.known, &id.to_string(), now)?;
                pin::right(at, &operator, known)?;
                (as_operator(id), OPERATOR_SECONDS, OPERATOR_LONGEST_SECONDS)
            }
            Proof::Enrolment(hash) => {
                let device = enrolment(at.rows(), &hash, now)?.ok_or_else(used_link)?;
                if !at.forget_credential(&hash)? {
                    return Err(used_link().into());
                }
                arrived(at, &device, asked.body.device_name, browser.user_agent.clone())?;
                (as_device(device.id), DEVICE_SECONDS, DEVICE_SECONDS)
            }
        };
        let id: SessionId = at.new_id();
        let expires_at = now.plus_seconds(seconds);
        let session = Session { id, actor, user_agent: browser.user_agent.clone(), expires_at, created_at: now };
        let token = random_text(at, 43);
        let credential = Credential { kind: CredentialKind::Session, owner: id.to_string(), expires_at: Some(expires_at) };
        at.put_credential(&credential_hash(&token), &credential)?;
        at.create(&session)?;
        // Nobody is signed in yet who could be asked what they may see: what was made is shown.
        let made = at.rows().raw(Session::KIND, &id.to_string())?.ok_or_else(|| Problem::not_found(id))?;
        let mut written = Written::secret(by.show(made));
        written.cookie = Some(SessionCookie { token, seconds: kept });
        written.known = remember(at, by.browser.known, &session.actor)?;
        Ok(written)
    }
}

/// The device whose link was opened.
fn arrived(tx: &mut Tx<'_>, invited: &Device, name: Option<Name>, user_agent: Option<String>) -> Result<(), Failure> {
    let mut device = Device { state: DeviceState::Active, user_agent, link_ends_at: None, ..invited.clone() };
    device.name = name.unwrap_or(device.name);
    device.last_seen_at = Some(tx.now());
    tx.update(&device)?;
    Ok(())
}

/// Lets a browser keep that this person was signed in there, unless it does. A device needs no such thing.
pub(super) fn remember(tx: &mut Tx<'_>, known: Option<[u8; 32]>, actor: &Actor) -> Result<Option<SessionCookie>, Failure> {
    let now = tx.now();
    if actor.kind == ActorKind::Device || known_as(tx.rows(), known, &actor.id, now)?.is_some() {
        return Ok(None);
    }
    let token = random_text(tx, 43);
    let expires_at = Some(now.plus_seconds(KNOWN_SECONDS));
    let credential = Credential { kind: CredentialKind::Known, owner: actor.id.clone(), expires_at };
    tx.put_credential(&credential_hash(&token), &credential)?;
    Ok(Some(SessionCookie { token, seconds: KNOWN_SECONDS }))
}

/// What a browser keeps of having been signed in, if it was that person who was.
///
/// # Errors
/// What the database says.
pub(crate) fn known_as(
    rows: Rows<'_>,
    known: Option<[u8; 32]>,
    person: &str,
    now: Timestamp,
) -> Result<Option<[u8; 32]>, StoreError> {
    let Some(hash) = known else { return Ok(None) };
    let theirs = |known: &Credential| {
        known.kind == CredentialKind::Known && known.owner == person && known.expires_at.is_none_or(|end| end > now)
    };
    Ok(rows.credential(&hash)?.filter(theirs).map(|_| hash))
}

/// The device that the token of a link is for; none if it does not hold, or if who made it may not any more.
fn enrolment(rows: Rows<'_>, hash: &[u8; 32], now: Timestamp) -> Result<Option<Device>, StoreError> {
    let holds = |known: &Credential| known.kind == CredentialKind::Enrolment && known.expires_at.is_none_or(|end| end > now);
    let Some(known) = rows.credential(hash)?.filter(holds) else { return Ok(None) };
    let Ok(id) = known.owner.parse::<DeviceId>() else { return Ok(None) };
    if held_by(rows, &as_device(id), now)?.is_none() {
        return Ok(None);
    }
    Ok(rows.get::<Device>(id)?.map(|row| row.record).filter(|device| device.state == DeviceState::Invited))
}

/// Whether a token holds, and whose it is; none if it does not.
fn one_time(rows: Rows<'_>, hash: &[u8; 32], now: Timestamp) -> Result<Option<Option<(StoreId, UserId)>>, StoreError> {
    let holds = |known: &Credential| known.kind == CredentialKind::OneTime && known.expires_at.is_none_or(|end| end > now);
    let Some(known) = rows.credential(hash)?.filter(holds) else { return Ok(None) };
    let Ok(user) = known.owner.parse::<UserId>() else { return Ok(Some(None)) };
    let Some((store, _)) = rows.home_of(Kind::User, &known.owner)? else { return Ok(None) };
    Ok(rows.get::<User>(user)?.map(|_| Some((store, user))))
}

fn used_link() -> Problem {
    Problem::new(Code::UsedLink)
}

/// Makes a token for a link that signs somebody in once, within an hour: that person of a relay, or the
/// owner of a farm.
///
/// # Errors
/// What the database says.
pub async fn one_time_link(store: &Store, by: store::By, person: Option<UserId>) -> Result<String, StoreError> {
    let write = move |tx: &mut Tx<'_>| {
        let token = random_text(tx, 32);
        let owner = person.map_or_else(|| tx.new_id::<SessionId>().uuid().to_string(), |person| person.to_string());
        let expires_at = Some(tx.now().plus_seconds(3600));
        tx.put_credential(&credential_hash(&token), &Credential { kind: CredentialKind::OneTime, owner, expires_at })?;
        Ok(token)
    };
    store.write(by, write).await
}
