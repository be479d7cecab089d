//! Remove a person. What hangs on their rights ends or gets another sponsor, each as it was decided.

use contract::operation::{Asked, Nothing};
use contract::ops::accounts::{Fate, RemoveUser, RemoveUserOp};
use contract::problem::{Code, FieldError, Problem};
use domain::account::{User, UserState};
use domain::actor::{Actor, ActorKind};
use domain::key::ApiKey;
use store::{Rows, StoreError};

use super::{given, owned_without};
use crate::facts::{self, Sponsored};
use crate::held::record_of;
use crate::operation::{AtHome, By, Failure, Write, Written};
use crate::ops::keys::held;
use crate::ops::unprepared;
use crate::ops::webhooks::delete;

impl Write for RemoveUserOp {
    unprepared!();

    fn write(by: &By<Self>, at: &mut AtHome<'_, '_>, asked: Asked<Self>, (): ()) -> Result<Written<Nothing>, Failure> {
        let user = by.find_to_change::<User>(at.rows(), asked.target.id)?.record;
        let theirs = given(at.rows(), &user)?;
        held(&by.grants, &theirs)?;
        if user.is_owner() {
            owned_without(at.rows(), by.store, user.id)?;
        }
        let actor = Actor::new(ActorKind::User, user.id);
        if by.actor.kind == ActorKind::ApiKey && hangs_on(at.rows(), &by.actor, &actor)? {
            return Err(Problem::new(Code::IllegalState).detail("the calling key hangs on them itself").on(user.id).into());
        }
        let sponsored = Sponsored::by(at.rows(), &actor)?;
        let decisions = Decisions { body: &asked.body, leaving: &actor, by };
        decisions.cover(&sponsored)?;
        for key in sponsored.keys {
            match decisions.of(at.rows(), &key.id.to_string())? {
                Some(to) => facts::hand_over_key(at, key, &to, &theirs)?,
                None => facts::revoke_key(at, key)?,
            }
        }
        for webhook in sponsored.webhooks {
            match decisions.of(at.rows(), &webhook.id.to_string())? {
                Some(to) => facts::hand_over_webhook(at, webhook, &to, &theirs)?,
                None => delete(at, &webhook)?,
            }
        }
        facts::end_sessions(at, &actor, None)?;
        at.forget_ways_in(user.id)?;
        at.delete(&user)?;
        facts::holder_changed(at, &actor)?;
        Ok(Nothing {}.into())
    }
}

struct Decisions<'a> {
    body: &'a RemoveUser,
    leaving: &'a Actor,
    by: &'a By<RemoveUserOp>,
}

impl Decisions<'_> {
    /// Each thing has a decision, and each decision a thing.
    fn cover(&self, sponsored: &Sponsored) -> Result<(), Problem> {
        let keys = sponsored.keys.iter().map(|key| (key.id.to_string(), format!("the API key {}", key.name)));
        let webhooks = sponsored.webhooks.iter().map(|webhook| (webhook.id.to_string(), format!("the webhook {}", webhook.name)));
        let things: Vec<(String, String)> = keys.chain(webhooks).collect();
        if let Some(id) = self.body.things.keys().find(|id| !things.iter().any(|(known, _)| known == *id)) {
            return Err(Problem::field(format!("/things/{id}"), "invalid", "they sponsor no such key or webhook"));
        }
        let open = things.into_iter().filter(|(id, _)| self.body.others.is_none() && !self.body.things.contains_key(id));
        let errors: Vec<FieldError> = open
            .map(|(id, what)| FieldError { pointer: format!("/things/{id}"), code: "missing".to_owned(), detail: what })
            .collect();
        if errors.is_empty() {
            return Ok(());
        }
        let named: Vec<&str> = errors.iter().map(|error| error.detail.as_str()).collect();
        let mut problem = Problem::new(Code::DecisionRequired).detail(format!("they sponsor {}", named.join(", ")));
        problem.errors = errors;
        Err(problem)
    }

    /// Who sponsors a thing from now on; none if it ends.
    fn of(&self, rows: Rows<'_>, id: &str) -> Result<Option<Actor>, Failure> {
        let (pointer, fate) = match self.body.things.get(id) {
            Some(fate) => (format!("/things/{id}"), *fate),
            None => ("/others".to_owned(), self.body.others.unwrap_or(Fate::Revoke {})),
        };
        let refused = |why: &str| Problem::field(pointer.clone(), "invalid", why);
        match fate {
            Fate::Revoke {} => Ok(None),
            Fate::Keep {} if self.by.actor == *self.leaving => Err(refused("you cannot keep it and leave").into()),
            Fate::Keep {} => Ok(Some(self.by.actor.clone())),
            Fate::HandOver { to } => {
                let to = match self.by.find::<User>(rows, to) {
                    Ok(row) => row.record,
                    Err(Failure::Problem(_)) => return Err(refused("there is no such person").into()),
                    Err(broken @ Failure::Store(_)) => return Err(broken),
                };
                let sponsor = Actor::new(ActorKind::User, to.id);
                if to.state != UserState::Active || sponsor == *self.leaving {
                    return Err(refused("only to an active person who stays").into());
                }
                Ok(Some(sponsor))
            }
        }
    }
}

/// Whether that key has its rights from somebody, also through other keys.
fn hangs_on(rows: Rows<'_>, key: &Actor, person: &Actor) -> Result<bool, StoreError> {
    let mut holder = key.clone();
    while holder.kind == ActorKind::ApiKey {
        let Some((_, above)) = record_of::<ApiKey>(rows, &holder.id)? else { return Ok(false) };
        holder = above.sponsor;
    }
    Ok(holder == *person)
}
