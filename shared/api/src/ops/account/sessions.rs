//! Where one is signed in.

use contract::list::View;
use contract::operation::{Asked, Nothing};
use contract::ops::Listed;
use contract::ops::account::{EndOtherSessions, ListOwnSessions};
use contract::problem::{Code, Problem};
use domain::key::Session;

use crate::door::Door;
use crate::facts;
use crate::operation::{AtHome, By, Failure, Read, Write, Written};
use crate::ops::unprepared;

impl Read for ListOwnSessions {
    async fn read(by: &By<Self>, door: &Door, _: Asked<Self>) -> Result<Listed<View<Session>>, Failure> {
        let listed = door.store.read(|rows| {
            let sessions = rows.of_store_where::<Session>(by.store, "actor", &[&by.actor.to_string()])?;
            let items: Result<Vec<_>, Failure> =
                sessions.into_iter().map(|row| by.view::<Session>(rows, row.record.id)).collect();
            Ok::<_, Failure>(Listed { items: items? })
        });
        std::future::ready(listed).await
    }
}

impl Write for EndOtherSessions {
    unprepared!();

    fn write(by: &By<Self>, at: &mut AtHome<'_, '_>, _: Asked<Self>, (): ()) -> Result<Written<Nothing>, Failure> {
        let own = by.session.ok_or_else(|| Problem::new(Code::IllegalState).detail("a key has no session"))?;
        facts::end_sessions(at, &by.actor, Some(own))?;
        Ok(Nothing {}.into())
    }
}
