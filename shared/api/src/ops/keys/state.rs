//! Pause, resume and revoke, of API keys and slicer keys alike.

use contract::list::View;
use contract::operation::Asked;
use contract::ops::keys::{PauseApiKey, PauseSlicerKey, ResumeApiKey, ResumeSlicerKey, RevokeApiKey, RevokeSlicerKey};
use contract::problem::{Code, Problem};
use domain::actor::{Actor, ActorKind};
use domain::key::{ApiKey, KeyState, SlicerKey};

use crate::facts;
use crate::operation::{AtHome, By, Failure, Write, Written};
use crate::ops::unprepared;

fn next(now: KeyState, wanted: KeyState, id: &dyn std::fmt::Display) -> Result<KeyState, Problem> {
    match (now, wanted) {
        (KeyState::Revoked, KeyState::Active | KeyState::Paused) => {
            Err(Problem::new(Code::IllegalState).detail("a revoked key stays revoked").on(id))
        }
        (KeyState::Active | KeyState::Paused, _) | (KeyState::Revoked, KeyState::Revoked) => Ok(wanted),
    }
}

macro_rules! set_state {
    ($($operation:ident: $record:ident, $actor:ident => $state:ident;)*) => {$(
        impl Write for $operation {
            unprepared!();

            fn write(by: &By<Self>, at: &mut AtHome<'_, '_>, asked: Asked<Self>, (): ()) -> Result<Written<View<$record>>, Failure> {
                let mut key = by.find_to_change::<$record>(at.rows(), asked.target.id)?.record;
                if key.state != KeyState::$state {
                    key.state = next(key.state, KeyState::$state, &key.id)?;
                    if key.state == KeyState::Revoked {
                        at.forget_credentials(&key.id.to_string())?;
                    }
                    at.update(&key)?;
                    facts::holder_changed(at, &Actor::new(ActorKind::$actor, key.id))?;
                }
                Ok(by.view(at.rows(), key.id)?.into())
            }
        }
    )*};
}

set_state! {
    PauseApiKey: ApiKey, ApiKey => Paused;
    ResumeApiKey: ApiKey, ApiKey => Active;
    PauseSlicerKey: SlicerKey, Slicer => Paused;
    ResumeSlicerKey: SlicerKey, Slicer => Active;
    RevokeSlicerKey: SlicerKey, Slicer => Revoked;
}

impl Write for RevokeApiKey {
    unprepared!();

    fn write(by: &By<Self>, at: &mut AtHome<'_, '_>, asked: Asked<Self>, (): ()) -> Result<Written<View<ApiKey>>, Failure> {
        let key = by.find_to_change::<ApiKey>(at.rows(), asked.target.id)?.record;
        let id = key.id;
        if key.state != KeyState::Revoked {
            facts::revoke_key(at, key)?;
        }
        Ok(by.view(at.rows(), id)?.into())
    }
}
