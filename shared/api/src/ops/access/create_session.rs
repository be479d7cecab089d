//! Sign in to the page: by the owner's password, or by the one-time token of a link.

use contract::list::View;
use contract::operation::Asked;
use contract::ops::access::CreateSession;
use contract::problem::{Code, Problem};
use domain::access::Grants;
use domain::actor::{Actor, ActorKind};
use domain::id::{Id, SessionId};
use domain::key::Session;
use domain::time::Timestamp;
use store::{Credential, CredentialKind, Rows, Store, StoreError, Tx, credential_hash};

use crate::auth::COOKIE;
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
    OneTime([u8; 32]),
}

impl Write for CreateSession {
    type Prepared = Proof;

    async fn prepare(by: &By<Self>, door: &Door, asked: &Asked<Self>) -> Result<Proof, Failure> {
        let proof = match (&asked.body.password, &asked.body.one_time_token) {
            (None, Some(token)) => {
                door.throttle.take(by.from, door.now())?;
                let hash = credential_hash(token.expose());
                let good = door.store.read(|rows| one_time_holds(rows, &hash, door.now()))?;
                good.then_some(Proof::OneTime(hash)).ok_or_else(used_link)?
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

    fn write(by: &By<Self>, at: &mut AtHome<'_, '_>, _: Asked<Self>, proof: Proof) -> Result<Written<View<Session>>, Failure> {
        if let Proof::OneTime(hash) = proof
            && !(one_time_holds(at.rows(), &hash, at.now())? && at.forget_credential(&hash)?)
        {
            return Err(used_link().into());
        }
        let id: SessionId = at.new_id();
        let expires_at = at.now().plus_seconds(SESSION_DAYS * 24 * 3600);
        let session = Session {
            id,
            actor: Actor::new(ActorKind::Floor, "owner"),
            grants: Grants::owner(),
            user_agent: None,
            expires_at,
            created_at: at.now(),
        };
        let token = random_text(at, 43);
        let credential = Credential { kind: CredentialKind::Session, owner: id.to_string(), expires_at: Some(expires_at) };
        at.put_credential(&credential_hash(&token), &credential)?;
        at.create(&session)?;
        let mut written = Written::secret(by.view(at.rows(), id)?);
        written.cookie =
            Some(format!("{COOKIE}={token}; Path=/; HttpOnly; SameSite=Strict; Max-Age={}", SESSION_DAYS * 24 * 3600));
        Ok(written)
    }
}

fn one_time_holds(rows: Rows<'_>, hash: &[u8; 32], now: Timestamp) -> Result<bool, StoreError> {
    let known = rows.credential(hash)?;
    Ok(known.is_some_and(|known| known.kind == CredentialKind::OneTime && known.expires_at.is_none_or(|end| end > now)))
}

fn used_link() -> Problem {
    Problem::new(Code::BadCredential).detail("the link was used before or is too old")
}

/// Makes a token for a link that signs the owner in once, within an hour.
///
/// # Errors
/// What the database says.
pub async fn one_time_link(store: &Store, by: store::By) -> Result<String, StoreError> {
    let write = |tx: &mut Tx<'_>| {
        let token = random_text(tx, 32);
        let owner = tx.new_id::<SessionId>().uuid().to_string();
        let expires_at = Some(tx.now().plus_seconds(3600));
        tx.put_credential(&credential_hash(&token), &Credential { kind: CredentialKind::OneTime, owner, expires_at })?;
        Ok(token)
    };
    store.write(by, write).await
}
