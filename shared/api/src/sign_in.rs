//! How people of a relay prove who they are, and what follows when they have.

use contract::operation::Contract;
use contract::ops::ways_in::{PasskeyProof, ProviderProof};
use contract::problem::{Code, FieldError, Problem};
use domain::account::{Store, User, UserState};
use domain::actor::{Actor, ActorKind};
use domain::id::{StoreId, UserId};
use domain::kind::Kind;
use domain::secret::Secret;
use domain::text::Email;
use store::{Identity, Passkey, StoreError, Tx, credential_hash};

use crate::auth::Whose;
use crate::door::Door;
use crate::facts;
use crate::operation::{By, Failure};
use crate::ops::access::known_as;
use crate::password;
use crate::ways_in::Known;

/// Somebody by their e-mail address and password.
///
/// # Errors
/// `bad_credential`, which takes as long and says the same whether there is such a person or not; `rate_limited`; `store_required`.
pub async fn by_password<C: Contract>(
    by: &By<C>,
    door: &Door,
    email: &Email,
    store: Option<StoreId>,
    given: &Secret<String>,
) -> Result<(StoreId, UserId), Failure> {
    let known = door.store.read(|rows| {
        let people = rows.all_where::<User>("email", &[&email.key()])?.into_iter();
        let people = people.filter(|row| row.record.state == UserState::Active && store.is_none_or(|only| only == row.store_id));
        people.map(|row| Ok((row.store_id, row.record.id, rows.password_of(row.record.id)?))).collect::<Result<Vec<_>, Failure>>()
    })?;
    let browser = door.store.read(|rows| {
        let mut seen = known.iter().map(|(_, user, _)| known_as(rows, by.browser.known, &user.to_string(), door.now()));
        seen.find_map(Result::transpose).transpose()
    })?;
    // A browser that they used before has tries of its own: who guesses from elsewhere, however many they are, takes none of them.
    let whose = match browser {
        Some(known) => vec![Whose::Known(known)],
        None => vec![Whose::from(by.from), Whose::Account(credential_hash(&email.key()))],
    };
    whose.iter().try_for_each(|whose| door.throttle.take(*whose, door.now()))?;
    let mut fitting = Vec::new();
    for (store, user, hash) in &known {
        if password::fits(given.expose().clone(), hash.clone()).await {
            fitting.push((*store, *user));
        }
    }
    if known.is_empty() {
        password::fits(given.expose().clone(), None).await;
    }
    if !fitting.is_empty() {
        whose.iter().for_each(|whose| door.throttle.give_back(*whose));
    }
    one_of(door, &fitting)?
        .ok_or_else(|| Problem::new(Code::BadCredential).detail("the e-mail address or the password is not right").into())
}

/// Somebody by a passkey, and how it is now. Nobody guesses one, so nobody's wrong tries stand before it.
///
/// # Errors
/// `bad_credential`.
pub fn by_passkey(door: &Door, proof: &PasskeyProof) -> Result<(StoreId, Passkey), Failure> {
    let passkeys = door.ways_in.passkeys()?;
    let found = door.store.read(|rows| {
        let Some(passkey) = rows.passkey_of_credential(&proof.credential_id)? else { return Ok::<_, StoreError>(None) };
        let home = rows.home_of(Kind::User, &passkey.user.to_string())?;
        Ok(home.map(|(store, _)| (store, passkey)))
    })?;
    let unknown = || Problem::new(Code::BadCredential).detail("the passkey is not known here");
    let (store, mut passkey) = found.ok_or_else(unknown)?;
    passkey.state.key = passkeys.finish_sign_in(door.now(), proof, &passkey)?;
    passkey.state.used_at = Some(door.now());
    Ok((store, passkey))
}

/// A passkey was used.
///
/// # Errors
/// `bad_credential` if it or its owner is gone meanwhile.
pub fn used(tx: &mut Tx<'_>, passkey: &Passkey) -> Result<(), Failure> {
    if tx.rows().passkey_of_credential(&passkey.credential)?.is_none() {
        return Err(Problem::new(Code::BadCredential).detail("the passkey is not known here").into());
    }
    arrived(tx, passkey.user)?;
    Ok(tx.put_passkey(passkey)?)
}

/// Somebody by who they are at an identity provider: whom it signed in here before, else who has the e-mail address that it has
/// verified. Nobody gets an account by that alone.
///
/// # Errors
/// `bad_credential`, `provider_failed`, `store_required`.
pub async fn by_provider(
    door: &Door,
    store: Option<StoreId>,
    proof: &ProviderProof,
) -> Result<(StoreId, UserId, Identity), Failure> {
    let Known { identity, email } = door.ways_in.providers()?.finish(door.now(), proof).await?;
    let fitting = door.store.read(|rows| {
        let mut people = Vec::new();
        for id in rows.people_of_identity(&identity)? {
            people.extend(rows.get::<User>(id)?);
        }
        if let Some(email) = &email {
            let known: Vec<UserId> = people.iter().map(|row| row.record.id).collect();
            let by_email = rows.all_where::<User>("email", &[&email.key()])?;
            people.extend(by_email.into_iter().filter(|row| !known.contains(&row.record.id)));
        }
        people.retain(|row| row.record.state != UserState::Suspended && store.is_none_or(|only| only == row.store_id));
        Ok::<_, Failure>(people.into_iter().map(|row| (row.store_id, row.record.id)).collect::<Vec<_>>())
    })?;
    let nobody =
        || Problem::new(Code::BadCredential).detail("nobody here is who the provider says that you are: ask for an invitation");
    let (store, user) = one_of(door, &fitting)?.ok_or_else(nobody)?;
    Ok((store, user, identity))
}

/// The one whom a proof fits; none if it fits nobody.
///
/// # Errors
/// `store_required` with the stores, if it fits somebody in several.
pub fn one_of(door: &Door, fitting: &[(StoreId, UserId)]) -> Result<Option<(StoreId, UserId)>, Failure> {
    let [first, _, ..] = fitting else { return Ok(fitting.first().copied()) };
    let names = fitting.iter().map(|(store, _)| door.store.read(|rows| rows.get::<Store>(*store)));
    let stores: Vec<Store> = names.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().map(|row| row.record).collect();
    if stores.len() < 2 {
        return Ok(Some(*first));
    }
    let mut problem = Problem::new(Code::StoreRequired);
    let choice = |store: &Store| FieldError {
        pointer: "/store_id".to_owned(),
        code: "missing".to_owned(),
        detail: format!("{} {}", store.id, store.name),
    };
    problem.errors = stores.iter().map(choice).collect();
    Err(problem.into())
}

/// Somebody has proven who they are: who was invited belongs to the store from now on.
///
/// # Errors
/// `bad_credential` if they may not come in any more.
pub fn arrived(tx: &mut Tx<'_>, id: UserId) -> Result<(), Failure> {
    match tx.get::<User>(id)?.map(|row| row.record) {
        Some(User { state: UserState::Active, .. }) => Ok(()),
        Some(user @ User { state: UserState::Invited, .. }) => {
            tx.update(&User { state: UserState::Active, ..user })?;
            Ok(facts::holder_changed(tx, &Actor::new(ActorKind::User, id))?)
        }
        Some(User { state: UserState::Suspended, .. }) | None => {
            Err(Problem::new(Code::BadCredential).detail("nobody comes in with that").into())
        }
    }
}
