//! What a new installation needs: its farm. Also what must hold at every start.

use domain::actor::Actor;
use domain::farm::{Dispatch, Farm};
use domain::kind::Kind;
use domain::printer::Connection;
use domain::text::Name;
use domain::time::Timestamp;
use store::{By, Store, StoreError};

use crate::assemble::AssembleError;

/// Makes the farm's record if there is none, and says that its agent is there.
///
/// # Errors
/// What the database says; or that the farm was made live and is now to be a test farm, or the other way round.
pub async fn farm(store: &Store, name: &str, live: bool, now: Timestamp) -> Result<(), AssembleError> {
    let id = store.home().farm_id;
    let name = Name::try_from(name.to_owned()).or_else(|_| "Farm".parse());
    store
        .write(By::new(Actor::farm(id), now), move |tx| {
            if let Some(row) = tx.get::<Farm>(id)? {
                // A farm of before that was written down is what it is started as.
                let said = tx.rows().raw(Kind::Farm, &id.to_string())?.is_some_and(|raw| raw.document.contains_key("live"));
                if said && row.record.live != live {
                    return Err(AssembleError::OtherKind { live: row.record.live });
                }
                let farm = Farm { connection: Connection::Online, live, ..row.record };
                tx.update(&farm)?;
                return Ok(());
            }
            let Ok(name) = name else { return Err(StoreError::Closed.into()) };
            tx.create(&Farm {
                id,
                name,
                live,
                dispatch: Dispatch::Run,
                connection: Connection::Online,
                quarantine_after: 3,
                refused: None,
                hold_file_after: 2,
                created_at: tx.now(),
            })?;
            Ok(())
        })
        .await
}
