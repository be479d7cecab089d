//! Sign in to the page: by the owner's password, or by the one-time token of a link.

use contract::list::View;
use contract::operation::Asked;
use contract::ops::access::CreateSession;
use contract::problem::{Code, Problem};
use contract::record::Record;
use domain::account::User;
use domain::actor::{Actor, ActorKind};
use domain::id::{Id, SessionId, StoreId, UserId};
use domain::key::Session;
use domain::kind::Kind;
use domain::time::Timestamp;
use store::{Credential, CredentialKind, Rows, Store, StoreError, Tx, credential_hash};

use crate::auth::SessionCookie;
use crate::door::Door;
use crate::key_text::random_text;
use crate::operation::{AtHome, By, Failure, Write, Written};
use crate::password;

/// How long a browser stays signed in.
pub const SESSION_DAYS: i64 = 30;

/// How somebody proved to be the owner.
pub enum Proof {
    /// By password.
    Password,
    /// By the token with that hash; it is used up in the transaction.
    OneTime {
        /// The token's hash.
        hash: [u8; 32],
        /// At a relay: whose it is.
        person: Option<(StoreId, UserId)>,
    },
}

impl Write for CreateSession {
    type Prepared = Proof;

    async fn prepare(by: &By<Self>, door: &Door, asked: &Asked<Self>) -> Result<Proof, Failure> {
        let proof = match (&asked.body.password, &asked.body.one_time_token) {
            (None, Some(token)) => {
                door.throttle.take(by.from, door.now())?;
                let hash = credential_hash(token.expose());
                let person = door.store.read(|rows| one_time(rows, &hash, door.now()))?.ok_or_else(used_link)?;
                if door.is_relay() != person.is_some() {
                    return Err(used_link().into());
                }
                Proof::OneTime { hash, person }
            }
            (Some(given), None) => {
                door.throttle.take(by.from, door.now())?;
                let hash = door.store.read(|rows| rows.setting::<String>("owner_password"))?;
                let good = password::fits(given.expose().clone(), hash).await;
                good.then_some(Proof::Password)
                    .ok_or_else(|| Problem::new(Code::BadCredential).detail("the password is not right"))?
            }
            (Some(_), Some(_)) | (None, None) => {
                return Err(Problem::field("", "invalid", "send either `password` or `one_time_token`").into());
            }
        };
        door.throttle.give_back(by.from);
        Ok(proof)
    }

    fn store_of(proof: &Proof) -> Option<StoreId> {
        match proof {
            Proof::Password => None,
            Proof::OneTime { person, .. } => person.as_ref().map(|(store, _)| *store),
        }
    }

    fn write(by: &By<Self>, at: &mut AtHome<'_, '_>, _: Asked<Self>, proof: Proof) -> Result<Written<View<Session>>, Failure> {
        let owner = || Actor::new(ActorKind::Floor, "owner");
        let actor = match proof {
            Proof::Password => owner(),
            Proof::OneTime { hash, person } => {
                if one_time(at.rows(), &hash, at.now())?.is_none() || !at.forget_credential(&hash)? {
                    return Err(used_link().into());
                }
                person.map_or_else(owner, |(_, user)| Actor::new(ActorKind::User, user))
            }
        };
        let id: SessionId = at.new_id();
        let expires_at = at.now().plus_seconds(SESSION_DAYS * 24 * 3600);
        let session = Session { id, actor, user_agent: None, expires_at, created_at: at.now() };
        let token = random_text(at, 43);
        let credential = Credential { kind: CredentialKind::Session, owner: id.to_string(), expires_at: Some(expires_at) };
        at.put_credential(&credential_hash(&token), &credential)?;
        at.create(&session)?;
        // Nobody is signed in yet who could be asked what they may see: what was made is shown.
        let made = at.rows().raw(Session::KIND, &id.to_string())?.ok_or_else(|| Problem::not_found(id))?;
        let mut written = Written::secret(by.show(made));
        written.cookie = Some(SessionCookie { token, seconds: SESSION_DAYS * 24 * 3600 });
        Ok(written)
    }
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
    Problem::new(Code::BadCredential).detail("the link was used before or is too old")
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
